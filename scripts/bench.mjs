// `npm run bench`: sets up what is missing, builds what is measured, measures it.

import { setup } from "./setup.mjs";
import { run } from "./tools.mjs";

await setup();
for (const script of ["scripts/build-worker.mjs", "scripts/build-package.mjs", "benches/run.mjs"]) {
  await run("node", [script]);
}
