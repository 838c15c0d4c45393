// The preview answers like the edge: the same requests to both, fixed and random ones.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";

import { send, startWorker } from "../edge/worker.mjs";
import { dist, example, runExample, statuses } from "./package.mjs";

const { load, preview } = await import(join(dist, "preview.js"));

test("preview throws before load, and says what to call", async () => {
  const { preview } = await import(join(dist, "preview.js?unstarted"));
  const request = { method: "GET", path: "/_connector/a" };
  assert.throws(() => preview(null, request), { message: /await load\(\) first/ });
});

await load();

test("integers beyond JavaScript's precision are rounded, as JSON.parse rounds them", () => {
  const connector = { status: "created" };
  const body = '{"last_indexed_document_count":9007199254740993}';
  const changed = preview(connector, { method: "PUT", path: "/_connector/a/_last_sync", body });
  assert.equal(changed.status, 200);
  assert.equal(changed.connector.last_indexed_document_count, JSON.parse(body).last_indexed_document_count);
  const sync = '{"sync_cursor":{"n":[-9007199254740993,18446744073709551615,1,1.5]}}';
  const cursor = preview(connector, { method: "PUT", path: "/_connector/a/_last_sync", body: sync });
  assert.deepEqual(cursor.connector.sync_cursor, JSON.parse(sync).sync_cursor);
});

/** Replaces current times, since the edge and the page have different clocks. */
function timeless(value) {
  if (Array.isArray(value)) return value.map(timeless);
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, timeless(item)]));
  }
  const isNow =
    /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) && Math.abs(Date.parse(value) - Date.now()) < 600_000;
  return isNow ? "now" : value;
}

const schedule = (enabled) => ({ enabled, interval: "0 0 0 * * ?" });

/** Paths below a connector, with valid and invalid bodies. */
const updates = [
  ["/_status", ...statuses.map((status) => ({ status })), {}, { status: "CONNECTED" }, { state: 1 }],
  ["/_check_in", undefined, {}],
  ["/_name", { name: "Ä", description: "d" }, { description: "e" }, {}, { name: 1 }],
  ["/_error", { error: "broken" }, { error: null }, { error: "" }, {}],
  ["/_configuration", { configuration: { a: { label: "A", value: 1 } } }, { values: { a: 2 } }, {}],
  ["/_index_name", { index_name: "preview-index" }, { index_name: null }, { index_name: "_a" }],
  ["/_native", { is_native: true }, { is_native: "false" }, { is_native: 3 }],
  ["/_service_type", { service_type: "mysql" }, { service_type: "" }],
  ["/_pipeline", { pipeline: { name: "p" } }, { pipeline: { extract_binary_content: true, name: "p", reduce_whitespace: false, run_ml_inference: true } }],
  ["/_scheduling", { scheduling: { full: schedule(true) } }, { scheduling: { access_control: schedule(true) } }, { scheduling: {} }, { scheduling: { full: { enabled: true, interval: "soon" } } }],
  ["/_features", { features: { sync_rules: { basic: { enabled: true } } } }, { features: null }],
  ["/_filtering", { advanced_snippet: { value: { a: 1 } } }, { rules: [] }, {}],
  ["/_filtering/_validation", { validation: { errors: [], state: "valid" } }, { validation: { errors: [], state: "odd" } }],
  ["/_filtering/_activate", undefined, {}],
  ["/_last_sync", { last_sync_status: "completed", last_indexed_document_count: 3.5 }, { last_sync_error: "e" }, {}],
  ["/_api_key_id", { api_key_id: "k" }, {}],
  ["/_nothing", {}],
];

/** A meaningful sequence of requests. */
const fixed = [
  ["GET", ""],
  ["PUT", "/_status", { status: "error" }],
  ["PUT", "", { name: "one", nonsense: 1 }],
  ["PUT", "", "{"],
  ["PUT", "", { name: "one", language: "de", description: "ü \u0000 😀" }],
  ["GET", ""],
  ["GET", "?filter_path=name,status"],
  ["GET", "?unknown=1"],
  ["PUT", "/_status", { status: "connected" }],
  ["PUT", "/_status?pretty", { status: "needs_configuration" }],
  ["PUT", "/_status", { status: "Configured" }],
  ["PUT", "/_status", '{"status":"connected"} '],
  ["PUT", "/_status", { status: "connected" }],
  ["PUT", "/_status", { status: "created" }],
  ["PUT", "/_status", [1]],
  ["PUT", "/_status", ""],
  ["POST", "/_status", { status: "error" }],
  ["PUT", "/_check_in"],
  ["PUT", "", { is_native: true }],
  ["PUT", "", { index_name: "Bad Name" }],
  ["OPTIONS", "/_status"],
  ["DELETE", ""],
  ["DELETE", ""],
  ["GET", ""],
  ["GET", "?include_deleted=true"],
  ["PUT", "/_status", { status: "error" }],
  ["PUT", "/_check_in"],
  ["DELETE", "?hard=true"],
  ["DELETE", "?hard=true"],
  ["PUT", ""],
  ...updates.flatMap(([path, ...bodies]) => bodies.map((body) => ["PUT", path, body])),
];

