// The JSDoc types of the console, the package and the commands, checked by TypeScript.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";

import { environment, root } from "../../scripts/tools.mjs";

const projects = {
  "the console's data and stores, without implicit any": "www/tsconfig.core.json",
  "the console's pages": "www/tsconfig.json",
  "the package, whose exports have exactly the declared names and types": "npm/tsconfig.json",
  "the commands": "scripts/tsconfig.json",
};

for (const [name, project] of Object.entries(projects)) {
  test(`TypeScript finds no type errors: ${name}`, () => {
    const { status, stdout, stderr } = spawnSync("tsc", ["--project", join(root, project)], { env: environment, encoding: "utf8" });
    assert.equal(status, 0, stdout + stderr);
  });
}
