// Lists, the copy in Workers KV, and what comes in through it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { until } from "../until.mjs";
import { send, startWorker } from "./worker.mjs";

let worker;
let kv;
before(async () => {
  worker = await startWorker();
  kv = (await worker.env()).CONNECTORS;
});
after(() => worker.close());

const list = async (query = "") => (await send(worker.url, "GET", `/_connector${query}`)).body;
const ids = (answer) => answer.results.map((connector) => connector.id);
const copy = (id) => kv.getWithMetadata(`c:${id}`, "text");

test("lists are filtered, sorted and paged", async (t) => {
  const connectors = {
    none: { name: "Without index", service_type: "gmail" },
    drive: { index_name: "search-b", name: "Drive", service_type: "google_drive", description: "Sales and Marketing" },
    shop: { index_name: "search-a", name: "Shop", service_type: "mysql" },
    gone: { index_name: "search-c", name: "Drive" },
    long: { index_name: "search-d", name: "L".repeat(1_500), service_type: "mysql" },
  };
  for (const [id, body] of Object.entries(connectors)) await send(worker.url, "PUT", `/_connector/${id}`, body);
  await send(worker.url, "DELETE", "/_connector/gone");
  await until(list, (answer) => answer.count === 4);

  const cases = [
    ["", ["shop", "drive", "long", "none"]],
    ["?include_deleted=true", ["shop", "drive", "gone", "long", "none"]],
    ["?size=2", ["shop", "drive"]],
    ["?from=1&size=2", ["drive", "long"]],
    ["?from=9", []],
    ["?index_name=search-a,search-b,search-x", ["shop", "drive"]],
    ["?connector_name=Drive", ["drive"]],
    ["?connector_name=Drive&include_deleted", ["drive", "gone"]],
    [`?connector_name=${"L".repeat(1_500)}`, ["long"]],
    ["?service_type=mysql", ["shop", "long"]],
    ["?service_type=mysql,gmail&index_name=search-a", ["shop"]],
    ["?query=rive", ["drive"]],
    ["?query=drive", []],
    ["?query=marketing", ["drive"]],
    ["?query=Marketing", []],
    ["?query=search-*", ["shop", "drive", "long"]],
    ["?query=LLL", ["long"]],
  ];
  for (const [query, expected] of cases) {
    await t.test(query.slice(0, 40) || "all", async () => assert.deepEqual(ids(await list(query)), expected));
  }
  assert.equal((await list("?size=1")).count, 4);
  const shown = (await list("?index_name=search-b")).results[0];
  assert.deepEqual(shown, (await send(worker.url, "GET", "/_connector/drive")).body);

  const first = await send(worker.url, "GET", "/_connector");
  const headers = { "if-none-match": first.headers.get("etag") };
  assert.equal((await fetch(`${worker.url}/_connector`, { headers })).status, 304);
});

test("the copy: the document and what the list needs", async () => {
  await send(worker.url, "PUT", "/_connector/copied", { index_name: "copied", name: "Copied", description: "x" });
  const { value, metadata } = await until(() => copy("copied"), ({ value }) => value !== null);
  const { id, ...document } = (await send(worker.url, "GET", "/_connector/copied")).body;
  assert.deepEqual(JSON.parse(value), document);
  assert.deepEqual(metadata, { index_name: "copied", name: "Copied", description: "x", status: "created" });
  await send(worker.url, "PUT", "/_connector/copied/_status", { status: "error" });
  await until(() => copy("copied"), ({ metadata }) => metadata.status === "error");
  await send(worker.url, "DELETE", "/_connector/copied?hard=true");
  await until(() => copy("copied"), ({ value }) => value === null);
});

const exported = (status, rest = {}) => JSON.stringify({ status, name: "Imported", custom: { kept: [1] }, ...rest });

test("a document put into KV shows at once, and is adopted at first touch", async (t) => {
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
  for (const [what, method, path, body, status] of touches) {
    await t.test(what, async () => {
      const id = `import ${what}`;
      await kv.put(`c:${id}`, exported("CONFIGURED", { id, index_name: what.replace(" ", "-") }));
      const row = (await list("?size=1000")).results.find((connector) => connector.id === id);
      assert.deepEqual(row.custom, { kept: [1] });
      const answer = await send(worker.url, method, `/_connector/${encodeURIComponent(id)}${path}`, body);
      assert.equal(answer.status, status, JSON.stringify(answer.body));
      if (what.includes("delete") || what === "create") return;
      const view = await send(worker.url, "GET", `/_connector/${encodeURIComponent(id)}/_status`);
      const first = view.body.history.at(-1);
      assert.deepEqual([first.from, first.to, first.via], [null, "configured", "_import"]);
      // Adopted, it is no longer KV that counts.
      await kv.put(`c:${id}`, exported("error"));
      const found = await send(worker.url, "GET", `/_connector/${encodeURIComponent(id)}`);
      assert.notEqual(found.body.status, "error");
      assert.deepEqual(found.body.custom, { kept: [1] });
    });
  }
});

test("an imported connector keeps its index", async () => {
  await kv.put("c:owner", exported("connected", { index_name: "owned" }));
  const other = await send(worker.url, "PUT", "/_connector/thief", { index_name: "owned" });
  assert.equal(other.status, 400);
  assert.equal(other.body.error.reason, "Index name [owned] is used by another connector.");
});

test("a stale copy does not bring an erased connector back", async () => {
  await send(worker.url, "PUT", "/_connector/erased", { name: "Erased" });
  await send(worker.url, "DELETE", "/_connector/erased?hard=true");
  await kv.put("c:erased", exported("connected"));
  assert.equal((await send(worker.url, "GET", "/_connector/erased")).status, 404);
  assert.equal((await send(worker.url, "PUT", "/_connector/erased/_check_in")).status, 404);
});

test("what is no connector is passed over", async () => {
  for (const [n, text] of ["", "[]", "{", '{"name":"x"}', '{"status":"gone"}', "\u0000"].entries()) {
    await kv.put(`c:junk-${n}`, text);
    assert.equal((await send(worker.url, "GET", `/_connector/junk-${n}`)).status, 404);
  }
  const answer = await send(worker.url, "GET", "/_connector?size=1000");
  assert.equal(answer.status, 200);
  assert.ok(ids(answer.body).every((id) => !id.startsWith("junk")));
  assert.equal((await send(worker.url, "PUT", "/_connector/junk-0")).status, 201);
});

test("10,000 connectors list", async () => {
  const document = exported("connected");
  for (let n = 0; n < 10_000; n += 500) {
    const put = (_, m) => {
      const metadata = { index_name: `many-${String(n + m).padStart(5, "0")}`, name: "Many", status: "connected" };
      return kv.put(`c:many-${n + m}`, document, { metadata });
    };
    await Promise.all(Array.from({ length: 500 }, put));
  }
  const answer = await list("?connector_name=Many&from=9990&size=10");
  assert.equal(answer.count, 10_000);
  assert.deepEqual(ids(answer), Array.from({ length: 10 }, (_, n) => `many-${9_990 + n}`));
});
