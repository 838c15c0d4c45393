// The Directory's rows, responses and messages stay within their limits, whatever is stored and requested.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { request } from "node:http";
import { after, before, test } from "node:test";

import { serveWithKv } from "../soak/workerd.mjs";
import { until } from "../until.mjs";
import { watch } from "./watching.mjs";
import { must, send } from "./worker.mjs";

const MIB = 1 << 20;
/** The longest text in a row of the Directory; a longer one is cut and ends with "...". */
const TEXT_BYTES = 300;
/** The longest message to a watcher. */
const MESSAGE_BYTES = 512 << 10;
/** How many connectors have descriptions of almost 1 MiB. */
const LARGE = 34;
const WATCHERS_PER_KEY = 1_000;

const secret = randomBytes(24).toString("base64url");
const secret_sha256 = createHash("sha256").update(secret).digest("base64");
const key = (connectors) => JSON.stringify({ name: "a key", secret_sha256, privileges: ["monitor_connector"], connectors });
const as = (id) => ({ authorization: `ApiKey ${Buffer.from(`${id}:${secret}`).toString("base64")}` });

const longId = `team-${"long-".repeat(20)}end`;
const ids = ["team-a", "team-b", "team-c", longId, "other-a", "other-b"];
const keys = {
  "long pattern": [[`team-${"long-".repeat(20)}*`], [longId]],
  "long id": [[longId], [longId]],
  "long odd pattern": [[`*-${"long-".repeat(15)}*`], [longId]],
  "forty ids": [[...Array.from({ length: 38 }, (_, n) => `nobody-${n}`), "team-a", "other-b"], ["other-b", "team-a"]],
  "ten ids": [["team-c", ...Array.from({ length: 9 }, (_, n) => `nobody-${n}`)], ["team-c"]],
  "overlapping patterns": [["team-*", "team-a", "team-a*", "*-a"], ["other-a", "team-a", "team-b", "team-c", longId].sort()],
  "no connectors": [[], []],
};

let server;
let imports;
before(async () => {
  server = await serveWithKv();
  const entries = Object.entries(keys).map(([id, [patterns]]) => [id, key(patterns)]);
  const imported = { status: "error", name: "Imported", error: "e".repeat(MIB / 2), description: `${"d".repeat(MIB / 4)} penguin`, last_seen: 7 };
  await server.kv("load", [
    ...entries,
    ["all", key(undefined)],
    ["other", key(undefined)],
    ["team", key(["team-*"])],
    ["c:imported", JSON.stringify(imported)],
    ["c:huge", JSON.stringify({ status: "error", description: "h".repeat(3 * MIB) })],
    ["c:late", JSON.stringify({ ...imported, last_seen: "l".repeat(2_000), service_type: "t".repeat(2_000) })],
  ]);
  imports = await ask("POST", "/_import");
  for (const id of ids) await ask("PUT", `/${id}`, { index_name: `index-${ids.indexOf(id)}`, name: id.slice(0, 10), service_type: "zoo" });
});
after(() => server.close());

const ask = (method, path, body, headers) => must(server.url(), method, `/_connector${path}`, body, headers);
const status = async (path, headers) => (await send(server.url(), "GET", `/_connector${path}`, undefined, headers)).status;
const idsOf = ({ results }) => results.map(({ id }) => id);

for (const [name, [, visible]] of Object.entries(keys)) {
  test(`a key with ${name} sees exactly its connectors in every list`, async () => {
    const headers = as(name);
    assert.deepEqual(idsOf(await ask("GET", "?service_type=zoo", undefined, headers)).sort(), visible);
    assert.deepEqual(idsOf(await ask("GET", "?status=created,configured,connected,error,needs_configuration&service_type=zoo", undefined, headers)).sort(), visible);
    assert.deepEqual(idsOf(await ask("GET", "?query=index", undefined, headers)).sort(), visible);
    for (const query of ["", "?query=zoo", "?status=created", "?sort=name"]) {
      const summary = await ask("GET", `/_summary${query}`, undefined, headers);
      assert.deepEqual(idsOf(summary).sort(), visible, query);
      assert.deepEqual([summary.total, summary.count, summary.by_status.created], [visible.length, visible.length, visible.length], query);
    }
    const found = await must(server.url(), "POST", "/.elastic-connectors/_search", { size: 100 }, headers);
    assert.deepEqual(found.hits.hits.map(({ _id }) => _id).sort(), visible);
    assert.deepEqual((await ask("GET", "/_sync_job", undefined, headers)).count, 0);
  });
}

