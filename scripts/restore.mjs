// `npm run restore`: restores a file of `npm run backup` into the service.

import { createInterface } from "node:readline/promises";

import { changedAt, fingerprint, inspect, statesOf } from "./backup-file.mjs";
import { address, command, fail, FAILED, USAGE } from "./command.mjs";
import { ask, identify, ids, inOrder, progress, reason, saved } from "./service.mjs";

const usage = `
Usage: npm run restore -- backup.ndjson --url https://connectors.example [--overwrite] [--keep-newer] [--only ID] [--partial]

  --url         the service's address. Requests use the key in CONNECTOR_STATUS_API_KEY
  --overwrite   replaces existing connectors, with their history and sync jobs. Shows which ones first, and asks for
                confirmation. Without it, existing connectors are skipped
  --yes         doesn't ask for confirmation
  --keep-newer  skips connectors that have changed since the backup
  --only ID     restores only this connector; can be repeated
  --partial     restores the undamaged part of a damaged file, and reports what is missing

The whole file is checked before anything is written. Run the same command again to resume an interrupted restoration.`;

/** The maximum number of unchanged connectors to list by name. */
const NAMES = 20;
/** The number of attempts to replace a connector that gets heartbeats meanwhile. */
const TRIES = 5;

const options = {
  url: { type: "string" },
  overwrite: { type: "boolean", default: false },
  yes: { type: "boolean", default: false },
  "keep-newer": { type: "boolean", default: false },
  only: { type: "string", multiple: true },
  partial: { type: "boolean", default: false },
};

/** The connectors of a file that are to be restored, by id. */
async function readBackup(file, { partial, only }) {
  const { header, end, connectors, unreadable, problems } = await inspect(file);
  const lines = problems.map((problem) => `${file}: ${problem}`);
  if (problems.length > 0 && (!partial || !header)) fail([...lines, "Nothing was restored. --partial restores the undamaged part."].join("\n"));
  for (const line of lines) console.error(line);
  if (end) console.error(`${file}: ${connectors.size} connectors of ${header.url}, with every change made before ${end.complete_until}`);
  else console.error(`${file}: ${connectors.size} connectors of ${header.url}, started at ${header.started_at}; all others are MISSING`);
  for (const id of unreadable.keys()) console.error(`NOT IN THE BACKUP: [${id}]`);
  if (!only) return connectors;
  for (const id of only) if (!connectors.has(id)) fail(`${file} has no connector [${id}]. Nothing was restored.`);
  return new Map([...connectors].filter(([id]) => only.includes(id)));
}

/** The current state of a connector: its version, the version of its last change, and its fingerprint. */
async function look(url, id) {
  const { lines, problem } = await saved(url, id);
  if (problem) return fail(`[${id}] cannot be read: ${problem}. Nothing was restored.`);
  const found = JSON.parse(lines[0]);
  return { version: found.version, changed: changedAt(found), newest: found.history[0], is: fingerprint(lines) };
}

/** The current state of those connectors of the backup that exist. */
async function lookAtThose(url, file, connectors) {
  const there = new Set();
  for await (const id of ids(url)) if (connectors.has(id)) there.add(id);
  const wanted = new Map();
  for await (const { id, lines } of statesOf(file, connectors)) if (there.has(id)) wanted.set(id, fingerprint(lines));
  const found = new Map();
  for await (const [id, now] of inOrder(there, async (id) => [id, await look(url, id)])) {
    const { changed } = connectors.get(id);
    found.set(id, { ...now, isSame: now.is === wanted.get(id), isNewer: now.changed > changed });
  }
  return found;
}

