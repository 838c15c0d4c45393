// GET /_connector/_summary, the list for triage: order, filters, counts and access.

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
  // Silent connectors that should be working come second.
  "": ["zoo-2", "ark-1", "zoo-1", "zoo-3", "zoo-10", "odd"],
  "?sort=urgency:desc": ["odd", "zoo-10", "zoo-3", "ark-1", "zoo-1", "zoo-2"],
  "?from=1&size=2": ["ark-1", "zoo-1"],
  "?from=2&size=3": ["zoo-1", "zoo-3", "zoo-10"],
  "?from=4&size=2": ["zoo-10", "odd"],
  "?status=connected": ["ark-1", "zoo-1", "odd"],
  "?status=connected,needs_configuration&query=zoo": ["zoo-1", "zoo-3"],
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
  "?query=ZOO-1": ["zoo-1", "zoo-10"],
  "?silent=true": ["ark-1", "zoo-1"],
  "?silent=true&query=mysql": ["ark-1"],
  "?cause=Keys+lost+at+the+GATE.": ["zoo-2"],
  "?cause=Keys+lost+at+the+GATE.&service_type=mysql": [],
  "?cause=nothing+like+that": [],
};
for (const [query, expected] of Object.entries(cases)) {
  test(`GET /_connector/_summary${query} lists the expected connectors`, async () => assert.deepEqual(await ids(query), expected));
}

/** Each count ignores its own filter and applies all others. */
const counts = {
  "": { total: 6, count: 6, silent: 2, silent_after_seconds: 900, by_status: { error: 1, needs_configuration: 1, created: 1, configured: 0, connected: 3 }, by_service_type: { "": 3, mysql: 1, zoo_type: 2 } },
  "?status=connected": { total: 6, count: 3, silent: 2, silent_after_seconds: 900, by_status: { error: 1, needs_configuration: 1, created: 1, configured: 0, connected: 3 }, by_service_type: { "": 2, mysql: 1 } },
  "?service_type=zoo_type": { total: 6, count: 2, silent: 0, silent_after_seconds: 900, by_status: { error: 1, needs_configuration: 0, created: 1, configured: 0, connected: 0 }, by_service_type: { "": 3, mysql: 1, zoo_type: 2 } },
  "?query=zoo&silent=true": { total: 6, count: 1, silent: 1, silent_after_seconds: 900, by_status: { error: 0, needs_configuration: 0, created: 0, configured: 0, connected: 1 }, by_service_type: { "": 1 } },
};
for (const [query, expected] of Object.entries(counts)) {
  test(`/_summary${query} counts the connectors that pass all other filters`, async () => {
    const { results, causes, ...found } = (await ask(query)).body;
    assert.deepEqual(found, expected);
    assert.deepEqual(causes, expected.by_status.error ? [{ cause: "Keys lost at the GATE.", count: 1 }] : []);
  });
}

test("a row has every column of the list", async () => {
  const { results } = (await ask("?query=keys")).body;
  const { last_seen, ...row } = results[0];
  assert.deepEqual(row, {
    id: "zoo-2", version: 0, name: "Zoo 2", index_name: null, service_type: "zoo_type", description: null, status: "error", since: null,
    error: "Keys lost at the GATE.", last_synced: null, last_sync_status: null, last_indexed_document_count: null,
  });
});

test("errors are shown by their message and counted by their cause", async () => {
  const other = await startWorker();
  try {
    const put = (method, path, body) => send(other.url, method, `/_connector/${path}`, body);
    const traceback = (n) => `Traceback (most recent call last):\n  File "a.py", line ${n}, in ping\n    ping()\n${"    more()\n".repeat(60)}aiohttp.ConnectorError: Cannot connect to host jira-${n}.internal:443`;
    const errors = [traceback(1), traceback(2), traceback(3), '{"error":{"message":"Token \'abc\' expired"}}', '{"error":{"message":"Token \'xyz\' expired"}}', "HTTP 429 from https://a.example"];
    for (const [n, error] of errors.entries()) {
      await put("PUT", `failing-${n}`, { name: `Failing ${n}`, service_type: n % 2 ? "jira" : "gmail" });
      await put("PUT", `failing-${n}/_error`, { error });
    }
    const summary = async (query = "") => (await put("GET", `_summary${query}`)).body;
    const expected = [
      { cause: "ConnectorError: Cannot connect to host …", count: 3 },
      { cause: "Token … expired", count: 2 },
      { cause: "HTTP 429 from …", count: 1 },
    ];
    await until(async () => (await summary()).causes, (causes) => JSON.stringify(causes) === JSON.stringify(expected), 10);
    const { count, by_status, results, causes } = await summary(`?sort=name&cause=${encodeURIComponent(expected[0].cause)}`);
    assert.deepEqual([count, by_status.error, causes], [3, 3, expected]);
    assert.deepEqual(results.map(({ error }) => error), [1, 2, 3].map((n) => `ConnectorError: Cannot connect to host jira-${n}.internal:443`));
    assert.deepEqual((await summary("?service_type=jira")).causes.map(({ count }) => count), [1, 1, 1]);
    // A connector that recovers is no longer counted.
    await put("PUT", "failing-5/_error", { error: null });
    await until(async () => (await summary()).causes.length, (number) => number === 2, 10);
    // The document has the whole text.
    assert.equal((await put("GET", "failing-0")).body.error, errors[0]);
  } finally {
    await other.close();
  }
});

