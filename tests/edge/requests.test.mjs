// Requests and their answers, one line each, against a real workerd.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { connect } from "node:net";

import { send, startWorker } from "./worker.mjs";

let worker;
before(async () => (worker = await startWorker()));
after(() => worker.close());

const status = "/_connector/fixed/_status";
const parse = "x_content_parse_exception";
const invalid = "action_request_validation_exception";
const argument = "illegal_argument_exception";
const parser = "[connector_update_status_request]";
const deep = (n) => `{"status":${"[".repeat(n)}${"]".repeat(n)}}`;
const noHandler = (path, method) => `no handler found for uri [${path}] and method [${method}]`;
const vendor = (n) => `application/vnd.elasticsearch+json; compatible-with=${n}`;

// [what, method, path, body, status, type (null: plain sentence), reason, cause's reason, headers]
const refused = [
  // The body of _status.
  ["no body", "PUT", status, undefined, 400, "parse_exception", "request body is required"],
  ["{}", "PUT", status, "{}", 400, invalid, "Validation Failed: 1: [status] cannot be [null].;"],
  ["null", "PUT", status, '{"status":null}', 400, parse, `[1:11] ${parser} status doesn't support values of type: VALUE_NULL`],
  ["number", "PUT", status, '{"status":1}', 400, parse, `[1:11] ${parser} status doesn't support values of type: VALUE_NUMBER`],
  ["boolean", "PUT", status, '{"status":true}', 400, parse, `[1:11] ${parser} status doesn't support values of type: VALUE_BOOLEAN`],
  ["object", "PUT", status, '{"status":{}}', 400, parse, `[1:11] ${parser} status doesn't support values of type: START_OBJECT`],
  ["array", "PUT", status, '{"status":[]}', 400, parse, `[1:11] ${parser} status doesn't support values of type: START_ARRAY`],
  ["unknown", "PUT", status, '{"status":"foo"}', 400, parse, `[1:11] ${parser} failed to parse field [status]`, "Unknown ConnectorStatus: foo"],
  ["empty", "PUT", status, '{"status":""}', 400, parse, `[1:11] ${parser} failed to parse field [status]`, "Unknown ConnectorStatus: "],
  ["extra field", "PUT", status, '{"status":"connected","foo":1}', 400, parse, `[1:23] ${parser} unknown field [foo]`],
  ["field much like another", "PUT", status, '{\n  "statuss":1}', 400, parse, `[2:3] ${parser} unknown field [statuss] did you mean [status]?`],
  ["array on top", "PUT", status, "[]", 400, parse, `[1:1] ${parser} Expected START_OBJECT but was: START_ARRAY`],
  ["string on top", "PUT", status, '"a"', 400, parse, `[1:1] ${parser} Expected START_OBJECT but was: VALUE_STRING`],
  ["bad token", "PUT", status, '{"status":nope}', 400, parse, "[1:12] expected ident"],
  ["cut off in a value", "PUT", status, '{"status":"conn', 400, parse, "[1:15] EOF while parsing a string"],
  ["cut off after a colon", "PUT", status, '{"status":', 400, parse, "[1:10] EOF while parsing a value"],
  ["cut off after a value", "PUT", status, '{"status":"connected"', 400, parse, "[1:21] EOF while parsing an object"],
  ["one space", "PUT", status, " ", 400, parse, "[1:1] EOF while parsing a value"],
  ["a key twice", "PUT", status, '{"status":"error","status":"error"}', 400, parse, "[1:26] Duplicate field 'status'"],
  ["too deep", "PUT", status, deep(100), 400, parse, "[1:111] Depth exceeds the limit [100]"],
  ["very deep", "PUT", status, deep(200_000), 400, parse, "[1:110] Depth exceeds the limit [100]"],
  ["not UTF-8", "PUT", status, new Uint8Array([0x7b, 0x22, 0xff, 0x22]), 400, parse, "[1:3] Invalid UTF-8 at byte 2"],
  ["over 1 MiB", "PUT", status, `{"status":"${"x".repeat(1 << 20)}"}`, 413, "content_too_long_exception", "entity content is too long: the limit is [1048576] bytes"],

  // Ids.
  ["empty id", "PUT", "/_connector//_status", '{"status":"error"}', 400, invalid, 'Validation Failed: 1: [connector_id] cannot be [null] or [""].;'],
  ["empty id and body", "PUT", "/_connector//_status", "{}", 400, invalid, 'Validation Failed: 1: [connector_id] cannot be [null] or [""].; 2: [status] cannot be [null].;'],
  ["long id", "PUT", `/_connector/${"x".repeat(501)}/_status`, '{"status":"error"}', 400, invalid, "Validation Failed: 1: [connector_id] is too long, must be no longer than 500 bytes but was: 501;"],
  ["NUL in an id", "PUT", "/_connector/a%00b/_status", '{"status":"error"}', 400, invalid, "Validation Failed: 1: [connector_id] must not contain control characters;"],
  ["half a percent sign", "GET", "/_connector/a%2", undefined, 400, argument, "invalid escape sequence in [a%2]: % is followed by the two hexadecimal digits of a byte of UTF-8, a plain % is %25"],
  ["not UTF-8 in an id", "GET", "/_connector/a%ff", undefined, 400, argument, "invalid escape sequence in [a%ff]: % is followed by the two hexadecimal digits of a byte of UTF-8, a plain % is %25"],
  ["unknown id", "PUT", "/_connector/nobody/_status", '{"status":"error"}', 404, "resource_not_found_exception", "connector [nobody] not found"],
  ["unknown id, get", "GET", "/_connector/nobody", undefined, 404, "resource_not_found_exception", "connector [nobody] not found"],
  ["unknown id, status", "GET", "/_connector/nobody/_status", undefined, 404, "resource_not_found_exception", "connector [nobody] not found"],
  ["unknown id, delete", "DELETE", "/_connector/nobody", undefined, 404, "resource_not_found_exception", "connector [nobody] not found"],
  ["unknown id, hard delete", "DELETE", "/_connector/nobody?hard=true", undefined, 404, "resource_not_found_exception", "connector [nobody] not found"],
  ["unknown id, check in", "PUT", "/_connector/nobody/_check_in", undefined, 404, "document_missing_exception", "[nobody]: document missing"],
  ["id with a slash", "GET", "/_connector/a%2Fb", undefined, 404, "resource_not_found_exception", "connector [a/b] not found"],

  // Transitions.
  ["not in the table", "PUT", status, '{"status":"connected"}', 400, "status_exception", "Invalid transition attempt from [created] to [connected]. Such a status transition is not supported by the Connector Protocol.", "Invalid transition attempt from [created] to [connected]. Such a status transition is not supported by the Connector Protocol."],
  ["to itself", "PUT", status, '{"status":"CREATED"}', 400, "status_exception", "Invalid transition attempt from [created] to [created]. Such a status transition is not supported by the Connector Protocol.", "Invalid transition attempt from [created] to [created]. Such a status transition is not supported by the Connector Protocol."],

  // Methods and paths.
  ["method", "POST", `${status}?a=b`, '{"status":"error"}', 405, null, `Incorrect HTTP method for uri [${status}?a=b] and method [POST], allowed: [GET,PUT]`],
  ["head of a connector", "HEAD", "/_connector/fixed", undefined, 405, undefined],
  ["post to a connector", "POST", "/_connector/fixed", undefined, 405, null, "Incorrect HTTP method for uri [/_connector/fixed] and method [POST], allowed: [GET,PUT,DELETE]"],
  ["delete of all", "DELETE", "/_connector", undefined, 405, null, "Incorrect HTTP method for uri [/_connector] and method [DELETE], allowed: [GET,POST,PUT]"],
  ["get of a check in", "GET", "/_connector/fixed/_check_in", undefined, 405, null, "Incorrect HTTP method for uri [/_connector/fixed/_check_in] and method [GET], allowed: [PUT]"],
  ["unknown endpoint", "PUT", "/_connector/fixed/_nothing", "{}", 400, null, noHandler("/_connector/fixed/_nothing", "PUT")],
  ["unknown path", "GET", "/_search", undefined, 400, null, noHandler("/_search", "GET")],
  ["sync jobs", "PUT", "/_connector/_sync_job", "{}", 400, null, noHandler("/_connector/_sync_job", "PUT")],
  ["one sync job", "GET", "/_connector/_sync_job/x", undefined, 400, null, noHandler("/_connector/_sync_job/x", "GET")],
  ["secrets", "POST", "/_connector/_secret", "{}", 400, null, noHandler("/_connector/_secret", "POST")],
  ["too many segments", "GET", "/_connector/a/b/c", undefined, 400, null, noHandler("/_connector/a/b/c", "GET")],

  // Media types.
  ["text", "PUT", status, '{"status":"error"}', 406, null, "Content-Type header [text/plain] is not supported", undefined, { "content-type": "text/plain" }],
  ["no type", "PUT", status, new TextEncoder().encode('{"status":"error"}'), 406, null, "Content-Type header is missing", undefined, { "content-type": "" }],
  ["type that is none", "PUT", status, '{"status":"error"}', 400, "media_type_header_exception", "Invalid media-type value on headers [Content-Type]", "invalid media-type [json]", { "content-type": "json" }],
  ["accept that is none", "GET", "/_connector/fixed", undefined, 400, "media_type_header_exception", "Invalid media-type value on headers [Accept]", "invalid media-type [json]", { accept: "json" }],
  ["version too old", "GET", "/_connector/fixed", undefined, 400, "media_type_header_exception", "Invalid media-type value on headers [Accept]", `Accept version must be either version 9 or 8, but found 7. Accept=${vendor(7)}`, { accept: vendor(7) }],
  ["two versions", "PUT", status, '{"status":"error"}', 400, "media_type_header_exception", "Invalid media-type value on headers [Accept, Content-Type]", `A compatible version is required on both Content-Type and Accept headers if either one has requested a compatible version and the compatible versions must match. Accept=${vendor(9)}, Content-Type=${vendor(8)}`, { accept: vendor(9), "content-type": vendor(8) }],

  // Parameters.
  ["unknown parameter", "GET", "/_connector/fixed?foo=1", undefined, 400, argument, "request [/_connector/fixed] contains unrecognized parameter: [foo]"],
  ["parameter much like another", "GET", "/_connector/fixed?include_delete", undefined, 400, argument, "request [/_connector/fixed] contains unrecognized parameter: [include_delete] -> did you mean [include_deleted]?"],
  ["two unknown ones", "PUT", `${status}?a=1&b`, '{"status":"error"}', 400, argument, `request [${status}] contains unrecognized parameters: [a], [b]`],
  ["bad body before bad parameter", "PUT", `${status}?a=1`, "[]", 400, parse, `[1:1] ${parser} Expected START_OBJECT but was: START_ARRAY`],
  ["bad parameter before validation", "PUT", `${status}?a=1`, "{}", 400, argument, `request [${status}] contains unrecognized parameter: [a]`],
  ["switch", "GET", "/_connector/fixed?include_deleted=1", undefined, 400, argument, "Failed to parse value [1] as only [true] or [false] are allowed."],
  ["number", "GET", "/_connector?from=x", undefined, 400, argument, "Failed to parse int parameter [from] with value [x]"],
  ["negative from", "GET", "/_connector?from=-1", undefined, 400, argument, "Parameter [from] cannot be < 0"],
  ["negative size", "GET", "/_connector?size=-1", undefined, 400, argument, "Parameter [size] cannot be < 0"],
  ["too far", "GET", "/_connector?from=9999&size=2", undefined, 400, argument, "Result window is too large, from + size must be less than or equal to: [10000] but was [10001]. Narrow the list down with a filter."],
  ["bad index in a filter", "GET", "/_connector?index_name=_x", undefined, 400, invalid, "Validation Failed: 1: InvalidIndexNameException[Invalid index name [_x], must not start with '_', '-', or '+'];"],

  // Bodies where none is allowed.
  ["check in", "PUT", "/_connector/fixed/_check_in", "{}", 400, argument, "request [PUT /_connector/fixed/_check_in] does not support having a body"],
  ["delete", "DELETE", "/_connector/fixed", "{}", 400, argument, "request [DELETE /_connector/fixed] does not support having a body"],

  // Creation.
  ["null name", "PUT", "/_connector/new", '{"name":null}', 400, parse, "[1:9] [connector_put_request] name doesn't support values of type: VALUE_NULL"],
  ["switch that is none", "PUT", "/_connector/new", '{"is_native":"yes"}', 400, parse, "[1:14] [connector_put_request] failed to parse field [is_native]", "Failed to parse value [yes] as only [true] or [false] are allowed."],
  ["unknown field", "POST", "/_connector", '{"nam":"x"}', 400, parse, "[1:2] [connector_put_request] unknown field [nam] did you mean [name]?"],
  ["index", "PUT", "/_connector/new", '{"index_name":"_bad"}', 400, invalid, "Validation Failed: 1: InvalidIndexNameException[Invalid index name [_bad], must not start with '_', '-', or '+'];"],
  ["empty index", "PUT", "/_connector/new", '{"index_name":""}', 400, invalid, "Validation Failed: 1: InvalidIndexNameException[Invalid index name [], must not be empty];"],
  ["native index", "PUT", "/_connector/new", '{"is_native":true,"index_name":"mine"}', 400, invalid, "Validation Failed: 1: Index [mine] is invalid. Index attached to an Elastic-managed connector must start with the prefix: [content-];"],
  ["index in use", "PUT", "/_connector/new", '{"index_name":"taken"}', 400, "status_exception", "Index name [taken] is used by another connector."],
  ["long id", "PUT", `/_connector/${"x".repeat(501)}`, undefined, 400, invalid, "Validation Failed: 1: [connector_id] is too long, must be no longer than 500 bytes but was: 501;"],
];

