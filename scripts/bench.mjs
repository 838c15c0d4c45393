// `npm run bench`: installs what is missing, builds what is measured, and runs the benchmarks.

import { readOptions } from "./command.mjs";
import { setup } from "./setup.mjs";
import { run } from "./tools.mjs";

readOptions({
  name: "bench",
  usage: `
Usage: npm run bench -- [SHARE] [--base FOLDER] [--runs N] [--only edge|costs|watch|through] [--stored N]

Runs all benchmarks and writes benches/RESULTS.md. This takes some minutes. Run nothing else on the machine meanwhile.

  SHARE     the fraction of the requests to send, for a busy machine: a multiple of 0.125
  --base    another build to compare with: a folder with build/worker.js and build/index_bg.wasm
  --runs    the number of runs of each row
  --only    prints one part, and doesn't write benches/RESULTS.md
  --stored  the maximum number of connectors in the rows for lists`,
  options: { base: { type: "string" }, runs: { type: "string" }, only: { type: "string" }, stored: { type: "string" } },
  names: [0, 1],
});
await setup();
await run("node", ["scripts/build-worker.mjs"]);
await run("node", ["benches/run.mjs", ...process.argv.slice(2)]);
