// The Worker as built, counting what is billed: Worker requests, requests to objects, alarms, rows read and written.
// Its second entrypoint, `counts`, returns the counts.

import { WorkerEntrypoint } from "cloudflare:workers";

import worker, { ConnectorObject as RealConnector, Directory as RealDirectory } from "./worker.js";

let counts;
/** A cursor counts rows as they are read, so its count is taken at the end. */
let cursors;

function reset() {
  counts = { workerRequests: 0, objectRequests: 0, calls: {}, rowsRead: 0, rowsWritten: 0 };
  cursors = [];
}
reset();

function note(what) {
  counts.objectRequests += 1;
  counts.calls[what] = (counts.calls[what] ?? 0) + 1;
}

const seen = new WeakSet();
/** Counts the rows that an object reads from and writes to its storage. */
function watch({ storage }) {
  const [Storage, Sql] = [storage, storage.sql].map((it) => Object.getPrototypeOf(it));
  if (seen.has(Sql)) return;
  seen.add(Sql);
  const { exec } = Sql;
  Sql.exec = function (...args) {
    const cursor = exec.apply(this, args);
    cursors.push(cursor);
    return cursor;
  };
  const { setAlarm } = Storage;
  Storage.setAlarm = function (...args) {
    counts.rowsWritten += 1;
    return setAlarm.apply(this, args);
  };
}

function counted(Real, name, methods) {
  class Counted extends Real {
    constructor(ctx, env) {
      watch(ctx);
      super(ctx, env);
    }
  }
  for (const method of methods) {
    Counted.prototype[method] = function (...args) {
      note(`${name}.${method}`);
      return Real.prototype[method].apply(this, args);
    };
  }
  return Counted;
}

export const ConnectorObject = counted(RealConnector, "ConnectorObject", ["handle", "current", "flush", "alarm"]);
export const Directory = counted(RealDirectory, "Directory", ["handle", "apply", "applyJobs", "report", "notify", "claim", "release", "alarm"]);

export default {
  fetch(request, env, ctx) {
    counts.workerRequests += 1;
    return worker.fetch(request, env, ctx);
  },
};

/** `GET`: the counts so far; `DELETE`: resets them. */
export class control extends WorkerEntrypoint {
  fetch(request) {
    if (request.method === "DELETE") reset();
    for (const { rowsRead, rowsWritten } of cursors) {
      counts.rowsRead += rowsRead;
      counts.rowsWritten += rowsWritten;
    }
    cursors = [];
    return Response.json(counts);
  }
}
