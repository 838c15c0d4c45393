// What the runtime calls. The work is done in WebAssembly; here are only the shapes that the runtime
// asks for.

import { DurableObject } from "cloudflare:workers";

import * as module from "../../build/bindings/index.js";

// The `worker` crate sets `criticalError` when the module aborts, and counts its instances.
const state = module.__worker_init_state();

/** Starts the module over if it has trapped: nothing of a trapped instance can be used. */
function restartIfTrapped() {
  if (!state.criticalError) return;
  console.log("Reinitializing Wasm application");
  module.__wbg_reset_state();
  state.criticalError = false;
  state.instanceId += 1;
}

/** A function that gives an instance of a class of the module, one for each instance of the module. */
function instanceOf(Class, ...args) {
  let madeFor;
  let instance;
  return () => {
    restartIfTrapped();
    if (madeFor !== state.instanceId) {
      instance = new Class(...args);
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

// A trap in work that nobody awaits is heard of here.
addEventListener("error", ({ error }) => markIfTrapped(error));

const worker = instanceOf(module.Worker);

export default {
  async fetch(request, env, ctx) {
    try {
      return await worker().fetch(request, env, ctx);
    } catch (error) {
      console.error(markIfTrapped(error));
      return worker().failure(request, String(error?.name), env, ctx);
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
export class ConnectorObject extends objectOf(module.ConnectorObject, "handle", "current", "flush", "alarm") {}

/** The one object that knows of all connectors. */
export class Directory extends objectOf(
  module.DirectoryObject,
  "handle",
  "fetch",
  "apply",
  "applyJobs",
  "report",
  "notify",
  "claim",
  "release",
  "alarm",
  "webSocketMessage",
  "webSocketClose",
  "webSocketError",
) {}
