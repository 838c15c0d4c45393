// What grows with the number of connectors and what does not, and start-up times.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { root } from "../scripts/tools.mjs";
import { send } from "../tests/edge/worker.mjs";
import { median } from "../tests/median.mjs";
import { peers, start } from "./edge.mjs";
import { measure, request } from "./load.mjs";

const path = (n) => `/_connector/growth-${n}`;
const move = (n, status) => request("PUT", `${path(n)}/_status`, { status });

/** workerd has three files open for each awake object, and processes have a limit of open files. */
const AT_ONCE = 3_000;
/** By then copies are written, alarms have run, and workerd has evicted the objects. */
const quiet = () => new Promise((resolve) => setTimeout(resolve, 15_000));

/** The cost of a status change with that many connectors stored. */
export async function growth({ stored = [1, 1_000, 10_000], runs = 5, share = 1 } = {}) {
  const { ours } = await peers();
  const server = await start("ours", ours);
  const to = { pid: server.pid, port: server.ports.ours };
  const moves = [];
  try {
    let made = 0;
    /** Moves back and forth between two statuses. */
    const spread = async (over) => {
      const results = [];
      let turn = 0;
      const next = () => {
        const n = turn++;
        return move(n % over, Math.floor(n / over) % 2 ? "connected" : "configured");
      };
      for (let run = 0; run <= runs; run += 1) {
        // The single connector gets its moves one at a time, so that none is refused.
        const result = await measure({ ...to, count: 3_200 * share, next, connections: over === 1 ? 1 : 16 });
        if (run > 0) results.push(result);
      }
      return { rate: median(results.map((r) => r.rate)), micros: median(results.map((r) => r.micros)) };
    };
    const connected = async (over) => {
      for (let n = 0; n < over; n += 1) await send(server.url("ours"), "PUT", `${path(n)}/_error`, { error: null });
    };
    for (const total of stored) {
      while (made < total) {
        const first = made;
        const count = Math.min(total - made, AT_ONCE);
        await measure({ ...to, count, expect: "201", next: (n) => request("PUT", path(first + n), {}) });
        made += count;
        if (made > 1) await quiet();
      }
      for (const over of [1, 200].filter((over) => over <= total)) {
        await connected(over);
        const label = `${total.toLocaleString("en")} stored, ${over === 1 ? "one" : over} of them moved`;
        moves.push({ label, ...(await spread(over)) });
      }
    }
    await connected(1_000);
    moves.push({ label: "1,000 cold ones moved in turn", ...(await spread(1_000)) });

  } finally {
    await server.kill();
  }
  return moves;
}

/** The size of a Worker, and the time from the start of its process to the first responses. */
export async function startUp({ runs = 5, idle = 15_000, base } = {}) {
  const all = await peers({ base });
  const results = [];
  for (const [name, peer] of Object.entries(all)) {
    const files = peer.worker.modules.map((file) => readFileSync(join(root, file)));
    const firsts = [];
    let afterIdle;
    let warm;
    for (let run = 0; run < runs; run += 1) {
      const server = await start(name, peer);
      const url = server.url(name);
      const put = () => send(url, "PUT", "/_connector/first", { status: "created" });
      const create = () => (name === "bare" ? put() : send(url, "PUT", "/_connector/first", { name: "First" }));
      await create();
      firsts.push(performance.now() - server.startedAt);
      if (run === runs - 1) {
        const timed = async () => {
          const started = performance.now();
          await send(url, "GET", "/_connector/first");
          return performance.now() - started;
        };
        const times = [];
        for (let n = 0; n < 50; n += 1) times.push(await timed());
        warm = median(times);
        // workerd evicts objects that got no request for ten seconds.
        await new Promise((resolve) => setTimeout(resolve, idle));
        afterIdle = await timed();
      }
      await server.kill();
    }
    results.push({
      label: peer.label,
      raw: files.reduce((sum, file) => sum + file.length, 0),
      gz: files.reduce((sum, file) => sum + gzipSync(file, { level: 9 }).length, 0),
      first: median(firsts),
      warm,
      afterIdle,
    });
  }
  return results;
}
