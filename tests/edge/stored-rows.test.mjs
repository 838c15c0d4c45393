// What a connector's object stores in SQLite, row by row. Deployed objects hold these forms: changing one needs a
// reader for the old one.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { inDatabases, ours, rowOf, scratch, serveWithKv } from "../soak/workerd.mjs";
import { until } from "../until.mjs";
import { settingsFor, startReceiver } from "./receiver.mjs";
import { must, send } from "./worker.mjs";

let disk;
let server;
before(async () => {
  disk = mkdtempSync(join(scratch, "connector-status-disk-"));
  server = await serveWithKv({ disk });
});
after(async () => {
  await server.close();
  rmSync(disk, { recursive: true, force: true });
});

const ask = (method, path, body) => must(server.url(), method, `/_connector/${path}`, body);
const move = (id, status) => ask("PUT", `${id}/_status`, { status });

/** Opens the database of a connector's object while the Worker is stopped. */
async function inDatabase(id, look) {
  await server.kill();
  try {
    const found = inDatabases(disk, "ConnectorObject", (database) =>
      rowOf(database, "connector")?.id === id ? [look(database)] : [],
    ).flat();
    assert.equal(found.length, 1, `databases that hold [${id}]`);
    return found[0];
  } finally {
    await server.restart();
  }
}

const rows = (id) =>
  inDatabase(id, (database) => {
    const { id, document, version } = rowOf(database, "connector");
    const history = database.prepare('SELECT seq, "from", "to", via, by FROM history ORDER BY seq').all();
    return {
      id,
      status: document === null ? null : JSON.parse(document).status,
      version,
      history: history.map(({ seq, from, to, via, by }) => `${seq}: ${from} > ${to} ${via} ${by}`),
    };
  });

test("a status change writes one row of the history and nothing else", async () => {
  await ask("PUT", "golden", { name: "Golden" });
  await move("golden", "needs_configuration");
  await move("golden", "configured");
  assert.deepEqual(await rows("golden"), {
    id: "golden",
    status: "created",
    version: 1,
    history: [
      "1: null > created _create null",
      "2: created > needs_configuration _status null",
      "3: needs_configuration > configured _status null",
    ],
  });
  // After a restart the status and version come from the newest row of the history.
  const { status, headers } = await send(server.url(), "GET", "/_connector/golden");
  assert.deepEqual([status, headers.get("etag")], [200, '"3"']);
  assert.equal((await ask("GET", "golden")).status, "configured");

  await ask("PUT", "golden/_error", { error: "no bucket" });
  await ask("PUT", "golden/_check_in");
  await move("golden", "connected");
  const { history, ...row } = await rows("golden");
  assert.deepEqual(row, { id: "golden", status: "error", version: 5 });
  assert.deepEqual(history.slice(3), ["4: configured > error _error null", "6: error > connected _status null"]);
  assert.equal((await ask("GET", "golden")).status, "connected");
});

test("an erased connector leaves a tombstone, and its successor continues the version numbers", async () => {
  await ask("PUT", "phoenix", {});
  await move("phoenix", "error");
  await ask("DELETE", "phoenix?hard=true");
  assert.deepEqual(await rows("phoenix"), { id: "phoenix", status: null, version: 3, history: [] });
  assert.equal((await send(server.url(), "GET", "/_connector/phoenix")).status, 404);
  await ask("PUT", "phoenix", {});
  await move("phoenix", "error");
  assert.deepEqual(await rows("phoenix"), {
    id: "phoenix",
    status: "created",
    version: 4,
    history: ["4: null > created _create null", "5: created > error _status null"],
  });
});

test("after a restart a document is returned exactly as stored", async () => {
  await ask("PUT", "exact", {});
  const value = "0.12345678901234567891";
  await inDatabase("exact", (database) => {
    const { document } = rowOf(database, "connector");
    const text = document.replace('"configuration":{}', `"configuration":{"a":{"value":${value}}}`);
    database.prepare("UPDATE connector SET document = ?").run(text);
  });
  const shown = await (await fetch(`${server.url()}/_connector/exact`)).text();
  assert.ok(shown.includes(`{"value":${value}}`), shown);
});

