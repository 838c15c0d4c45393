// The requests of Kibana's connector pages beyond `/_connector`: with the cluster's credentials through a stand-in for
// the cluster, and with our own keys.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Client } from "@elastic/elasticsearch";

import { OURS, startBefore } from "./before-cluster.mjs";
import { NOBODY, READER, startCluster, USER } from "./cluster.mjs";
import { send } from "./worker.mjs";

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
  assert.equal((await ask({ scroll_id: ours }, NOBODY)).status, 403);
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
