// Requests and their responses against a real workerd, mostly as tables.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { connect } from "node:net";
import { brotliCompressSync, gzipSync } from "node:zlib";

import { must, send, startWorker } from "./worker.mjs";

let worker;
before(async () => {
  worker = await startWorker();
  // The first list reads Workers KV; an index claim would not wait for that.
  assert.equal((await send(worker.url, "GET", "/_connector")).status, 200);
});
after(() => worker.close());

const status = "/_connector/fixed/_status";
const parse = "x_content_parse_exception";
const deep = (n) => `{"sync_cursor":{"a":${"[".repeat(n)}${"]".repeat(n)}}}`;
const vendor = (n) => `application/vnd.elasticsearch+json; compatible-with=${n}`;

// Cases that the tables cannot express (the others are in tests/tables/requests.json):
// [description, method, path, body, status, type (null: plain sentence), reason, cause's reason, headers]
const refused = [
  ["nested too deeply", "PUT", "/_connector/fixed/_last_sync", deep(200_000), 400, parse, "[1:119] Depth exceeds the limit [100]"],
  ["not UTF-8", "PUT", status, new Uint8Array([0x7b, 0x22, 0xff, 0x22]), 400, parse, "[1:3] Invalid UTF-8 at byte 2"],
  ["over 1 MiB", "PUT", status, `{"status":"${"x".repeat(1 << 20)}"}`, 413, "content_too_long_exception", "entity content is too long: the limit is [1048576] bytes"],
  ["HEAD of a connector", "HEAD", "/_connector/fixed", undefined, 405, undefined],
  ["no Content-Type", "PUT", status, new TextEncoder().encode('{"status":"error"}'), 406, null, "Content-Type header is missing", undefined, { "content-type": "" }],
  ["index in use", "PUT", "/_connector/new", '{"index_name":"taken"}', 400, "status_exception", "Index name [taken] is used by another connector."],
];

test("an invalid request is refused with Elasticsearch's error and changes nothing", async (t) => {
  await send(worker.url, "PUT", "/_connector/fixed", { index_name: "taken" });
  const found = async () => [
    (await send(worker.url, "GET", "/_connector/fixed")).body,
    (await send(worker.url, "GET", status)).body,
    (await send(worker.url, "GET", "/_connector/new")).status,
  ];
  const original = await found();
  for (const [what, method, path, body, code, type, reason, cause, headers] of refused) {
    await t.test(`${what}: ${method} ${path.slice(0, 60)}`, async () => {
      const answer = await send(worker.url, method, path, body, headers);
      assert.equal(answer.status, code, JSON.stringify(answer.body));
      assert.equal(answer.headers.get("x-elastic-product"), "Elasticsearch");
      if (type === undefined) return;
      assert.match(answer.headers.get("content-type"), /json/);
      if (type === null) {
        assert.equal(answer.body.error, reason);
        assert.equal(answer.body.status, code === 400 ? undefined : code);
        if (code === 405) assert.match(reason, new RegExp(`allowed: \\[${answer.headers.get("allow")}\\]`));
        return;
      }
      assert.equal(answer.body.status, code);
      assert.equal(answer.body.error.reason, reason);
      assert.equal(answer.body.error.type, type);
      assert.equal(answer.body.error.caused_by?.reason, cause ?? answer.body.error.caused_by?.reason);
      const root = answer.body.error.root_cause[0];
      assert.deepEqual([root.type, root.reason, root.caused_by], [type, reason, undefined]);
    });
  }
  assert.deepEqual(await found(), original);
});