// Regression: moves at odd versions were never pruned.
test("the history keeps the newest thousand changes and as many edits, whatever their version numbers", async () => {
  for (const [id, ahead] of [["even", 0], ["odd", 1]]) {
    await ask("PUT", id, {});
    await move(id, "error");
    if (ahead) await ask("PUT", `${id}/_check_in`);
    for (let n = 0; n < 1_100; n += 1) {
      await move(id, n % 2 ? "configured" : "connected");
      await ask("PUT", `${id}/_name`, { name: `${n}` });
    }
    const { history } = await rows(id);
    assert.ok(history.length >= 1_000 && history.length <= 1_050, `${id}: ${history.length} rows`);
    const edits = await inDatabase(id, (database) => database.prepare("SELECT version FROM edit ORDER BY version").all());
    assert.deepEqual([edits.length, edits.at(-1).version - edits[0].version], [1_000, 2 * 999], id);
  }
});

test("the progress of a webhook endpoint is stored, with its pending message", async (t) => {
  const receiver = await startReceiver({ answer: () => "error" });
  const folder = mkdtempSync(join(scratch, "connector-status-disk-"));
  const vars = { ANONYMOUS_PRIVILEGE: "manage_connector", ...settingsFor([receiver], { WEBHOOK_RETRY_SECONDS: "1000", WEBHOOK_DAMPING_SECONDS: "0" }) };
  const server = await serveWithKv({ worker: ours({ vars }), disk: folder });
  t.after(async () => {
    await server.close();
    await receiver.close();
    rmSync(folder, { recursive: true, force: true });
  });
  await send(server.url(), "PUT", "/_connector/told", {});
  await send(server.url(), "PUT", "/_connector/told/_error", { error: "no bucket" });
  await until(() => receiver.got.length);
  await until(async () => (await send(server.url(), "GET", "/_connector/told/_webhook")).body.deliveries[0].attempts);
  await server.kill();
  const [[target, message]] = inDatabases(folder, "ConnectorObject", (database) => [rowOf(database, "webhook_target"), rowOf(database, "webhook")]);
  assert.deepEqual({ ...target }, { target: "WEBHOOK_URL", seq: 2, failing: 1, quiet_until: 0, silent: null, gone: null, missed: 0, given_up: 0 });
  const { id, at, body, made, next_at, tried_at, ...rest } = message;
  assert.deepEqual(rest, { n: 1, target: "WEBHOOK_URL", type: "connector.error", attempts: 1, status: 500, error: "answered 500", outcome: null });
  assert.deepEqual([id, at, JSON.parse(body).data], [receiver.got[0].id, receiver.got[0].timestamp, receiver.got[0].data]);
  for (const time of [made, next_at - 1_000_000, tried_at]) assert.ok(Math.abs(time - Date.now()) < 60_000, `${time}`);
  // After a restart the stored message is sent unchanged.
  inDatabases(folder, "ConnectorObject", (database) => database.exec("UPDATE webhook SET next_at = 1"));
  receiver.answerWith(() => "ok");
  await server.restart();
  await send(server.url(), "PUT", "/_connector/told/_name", { name: "Told" });
  await until(() => receiver.got.length, (count) => count === 2);
  assert.deepEqual([receiver.got[1].id, receiver.got[1].data], [id, receiver.got[0].data]);
});

test("the history keeps the first line of each error", async () => {
  await ask("PUT", "why", {});
  await ask("PUT", "why/_error", { error: 'Traceback (most recent call last):\n  File "a.py", line 1\nValueError: no bucket' });
  await move("why", "connected");
  await ask("PUT", "why/_error", { error: "x".repeat(2_000) });
  await ask("PUT", "why/_error", { error: null });
  await move("why", "error");
  const { history } = await ask("GET", "why/_status");
  assert.deepEqual(history.map(({ to, error }) => [to, error]), [
    ["error", null],
    ["connected", null],
    ["error", `${"x".repeat(300)}...`],
    ["connected", null],
    ["error", "ValueError: no bucket"],
    ["created", null],
  ]);
  const saved = await ask("GET", "why/_backup");
  assert.deepEqual(saved.history.map(({ error }) => error), history.map(({ error }) => error));
  await ask("PUT", "why/_backup?overwrite=true", saved);
  const restored = await ask("GET", "why/_status");
  assert.deepEqual(restored.history.map(({ error }) => error), history.map(({ error }) => error));
});
