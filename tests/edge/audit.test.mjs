// The audit: each successful write is a line in the log and a row beside the history, with the names of fields and
// never a value. The Directory keeps erasures, and requests about a whole connector or all of them.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { faulty, scratch, serveWithKv } from "../soak/workerd.mjs";
import { until } from "../until.mjs";
import { send, startWorker } from "./worker.mjs";

const secret = "a-secret-for-the-tests-of-the-audit";
const headers = (request) => ({ authorization: `ApiKey ${Buffer.from(`root:${secret}`).toString("base64")}`, "x-opaque-id": request });

let worker;
before(async () => {
  worker = await startWorker({ open: false, secrets: { ROOT_API_KEY: `root:${secret}` } });
});
after(() => worker.close());

/** The log lines of a request, without what differs between runs. */
function linesOf(request) {
  const lines = worker.logs().filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  return lines.filter((line) => line.request === request).map(({ time, request, ...line }) => {
    assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    return line;
  });
}

const ask = async (request, method, path, body, status = 200) => {
  const found = await send(worker.url, method, path, body, headers(request));
  assert.equal(found.status, status, `${method} ${path}: ${JSON.stringify(found.body)}`);
  return found.body;
};

const by = { key: "root" };
const c = { connector: "c", ...by };
const configuration = { n: { label: "N", type: "int", value: 1 } };

// [method, path, body, expected line]; a line without `fields` may have any.
const writes = [
  ["PUT", "/_connector/c", { name: "C", service_type: "s3", index_name: "c-index" }, { event: "status", ...c, from: null, to: "created", via: "_create", version: 1 }, 201],
  ["PUT", "/_connector/c/_name", { name: "swordfish" }, { event: "edit", ...c, fields: ["name"], via: "_name", version: 2 }],
  ["PUT", "/_connector/c/_name", { name: "swordfish" }, undefined],
  ["PUT", "/_connector/c/_check_in", undefined, undefined],
  ["PUT", "/_connector/c/_configuration", { configuration }, { event: "status", ...c, from: "created", to: "configured", via: "_configuration", version: 4 }],
  ["PUT", "/_connector/c/_status", { status: "error" }, { event: "status", ...c, from: "configured", to: "error", fields: ["status"], via: "_status", version: 5 }],
  ["PUT", "/_connector/c/_status", { status: "created" }, undefined, 400],
  ["POST", "/.elastic-connectors/_update/c", { doc: { description: "swordfish" } }, { event: "edit", ...c, fields: ["description"], via: "_update", version: 6 }],
  ["POST", "/_connector/c/_reindex", undefined, { event: "reindex", ...c, via: "_reindex" }],
  ["GET", "/_connector/_backup", undefined, { event: "read_all", ...by, via: "_backup" }],
  ["GET", "/_connector/_backup?after=a", undefined, undefined],
  ["POST", "/_connector/_import", undefined, { event: "import", ...by, connectors: 0, via: "_import" }],
  ["DELETE", "/_connector/c", undefined, { event: "edit", ...c, via: "_delete", version: 7 }],
  ["DELETE", "/_connector/c?hard=true", undefined, { event: "erase", ...c, via: "_delete", version: 8 }],
];

test("each successful write logs one line; heartbeats and writes that change nothing log none", async () => {
  for (const [n, [method, path, body, , status]] of writes.entries()) await ask(`write-${n}`, method, path, body, status);
  await until(() => linesOf(`write-${writes.length - 1}`), (found) => found.length > 0);
  for (const [n, [method, path, , line]] of writes.entries()) {
    const found = linesOf(`write-${n}`).map((found) => (line && !("fields" in line) ? (delete found.fields, found) : found));
    assert.deepEqual(found, line ? [line] : [], `${method} ${path}`);
  }
  assert.ok(!worker.logs().join("\n").includes("swordfish"));
});

test("sync jobs and restorations are logged too", async () => {
  await ask("job-0", "PUT", "/_connector/j", { name: "J", service_type: "s3", index_name: "j-index" }, 201);
  const { id } = await ask("job-1", "POST", "/_connector/_sync_job", { id: "j", job_type: "full" }, 201);
  await ask("job-2", "PUT", `/_connector/_sync_job/${id}/_check_in`);
  await ask("job-3", "PUT", `/_connector/_sync_job/${id}/_cancel`);
  const saved = await ask("job-4", "GET", "/_connector/j/_backup");
  await ask("job-5", "PUT", "/_connector/j/_backup?overwrite=true", saved);
  await until(() => linesOf("job-5"), (found) => found.length > 0);
  const found = [1, 2, 3, 4, 5].map((n) => linesOf(`job-${n}`).map(({ fields, ...line }) => line));
  assert.deepEqual(found, [
    [{ event: "sync_job", job: id, version: 1, via: "_create", ...by }],
    [],
    [{ event: "sync_job", job: id, version: 3, via: "_cancel", ...by }],
    [],
    [{ event: "restore", connector: "j", version: 2, via: "_backup", ...by }],
  ]);
});

