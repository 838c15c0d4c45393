// `npm run bench`: sets up what is missing, builds what is measured, measures it.

import { setup } from "./setup.mjs";
import { run } from "./tools.mjs";

await setup();
await run("node", ["scripts/build-worker.mjs"]);
await run("node", ["benches/run.mjs", ...process.argv.slice(2)]);
