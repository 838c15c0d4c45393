// Lists of connectors, the copies in Workers KV, and imports through it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { until } from "../until.mjs";
import { send, startWorker } from "./worker.mjs";

const exported = (status, rest = {}) => JSON.stringify({ status, name: "Imported", custom: { kept: [1] }, ...rest });
const MANY = 2_000;

// The keys in Workers KV before the first list.
const touches = [
  ["get", "GET", "", undefined, 200],
  ["status", "GET", "/_status", undefined, 200],
  ["move", "PUT", "/_status", { status: "connected" }, 200],
  ["illegal move", "PUT", "/_status", { status: "needs_configuration" }, 200],
  ["check in", "PUT", "/_check_in", undefined, 200],
  ["create", "PUT", "", { name: "New" }, 200],
  ["delete", "DELETE", "", undefined, 200],
  ["hard delete", "DELETE", "?hard=true", undefined, 200],
];
const junk = ["", "[]", "{", '{"name":"x"}', '{"status":"gone"}', "\u0000"];

let worker;
let kv;
before(async () => {
  worker = await startWorker();
  kv = (await worker.env()).CONNECTORS;
  for (const [what] of touches) {
    const id = `import ${what}`;
    await kv.put(`c:${id}`, exported("CONFIGURED", { id, index_name: what.replace(" ", "-"), last_seen: 7 }));
  }
  await kv.put("c:owner", exported("connected", { index_name: "owned" }));
  for (const [n, text] of junk.entries()) await kv.put(`c:junk-${n}`, text);
  const document = exported("connected");
  for (let n = 0; n < MANY; n += 500) {
    const put = (_, m) => kv.put(`c:many-${n + m}`, document.replace("{", `{"index_name":"many-${String(n + m).padStart(5, "0")}",`));
    await Promise.all(Array.from({ length: 500 }, put));
  }
});
after(() => worker.close());

const list = async (query = "") => (await send(worker.url, "GET", `/_connector${query}`)).body;
const ids = (answer) => answer.results.map((connector) => connector.id);
const copy = (id) => kv.getWithMetadata(`c:${id}`, "text");

test("2,000 documents in Workers KV are in the first list", async () => {
  const answer = await until(
    () => send(worker.url, "GET", "/_connector?from=1990&size=10"),
    ({ status }) => status === 200,
    60,
  );
  assert.equal(answer.body.count, MANY + touches.length + 1);
  assert.deepEqual(ids(await list("?index_name=many-00007")), ["many-7"]);
});

test("a document put into Workers KV is listed, and its object adopts it when it is first used", async (t) => {
  for (const [what, method, path, body, status] of touches) {
    await t.test(what, async () => {
      const id = `import ${what}`;
      const row = (await list(`?index_name=${what.replace(" ", "-")}`)).results[0];
      assert.deepEqual([row.id, row.status, row.custom, row.last_seen], [id, "configured", { kept: [1] }, 7]);
      const answer = await send(worker.url, method, `/_connector/${encodeURIComponent(id)}${path}`, body);
      assert.equal(answer.status, status, JSON.stringify(answer.body));
      if (what.includes("delete") || what === "create") return;
      const view = await send(worker.url, "GET", `/_connector/${encodeURIComponent(id)}/_status`);
      const first = view.body.history.at(-1);
      assert.deepEqual([first.from, first.to, first.via], [null, "configured", "_import"]);
      // After adoption the key in Workers KV no longer matters.
      await kv.put(`c:${id}`, exported("error"));
      const found = await send(worker.url, "GET", `/_connector/${encodeURIComponent(id)}`);
      assert.notEqual(found.body.status, "error");
      assert.deepEqual(found.body.custom, { kept: [1] });
    });
  }
});

test("an imported connector keeps its index", async () => {
  const other = await send(worker.url, "PUT", "/_connector/thief", { index_name: "owned" });
  assert.equal(other.status, 400);
  assert.equal(other.body.error.reason, "Index name [owned] is used by another connector.");
});

test("keys that are not valid connectors are skipped", async () => {
  for (const n of junk.keys()) {
    assert.equal((await send(worker.url, "GET", `/_connector/junk-${n}`)).status, 404);
  }
  assert.deepEqual(ids(await list("?query=junk")), []);
  assert.equal((await send(worker.url, "PUT", "/_connector/junk-0")).status, 201);
  await send(worker.url, "DELETE", "/_connector/junk-0?hard=true");
});

