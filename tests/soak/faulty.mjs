// The Worker as built, with faults between its objects: late messages, and a Directory that throws, hangs or restarts.
// Its second entrypoint, `faults`, selects them by `POST` with `{ mode, delay, methods }` and returns the number of the
// Directory's alarms.

import { WorkerEntrypoint } from "cloudflare:workers";

import worker, { ConnectorObject as Connector, Directory as RealDirectory } from "./worker.js";

/** The Directory's methods. */
const METHODS = ["handle", "apply", "applyJobs", "report", "notify", "claim", "release"];

/**
 * `delay`: the maximum delay of each message and each answer, in milliseconds; most are delayed far less. `methods`:
 * those that the mode affects.
 */
let current = { mode: "none", delay: 0, methods: METHODS };

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const late = () => current.delay > 0 && sleep(Math.random() ** 3 * current.delay);
const coin = () => Math.random() < 0.5;

/** Delays a call and its answer. */
async function delayed(carryOut) {
  await late();
  const answer = await carryOut();
  await late();
  return answer;
}

/** Runs a call to the Directory, or the fault instead; half of the failing calls run first. */
async function faulty(object, carryOut) {
  switch (current.mode) {
    case "throw":
      if (coin()) await carryOut();
      throw new Error("the Directory throws");
    case "hang": {
      if (coin()) await carryOut();
      // It hangs until the fault is cleared, then runs, after every caller's timeout.
      while (current.mode === "hang") await sleep(50);
      return carryOut();
    }
    case "abort":
      if (coin()) await carryOut();
      object.ctx.abort("the Directory is aborted");
      break;
    default:
      return delayed(carryOut);
  }
}

export class Directory extends RealDirectory {}
for (const method of METHODS) {
  Directory.prototype[method] = function (...args) {
    const carryOut = () => RealDirectory.prototype[method].apply(this, args);
    return current.methods.includes(method) ? faulty(this, carryOut) : delayed(carryOut);
  };
}

let alarms = 0;
Directory.prototype.alarm = function () {
  alarms += 1;
  return RealDirectory.prototype.alarm.call(this);
};

export class ConnectorObject extends Connector {
  current(...args) {
    return delayed(() => super.current(...args));
  }
  flush(...args) {
    return delayed(() => super.flush(...args));
  }
}

export class faults extends WorkerEntrypoint {
  async fetch(request) {
    current = { delay: 0, methods: METHODS, ...(await request.json()) };
    return Response.json({ alarms });
  }
}

export default worker;
