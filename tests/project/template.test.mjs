// build/template in its own folder, with nothing but Node and npm.

import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { find, root } from "../../scripts/tools.mjs";
import { send } from "../edge/worker.mjs";
import { playSession } from "../session.mjs";
import { until } from "../until.mjs";

const place = mkdtempSync(join(tmpdir(), "template-"));
const folder = join(place, "worker");
const bin = join(place, "bin");
const inherited = Object.entries(process.env).filter(([name]) => !/^(npm_|CARGO|RUST)/.test(name));
const env = { ...Object.fromEntries(inherited), PATH: bin };
after(() => rmSync(place, { recursive: true, force: true }));

/** A free port. */
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

test("the lock file has a hash for every package, and only wrangler is a dependency", () => {
  const { packages } = JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8"));
  const { "": project, ...others } = packages;
  assert.deepEqual(Object.keys(project.devDependencies), ["wrangler"]);
  assert.deepEqual(Object.entries(others).filter(([, { integrity }]) => !integrity), []);
  assert.ok(!Object.keys(others).some((path) => path.includes("playwright")));
});

test("the licences of everything built in are included", () => {
  const text = readFileSync(join(folder, "LICENSES.txt"), "utf8");
  for (const name of ["Rust's standard library", "serde_json", "worker", "wasm-bindgen", "preact", "@preact/signals"]) {
    assert.match(text, new RegExp(`^${name} [\\d.]+: .*(MIT|Apache)`, "m"));
  }
});

test("every command and document that its documents name exists", () => {
  const { scripts } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const documents = globSync(["*.md", "docs/*.md"], { cwd: folder });
  assert.ok(documents.length > 7, documents.join());
  // These need a clone: SECURITY.md and the changelog mention them.
  const ofClones = ["audit", "build:alerts", "build:template"];
  for (const file of documents) {
    const text = readFileSync(join(folder, file), "utf8");
    for (const [, name] of text.matchAll(/npm run (?:--silent )?([\w:-]+)/g)) {
      assert.ok(name in scripts || ofClones.includes(name), `${file}: npm run ${name}`);
    }
    for (const [, target] of text.matchAll(/\]\((?![a-z]+:)([^)#]+)[^)]*\)/g)) {
      assert.ok(existsSync(join(folder, dirname(file), target)), `${file}: ${target}`);
    }
  }
  for (const script of Object.values(scripts)) assert.ok(existsSync(join(folder, script.split(" ")[1])), script);
});

/** The output of a command in the folder, which must succeed. */
async function npm(...args) {
  const { stdout, stderr } = await promisify(execFile)("npm", args, { cwd: folder, env });
  return stdout + stderr;
}

test("the template runs, can be operated, and rehearses its deployment without cargo", async (t) => {
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

    await send(url, "PUT", "/_connector/kept", { name: "Kept" });
    assert.match(await npm("run", "backup", "--", "--url", url, "--to", "backup.ndjson"), /^connectors saved: 2$/m);
    await send(url, "PUT", "/_connector/kept/_name", { name: "Changed" });
    assert.match(await npm("run", "restore", "--", "backup.ndjson", "--url", url, "--overwrite", "--yes"), /^0 restored, 1 overwritten, 1 already restored, .* 0 failed$/m);
    assert.equal((await send(url, "GET", "/_connector/kept")).body.name, "Kept");
    assert.match(await npm("run", "rebuild-directory", "--", "--url", url), /^2 connectors reindexed, 0 failed$/m);
    assert.match(await npm("run", "--silent", "key", "--", "create", "--name", "agent", "--privilege", "monitor_connector"), /^[\w+/]+=*$/m);
    assert.match(await npm("run", "key", "--", "list"), /^\w+  agent  monitor_connector on \*, never expires, created /m);
    assert.match(await npm("run", "--silent", "webhook", "--", "secret"), /^whsec_/);
  } finally {
    process.kill(-server.pid, "SIGTERM");
  }
  assert.equal((await npm("run", "deploy", "--", "--dry-run")).match(/^\d\. /gm).length, 5);
});
