// No request exceeds its budget or one of SQLite's limits.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { until } from "../until.mjs";
import { must, send, startWorker } from "./worker.mjs";

const CONNECTORS = "/.elastic-connectors";
const JOBS = "/.elastic-connectors-sync-jobs";

let worker;
before(async () => {
  worker = await startWorker();
  for (const id of ["a", "b", "c"]) {
    await must(worker.url, "PUT", `/_connector/${id}`, { name: `Name ${id}`, index_name: `search-${id}`, service_type: id === "c" ? "dir" : "sql" });
    await must(worker.url, "POST", "/_connector/_sync_job", { id, job_type: "full" });
  }
});
after(() => worker.close());

const search = (body, index = CONNECTORS) => send(worker.url, "POST", `${index}/_search`, body);
const times = (count, make) => Array.from({ length: count }, (_, n) => make(n));
const ids = ({ body }) => body.hits.hits.map(({ _id }) => _id);

async function refused(answer, type, reason) {
  const { status, body } = await answer;
  assert.equal(status, 400, JSON.stringify(body).slice(0, 300));
  assert.deepEqual([body.error.type, reason.test(body.error.reason)], [type, true], body.error.reason);
}

test("a query with the maximum number of clauses finds what a smaller one finds", async () => {
  for (const count of [1, 8, 9, 101, 120, 1_022]) {
    const sql = { term: { service_type: "sql" } };
    const must = times(count, () => sql);
    assert.deepEqual(ids(await search({ query: { bool: { must } } })), ["a", "b"], `${count} must`);
    const not = { bool: { must_not: times(count, (n) => ({ terms: { service_type: ["dir", `x${n}`] } })) } };
    assert.deepEqual(ids(await search({ query: not })), ["a", "b"], `${count} must_not`);
    const should = times(count, (n) => ({ term: { _id: n === 0 ? "b" : `x${n}` } }));
    assert.deepEqual(ids(await search({ query: { bool: { should } } })), ["b"], `${count} should`);
    const ranges = { bool: { filter: times(count, () => ({ range: { created_at: { gte: 0, lte: "now+1d" } } })) } };
    assert.equal((await search({ query: ranges }, JOBS)).body.hits.total.value, 3, `${count} ranges`);
  }
  const all = times(1_024, () => ({ match_all: {} }));
  await refused(search({ query: { bool: { must: all } } }), "parsing_exception", /more than \[1024\] clauses/);
});

test("a search with the maximum number of sort fields sorts as one with fewer does", async () => {
  for (const count of [1, 2, 16]) {
    const byType = times(count, () => ({ service_type: "asc" }));
    assert.deepEqual(ids(await search({ sort: [...byType.slice(1), { _id: "desc" }] })), ["c", "b", "a"]);
    const byName = times(count, () => ({ name: "desc" }));
    const { body } = await search({ sort: byName, size: 1 });
    assert.deepEqual(body.hits.hits.map(({ _id, sort }) => [_id, sort]), [["c", times(count, () => "Name c")]]);
  }
  for (const count of [17, 51, 149_000]) {
    const sort = times(count, (n) => `f${n % 10}`);
    await refused(search({ sort }), "parsing_exception", /sorts by at most \[16\] fields/);
  }
});

test("a query with the maximum number of values finds its documents", async () => {
  const values = times(65_535, (n) => `x${n}`);
  for (const field of ["_id", "service_type", "name"]) {
    const terms = { terms: { [field]: [...values, "b"] } };
    const expected = field === "_id" ? ["b"] : [];
    assert.deepEqual(ids(await search({ query: terms })), expected, field);
    const { body } = await send(worker.url, "POST", `${CONNECTORS}/_count`, { query: { bool: { must_not: terms } } });
    assert.equal(body.count, 3 - expected.length, field);
  }
  await refused(search({ query: { terms: { name: [...values, "y", "z"] } } }), "parsing_exception", /more than \[65536\] values/);
});

test("hits include their sort values, with and without documents", async () => {
  const body = { sort: [{ name: "desc" }, "missing"], size: 2, from: 1 };
  const shown = (await search({ ...body, version: true })).body.hits;
  assert.deepEqual(shown.hits.map(({ _id, _score, _version, sort }) => [_id, _score, _version, sort]), [
    ["b", null, 1, ["Name b", null]],
    ["a", null, 1, ["Name a", null]],
  ]);
  const { body: document } = await send(worker.url, "GET", `${CONNECTORS}/_doc/b`);
  assert.deepEqual(shown.hits[0]._source, document._source);
  const bare = (await search({ ...body, _source: false })).body.hits;
  assert.deepEqual(bare.hits.map(({ _id, _source, sort }) => [_id, _source, sort]), [
    ["b", undefined, ["Name b", null]],
    ["a", undefined, ["Name a", null]],
  ]);
  const plain = (await search({ _source: false, size: 1 })).body.hits;
  assert.deepEqual(plain.hits, [{ _index: ".elastic-connectors-v1", _id: "a", _score: 1 }]);
});

/** Stores a connector with that cursor. Searches see it a little later. */
async function storeCursor(id, cursor) {
  await must(worker.url, "PUT", `/_connector/${id}`, {});
  await must(worker.url, "PUT", `/_connector/${id}/_last_sync`, { sync_cursor: { ...cursor, of: id } });
  await until(() => search({ query: { term: { "sync_cursor.of": id } }, _source: false }), (answer) => ids(answer).includes(id));
}

test("a request over its budget is refused, and the reason says what to reduce", async () => {
  const cursor = Object.fromEntries(times(75_000, (n) => [`n${n}`, 1]));
  for (const id of ["wide", "wider", "widest"]) await storeCursor(id, cursor);
  const patterns = times(32, () => "**.*n?*q0*").join(",");
  await refused(
    send(worker.url, "GET", `/_connector?filter_path=${patterns}`),
    "illegal_argument_exception",
    /too much work.*\[filter_path\]/,
  );
  await refused(
    send(worker.url, "GET", `/_connector?filter_path=${times(33, () => "a.b")}`),
    "illegal_argument_exception",
    /no more than \[64\] steps/,
  );
  const clauses = times(1_000, (n) => ({ range: { "sync_cursor.n1": { gte: n } } }));
  assert.equal((await search({ query: { bool: { should: clauses } } })).status, 200);
  await storeCursor("long", { all: times(300_000, () => 1) });
  const all = times(1_000, (n) => ({ range: { "sync_cursor.all": { gte: n + 2 } } }));
  await refused(search({ query: { bool: { should: all } } }), "illegal_argument_exception", /too much work.*clauses/);
});