const leaked = "a-secret-that-somebody-has-found";
const withKey = (id) => ({ authorization: `ApiKey ${Buffer.from(`${id}:${leaked}`).toString("base64")}`, "x-opaque-id": `by-${id}` });
const record = (more) => JSON.stringify({ name: "Leaked", secret_sha256: createHash("sha256").update(leaked).digest("base64"), privileges: ["manage_connector"], ...more });

test("a connector keeps its edits beside its history, newest first", async () => {
  const steps = [
    ["PUT", "", { name: "Kept" }, 201],
    ["PUT", "/_name", { name: "swordfish" }],
    ["PUT", "/_check_in"],
    ["PUT", "/_configuration", { configuration }],
    ["PUT", "/_status", { status: "error" }],
    ["PUT", "/_scheduling", { scheduling: { full: { enabled: true, interval: "0 0 0 * * ?" } } }],
    ["DELETE", ""],
  ];
  for (const [n, [method, action, body, status]] of steps.entries()) await ask(`kept-${n}`, method, `/_connector/kept${action}`, body, status);
  const { id, audit } = await ask("kept", "GET", "/_connector/kept/_audit");
  assert.equal(id, "kept");
  const times = audit.map(({ at }) => at);
  assert.deepEqual(times, times.toSorted().reverse());
  assert.ok(audit[5].fields.includes("name") && audit[5].fields.includes("status"));
  assert.deepEqual(audit.map(({ at, fields, ...edit }) => [edit, edit.via === "_create" ? undefined : fields]), [
    [{ version: 7, via: "_delete", by: "root", request: "kept-6" }, ["deleted"]],
    [{ version: 6, via: "_scheduling", by: "root", request: "kept-5" }, ["scheduling"]],
    [{ version: 5, via: "_status", by: "root", request: "kept-4", from: "configured", to: "error" }, ["status"]],
    [{ version: 4, via: "_configuration", by: "root", request: "kept-3", from: "created", to: "configured" }, ["configuration", "status"]],
    [{ version: 2, via: "_name", by: "root", request: "kept-1" }, ["name"]],
    [{ version: 1, via: "_create", by: "root", request: "kept-0", from: null, to: "created" }, undefined],
  ]);
  assert.ok(!JSON.stringify(audit).includes("swordfish"));
  const page = await ask("kept", "GET", "/_connector/kept/_audit?size=2&before=6");
  assert.deepEqual(page.audit, audit.slice(2, 4));
  await ask("kept", "GET", "/_connector/kept/_audit?size=-1", undefined, 400);
  await ask("kept", "GET", "/_connector/nobody/_audit", undefined, 404);
  await ask("kept", "DELETE", "/_connector/kept?hard=true");
  await ask("kept", "GET", "/_connector/kept/_audit", undefined, 404);
});

test("field names chosen by callers are kept as far as they fit", async () => {
  await ask("names", "PUT", "/_connector/names", {}, 201);
  await ask("names", "POST", "/.elastic-connectors/_update/names", { doc: { a: 1, ["b".repeat(2_000)]: 1 } });
  const { audit } = await ask("names", "GET", "/_connector/names/_audit?size=1");
  assert.deepEqual(audit[0].fields, ["a", "..."]);
});

