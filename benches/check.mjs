// The cost of one check: this package and its peers, in one run: `node benches/check.mjs`.
//
// Every contestant checks all 25 pairs, built from the same table. Rounds are interleaved so that a busy machine slows
// all of them alike; the result is the median round. Trust the ratios; the nanoseconds depend on the machine.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";

import StateMachine from "javascript-state-machine";
import { createMachine as robot, state, transition } from "robot3";
import { createMachine } from "xstate";

import { root } from "../scripts/tools.mjs";
import { median } from "../tests/median.mjs";
import { imports, measure } from "../tests/package/sizes.mjs";

const ROUNDS = 9;
const dist = join(root, "npm/dist");
if (!existsSync(dist)) throw new Error("npm run build:package first");


/** The first call decodes, compiles and instantiates the module: in milliseconds. */
async function firstCall(round) {
  const fresh = await import(`${join(dist, "index.js")}?${round}`);
  const started = performance.now();
  fresh.isValidTransition("created", "error");
  return performance.now() - started;
}
const firstCalls = [];
for (let round = 0; round < ROUNDS; round += 1) firstCalls.push(await firstCall(round));

const { statuses, nextStatuses, isValidTransition } = await import(join(dist, "index.js"));
const js = await import(join(dist, "js.js"));
const pairs = statuses.flatMap((from) => statuses.map((to) => [from, to]));
const allowed = Object.fromEntries(statuses.map((from) => [from, nextStatuses(from)]));

const lists = structuredClone(allowed);
const table = Object.fromEntries(
  statuses.map((from) => [
    from,
    Object.fromEntries(statuses.map((to) => [to, allowed[from].includes(to)])),
  ]),
);

const xstate = createMachine({
  states: Object.fromEntries(
    statuses.map((from) => [from, { on: Object.fromEntries(allowed[from].map((to) => [to, to])) }]),
  ),
  initial: "created",
});
const snapshots = Object.fromEntries(
  statuses.map((value) => [value, xstate.resolveState({ value, context: {} })]),
);
const events = Object.fromEntries(statuses.map((type) => [type, { type }]));

const machine = robot(
  Object.fromEntries(
    statuses.map((from) => [from, state(...allowed[from].map((to) => transition(to, to)))]),
  ),
);

const fsms = Object.fromEntries(
  statuses.map((from) => [
    from,
    new StateMachine({
      init: from,
      transitions: statuses.flatMap((source) =>
        allowed[source].map((to) => ({ name: `to_${to}`, from: source, to })),
      ),
    }),
  ]),
);
const names = Object.fromEntries(statuses.map((to) => [to, `to_${to}`]));

const contestants = {
  "plain object, table[from][to]": [2e6, (from, to) => table[from][to]],
  "plain object, lists[from].includes(to)": [2e6, (from, to) => lists[from].includes(to)],
  "connector-status": [2e6, isValidTransition],
  "connector-status/js": [2e6, js.isValidTransition],
  "robot3, machine.states[from].transitions.has(to)": [
    2e6,
    (from, to) => machine.states[from].transitions.has(to),
  ],
  "javascript-state-machine, fsm.can(name)": [1e6, (from, to) => fsms[from].can(names[to])],
  "xstate, snapshot.can(event), cached": [2e5, (from, to) => snapshots[from].can(events[to])],
  "xstate, resolveState(...).can(event)": [
    1e5,
    (from, to) => xstate.resolveState({ value: from, context: {} }).can(events[to]),
  ],
};

/** Nanoseconds per check. Each has its own loop, so that the engine optimizes each separately. */
function stopwatch(can, calls) {
  const body = `
    let yes = 0;
    const started = performance.now();
    for (let i = 0; i < calls; i += 25) {
      for (const pair of pairs) if (can(pair[0], pair[1])) yes += 1;
    }
    const ns = ((performance.now() - started) * 1e6) / calls;
    if (yes !== (calls / 25) * 14) throw new Error("wrong answers: " + yes);
    return ns;`;
  const run = new Function("can", "calls", "pairs", body);
  return () => run(can, calls, pairs);
}

const runs = Object.entries(contestants).map(([name, [calls, can]]) => ({
  name,
  time: stopwatch(can, calls),
  figures: [],
}));
for (let round = 0; round < ROUNDS; round += 1) {
  for (const { time, figures } of runs) figures.push(time());
}
const cost = Object.fromEntries(runs.map(({ name, figures }) => [name, median(figures)]));
const ours = cost["connector-status"];

console.log(`node ${process.version}, median of ${ROUNDS} rounds\n`);
console.log("| one check | ns | connector-status costs |\n|---|---:|---:|");
for (const [name, ns] of Object.entries(cost)) {
  console.log(`| ${name} | ${ns.toFixed(1)} | ${(ours / ns).toFixed(2)} x |`);
}
const first = [firstCalls[0], median(firstCalls)].map((ms) => ms.toFixed(2));
console.log(`\nfirst call (decode, compile, start): ${first[0]} ms, median of fresh ones ${first[1]} ms\n`);

console.log("| minified | bytes | gz | br |\n|---|---:|---:|---:|");
for (const [name, contents] of Object.entries(imports)) {
  const { minified, gzipped, bytes } = await measure(contents);
  console.log(`| ${name} | ${minified} | ${gzipped} | ${brotliCompressSync(bytes).length} |`);
}
const wasm = readFileSync(join(dist, "connector_status.wasm"));
console.log(`\nthe check's module: ${wasm.length} bytes`);
