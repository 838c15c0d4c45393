import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";

import { inspect, statesOf } from "../../../scripts/backup-file.mjs";
import { environment, root } from "../../../scripts/tools.mjs";
import { send } from "../../edge/worker.mjs";
import { until } from "../../until.mjs";
import { now, numbers, sleep } from "../helpers.mjs";
import { scratch, serveWithKv } from "../workerd.mjs";

/**
 * The states in a backup that claims to be complete, by id. Records a problem if its content does not match its last
 * line.
 */
async function statesIn(file, problems) {
  const found = await inspect(file);
  for (const problem of found.problems) problems.push(`${file} was reported complete: ${problem}`);
  const states = new Map();
  for await (const { id, lines } of statesOf(file, found.connectors)) states.set(id, lines.join("\n"));
  return { ...found, states };
}

/**
 * Backup and restoration into an empty service, while commands and services are killed at random and connectors
 * change during the backup: what is reported as complete must be complete.
 */
export async function backups({ count = 10_000, kills = 50, lanes = 16, moving = 8 }) {
  const folder = mkdtempSync(join(scratch, "connector-status-backup-"));
  const [from, to] = [await serveWithKv({ disk: mkdtempSync(join(folder, "from-")) }), await serveWithKv({ disk: mkdtempSync(join(folder, "to-")) })];
  const problems = [];
  const names = numbers(count).map((n) => `backup-${n}`);
  // On a busy machine the Directory may be late; retry after 503.
  const put = async (path, body) => {
    const { status } = await until(() => send(from.url(), "PUT", `/_connector/${path}`, body), ({ status }) => status !== 503);
    if (status >= 300) problems.push(`${path} answered ${status}`);
  };
  /** Runs a command, which is killed after `ms`, and with `restarts` its service too. */
  const run = async (script, service, args, { ms, restarts } = {}) => {
    const child = spawn("node", [join(root, `scripts/${script}.mjs`), ...args, "--url", service.url()], { env: environment, stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (data) => (said += data));
    const ended = new Promise((resolve) => child.once("exit", (code) => resolve(code)));
    const clock = ms === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), ms);
    const code = await ended;
    clearTimeout(clock);
    if (code !== 0 && code !== null) problems.push(`${script} ended with ${code}: ${said.slice(-300)}`);
    if (restarts) {
      await service.kill();
      await service.restart();
    }
    return code === 0;
  };
  const timed = async (work) => {
    const began = now();
    await work();
    return (now() - began) / 1_000;
  };
  /** Writers that run until they are stopped: what was acknowledged, and when. */
  const acknowledged = new Map();
  let isMoving = true;
  const move = async (name) => {
    for (let n = 1; isMoving; n += 1) {
      const written = await send(from.url(), "PUT", `/_connector/${name}/_name`, { name: `${n}` }).catch(() => undefined);
      if (written?.status === 200) acknowledged.get(name).push([Date.now(), n]);
      await sleep(20);
    }
  };
  try {
    const left = [...names.entries()];
    const fill = async () => {
      for (let next = left.pop(); next; next = left.pop()) {
        const [n, name] = next;
        await put(name, { name: `Connector ${n}`, index_name: `index-${n}` });
        if (n % 2) await put(`${name}/_status`, { status: "error" });
        if (n % 10 === 3) await send(from.url(), "DELETE", `/_connector/${name}${n % 20 === 3 ? "?hard=true" : ""}`);
      }
    };
    await Promise.all(numbers(lanes).map(fill));
    for (const n of numbers(moving)) {
      acknowledged.set(`backup-${n}-moving`, []);
      await put(`backup-${n}-moving`, { name: "0" });
    }
    const [file, whole, again] = ["moving", "whole", "again"].map((it) => join(folder, `${it}.ndjson`));
    const took = await timed(() => run("backup", from, ["--to", whole]));

    const writers = [...acknowledged.keys()].map(move);
    let killed = 0;
    for (const n of numbers(Math.ceil(kills / 2))) {
      const isDone = await run("backup", from, ["--to", file], { ms: Math.random() * took * 1_000, restarts: n % 5 === 4 });
      killed += isDone ? 0 : 1;
      if (!existsSync(file)) continue;
      // The command finished before it was killed, or was killed after the rename.
      await statesIn(file, problems);
      rmSync(file);
    }
    await run("backup", from, ["--to", file]);
    isMoving = false;
    await Promise.all(writers);
    const moved = await statesIn(file, problems);
    const completeUntil = Date.parse(moved.end.complete_until);
    for (const [name, writes] of acknowledged) {
      const least = writes.filter(([at]) => at < completeUntil).at(-1)?.[1] ?? 0;
      const { document } = JSON.parse(moved.states.get(name)?.split("\n")[0] ?? "{}");
      if (!(Number(document?.name) >= least)) problems.push(`${name} is at ${document?.name} in the backup, and was at ${least} before it was complete`);
    }
    const missing = names.filter((name) => !moved.states.has(name));
    if (missing.length > 0) problems.push(`${missing.length} connectors are not in the backup, like ${missing[0]}`);

    rmSync(whole);
    await run("backup", from, ["--to", whole]);
    let restored = false;
    for (const n of numbers(Math.floor(kills / 2))) {
      restored = await run("restore", to, [whole], { ms: Math.random() * took * 1_000, restarts: n % 5 === 4 });
      killed += restored ? 0 : 1;
    }
    const lasted = await timed(() => run("restore", to, [whole]));
    await run("backup", to, ["--to", again]);
    const [before, after] = [await statesIn(whole, problems), await statesIn(again, problems)];
    if (before.states.size !== after.states.size) problems.push(`${before.states.size} connectors were saved, ${after.states.size} are there`);
    for (const [id, state] of before.states) if (after.states.get(id) !== state) problems.push(`${id} differs: ${state} and ${after.states.get(id)}`);
    const writes = [...acknowledged.values()].reduce((sum, { length }) => sum + length, 0);
    const figures =
      `backups: ${count} connectors saved in ${took.toFixed(1)} s and restored, ${writes} writes meanwhile, commands killed ` +
      `${killed} times at random (services with them each fifth time), the last restoration ${lasted.toFixed(1)} s: ${problems.length} problems`;
    return { figures, problems };
  } finally {
    isMoving = false;
    await from.close();
    await to.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