/** Seeded random numbers. */
function random(seed) {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

function* arbitrary(seed, count) {
  const below = random(seed);
  const one = (list) => list[below(list.length)];
  for (let i = 0; i < count; i += 1) {
    const [path, ...bodies] = one(updates);
    const method = below(12) === 0 ? one(["GET", "POST", "DELETE", "PATCH"]) : "PUT";
    const whole = below(10) === 0;
    const query = below(10) === 0 ? one(["?pretty", "?filter_path=error.*", "?odd", "?hard=x"]) : "";
    const body = one(bodies);
    const text = body === undefined ? undefined : JSON.stringify(body);
    // Truncates a body now and then.
    const sent = text && below(20) === 0 ? text.slice(0, below(text.length)) : text;
    const reads = method === "GET" || method === "DELETE";
    yield [method, (whole ? "" : path) + query, reads ? undefined : sent];
  }
}

suite("the preview and the edge agree", () => {
  let worker;
  before(async () => {
    worker = await startWorker();
  });
  after(() => worker.close());

  const look = async (path) => {
    const { status, body } = await send(worker.url, "GET", `${path}?include_deleted=true`);
    return status === 200 ? body : null;
  };

  /** Sends the request to both, starting from the edge's connector. */
  async function compare(id, [method, below, body]) {
    const path = `/_connector/${id}`;
    const request = { method, path: path + below, body };
    const expected = preview(await look(path), request);
    const answer = await send(worker.url, method, request.path, body === "" ? undefined : body);
    const what = `${method} ${below} ${JSON.stringify(body)}`;
    const { status, body: sent } = expected;
    const said = { status: answer.status, body: answer.body === "" ? null : answer.body };
    assert.deepEqual(timeless({ status, body: sent }), timeless(said), what);
    assert.deepEqual(timeless(expected.connector), timeless(await look(path)), what);
    return answer.status;
  }

  test("on every response to a fixed sequence of requests", async () => {
    const seen = new Set();
    for (const request of fixed) seen.add(await compare("told", request));
    for (const status of [200, 201, 400, 404, 405]) assert.ok(seen.has(status), `a ${status}`);
  });

  for (const seed of [1, 2]) {
    test(`on every response to 150 random requests with seed ${seed}`, async () => {
      const id = `random-${seed}`;
      await compare(id, ["PUT", ""]);
      const seen = new Map();
      for (const request of arbitrary(seed, 150)) {
        const status = await compare(id, request);
        seen.set(status, (seen.get(status) ?? 0) + 1);
      }
      // There must be both accepted and refused requests.
      assert.ok(seen.get(200) >= 30 && seen.get(400) >= 30, JSON.stringify([...seen]));
    });
  }
});

test("the README's example works", async () => {
  const code = example("`connector-status/preview`", "js");
  const connector = { id: "my-connector", status: "configured" };
  const { status, body, after } = await runExample(code, { connector }, "status, body, after");
  assert.deepEqual([status, body, after.status], [200, { result: "updated" }, "connected"]);
});

test("results are plain objects", () => {
  const made = preview(undefined, { method: "PUT", path: "/_connector/a" }, { now: 0 });
  assert.equal(Object.getPrototypeOf(made.connector.scheduling.full), Object.prototype);
  assert.deepEqual(structuredClone(made), JSON.parse(JSON.stringify(made)));
  assert.equal(Object.keys(made.connector)[0], "id");
});

test("[now] sets the time of a request", () => {
  const check = (now) => {
    const request = { method: "PUT", path: "/_connector/a/_check_in" };
    return preview({ status: "error" }, request, { now }).connector.last_seen;
  };
  const day = "2026-01-02T03:04:05.678Z";
  assert.equal(check(day), day);
  assert.equal(check(new Date(day)), day);
  assert.equal(check(Date.parse(day)), day);
  assert.throws(() => check("soon"), { name: "TypeError", message: "[now] is not a point in time" });
});

const get = { method: "GET", path: "/_connector/a" };
const nonsense = [
  [{}, get, /\[status\] is missing/],
  [{ status: "paused" }, get, /unknown status \[paused\]/],
  [{ status: 3 }, get, /\[status\] is 3, not a string/],
  [3, get, /this is not a connector document/],
  ["text", get, /this is not a connector document/],
  [[], get, /this is not a connector document/],
  [{ id: "b", status: "error" }, get, /the request is about connector \[a\], but the given connector is "b"/],
  [null, { method: "GET", path: "/_connector" }, /not about one connector/],
  [null, { method: "POST", path: "/_connector" }, /not about one connector/],
  [null, { method: "GET", path: "/_connector/_sync_job/a" }, /not about one connector/],
  [null, { method: "GET", path: "/.elastic-connectors/_doc/a" }, /not about one connector/],
  [null, {}, /a request needs a method and a path/],
  [null, { method: "GET" }, /a request needs a method and a path/],
];
for (const [connector, request, message] of nonsense) {
  test(`invalid input throws an error: ${JSON.stringify([connector, request])}`, () => {
    assert.throws(() => preview(connector, request), { message });
    assert.equal(preview({ status: "error" }, get).status, 200, "the next call works");
  });
}

test("a cyclic or too deeply nested connector throws an error", () => {
  const endless = { status: "error" };
  endless.self = endless;
  let deep = {};
  for (let i = 0; i < 1_000; i += 1) deep = { deep };
  for (const connector of [endless, { status: "error", deep }]) {
    assert.throws(() => preview(connector, get), { message: /circular|Depth exceeds the limit \[128\]/ });
    assert.equal(preview({ status: "error" }, get).status, 200);
  }
});
