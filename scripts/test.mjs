// `npm test`: installs what is missing, then runs every check (checks.mjs) with the project's own Node.

import { readOptions } from "./command.mjs";
import { setup } from "./setup.mjs";
import { start } from "./tools.mjs";

const { names } = readOptions({
  name: "test",
  usage: `
Usage: npm test -- [WORD...]

Sets up what is missing and runs every check; the last line counts what passed and failed. With words, only the checks that
have one of them in their name: npm test -- native edge`,
  names: [0, Infinity],
});
await setup();
start("node", ["scripts/checks.mjs", ...names]).on("exit", (code) => process.exit(code ?? 1));
