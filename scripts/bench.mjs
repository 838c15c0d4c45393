// `npm run bench`: installs what is missing, builds what is measured, and runs the benchmarks.

import { readOptions } from "./command.mjs";
import { setup } from "./setup.mjs";
import { run } from "./tools.mjs";

readOptions({
  name: "bench",
  usage: `
Usage: npm run bench -- [SHARE] [--base FOLDER] [--runs N] [--only edge|costs|watch|through] [--stored N]

Measures what everything costs and writes benches/RESULTS.md. It takes some minutes, and wants the machine to itself.

  SHARE     0.125: an eighth of the requests, for a busy machine. Eighths only
  --base    another build beside this one: a folder with build/worker.js and build/index_bg.wasm
  --runs    fewer runs of each row
  --only    that part alone, to look at; nothing is written
  --stored  lists of no more than so many connectors`,
  options: { base: { type: "string" }, runs: { type: "string" }, only: { type: "string" }, stored: { type: "string" } },
  names: [0, 1],
});
await setup();
await run("node", ["scripts/build-worker.mjs"]);
await run("node", ["benches/run.mjs", ...process.argv.slice(2)]);
