// Measures everything and writes benches/RESULTS.md. Run by `npm run bench`. Takes some minutes; an idle machine gives
// the best absolute figures, and ratios hold on any.

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

import { environment, root } from "../scripts/tools.mjs";
import { DAY, PRICES, count, day } from "./costs.mjs";
import { edge, listRows } from "./edge.mjs";
import { growth, startUp } from "./growth.mjs";
import { lines } from "./pictures.mjs";
import { through } from "./through.mjs";
import { watchBench } from "./watch.mjs";

// `npm run bench -- 0.125`: an eighth of the requests, for a busy machine; any multiple of an eighth. `--stored 10000`:
// no larger lists than this. `--base <folder>`: compare with another build, from a folder with build/worker.js and
// build/index_bg.wasm. `--runs <n>`: fewer runs of each row. `--only edge|costs|watch|through`: print that part only;
// of the documents, only docs/costs.md is written then.
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { base: { type: "string" }, runs: { type: "string" }, only: { type: "string" }, stored: { type: "string" } },
});
const share = Number(positionals[0] ?? 1);
const { base, only } = options;
/** Rounds, over several starts. */
const EDGE_RUNS = Number(options.runs ?? 31);
const RUNS = Math.min(5, EDGE_RUNS);
/** The limit for CPU compared with the other build. */
const BASE_BAR = 1;
/** The limit for forwarding, in microseconds more than a Worker that only forwards. */
const THROUGH_BAR = 60;
/** The limit until a change is listed on an idle server, in milliseconds. */
const LISTED_BAR = 50;
/** Limits: the p99 of a watched write compared with an unwatched one, and requests per hour of an idle page. */
const WATCH_BARS = { p99: 1.5, requests: 10 };