test("what is refused is refused in Elasticsearch's words, and changes nothing", async (t) => {
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

// [what, method, path, body, status, expected body (undefined: not looked at), headers]
const done = [
  ["product", "GET", "/", undefined, 200, undefined],
  ["options", "OPTIONS", "/_connector/x/_status", undefined, 200, ""],
  ["options of an unknown path", "OPTIONS", "/x/y", undefined, 200, ""],
  ["create", "PUT", "/_connector/life", { name: "A" }, 201, { id: "life", result: "created" }],
  ["create again", "PUT", "/_connector/life", { index_name: "life" }, 200, { id: "life", result: "updated" }],
  ["create without a body", "PUT", "/_connector/bare", undefined, 201, { id: "bare", result: "created" }],
  ["an id with a slash", "PUT", "/_connector/a%2Fb%20%C3%A4", undefined, 201, { id: "a/b ä", result: "created" }],
  ["is one id", "GET", "/_connector/a%2Fb%20%C3%A4?filter_path=id", undefined, 200, { id: "a/b ä" }],
  ["an id of dots", "PUT", "/_connector/...", undefined, 201, { id: "...", result: "created" }],
  ["an id of 500 bytes", "PUT", `/_connector/${"y".repeat(500)}`, undefined, 201, undefined],
  ["trailing slash", "PUT", "/_connector/life/_status/", { status: "Needs_Configuration" }, 200, { result: "updated" }],
  ["garbage behind the body", "PUT", "/_connector/life/_status", '{"status":"configured"} x', 200, { result: "updated" }],
  ["noop", "PUT", "/_connector/life/_status", { status: "configured" }, 200, { result: "noop" }],
  ["check in", "PUT", "/_connector/life/_check_in", undefined, 200, { result: "updated" }],
  ["some of it", "GET", "/_connector/life?filter_path=status,scheduling.*.enabled", undefined, 200, { status: "configured", scheduling: { access_control: { enabled: false }, full: { enabled: false }, incremental: { enabled: false } } }],
  ["all but some of it", "GET", "/_connector/life?filter_path=-filtering,-**.interval,-*s,-last_seen", undefined, 200, { id: "life", configuration: {}, custom_scheduling: {}, index_name: "life", is_native: false, name: "", scheduling: { access_control: { enabled: false }, full: { enabled: false }, incremental: { enabled: false } }, sync_now: false, deleted: false }],
  ["delete", "DELETE", "/_connector/life?delete_sync_jobs=true", undefined, 200, { acknowledged: true }],
  ["delete again", "DELETE", "/_connector/life", undefined, 404, undefined],
  ["deleted, shown", "GET", "/_connector/life?include_deleted&filter_path=deleted,status", undefined, 200, { deleted: true, status: "configured" }],
  ["deleted, not shown", "GET", "/_connector/life?include_deleted=false", undefined, 404, undefined],
  ["deleted, status", "PUT", "/_connector/life/_status", { status: "connected" }, 404, undefined],
  ["deleted, check in", "PUT", "/_connector/life/_check_in", undefined, 200, { result: "updated" }],
  ["its index is free", "PUT", "/_connector/heir", { index_name: "life" }, 201, undefined],
  ["and not to be had back", "PUT", "/_connector/life", { index_name: "life" }, 400, undefined],
  ["create brings it back", "PUT", "/_connector/life", undefined, 200, { id: "life", result: "updated" }],
  ["hard delete", "DELETE", "/_connector/life?hard=true", undefined, 200, { acknowledged: true }],
  ["is final", "GET", "/_connector/life?include_deleted=true", undefined, 404, undefined],
  ["for creation too", "PUT", "/_connector/life", undefined, 201, { id: "life", result: "created" }],
  ["native", "PUT", "/_connector/native", { is_native: "true", index_name: "content-x" }, 201, undefined],
  ["native status", "GET", "/_connector/native?filter_path=status", undefined, 200, { status: "needs_configuration" }],
];

test("a life", async (t) => {
  for (const [what, method, path, body, code, expected, headers] of done) {
    await t.test(`${what}: ${method} ${path.slice(0, 60)}`, async () => {
      const answer = await send(worker.url, method, path, body, headers);
      assert.equal(answer.status, code, JSON.stringify(answer.body));
      if (expected !== undefined) assert.deepEqual(answer.body, expected);
    });
  }
});

test("the upstream document's example, verbatim", async () => {
  const connector = { index_name: "search-google-drive", name: "My Connector", service_type: "needs_configuration" };
  const created = await send(worker.url, "PUT", "/_connector/my-connector", connector);
  assert.deepEqual([created.status, created.body], [201, { id: "my-connector", result: "created" }]);
  const moved = await send(worker.url, "PUT", "/_connector/my-connector/_status", { status: "needs_configuration" });
  assert.deepEqual([moved.status, moved.body], [200, { result: "updated" }]);
  const deleted = await send(worker.url, "DELETE", "/_connector/my-connector");
  assert.deepEqual([deleted.status, deleted.body], [200, { acknowledged: true }]);
});

test("an id is made where none was given", async () => {
  for (const method of ["PUT", "POST"]) {
    const { status, body } = await send(worker.url, method, "/_connector?pretty", { name: method });
    assert.equal(status, 201);
    assert.match(body.id, /^[A-Za-z0-9_-]{20}$/);
    const { body: found } = await send(worker.url, "GET", `/_connector/${body.id}`);
    assert.equal(found.name, method);
  }
});

test("answers come in the form that was asked for", async () => {
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
  // what, the body in pieces, status, the name it gives
  ["beyond ASCII", [named(...bytes("Zoë 🦀"))], 200, "Zoë 🦀"],
  ["the replacement character itself", [named(0xef, 0xbf, 0xbd)], 200, "\ufffd"],
  ["a byte that is none of UTF-8", [named(0xff)], 400],
  ["a character cut off", [named(0xe2, 0x82)], 400],
  ["one cut off beside a replacement character", [named(0xc3, 0xef, 0xbf, 0xbd)], 400],
  ["a character in two pieces", [named(...bytes("ü")).slice(0, 10), named(...bytes("ü")).slice(10)], 200, "ü"],
  ["4 MiB", [new Uint8Array(4 << 20)], 413],
  ["4 MiB in pieces", Array.from({ length: 64 }, () => new Uint8Array(1 << 16)), 413],
];
test("a body is read as text, and no further than allowed", async (t) => {
  await send(worker.url, "PUT", "/_connector/bodies");
  for (const [what, pieces, expected, name] of bodies) {
    for (const announced of pieces.length > 1 ? [false] : [true, false]) {
      await t.test(`${what}${announced ? "" : ", of unknown length"}`, async () => {
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

test("callers act on what they have seen", async () => {
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
  assert.equal(missing.status, 404);
});

test("the status view says what comes next and how it came about", async () => {
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

test("what fetch would not send", async () => {
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
  const head = "Host: x\r\nConnection: close\r\n";
  const dots = await raw(`PUT /_connector/%2e%2e/_status HTTP/1.1\r\n${head}Content-Length: 0\r\n\r\n`);
  assert.match(dots, /^HTTP\/1.1 400 /);
  const cut = await raw(`PUT ${status} HTTP/1.1\r\n${head}Content-Type: application/json\r\nContent-Length: 3\r\n\r\n{"s`);
  assert.match(cut, /^HTTP\/1.1 400 /);
});

test("nothing of this was an error of ours", () => {
  const odd = worker.logs().filter((line) => /panic|unreachable|RuntimeError|Error:/.test(line));
  assert.deepEqual(odd, []);
});
