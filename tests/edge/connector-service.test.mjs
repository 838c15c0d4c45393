// Elastic's connector service in front of a cluster: its recorded conversation, the official clients, and what is
// forwarded.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";

import { Client as Client9 } from "@elastic/elasticsearch";
import { Client as Client8 } from "elasticsearch8";

import { OURS, startBefore } from "./before-cluster.mjs";
import { READER, startCluster, UNPRIVILEGED, USER } from "./cluster.mjs";
import { root } from "../../scripts/tools.mjs";
import { watch, watching } from "./watching.mjs";
import { send } from "./worker.mjs";

const MIB = 1 << 20;

const json = (status, body) => (_, response) => {
  response.writeHead(status, { "content-type": "application/json", "x-elastic-product": "Elasticsearch" });
  response.end(JSON.stringify(body));
};

/** The cluster's responses in the recording, and responses that test forwarding. */
const paths = {
  "/search-dir": json(200, { "search-dir": { aliases: {}, mappings: { properties: { id: {} } }, settings: {} } }),
  "/search-dir/_search": json(200, { took: 1, hits: { total: { value: 0, relation: "eq" }, hits: [] } }),
  "/search-dir/_refresh": json(200, { _shards: {} }),
  "/search-dir/_count": json(200, { count: 2, _shards: {} }),
  "/gzip": (_, response) => {
    response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip", vary: "accept-encoding", "x-own": "1" });
    response.end(gzipSync('{"zipped":true}'));
  },
  "/cached": (request, response) => {
    response.writeHead(request.headers["if-none-match"] === '"1"' ? 304 : 200, { etag: '"1"' });
    response.end();
  },
  "/teapot": (_, response) => {
    response.writeHead(418, { "content-type": "text/plain", "x-own": "a, b", warning: '299 Elasticsearch "old"' });
    response.end("short and stout");
  },
  "/moved": (_, response) => {
    response.writeHead(302, { location: "/elsewhere" });
    response.end();
  },
  "/download": {
    raw: async (_, response) => {
      response.writeHead(200, { "content-type": "application/octet-stream" });
      for (let n = 0; n < 50; n += 1) {
        if (!response.write(Buffer.alloc(MIB, n))) await new Promise((resolve) => response.once("drain", resolve));
      }
      response.end();
    },
  },
  "/slow": {
    raw: async (_, response) => {
      response.writeHead(200, { "content-type": "text/plain" });
      for (const word of ["one ", "two ", "three"]) {
        response.write(word);
        await sleep(700);
      }
      response.end();
    },
  },
  "/broken": {
    raw: async (_, response) => {
      response.writeHead(200, { "content-type": "text/plain", "content-length": "1000" });
      response.write("some of it");
      await sleep(100);
      response.destroy();
    },
  },
};

const recorded = readFileSync(join(import.meta.dirname, "../recordings/connector-service.jsonl"), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line));
paths["/_bulk"] = json(200, recorded.find(({ path }) => path.startsWith("/_bulk")).answer);

let cluster;
let worker;

const startWorker = (vars) => startBefore(cluster, vars);

before(async () => {
  cluster = await startCluster(paths);
  worker = await startWorker({ ORIGIN: "http://cluster.example:9200/" });
});
after(async () => {
  await worker?.close();
  await cluster?.stop();
});

const ask = (method, path, body, headers = {}) => send(worker.url, method, path, body, { authorization: USER, ...headers });

// --- The recording.

/** Replaces dates, which differ from the recording. The service treats null like an absent field. */
const timeless = (value) => {
  if (typeof value === "string") return /^\d{4}-\d\d-\d\dT/.test(value) ? "<time>" : value;
  if (Array.isArray(value)) return value.map(timeless);
  if (value === null || typeof value !== "object") return value;
  const members = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(members.map(([name, member]) => [name, timeless(member)]));
};

/**
 * The parts of a response that the service uses: of documents everything, of searches also the number of hits, of an
 * update only its result. `_seq_no` may have any value. All else comes from the cluster.
 */
