// The classes and handlers that the runtime expects. They only call the WebAssembly module.

import { DurableObject } from "cloudflare:workers";

import * as module from "../../build/bindings/index.js";

// The `worker` crate sets `criticalError` when the module aborts, and counts its instances.
const state = module.__worker_init_state();

/** Restarts the module if it has trapped: a trapped instance is unusable. */
function restartIfTrapped() {
  if (!state.criticalError) return;
  console.log("Reinitializing Wasm application");
  module.__wbg_reset_state();
  state.criticalError = false;
  state.instanceId += 1;
}

/** Returns a function that returns an instance of a class of the module, and a new one after each restart. */
function instanceOf(Class, ...args) {
  let instanceId;
  let instance;
  return () => {
    restartIfTrapped();
    if (instanceId !== state.instanceId) {
      instance = new Class(...args);
      instanceId = state.instanceId;
    }
    return instance;
  };
}

/** Marks the module for a restart if the error is a trap. */
function markIfTrapped(error) {
  if (error instanceof WebAssembly.RuntimeError) state.criticalError = true;
  return error;
}

// Traps in work that is not awaited.
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

/** Returns a Durable Object class that forwards these methods to an instance of a class of the module. */
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

/** The object of a connector, named by the connector's id. */
export class ConnectorObject extends objectOf(module.ConnectorObject, "handle", "current", "flush", "alarm") {}

/** The single object that indexes all connectors. */
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
