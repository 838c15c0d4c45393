// How scripts find tools on a machine, and what they print if they find none.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { root } from "../../scripts/tools.mjs";

const place = mkdtempSync(join(tmpdir(), "tools-"));
after(() => rmSync(place, { recursive: true, force: true }));

const program = (name) => {
  const path = join(place, name);
  writeFileSync(path, "#!/bin/sh\n");
  chmodSync(path, 0o755);
  return path;
};
const evaluate = (code, env) =>
  execFileSync(process.execPath, ["--input-type=module", "-e", code], { cwd: root, encoding: "utf8", env: { HOME: place, ...env } }).trim();

test("browser finds the named browser, or an installed one, or none", () => {
  const browser = (env) => evaluate('import { browser } from "./scripts/tools.mjs"; console.log(browser() ?? "none");', env);
  // On other systems browsers have fixed paths, so one may be found.
  if (process.platform === "linux") assert.equal(browser({ PATH: place }), "none");
  const chrome = program("google-chrome");
  assert.equal(browser({ PATH: place }), chrome);
  assert.equal(browser({ PATH: place, CHROMIUM: "/not/there" }), "none");
  const other = program("my-browser");
  assert.equal(browser({ PATH: place, CHROMIUM: other }), other);
  assert.equal(browser({ PATH: place, CHROMIUM: "my-browser" }), other);
});

test("a Node that is too old for wrangler is reported", () => {
  writeFileSync(join(place, "node"), "#!/bin/sh\necho v20.1.0\n");
  chmodSync(join(place, "node"), 0o755);
  const code = `import { checkNode, environment } from "./scripts/tools.mjs"; environment.PATH = ${JSON.stringify(`${place}:/bin`)}; checkNode();`;
  assert.throws(() => evaluate(code, { PATH: place }), ({ status, stderr }) => {
    assert.match(stderr, /^Node 22\.12 or newer is needed, but this is v20\.1\.0/);
    return status === 1;
  });
});
