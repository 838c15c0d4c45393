// observe() and observeList() against the real Worker in workerd, through a proxy that can fail.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { must, send } from "../edge/worker.mjs";
import { ours, scratch, serveWithKv } from "../soak/workerd.mjs";
import { until } from "../until.mjs";
import { dist, example, runExample } from "./package.mjs";
import { startProxy } from "./proxy.mjs";

const { connectorStatus, ConnectorApiError } = await import(join(dist, "client.js"));
const { observe, observeList } = await import(join(dist, "store.js"));

let disk;
let server;
let proxy;
const stores = [];
before(async () => {
  disk = mkdtempSync(join(scratch, "connector-status-disk-"));
  server = await serveWithKv({ disk, worker: ours({ vars: { ANONYMOUS_PRIVILEGE: "manage_connector" } }) });
  proxy = await startProxy(() => server.port());
});
after(async () => {
  // A failed test leaves its stores open.
  stores.forEach((store) => store.close());
  proxy.close();
  await server.close();
  rmSync(disk, { recursive: true, force: true });
});

const put = (path, body) => must(server.url(), "PUT", `/_connector/${path}`, body);
const move = (id, status) => put(`${id}/_status`, { status });

/** A client that counts its sockets and requests. */
function counting(options = {}) {
  const counts = { sockets: [], requests: [] };
  class Counting extends WebSocket {
    constructor(url) {
      super(url);
      counts.sockets.push(this);
    }
  }
  const client = connectorStatus({
    url: proxy.url,
    WebSocket: Counting,
    fetch: (url, init) => {
      counts.requests.push(String(url).slice(proxy.url.length));
      return fetch(url, init);
    },
    ...options,
  });
  return { client, counts };
}

/** The values of a store since it was subscribed to. */
function showing(store) {
  stores.push(store);
  const seen = [];
  const stop = store.subscribe((snapshot) => seen.push(snapshot));
  return { store, seen, stop, has: (wished, seconds) => until(() => store.get(), wished, seconds) };
}

const isStatus = (status) => ({ value, error }) => value?.status === status && !error;

test("a connector is undefined at first, then its current state, then each change", async () => {
  await put("one", { name: "One" });
  const { client, counts } = counting();
  const { store, seen, has, stop } = showing(observe(client, "one"));
  assert.deepEqual(seen, [{ value: undefined, loading: true, error: undefined, reconnecting: false }]);
  assert.equal(seen[0], store.get());
  await has(isStatus("created"));
  assert.equal(store.get(), store.get(), "a snapshot is the same until something changes");
  assert.ok(Object.isFrozen(store.get()));
  assert.deepEqual([store.get().value.name, store.get().loading], ["One", false]);
  await move("one", "error");
  await has(isStatus("error"));
  await put("one/_check_in");
  await has(({ value }) => value.last_seen !== null);
  assert.equal(seen.at(-1), store.get());
  const first = counts.requests.length;
  assert.ok(first <= 4, `a heartbeat is not read again: ${counts.requests}`);
  stop();
  await until(() => counts.sockets.every(({ readyState }) => readyState === WebSocket.CLOSED));
  await move("one", "configured");
  assert.equal(counts.requests.length, first, "without subscribers nothing is requested");

  // A new subscriber gets the current state.
  const again = showing(store);
  await again.has(isStatus("configured"));
  again.stop();
});

test("a missing connector is an error with status 404, and may be created and deleted", async () => {
  const { client } = counting();
  const { store, has } = showing(observe(client, "later"));
  const is404 = ({ value, error, loading, reconnecting }) => !value && error?.status === 404 && !loading && !reconnecting;
  await has(is404);
  assert.ok(store.error instanceof ConnectorApiError);
  await put("later");
  await has(isStatus("created"));
  await must(server.url(), "DELETE", "/_connector/later");
  await has(is404);
  await must(server.url(), "POST", "/_connector/later/_restore");
  await has(isStatus("created"));
  store.close();
});

test("while the server is unreachable the store has an error and its last value; then it reconnects", async () => {
  await put("away");
  const { client } = counting();
  const { store, has } = showing(observe(client, "away"));
  await has(isStatus("created"));
  await server.kill();
  await has(({ error, reconnecting }) => error && reconnecting);
  assert.deepEqual([store.error.status, store.error.reason], [0, "The server can't be reached."]);
  assert.equal(store.get().value.status, "created");
  const late = showing(observe(client, "away"));
  await late.has(({ value, error, loading, reconnecting }) => !value && error && !loading && reconnecting);
  await server.restart();
  await move("away", "error");
  for (const shown of [has, late.has]) await shown(isStatus("error"), 60);
  assert.equal(store.get().reconnecting, false);
  store.close();
  late.store.close();
});

