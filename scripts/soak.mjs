// `npm run soak`: installs what is missing, builds the Worker, and tries to make it lose data. `npm run soak -- kill
// claims` runs only those proofs.

import { readOptions, USAGE } from "./command.mjs";
import { setup } from "./setup.mjs";
import { run } from "./tools.mjs";

const { names } = readOptions({
  name: "soak",
  usage: `
Usage: npm run soak -- [PROOF...]

Builds the Worker and tries to make it lose data, by kills, faults and races. docs/proofs.md describes each proof. To run
single proofs, name them: npm run soak -- kill claims`,
  names: [0, Infinity],
});
await setup();
const known = Object.keys(await import("../tests/soak/proofs.mjs"));
for (const name of names.filter((name) => !known.includes(name))) {
  console.error(`There is no proof '${name}'. There are: ${known.join(", ")}`);
  process.exit(USAGE);
}
await run("node", ["scripts/build-worker.mjs"]);
await run("node", ["tests/soak/run.mjs", ...process.argv.slice(2)]);
