import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";

import { send } from "../../edge/worker.mjs";
import { answerInTime, listEquals, numbers, sleep } from "../helpers.mjs";
import { faulty, inDatabases, rowOf, scratch, serveWithKv } from "../workerd.mjs";

/** The lifecycle of a connector, repeated: each step must succeed. */
const LIFECYCLE = [
  ["PUT", "", {}],
  ["PUT", "/_status", { status: "needs_configuration" }],
  ["PUT", "/_status", { status: "configured" }],
  ["PUT", "/_check_in"],
  ["PUT", "/_status", { status: "connected" }],
  ["PUT", "/_name", { name: "A name" }],
  ["DELETE", ""],
  ["PUT", "", { service_type: "a_type" }],
  ["PUT", "/_check_in"],
  ["DELETE", "?hard=true"],
];

/**
 * The Directory throws, hangs, restarts, or dies with the whole process, under load. No write may fail because of
 * it; those that wait for it wait one second; afterwards it must agree with the objects.
 */
export async function directory({ seconds = 8, connectors = 16, modes = ["throw", "hang", "abort", "kill"] }) {
  const disk = mkdtempSync(join(scratch, "connector-status-disk-"));
  const server = await serveWithKv({ worker: faulty(), disk });
  const problems = [];
  const healing = {};
  const strict = answerInTime(server, problems);
  let cutOff = 0;
  try {
    for (const mode of modes) {
      const names = numbers(connectors).map((n) => `${mode}-${n}`);
      let isRunning = true;
      const lane = async (name) => {
        for (let n = 0; isRunning; n += 1) {
          const [method, path, body] = LIFECYCLE[n % LIFECYCLE.length];
          try {
            await strict(mode, method === "PUT" && path === "" && n % LIFECYCLE.length === 0 ? 201 : 200, method, `/${name}${path}`, body);
          } catch {
            // Only requests in progress when the process died may fail.
            return void (cutOff += 1);
          }
          await sleep(Math.random() * 50);
        }
      };
      const load = names.map(lane);
      await sleep(300);
      if (mode !== "kill") await server.faults({ mode });
      await sleep(seconds * 1_000);
      if (mode === "kill") {
        await server.kill();
        await Promise.all(load);
        await server.restart();
        // A heartbeat that the Directory missed is replaced by the next one.
        await Promise.all(names.map((name) => send(server.url(), "PUT", `/_connector/${name}/_check_in`)));
      } else {
        // Lists need the Directory, and must fail in time without it.
        const inTime = answerInTime(server, problems, 12_000);
        if (mode !== "hang" || seconds > 5) await inTime(`a list, ${mode}`, 503, "GET", "");
        isRunning = false;
        await Promise.all(load);
        await server.faults({ mode: "none" });
      }
      const took = await listEquals(server, names, 5_000);
      if (took === null) problems.push(`${mode}: the list differs 5 s after the Directory recovered`);
      healing[mode] = took ?? Infinity;
    }
    await server.kill();
    problems.push(...rowsThatDiffer(disk));
  } finally {
    await server.close();
    rmSync(disk, { recursive: true, force: true });
  }
  const each = modes.map(
    (mode) => `${mode} ${strict.slowest[mode].toFixed(0)} ms / ${(healing[mode] / 1000).toFixed(1)} s`,
  );
  const figures =
    `directory: ${strict.count} writes, ${cutOff} cut off by a kill, ${problems.length} problems; ` +
    `slowest answer / list equal after: ${each.join(", ")}`;
  return { figures, problems };
}

/** Where the Directory's rows differ from the objects, or its totals from its rows. No workerd may have them open. */
function rowsThatDiffer(disk) {
  const newest = `SELECT id, document IS NULL AS erased, max(version, coalesce((SELECT max(seq) FROM history), 0)) AS version FROM connector`;
  const objects = inDatabases(disk, "ConnectorObject", (it) => rowOf(it, "connector") && it.prepare(newest).get());
  const [{ entries, totals, counted }] = inDatabases(disk, "Directory", (it) => ({
    entries: new Map(it.prepare("SELECT id, version, deleted FROM entry").all().map((row) => [row.id, row])),
    totals: it.prepare("SELECT deleted, status, service_type, count FROM total WHERE count <> 0 ORDER BY 1, 2, 3").all(),
    counted: it
      .prepare("SELECT deleted, coalesce(status, '') AS status, coalesce(service_type, '') AS service_type, count(*) AS count FROM entry GROUP BY 1, 2, 3 ORDER BY 1, 2, 3")
      .all(),
  }));
  const problems = objects.filter(Boolean).flatMap(({ id, version, erased }) => {
    const entry = entries.get(id);
    const isEqual = entry?.version === version && (entry.deleted === 2) === (erased === 1);
    return isEqual ? [] : [`${id}: version ${version} in its object, ${JSON.stringify(entry)} in the Directory`];
  });
  if (!isDeepStrictEqual(totals, counted)) problems.push(`totals ${JSON.stringify(totals)}, rows ${JSON.stringify(counted)}`);
  return problems;
}
