// `npm run backup`: everything the service holds, a line of JSON for each connector with its history and sync jobs.

import { existsSync, openSync, readFileSync, truncateSync, writeSync } from "node:fs";

import { fail, ids, inOrder, progress, readOptions, saved } from "./service.mjs";

const USAGE = `Usage: npm run backup -- --url https://connectors.example --to backup.ndjson

  --url   where the service answers; asked with the key in CONNECTOR_STATUS_API_KEY
  --to    the file; one that was begun is gone on with. Without it, everything is printed:
          npm run --silent backup -- --url https://connectors.example > backup.ndjson

Connectors that are deleted or erased are in it too. Nothing is changed. npm run restore puts it back.`;

/** How far a file is that was begun: its last whole line says it. What is behind that is cut off. */
function begun(file) {
  if (!file || !existsSync(file)) return { count: 0 };
  const bytes = readFileSync(file);
  const end = bytes.lastIndexOf(0x0a) + 1;
  truncateSync(file, end);
  const lines = bytes.subarray(0, end).toString().split("\n").filter(Boolean);
  const connectors = lines.map((line) => JSON.parse(line));
  const last = connectors.at(-1);
  if (last?.complete !== undefined) fail(`${file} is complete: ${last.complete} connectors. Remove it to start over.`);
  return { count: connectors.filter(({ version }) => version !== undefined).length, last };
}

const { url, to } = readOptions(USAGE, { url: { type: "string" }, to: { type: "string" } });
const { last, count: before } = begun(to);
const out = to ? openSync(to, "a") : process.stdout.fd;
const write = (line) => {
  for (let bytes = Buffer.from(`${line}\n`); bytes.length > 0; ) bytes = bytes.subarray(writeSync(out, bytes));
};
const tell = progress("connectors saved");
let count = before;
if (before > 0) console.error(`${to} has ${before} connectors already; going on behind [${last.id}]`);
if (last?.next !== undefined) (await saved(url, last.id, last.next)).forEach(write);
for await (const lines of inOrder(ids(url, last?.id), (id) => saved(url, id))) {
  if (lines.length === 0) continue;
  lines.forEach(write);
  tell((count += 1));
}
write(JSON.stringify({ format: 1, complete: count }));
tell(count, true);
