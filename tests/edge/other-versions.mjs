// The Worker with objects of other versions, and with one that makes the module trap. Used by rollout.test.mjs.

import { DurableObject } from "cloudflare:workers";

import worker, { ConnectorObject, Directory } from "./worker.js";

export { Directory };

/** An object of the first version, which has other methods. */
export class Past extends DurableObject {
  carryOut() {
    throw new Error("nobody calls this");
  }
}

/** An object of a future version, which answers in another format. */
export class Future extends DurableObject {
  handle() {
    return '{"format":2,"status":200,"headers":{}}\n{}\n{"result":"updated"}';
  }
}

let trapsNext = false;

/** An object that panics on demand. */
export class Trapping extends ConnectorObject {
  constructor(ctx, env) {
    const waitUntil = ctx.waitUntil.bind(ctx);
    const failing = (promise) => {
      if (!trapsNext) return waitUntil(promise);
      trapsNext = false;
      throw new Error("the runtime fails");
    };
    Object.defineProperty(ctx, "waitUntil", { value: failing });
    super(ctx, env);
  }
}

export default {
  fetch(request, env, ctx) {
    if (new URL(request.url).pathname === "/trap") {
      trapsNext = true;
      return new Response("the next write traps\n");
    }
    return worker.fetch(request, env, ctx);
  },
};
