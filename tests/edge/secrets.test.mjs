// A key that may only read never sees the secrets in connectors' configurations.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, before, test } from "node:test";

import { until } from "../until.mjs";
import { must, send, startWorker } from "./worker.mjs";

const MASK = "::es_redacted::";
const SECRET = "s3cret-of-the-drive";
const secret = randomBytes(32).toString("base64url");
const as = (id) => ({ authorization: `ApiKey ${Buffer.from(`${id}:${secret}`).toString("base64")}` });
const privileges = { reader: "monitor_connector", writer: "manage_connector" };
const field = (value, sensitive) => ({
  ...{ label: "Field", value, sensitive, display: "textbox", order: 1, required: false, type: "str" },
  ...{ depends_on: [], options: [], tooltip: "", ui_restrictions: [], validations: [], default_value: null },
});

let worker;
let job;
before(async () => {
  worker = await start();
});
after(() => worker.close());

async function start(vars) {
  const worker = await startWorker({ open: false, vars });
  const kv = (await worker.env()).API_KEYS;
  const secret_sha256 = createHash("sha256").update(secret).digest("base64");
  for (const [id, privilege] of Object.entries(privileges)) {
    await kv.put(id, JSON.stringify({ name: id, secret_sha256, privileges: [privilege], connectors: ["dr*"] }));
  }
  const write = (method, path, body) => must(worker.url, method, `/_connector${path}`, body, as("writer"));
  await write("PUT", "/drive", { index_name: "search-drive", service_type: "google_drive" });
  const configuration = { token: field(SECRET, true), folder: field("/", false), unset: field("", true) };
  await write("PUT", "/drive/_configuration", { configuration });
  job = (await write("POST", "/_sync_job", { id: "drive", job_type: "full", trigger_method: "on_demand" })).id;
  return worker;
}

/** Every request that returns documents, and how many it returns. */
const READS = () => [
  ["GET", "/_connector/drive"],
  ["GET", "/_connector/drive?include_deleted=true"],
  ["GET", "/_connector/drive?realtime=false"],
  ["GET", "/_connector/drive?pretty"],
  ["GET", "/_connector/drive?filter_path=configuration.*.value"],
  ["GET", "/_connector"],
  ["GET", "/_connector?pretty"],
  ["GET", "/_connector?query=drive&filter_path=results.configuration.token.value"],
  ["GET", "/.elastic-connectors/_doc/drive"],
  ["GET", "/.elastic-connectors/_search"],
  ["POST", "/.elastic-connectors/_search", { query: { term: { service_type: "google_drive" } } }],
  ["POST", "/.elastic-connectors/_search", { sort: [{ "configuration.token.value": "asc" }] }],
  ["GET", `/_connector/_sync_job/${encodeURIComponent(job)}`],
  ["GET", "/_connector/_sync_job"],
  ["GET", `/.elastic-connectors-sync-jobs/_doc/${encodeURIComponent(job)}`],
  ["POST", "/.elastic-connectors-sync-jobs/_search", { sort: [{ created_at: "asc" }] }],
];

const text = async (url, who, [method, path, body]) => {
  const { status, body: answer } = await send(url, method, path, body, as(who));
  assert.equal(status, 200, `${method} ${path} ${JSON.stringify(answer)}`);
  return JSON.stringify(answer);
};

test("no read shows a secret to a key that may only read", async () => {
  // The copy in Workers KV lags by a second.
  await until(async () => (await text(worker.url, "writer", READS()[2])).includes(SECRET));
  for (const read of READS()) {
    const [shown, masked] = [await text(worker.url, "writer", read), await text(worker.url, "reader", read)];
    assert.ok(shown.includes(SECRET) && !shown.includes(MASK), `${read[1]} shows no secret to who may write: ${shown}`);
    assert.ok(!masked.includes(SECRET) && masked.includes(MASK), `${read[1]} is not masked: ${masked}`);
    assert.equal(masked.replaceAll(MASK, SECRET), shown, `${read[1]} differs by more than its secrets`);
  }
});

test("a key that may only read cannot find a connector by searching for its secret", async () => {
  const count = async (who, query) =>
    JSON.parse(await text(worker.url, who, ["POST", "/.elastic-connectors/_count", { query }])).count;
  const value = "configuration.token.value";
  for (const query of [
    { term: { [value]: SECRET } },
    { terms: { [value]: [SECRET, "x"] } },
    { match: { [value]: SECRET } },
    { range: { [value]: { gte: "s3", lte: "s4" } } },
    { bool: { filter: [{ term: { [value]: SECRET } }] } },
  ]) {
    assert.equal(await count("writer", query), 1, JSON.stringify(query));
    assert.equal(await count("reader", query), 0, JSON.stringify(query));
    assert.equal(await count("reader", { bool: { must_not: [query] } }), 1, JSON.stringify(query));
  }
});

test("a response with masked secrets has a different entity tag", async () => {
  for (const path of ["/_connector/drive", "/_connector?from=0", `/_connector/_sync_job/${encodeURIComponent(job)}`]) {
    const tag = async (who) => (await send(worker.url, "GET", path, undefined, as(who))).headers.get("etag");
    const [reader, writer] = [await tag("reader"), await tag("writer")];
    assert.notEqual(reader, writer, path);
    const again = (who) => send(worker.url, "GET", path, undefined, { ...as(who), "if-none-match": reader });
    assert.equal((await again("reader")).status, 304, path);
    assert.equal((await again("writer")).status, 200, path);
  }
  // Without secrets in it there is only one form of the response.
  const state = async (who) => (await send(worker.url, "GET", "/_connector/drive/_status", undefined, as(who))).headers.get("etag");
  assert.equal(await state("reader"), await state("writer"));
});

test("messages to watchers contain no documents", async () => {
  const { ticket } = await must(worker.url, "POST", "/_connector/_watch", undefined, as("reader"));
  const socket = new WebSocket(`${worker.url.replace("http", "ws")}/_connector/_watch?ticket=${ticket}&since=0`);
  const heard = [];
  socket.onmessage = ({ data }) => heard.push(data);
  await until(() => heard.length);
  await must(worker.url, "PUT", "/_connector/drive/_name", { name: "Drive" }, as("writer"));
  await until(() => heard.some((text) => text.includes("Drive")));
  socket.close();
  assert.ok(!heard.join().includes(SECRET));
});

test("SECRETS_FOR_READERS shows secrets to readers, as Elasticsearch does", async (t) => {
  const open = await start({ SECRETS_FOR_READERS: "true" });
  t.after(() => open.close());
  await until(async () => (await text(open.url, "writer", READS()[2])).includes(SECRET));
  for (const read of READS()) assert.ok((await text(open.url, "reader", read)).includes(SECRET), read[1]);
});
