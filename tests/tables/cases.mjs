// Reads the tables and runs their cases against any implementation. See README.md in this folder.

import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

const read = (name) => readFileSync(join(import.meta.dirname, name), "utf8");

/** The names of the tables. */
export const tables = globSync("*.json", { cwd: import.meta.dirname })
  .map((file) => basename(file, ".json"))
  .filter((name) => name !== "document")
  .sort();

/** Replaces every date that is no older than `since` with `<now>`. */
function mark(value, since) {
  if (typeof value === "string" && /^\d{4}-.*Z$/.test(value) && Date.parse(value) >= since) return "<now>";
  if (Array.isArray(value)) return value.map((item) => mark(item, since));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, mark(item, since)]));
}

/** `[type, reason]` of an error and its causes; or the sentence, if the error is one. */
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

async function run(id, table, item, start) {
  const [method, path] = (item.request ?? table.request).split(" ");
  const body = item.text ?? (item.body === undefined ? undefined : JSON.stringify(item.body));
  const base = JSON.parse(read("document.json"));
  const initial = item.before === null ? null : changed(base, item.before);
  const ask = await start(id, initial);
  const begun = Date.now();
  const once = async (what) => {
    const since = Date.now();
    const { status, body: answer, document } = await ask(method, path, body, item.headers);
    const result = status < 300 ? answer.result : status;
    const expected = (initial ?? item.after) && { id, ...changed(initial ?? base, item.after) };
    // A refused repetition leaves the document as the first request made it.
    const marked = mark(document, result === "updated" ? since : begun);
    assert.deepEqual(marked, expected ?? null, `the document, ${what}`);
    return { status, answer, result };
  };
  const { status, answer } = await once("the first time");
  assert.equal(status, item.status ?? 200, JSON.stringify(answer));
  if (status >= 300) {
    assert.deepEqual(chain(answer), item.error);
    return;
  }
  assert.deepEqual(answer, item.answer ?? { result: "updated" });
  // Wait until the next millisecond, so that two current times differ.
  await new Promise((resolve) => setTimeout(resolve, 2));
  const second = await once("the second time");
  if (method === "GET") assert.deepEqual(second.answer, answer);
  else assert.equal(second.result, item.again ?? "noop");
}

/**
 * Runs all cases of a table. `start(id, document)` creates a connector and returns a function `(method, path, body,
 * headers) => ({ status, body, document })` that sends a request and returns its response and the document afterwards,
 * with its id; `null` if there is none. `isMeant(item)` selects the cases to run.
 */
export async function runTable(name, start, isMeant = () => true) {
  const text = read(`${name}.json`);
  // Each case has its own connector, so all run at once.
  const runs = JSON.parse(text).cases.map(async (item, number) => {
    if (!isMeant(item)) return;
    const id = `${name}-${number}`;
    const table = JSON.parse(text.replaceAll("{id}", id));
    await run(id, table, table.cases[number], start).catch((error) => {
      error.message = `${item.name}: ${error.message}`;
      throw error;
    });
  });
  await Promise.all(runs);
}
