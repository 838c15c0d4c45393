// `npm run test:core -- WORD`: runs the core's native tests with that word in their name, or all of them.

import { readOptions } from "./command.mjs";
import { run } from "./tools.mjs";

const { names } = readOptions({
  name: "test:core",
  usage: `
Usage: npm run test:core -- [WORD...]

Runs the core's native tests. With words, only tests whose name contains one of them: npm run test:core -- tables::`,
  names: [0, Infinity],
});
await run("cargo", ["test", "--locked", "--", ...names]);
