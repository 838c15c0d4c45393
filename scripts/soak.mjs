// `npm run soak`: sets up what is missing, builds the Worker, tries to make it lose something.
// `npm run soak -- kill claims` runs only those proofs.

import { setup } from "./setup.mjs";
import { run } from "./tools.mjs";

await setup();
await run("node", ["scripts/build-worker.mjs"]);
await run("node", ["tests/soak/run.mjs", ...process.argv.slice(2)]);