test("everything done with a leaked key can be found and undone", async () => {
  const { API_KEYS } = await worker.env();
  await API_KEYS.put("leaked", record());
  await API_KEYS.put("some", record({ connectors: ["p*"] }));
  await API_KEYS.put("reader", record({ privileges: ["monitor_connector"] }));
  for (const id of ["painted", "erased"]) await ask("leak", "PUT", `/_connector/${id}`, { name: id, description: "as it should be" }, 201);
  const saved = { painted: await ask("leak", "GET", "/_connector/painted/_backup"), erased: await ask("leak", "GET", "/_connector/erased/_backup") };
  const since = new Date().toISOString();

  const use = async (method, path, body, id = "leaked") => send(worker.url, method, path, body, withKey(id));
  for (const [method, path, body, status] of [
    ["GET", "/_connector/_backup", undefined, 200],
    ["POST", "/.elastic-connectors/_update/painted", { doc: { description: "painted over" } }, 200],
    ["DELETE", "/_connector/erased?hard=true", undefined, 200],
    ["POST", "/_connector/painted/_reindex", undefined, 200],
    ["POST", "/_connector/_import", undefined, 200],
    ["POST", "/_connector/_backup?connectors=2&complete_until=2026-01-01T00:00:00Z", undefined, 200],
    ["POST", "/_connector/painted/_rewind?to=2026-01-01T00:00:00Z", undefined, 400],
    ["GET", "/_connector/_audit", undefined, 200],
  ]) assert.equal((await use(method, path, body)).status, status, `${method} ${path}`);
  for (const id of ["some", "reader"]) assert.equal((await use("GET", "/_connector/_audit", undefined, id)).status, 403, id);
  assert.equal((await use("GET", "/_connector/painted/_audit", undefined, "some")).status, 200);
  assert.equal((await use("GET", "/_connector/erased/_audit", undefined, "some")).status, 403);

  // After revoking the key: the Directory has requests about all connectors, and each connector has its own changes.
  await API_KEYS.delete("leaked");
  const of = (query) => ask("leak", "GET", `/_connector/_audit?${query}`);
  const { audit, next } = await of(`key=leaked&since=${since}`);
  const request = "by-leaked";
  const common = { by: "leaked", request, connector: null, version: null, connectors: null };
  assert.deepEqual(audit.map(({ at, ...event }) => event), [
    { ...common, event: "backup", via: "_backup", connectors: 2 },
    { ...common, event: "import", via: "_import", connectors: 0 },
    { ...common, event: "reindex", via: "_reindex", connector: "painted" },
    { ...common, event: "erase", via: "_delete", connector: "erased", version: 2 },
    { ...common, event: "read_all", via: "_backup" },
  ]);
  assert.equal(next, null);
  assert.deepEqual((await of(`key=leaked&since=${new Date().toISOString()}`)).audit, []);
  assert.deepEqual((await of("key=nobody")).audit, []);
  const pages = [];
  for (let before = ""; before !== null;) {
    const page = await of(`key=leaked&size=2${before && `&before=${before}`}`);
    assert.ok(page.audit.length >= 2 || page.next === null);
    pages.push(...page.audit);
    before = page.next;
  }
  assert.deepEqual(pages, audit);
  await ask("leak", "GET", "/_connector/_audit?since=soon", undefined, 400);
  const [edit] = (await ask("leak", "GET", "/_connector/painted/_audit")).audit.filter(({ by }) => by === "leaked");
  assert.deepEqual([edit.via, edit.fields], ["_update", ["description"]]);

  for (const [id, body] of Object.entries(saved)) await ask("undo", "PUT", `/_connector/${id}/_backup?overwrite=true`, body);
  for (const id of ["painted", "erased"]) assert.equal((await ask("leak", "GET", `/_connector/${id}`)).description, "as it should be");
  const undone = await of(`key=root&since=${since}`);
  assert.deepEqual(undone.audit.map(({ event, connector, request }) => [event, connector, request]), [["restore", "erased", "undo"], ["restore", "painted", "undo"]]);
});

test("erasures that the Directory missed are reported later, once each", async (t) => {
  const disk = mkdtempSync(join(scratch, "connector-status-audit-"));
  const server = await serveWithKv({ worker: faulty(), disk });
  t.after(async () => {
    await server.close();
    rmSync(disk, { recursive: true, force: true });
  });
  const ids = Array.from({ length: 8 }, (_, n) => `late-${n}`);
  for (const id of ids) await send(server.url(), "PUT", `/_connector/${id}`, {});
  // Half of the failing calls are carried out.
  await server.faults({ mode: "throw", methods: ["apply"] });
  for (const id of ids) assert.equal((await send(server.url(), "DELETE", `/_connector/${id}?hard=true`)).status, 200);
  await server.kill();
  await server.restart();
  const events = async () => (await send(server.url(), "GET", "/_connector/_audit")).body.audit.map(({ event, connector, version }) => `${event} ${connector} ${version}`).sort();
  const expected = ids.map((id) => `erase ${id} 2`);
  assert.deepEqual(await until(events, (found) => found.length >= ids.length, 60), expected);
  await send(server.url(), "POST", "/_connector/late-0/_reindex");
  assert.deepEqual(await events(), [...expected, "reindex late-0 null"]);
});
