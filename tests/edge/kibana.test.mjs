// The requests of Kibana's connector pages beyond `/_connector`: with the cluster's credentials through a stand-in for
// the cluster, and with our own keys.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { Client } from "@elastic/elasticsearch";

import { OURS, startBefore } from "./before-cluster.mjs";
import { READER, startCluster, UNPRIVILEGED, USER } from "./cluster.mjs";
import { send } from "./worker.mjs";
import { faulty, scratch, serveWithKv } from "../soak/workerd.mjs";
import { until } from "../until.mjs";

const CONNECTORS = "/.elastic-connectors";
const JOBS = "/.elastic-connectors-sync-jobs";

const json = (status, body) => (_, response) => {
  response.writeHead(status, { "content-type": "application/json", "x-elastic-product": "Elasticsearch" });
  response.end(JSON.stringify(body));
};

let cluster;
let worker;
/** A Worker without a cluster. */
let alone;

before(async () => {
  cluster = await startCluster({
    "/.elastic-connectors-v1/_mapping": json(200, { ".elastic-connectors-v1": { mappings: { _meta: { pipeline: { default_name: "ent-search" } } } } }),
    "/_search/scroll": json(200, { _scroll_id: "DXF1ZXJ5", hits: { hits: [] } }),
  });
  worker = await startBefore(cluster, { ORIGIN: "http://cluster.example:9200" });
  alone = await startBefore(cluster);
});
after(async () => {
  await worker?.close();
  await alone?.close();
  await cluster?.stop();
});

/** The callers: a user of the cluster, one of our keys in front of a cluster, and one of our keys without a cluster. */
const callers = () => [
  ["the cluster's credentials", worker, USER],
  ["a key of ours", worker, OURS],
  ["a key of ours, without a cluster", alone, OURS],
];

let made = 0;
/** Creates a connector for one test. */
async function connectorOf(ask, fields = {}) {
  made += 1;
  const id = `kibana-${made}`;
  const { status } = await ask("PUT", `/_connector/${id}`, { index_name: `search-${made}`, service_type: "dir", ...fields });
  assert.equal(status, 201);
  return id;
}

/** Defines a test for each caller. */
function forEach(name, check) {
  test(name, async (t) => {
    for (const [who, at, authorization] of callers()) {
      await t.test(who, () => check((method, path, body) => send(at.url, method, path, body, { authorization }), at, authorization));
    }
  });
}

forEach("a scroll for statistics has no documents and fits in one page", async (ask) => {
  const ids = [];
  for (let n = 0; n < 12; n += 1) ids.push(await connectorOf(ask, { service_type: "stats" }));
  const query = { bool: { filter: [{ term: { service_type: "stats" } }] } };
  const { status, body } = await ask("POST", `${CONNECTORS}/_search?scroll=10s`, { query, stored_fields: [] });
  assert.equal(status, 200);
  const hits = body.hits.hits.filter(({ _id }) => ids.includes(_id));
  assert.deepEqual(hits.map(({ _id }) => _id).sort(), [...ids].sort());
  assert.ok(hits.every((hit) => !("_source" in hit)));
  for (const id of ids) assert.equal((await ask("POST", "/_connector/_sync_job", { id, job_type: "full" })).status, 201);
  const jobs = await ask("POST", `${JOBS}/_search?scroll=10s`, { query: { terms: { "connector.id": ids } }, stored_fields: [] });
  assert.deepEqual([jobs.status, jobs.body.hits.hits.length, jobs.body.hits.total.value], [200, 12, 12]);
  assert.ok(jobs.body.hits.hits.every((hit) => !("_source" in hit)));
});

forEach("a client's helper scrolls through all pages", async (ask, at, authorization) => {
  const ids = [];
  for (let n = 0; n < 7; n += 1) ids.push(await connectorOf(ask, { service_type: `scroll-${authorization.length}` }));
  const client = new Client({ node: at.url, auth: undefined, headers: { authorization } });
  const found = [];
  const query = { ids: { values: ids } };
  for await (const { body, documents } of client.helpers.scrollSearch({ index: ".elastic-connectors", size: 3, query, _source: ["index_name"] })) {
    assert.ok(body.hits.hits.length <= 3);
    found.push(...body.hits.hits.map(({ _id }) => _id));
    for (const document of documents) assert.deepEqual(Object.keys(document), ["index_name"]);
  }
  assert.deepEqual(found.sort(), ids.sort());
});