test("a summary accepts ten words and refuses more, naming the limit", async () => {
  assert.deepEqual(idsOf(await ask("GET", `/_summary?query=${Array(10).fill("team-b").join("+")}`)), ["team-b"]);
  const { status, body } = await send(server.url(), "GET", `/_connector/_summary?query=${Array(96).fill("a").join("+")}`);
  assert.equal(status, 400);
  assert.match(body.error.reason, /\[query\].*\[10\] words.*\[96\]/);
});

test("texts in rows are shortened; documents and searches have them whole", async () => {
  const { results } = await ask("GET", "/_summary?query=imported");
  const [row] = results.filter(({ id }) => id === "imported");
  assert.deepEqual([row.error, row.description], ["e", "d"].map((letter) => `${letter.repeat(TEXT_BYTES)}...`));
  const document = (await ask("GET", "?query=penguin")).results.find(({ id }) => id === "imported");
  assert.deepEqual([document.error.length, document.description.length, document.last_seen], [MIB / 2, MIB / 4 + 8, 7]);
  assert.ok(idsOf(await ask("GET", "/_summary?query=penguin")).includes("imported"));
  const typed = { size: 5, query: { term: { service_type: "t".repeat(2_000) } } };
  assert.deepEqual((await must(server.url(), "POST", "/.elastic-connectors/_search", typed)).hits.hits.map(({ _id }) => _id), ["late"]);
  const late = (await ask("GET", `?service_type=${"t".repeat(2_000)}`)).results;
  assert.deepEqual(late.map(({ id, last_seen }) => [id, last_seen.length]), [["late", 2_000]]);
  // A four-byte character is never cut in half.
  await ask("PUT", "/smile", { description: "\u{1f600}".repeat(100) });
  assert.equal((await ask("GET", "/_summary?query=smile")).results[0].description, `${"\u{1f600}".repeat(75)}...`);
});

test("a document over the size limit is not imported, and all others are", async () => {
  assert.deepEqual(imports, { taken: 2, skipped: [{ id: "huge", reason: `it is longer than [${MIB}] bytes` }] });
});

test("an id that is requested twice is listed once", async () => {
  assert.deepEqual(idsOf(await ask("GET", "?index_name=index-1,index-1&include_deleted=true")), ["team-b"]);
});

test("names that are shortened in their rows are still compared whole", async () => {
  const name = "n".repeat(1_000);
  await ask("PUT", "/name-1", { name: `${name}1` });
  await ask("PUT", "/name-2", { name: `${name}2` });
  assert.deepEqual(idsOf(await ask("GET", `?connector_name=${name}2`)), ["name-2"]);
  assert.deepEqual(idsOf(await ask("GET", `?connector_name=${name}`)), []);
  assert.deepEqual(idsOf(await ask("GET", `?query=n2`)), ["name-2"]);
});

test("a first heartbeat replaces whatever was imported as last_seen", async () => {
  for (const id of ["imported", "late"]) {
    // Wait until the Directory has the document, before the heartbeat.
    await ask("PUT", `/${id}/_name`, { name: "Imported once" });
    await ask("PUT", `/${id}/_check_in`);
    const seen = (await ask("GET", `/${id}`)).last_seen;
    await until(() => ask("GET", "?query=Imported&size=10"), ({ results }) => results.find((found) => found.id === id).last_seen === seen);
    const text = await (await fetch(`${server.url()}/_connector?query=Imported`)).text();
    assert.equal(text.split('"last_seen"').length - 1, (await ask("GET", "?query=Imported")).count, "each document has last_seen once");
  }
});

