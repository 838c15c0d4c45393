// The console's JSDoc types, checked by TypeScript against the package's declarations.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";

import { environment, root } from "../../scripts/tools.mjs";

for (const [what, project] of [["data and stores, without implicit any", "www/tsconfig.core.json"], ["pages", "www/tsconfig.json"]]) {
  test(`TypeScript finds no type errors: ${what}`, () => {
    const { status, stdout, stderr } = spawnSync("tsc", ["--project", join(root, project)], { env: environment, encoding: "utf8" });
    assert.equal(status, 0, stdout + stderr);
  });
}