test("one client uses one socket for everything it observes", async () => {
  const ids = ["shared-1", "shared-2", "shared-3"];
  for (const id of ids) await put(id);
  const { client, counts } = counting();
  const shown = [...ids, ...ids].map((id) => showing(observe(client, id)));
  const list = showing(observeList(client, { query: "shared-" }));
  for (const { has } of shown) await has(isStatus("created"));
  await list.has(({ value }) => value?.count === 3);
  assert.equal(counts.sockets.length, 1);
  assert.ok(!counts.sockets[0].url.includes("id="));
  await move("shared-2", "error");
  for (const { has } of [shown[1], shown[4]]) await has(isStatus("error"));
  await list.has(({ value }) => value.by_status.error === 1);
  [...shown, list].forEach(({ store }) => store.close());

  // For one connector nothing else is requested.
  await until(() => counts.sockets[0].readyState, (state) => state === WebSocket.CLOSED);
  const alone = showing(observe(client, "shared-1"));
  await alone.has(isStatus("created"));
  assert.equal(counts.sockets.length, 2);
  assert.match(counts.sockets[1].url, /id=shared-1/);
  alone.store.close();
});

test("a list has current rows and counts, and is read at most once a second", async () => {
  const ids = Array.from({ length: 5 }, (_, i) => `listed-${i}`);
  for (const id of ids) await put(id, { service_type: "listed" });
  const { client, counts } = counting();
  const { store, has } = showing(observeList(client, { service_type: "listed", sort: "name" }));
  await has(({ value }) => value?.count === 5);
  const before = counts.requests.length;
  const began = Date.now();
  for (const id of ids) await move(id, "error");
  for (const id of ids) await move(id, "configured");
  await has(({ value }) => value.by_status.configured === 5 && value.results.every(({ status }) => status === "configured"));
  const reads = counts.requests.length - before;
  assert.ok(reads <= 2 + (Date.now() - began) / 1_000, `${reads} requests in ${Date.now() - began} ms`);
  const { value } = store.get();
  await put("listed-3/_check_in");
  await has(({ value }) => value.results[3].last_seen !== null);
  assert.equal(store.get().value.results[2], value.results[2], "unchanged rows are the same objects");
  await must(server.url(), "DELETE", "/_connector/listed-0");
  await has(({ value }) => value.count === 4 && value.results.length === 4);
  store.close();
});

test("a key that may not read gets the reason, and nothing is retried", async () => {
  const { client, counts } = counting({ apiKey: Buffer.from("nobody:nothing").toString("base64") });
  const { store, has } = showing(observe(client, "one"));
  await has(({ error, loading, reconnecting }) => error?.status === 401 && !loading && !reconnecting);
  await until(() => counts.requests.length, (count) => count === 2);
  store.close();
});

test("a refused list has the reason", async () => {
  const { store, has } = showing(observeList(counting().client, { sort: "age" }));
  await has(({ error }) => error?.status === 400 && /Unknown sort/.test(error.reason));
  store.close();
});

test("a listener that throws does not affect the others", async () => {
  await put("thrown");
  const store = observe(counting().client, "thrown");
  stores.push(store);
  // The error is reported as uncaught, which is recorded here.
  const uncaught = [];
  const { queueMicrotask } = globalThis;
  globalThis.queueMicrotask = (task) =>
    queueMicrotask(() => {
      try {
        task();
      } catch (error) {
        uncaught.push(error.message);
      }
    });
  let count = 0;
  store.subscribe(() => {
    if ((count += 1) > 1) throw new Error("a listener's mistake");
  });
  const { has } = showing(store);
  await has(isStatus("created"));
  await until(() => uncaught.length, (length) => length > 0);
  globalThis.queueMicrotask = queueMicrotask;
  assert.deepEqual([...new Set(uncaught)], ["a listener's mistake"]);
  store.close();
});

test("an invalid id throws at once", () => {
  for (const id of ["", "..", 3, null, undefined]) assert.throws(() => observe(counting().client, id), TypeError);
});

test("the README's example works", async () => {
  await put("my-connector");
  globalThis.document = { body: {} };
  const { stop } = await runExample(example("In an interface", "js"), { client: counting().client }, "stop");
  assert.equal(document.body.textContent, "Loading");
  await until(() => document.body.textContent, (text) => text === "created");
  await move("my-connector", "error");
  await until(() => document.body.textContent, (text) => text === "error");
  stop();
  delete globalThis.document;
});

test("a list's rows have the fields of a single connector", async () => {
  await put("alike", { name: "Alike", index_name: "search-alike", description: "d" });
  await move("alike", "error");
  const { client } = counting();
  const row = await until(async () => (await client.summary({ query: "alike" })).results[0], (row) => row?.status === "error");
  const { version: _, ...fields } = row;
  const single = { ...(await client.get("alike")), ...(await client.status("alike")) };
  assert.deepEqual(fields, Object.fromEntries(Object.keys(fields).map((name) => [name, single[name] ?? null])));
  assert.equal((await send(server.url(), "GET", "/_connector/alike/_status")).headers.get("etag"), `"${row.version}"`);
});
