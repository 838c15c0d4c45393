// Short runs of the proofs that need not run alone, and tests that the checker finds the faults it should. `npm run soak`
// runs them longer.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";

import { send } from "../edge/worker.mjs";
import { until } from "../until.mjs";
import { missed, violation } from "./checker.mjs";
import * as proofs from "./proofs.mjs";
import { testProofs } from "./short-proofs.mjs";
import { databases, scratch, serveWithKv } from "./workerd.mjs";

testProofs({
  linearizability: { seconds: 2 },
  wholeDocuments: { tries: 60, connectors: 4, naive: 40 },
  kill: { times: 3 },
  kvFaults: { seconds: 4, connectors: 4, modes: ["hang", "late-500"] },
  directory: { seconds: 1.5, connectors: 8 },
  claims: { rounds: 2, kills: 2, tries: 2, delays: [400], seconds: 3, refused: 50, width: 16 },
  imports: { count: 1_000, kills: 2 },
  backups: { count: 200, kills: 6, moving: 4 },
  badInput: { requests: 400 },
});

test("the checker rejects a Worker that writes to KV without an object", async () => {
  const worker = { modules: ["tests/soak/unordered.mjs"], kv: { CONNECTORS: "kv" } };
  const { problems } = await proofs.linearizability({ worker, seconds: 1 });
  assert.match(problems.join("\n"), /no order explains/);
});

test("the checker accepts consistent responses and rejects inconsistent ones", () => {
  const at = (kind, value, status, result, start, end) => ({ kind, value, status, result, start, end });
  const created = at("create", undefined, 201, "created", 0, 1);
  const toError = at("status", "error", 200, "updated", 2, 5);
  const rows = ["- > created _create", "created > error _status"];
  const cases = [
    ["one after the other", [created, toError], rows, true],
    ["a history that lacks a row", [created, toError], rows.slice(0, 1), false],
    ["a history of another move", [created, toError], [rows[0], "created > needs_configuration _status"], false],
    ["a read of the previous state during the write", [created, toError, at("get", undefined, 200, "created ", 3, 4)], rows, true],
    ["a read of the previous state after the write", [created, toError, at("get", undefined, 200, "created ", 6, 7)], rows, false],
    ["an update of the current version", [created, at("update", { status: "connected", seqNo: 0 }, 200, "updated", 2, 3)], [rows[0], "created > connected _update"], true],
    ["an update of an older version", [created, toError, at("update", { status: "connected", seqNo: 0 }, 200, "updated", 6, 7)], [...rows, "error > connected _update"], false],
    ["an update of the current version that is refused", [created, at("update", { status: "connected", seqNo: 0 }, 409, undefined, 2, 3)], rows.slice(0, 1), false],
    ["a search after a refresh", [created, toError, at("search", undefined, 200, { seqNo: 1, status: "error", deleted: false }, 6, 7)], rows, true],
    ["a search after a refresh that was requested before the write ended", [created, toError, at("search", undefined, 200, { seqNo: 0, status: "created", deleted: false }, 4, 7)], rows, true],
    ["a search that lacks a change acknowledged before its refresh", [created, toError, at("search", undefined, 200, { seqNo: 0, status: "created", deleted: false }, 6, 7)], rows, false],
    ["a search that lacks the connector", [created, toError, at("search", undefined, 200, null, 6, 7)], rows, false],
    ["a search that lacks a heartbeat", [created, toError, at("heartbeat", undefined, 200, "updated", 6, 7), at("search", undefined, 200, { seqNo: 1, status: "error", deleted: false }, 8, 9)], rows, false],
    ["a document of the previous version", [created, toError, at("document", undefined, 200, { seqNo: 0, status: "created" }, 6, 7)], rows, false],
    ["two moves of which one must fail", [created, toError, at("status", "needs_configuration", 200, "updated", 3, 4)], rows, false],
  ];
  for (const [name, operations, history, ordered] of cases) {
    assert.equal(violation(operations, history) === null, ordered, name);
  }
});

test("the checker finds lists that lack acknowledged changes", () => {
  const at = (kind, start, end) => ({ kind, status: kind === "create" ? 201 : 200, start, end });
  const [created, deleted, again] = [at("create", 1, 2), at("delete", 4, 5), at("create", 7, 8)];
  const cases = [
    ["never created, and not listed", [], false, 10, false],
    ["never created, but listed", [], true, 10, true],
    ["created, but not listed", [created], false, 3, true],
    ["being created, and listed", [created], true, 1.2, false],
    ["being created, and not listed", [created], false, 1.2, false],
    ["being deleted, and listed", [created, deleted], true, 4.2, false],
    ["deleted, but listed", [created, deleted], true, 6, true],
    ["deleted, and not listed", [created, deleted], false, 6, false],
    ["recreated, but not listed", [created, deleted, again], false, 9, true],
    ["created by a write that may not have waited for the Directory", [at("create", 1, 1_001)], false, 2_000, false],
  ];
  for (const [name, operations, listed, start, isMissed] of cases) {
    const look = { start, end: start + 0.1, listed };
    assert.equal(missed(operations, [look]).length === 1, isMissed, name);
  }
});

test("a heartbeat updates an old copy once, even if its object is evicted after each heartbeat", async (t) => {
  const disk = mkdtempSync(join(scratch, "connector-status-disk-"));
  const server = await serveWithKv({ disk });
  t.after(async () => {
    await server.close();
    rmSync(disk, { recursive: true, force: true });
  });
  const written = async () => (await server.kv("counts")).writes;
  const beat = async () => {
    assert.equal((await send(server.url(), "PUT", "/_connector/beats/_check_in")).status, 200);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await server.kill();
    await server.restart();
  };
  await send(server.url(), "PUT", "/_connector/beats", {});
  await until(written, (writes) => writes === 1);
  // Wait until the alarm has recorded the copy.
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  await beat();
  assert.equal(await written(), 1);
  await server.kill();
  for (const file of databases(disk, "ConnectorObject")) {
    const database = new DatabaseSync(file);
    database.exec("UPDATE connector SET copied_at = 1");
    database.close();
  }
  await server.restart();
  for (let n = 0; n < 3; n += 1) await beat();
  assert.equal(await written(), 2);
});
