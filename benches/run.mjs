// Run by `npm run bench`: measures everything and writes benches/RESULTS.md. Takes some minutes; a machine
// with nothing else to do gives the best figures, and ratios hold on any.

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { environment, root } from "../scripts/tools.mjs";
import { edge } from "./edge.mjs";
import { growth, startUp } from "./growth.mjs";

const RUNS = 5;
/** Ratios of a few per cent need more. */
const EDGE_RUNS = 15;
// `npm run bench -- 0.125`: an eighth of the requests, for a busy machine. Eighths only.
const share = Number(process.argv[2] ?? 1);

const table = (head, rows) =>
  [head, head.map((_, n) => (n === 0 ? "---" : "---:")), ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
const whole = (number) => Math.round(number).toLocaleString("en");
const times = (ratio) => `${ratio.toFixed(2)} x`;
const ms = (number) => `${number.toFixed(1)} ms`;
const version = (name) => JSON.parse(readFileSync(join(root, `node_modules/${name}/package.json`))).version;

/** Milliseconds that the processors have been busy, and all they had. */
const ticks = () => {
  const times = cpus().map(({ times }) => times);
  const all = times.flatMap(Object.values).reduce((sum, ms) => sum + ms, 0);
  return { all, busy: all - times.reduce((sum, { idle }) => sum + idle, 0) };
};

/** The share of the machine that something else takes. */
async function othersShare() {
  const before = ticks();
  await sleep(3_000);
  const after = ticks();
  return (after.busy - before.busy) / (after.all - before.all);
}

const others = await othersShare();
console.log("the edge beside its peers");
const { rows, labels } = await edge({ runs: EDGE_RUNS, share });
console.log("growth");
const { moves, lists } = await growth({ runs: RUNS, share });
console.log("start-up");
const starts = await startUp({ runs: RUNS });
console.log("the check");
const check = execFileSync("node", ["benches/check.mjs"], { cwd: root, env: environment }).toString();

const peers = ["ours", "hono", "bare"];
const text = `# Results

Written by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} x ${cpus()[0].model}, ${Math.round(totalmem() / 2 ** 30)} GB, Linux; workerd ${version("workerd")}, Node ${process.version}, Hono ${version("hono")}, zod ${version("zod")}, xstate ${version("xstate")}, robot3 ${version("robot3")}, javascript-state-machine ${version("javascript-state-machine")}. Something else took ${Math.round(others * 100)} % of the machine when it began${others > 0.05 ? ": trust the ratios, not the rates" : ""}${share === 1 ? "" : `; ${share} of the usual number of requests`}.

## The edge

One workerd process (\`workerd serve\`, objects in a disk in memory) with three Workers, each with the same in-memory KV beside it; 16 connections over loopback, 200 connectors; runs alternate between the Workers; medians of ${EDGE_RUNS} after one to warm up. The peers do less: neither has a strict error grammar, \`ETag\`s, filters, access keys or soft deletion; the bare one has no history either. Both write their copy to KV by an alarm, at most once a second, as we do.

Requests per second:

${table(
  ["", ...peers.map((peer) => labels[peer]), "beside Hono"],
  rows.map((row) => [row.label, ...peers.map((peer) => whole(row[peer].rate)), times(row.ours.rate / row.hono.rate)]),
)}

CPU microseconds of the process per request:

${table(
  ["", ...peers.map((peer) => labels[peer]), "beside Hono"],
  rows.map((row) => [row.label, ...peers.map((peer) => whole(row[peer].micros)), times(row.ours.micros / row.hono.micros)]),
)}

## Growth

What a change by \`PUT _status\` costs; one connector has one caller, more have 16:

${table(["", "a second", "CPU us"], moves.map(({ label, rate, micros }) => [label, whole(rate), whole(micros)]))}

What a page of the list costs; all metadata is read for it, so it grows:

${table(["", "a second", "CPU us"], lists.map(({ label, rate, micros }) => [label, whole(rate), whole(micros)]))}

## Size and start

From the start of the process to the answer to a first \`PUT\`, median of ${RUNS}; then a \`GET\`, warm and after 15 s of idleness (workerd puts objects away after 10 s).

${table(
  ["", "bytes", "gz", "first answer", "GET warm", "GET after idleness"],
  starts.map(({ label, raw, gz, first, warm, afterIdle }) => [label, whole(raw), whole(gz), ms(first), ms(warm), ms(afterIdle)]),
)}

## The check

May this connector go there? 25 pairs of statuses, every peer built from the same table; ${check.trim()}
`;
writeFileSync(join(root, "benches/RESULTS.md"), text);
console.log(`\n${text}`);
process.exit(0);
