// A rollout, where versions mix, and a module that traps: no message is misread, and no acknowledged write is lost.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ours, serveWithKv } from "../soak/workerd.mjs";
import { until } from "../until.mjs";
import { send, startWorker } from "./worker.mjs";

const modules = ["tests/edge/other-versions.mjs", "build/worker.js", "build/index_bg.wasm"];
const serve = (CONNECTOR) => serveWithKv({ worker: ours({ modules, objects: { CONNECTOR, DIRECTORY: "Directory" } }) });

test("messages of other versions are answered 503, and nothing is written", async (t) => {
  const worker = await startWorker();
  t.after(() => worker.close());
  const { CONNECTOR, DIRECTORY } = await worker.env();
  const put = { id: "met", method: "PUT", target: "/_connector/met", content_type: "application/json" };
  const object = CONNECTOR.getByName("met");
  const directory = DIRECTORY.getByName("directory");
  const entry = { id: "met", version: 9, deleted: 0, status: "created", index_name: null, name: null, service_type: null, description: null, since: null, error: null, last_seen: null };
  // [description, message, expected answer]
  const table = [
    ["a request in a future format", () => object.handle(JSON.stringify({ format: 2, ...put }), "{}"), /^\{"format":1,"status":503,.*"retry-after":"1"/],
    ["a request without a format", () => object.handle(JSON.stringify(put), "{}"), /^\{"format":1,"status":503,/],
    ["a request that is not JSON", () => object.handle("met\nPUT\n/_connector/met", "{}"), /^\{"format":1,"status":503,/],
    ["a list in a future format", () => directory.handle(JSON.stringify({ format: 2, method: "GET", target: "/_connector" })), /^\{"format":1,"status":503,/],
    ["an entry in a future format", () => directory.apply(JSON.stringify({ format: 2, ...entry }), "{}"), /"result":"unknown format"/],
    ["a claim in a future format", () => directory.claim(JSON.stringify({ format: 2, index: "i", id: "met", token: "t" })), /^\{"format":1\}$/],
    ["a claim without a token", () => directory.claim(JSON.stringify({ format: 1, index: "i", id: "met" })), /^\{"format":1\}$/],
    ["an entry without an id", () => directory.apply(JSON.stringify({ format: 1, ...entry, id: undefined }), "{}"), /"result":"unknown format"/],
    ["a report without an id", async () => String(await directory.report(JSON.stringify({ format: 1, consumer: "kv", since: 1 }))), /^null$/],
    ["attempts without an id", () => directory.notify(JSON.stringify({ format: 1, notice: { attempts: { target: "a", attempts: 1, failures: 1 } } })), /"gathered":false/],
    ["an event without a time", () => directory.notify(JSON.stringify({ format: 1, notice: { audit: { event: "erase", via: "_delete" } } })), /"gathered":false/],
  ];
  for (const [what, ask, expected] of table) await t.test(what, async () => assert.match(await ask(), expected));
  assert.equal((await send(worker.url, "GET", "/_connector/met")).status, 404);
  assert.equal((await send(worker.url, "GET", "/_connector")).body.count, 0);
  const { body: metrics } = await send(worker.url, "GET", "/_metrics");
  assert.match(metrics, /^connector_status_outbox_oldest_seconds\{consumer="kv"\} 0$/m);
  assert.match(await object.handle(JSON.stringify({ format: 1, ...put }), "{}"), /^\{"format":1,"status":201,/);
});

for (const version of ["Past", "Future"]) {
  test(`answers from objects of another version are refused: ${version}`, async (t) => {
    const server = await serve(version);
    t.after(() => server.close());
    for (const [method, path] of [["PUT", "/_connector/a"], ["PUT", "/_connector/a/_check_in"], ["GET", "/_connector/a/_status"]]) {
      const answer = await send(server.url(), method, path);
      assert.deepEqual([answer.status, answer.headers.get("retry-after")], [503, "1"], `${method} ${path}`);
      assert.equal(answer.body.error.type, "unavailable_exception");
    }
  });
}

test("a trap fails only the requests in progress and loses no acknowledged write", async (t) => {
  const server = await serve("Trapping");
  t.after(() => server.close());
  const ids = Array.from({ length: 8 }, (_, n) => `trap-${n}`);
  const ask = (method, path, body) => send(server.url(), method, path, body);
  for (const id of ids) assert.equal((await ask("PUT", `/_connector/${id}`, {})).status, 201);
  const acknowledged = new Map(ids.map((id) => [id, "created"]));
  const write = async (id, error) => {
    const { status } = await ask("PUT", `/_connector/${id}/_error`, { error });
    if (status === 200) acknowledged.set(id, error);
    return status;
  };
  let lost = 0;
  for (let round = 0; round < 5; round += 1) {
    await ask("GET", "/trap");
    const statuses = await Promise.all(ids.map((id) => write(id, `round ${round}`)));
    lost += statuses.filter((status) => status !== 200).length;
    for (const status of statuses) assert.ok([200, 500, 503].includes(status), `${status}`);
    // The module restarts and finds everything that was committed.
    for (const id of ids) {
      const { status, body } = await ask("GET", `/_connector/${id}`);
      assert.equal(status, 200);
      if (acknowledged.get(id) === `round ${round}`) assert.equal(body.error, `round ${round}`);
    }
    assert.deepEqual(await Promise.all(ids.map((id) => write(id, `after ${round}`))), ids.map(() => 200));
  }
  assert.ok(lost > 0, "nothing trapped");
  assert.equal(server.log().match(/Reinitializing Wasm application/g)?.length, 5, "the module is instantiated again after each trap");
  t.diagnostic(`${lost} of ${5 * ids.length} requests concurrent with a trap failed`);
});

test("a request that waits for something when the module traps is answered", async (t) => {
  const server = await serve("Trapping");
  t.after(() => server.close());
  const ask = (method, path, body) => send(server.url(), method, path, body);
  assert.equal((await ask("PUT", "/_connector/traps", {})).status, 201);
  await server.kv("faults", { mode: "hang" });
  // Whether these were imported is only known after Workers KV answers.
  const waiting = Promise.all(["a", "b", "c"].map((id) => ask("GET", `/_connector/${id}`)));
  await until(async () => (await server.kv("counts")).reads, (reads) => reads >= 3);
  await ask("GET", "/trap");
  await ask("PUT", "/_connector/traps/_check_in");
  for (const { status } of await waiting) assert.ok([500, 503].includes(status), `${status}`);
  await server.kv("faults", { mode: "none" });
  assert.equal((await ask("GET", "/_connector/a")).status, 404);
});
