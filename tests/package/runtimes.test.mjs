// The packed tarball in test runners with a simulated browser, and in runtimes other than Node.

import assert from "node:assert/strict";
import { after, suite, test } from "node:test";

import { binary, projectWithPackages, inModules, runIn, setUpProjects } from "./projects.mjs";
import { everything, everythingSaid, pack } from "./package.mjs";

await setUpProjects();

const imported = (specifier) => `import("${specifier}")`;
const required = (specifier) => `require("${specifier}")`;
const printed = (get) => `${everything(get)}.then((said) => console.log(JSON.stringify(said)));`;
const expected = (get) => `test("every entry point", async () => {
  expect(document.body).toBeTruthy();
  expect(await ${everything(get)}).toEqual(${JSON.stringify(everythingSaid)});
});`;

const files = {
  "package.json": '{ "private": true, "type": "module" }',
  "all.mjs": printed(imported),
  "all.cjs": printed(required),
  "jest/jest.config.json": '{ "testEnvironment": "jsdom" }',
  "jest/jest.test.cjs": expected(required),
  "vitest/vitest.test.mjs": `import { expect, test } from "vitest";\n${expected(imported)}`,
  "native.mjs": `delete globalThis.WebAssembly;
const { isValidTransition } = await import("connector-status");
const { createRequire } = await import("node:module");
const common = createRequire(import.meta.url)("connector-status");
const { isFinal } = await import("connector-status/sync-jobs");
console.log(isValidTransition("created", "error"), common.isValidTransition("created", "connected"), isFinal("error"));`,
};

const path = projectWithPackages({ after }, pack({ after }), files);

suite("the package works in", () => {
  const node = (script, ...args) => runIn(path, process.execPath, [script, ...args]);
  const timeout = 180_000;

  test("Jest, with jsdom", { timeout }, () =>
    node(inModules("jest/bin/jest.js"), "--rootDir", "jest", "--config", "jest/jest.config.json"),
  );

  test("Vitest, with jsdom", { timeout }, () =>
    node(inModules("vitest/vitest.mjs"), "run", "--environment", "jsdom", "--root", "vitest"),
  );

  test("React Native, which has no WebAssembly", { timeout }, async () => {
    assert.equal(await node("--conditions=react-native", "native.mjs"), "true false true\n");
  });

  const bun = binary("Bun", [
    ...["linux-x64-baseline", "linux-aarch64", "darwin-x64-baseline", "darwin-aarch64"].map(
      (platform) => `@oven/bun-${platform}/bin/bun`,
    ),
  ]);
  const deno = binary("Deno", [
    ...["linux-x64-glibc", "linux-arm64-glibc", "darwin-x64", "darwin-arm64"].map(
      (platform) => `@deno/${platform}/deno`,
    ),
  ]);
  const runtimes = [
    ["Bun", bun, ["--no-install"]],
    ["Deno", deno, ["run", "--allow-read", "--allow-env"]],
  ];
  for (const [name, { path: program, skip }, args] of runtimes) {
    for (const file of ["all.mjs", "all.cjs"]) {
      test(`${name}, by ${file.endsWith("cjs") ? "require" : "import"}`, { timeout, skip }, async () => {
        const said = await runIn(path, program, [...args, file]);
        assert.deepEqual(JSON.parse(said), everythingSaid);
      });
    }
  }
});
