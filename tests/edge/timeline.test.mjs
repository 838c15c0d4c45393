// The numbers of connectors by status over the last days: what is stored, what it costs, and who may read it.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";

import { inDatabases, ours, scratch, serveWithKv } from "../soak/workerd.mjs";
import { must, send } from "./worker.mjs";

const MARK = 300_000;
const secret = "a secret of more than twenty characters";
const as = (id) => ({ authorization: `ApiKey ${Buffer.from(`${id}:${secret}`).toString("base64")}` });

let disk;
let server;
before(async () => {
  disk = mkdtempSync(join(scratch, "connector-status-timeline-"));
  server = await serveWithKv({ worker: ours({ vars: { ANONYMOUS_PRIVILEGE: "manage_connector" } }), disk });
});
after(async () => {
  await server.close();
  rmSync(disk, { recursive: true, force: true });
});

const ask = (method, path, body) => must(server.url(), method, `/_connector${path}`, body);
const timeline = (query = "") => ask("GET", `/_timeline${query}`);

/** Reads or changes the Directory's database while the Worker is stopped. */
async function inDirectory(look) {
  await server.kill();
  try {
    return inDatabases(disk, "Directory", look)[0];
  } finally {
    await server.restart();
  }
}
const marks = () => inDirectory((database) => database.prepare("SELECT at, before FROM timeline ORDER BY at").all().map((row) => ({ ...row })));

test("the first change in five minutes writes a mark; heartbeats, edits and further changes write none", async () => {
  for (const id of ["one", "two"]) await ask("PUT", `/${id}`, {});
  await ask("PUT", "/one/_status", { status: "needs_configuration" });
  await ask("PUT", "/one/_check_in");
  await ask("PUT", "/one/_name", { name: "One" });
  const found = await marks();
  // Five minutes may have passed in between.
  assert.ok(found.length === 1 || found.length === 2, JSON.stringify(found));
  assert.equal(found[0].before, "{}");
  assert.ok(Math.abs(found[0].at * MARK - Date.now()) < 2 * MARK);
  const { steps } = await timeline();
  assert.deepEqual(steps[0].by_status, {});
  assert.deepEqual(steps.at(-1).by_status, { created: 1, needs_configuration: 1 });
});

test("all marks of the last day are kept, and of 30 days the first in each hour", async () => {
  await ask("PUT", "/three", {});
  const statements = await inDirectory((database) => database.prepare("SELECT sql FROM sqlite_master WHERE name IN ('timeline', 'timeline_thins') ORDER BY rowid").all().map(({ sql }) => sql));
  const database = new DatabaseSync(":memory:");
  for (const sql of statements) database.exec(sql);
  const insert = database.prepare("INSERT INTO timeline VALUES (?, '{}')");
  const [first, last] = [7_003, 7_003 + 33 * 288];
  for (let at = first; at <= last; at += 1) insert.run(at);
  // Marks are thinned by the first mark of an hour, so as of the start of the last hour.
  const hour = Math.floor(last / 12) * 12;
  const expected = [];
  for (let at = first; at <= last; at += 1) {
    if (at >= hour - 288 || (at >= hour - 30 * 288 && at % 12 === 0)) expected.push(at);
  }
  assert.deepEqual(database.prepare("SELECT at FROM timeline ORDER BY at").all().map(({ at }) => at), expected);
  // An hour whose first mark is late keeps that mark.
  for (const at of [last + 402, last + 403, last + 800, last + 1_200]) insert.run(at);
  const kept = database.prepare("SELECT at FROM timeline WHERE at > ? ORDER BY at").all(last).map(({ at }) => at);
  assert.deepEqual(kept, [last + 402, last + 800, last + 1_200]);
});

test("the number of hours must be between an hour and 30 days", async () => {
  for (const hours of ["0", "721", "x"]) {
    const { status, body } = await send(server.url(), "GET", `/_connector/_timeline?hours=${hours}`);
    assert.equal(status, 400, hours);
    assert.match(body.error.reason, /hours/);
  }
});

test("a limited key is refused, since the numbers are of all connectors", async () => {
  const secret_sha256 = createHash("sha256").update(secret).digest("base64");
  const key = (connectors) => JSON.stringify({ name: "k", secret_sha256, privileges: ["monitor_connector"], connectors });
  const other = await serveWithKv({ worker: ours({ vars: {} }) });
  try {
    await other.kv("load", [["all", key(["*"]), null], ["some", key(["team-*"]), null]]);
    assert.equal((await send(other.url(), "GET", "/_connector/_timeline", undefined, as("all"))).status, 200);
    assert.equal((await send(other.url(), "GET", "/_connector/_timeline", undefined, as("some"))).status, 403);
  } finally {
    await other.close();
  }
});
