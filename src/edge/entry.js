// The classes and handlers that the runtime expects. They only call the WebAssembly module.

import { DurableObject } from "cloudflare:workers";

import * as module from "../../build/bindings/index.js";

// The `worker` crate sets `criticalError` when the module aborts, and counts its instances.
const state = module.__worker_init_state();

/** Rejects the calls in progress. */
const inProgress = new Set();

/** Restarts the module if it has trapped: a trapped instance is unusable, and never settles its promises. */
function restartIfTrapped() {
  if (!state.criticalError) return;
  console.log("Reinitializing Wasm application");
  module.__wbg_reset_state();
  state.criticalError = false;
  state.instanceId += 1;
  for (const reject of inProgress) reject(new Error("the module trapped during another call"));
}

/** Restarts the module if the error is a trap. Returns the error. */
function afterError(error) {
  if (error instanceof WebAssembly.RuntimeError) state.criticalError = true;
  restartIfTrapped();
  return error;
}

// Traps in work that is not awaited.
addEventListener("error", ({ error }) => afterError(error));

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

/** Like the promise, but also rejects if the module is restarted. */
function untilRestart(promise) {
  return new Promise((resolve, reject) => {
    inProgress.add(reject);
    promise.finally(() => inProgress.delete(reject)).then(resolve, (error) => reject(afterError(error)));
  });
}

/** Calls a method of an instance. */
function call(instance, method, args) {
  try {
    const result = instance()[method](...args);
    return typeof result?.then === "function" ? untilRestart(result) : result;
  } catch (error) {
    throw afterError(error);
  }
}

const worker = instanceOf(module.Worker);

export default {
  async fetch(request, env, ctx) {
    try {
      return await call(worker, "fetch", [request, env, ctx]);
    } catch (error) {
      console.error(error);
      return call(worker, "failure", [request, String(error?.name), env, ctx]);
    }
  },
};

/** Returns a Durable Object class that forwards these methods to an instance of a class of the module. */
function objectOf(Class, ...methods) {
  class Wrapper extends DurableObject {
    instance = instanceOf(Class, this.ctx, this.env);
  }
  for (const method of methods) {
    Wrapper.prototype[method] = function (...args) {
      return call(this.instance, method, args);
    };
  }
  return Wrapper;
}

/** The object of a connector, named by the connector's id. */
export class ConnectorObject extends objectOf(module.ConnectorObject, "handle", "current", "flush", "alarm") {}

/** The single object that indexes all connectors. */
export class Directory extends objectOf(
  module.DirectoryObject,
  ...["handle", "fetch", "apply", "applyJobs", "report", "notify", "claim", "release", "alarm"],
  ...["webSocketMessage", "webSocketClose", "webSocketError"],
) {}
