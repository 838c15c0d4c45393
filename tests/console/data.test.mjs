// The console's logic without a browser: addresses, views, documents, times and events.

import assert from "node:assert/strict";
import { test } from "node:test";

import { actions, tally } from "../../www/src/core/actions.js";
import { fleetHref, href, parseAddress, pathOf } from "../../www/src/core/address.js";
import { inOrder } from "../../scripts/in-order.mjs";
import { readAll, readConnector } from "../../www/src/core/documents.js";
import { fanOut } from "../../www/src/core/fan-out.js";
import { addressOf, readView, summaryPath } from "../../www/src/core/list.js";
import { isSame, partOf, problemOf, readSnippet, requestOf } from "../../www/src/core/filtering.js";
import { began, hidesOthers, outlines, partAt, partsOf } from "../../www/src/core/over-time.js";
import { bars, helpFor, lastWell, ribbon } from "../../www/src/core/overview.js";
import { reasonOf } from "../../www/src/core/reasons.js";
import { ownMove, urgent, way } from "../../www/src/core/statuses.js";
import { ago, ahead, isSilent, span } from "../../www/src/core/time.js";

test("every id has its own address, different from those of pages about all connectors", () => {
  for (const id of ["a", "@deleted", "it's a/b?c#d", "%40x", "100%", "ünï", "..", "~!*()"]) {
    const { page, id: read } = parseAddress(href(id));
    assert.deepEqual([page, read], ["connector", id]);
  }
  const { page, name, query } = parseAddress(fleetHref("deleted", { page: 2 }));
  assert.deepEqual([page, name, query.get("page")], ["fleet", "deleted", "2"]);
  assert.equal(parseAddress("").page, "list");
  assert.equal(parseAddress("#/?status=error").query.get("status"), "error");
  assert.equal(parseAddress("#/%E0%A4%A").page, "list");
  assert.equal(pathOf("it's"), "/_connector/it%27s");
});

test("a view of the list survives the round trip through its URL", () => {
  for (const address of ["#/", "#/?status=error%2Cconnected", "#/?query=a+b&status=error&type=mysql&silent=true&cause=HTTP+429+from+%E2%80%A6&sort=name%3Adesc&page=3"]) {
    assert.equal(addressOf(readView(parseAddress(address).query)), address);
  }
  const odd = readView(new URLSearchParams("status=error,nonsense&sort=constructor&page=-x"));
  assert.deepEqual([odd.status, odd.sort, odd.page], [["error"], "urgency", 1]);
});

test("a view becomes the server's query parameters", () => {
  const view = readView(new URLSearchParams("query= gate &sort=seen:desc&silent=true"));
  assert.equal(summaryPath(view, 100, 50), "/_connector/_summary?sort=last_seen%3Aasc&from=100&size=50&query=gate&silent=true");
});

test("documents of the wrong shape are read as far as possible", () => {
  const read = readConnector({ name: 7, last_seen: "yesterday", configuration: "none", error: null });
  assert.deepEqual([read.name, read.last_seen, read.configuration, read.error], ["7", undefined, {}, undefined]);
  assert.equal(read.odd.length, 3);
  assert.deepEqual(readAll({ host: 5 }, {}, "configuration.").odd, ["[configuration.host] is 5, not an object."]);
});

test("times are shown in words", () => {
  const now = Date.parse("2026-11-25T12:00:00Z");
  assert.equal(ago("2026-11-25T11:59:58Z", now), "just now");
  assert.equal(ago("2026-11-24T11:00:00Z", now), "yesterday");
  assert.equal(span("2026-11-25T10:00:00Z", now), "2 hours");
  assert.equal(ahead(90_000), "in 1 minute");
  assert.deepEqual([isSilent("2026-11-25T11:00:00Z", now, 3_600_000), isSilent("2026-11-25T11:00:01Z", now, 3_600_000), isSilent(undefined, now, 1)], [true, false, false]);
});

test("an error envelope is shown by its innermost reason", () => {
  assert.equal(reasonOf({ error: { reason: "outer", caused_by: { reason: "Validation Failed: 1: a;2: b;" } } }), "a;b");
  assert.equal(reasonOf({ error: "text" }), "text");
  assert.equal(reasonOf(undefined), undefined);
});

test("statuses have their possible successors and their order by urgency", () => {
  assert.deepEqual(way("created", "connected"), ["needs_configuration", "configured", "connected"]);
  assert.equal(way("connected", "created"), undefined);
  assert.equal(ownMove("error"), "configured");
  assert.deepEqual(urgent, ["error", "needs_configuration", "created", "configured", "connected"]);
});

