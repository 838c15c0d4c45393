// `npm run restore`: what `npm run backup` has saved, back into the service.

import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";

import { ask, fail, inOrder, progress, readOptions, reason } from "./service.mjs";

const USAGE = `Usage: npm run restore -- backup.ndjson --url https://connectors.example [--overwrite]

  --url         where the service answers; asked with the key in CONNECTOR_STATUS_API_KEY
  --overwrite   connectors that are there are replaced by those of the backup, with their history and sync jobs;
                without it, they are left alone

The same command goes on where it was interrupted: what is back already is recognised.`;

/** The lines of a file, those of one connector together. */
async function* connectors(file) {
  let lines = [];
  let id;
  let isComplete = false;
  let number = 0;
  const input = createReadStream(file).on("error", (error) => fail(`${file} cannot be read: ${error.message}`));
  for await (const line of createInterface({ input, crlfDelay: Infinity })) {
    number += 1;
    if (line === "") continue;
    let found;
    try {
      found = JSON.parse(line);
    } catch {
      fail(`${file}, line ${number}, is no JSON: the backup was interrupted. npm run backup -- --to ${file} goes on with it.`);
    }
    isComplete = found.complete !== undefined;
    if (isComplete) continue;
    if (found.format !== 1 || typeof found.id !== "string") fail(`${file}, line ${number}, is not of a backup`);
    if (found.id !== id && lines.length > 0) {
      yield { id, lines };
      lines = [];
    }
    id = found.id;
    lines.push(line);
  }
  if (lines.length > 0) yield { id, lines };
  if (!isComplete) console.error(`${file} has no last line that says it is complete: the backup was interrupted. npm run backup -- --to ${file} goes on with it.`);
}

async function restore({ id, lines }) {
  let result;
  for (const [n, line] of lines.entries()) {
    const query = overwrite && n === 0 ? "?overwrite=true" : "";
    const { status, text } = await ask(url, "PUT", `/_connector/${encodeURIComponent(id)}/_backup${query}`, line);
    if (status === 409) return { id, result: "there" };
    if (status !== 200) return { id, result: "failed", why: reason(text) };
    result ??= JSON.parse(text).result;
  }
  return { id, result };
}

const options = { url: { type: "string" }, overwrite: { type: "boolean", default: false } };
const { url, overwrite, names: [file] } = readOptions(USAGE, options, { names: 1 });
const tell = progress("connectors looked at");
const counts = { created: 0, updated: 0, noop: 0, there: 0, failed: 0 };
let count = 0;
for await (const { id, result, why } of inOrder(connectors(file), restore)) {
  counts[result] += 1;
  if (result === "there") console.error(`left alone: [${id}]: there is one already`);
  if (result === "failed") console.error(`FAILED: [${id}]: ${why}`);
  tell((count += 1));
}
tell(count, true);
const { created, updated, noop, there, failed } = counts;
console.log(`${created} restored, ${updated} overwritten, ${noop} were restored before, ${there} left alone, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
