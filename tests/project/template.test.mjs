// build/template, moved to a folder of its own: Node and npm are all that it is given.

import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { find, root } from "../../scripts/tools.mjs";
import { playSession } from "../session.mjs";
import { until } from "../until.mjs";

const place = mkdtempSync(join(tmpdir(), "template-"));
const folder = join(place, "worker");
const bin = join(place, "bin");
const inherited = Object.entries(process.env).filter(([name]) => !/^(npm_|CARGO|RUST)/.test(name));
const env = { ...Object.fromEntries(inherited), PATH: bin };
after(() => rmSync(place, { recursive: true, force: true }));

/** A port that is free now. */
const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

before(async () => {
  const built = { ...process.env, CONNECTOR_STATUS_BUILT: "1" };
  execFileSync("node", ["scripts/build-template.mjs"], { cwd: root, env: built, stdio: "ignore" });
  cpSync(join(root, "build/template"), folder, { recursive: true });
  mkdirSync(bin);
  symlinkSync(process.execPath, join(bin, "node"));
  for (const program of ["npm", "sh", "env"]) symlinkSync(find(program), join(bin, program));
});

test("has the hash of every package, and wrangler alone", () => {
  const { packages } = JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8"));
  const { "": project, ...others } = packages;
  assert.deepEqual(Object.keys(project.devDependencies), ["wrangler"]);
  assert.deepEqual(Object.entries(others).filter(([, { integrity }]) => !integrity), []);
  assert.ok(!Object.keys(others).some((path) => path.includes("playwright")));
});

test("names the licences of what is built in", () => {
  const text = readFileSync(join(folder, "LICENSES.txt"), "utf8");
  for (const name of ["serde_json", "worker", "wasm-bindgen", "preact"]) {
    assert.match(text, new RegExp(`^${name} [\\d.]+: .*(MIT|Apache)`, "m"));
  }
});

test("runs and rehearses its deployment, without cargo", async (t) => {
  assert.equal(spawn("cargo", { env }).on("error", () => {}).pid, undefined);
  const started = Date.now();
  await promisify(execFile)("npm", ["install", "--no-audit", "--no-fund"], { cwd: folder, env });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const server = spawn("npm", ["start", "--", "--port", String(port)], { cwd: folder, env, detached: true });
  let said = "";
  for (const stream of [server.stdout, server.stderr]) stream.on("data", (data) => (said += data));
  try {
    const isUp = () => fetch(url, { method: "HEAD" }).then(({ status }) => status === 200, () => false);
    await until(isUp, Boolean, 120).catch((error) => assert.fail(`${error.message}\n${said}`));
    t.diagnostic(`first answer after ${((Date.now() - started) / 1000).toFixed(1)} s`);
    await playSession(t, join(folder, "README.md"), url);
    const page = await fetch(url, { headers: { accept: "text/html" } });
    assert.match(await page.text(), /<script/);
  } finally {
    process.kill(-server.pid, "SIGTERM");
  }
  const { stdout } = await promisify(execFile)("npm", ["run", "deploy", "--", "--dry-run"], { cwd: folder, env });
  assert.equal(stdout.match(/^\d\. /gm).length, 5);
});