test("scrolls of the cluster continue in the cluster", async () => {
  const ask = (body, authorization = USER) => send(worker.url, "POST", "/_search/scroll", body, { authorization });
  const before = cluster.to("/_search/scroll").length;
  const { status, body } = await ask({ scroll: "1m", scroll_id: "DXF1ZXJ5" });
  assert.deepEqual([status, body._scroll_id], [200, "DXF1ZXJ5"]);
  assert.equal(cluster.to("/_search/scroll").at(-1).body, '{"scroll":"1m","scroll_id":"DXF1ZXJ5"}');
  // Our own scrolls are never forwarded, whoever sends them.
  const ours = (await send(worker.url, "POST", `${CONNECTORS}/_search?scroll=1m`, { size: 1 }, { authorization: USER })).body._scroll_id;
  assert.equal((await ask({ scroll_id: ours })).status, 200);
  assert.equal((await ask({ scroll_id: ours }, UNPRIVILEGED)).status, 403);
  assert.equal((await ask({ scroll_id: "DXF1ZXJ5" }, OURS)).status, 403);
  assert.equal(cluster.to("/_search/scroll").length, before + 1);
});

forEach("dis_max finds the jobs of a connector and of its index, with a part of their source", async (ask) => {
  const id = await connectorOf(ask);
  const index = `search-${made}`;
  const { body: job } = await ask("POST", "/_connector/_sync_job", { id, job_type: "full" });
  const query = { dis_max: { queries: [{ term: { "connector.id": id } }, { term: { "connector.index_name": index } }], tie_breaker: 0.7 } };
  const { status, body } = await ask("POST", `${JOBS}/_search`, { query, _source: "connector.id", sort: { created_at: { order: "desc" } } });
  assert.equal(status, 200);
  assert.deepEqual(body.hits.hits.map(({ _id, _source }) => [_id, _source]), [[job.id, { connector: { id } }]]);
});

test("mappings, settings and aliases come from the cluster, and without one are not found", async () => {
  const at = (url, method, path, body) => send(url, method, path, body, { authorization: url === worker.url ? USER : OURS });
  const mapping = "/.elastic-connectors-v1/_mapping";
  const got = await at(worker.url, "GET", mapping);
  assert.equal(got.body[".elastic-connectors-v1"].mappings._meta.pipeline.default_name, "ent-search");
  const change = { _meta: { pipeline: { default_name: "mine" } } };
  assert.equal((await at(worker.url, "PUT", mapping, change)).status, 200);
  const put = cluster.to(mapping).at(-1);
  assert.deepEqual([put.method, put.body, put.headers.authorization], ["PUT", JSON.stringify(change), USER]);
  for (const path of [`${CONNECTORS}/_settings`, `${JOBS}/_alias`, `${JOBS}-v1/_alias/x`]) {
    assert.equal((await at(worker.url, "GET", path)).status, 200);
    assert.equal(cluster.to(path).length, 1);
  }
  // Our keys are never forwarded.
  assert.equal((await send(worker.url, "GET", mapping, undefined, { authorization: OURS })).status, 403);
  for (const [method, path] of [["GET", mapping], ["PUT", mapping], ["GET", `${JOBS}/_alias`], ["GET", `${CONNECTORS}/_settings`]]) {
    const { status, body } = await at(alone.url, method, path, method === "PUT" ? change : undefined);
    assert.deepEqual([status, body.error.type], [404, "index_not_found_exception"], path);
  }
});

test("secrets are forwarded with the caller's own credentials, and without a cluster are not available", async () => {
  for (const [method, path] of [
    ["POST", "/_connector/_secret"],
    ["GET", "/_connector/_secret/s1"],
    ["PUT", "/_connector/_secret/s1"],
    ["DELETE", "/_connector/_secret/s1"],
  ]) {
    const value = ["POST", "PUT"].includes(method) ? { value: "swordfish" } : undefined;
    const before = cluster.to(path).length;
    for (const authorization of [USER, READER]) {
      assert.equal((await send(worker.url, method, path, value, { authorization })).status, 200);
      const seen = cluster.to(path).at(-1);
      assert.deepEqual([seen.method, seen.headers.authorization], [method, authorization]);
      assert.equal(seen.body, value ? JSON.stringify(value) : "");
    }
    assert.equal((await send(worker.url, method, path, value, { authorization: OURS })).status, 403);
    assert.equal(cluster.to(path).length, before + 2);
    const { status, body } = await send(alone.url, method, path, value, { authorization: OURS });
    assert.deepEqual([status, /no handler found/.test(body.error.reason ?? body.error)], [400, true], method);
  }
});