test("the tag of a limited key's list changes with the connectors it can see, and with nothing else", async () => {
  const tag = async (path) => {
    const { status, headers } = await send(server.url(), "GET", `/_connector${path}`, undefined, as("team"));
    assert.equal(status, 200);
    return headers.get("etag");
  };
  for (const path of ["", "/_summary?sort=name"]) {
    // A summary changes every minute.
    await until(async () => {
      const before = await tag(path);
      await ask("PUT", "/other-a/_name", { name: `Other ${Math.random()}` });
      await ask("PUT", "/other-a/_check_in");
      return (await tag(path)) === before;
    });
    const before = await tag(path);
    const again = () => send(server.url(), "GET", `/_connector${path}`, undefined, { ...as("team"), "if-none-match": before });
    assert.equal((await again()).status, 304);
    await ask("PUT", "/team-a/_name", { name: `Team ${Math.random()}` });
    assert.equal((await again()).status, 200);
  }
});

test("with 34 descriptions of 1 MiB, summaries and watching work, and a page that is too large is refused", async () => {
  const description = `${"x ".repeat(MIB / 2 - 1_000)} last`;
  const seq = (await watch(server.url())).messages[0].seq;
  for (let n = 0; n < LARGE; n += 1) await ask("PUT", `/large-${n}`, { description, name: `Large ${n}`, service_type: "large" });
  const { results } = await ask("GET", "/_summary?size=100&service_type=large");
  assert.equal(results.length, LARGE);
  for (const row of results) assert.ok(row.description.length <= TEXT_BYTES + 3, `${row.description.length}`);
  assert.equal((await ask("GET", "/_summary?size=100")).results.length, (await ask("GET", "/_summary")).total);
  assert.equal(await status("?size=34&service_type=large"), 400);
  assert.equal(await status("?query=last"), 400, "a search over that many bytes is refused");
  assert.equal((await ask("GET", "?size=10&service_type=large")).results.length, 10);
  assert.deepEqual(idsOf(await ask("GET", "?query=last&connector_name=Large%201,Large%202")).sort(), ["large-1", "large-2"]);
  assert.deepEqual((await ask("GET", "?size=3")).results.length, 3);
  // A page of documents as they are stored may be larger than one that shows what it was sorted by.
  for (const [size, sort, expected] of [[10, undefined, 200], [10, ["name"], 400], [5, ["name"], 200]]) {
    const query = { term: { service_type: "large" } };
    const { status, body } = await send(server.url(), "POST", "/.elastic-connectors/_search", { size, sort, query });
    assert.equal(status, expected, JSON.stringify(body).slice(0, 300));
    if (status === 400) assert.match(body.error.reason, /page is larger than \[8388608\] bytes/);
    else assert.equal(body.hits.hits.length, size);
  }
  for (const since of [0, seq]) {
    const watcher = await watch(server.url(), { since });
    const [first] = watcher.messages;
    assert.ok(JSON.stringify(first).length <= MESSAGE_BYTES);
    if (since === seq) assert.equal(first.changes.length, LARGE);
    await watcher.close();
  }
});

test("one key cannot use up all sockets", async () => {
  const wanted = { connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13", "sec-websocket-key": "MDEyMzQ1Njc4OWFiY2RlZg==" };
  const open = [];
  const handshake = (id) =>
    new Promise((resolve, reject) => {
      const asked = request(`${server.url()}/_connector/_watch`, { headers: { ...wanted, ...as(id) } });
      asked.on("upgrade", (response, socket) => resolve({ status: response.statusCode, socket: open.push(socket) }));
      asked.on("response", (response) => {
        let body = "";
        response.on("data", (data) => (body += data));
        response.on("end", () => resolve({ status: response.statusCode, body: JSON.parse(body) }));
      });
      asked.on("error", reject);
      asked.end();
    });
  for (let n = 0; n < WATCHERS_PER_KEY; n += 50) {
    const answers = await Promise.all(Array.from({ length: 50 }, () => handshake("all")));
    assert.ok(answers.every(({ status }) => status === 101));
  }
  const refused = await handshake("all");
  assert.equal(refused.status, 429);
  assert.match(refused.body.error.reason, /\[all\].*\[1000\]/);
  assert.equal((await handshake("other")).status, 101);
  for (const socket of open) socket.destroy();
});
