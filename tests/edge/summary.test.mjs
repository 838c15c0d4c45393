// The list for triage: order, filters, counts, and who sees what.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, before, test } from "node:test";

import { until } from "../until.mjs";
import { send, startWorker } from "./worker.mjs";

const secret = randomBytes(24).toString("base64url");
const ago = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();
const documents = {
  "zoo-10": { status: "created", name: "Zoo 10", index_name: "zoo-index", service_type: "zoo_type" },
  "zoo-2": { status: "error", name: "Zoo 2", service_type: "zoo_type", error: "Keys lost at the GATE.", last_seen: ago(1) },
  "zoo-1": { status: "connected", name: "zoo 1", last_seen: ago(60 * 24), error: "It once failed." },
  "zoo-3": { status: "needs_configuration", name: "Zoo 3", description: "Penguins" },
  "ark-1": { status: "connected", last_seen: ago(45), service_type: "mysql" },
  odd: { status: "connected", name: 7, last_seen: "yesterday", service_type: ["x"] },
};

let worker;
before(async () => {
  worker = await startWorker();
  const { CONNECTORS, API_KEYS } = await worker.env();
  for (const [id, document] of Object.entries(documents)) await CONNECTORS.put(`c:${id}`, JSON.stringify(document));
  const secret_sha256 = createHash("sha256").update(secret).digest("base64");
  await API_KEYS.put("zoo", JSON.stringify({ name: "Zoo", secret_sha256, privileges: ["monitor_connector"], connectors: ["zoo-?", "[x"] }));
  await send(worker.url, "POST", "/_connector/_import");
});
after(() => worker.close());

const ask = (query = "", headers = {}) => send(worker.url, "GET", `/_connector/_summary${query}`, undefined, headers);
const ids = async (query, headers) => (await ask(query, headers)).body.results.map(({ id }) => id);

const cases = {
  "": ["zoo-2", "zoo-3", "zoo-10", "ark-1", "odd", "zoo-1"],
  "?sort=urgency:desc": ["ark-1", "odd", "zoo-1", "zoo-10", "zoo-3", "zoo-2"],
  "?from=1&size=2": ["zoo-3", "zoo-10"],
  "?from=4&size=2": ["odd", "zoo-1"],
  "?sort=name": ["ark-1", "odd", "zoo-1", "zoo-2", "zoo-3", "zoo-10"],
  "?sort=name:desc": ["zoo-10", "zoo-3", "zoo-2", "zoo-1", "odd", "ark-1"],
  "?sort=index_name:desc": ["zoo-10", "ark-1", "odd", "zoo-1", "zoo-2", "zoo-3"],
  "?sort=service_type": ["ark-1", "zoo-2", "zoo-10", "odd", "zoo-1", "zoo-3"],
  "?sort=last_seen": ["zoo-1", "ark-1", "zoo-2", "odd", "zoo-3", "zoo-10"],
  "?status=error,created": ["zoo-2", "zoo-10"],
  "?status=error,created&from=1": ["zoo-10"],
  "?service_type=zoo_type": ["zoo-2", "zoo-10"],
  "?service_type=,mysql&sort=name": ["ark-1", "odd", "zoo-1", "zoo-3"],
  "?query=gate+KEYS": ["zoo-2"],
  "?query=penguin": ["zoo-3"],
  "?query=ZOO-1": ["zoo-10", "zoo-1"],
  "?silent=true": ["ark-1", "zoo-1"],
  "?silent=true&query=mysql": ["ark-1"],
};
for (const [query, expected] of Object.entries(cases)) {
  test(`GET /_connector/_summary${query}`, async () => assert.deepEqual(await ids(query), expected));
}

/** Each count is of what passes all other filters. */
const counts = {
  "": { total: 6, count: 6, silent: 2, silent_after_seconds: 900, by_status: { error: 1, needs_configuration: 1, created: 1, configured: 0, connected: 3 }, by_service_type: { "": 3, mysql: 1, zoo_type: 2 } },
  "?status=connected": { total: 6, count: 3, silent: 2, silent_after_seconds: 900, by_status: { error: 1, needs_configuration: 1, created: 1, configured: 0, connected: 3 }, by_service_type: { "": 2, mysql: 1 } },
  "?service_type=zoo_type": { total: 6, count: 2, silent: 0, silent_after_seconds: 900, by_status: { error: 1, needs_configuration: 0, created: 1, configured: 0, connected: 0 }, by_service_type: { "": 3, mysql: 1, zoo_type: 2 } },
  "?query=zoo&silent=true": { total: 6, count: 1, silent: 1, silent_after_seconds: 900, by_status: { error: 0, needs_configuration: 0, created: 0, configured: 0, connected: 1 }, by_service_type: { "": 1 } },
};
for (const [query, expected] of Object.entries(counts)) {
  test(`counts of /_summary${query}`, async () => {
    const { results, ...found } = (await ask(query)).body;
    assert.deepEqual(found, expected);
  });
}