// --- `_refresh`, and documents that are written back as a whole.

/** Searches one connector, as Kibana does before it writes it back. */
async function found(ask, id) {
  assert.equal((await ask("POST", `${CONNECTORS}/_refresh`)).status, 200);
  const { body } = await ask("POST", `${CONNECTORS}/_search`, { query: { term: { _id: id } }, seq_no_primary_term: true });
  return body.hits.hits[0];
}

const SCHEDULE = { access_control: { enabled: false, interval: "0 0 0 * * ?" }, full: { enabled: true, interval: "0 0 1 * * ?" }, incremental: { enabled: false, interval: "0 0 0 * * ?" } };

/** Changes that lists may show later, and whether a search shows them. */
const QUIET = [
  ["_status", { status: "needs_configuration" }, ({ status }) => status === "needs_configuration"],
  ["_scheduling", { scheduling: SCHEDULE }, ({ scheduling }) => scheduling.full.enabled],
  ["_pipeline", { pipeline: { name: "p", extract_binary_content: true, reduce_whitespace: true, run_ml_inference: true } }, ({ pipeline }) => pipeline.name === "p"],
  ["_api_key_id", { api_key_id: "k", api_key_secret_id: "s" }, ({ api_key_id }) => api_key_id === "k"],
  ["_last_sync", { last_indexed_document_count: 7 }, ({ last_indexed_document_count }) => last_indexed_document_count === 7],
  ["_check_in", undefined, ({ last_seen }) => last_seen !== null && last_seen !== undefined],
  ["_error", { error: "no" }, ({ error, status }) => error === "no" && status === "error"],
  ["_features", { features: { incremental_sync: { enabled: true } } }, ({ features }) => features.incremental_sync.enabled],
  ["_filtering", { advanced_snippet: { created_at: "2026-01-01T00:00:00.000Z", updated_at: "2026-01-01T00:00:00.000Z", value: [{ a: 1 }] } }, ({ filtering }) => filtering[0].draft.advanced_snippet.value[0]?.a === 1],
];

forEach("a search after a refresh shows every change, one by one and in a burst", async (ask) => {
  for (const isBurst of [false, true]) {
    const id = await connectorOf(ask);
    const shows = new Map();
    for (const [endpoint, body, isShown] of QUIET) {
      const { status, body: answer } = await ask("PUT", `/_connector/${id}/${endpoint}`, body);
      assert.equal(status, 200, JSON.stringify(answer));
      shows.set(endpoint, isShown);
      // An error changes the status as well.
      if (endpoint === "_error") shows.delete("_status");
      if (isBurst && endpoint !== QUIET.at(-1)[0]) continue;
      const { _source } = await found(ask, id);
      for (const [name, shown] of shows) assert.ok(shown(_source), `${name}: ${JSON.stringify(_source)}`);
    }
  }
});

forEach("a search after a refresh shows the progress of jobs", async (ask) => {
  const id = await connectorOf(ask);
  const { body: job } = await ask("POST", "/_connector/_sync_job", { id, job_type: "full" });
  assert.equal((await ask("PUT", `/_connector/_sync_job/${job.id}/_claim`, { worker_hostname: "w" })).status, 200);
  for (let n = 1; n <= 5; n += 1) {
    const stats = { deleted_document_count: n, indexed_document_count: n, indexed_document_volume: n };
    assert.equal((await ask("PUT", `/_connector/_sync_job/${job.id}/_stats`, stats)).status, 200);
    assert.equal((await ask("POST", `${JOBS}/_refresh`)).status, 200);
    const { body } = await ask("POST", `${JOBS}/_search`, { query: { ids: { values: [job.id] } } });
    assert.equal(body.hits.hits[0]._source.indexed_document_count, n);
  }
});