test("deleted connectors are listed separately, and can be restored", async () => {
  const other = await startWorker();
  try {
    const ask = (method, path, body) => send(other.url, method, `/_connector/${path}`, body);
    for (const id of ["kept", "hidden", "erased"]) await ask("PUT", id, { name: id, index_name: id });
    await ask("DELETE", "hidden");
    await ask("DELETE", "erased?hard=true");
    const deleted = async () => {
      const { total, count, results } = (await ask("GET", "_summary?deleted=true")).body;
      return [total, count, results.map(({ id, name, index_name }) => [id, name, index_name])];
    };
    assert.deepEqual(await deleted(), [1, 1, [["hidden", "hidden", "hidden"]]]);
    assert.deepEqual((await ask("GET", "_summary")).body.results.map(({ id }) => id), ["kept"]);
    assert.equal((await ask("POST", "hidden/_restore")).body.result, "updated");
    await until(deleted, ([total]) => total === 0, 10);
    assert.equal((await ask("GET", "_summary")).body.total, 2);
  } finally {
    await other.close();
  }
});

test("a limited key gets only its connectors in rows and counts; [ in its pattern is not special", async () => {
  const headers = { authorization: `ApiKey ${Buffer.from(`zoo:${secret}`).toString("base64")}` };
  assert.deepEqual(await ids("?sort=name", headers), ["zoo-1", "zoo-2", "zoo-3"]);
  const { total, count, silent } = (await ask("?status=connected", headers)).body;
  assert.deepEqual([total, count, silent], [3, 1, 1]);
});

test("SILENT_AFTER decides which connectors are silent in rows, counts and metrics", async () => {
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

test("a silent connector is counted as soon as it appears, and no longer once it is deleted", async () => {
  const silent = async () => (await ask()).body.silent;
  const before = await silent();
  const { CONNECTORS } = await worker.env();
  await CONNECTORS.put("c:late", JSON.stringify({ status: "connected", last_seen: ago(60) }));
  await send(worker.url, "GET", "/_connector/late");
  await until(silent, (now) => now === before + 1, 10);
  await send(worker.url, "DELETE", "/_connector/late");
  await until(silent, (now) => now === before, 10);
});

test("unknown parameters and values are refused", async () => {
  for (const query of ["?sort=colour", "?sort=name:up", "?status=happy", "?size=10001", "?silent=maybe", "?what=1", `?query=${"x".repeat(257)}`]) {
    assert.equal((await ask(query)).status, 400, query);
  }
  assert.equal((await send(worker.url, "POST", "/_connector/_summary")).status, 405);
  assert.equal((await send(worker.url, "PUT", "/_connector/_summary", {})).status, 405);
});

test("an unchanged summary is answered 304; a move appears soon and comes first in its status", async () => {
  // A new minute changes the summary, since time alone makes connectors silent.
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

test("a row has the time, result and document count of the last sync", async () => {
  await send(worker.url, "PUT", "/_connector/synced", {});
  const row = async () => (await ask("?query=synced")).body.results.map((row) => [row.last_synced, row.last_sync_status, row.last_indexed_document_count]);
  assert.deepEqual(await row(), [[null, null, null]]);
  const last_synced = "2026-11-25T08:30:00.000Z";
  await send(worker.url, "PUT", "/_connector/synced/_last_sync", { last_synced, last_sync_status: "completed", last_indexed_document_count: 1_234 });
  const [found] = await until(row, ([[at]]) => at, 10);
  assert.deepEqual(found, [last_synced, "completed", 1_234]);
  await send(worker.url, "DELETE", "/_connector/synced?hard=true");
});