// [description, method, path, body, status, expected body (undefined: any), headers]
const done = [
  ["the product info", "GET", "/", undefined, 200, undefined],
  ["OPTIONS", "OPTIONS", "/_connector/x/_status", undefined, 200, ""],
  ["OPTIONS of an unknown path", "OPTIONS", "/x/y", undefined, 200, ""],
  ["create", "PUT", "/_connector/life", { name: "A" }, 201, { id: "life", result: "created" }],
  ["creating it again resets it", "PUT", "/_connector/life", { index_name: "life" }, 200, { id: "life", result: "updated" }],
  ["create without a body", "PUT", "/_connector/bare", undefined, 201, { id: "bare", result: "created" }],
  ["an id with a slash", "PUT", "/_connector/a%2Fb%20%C3%A4", undefined, 201, { id: "a/b ä", result: "created" }],
  ["an id with a slash is read back", "GET", "/_connector/a%2Fb%20%C3%A4?filter_path=id", undefined, 200, { id: "a/b ä" }],
  ["an id of dots", "PUT", "/_connector/...", undefined, 201, { id: "...", result: "created" }],
  ["an id of 500 bytes", "PUT", `/_connector/${"y".repeat(500)}`, undefined, 201, undefined],
  ["trailing slash", "PUT", "/_connector/life/_status/", { status: "Needs_Configuration" }, 200, { result: "updated" }],
  ["text after the body is ignored", "PUT", "/_connector/life/_status", '{"status":"configured"} x', 200, { result: "updated" }],
  ["noop", "PUT", "/_connector/life/_status", { status: "configured" }, 200, { result: "noop" }],
  ["check in", "PUT", "/_connector/life/_check_in", undefined, 200, { result: "updated" }],
  ["filter_path includes fields", "GET", "/_connector/life?filter_path=status,scheduling.*.enabled", undefined, 200, { status: "configured", scheduling: { access_control: { enabled: false }, full: { enabled: false }, incremental: { enabled: false } } }],
  ["filter_path excludes fields", "GET", "/_connector/life?filter_path=-filtering,-**.interval,-*s,-last_seen", undefined, 200, { id: "life", configuration: {}, custom_scheduling: {}, index_name: "life", is_native: false, name: "", scheduling: { access_control: { enabled: false }, full: { enabled: false }, incremental: { enabled: false } }, sync_now: false, deleted: false }],
  ["delete", "DELETE", "/_connector/life?delete_sync_jobs=true", undefined, 200, { acknowledged: true }],
  ["delete again", "DELETE", "/_connector/life", undefined, 404, undefined],
  ["deleted, with include_deleted", "GET", "/_connector/life?include_deleted&filter_path=deleted,status", undefined, 200, { deleted: true, status: "configured" }],
  ["deleted, without include_deleted", "GET", "/_connector/life?include_deleted=false", undefined, 404, undefined],
  ["deleted, a status change", "PUT", "/_connector/life/_status", { status: "connected" }, 404, undefined],
  ["deleted, check in", "PUT", "/_connector/life/_check_in", undefined, 200, { result: "updated" }],
  ["a deleted connector's index is free", "PUT", "/_connector/heir", { index_name: "life" }, 201, undefined],
  ["an index in use cannot be taken back", "PUT", "/_connector/life", { index_name: "life" }, 400, undefined],
  ["creating it again brings it back", "PUT", "/_connector/life", undefined, 200, { id: "life", result: "updated" }],
  ["hard delete", "DELETE", "/_connector/life?hard=true", undefined, 200, { acknowledged: true }],
  ["a hard delete is final", "GET", "/_connector/life?include_deleted=true", undefined, 404, undefined],
  ["creating it after a hard delete starts over", "PUT", "/_connector/life", undefined, 201, { id: "life", result: "created" }],
  ["native", "PUT", "/_connector/native", { is_native: "true", index_name: "content-x" }, 201, undefined],
  ["native status", "GET", "/_connector/native?filter_path=status", undefined, 200, { status: "needs_configuration" }],
];

test("a connector's requests from creation to deletion give the expected responses", async (t) => {
  for (const [what, method, path, body, code, expected, headers] of done) {
    await t.test(`${what}: ${method} ${path.slice(0, 60)}`, async () => {
      const answer = await send(worker.url, method, path, body, headers);
      assert.equal(answer.status, code, JSON.stringify(answer.body));
      if (expected !== undefined) assert.deepEqual(answer.body, expected);
    });
  }
});

test("the example in Elasticsearch's documentation works verbatim", async () => {
  const connector = { index_name: "search-google-drive", name: "My Connector", service_type: "needs_configuration" };
  const created = await send(worker.url, "PUT", "/_connector/my-connector", connector);
  assert.deepEqual([created.status, created.body], [201, { id: "my-connector", result: "created" }]);
  const moved = await send(worker.url, "PUT", "/_connector/my-connector/_status", { status: "needs_configuration" });
  assert.deepEqual([moved.status, moved.body], [200, { result: "updated" }]);
  const deleted = await send(worker.url, "DELETE", "/_connector/my-connector");
  assert.deepEqual([deleted.status, deleted.body], [200, { acknowledged: true }]);
});

