// The audit log: one line for each successful write, with the names of changed fields and never a value.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

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
  ["DELETE", "/_connector/c?hard=true", undefined, { event: "erase", ...c, fields: [], via: "_delete", version: 8 }],
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
    [{ event: "restore", connector: "j", via: "_backup", ...by }],
  ]);
});