test("83 events are processed in one turn, and a listener that throws does not stop the others", () => {
  const runs = [];
  const reported = [];
  const heard = [];
  const events = fanOut({ schedule: (run) => runs.push(run), report: (error) => reported.push(error.message) });
  events.listen(() => {
    throw new Error("broken");
  });
  const stop = events.listen((batch) => heard.push(batch.length));
  for (let n = 0; n < 83; n += 1) events.emit(n);
  assert.equal(runs.length, 1);
  runs.shift()();
  events.emit(83);
  runs.shift()();
  assert.deepEqual([heard, reported], [[83, 1], ["broken", "broken"]]);
  stop();
  events.emit(84);
  runs.shift()();
  assert.equal(heard.length, 2);
});

const collect = async (results) => {
  const all = [];
  for await (const result of results) all.push(result);
  return all;
};

test("concurrent work has a limit, is done once per item and yields results in order, even if the first is slow", async () => {
  let [running, most] = [0, 0];
  const started = [];
  const work = async (item) => {
    started.push(item);
    running += 1;
    most = Math.max(most, running);
    // The first call ends last.
    while (item === 0 && started.length < 50) await new Promise(setImmediate);
    await new Promise(setImmediate);
    running -= 1;
    return item * 2;
  };
  const items = Array.from({ length: 50 }, (_, n) => n);
  assert.deepEqual(await collect(inOrder(items, work, { atOnce: 6 })), items.map((item) => item * 2));
  assert.deepEqual([started.sort((a, b) => a - b), most], [items, 6]);
});

test("concurrent work starts nothing after it was stopped, finishes what was started, and reports a failed call", async () => {
  const stop = new AbortController();
  const work = async (item) => {
    if (item === 20) stop.abort();
    await new Promise(setImmediate);
    return item;
  };
  const items = Array.from({ length: 50 }, (_, n) => n);
  const done = await collect(inOrder(items, work, { atOnce: 6, signal: stop.signal }));
  assert.deepEqual(done, items.slice(0, 21));
  const fail = async (item) => assert.notEqual(item, 3, "the fourth");
  await assert.rejects(collect(inOrder(items, fail, { atOnce: 6 })), /the fourth/);
});

test("concurrent work holds a limited number of results while the first is missing", async () => {
  let count = 0;
  let finish;
  const first = new Promise((resolve) => (finish = resolve));
  const work = (item) => ((count += 1), item === 0 ? first : Promise.resolve());
  const all = collect(inOrder(Array(1_000).keys(), work, { atOnce: 2 }));
  for (let n = 0; n < 2_000; n += 1) await new Promise(setImmediate);
  assert.equal(count, 100);
  finish();
  assert.equal((await all).length, 1_000);
});

const week = 7 * 86_400_000;
const now = Date.parse("2026-11-25T12:00:00Z");
const change = (from, to, hoursAgo) => ({ from, to, at: new Date(now - hoursAgo * 3_600_000).toISOString(), version: 1 });

test("the statuses over time fill a line of at most a week", () => {
  const { from, parts } = ribbon([change("connected", "error", 6), change("configured", "connected", 12), change("created", "configured", 24)], now);
  assert.equal(from, now - 24 * 3_600_000);
  assert.deepEqual(parts.map(({ status, start, end }) => [status, start, end]), [["configured", 0, 0.5], ["connected", 0.5, 0.75], ["error", 0.75, 1]]);
  const long = ribbon([change("error", "connected", 24 * 3.5), change("created", "error", 24 * 30)], now);
  assert.deepEqual([long.from, long.parts.map(({ start, end }) => [start, end])], [now - week, [[0, 0.5], [0.5, 1]]]);
  assert.deepEqual(ribbon([], now).parts, []);
});

test("the last healthy time is found in the history", () => {
  assert.equal(lastWell([change("connected", "error", 6), change("configured", "connected", 12)]), new Date(now - 6 * 3_600_000).toISOString());
  assert.equal(lastWell([change("error", "connected", 6)]), undefined);
  assert.equal(lastWell([change("created", "error", 6)]), undefined);
});

test("the suggested fix depends on the error's text", () => {
  const help = (status, error, more) => helpFor({ status, error, isSilent: false, hasFields: true, ...more })[0];
  assert.equal(help("error", "HTTP 401 from https://a.example: token expired"), "configuration");
  assert.equal(help("error", "Cannot connect to host"), "sync");
  assert.equal(help("error", "password wrong", { hasFields: false }), "sync");
  assert.equal(help("error", "anything", { isSilent: true }), "service");
  assert.equal(help("connected", undefined), undefined);
});

