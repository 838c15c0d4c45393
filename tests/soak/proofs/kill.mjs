import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";

import { send } from "../../edge/worker.mjs";
import { STATUSES, copiesEqual, listEquals, numbers, sleep } from "../helpers.mjs";
import { scratch, serveWithKv } from "../workerd.mjs";

/** The process is killed under load. Acknowledged writes must survive, and none may be half done. */
export async function kill({ times = 50, connectors = 16 }) {
  const disk = mkdtempSync(join(scratch, "connector-status-disk-"));
  const server = await serveWithKv({ disk });
  const problems = [];
  let acknowledged = 0;
  let unanswered = 0;
  const ways = ["connected", "configured"];
  const names = numbers(connectors).map((n) => `kill-${n}`);
  /** Acknowledged writes by connector: each increments the version and adds one row of history. */
  const versions = new Map(names.map((name) => [name, 0]));
  /** The status after that many writes: created, needs_configuration, configured, connected, ... */
  const statusAfter = (writes) =>
    writes <= 2 ? STATUSES[writes - 1] : ways[writes % 2 === 1 ? 1 : 0];
  const write = async (name) => {
    const done = versions.get(name);
    const path = `/_connector/${name}${done === 0 ? "" : "/_status"}`;
    const body = done === 0 ? {} : { status: statusAfter(done + 1) };
    const answer = await send(server.url(), "PUT", path, body);
    if (answer.status >= 300) throw new Error(`${name}: ${answer.status} ${JSON.stringify(answer.body)}`);
    versions.set(name, done + 1);
    acknowledged += 1;
  };
  try {
    for (let time = 0; time < times; time += 1) {
      let running = true;
      const load = names.map(async (name) => {
        while (running) {
          try {
            await write(name);
          } catch (error) {
            if (running) problems.push(`while alive: ${error.message} ${error.cause ?? ""}`);
            else unanswered += 1;
          }
        }
      });
      await sleep(50 + Math.random() * 400);
      running = false;
      await server.kill();
      await Promise.all(load);
      await server.restart();
      for (const name of names) {
        const answer = await send(server.url(), "GET", `/_connector/${name}/_status?size=1000`);
        const before = versions.get(name);
        if (answer.status !== 200) {
          if (before > 0) problems.push(`${name} is lost: ${answer.status}`);
          continue;
        }
        const { status, history } = answer.body;
        const { headers } = await send(server.url(), "GET", `/_connector/${name}`);
        const version = Number(headers.get("etag").replaceAll('"', ""));
        if (version !== before && version !== before + 1) {
          problems.push(`${name}: ${before} writes acknowledged, ${version} kept`);
        }
        const rows = Math.min(version, 1_000);
        if (history.length !== rows || history[0].to !== status || status !== statusAfter(version)) {
          problems.push(`${name}: half a write: version ${version}, ${status}, ${history.length} rows`);
        }
        versions.set(name, version);
      }
    }
    const listed = await listEquals(server, names, 10_000);
    if (listed === null) problems.push("the list does not follow after the last restart");
    const healed = await copiesEqual(server, names, 10_000);
    if (healed === null) problems.push("the copies do not follow after the last restart");
    const figures =
      `kill: ${times} times SIGKILL under load, ${acknowledged} writes acknowledged, ` +
      `${unanswered} cut off, ${problems.length} lost or half; copies equal ${((healed ?? NaN) / 1000).toFixed(1)} s after the last restart`;
    return { figures, problems };
  } finally {
    await server.close();
    rmSync(disk, { recursive: true, force: true });
  }
}
