// `npm run test:edge -- directory watch`: runs those files of tests/edge against the Worker of the sources as they are,
// built quickly if they have changed; all files without a name. Options go to the test runner: --test-name-pattern=trap.

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { root, run } from "./tools.mjs";

const args = process.argv.slice(2);
const options = args.filter((arg) => arg.startsWith("-"));
const names = args.filter((arg) => !arg.startsWith("-"));
const folder = "tests/edge";
const files = (names.length > 0 ? names : readdirSync(join(root, folder)).filter((name) => name.endsWith(".test.mjs")))
  .map((name) => join(folder, name.endsWith(".test.mjs") ? name : `${name}.test.mjs`));
const missing = files.filter((file) => !existsSync(join(root, file)));
if (missing.length > 0) {
  console.error(`There is no ${missing.join(", ")}.`);
  process.exit(2);
}
await run("node", ["scripts/build-worker.mjs", "--dev"]);
await run("node", ["--test", "--test-timeout=300000", ...options, ...files]);
