// `npm run import -- export.json`: connectors from an export of Elasticsearch's index of connectors.
//
// They go into Workers KV, where the Directory takes them up; each is adopted by its own object at the first touch.
// What is there already is left alone.

import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";

import { environment, root } from "./tools.mjs";

const USAGE = `Usage: npm run import -- export.json [--remote] [--url http://127.0.0.1:8787]

  export.json    what GET .elastic-connectors/_search?size=10000 answers, or its hits, a line of JSON each
  --remote       into the deployed Worker's Workers KV instead of this machine's
  --url          where the service answers; it is asked to take up what was put there
  --persist-to   where this machine's Workers KV is kept, if not under .wrangler/

The service is asked with the key in CONNECTOR_STATUS_API_KEY, if there is one.`;

const STATUSES = ["created", "needs_configuration", "configured", "connected", "error"];
const PREFIX = "c:";
const ID_LIMIT = 500;
const DOCUMENT_LIMIT = 1 << 20;
const BATCH = 500;

const wrangler = async (...args) => {
  const { stdout } = await promisify(execFile)("wrangler", args, { cwd: root, env: environment, maxBuffer: 1 << 30 });
  return stdout;
};

function fail(text) {
  console.error(text);
  process.exit(2);
}

function readOptions() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        remote: { type: "boolean", default: false },
        url: { type: "string" },
        "persist-to": { type: "string" },
      },
    });
    if (positionals.length !== 1) fail(USAGE);
    if (values.remote && !values.url) fail("With --remote the service's address is needed: --url https://...");
    const where = values.remote
      ? ["--remote"]
      : ["--local", ...(values["persist-to"] ? ["--persist-to", values["persist-to"]] : [])];
    return { file: positionals[0], where: ["--binding", "CONNECTORS", ...where], url: values.url ?? "http://127.0.0.1:8787" };
  } catch (error) {
    return fail(`${error.message}\n\n${USAGE}`);
  }
}

/** The hits of an export: `[{ _id, _source }]`. */
function readExport(file) {
  const text = readFileSync(file, "utf8");
  try {
    const { hits } = JSON.parse(text);
    if (Array.isArray(hits?.hits)) return hits.hits;
  } catch {
    // Lines, then.
  }
  try {
    return text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  } catch (error) {
    return fail(`${file} is neither the answer to a search nor a hit a line: ${error.message}`);
  }
}

/** Why a hit cannot be taken; nothing if it can. */
function problem({ _id: id, _source: source } = {}) {
  if (typeof id !== "string" || id === "") return "it has no _id";
  if (Buffer.byteLength(id) > ID_LIMIT) return `its id is longer than ${ID_LIMIT} bytes`;
  if (source === null || typeof source !== "object") return "it has no _source";
  if (!STATUSES.includes(String(source.status).toLowerCase())) return `its status is [${source.status}]: it is no connector`;
  const size = Buffer.byteLength(JSON.stringify(source));
  if (size > DOCUMENT_LIMIT) return `it has ${size} bytes, more than ${DOCUMENT_LIMIT}`;
  return undefined;
}

async function put(connectors, where) {
  const folder = mkdtempSync(join(tmpdir(), "import-"));
  try {
    for (let n = 0; n < connectors.length; n += BATCH) {
      const batch = connectors.slice(n, n + BATCH);
      const file = join(folder, "batch.json");
      writeFileSync(file, JSON.stringify(batch.map(({ _id, _source }) => ({ key: PREFIX + _id, value: JSON.stringify(_source) }))));
      await wrangler("kv", "bulk", "put", file, ...where);
      console.log(`put into Workers KV: ${n + batch.length} of ${connectors.length}`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Has the Directory take up what is in Workers KV; nothing if nobody answers. */
async function takeUp(url) {
  const key = process.env.CONNECTOR_STATUS_API_KEY;
  const headers = key ? { authorization: `ApiKey ${key}` } : {};
  const response = await fetch(new URL("/_connector/_import", url), { method: "POST", headers }).catch(() => undefined);
  if (response === undefined) return undefined;
  const body = await response.json().catch(() => ({}));
  if (!response.ok) fail(`${url} answers ${response.status}: ${body.error?.reason ?? body.error ?? "no reason"}`);
  return body;
}

const { file, where, url } = readOptions();
const hits = readExport(file);
const skipped = [];
const connectors = new Map();
for (const hit of hits) {
  const why = problem(hit) ?? (connectors.has(hit._id) ? "it is in the export twice" : undefined);
  if (why) skipped.push({ id: hit?._id ?? "?", reason: why });
  else connectors.set(hit._id, hit);
}
console.log(`${file}: ${hits.length} connectors`);
const known = new Set(JSON.parse(await wrangler("kv", "key", "list", ...where, "--prefix", PREFIX)).map(({ name }) => name));
for (const id of [...connectors.keys()]) {
  if (!known.has(PREFIX + id)) continue;
  connectors.delete(id);
  skipped.push({ id, reason: "there is a connector of that id already" });
}
await put([...connectors.values()], where);
const result = await takeUp(url);
skipped.push(...(result?.skipped.filter(({ id }) => connectors.has(id)) ?? []));
for (const { id, reason } of skipped) console.log(`skipped: ${id}: ${reason}`);
if (result === undefined) {
  console.log(`${connectors.size} put into Workers KV, ${skipped.length} skipped. Nothing answers at ${url}: they are taken up when the service lists its connectors for the first time, or by the same command once it runs.`);
} else {
  const refused = result.skipped.filter(({ id }) => connectors.has(id)).length;
  console.log(`${connectors.size - refused} taken, ${skipped.length} skipped. Next: ${new URL("/_connector", url)}`);
}