function read(path, answer) {
  const hit = ({ _id, _primary_term, _source }) => ({ _id, _primary_term, source: timeless(_source) });
  if (/_search/.test(path)) return { total: answer.hits.total.value, hits: answer.hits.hits.map(hit) };
  if (/\/_doc\//.test(path)) return { found: answer.found, ...hit(answer) };
  if (/\/_update\//.test(path)) return { _id: answer._id, _primary_term: answer._primary_term };
  if (/_sync_job$/.test(path)) return { hasId: typeof answer.id === "string" };
  if (path === "/") return { version: typeof answer.version.number, flavor: answer.version.build_flavor };
  return answer;
}

test("the recorded conversation of a connector service gets the same answers, request by request", async () => {
  const own = await startWorker({ ORIGIN: "http://cluster.example:9200" });
  try {
    const at = (method, path, body, headers = {}) => send(own.url, method, path, body, { authorization: USER, ...headers });
    const id = "my-connector";
    const { status } = await at("PUT", `/_connector/${id}`, { name: "Dir", index_name: "search-dir" });
    assert.equal(status, 201);
    let jobId;
    let recordedJob;
    let seqNo;
    for (const [number, { method, path, headers, body, status, answer }] of recorded.entries()) {
      // A user made this change, not the service.
      if (number === 13) {
        const values = { directory: "files", pattern: "**/*.txt" };
        assert.equal((await at("PUT", `/_connector/${id}/_configuration`, { values })).status, 200);
      }
      const here = (text) => (recordedJob ? text.replaceAll(recordedJob, jobId) : text);
      let target = here(path);
      // The service sends back the sequence number that it was given.
      if (/if_seq_no/.test(target)) {
        const now = await at("GET", `/.elastic-connectors/_doc/${id}`);
        seqNo = now.body._seq_no;
        target = target.replace(/if_seq_no=\d+/, `if_seq_no=${seqNo}`);
      }
      const text = body === null ? undefined : typeof body === "string" ? body : here(JSON.stringify(body));
      const given = await at(method, target, text, headers);
      const where = `${number}: ${method} ${path}`;
      assert.equal(given.status, status, `${where}: ${JSON.stringify(given.body)}`);
      if (method === "HEAD") continue;
      if (/_sync_job$/.test(path)) [jobId, recordedJob] = [given.body.id, answer.id];
      const expected = read(path, JSON.parse(here(JSON.stringify(answer))));
      assert.deepEqual(read(path, given.body), expected, where);
      if (/if_seq_no/.test(target)) assert.equal(given.body._seq_no, seqNo + 1);
    }
    const passed = cluster.to("/_bulk").at(-1);
    assert.equal(passed.body, recorded.find(({ path }) => path.startsWith("/_bulk")).body);
    assert.equal(passed.headers.authorization, USER);
    const { body: job } = await at("GET", `/_connector/_sync_job/${jobId}`);
    assert.deepEqual([job.status, job.indexed_document_count], ["completed", 2]);
    const { body: view } = await at("GET", `/_connector/${id}/_status`);
    assert.deepEqual(
      view.history.map(({ to, via, by }) => `${to} ${via} ${by}`).reverse(),
      ["created _create elastic", "needs_configuration _update elastic", "configured _configuration elastic", "connected _update elastic"],
    );
  } finally {
    await own.close();
  }
});

// --- Official clients.

for (const [version, Client] of [[9, Client9], [8, Client8]]) {
  test(`client ${version} can use sync jobs and the documents of the two indices`, async () => {
    const client = new Client({ node: worker.url, auth: { username: "elastic", password: "changeme" } });
    const { connector } = client;
    const connector_id = `client-${version}`;
    assert.equal((await client.info()).version.number, "9.7.1");
    await connector.put({ connector_id, index_name: `index-${version}`, service_type: "dir" });
    const post = () => connector.syncJobPost({ id: connector_id, job_type: "full" });
    const { id: connector_sync_job_id } = await post();
    assert.equal((await connector.syncJobGet({ connector_sync_job_id })).status, "pending");
    await connector.syncJobClaim({ connector_sync_job_id, worker_hostname: "w" });
    await connector.syncJobCheckIn({ connector_sync_job_id });
    await connector.syncJobUpdateStats({ connector_sync_job_id, deleted_document_count: 0, indexed_document_count: 1, indexed_document_volume: 1 });
    await connector.syncJobError({ connector_sync_job_id, error: "no" });
    const listed = await connector.syncJobList({ connector_id, status: "error" });
    assert.deepEqual([listed.count, listed.results[0].error], [1, "no"]);
    const other = await post();
    await connector.syncJobCancel({ connector_sync_job_id: other.id });
    assert.equal((await connector.syncJobGet({ connector_sync_job_id: other.id })).status, "canceled");
    await assert.rejects(connector.syncJobCancel({ connector_sync_job_id: other.id }), { statusCode: 400 });
    await connector.syncJobDelete({ connector_sync_job_id: other.id });
    await assert.rejects(connector.syncJobGet({ connector_sync_job_id: other.id }), { statusCode: 404 });

    const index = ".elastic-connectors";
    const found = await client.get({ index, id: connector_id });
    const seen = { if_seq_no: found._seq_no, if_primary_term: found._primary_term };
    const update = () => client.update({ index, id: connector_id, ...seen, doc: { description: "new" } });
    assert.equal((await update()).result, "updated");
    await assert.rejects(update(), { statusCode: 409 });
    const hits = await client.search({ index, query: { term: { _id: connector_id } }, seq_no_primary_term: true });
    assert.equal(hits.hits.hits[0]._source.description, "new");
    const made = await client.index({
      index: ".elastic-connectors-sync-jobs",
      document: { connector: { id: connector_id }, status: "pending", job_type: "full", trigger_method: "scheduled", created_at: new Date().toISOString(), last_seen: new Date().toISOString() },
    });
    assert.equal(made.result, "created");
    assert.equal((await client.count({ index: ".elastic-connectors-sync-jobs", query: { term: { "connector.id": connector_id } } })).count, 2);
    assert.equal(await client.indices.exists({ index }), true);
    // Other indices belong to the cluster.
    assert.deepEqual((await client.count({ index: "search-dir" })).count, 2);
  });
}

// --- Authentication.

test("the cluster decides what its users may do; our keys are checked first; unknown credentials are refused", async () => {
  const statuses = async (authorization) => {
    const headers = authorization ? { authorization } : {};
    const at = async (method, path, body) => (await send(worker.url, method, path, body, headers)).status;
    return [await at("GET", "/_connector"), await at("PUT", "/_connector/who", {}), await at("GET", "/other/_doc/1")];
  };
  assert.deepEqual(await statuses(READER), [200, 403, 200]);
  assert.deepEqual(await statuses(UNPRIVILEGED), [403, 403, 200]);
  assert.deepEqual((await statuses(USER)).map((status) => status < 300), [true, true, true]);
  assert.deepEqual((await statuses(OURS)).map((status) => status < 300), [true, true, false]);
  assert.deepEqual(await statuses("ApiKey bm86Ym9keQ=="), [401, 401, 401]);
  assert.deepEqual(await statuses("Bearer eyJhbGciOi.x.y"), [401, 401, 401]);
  assert.deepEqual(await statuses(), [401, 401, 401]);
  const asked = cluster.to("/_security/_authenticate").length;
  await statuses(READER);
  await statuses(READER);
  // The cluster's answer is cached in each isolate.
  assert.ok(cluster.to("/_security/_authenticate").length - asked <= 2);
  const { body } = await send(worker.url, "GET", "/_connector/who/_status", undefined, { authorization: OURS });
  assert.equal(body.history.at(-1).by, "elastic");
});

test("a user of the cluster can watch, as far as their privileges go, by sending the key itself", async () => {
  const headers = (authorization) => ({ headers: { authorization } });
  const watchers = [await watching(worker.url, {}, headers(USER)), await watching(worker.url, { id: "watched" }, headers(READER))];
  assert.equal((await ask("PUT", "/_connector/watched", { name: "Watched" })).status, 201);
  for (const watcher of watchers) {
    const { connector } = await watcher.change("watched");
    assert.equal(connector.name, "Watched");
    await watcher.close();
  }
  for (const authorization of [UNPRIVILEGED, "ApiKey bm86Ym9keQ=="]) {
    assert.ok((await watch(worker.url, {}, headers(authorization))).closed, authorization);
  }
  // A ticket would have to be trusted without asking the cluster again.
  assert.deepEqual((await ask("POST", "/_connector/_watch")).body, { ticket: null, expires: null });
  const { connectorStatus } = await import("../../npm/dist/client.js");
  const controller = new AbortController();
  const apiKey = READER.split(" ")[1];
  for await (const { type } of connectorStatus({ url: worker.url, apiKey }).watch({ signal: controller.signal })) {
    // The client falls back to polling.
    assert.equal(type, "reset");
    break;
  }
});

test("GET / and _security/_authenticate describe the caller, whether a user of the cluster or one of our keys", async () => {
  const get = (path, authorization) => send(worker.url, "GET", path, undefined, { authorization });
  assert.equal((await get("/", USER)).body.version.number, "9.7.1");
  assert.equal((await get("/", OURS)).body.version.number, "9.6.0");
  assert.deepEqual((await get("/_security/_authenticate", USER)).body.roles, ["superuser"]);
  assert.equal((await get("/_security/_authenticate", OURS)).body.api_key.id, "root");
});

// --- Forwarding.

test("our own paths never reach the cluster, whether they are implemented or not", async () => {
  for (const [method, path, body] of [
    ["POST", "/.elastic-connectors/_delete_by_query", { query: { match_all: {} } }],
    ["PUT", "/.elastic-connectors-sync-jobs-v1/_block/write"],
    ["POST", "/.elastic-connectors-v1/_bulk", {}],
    ["GET", "/%2Eelastic%2Dconnectors/_stats"],
    ["GET", "/_connector/_sync_job/x/y/z"],
  ]) {
    const { status } = await ask(method, path, body);
    assert.ok([400, 404, 405].includes(status), `${method} ${path}: ${status}`);
    assert.equal(cluster.to(path).length, 0, path);
  }
});

/** Sends a path unchanged; clients would resolve dots and backslashes. */
function askAsItIs(port, method, path, headers = []) {
  return new Promise((resolve, reject) => {
    const lines = [`${method} ${path} HTTP/1.1`, "Host: localhost", "Connection: close", `Authorization: ${USER}`, ...headers];
    const socket = connect(port, "127.0.0.1", () => socket.write(`${lines.join("\r\n")}\r\n\r\n`));
    let answer = "";
    socket.setTimeout(10_000, () => socket.destroy(new Error(`${path}: no answer`)));
    socket.on("data", (data) => (answer += data));
    socket.on("error", reject);
    socket.on("close", () => resolve(Number(answer.split(" ")[1])));
  });
}

test("no spelling of a path reaches the cluster's own connectors", async (t) => {
  const before = cluster.seen.length;
  for (const path of [
    "/foo/../.elastic-connectors/_search",
    "/foo/%2e%2E/.elastic-connectors/_search",
    "/%2e/.elastic-connectors/_search",
    "/foo/..%2f.elastic-connectors/../../.elastic-connectors/_search",
    "/foo\\..\\.elastic-connectors/_search",
    "/.elastic\t-connectors/_search",
    "/./_connector",
    "/.elastic-connectors*/_search",
    "/.elastic-connectors-v%2A/_search",
    "/_all/_search",
    "/*/_search",
    "/%2A/_search",
    "/search-dir,.elastic-*/_search",
    "/%3C.elastic-connectors-v%7Bnow%2Fd%7D%3E/_search",
    "/.elastic-connectors-v1::data/_search",
  ]) {
    await t.test(path, async () => assert.equal(await askAsItIs(worker.port, "GET", path), 400));
  }
  assert.deepEqual(cluster.seen.slice(before).filter(({ url }) => !url.startsWith("/_security/")), []);
  // Requests that cannot match our indices go to the cluster.
  for (const path of ["/search-*/_search", "/*,-.elastic-connectors*/_search", "/search-dir/_doc/.hidden"]) {
    assert.equal(await askAsItIs(worker.port, "GET", path), 200, path);
  }
});

test("our keys, valid or not, are never sent to the cluster", async () => {
  const bearing = (id, secret, scheme = "ApiKey") => `${scheme} ${Buffer.from(`${id}:${secret}`).toString("base64")}`;
  const secret = "a secret of ours, not of the cluster";
  const secret_sha256 = createHash("sha256").update(secret).digest("base64");
  const record = (more) => JSON.stringify({ name: "Ours", secret_sha256, privileges: ["manage_connector"], ...more });
  await worker.putKeys([["kept", record()], ["over", record({ expiration: 1 })]]);
  // [credentials, responses on one of the cluster's paths]
  const table = [
    [OURS, 403],
    [bearing("root", "another secret"), 401],
    [bearing("kept", secret), 403],
    [bearing("kept", secret, "Basic"), 403],
    [bearing("kept", "another secret"), 401],
    [bearing("kept", "another secret", "bearer"), 401],
    [bearing("over", secret), 401],
  ];
  const before = cluster.seen.length;
  for (const [authorization, expected] of table) {
    const get = (path) => send(worker.url, "GET", path, undefined, { authorization });
    const { status, body } = await get("/search-dir/_count");
    assert.deepEqual([status, body.error.type], [expected, "security_exception"], authorization);
    for (const path of ["/", "/_security/_authenticate", "/_connector"]) {
      assert.equal((await get(path)).status, expected === 403 ? 200 : 401, `${path} ${authorization}`);
    }
  }
  assert.equal(cluster.seen.length, before);
  // The credentials' owner is looked up each time.
  for (const authorization of [USER, UNPRIVILEGED]) {
    assert.equal((await send(worker.url, "GET", "/search-dir/_count", undefined, { authorization })).status, 200);
  }
});

test("headers and cookies of Cloudflare Access are not forwarded", async () => {
  const access = ["cf-access-jwt-assertion", "cf-access-authenticated-user-email", "cf-access-client-id", "cf-access-client-secret"];
  const headers = Object.fromEntries(access.map((name) => [name, "of-access"]));
  await ask("GET", "/teapot", undefined, { ...headers, cookie: "sid=1; CF_Authorization=eyJhbGciOi; theme=dark" });
  const { headers: passed } = cluster.to("/teapot").at(-1);
  assert.equal(passed.cookie, "sid=1; theme=dark");
  for (const name of access) assert.equal(passed[name], undefined, name);
  await ask("GET", "/teapot", undefined, { cookie: "CF_Authorization=eyJhbGciOi" });
  assert.equal(cluster.to("/teapot").at(-1).headers.cookie, undefined);
});

test("an invalid ORIGIN is reported, without repeating it or the query", async () => {
  for (const ORIGIN of ["cluster.example:9200", "https://", "https://elastic:changeme@cluster.example", "ftp://cluster.example", "https://cluster.example?secret=changeme"]) {
    const own = await startWorker({ ORIGIN });
    try {
      const get = (path, authorization) => send(own.url, "GET", path, undefined, { authorization });
      const passed = await get("/search-dir/_search?q=private", USER);
      assert.equal(passed.status, 503, ORIGIN);
      assert.match(passed.body.error.reason, /setting \[ORIGIN\]/);
      assert.equal((await get("/_connector?q=private", USER)).status, 503);
      assert.equal((await get("/_connector", OURS)).status, 200, "requests that the Worker answers itself still work");
      assert.doesNotMatch(own.log() + JSON.stringify(passed.body), /changeme|private/);
      assert.match(own.log(), /\[ORIGIN\]/);
    } finally {
      await own.close();
    }
  }
});

test("method, query, headers, status and body are forwarded unchanged", async () => {
  const response = await fetch(`${worker.url}/teapot/?a=b%20c&d`.replace("/?", "?"), {
    method: "DELETE",
    headers: { authorization: USER, "x-opaque-id": "o", "x-forwarded-for": "10.1.2.3", "content-type": "application/x-ndjson" },
    body: "raw \u0000 bytes",
  });
  assert.deepEqual([response.status, response.headers.get("x-own"), response.headers.get("warning")], [418, "a, b", '299 Elasticsearch "old"']);
  assert.equal(await response.text(), "short and stout");
  const { method, url, headers, body } = cluster.to("/teapot").at(-1);
  assert.deepEqual([method, url, body], ["DELETE", "/teapot?a=b%20c&d", "raw \u0000 bytes"]);
  assert.deepEqual([headers.authorization, headers["x-opaque-id"], headers["content-type"]], [USER, "o", "application/x-ndjson"]);
  assert.match(headers["x-forwarded-for"], /^10\.1\.2\.3(, .+)?$/);
  assert.match(headers.via, /connector-status/);
  assert.equal((await fetch(`${worker.url}/moved`, { redirect: "manual" })).status, 302);
});

test("HEAD, 304 and gzip responses are forwarded unchanged", async () => {
  const head = await fetch(`${worker.url}/teapot`, { method: "HEAD" });
  assert.deepEqual([head.status, await head.text()], [418, ""]);
  assert.equal(cluster.to("/teapot").at(-1).method, "HEAD");
  const cached = await fetch(`${worker.url}/cached`, { headers: { "if-none-match": '"1"' } });
  assert.deepEqual([cached.status, cached.headers.get("etag")], [304, '"1"']);
  // As raw bytes: a client would decompress them.
  const { headers, bytes } = await raw("GET", "/gzip", { "accept-encoding": "gzip" });
  assert.equal(headers["content-encoding"], "gzip");
  assert.deepEqual(bytes, gzipSync('{"zipped":true}'));
  const body = gzipSync('{"index":{}}\n');
  await raw("POST", "/_bulk", { "content-encoding": "gzip", "content-type": "application/x-ndjson" }, body);
  const passed = cluster.to("/_bulk").at(-1);
  assert.deepEqual([passed.headers["content-encoding"], passed.size], ["gzip", body.length]);
});

/** Sends a request without an HTTP client's conveniences. */
function raw(method, path, headers, body) {
  return new Promise((resolve, reject) => {
    const request = httpRequest(worker.url + path, { method, headers: { authorization: USER, ...headers } }, (response) => {
      const pieces = [];
      response.on("data", (piece) => pieces.push(piece));
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, bytes: Buffer.concat(pieces) }));
      response.on("error", reject);
    });
    request.on("error", reject);
    if (typeof body === "function") body(request);
    else request.end(body);
  });
}