forEach("Generate API key writes the whole document back and undoes no change made since it was read", async (ask) => {
  const id = await connectorOf(ask);
  const before = await found(ask, id);
  // Meanwhile the connector service and a user make changes.
  for (const [endpoint, body] of [["_status", { status: "needs_configuration" }], ["_scheduling", { scheduling: SCHEDULE }], ["_check_in"]]) {
    assert.equal((await ask("PUT", `/_connector/${id}/${endpoint}`, body)).status, 200);
  }
  const { body: current } = await ask("GET", `/_connector/${id}`);
  const { status, body } = await ask("PUT", `${CONNECTORS}/_doc/${id}`, { ...before._source, api_key_id: "generated" });
  assert.equal(status, 200, JSON.stringify(body));
  assert.deepEqual([body._index, body._id, body.result, body._version, body._primary_term], [".elastic-connectors-v1", id, "updated", 5, 1]);
  const { body: after } = await ask("GET", `/_connector/${id}`);
  assert.deepEqual(after, { ...current, api_key_id: "generated" });
  // A client that got no response sends the request again.
  const again = await ask("PUT", `${CONNECTORS}/_doc/${id}`, { ...before._source, api_key_id: "generated" });
  assert.deepEqual([again.status, again.body.result], [200, "noop"]);
});

forEach("Generate configuration and attaching an index write the whole document back", async (ask) => {
  const id = await connectorOf(ask);
  const { _source } = await found(ask, id);
  const index_name = `attached-${id}`;
  const configuration = { url: { label: "URL", type: "str", value: "https://a.example", required: true, sensitive: false } };
  const put = await ask("PUT", `${CONNECTORS}/_doc/${id}?refresh=wait_for`, { ..._source, index_name, configuration, status: "needs_configuration" });
  assert.deepEqual([put.status, put.body.result, put.body.forced_refresh], [200, "updated", true]);
  const { body: after } = await ask("GET", `/_connector/${id}`);
  assert.deepEqual([after.index_name, after.configuration, after.status], [index_name, configuration, "needs_configuration"]);
  const { body: view } = await ask("GET", `/_connector/${id}/_status`);
  assert.deepEqual([view.history[0].via, view.history[0].from, view.history[0].to], ["_doc", "created", "needs_configuration"]);
  // The index of another connector is refused.
  const other = await connectorOf(ask);
  const taken = await ask("PUT", `${CONNECTORS}/_doc/${other}`, { ...(await found(ask, other))._source, index_name });
  assert.deepEqual([taken.status, /is used by another connector/.test(taken.body.error.reason)], [400, true]);
  // With the current version every value is written; with an older one it is a conflict.
  const hit = await found(ask, id);
  const seen = `?if_seq_no=${hit._seq_no}&if_primary_term=${hit._primary_term}`;
  const named = await ask("PUT", `${CONNECTORS}/_doc/${id}${seen}`, { ...hit._source, name: "Named" });
  assert.equal(named.body._seq_no, hit._seq_no + 1);
  assert.equal((await ask("PUT", `${CONNECTORS}/_doc/${id}${seen}`, { ...hit._source, name: "Late" })).status, 409);
});

forEach("writing a document back keeps a name and a status that changed since the search", async (ask) => {
  const id = await connectorOf(ask);
  const { _source } = await found(ask, id);
  await ask("PUT", `/_connector/${id}/_name`, { name: "Renamed" });
  await ask("PUT", `/_connector/${id}/_status`, { status: "error" });
  const { body } = await ask("PUT", `${CONNECTORS}/_doc/${id}`, { ..._source, language: "en" });
  assert.equal(body.result, "updated");
  const { body: after } = await ask("GET", `/_connector/${id}`);
  assert.deepEqual([after.name, after.status, after.language], ["Renamed", "error", "en"]);
});

