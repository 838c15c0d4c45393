// `npm run import`, from an export to the list.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
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

/** A port that nobody uses. */
const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

test("an export is taken up, and what cannot be is named", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "import-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const url = `http://127.0.0.1:${await freePort()}`;
  const run = async (file) => {
    const args = ["scripts/import.mjs", file, "--persist-to", folder, "--url", url];
    return (await promisify(execFile)("node", args, { cwd: root, env: environment })).stdout;
  };
  const write = (name, hits) => {
    const file = join(folder, name);
    writeFileSync(file, JSON.stringify({ hits: { hits } }));
    return file;
  };
  const hit = (_id, source) => ({ _id, _source: { status: "configured", index_name: null, ...source } });

  const first = await run(write("first.json", [hit("early", { name: "Early", index_name: "early", sync_cursor: { n: 1 } })]));
  assert.match(first, /1 put into Workers KV, 0 skipped\. Nothing answers at/);

  const { port } = new URL(url);
  const args = ["dev", "--ip", "127.0.0.1", "--port", port, "--persist-to", folder, "--var", "ANONYMOUS_PRIVILEGE:manage_connector"];
  const service = spawn("wrangler", args, { cwd: root, env: { ...environment, CONNECTOR_STATUS_BUILT: "1" }, stdio: "ignore" });
  t.after(() => service.kill());
  await until(() => fetch(url, { method: "HEAD" }).then(({ ok }) => ok, () => false), Boolean, 60);

  const said = await run(
    write("second.json", [
      hit("early", { name: "Other" }),
      hit("late", { name: "Late", custom: [1.50] }),
      hit("late", {}),
      hit("thief", { index_name: "early" }),
      hit("no-connector", { status: "gone" }),
      hit("large", { sync_cursor: { text: "x".repeat(1 << 20) } }),
    ]),
  );
  const lines = [
    "skipped: early: there is a connector of that id already",
    "skipped: late: it is in the export twice",
    "skipped: thief: its index [early] is used by another connector",
    "skipped: no-connector: its status is [gone]: it is no connector",
    /skipped: large: it has \d+ bytes, more than 1048576/,
    /1 taken, 5 skipped\. Next: http/,
  ];
  for (const line of lines) assert.match(said, line instanceof RegExp ? line : new RegExp(line.replace(/[[\]]/g, "\\$&")));
  const { body } = await send(url, "GET", "/_connector");
  assert.deepEqual(body.results.map(({ id, name, status }) => [id, name, status]), [
    ["early", "Early", "configured"],
    ["late", "Late", "configured"],
  ]);
});

test("while Workers KV is away, a creation with a condition does not overwrite an import", async (t) => {
  const server = await serveWithKv();
  t.after(() => server.close());
  const imported = { status: "connected", name: "Imported", index_name: null };
  await server.kv("load", ["star", "tag", "any"].map((id) => [`c:${id}`, JSON.stringify(imported)]));
  await server.kv("faults", { mode: "500" });
  const create = (id, headers) => send(server.url(), "PUT", `/_connector/${id}`, { name: "New" }, headers);
  assert.equal((await create("star", { "if-none-match": "*" })).status, 503);
  assert.equal((await create("tag", { "if-match": '"1"' })).status, 503);
  // Without a condition it does not matter what is there.
  assert.equal((await create("any")).status, 201);
  await server.kv("faults", { mode: "none" });
  assert.equal((await create("star", { "if-none-match": "*" })).status, 412);
  assert.equal((await create("tag", { "if-match": '"1"' })).status, 200);
  assert.equal((await send(server.url(), "GET", "/_connector/star")).body.name, "Imported");
});

test("a copy that no object has written is shown if its object takes it up, and only then", async (t) => {
  const server = await serveWithKv();
  t.after(() => server.close());
  const nearest = (id) => send(server.url(), "GET", `/_connector/${id}?realtime=false`);
  const text = JSON.stringify({ status: "connected", name: "Put there", index_name: null });
  await send(server.url(), "PUT", "/_connector/erased", { name: "Erased" });
  await send(server.url(), "DELETE", "/_connector/erased?hard=true");
  await until(() => server.kv("state"), ({ entries }) => !("c:erased" in entries));
  await server.kv("load", ["erased", "imported"].map((id) => [`c:${id}`, text]));
  assert.equal((await nearest("erased")).status, 404);
  const { status, body, headers } = await nearest("imported");
  assert.deepEqual([status, body.name, headers.get("age")], [200, "Put there", null]);
  // From then on it is a copy like any other.
  await until(() => nearest("imported"), (answer) => answer.headers.get("age") !== null);
});
