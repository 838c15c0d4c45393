// `npm run import`: from an export file to the list of connectors.

import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { environment, root } from "../../scripts/tools.mjs";
import { serveWithKv } from "../soak/workerd.mjs";
import { until } from "../until.mjs";
import { send } from "./worker.mjs";

/** A free port. */
const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

test("an export is imported, and hits that cannot be are reported", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "import-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const url = `http://127.0.0.1:${await freePort()}`;
  const run = (file, place = folder) => {
    const args = ["scripts/import.mjs", file, "--persist-to", place, "--url", url];
    return promisify(execFile)("node", args, { cwd: root, env: environment }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
    );
  };
  const write = (name, hits, total) => {
    const file = join(folder, name);
    writeFileSync(file, JSON.stringify({ hits: { total, hits } }));
    return file;
  };
  const listed = async () => (await send(url, "GET", "/_connector")).body.results.map(({ id, name, status }) => [id, name, status]);
  const hit = (_id, source) => ({ _id, _source: { status: "configured", index_name: null, ...source } });

  const early = write("first.json", [hit("early", { name: "Early", index_name: "early", sync_cursor: { n: 1 } })]);
  const unheard = await run(early);
  assert.equal(unheard.code, 3);
  assert.doesNotMatch(unheard.stdout, /imported|written to/);

  const { port } = new URL(url);
  const args = ["dev", "--ip", "127.0.0.1", "--port", port, "--persist-to", folder, "--var", "ANONYMOUS_PRIVILEGE:manage_connector"];
  const service = spawn("wrangler", args, { cwd: root, env: { ...environment, CONNECTOR_STATUS_BUILT: "1" }, stdio: "ignore" });
  t.after(() => service.kill());
  await until(() => fetch(url, { method: "HEAD" }).then(({ ok }) => ok, () => false), Boolean, 60);

  const first = await run(early);
  assert.deepEqual([first.code, first.stderr], [0, ""]);
  assert.match(first.stdout, /^1 imported, 0 skipped\. See http/m);

  const { code, stdout: said } = await run(
    write("second.json", [
      hit("early", { name: "Other" }),
      hit("late", { name: "Late", custom: [1.50] }),
      hit("late", {}),
      hit("thief", { index_name: "early" }),
      hit("no-connector", { status: "gone" }),
      hit("_status", { name: "Reserved" }),
      hit("large", { sync_cursor: { text: "x".repeat(1 << 20) } }),
    ]),
  );
  const lines = [
    "skipped: early: the connector exists already",
    "skipped: late: it appears twice in the export",
    "skipped: thief: its index [early] is used by another connector",
    "skipped: no-connector: its status is [gone], so it is not a connector",
    /skipped: large: it has \d+ bytes, more than 1048576/,
    /skipped: _status: its id cannot be used: \[connector_id\] must not be \[_status\]/,
    /1 imported, 6 skipped\. See http/,
  ];
  assert.equal(code, 1);
  for (const line of lines) assert.match(said, line instanceof RegExp ? line : new RegExp(line.replace(/[[\]]/g, "\\$&")));
  const both = [["early", "Early", "configured"], ["late", "Late", "configured"]];
  assert.deepEqual(await listed(), both);
  // Refused documents leave no keys behind.
  const keys = execFileSync("wrangler", ["kv", "key", "list", "--binding", "CONNECTORS", "--local", "--persist-to", folder], { cwd: root, env: environment, encoding: "utf8" });
  assert.deepEqual(JSON.parse(keys).map(({ name }) => name).sort(), ["c:early", "c:late"]);

  // A folder other than the service's.
  const elsewhere = mkdtempSync(join(tmpdir(), "import-"));
  t.after(() => rmSync(elsewhere, { recursive: true, force: true }));
  const lost = await run(write("third.json", [hit("lost", { name: "Lost" })]), elsewhere);
  assert.equal(lost.code, 1);
  assert.match(lost.stdout, /^0 imported, 0 skipped/m);
  assert.match(lost.stderr, /1 documents were written to Workers KV, but the service at .* did not import them: \[lost\]\. They were removed again\. Does .* belong to this folder/);
  assert.deepEqual(await listed(), both);

  const part = await run(write("part.json", [hit("early", {})], { value: 10_001, relation: "eq" }));
  assert.equal(part.code, 1);
  assert.match(part.stderr, /part\.json has only 1 of 10001 connectors\. Export the others too/);
});