test("a row has what the list shows", async () => {
  const { results } = (await ask("?query=keys")).body;
  const { last_seen, ...row } = results[0];
  assert.deepEqual(row, {
    id: "zoo-2", version: 0, name: "Zoo 2", index_name: null, service_type: "zoo_type", description: null, status: "error", since: null,
    error: "Keys lost at the GATE.",
  });
});

test("a key sees its own, in rows and counts; a bracket is a bracket", async () => {
  const headers = { authorization: `ApiKey ${Buffer.from(`zoo:${secret}`).toString("base64")}` };
  assert.deepEqual(await ids("?sort=name", headers), ["zoo-1", "zoo-2", "zoo-3"]);
  const { total, count, silent } = (await ask("?status=connected", headers)).body;
  assert.deepEqual([total, count, silent], [3, 1, 1]);
});

test("the setting says when a connector is silent: in rows, in counts, and in numbers", async () => {
  const other = await startWorker({ vars: { SILENT_AFTER_SECONDS: "3000" } });
  try {
    const { CONNECTORS } = await other.env();
    for (const [id, document] of Object.entries(documents)) await CONNECTORS.put(`c:${id}`, JSON.stringify(document));
    await send(other.url, "POST", "/_connector/_import");
    const { results, silent, silent_after_seconds } = (await send(other.url, "GET", "/_connector/_summary?silent=true")).body;
    assert.deepEqual([results.map(({ id }) => id), silent, silent_after_seconds], [["zoo-1"], 1, 3000]);
    assert.equal((await send(other.url, "GET", "/_connector/_summary")).body.silent, 1);
    assert.match((await send(other.url, "GET", "/_metrics")).body, /^connector_status_silent_connectors 1$/m);
  } finally {
    await other.close();
  }
});

test("a silent connector that comes or goes is counted at once", async () => {
  const silent = async () => (await ask()).body.silent;
  const before = await silent();
  const { CONNECTORS } = await worker.env();
  await CONNECTORS.put("c:late", JSON.stringify({ status: "connected", last_seen: ago(60) }));
  await send(worker.url, "GET", "/_connector/late");
  await until(silent, (now) => now === before + 1, 10);
  await send(worker.url, "DELETE", "/_connector/late");
  await until(silent, (now) => now === before, 10);
});

test("what cannot be asked is refused", async () => {
  for (const query of ["?sort=colour", "?sort=name:up", "?status=happy", "?size=10001", "?silent=maybe", "?what=1", `?query=${"x".repeat(257)}`]) {
    assert.equal((await ask(query)).status, 400, query);
  }
  assert.equal((await send(worker.url, "POST", "/_connector/_summary")).status, 405);
  assert.equal((await send(worker.url, "PUT", "/_connector/_summary", {})).status, 405);
});

test("what has not changed is not sent again; a change is there soon, the newest of a status first", async () => {
  // A minute that passes in between is a change, since time alone makes connectors silent.
  const etag = await until(async () => {
    const etag = (await ask()).headers.get("etag");
    return (await ask("", { "if-none-match": etag })).status === 304 && etag;
  });
  await send(worker.url, "PUT", "/_connector/zoo-3/_status", { status: "error" });
  // A move does not wait for the Directory.
  const { body } = await until(() => ask("", { "if-none-match": etag }), ({ status, body }) => status !== 304 && body.by_status.error === 2);
  assert.equal(body.by_status.error, 2);
  assert.deepEqual(body.results.slice(0, 2).map(({ id }) => id), ["zoo-3", "zoo-2"]);
  await send(worker.url, "PUT", "/_connector/zoo-3/_name", { name: "A 3" });
  assert.equal((await ids("?sort=name"))[0], "zoo-3");
  await send(worker.url, "DELETE", "/_connector/zoo-3");
  assert.equal((await ask()).body.total, 5);
});
