// The tables of tests/tables, against a real workerd. See the README there.

import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";

import { root } from "../../scripts/tools.mjs";
import { send, startWorker } from "./worker.mjs";

const folder = join(root, "tests/tables");
const read = (name) => readFileSync(join(folder, name), "utf8");

let worker;
let kv;
before(async () => {
  worker = await startWorker();
  kv = (await worker.env()).CONNECTORS;
});
after(() => worker.close());

/** The value with every date that is no older than `since` replaced by `<now>`. */
function mark(value, since) {
  if (typeof value === "string" && /^\d{4}-.*Z$/.test(value) && Date.parse(value) >= since) return "<now>";
  if (Array.isArray(value)) return value.map((item) => mark(item, since));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, mark(item, since)]));
}

/** `[type, reason]` of an error and its causes; or the sentence that it is. */
function chain({ error }) {
  if (typeof error === "string") return error;
  const [root] = error.root_cause;
  const found = [];
  for (let cause = error; cause; cause = cause.caused_by) found.push([cause.type, cause.reason]);
  assert.ok(found.some(([type, reason]) => type === root.type && reason === root.reason));
  return found;
}

const changed = (document, changes = {}) =>
  Object.fromEntries(
    Object.entries({ ...document, ...changes }).filter(([, value]) => value !== "<absent>"),
  );

async function run(id, table, item) {
  const [method, path] = (item.request ?? table.request).split(" ");
  const body = item.text ?? (item.body === undefined ? undefined : JSON.stringify(item.body));
  const document = JSON.parse(read("document.json"));
  const initial = item.before === null ? null : changed(document, item.before);
  // Documents come in as imported ones do.
  if (initial) await kv.put(`c:${id}`, JSON.stringify(initial));

  const once = async (what) => {
    const since = Date.now();
    const response = await send(worker.url, method, path, body);
    const found = await send(worker.url, "GET", `/_connector/${id}?include_deleted=true`);
    const expected = initial && changed(initial, item.after);
    assert.deepEqual(
      found.status === 404 ? null : mark(found.body, since),
      expected && { id, ...expected },
      `the document, ${what}`,
    );
    return response;
  };
  const first = await once("the first time");
  assert.equal(first.status, item.status ?? 200, JSON.stringify(first.body));
  if (first.status !== 200) {
    assert.deepEqual(chain(first.body), item.error);
    return;
  }
  assert.deepEqual(first.body, item.answer ?? { result: "updated" });
  // Another millisecond, so that what is of now is of another now.
  await new Promise((resolve) => setTimeout(resolve, 2));
  const second = await once("the second time");
  assert.equal(second.status === 200 ? second.body.result : second.status, item.again ?? "noop");
}

for (const file of globSync("*.json", { cwd: folder }).sort()) {
  if (file === "document.json") continue;
  const name = basename(file, ".json");
  test(name, async () => {
    const { cases } = JSON.parse(read(file));
    // Each case has a connector of its own, so they need not wait for each other.
    const runs = cases.map(async ({ name: what }, number) => {
      const id = `${name}-${number}`;
      const table = JSON.parse(read(file).replaceAll("{id}", id));
      await run(id, table, table.cases[number]).catch((error) => {
        error.message = `${what}: ${error.message}`;
        throw error;
      });
    });
    await Promise.all(runs);
  });
}
