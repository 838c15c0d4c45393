// How many connectors had which status over the last days: what is kept, what it costs, and who may ask.

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

/** Looks into the Directory's database, or changes it, while nobody else has it open. */
async function inDirectory(look) {
  await server.kill();
  try {
    return inDatabases(disk, "Directory", look)[0];
  } finally {
    await server.restart();
  }
}
const marks = () => inDirectory((database) => database.prepare("SELECT at, before FROM timeline ORDER BY at").all().map((row) => ({ ...row })));

test("the first change in five minutes makes a mark; heartbeats, edits and more changes make none", async () => {
  for (const id of ["one", "two"]) await ask("PUT", `/${id}`, {});
  await ask("PUT", "/one/_status", { status: "needs_configuration" });
  await ask("PUT", "/one/_check_in");
  await ask("PUT", "/one/_name", { name: "One" });
  const found = await marks();
  // Five minutes may have passed meanwhile.
  assert.ok(found.length === 1 || found.length === 2, JSON.stringify(found));
  assert.equal(found[0].before, "{}");
  assert.ok(Math.abs(found[0].at * MARK - Date.now()) < 2 * MARK);
  const { steps } = await timeline();
  assert.deepEqual(steps[0].by_status, {});
  assert.deepEqual(steps.at(-1).by_status, { created: 1, needs_configuration: 1 });
});

test("marks of a day are kept, of 30 days the first in each hour", async () => {
  await ask("PUT", "/three", {});
  const statements = await inDirectory((database) => database.prepare("SELECT sql FROM sqlite_master WHERE name IN ('timeline', 'timeline_thins') ORDER BY rowid").all().map(({ sql }) => sql));
  const database = new DatabaseSync(":memory:");
  for (const sql of statements) database.exec(sql);
  const insert = database.prepare("INSERT INTO timeline VALUES (?, '{}')");
  const [first, last] = [7_003, 7_003 + 33 * 288];
  for (let at = first; at <= last; at += 1) insert.run(at);
  // What was the first of its hour, and what has thinned last was the first of its own.
  const hour = Math.floor(last / 12) * 12;
  const expected = [];
  for (let at = first; at <= last; at += 1) {
    if (at >= hour - 288 || (at >= hour - 30 * 288 && at % 12 === 0)) expected.push(at);
  }
  assert.deepEqual(database.prepare("SELECT at FROM timeline ORDER BY at").all().map(({ at }) => at), expected);
  // An hour that began late keeps its first mark all the same.
  for (const at of [last + 402, last + 403, last + 800, last + 1_200]) insert.run(at);
  const kept = database.prepare("SELECT at FROM timeline WHERE at > ? ORDER BY at").all(last).map(({ at }) => at);
  assert.deepEqual(kept, [last + 402, last + 800, last + 1_200]);
});

test("hours are between an hour and 30 days", async () => {
  for (const hours of ["0", "721", "x"]) {
    const { status, body } = await send(server.url(), "GET", `/_connector/_timeline?hours=${hours}`);
    assert.equal(status, 400, hours);
    assert.match(body.error.reason, /hours/);
  }
});

test("a key that is limited to some connectors may not ask, for it counts all", async () => {
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