const table = (head, rows) =>
  [head, head.map((_, n) => (n === 0 ? "---" : "---:")), ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
const whole = (number) => Math.round(number).toLocaleString("en");
const times = (ratio) => `${ratio.toFixed(2)} x`;
const measuredTimes = ({ ratio, scatter }) => `${ratio.toFixed(2)}${scatter === undefined ? "" : ` ± ${scatter.toFixed(2)}`}`;
const ms = (number) => `${number.toFixed(1)} ms`;
const version = (name) => JSON.parse(readFileSync(join(root, `node_modules/${name}/package.json`))).version;

/** Milliseconds that the processors were busy, and in total. */
const ticks = () => {
  const times = cpus().map(({ times }) => times);
  const all = times.flatMap(Object.values).reduce((sum, ms) => sum + ms, 0);
  return { all, busy: all - times.reduce((sum, { idle }) => sum + idle, 0) };
};

/** The share of the CPU that other processes take. */
async function othersShare() {
  const before = ticks();
  await sleep(3_000);
  const after = ticks();
  return (after.busy - before.busy) / (after.all - before.all);
}

const cell = (value, format) => (value === undefined ? "-" : format(value));
const names = (labels) => Object.keys(labels).filter((name) => name !== "base");

/** A table of one figure for every row and peer. */
function beside({ rows, labels }, what) {
  const peers = names(labels);
  return table(
    ["", ...peers.map((peer) => labels[peer])],
    rows.map((row) => [row.label, ...peers.map((peer) => cell(row[peer]?.[what], whole))]),
  );
}

/** CPU compared with each of the others: the mean of the starts' ratios, and its standard error. */
function ratios({ rows, labels }) {
  const others = Object.keys(labels).filter((name) => name !== "ours");
  return table(
    ["CPU beside", ...others.map((name) => labels[name])],
    rows.map((row) => [row.label, ...others.map((name) => cell(row.ratios[name], measuredTimes))]),
  );
}

/** Rows with a limit of their own, and all rows compared with the other build. */
function bars({ rows }) {
  const own = rows
    .filter(({ bar }) => bar)
    .map(({ label, against, bar, ratios }) => [label, measuredTimes(ratios.reference), `${bar} x "${against}"`]);
  const other = rows
    .filter((row) => row.base)
    .map((row) => [row.label, measuredTimes(row.ratios.base), `${BASE_BAR} x the other build`]);
  return table(["CPU of", "is", "may be"], [...own, ...other]);
}

/** Watching: the delay of messages, and what watchers cost writers. */
function watching({ listed, arrivals, writes, idle }) {
  const { p99, requests } = WATCH_BARS;
  return `On an idle server, a status change is in the list within ${ms(listed.median)} (median; may be ${LISTED_BAR} ms) and ${ms(listed.p99)} (p99), from the start of its request to the end of the first list that shows it.

From the start of a \`PUT _status\` to the watcher's message, one change a second:

${table(["watchers", "median", "p99"], arrivals.map(({ watchers, median, p99 }) => [whole(watchers), ms(median), ms(p99)]))}

\`PUT _status\` at ${writes.rate} changes a second:

${table(["", "median", "p99"], [
  ["no watchers", ms(writes.without.median), ms(writes.without.p99)],
  [`${whole(arrivals.at(-1).watchers)} watchers`, ms(writes.with.median), ms(writes.with.p99)],
  ["ratio", times(writes.with.median / writes.without.median), `${times(writes.with.p99 / writes.without.p99)} (may be ${p99} x)`],
])}

An open page on which nothing happens costs ${idle.requestsAnHour.toFixed(1)} requests an hour (may be ${requests}): its pings, twenty of which are billed as one. The runtime answers them without waking the object, so no object time is billed: ${(idle.cpuMsAPing * 1_000).toFixed(0)} us of CPU each.`;
}

/** Requests that are forwarded to a cluster. */
const throughTable = (rows) =>
  table(
    ["CPU us", "connector-status", "a bare `fetch`", `more (may be ${THROUGH_BAR})`],
    rows.map(({ label, ours, bare }) => [label, whole(ours.micros), whole(bare.micros), whole(ours.micros - bare.micros)]),
  );

/** What is billed for each kind of request, and per day for fleets of several sizes. */
function costs(rows) {
  const what = Object.keys(PRICES).filter((it) => it !== "gbSeconds");
  const per = (value) => value.toLocaleString("en", { maximumFractionDigits: 1 });
  const big = (value) => (value >= 1e6 ? `${(value / 1e6).toFixed(1)} M` : whole(value));
  const days = [
    ["no console open", { consoles: 0 }],
    ["two consoles open", { consoles: 2 }],
  ];
  const all = Object.keys(PRICES);
  return `Counts for one request, the mean of ten. Each is for a connector whose object was not in memory:

${table(["request", ...what.map((it) => PRICES[it].label)], rows.map((row) => [row.label, ...what.map((it) => per(row[it]))]))}

A day of connectors that check in every 300 s and change their status twice. Bold exceeds the free plan. The price leaves out what the paid plan includes:

${table(
  ["connectors", ...all.map((it) => PRICES[it].label), "price"],
  [100, 1_000, 10_000].flatMap((connectors) =>
    days.map(([label, how]) => {
      const total = day(rows, connectors, how);
      const shown = all.map((it) => (total.over.includes(it) ? `**${big(total[it])}**` : big(total[it])));
      return [`${whole(connectors)}, ${label}`, ...shown, `$${total.price.toFixed(2)}`];
    }),
  ),
)}

The free plan has, a day: ${all.map((it) => `${whole(PRICES[it].free)} ${PRICES[it].label}`).join(", ")}.`;
}

/** Replaces the text between two marks of a document. */
function between(file, text) {
  const path = join(root, file);
  const [start, end] = ["<!-- generated by npm run bench -->", "<!-- end -->"];
  const old = readFileSync(path, "utf8");
  const [from, to] = [old.indexOf(start), old.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${file} has no marks around the generated part`);
  writeFileSync(path, `${old.slice(0, from)}${start}\n\n${text}\n\n${old.slice(to)}`);
}

function drawLists({ rows, labels }) {
  const listed = rows.filter((row) => row.label.startsWith("list of 100 out of"));
  lines(join(root, "docs/list-cost.svg"), {
    title: "CPU of a list of 100 by the number of connectors stored",
    x: "connectors stored",
    y: "CPU of a list of 100, microseconds",
    points: names(labels).flatMap((name) =>
      listed.filter((row) => row[name]).map((row) => ({ x: row.stored, y: row[name].micros, series: labels[name] })),
    ),
  });
}

/** Writes docs/costs.md and its picture. */
function documentCosts(counted) {
  between("docs/costs.md", costs(counted));
  const numbers = [10, 30, 100, 300, 1_000, 3_000, 10_000];
  // A list made from KV reads every connector each time, and a page without push polls every second.
  const ofKv = (x) => day(counted, x, { consoles: 0 }).price + (2 * DAY * x * PRICES.kvReads.price) / 1e6;
  const ways = [
    ["connector-status", (x) => day(counted, x).price],
    ["lists from Workers KV,\nasked for each second", ofKv],
  ];
  lines(join(root, "docs/day-bill.svg"), {
    title: "The price of a day with two consoles open, by the number of connectors",
    x: "connectors that check in every 300 s",
    y: "a day with two consoles open, US dollars",
    points: ways.flatMap(([series, price]) => numbers.map((x) => ({ x, y: price(x), series }))),
  });
}

const others = await othersShare();
let measured;
let counted;
if (only === "watch") {
  console.log(watching(await watchBench({ share })));
  process.exit(0);
}
if (only === "through") {
  console.log(throughTable(await through({ runs: EDGE_RUNS, share })));
  process.exit(0);
}
if (only !== "costs") {
  console.log("the edge beside its peers");
  const lists = listRows.filter((row) => row.stored <= Number(options.stored ?? Infinity));
  measured = await edge({ runs: EDGE_RUNS, share, base, lists, onRow: ({ label }) => console.log(`  ${label}`) });
  console.log(`${beside(measured, "micros")}\n\n${ratios(measured)}\n\n${bars(measured)}`);
}
if (only !== "edge") {
  console.log("costs");
  counted = await count();
  console.log(costs(counted));
  documentCosts(counted);
}
if (only) process.exit(0);
console.log("growth");
const moves = await growth({ runs: RUNS, share });
console.log("start-up");
const starts = await startUp({ runs: RUNS, base });
console.log("the check");
const check = execFileSync("node", ["benches/check.mjs"], { cwd: root, env: environment }).toString();
console.log("through to a cluster");
const passed = await through({ runs: RUNS, share });
console.log("watching");
const watched = await watchBench({ share });
drawLists(measured);

const text = `# Results

Written by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} x ${cpus()[0].model}, ${Math.round(totalmem() / 2 ** 30)} GB, Linux; workerd ${version("workerd")}, Node ${process.version}, Hono ${version("hono")}, zod ${version("zod")}, xstate ${version("xstate")}, robot3 ${version("robot3")}, javascript-state-machine ${version("javascript-state-machine")}. Something else took ${Math.round(others * 100)} % of the machine when it began${others > 0.05 ? ": trust the ratios, not the rates" : ""}${share === 1 ? "" : `; ${share} of the usual number of requests`}.

## The edge

Each Worker runs in a workerd process of its own (\`workerd serve\`, objects in a disk in memory), with the same in-memory KV beside it; 16 connections over loopback, 200 connectors; ${EDGE_RUNS} rounds over four starts of the processes, each round of all Workers in random order, after 1,200 requests to warm up; CPU time is that of all threads, to the nanosecond. The peers do less: none has a strict error grammar, \`ETag\`s, access keys or soft deletion; the bare one has no history either. All write their copy to KV by an alarm or after the answer, at most once a second.

The first Hono peer makes its list from Workers KV, since that is what one would write; it has no filters. The second keeps its list in one SQLite object, as well as that can be done in JavaScript.

Requests per second:

${beside(measured, "rate")}

CPU microseconds of the process per request:

${beside(measured, "micros")}

CPU of connector-status beside the others: the mean of the starts' ratios, ± its standard error. Lists out of more than 10,000 connectors are measured in one start.

${ratios(measured)}

${bars(measured)}

![CPU of a list by the number of connectors stored](../docs/list-cost.svg)

## Growth

What a change by \`PUT _status\` costs; one connector has one caller, more have 16:

${table(["", "a second", "CPU us"], moves.map(({ label, rate, micros }) => [label, whole(rate), whole(micros)]))}

## Watching

${watching(watched)}

## Through to a cluster

What is not ours goes to the cluster behind the Worker (\`ORIGIN\`) and back, beside a Worker that does nothing but \`fetch\`; median of ${RUNS}:

${throughTable(passed)}

## Costs

${costs(counted)}

![The price of a day with two consoles open, by the number of connectors](../docs/day-bill.svg)

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