test("lists can be filtered, sorted and paged, and are current at once", async (t) => {
  const connectors = {
    none: { name: "Without index", service_type: "gmail" },
    drive: { index_name: "search-b", name: "Drive", service_type: "google_drive", description: "Sales and Marketing" },
    shop: { index_name: "search-a", name: "Shop", service_type: "mysql" },
    gone: { index_name: "search-c", name: "Drive" },
    long: { index_name: "search-d", name: "L".repeat(1_500), service_type: "mysql" },
  };
  const types = ["gmail", "google_drive", "mysql"];
  const mine = `service_type=${types}`;
  for (const [id, body] of Object.entries(connectors)) {
    await send(worker.url, "PUT", `/_connector/${id}`, { service_type: "mysql", ...body });
    assert.ok(ids(await list(`?${mine}`)).includes(id), "an acknowledged creation is in the list");
  }
  await send(worker.url, "PUT", "/_connector/shop/_status", { status: "error" });
  await send(worker.url, "DELETE", "/_connector/gone");
  assert.ok(!ids(await list(`?${mine}`)).includes("gone"), "an acknowledged deletion is not in the list");
  const startedAt = performance.now();
  await until(() => list("?status=error"), (answer) => answer.count > 0);
  const took = performance.now() - startedAt;
  const asked = performance.now();
  for (let n = 0; n < 5; n += 1) await list("?status=error");
  // A second, plus the time of some requests on this machine.
  assert.ok(took <= 1_000 + (performance.now() - asked), `${took} ms`);

  const cases = [
    ["", ["shop", "drive", "long", "none"]],
    ["&include_deleted=true", ["shop", "drive", "gone", "long", "none"]],
    ["&size=2", ["shop", "drive"]],
    ["&from=1&size=2", ["drive", "long"]],
    ["&from=9", []],
    ["&index_name=search-a,search-b,search-x", ["shop", "drive"]],
    ["&connector_name=Drive", ["drive"]],
    ["&connector_name=Drive&include_deleted", ["drive", "gone"]],
    [`&connector_name=${"L".repeat(1_500)}`, ["long"]],
    ["&service_type=mysql", ["shop", "long"]],
    ["&service_type=mysql,gmail&index_name=search-a", ["shop"]],
    ["&status=error", ["shop"]],
    ["&status=CREATED,error", ["shop", "drive", "long", "none"]],
    ["&status=created&service_type=mysql", ["long"]],
    ["&status=connected", []],
    ["&query=rive", ["drive"]],
    ["&query=drive", []],
    ["&query=marketing", ["drive"]],
    ["&query=Marketing", []],
    ["&query=search-*", ["shop", "drive", "long"]],
    ["&query=LLL", ["long"]],
    ["&query=s?arch-a", ["shop"]],
    ["&query=s", ["shop", "drive", "long"]],
  ];
  for (const [query, expected] of cases) {
    await t.test(query.slice(0, 40) || "all", async () => {
      const answer = await list(`?${mine}${query}`);
      assert.deepEqual(ids(answer), expected);
      if (!/from|size/.test(query)) assert.equal(answer.count, expected.length);
    });
  }
  assert.equal((await list(`?${mine}&size=1`)).count, 4);
  assert.equal((await send(worker.url, "GET", "/_connector?status=gone")).status, 400);
  const shown = (await list("?index_name=search-b")).results[0];
  assert.deepEqual(shown, (await send(worker.url, "GET", "/_connector/drive")).body);

  const first = await send(worker.url, "GET", `/_connector?${mine}`);
  const headers = { "if-none-match": first.headers.get("etag") };
  const again = () => fetch(`${worker.url}/_connector?${mine}`, { headers });
  assert.equal((await again()).status, 304);
  await send(worker.url, "PUT", "/_connector/shop/_name", { name: "Shops" });
  assert.equal((await again()).status, 200);
});

test("the copy in Workers KV has the document, its version and its age", async () => {
  await send(worker.url, "PUT", "/_connector/copied", { index_name: "copied", name: "Copied", description: "x" });
  const { value, metadata } = await until(() => copy("copied"), ({ value }) => value !== null);
  const { id, ...document } = (await send(worker.url, "GET", "/_connector/copied")).body;
  assert.deepEqual(JSON.parse(value), document);
  assert.equal(metadata.version, 1);
  const old = await send(worker.url, "GET", "/_connector/copied?realtime=false");
  assert.deepEqual(old.body, { id, ...document });
  assert.match(old.headers.get("age"), /^\d$/);
  await send(worker.url, "PUT", "/_connector/copied/_status", { status: "error" });
  await until(() => copy("copied"), ({ value }) => JSON.parse(value).status === "error");
  await send(worker.url, "PUT", "/_connector/copied/_check_in");
  await sleep(2_500);
  assert.equal((await copy("copied")).metadata.version, 2, "a heartbeat alone is not copied");
  await send(worker.url, "DELETE", "/_connector/copied?hard=true");
  await until(() => copy("copied"), ({ value }) => value === null);
  assert.equal((await send(worker.url, "GET", "/_connector/copied?realtime=false")).status, 404);
});

test("a stale copy does not bring back an erased connector", async () => {
  await send(worker.url, "PUT", "/_connector/erased", { name: "Erased" });
  await send(worker.url, "DELETE", "/_connector/erased?hard=true");
  await kv.put("c:erased", exported("connected"));
  assert.equal((await send(worker.url, "GET", "/_connector/erased")).status, 404);
  assert.equal((await send(worker.url, "PUT", "/_connector/erased/_check_in")).status, 404);
});