/** The Worker process's memory, in MiB. */
const memory = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${worker.pid}/status`, "utf8"))[1]) / 1024;

test("50 MB are streamed up and down without being buffered", { skip: process.platform !== "linux" }, async (t) => {
  const before = memory();
  const { status } = await raw("PUT", "/up/_bulk", { "content-type": "application/x-ndjson" }, async (request) => {
    for (let n = 0; n < 50; n += 1) {
      if (!request.write(Buffer.alloc(MIB, n))) await new Promise((resolve) => request.once("drain", resolve));
    }
    request.end();
  });
  assert.deepEqual([status, cluster.to("/up/_bulk").at(-1).size], [200, 50 * MIB]);
  let size = 0;
  for await (const piece of (await fetch(`${worker.url}/download`)).body) size += piece.length;
  assert.equal(size, 50 * MIB);
  const grown = memory() - before;
  t.diagnostic(`memory grew by ${grown.toFixed(1)} MiB`);
  assert.ok(grown < 40, `memory grew by ${grown.toFixed(1)} MiB`);
});

test("a slow response is streamed as it arrives, and is cut off where the cluster's is", async () => {
  const startedAt = Date.now();
  const response = await fetch(`${worker.url}/slow`);
  const words = [];
  for await (const piece of response.body) words.push([Date.now() - startedAt, Buffer.from(piece).toString()]);
  assert.equal(words.map(([, text]) => text).join(""), "one two three");
  assert.ok(words.length > 1 && words.at(-1)[0] - words[0][0] > 500, JSON.stringify(words));
  const broken = await fetch(`${worker.url}/broken`);
  assert.equal(broken.status, 200);
  await assert.rejects(broken.text());
});

test("an ORIGIN that leads back to this Worker is detected", async () => {
  const host = new URL(worker.url).host;
  const { status, body } = await ask("GET", "/anything", undefined, { via: `1.1 other, 1.1 ${host} (connector-status)` });
  assert.deepEqual([status, body.error?.type], [508, "loop_detected_exception"]);
});

test("while the cluster is down our keys work, its users are refused, and forwarded requests say why they failed", async () => {
  await cluster.stop();
  try {
    const get = (path, authorization) => send(worker.url, "GET", path, undefined, { authorization });
    assert.equal((await get("/_connector", OURS)).status, 200);
    const other = `ApiKey ${Buffer.from("z1:not seen before").toString("base64")}`;
    assert.equal((await get("/_connector", other)).status, 503);
    const passed = await get("/search-dir/_count", USER);
    assert.deepEqual([passed.status, passed.headers.get("x-elastic-product")], [503, "Elasticsearch"]);
    assert.match(passed.body.error.reason, /cluster/);
  } finally {
    await cluster.start();
  }
  assert.equal((await ask("GET", "/search-dir/_count")).body.count, 2);
});

// --- Export.

test("npm run export writes every document to the cluster's indices, digit for digit", async () => {
  const own = await startWorker({ ANONYMOUS_PRIVILEGE: "manage_connector" });
  try {
    const at = (method, path, body) => send(own.url, method, path, body);
    for (let n = 0; n < 3; n += 1) await at("PUT", `/_connector/back-${n}`, { service_type: "dir", index_name: `back-${n}` });
    const update = '{"doc":{"sync_cursor":{"at":0.12345678901234567891}}}';
    assert.equal((await at("POST", "/.elastic-connectors/_update/back-1", update)).status, 200);
    await at("POST", "/_connector/_sync_job", { id: "back-2" });
    const recordedBulk = paths["/_bulk"];
    // The cluster answers for each document.
    const bulk = (lost) => (request, response, body) => {
      const items = body.trim().split("\n").filter((_, n) => n % 2 === 0).map((line) => ({ index: { _id: JSON.parse(line).index._id, status: 201 } }));
      json(200, { errors: false, items: items.slice(lost) })(request, response, body);
    };
    const run = promisify(execFile);
    const options = { cwd: root, env: { ...process.env, ELASTICSEARCH_API_KEY: "key", CONNECTOR_STATUS_API_KEY: "" } };
    const exported = () => run("node", ["scripts/export.mjs", "--from", own.url, "--to", cluster.url], options);
    paths["/_bulk"] = bulk(1);
    await assert.rejects(exported, ({ code, stderr }) => code === 1 && /answers for 2 of 3 documents/.test(stderr));
    cluster.seen.splice(0);
    paths["/_bulk"] = bulk(0);
    const { stdout } = await exported();
    paths["/_bulk"] = recordedBulk;
    assert.equal(stdout, ".elastic-connectors: 3 documents\n.elastic-connectors-sync-jobs: 1 documents\n");
    const [connectors, jobs] = cluster.to("/_bulk");
    assert.equal(connectors.headers.authorization, "ApiKey key");
    const lines = connectors.body.trim().split("\n");
    assert.deepEqual(JSON.parse(lines[2]), { index: { _index: ".elastic-connectors", _id: "back-1" } });
    assert.ok(lines[3].includes('"at":0.12345678901234567891'), lines[3]);
    assert.match(JSON.parse(jobs.body.split("\n")[0]).index._id, /^[\w-]{20}\.back-2$/);
  } finally {
    await own.close();
  }
});

// --- Settings.

test("the settings for forbidden moves and for the reported version take effect", async () => {
  const strict = await startWorker({ ANONYMOUS_PRIVILEGE: "manage_connector", OFF_PROTOCOL_STATUS: "refuse", ELASTICSEARCH_VERSION: "8.19.1" });
  try {
    const at = (method, path, body) => send(strict.url, method, path, body);
    assert.equal((await at("GET", "/")).body.version.number, "8.19.1");
    await at("PUT", "/_connector/strict", {});
    const { status, body } = await at("POST", "/.elastic-connectors/_update/strict", { doc: { status: "connected" } });
    assert.deepEqual([status, body.error.type], [400, "status_exception"]);
    assert.equal((await at("POST", "/.elastic-connectors/_update/strict", { doc: { status: "error" } })).status, 200);
    assert.equal((await at("GET", "/other/_search")).status, 400);
  } finally {
    await strict.close();
  }
});