test("bars have the height of their document counts, the newest on the right", () => {
  const drawn = bars([{ id: "c", indexed_document_count: 100 }, { id: "b" }, { id: "a", indexed_document_count: 50 }], 2);
  assert.deepEqual(drawn.map(({ job, height }) => [job.id, height]), [["b", 0.06], ["c", 1]]);
});

test("an impossible action is explained beforehand", () => {
  const item = { id: "a", title: "A", version: 1, status: "error", error: "x", index_name: "a", service_type: "mysql" };
  assert.equal(actions.sync.skip(item), undefined);
  assert.match(actions.sync.skip({ ...item, index_name: undefined }), /No index/);
  assert.equal(actions.connected.skip(item), undefined);
  assert.match(actions.connected.skip({ ...item, status: "created" }), /configured first/);
  assert.match(actions.connected.skip({ ...item, status: "connected", error: undefined }), /without an error/);
  assert.deepEqual(tally([{ state: "done" }, { state: "done" }, { state: "failed" }]), { waiting: 0, running: 0, done: 2, skipped: 0, failed: 1, unknown: 0 });
});

test("the timeline has parts, outlines and the start of failures", () => {
  const at = (minutes) => new Date(Date.UTC(2026, 10, 25, 0, minutes)).toISOString();
  const step = (minutes, error, connected) => ({ at: at(minutes), by_status: { error, connected } });
  const timeline = { from: at(0), to: at(100), steps: [step(0, 1, 9), step(40, 3, 7), step(50, 8, 2), step(80, 7, 3)] };
  const parts = partsOf(timeline);
  assert.deepEqual(parts.map(({ start, end }) => [start, end]), [[0, 0.4], [0.4, 0.5], [0.5, 0.8], [0.8, 1]]);
  assert.deepEqual(began(parts), { at: at(40), from: 1, to: 7 });
  assert.deepEqual(outlines(parts).map(({ status }) => status), ["error", "connected"]);
  assert.equal(outlines(parts.slice(0, 1))[0].path, "M0,90L400,90L400,100L0,100Z");
  assert.equal(outlines(parts.slice(0, 1), ["error"])[0].path, "M0,0L400,0L400,100L0,100Z");
  assert.deepEqual([0, 0.39, 0.4, 0.99].map((place) => partAt(parts, place)), [0, 0, 1, 3]);
  assert.equal(began(partsOf(timeline, { error: 0, connected: 10 })), undefined);
  assert.equal(began(partsOf({ ...timeline, steps: [step(0, 4, 6), step(20, 5, 5)] })), undefined);
  assert.equal(hidesOthers(parts), false);
  assert.equal(hidesOthers(parts.slice(0, 2)), true);
  assert.deepEqual(outlines([]), []);
});

test("sync rules are read from a document, and a draft becomes a request", () => {
  const rule = (id, field, value, more) => ({ id, field, rule: "equals", policy: "exclude", value, order: 0, ...more });
  const doc = { filtering: [{ draft: { rules: [rule("a", "folder", "x", { updated_at: "then" }), rule("DEFAULT", "_", ".*")], advanced_snippet: { value: {} }, validation: { state: "valid", errors: [] } } }] };
  const draft = partOf(doc, "draft");
  assert.deepEqual([draft.rules.map(({ id }) => id), draft.state, partOf(doc, "active").rules], [["a"], "valid", []]);
  assert.equal(isSame(draft, partOf(doc, "active")), false);
  // An unchanged rule keeps its time; a changed or new rule gets another.
  const changed = { ...draft.rules[0], value: "y" };
  assert.deepEqual(requestOf(draft.rules, draft.rules, "").rules.map(({ updated_at, order }) => [updated_at, order]), [["then", 0]]);
  assert.deepEqual(requestOf([rule("b", "f", "v"), changed], draft.rules, '[{"a":1}]'), {
    rules: [rule("b", "f", "v"), { ...rule("a", "folder", "y"), order: 1 }],
    advanced_snippet: { value: [{ a: 1 }] },
  });
  assert.equal(problemOf([rule("a", "f", "v"), rule("b", " ", "v")]), "Rule 2 needs a field and a value.");
  assert.equal(problemOf([]), undefined);
  assert.deepEqual(readSnippet("  "), { value: {} });
  assert.match(readSnippet("{").problem, /^Not JSON/);
  assert.equal(readSnippet("1").problem, "Must be a JSON object or list.");
  // An import may contain anything.
  for (const filtering of [undefined, "x", [null], [{ draft: { rules: [1, { id: 5 }], validation: { errors: [{ ids: 1 }] } } }]]) assert.ok(partOf({ filtering }, "draft").rules.length <= 1);
});
