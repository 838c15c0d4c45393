// `npm run import -- export.json`: imports connectors from an export of Elasticsearch's connector index.
//
// They are written to Workers KV, from where the Directory imports them. Each connector's object adopts its document
// when it is first used. Existing connectors are left unchanged.

import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

import { address, command, fail, FAILED, USAGE } from "./command.mjs";
import { askOrFail, identify, ids } from "./service.mjs";
import { environment, root } from "./tools.mjs";

const usage = `
Usage: npm run import -- export.json [--remote] [--url http://127.0.0.1:8787]

  export.json    the response of GET .elastic-connectors/_search?size=10000, or its hits, one per line
  --remote       imports into the deployed Worker instead of the local service
  --url          the service's address. The service must be running
  --persist-to   the local service's data folder. Default: .wrangler/state

Requests use the key in CONNECTOR_STATUS_API_KEY. It needs manage_connector for all connectors.`;

const STATUSES = ["created", "needs_configuration", "configured", "connected", "error"];
const PREFIX = "c:";
const ID_LIMIT = 500;
const DOCUMENT_LIMIT = 1 << 20;
const BATCH = 500;
/** A deployed Worker sees new keys in Workers KV within a minute. */
const LIMIT_MS = { remote: 90_000, local: 5_000 };

async function wrangler(...args) {
  try {
    const { stdout } = await promisify(execFile)("wrangler", args, { cwd: root, env: environment, maxBuffer: 1 << 30 });
    return stdout;
  } catch ({ message, stdout = "", stderr = "" }) {
    return fail(`wrangler ${args.slice(0, 3).join(" ")} failed:\n${`${stdout}${stderr}`.trim() || message}`);
  }
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The hits of an export, `[{ _id, _source }]`, and their expected number. */
function readExport(file) {
  const text = readFileSync(file, "utf8");
  const answer = parse(text);
  if (Array.isArray(answer?.hits?.hits)) {
    const { hits, total } = answer.hits;
    return { hits, total: total?.value ?? total ?? hits.length, isMore: total?.relation === "gte" };
  }
  if (answer?.error) fail(`${file} contains an error response, not an export: ${answer.error.reason ?? JSON.stringify(answer.error)}`);
  const hits = text.split("\n").filter((line) => line.trim()).map((line, n) => {
    const hit = parse(line);
    if (typeof hit?._id !== "string") fail(`${file} is not an export: line ${n + 1} has no _id`);
    return hit;
  });
  return hits.length > 0 ? { hits, total: hits.length } : fail(`${file} is empty`);
}

/** Why a hit cannot be imported; nothing if it can.
 * @param {{ _id?: string, _source?: any }} [hit] */
function problem({ _id: id, _source: source } = {}) {
  if (typeof id !== "string" || id === "") return "it has no _id";
  if (Buffer.byteLength(id) > ID_LIMIT) return `its id is longer than ${ID_LIMIT} bytes`;
  if (source === null || typeof source !== "object") return "it has no _source";
  if (!STATUSES.includes(String(source.status).toLowerCase())) return `its status is [${source.status}], so it is not a connector`;
  const size = Buffer.byteLength(JSON.stringify(source));
  if (size > DOCUMENT_LIMIT) return `it has ${size} bytes, more than ${DOCUMENT_LIMIT}`;
  return undefined;
}

/** Passes a list to one of wrangler's bulk commands, in batches. */
async function bulk(verb, items, where, said) {
  const folder = mkdtempSync(join(tmpdir(), "import-"));
  try {
    for (let n = 0; n < items.length; n += BATCH) {
      const batch = items.slice(n, n + BATCH);
      const file = join(folder, "batch.json");
      writeFileSync(file, JSON.stringify(batch));
      await wrangler("kv", "bulk", verb, file, ...where, ...(verb === "delete" ? ["--force"] : []));
      said?.(n + batch.length);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * Makes the service import the keys in Workers KV until it has all of the ids. Reports which it refused and which are
 * missing.
 */
async function takeUp(url, wanted, limit) {
  const deadline = Date.now() + limit;
  for (;;) {
    const { skipped } = await askOrFail(url, "POST", "/_connector/_import");
    const refused = new Map(skipped.filter(({ id }) => wanted.has(id)).map(({ id, reason }) => [id, reason]));
    const missing = new Set([...wanted].filter((id) => !refused.has(id)));
    for await (const id of ids(url)) missing.delete(id);
    if (missing.size === 0 || Date.now() > deadline) return { refused, missing: [...missing] };
    await sleep(1_000);
  }
}

const options = { remote: { type: "boolean", default: false }, url: { type: "string" }, "persist-to": { type: "string" } };
await command({ name: "import", usage, options, names: 1 }, async ({ remote, url: given, "persist-to": folder, names: [file] }) => {
  if (remote && !given) fail("--remote needs --url, the deployed service's address", USAGE);
  const url = address(given ?? "http://127.0.0.1:8787");
  const place = remote ? ["--remote"] : ["--local", ...(folder ? ["--persist-to", folder] : [])];
  const where = ["--binding", "CONNECTORS", ...place];
  const { hits, total, isMore } = readExport(file);
  console.log(`${file}: ${hits.length} connectors`);
  await identify(url);
  await askOrFail(url, "POST", "/_connector/_import");
  const known = new Set();
  for await (const id of ids(url)) known.add(id);

  const refused = [];
  const there = [];
  const connectors = new Map();
  for (const hit of hits) {
    const id = hit?._id ?? "?";
    const why = problem(hit) ?? (connectors.has(id) ? "it appears twice in the export" : undefined);
    if (why) refused.push([id, why]);
    else if (known.has(id)) there.push([id, "the connector exists already"]);
    else connectors.set(id, hit._source);
  }
  const entries = [...connectors].map(([id, source]) => ({ key: PREFIX + id, value: JSON.stringify(source) }));
  await bulk("put", entries, where, (n) => console.log(`written to Workers KV: ${n} of ${entries.length}`));
  const taken = connectors.size > 0 ? await takeUp(url, new Set(connectors.keys()), LIMIT_MS[remote ? "remote" : "local"]) : { refused: new Map(), missing: [] };
  refused.push(...taken.refused);
  const left = [...taken.refused.keys(), ...taken.missing];
  await bulk("delete", left.map((id) => PREFIX + id), where);

  for (const [id, reason] of [...there, ...refused]) console.log(`skipped: ${id}: ${reason}`);
  console.log(`${connectors.size - left.length} imported, ${there.length + refused.length} skipped. See ${new URL("/_connector", url)}`);
  if (taken.missing.length > 0) {
    const names = taken.missing.slice(0, 20).map((id) => `[${id}]`).join(", ");
    fail(`${taken.missing.length} documents were written to Workers KV, but the service at ${url} did not import them: ${names}. They were removed again. Does ${url} belong to ${remote ? "this account" : `this folder${folder ? ` (${folder})` : ""}`}?`);
  }
  if (total > hits.length || isMore) fail(`${file} has only ${hits.length} of ${isMore ? "more than " : ""}${total} connectors. Export the others too (one search returns at most 10,000)`);
  return refused.length > 0 ? FAILED : undefined;
});
