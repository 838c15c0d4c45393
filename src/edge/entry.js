// What the runtime calls. The work is done in WebAssembly; here are only the shapes that the runtime
// asks for.

import { DurableObject } from "cloudflare:workers";

import { ConnectorObject as Connector, DirectoryObject, Worker } from "../../build/index.js";
import { readRequest } from "./runtime/request.js";

// The classes that worker-build exports are proxies that make the module anew after it trapped, at a
// cost in every call. So they are used only then: `criticalError` asks for it, and `instanceId` tells
// which instances are of no use any more.
const state = globalThis.__worker_init_state;

/** A function that gives an instance of a class of the module, which is made anew with the module. */
function instanceOf(Class, ...args) {
  const Plain = Class.prototype.constructor;
  let madeFor;
  let instance;
  return () => {
    if (state.criticalError) new Class(...args);
    if (madeFor !== state.instanceId) {
      instance = new Plain(...args);
      madeFor = state.instanceId;
    }
    return instance;
  };
}

/** Notes that the module has trapped, if it has. */
function markIfTrapped(error) {
  if (error instanceof WebAssembly.RuntimeError) state.criticalError = true;
  return error;
}

const worker = instanceOf(Worker);
const reading = {
  limit: worker().bodyLimit(),
  backupLimit: worker().backupLimit(),
  validUpTo: (bytes) => worker().validUpTo(bytes),
  isForeign: (url) => worker().isForeign(url),
};

export default {
  async fetch(request, env, ctx) {
    const [head, body] = await readRequest(request, env, ctx, reading);
    try {
      return await worker().fetch(head, body, request, env);
    } catch (error) {
      console.error(markIfTrapped(error));
      return worker().failure(head, String(error?.name), env);
    }
  },
};

/** A class of objects whose calls go to an instance of a class of the module. */
function objectOf(Class, ...methods) {
  class Wrapper extends DurableObject {
    instance;

    constructor(ctx, env) {
      super(ctx, env);
      this.instance = instanceOf(Class, ctx, env);
    }
  }
  for (const method of methods) {
    Wrapper.prototype[method] = function (...args) {
      try {
        return this.instance()[method](...args);
      } catch (error) {
        throw markIfTrapped(error);
      }
    };
  }
  return Wrapper;
}

/** The object of one connector, named by its id. */
export class ConnectorObject extends objectOf(Connector, "handle", "current", "alarm") {
  /** What Workers of the first version call. They try again, and are soon gone. */
  carryOut() {
    const headers = "x-elastic-product: Elasticsearch\nretry-after: 1\ncontent-type: application/json";
    return `503\n${headers}\n\n\n{"error":"this service is being updated: try again","status":503}`;
  }
}

/** The one object that knows of all connectors. */
export class Directory extends objectOf(
  DirectoryObject,
  "handle",
  "apply",
  "applyJobs",
  "report",
  "claim",
  "release",
  "watch",
  "alarm",
  "webSocketMessage",
  "webSocketClose",
  "webSocketError",
) {
  /** Somebody wants to watch: a socket is given by the response to a request. */
  fetch(request) {
    return this.watch(new URL(request.url).searchParams.get("message"));
  }
}