forEach("a connector cannot be created as a document", async (ask) => {
  const doc = { status: "created", name: "A" };
  for (const [method, path, expected] of [
    ["PUT", "/_doc/none?op_type=create", 400],
    ["POST", "/_doc", 400],
    ["PUT", "/_create/none", 400],
    ["PUT", "/_doc/none", 404],
  ]) {
    const { status, body } = await ask(method, CONNECTORS + path, doc);
    assert.deepEqual([status, /PUT \/_connector\//.test(body.error.reason)], [expected, true], `${method} ${path}`);
  }
});

test("a caller without write access cannot write a document back", async () => {
  const put = (authorization) => send(worker.url, "PUT", `${CONNECTORS}/_doc/kibana-1`, { status: "created" }, { authorization });
  assert.deepEqual([(await put(READER)).status, (await put(UNPRIVILEGED)).status], [403, 403]);
  const refresh = (authorization) => send(worker.url, "POST", `${CONNECTORS}/_refresh`, undefined, { authorization });
  assert.deepEqual([(await refresh(READER)).status, (await refresh(UNPRIVILEGED)).status], [200, 403]);
});

// --- Faults.

test("while the Directory hangs, a refresh is answered 503 in time, and writes with a refresh are stored", async (t) => {
  const server = await serveWithKv({ worker: faulty() });
  t.after(() => server.close());
  const ask = (method, path, body) => send(server.url(), method, path, body);
  const id = "c";
  await ask("PUT", `/_connector/${id}`, { service_type: "dir", index_name: "a" });
  await server.faults({ mode: "hang", methods: ["apply", "applyJobs"] });
  // The change is acknowledged while it is pending: the creation's update has renewed the lease.
  const started = performance.now();
  assert.equal((await ask("PUT", `/_connector/${id}/_status`, { status: "needs_configuration" })).status, 200);
  const took = performance.now() - started;
  const refreshing = performance.now();
  const refused = await ask("POST", `${CONNECTORS}/_refresh`);
  assert.deepEqual([refused.status, refused.body.error.type], [503, "unavailable_exception"]);
  assert.ok(performance.now() - refreshing < 1_500);
  // A write is stored, and its response says so. A creation, which clients would repeat, is not answered with an error.
  const update = await ask("POST", `${CONNECTORS}/_update/${id}?refresh=true`, { doc: { description: "new" } });
  assert.deepEqual([update.status, /it is stored/.test(update.body.error.reason)], [503, true]);
  assert.equal((await ask("GET", `/_connector/${id}`)).body.description, "new");
  const job = { connector: { id }, status: "pending", job_type: "full", trigger_method: "on_demand" };
  const made = await ask("POST", `${JOBS}/_doc?refresh=wait_for`, job);
  assert.deepEqual([made.status, made.body.result, made.body.forced_refresh, made.body._shards.failed], [201, "created", false, 1]);
  await server.faults({ mode: "none" });
  const healed = await until(() => ask("POST", `${CONNECTORS}/_refresh`), ({ status }) => status === 200);
  assert.deepEqual(healed.body, { _shards: { total: 1, successful: 1, failed: 0 } });
  const { body } = await ask("POST", `${CONNECTORS}/_search`, {});
  assert.deepEqual([body.hits.hits[0]._source.status, body.hits.hits[0]._source.description], ["needs_configuration", "new"]);
  const jobs = await ask("POST", `${JOBS}/_search`, {});
  assert.deepEqual(jobs.body.hits.hits.map(({ _id }) => _id), [made.body._id]);
  assert.ok(took < 900, `${took} ms: a burst waits for nothing`);
});

test("a refresh shows what was acknowledged before the Directory or the process died", async (t) => {
  const disk = mkdtempSync(join(scratch, "kibana-"));
  const server = await serveWithKv({ worker: faulty(), disk });
  t.after(async () => {
    await server.close();
    rmSync(disk, { recursive: true, force: true });
  });
  const ask = (method, path, body) => send(server.url(), method, path, body);
  const ids = Array.from({ length: 5 }, (_, n) => `c${n}`);
  for (const id of ids) await ask("PUT", `/_connector/${id}`, {});
  for (const status of ["needs_configuration", "configured", "connected"]) {
    // The second is acknowledged under the lease of the first.
    const moved = await Promise.all(ids.map((id) => ask("PUT", `/_connector/${id}/_status`, { status })));
    assert.ok(moved.every((answer) => answer.status === 200));
    await server.kill();
    await server.restart();
    assert.equal((await ask("POST", `${CONNECTORS}/_refresh`)).status, 200);
    const { body } = await ask("POST", `${CONNECTORS}/_search`, {});
    assert.deepEqual(body.hits.hits.map(({ _source }) => _source.status), ids.map(() => status));
  }
});
