// `npm run rewind`: one connector as it was at some moment of the last 30 days.

import { existsSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { fail, insist, readOptions, saved } from "./service.mjs";

const USAGE = `Usage: npm run rewind -- my-connector --to 2026-11-25T08:30:00Z --url https://connectors.example --keep before.ndjson

  --to     when, at most 30 days ago
  --keep   a file for the connector as it is now: npm run restore with --overwrite undoes this with it
  --url    where the deployed service answers; asked with the key in CONNECTOR_STATUS_API_KEY

Nothing else should write to the connector meanwhile.`;

/** By then the object has been started anew. */
const STARTED_MS = 2_000;

const options = { to: { type: "string" }, url: { type: "string" }, keep: { type: "string" } };
const { to, url, keep, names: [id] } = readOptions(USAGE, options, { needed: ["to", "url", "keep"], names: 1 });
if (existsSync(keep)) fail(`${keep} is there already`);

/** The lines of the connector as it is. */
async function save() {
  const lines = await saved(url, id);
  return lines.length > 0 ? lines : fail(`There is no connector [${id}].`);
}

const change = (method, action, body) => insist(url, method, `/_connector/${encodeURIComponent(id)}/${action}`, body);

const before = await save();
writeFileSync(keep, `${[...before, JSON.stringify({ format: 1, complete: 1 })].join("\n")}\n`);
const { version } = JSON.parse(before[0]);
await change("POST", `_rewind?to=${encodeURIComponent(to)}`);
await sleep(STARTED_MS);
// Put back over itself, past every version that there was: no entity tag comes again, and whoever has a copy hears of it.
const [first, ...jobs] = await save();
const then = JSON.parse(first);
await change("PUT", "_backup?overwrite=true", first.replace(`"version":${then.version},`, `"version":${Math.max(version, then.version)},`));
for (const line of jobs) await change("PUT", "_backup", line);
console.log(`[${id}] is as it was at ${to}: ${then.document?.status ?? "erased"}. How it was before is in ${keep}.`);
