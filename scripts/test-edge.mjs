// `npm run test:edge -- directory watch`: runs those files of tests/edge against the Worker, after a development build
// if sources have changed.

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { readOptions, USAGE } from "./command.mjs";
import { root, run } from "./tools.mjs";

const options = readOptions({
  name: "test:edge",
  usage: `
Usage: npm run test:edge -- [FILE...] [--test-name-pattern PATTERN]

Runs files of tests/edge, or all of them, against a real workerd. If sources have changed, it first makes a development
build of the Worker. For example: npm run test:edge -- rollout --test-name-pattern trap`,
  options: { "test-name-pattern": { type: "string" } },
  names: [0, Infinity],
});
const folder = "tests/edge";
const all = readdirSync(join(root, folder)).filter((name) => name.endsWith(".test.mjs"));
const names = options.names.length > 0 ? options.names.map((name) => `${name.replace(/\.test\.mjs$/, "")}.test.mjs`) : all;
const missing = names.find((name) => !existsSync(join(root, folder, name)));
if (missing) {
  console.error(`There is no ${folder}/${missing}`);
  process.exit(USAGE);
}
const pattern = options["test-name-pattern"];
await run("node", ["scripts/build-worker.mjs", "--dev"]);
await run("node", [
  ...["--test", "--test-timeout=300000", ...(pattern ? [`--test-name-pattern=${pattern}`] : [])],
  ...names.map((name) => join(folder, name)),
]);