/** Lists what would be replaced and asks for confirmation. */
async function confirm(found, connectors, { yes, keepNewer }) {
  const replaced = [...found].filter(([, { isSame, isNewer }]) => !isSame && !(keepNewer && isNewer));
  if (replaced.length === 0) return;
  const newer = replaced.filter(([, { isNewer }]) => isNewer);
  const older = replaced.filter(([, { isNewer }]) => !isNewer).map(([id]) => `[${id}]`);
  console.error(`${replaced.length} existing connectors would be replaced.`);
  for (const [id, { changed, newest }] of newer) {
    const last = newest ? `; status ${newest.to} since ${newest.at}${newest.by ? `, by ${newest.by}` : ""}` : "";
    console.error(`CHANGED SINCE THE BACKUP: [${id}]: version ${changed} there, ${connectors.get(id).changed} in the backup${last}`);
  }
  if (older.length > 0) console.error(`not changed since: ${older.slice(0, NAMES).join(", ")}${older.length > NAMES ? `, and ${older.length - NAMES} more` : ""}`);
  if (yes) return;
  if (!process.stdin.isTTY) fail("There is no terminal to confirm on. Use --yes to replace them. Nothing was restored.", USAGE);
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await prompt.question(`Replace ${replaced.length} connectors? Type yes: `);
  prompt.close();
  if (answer.trim() !== "yes") fail("Nothing was restored.");
}

/** Sends the lines of one connector. `version`: replace the connector only if it is at that version. */
async function send(url, { id, lines }, version) {
  let result;
  for (const [n, line] of lines.entries()) {
    const isFirst = n === 0 && version !== undefined;
    const path = `/_connector/${encodeURIComponent(id)}/_backup${isFirst ? "?overwrite=true" : ""}`;
    const { status, text } = await ask(url, "PUT", path, line, isFirst ? { "if-match": `"${version}"` } : {});
    if (status === 409 || status === 412) return { id, result: status === 409 ? "there" : "overtaken" };
    if (status !== 200) return { id, result: "failed", why: reason(text) };
    result ??= JSON.parse(text).result;
  }
  return { id, result };
}

/** Replaces a connector with its backup, unless it was changed after `seen`. */
async function replace(url, state, seen) {
  for (let n = 0, { version } = seen; n < TRIES; n += 1) {
    const sent = await send(url, state, version);
    if (sent.result !== "overtaken") return sent;
    const now = await look(url, state.id);
    if (now.changed !== seen.changed) break;
    ({ version } = now);
  }
  return { id: state.id, result: "failed", why: "it was changed during the restoration, so it was skipped" };
}

await command({ name: "restore", usage, options, needed: ["url"], names: 1 }, async ({ url, overwrite, yes, "keep-newer": keepNewer, only, partial, names: [file] }) => {
  address(url);
  if (keepNewer && !overwrite) fail("--keep-newer needs --overwrite", USAGE);
  const connectors = await readBackup(file, { partial, only });
  await identify(url);
  const found = overwrite ? await lookAtThose(url, file, connectors) : new Map();
  if (overwrite) await confirm(found, connectors, { yes, keepNewer });

  const restore = async (state) => {
    const now = found.get(state.id);
    if (!now) return send(url, state);
    if (now.isSame) return { id: state.id, result: "noop" };
    if (keepNewer && now.isNewer) return { id: state.id, result: "kept" };
    return replace(url, state, now);
  };
  const showProgress = progress("connectors processed");
  const counts = { created: 0, updated: 0, noop: 0, kept: 0, there: 0, failed: 0 };
  let count = 0;
  for await (const { id, result, why } of inOrder(statesOf(file, connectors), restore)) {
    counts[result] += 1;
    if (result === "there") console.error(`skipped: [${id}]: it exists already`);
    if (result === "kept") console.error(`skipped: [${id}]: it has changed since the backup`);
    if (result === "failed") console.error(`FAILED: [${id}]: ${why}`);
    showProgress((count += 1));
  }
  showProgress(count, true);
  const { created, updated, noop, kept, there, failed } = counts;
  console.log(`${created} restored, ${updated} overwritten, ${noop} already restored, ${kept + there} skipped, ${failed} failed`);
  if (count !== connectors.size) fail(`${file} changed while it was read: ${connectors.size} connectors were expected, ${count} found`);
  return failed + there > 0 ? FAILED : undefined;
});
