// What the runtime calls. The work is done in WebAssembly; here are only the shapes that the runtime
// asks for.

import { DurableObject } from "cloudflare:workers";

import { ConnectorObject as Connector, IndexClaim as Index, Worker } from "../../build/index.js";
import { incoming } from "./incoming.js";

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

/** To be told of what the module threw. */
function noted(error) {
  if (error instanceof WebAssembly.RuntimeError) state.criticalError = true;
  return error;
}

const worker = instanceOf(Worker);
const limit = worker().bodyLimit();

export default {
  async fetch(request, env) {
    const [head, body] = await incoming(request, env, limit);
    try {
      return await worker().fetch(head, body, request, env);
    } catch (error) {
      console.error(noted(error));
      return worker().failure(head, error.name === "Unanswered");
    }
  },
};

/** The object of one connector, named by its id. */
export class ConnectorObject extends DurableObject {
  #connector;

  constructor(ctx, env) {
    super(ctx, env);
    this.#connector = instanceOf(Connector, ctx, env);
  }

  carryOut(message) {
    try {
      return this.#connector().carryOut(message);
    } catch (error) {
      throw noted(error);
    }
  }

  holds(id, index) {
    try {
      return this.#connector().holds(id, index);
    } catch (error) {
      throw noted(error);
    }
  }

  alarm() {
    try {
      return this.#connector().alarm();
    } catch (error) {
      throw noted(error);
    }
  }
}

/** The object that keeps which connector holds an index, named by the index. */
export class IndexClaim extends DurableObject {
  #index;

  constructor(ctx, env) {
    super(ctx, env);
    this.#index = instanceOf(Index, ctx, env);
  }

  claim(index, id) {
    try {
      return this.#index().claim(index, id);
    } catch (error) {
      throw noted(error);
    }
  }
}