test("a connector created without an id gets one", async () => {
  for (const method of ["PUT", "POST"]) {
    const { status, body } = await send(worker.url, method, "/_connector?pretty", { name: method });
    assert.equal(status, 201);
    assert.match(body.id, /^[A-Za-z0-9_-]{20}$/);
    const { body: found } = await send(worker.url, "GET", `/_connector/${body.id}`);
    assert.equal(found.name, method);
  }
});

test("responses have the requested form: pretty, human, filter_path and the media type", async () => {
  const get = (path, headers) => send(worker.url, "GET", path, undefined, headers);
  const type = async (accept) => (await get("/_connector/fixed", { accept })).headers.get("content-type");
  assert.equal(await type("*/*"), "application/json");
  assert.equal(await type("application/json"), "application/json");
  assert.equal(await type(`${vendor(9)},text/plain`), "application/vnd.elasticsearch+json;compatible-with=9");
  assert.equal(await type(vendor(8)), "application/vnd.elasticsearch+json;compatible-with=8");
  const pretty = await fetch(`${worker.url}/_connector/nobody?pretty`).then((r) => r.text());
  assert.match(pretty, /^\{\n {2}"error": \{\n {4}"root_cause": \[[^]*\n\}\n$/);
  assert.equal((await get("/_connector/fixed", { "x-opaque-id": "mine" })).headers.get("x-opaque-id"), "mine");
  assert.equal((await get("/_connector/nobody", { "x-opaque-id": "mine" })).headers.get("x-opaque-id"), "mine");
  const info = await get("/");
  assert.equal(info.headers.get("vary"), "Accept");
  assert.equal(info.body.tagline, "You Know, for Search");
  const head = await fetch(`${worker.url}/`, { method: "HEAD" });
  assert.deepEqual([head.status, await head.text()], [200, ""]);
});

const bytes = (text) => [...new TextEncoder().encode(text)];
const named = (...name) => Uint8Array.from([...bytes('{"name":"'), ...name, ...bytes('"}')]);
const bodies = [
  // description, chunks of the body, status, resulting name
  ["beyond ASCII", [named(...bytes("Zoë 🦀"))], 200, "Zoë 🦀"],
  ["the replacement character itself", [named(0xef, 0xbf, 0xbd)], 200, "\ufffd"],
  ["a byte that is never in UTF-8", [named(0xff)], 400],
  ["a truncated character", [named(0xe2, 0x82)], 400],
  ["a truncated character before a replacement character", [named(0xc3, 0xef, 0xbf, 0xbd)], 400],
  ["a character split across chunks", [named(...bytes("ü")).slice(0, 10), named(...bytes("ü")).slice(10)], 200, "ü"],
  ["4 MiB", [new Uint8Array(4 << 20)], 413],
  ["4 MiB in chunks", Array.from({ length: 64 }, () => new Uint8Array(1 << 16)), 413],
];
test("a body is decoded across chunks, up to its size limit", async (t) => {
  await send(worker.url, "PUT", "/_connector/bodies");
  for (const [what, pieces, expected, name] of bodies) {
    for (const announced of pieces.length > 1 ? [false] : [true, false]) {
      await t.test(`${what}${announced ? "" : ", without Content-Length"}`, async () => {
        const body = announced ? pieces[0] : ReadableStream.from(pieces);
        const headers = { "content-type": "application/json" };
        const url = `${worker.url}/_connector/bodies/_name`;
        const response = await fetch(url, { method: "PUT", body, duplex: "half", headers });
        assert.equal(response.status, expected, await response.text());
        if (!name) return;
        const stored = await send(worker.url, "GET", "/_connector/bodies?filter_path=name");
        assert.deepEqual(stored.body, { name });
      });
    }
  }
});

test("texts of every length and script are stored, found and shown as they were sent", async () => {
  await must(worker.url, "PUT", "/_connector/texts");
  const lengths = [1, 2, 99, 999, 1_000, 1_001, 20_000];
  const texts = lengths.flatMap((length) => {
    const ascii = "x".repeat(length);
    return [ascii, `ü${ascii}`, `${ascii}ü`, "€".repeat(length), "🦀".repeat(length), "xü€🦀".repeat(length / 4 + 1)];
  });
  for (const text of texts) {
    const { body: put } = await send(worker.url, "PUT", "/_connector/texts/_error", { error: text });
    assert.equal(put.result, "updated", text);
    assert.equal((await must(worker.url, "GET", "/_connector/texts")).error, text);
  }
  // A search reads the documents in the module; a list would take them from SQLite as they are.
  await must(worker.url, "POST", "/.elastic-connectors/_refresh");
  const search = { query: { term: { _id: "texts" } }, sort: ["name", "error"] };
  const found = await must(worker.url, "POST", "/.elastic-connectors/_search", search);
  assert.equal(found.hits.hits[0]._source.error, texts.at(-1));
});

test("only a backup may exceed the limit of other bodies", async () => {
  const body = JSON.stringify({ name: "x".repeat(2 << 20) });
  const limits = [
    ["/_connector/bodies/_name", "1048576"],
    ["/_connector/bodies/_name?filter_path=/_backup", "1048576"],
    ["/_connector/bodies/_backup?overwrite=true", undefined],
  ];
  for (const [path, limit] of limits) {
    const answer = await send(worker.url, "PUT", path, body);
    assert.equal(answer.status, limit ? 413 : 400, path);
    if (limit) assert.equal(answer.body.error.reason, `entity content is too long: the limit is [${limit}] bytes`, path);
  }
});

test("If-Match and If-None-Match let a caller act on the version it has seen", async () => {
  const path = "/_connector/seen/_status";
  const put = (to, headers) => send(worker.url, "PUT", path, { status: to }, headers);
  await send(worker.url, "PUT", "/_connector/seen");
  const first = (await send(worker.url, "GET", path)).headers.get("etag");
  assert.match(first, /^"\d+"$/);
  const moved = await put("needs_configuration", { "if-match": first });
  assert.deepEqual([moved.status, moved.headers.get("etag")], [200, null]);
  const stale = await put("error", { "if-match": first });
  assert.equal(stale.status, 412);
  assert.equal(stale.body.error.type, "version_conflict_engine_exception");
  const second = (await send(worker.url, "GET", "/_connector/seen")).headers.get("etag");
  assert.notEqual(second, first);
  const unchanged = await fetch(worker.url + path, { headers: { "if-none-match": `W/${second}` } });
  assert.deepEqual([unchanged.status, await unchanged.text()], [304, ""]);
  assert.equal((await put("connected", { "if-match": second })).status, 400);
  assert.equal((await put("error", { "if-match": `"x", W/${second}` })).status, 200);
  assert.equal((await put("connected", { "if-match": "*" })).status, 200);
  const missing = await send(worker.url, "PUT", "/_connector/nobody/_status", { status: "error" }, { "if-match": "*" });
  assert.equal(missing.status, 412);
  const create = (id, headers) => send(worker.url, "PUT", `/_connector/${id}`, {}, headers);
  assert.equal((await create("seen", { "if-none-match": "*" })).status, 412);
  assert.equal((await create("unseen", { "if-match": "*" })).status, 412);
  assert.equal((await send(worker.url, "GET", "/_connector/unseen")).status, 404);
  assert.equal((await create("unseen", { "if-none-match": "*" })).status, 201);
});

test("body limits count bytes, and bodies may be compressed", async (t) => {
  const path = "/_connector/bytes/_name";
  await send(worker.url, "PUT", "/_connector/bytes", { name: "Before" });
  const bytes = (...parts) => Buffer.concat(parts.map((part) => Buffer.from(part)));
  const named = (name) => JSON.stringify({ name });
  const gzip = { "content-encoding": "gzip" };
  const long = "x".repeat(1 << 20);
  // [description, body, headers, status, resulting name or reason]
  const table = [
    ["cut-off character", bytes('{"name":"', [0xf0, 0x9f, 0x98], '"}'), {}, 400, "[1:10] Invalid UTF-8 at byte 9"],
    ["lone continuation", bytes('{"name":"ab', [0x80], '"}'), {}, 400, "[1:12] Invalid UTF-8 at byte 11"],
    ["surrogate", bytes('{"name":"', [0xed, 0xa0, 0x80], '"}'), {}, 400, "[1:10] Invalid UTF-8 at byte 9"],
    ["replacement character", named("a\ufffdb"), {}, 200, "a\ufffdb"],
    ["byte order mark", bytes([0xef, 0xbb, 0xbf], named("bom \ufffd")), {}, 200, "bom \ufffd"],
    ["gzip", gzipSync(named("zipped")), gzip, 200, "zipped"],
    ["GZIP", gzipSync(named("zipped too")), { "content-encoding": "GZIP" }, 200, "zipped too"],
    ["identity", named("plain"), { "content-encoding": "identity" }, 200, "plain"],
    ["a body that is not gzip", named("liar"), gzip, 400, "Content-Encoding is [gzip], but the request body is not valid gzip"],
    ["cut-off gzip", gzipSync(named("cut")).subarray(0, 20), gzip, 400, "Content-Encoding is [gzip], but the request body is not valid gzip"],
    ["brotli", brotliCompressSync(named("br")), { "content-encoding": "br" }, 415, "Content-Encoding [br] is not supported: use [gzip], or leave it out"],
    ["a gzip bomb", gzipSync(named(long)), gzip, 413, "entity content is too long: the limit is [1048576] bytes"],
    ["a large gzip bomb", gzipSync("0".repeat(64 << 20)), gzip, 413, "entity content is too long: the limit is [1048576] bytes"],
  ];
  let name = "Before";
  for (const [what, body, headers, status, expected] of table) {
    await t.test(what, async () => {
      const answer = await send(worker.url, "PUT", path, body, headers);
      assert.equal(answer.status, status, JSON.stringify(answer.body).slice(0, 300));
      if (status === 200) name = expected;
      else assert.equal(answer.body.error.reason, expected);
      assert.equal((await send(worker.url, "GET", "/_connector/bytes")).body.name, name);
    });
  }
});

test("numbers keep their digits", async () => {
  const numbers = '{"n":[123456789012345678901234567890,0.12345678901234567,1.50,1E400,-0.0]}';
  const text = async (path) => (await fetch(`${worker.url}${path}`)).text();
  const put = (id, name, body) => send(worker.url, "PUT", `/_connector/${id}/${name}`, body);
  const { CONNECTORS } = await worker.env();
  await CONNECTORS.put("c:digits-kept", `{"status":"created","odd":${numbers},"sync_cursor":${numbers}}`);
  await send(worker.url, "PUT", "/_connector/digits");
  assert.deepEqual((await put("digits", "_last_sync", `{"sync_cursor":${numbers}}`)).body, { result: "updated" });
  assert.deepEqual((await put("digits", "_last_sync", `{"sync_cursor":${numbers}}`)).body, { result: "noop" });
  for (const id of ["digits", "digits-kept"]) {
    // As sent or imported, after a move, and after a move and another write.
    for (const change of [() => {}, () => put(id, "_status", { status: "error" }), () => put(id, "_check_in")]) {
      await change();
      assert.ok((await text(`/_connector/${id}`)).includes(`"sync_cursor":${numbers}`), id);
      assert.equal(await text(`/_connector/${id}?filter_path=sync_cursor`), `{"sync_cursor":${numbers}}`);
      assert.match(await text(`/_connector/${id}?pretty`), /\n {6}1E400,\n/);
    }
  }
  assert.ok((await text("/_connector/digits-kept")).includes(`"odd":${numbers}`));
  const list = await text("/_connector?connector_name=&size=1000");
  assert.ok(list.includes(`"sync_cursor":${numbers}`), "the list");
});

test("a document cannot grow over its limit, and can still move and shrink there", async () => {
  const cursor = (name, bytes) => ({ sync_cursor: { [name]: "x".repeat(bytes) } });
  const put = (name, body) => send(worker.url, "PUT", `/_connector/large/${name}`, body);
  await send(worker.url, "PUT", "/_connector/large");
  assert.equal((await put("_last_sync", cursor("a", 600_000))).status, 200);
  const refused = await put("_last_sync", cursor("b", 600_000));
  assert.equal(refused.status, 413);
  assert.equal(refused.body.error.type, "content_too_long_exception");
  assert.match(refused.body.error.reason, /^\[large\]: the connector would be too long: .* the limit is \[1048576\]$/);
  assert.equal((await put("_status", { status: "error" })).status, 200);
  assert.equal((await put("_last_sync", cursor("a", 1_000))).status, 200);
  assert.equal((await put("_last_sync", cursor("b", 600_000))).status, 200);
  assert.equal((await send(worker.url, "DELETE", "/_connector/large?hard=true")).status, 200);
});

test("invalid response options are refused before anything is done", async () => {
  const body = JSON.stringify({ status: "error" });
  await send(worker.url, "PUT", "/_connector/asked");
  for (const query of [`filter_path=${"a,".repeat(1_001)}`, "pretty=foo", "human=1"]) {
    const refused = await send(worker.url, "PUT", `/_connector/asked/_status?${query}`, body);
    assert.equal(refused.status, 400, query);
  }
  assert.equal((await send(worker.url, "GET", "/_connector/asked")).body.status, "created");
  for (const path of ["/", "/_connector/asked", "/_connector"]) {
    // The machine may stall once, but not three times.
    const took = [];
    for (let n = 0; n < 3; n += 1) {
      const started = Date.now();
      const { status } = await send(worker.url, "GET", `${path}?filter_path=${"**.".repeat(2_000)}name`);
      assert.equal(status, 200, path);
      took.push(Date.now() - started);
    }
    assert.ok(Math.min(...took) < 2_000, `${path}: ${took} ms`);
  }
});

test("the status view has the possible next statuses and the history", async () => {
  const path = "/_connector/view/_status";
  await send(worker.url, "PUT", "/_connector/view", { name: "View" });
  for (const to of ["needs_configuration", "configured", "configured", "connected"]) {
    await send(worker.url, "PUT", path, { status: to });
  }
  const { body } = await send(worker.url, "GET", path);
  const summary = body.history.map(({ from, to, via }) => [from, to, via]);
  assert.deepEqual(summary, [
    ["configured", "connected", "_status"],
    ["needs_configuration", "configured", "_status"],
    ["created", "needs_configuration", "_status"],
    [null, "created", "_create"],
  ]);
  assert.deepEqual([body.id, body.status, body.via, body.by], ["view", "connected", "_status", null]);
  assert.equal(body.since, body.history[0].at);
  assert.deepEqual(body.next.map(({ status, who }) => [status, who]), [
    ["configured", "user"],
    ["connected", "connector"],
    ["error", "connector"],
  ]);
  const { body: short } = await send(worker.url, "GET", `${path}?size=1`);
  assert.equal(short.history.length, 1);
});

test("the history can be paged to its end, and every page reports the current status", async () => {
  const path = "/_connector/paged/_status";
  await send(worker.url, "PUT", "/_connector/paged", {});
  for (const to of ["needs_configuration", "configured", "error", "connected"]) {
    await send(worker.url, "PUT", "/_connector/paged/_check_in");
    await send(worker.url, "PUT", path, { status: to });
  }
  const { body: all } = await send(worker.url, "GET", path);
  const found = [];
  for (let before = ""; ; before = `&before=${found.at(-1).version}`) {
    const { body } = await send(worker.url, "GET", `${path}?size=2${before}`);
    assert.deepEqual([body.since, body.via, body.status], [all.since, all.via, "connected"]);
    if (body.history.length === 0) break;
    found.push(...body.history);
  }
  assert.deepEqual(found, all.history);
  // Heartbeats increment the version too, so versions have gaps.
  assert.deepEqual(found.map(({ version }) => version), [9, 7, 5, 3, 1]);
  assert.equal((await send(worker.url, "GET", `${path}?size=0`)).body.since, all.since);
});

test("malformed requests that fetch cannot send are refused", async () => {
  const raw = (text) =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(worker.url);
      const socket = connect(port, hostname, () => socket.write(text));
      let answer = "";
      socket.setTimeout(5_000, () => socket.destroy());
      socket.on("data", (data) => {
        answer += data;
        if (/\r\n\r\n/.test(answer)) socket.end();
      });
      socket.on("close", () => resolve(answer));
      socket.on("error", reject);
    });
  const head = "Host: localhost\r\nConnection: close\r\n";
  const dots = await raw(`PUT /_connector/%2e%2e/_status HTTP/1.1\r\n${head}Content-Length: 0\r\n\r\n`);
  assert.match(dots, /^HTTP\/1.1 400 /);
  const cut = await raw(`PUT ${status} HTTP/1.1\r\n${head}Content-Type: application/json\r\nContent-Length: 3\r\n\r\n{"s`);
  assert.match(cut, /^HTTP\/1.1 400 /);
});

test("none of these requests was logged as an error of the Worker", () => {
  const odd = worker.logs().filter((line) => /panic|unreachable|RuntimeError|Error:/.test(line));
  assert.deepEqual(odd, []);
});
