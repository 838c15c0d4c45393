// `npm run export`: writes connectors and sync jobs back into Elasticsearch's two indices.

import { closeSync, existsSync, fsyncSync, openSync, renameSync, writeSync } from "node:fs";

import { assertNew } from "./backup-file.mjs";
import { address, command, fail, UNREACHABLE } from "./command.mjs";

const usage = `
Usage: npm run export -- --from https://connectors.example --to https://cluster.example:9200

  --from   this service's address. Requests use the key in CONNECTOR_STATUS_API_KEY
  --to     the cluster's address. Requests use the key in ELASTICSEARCH_API_KEY. Or a new file, such as
           export.ndjson, for the bodies of _bulk requests

Documents with the same id are replaced in the cluster. Nothing is changed or deleted in this service.`;

const INDICES = [".elastic-connectors", ".elastic-connectors-sync-jobs"];
const PAGE = 500;

async function ask(url, key, body, type) {
  const headers = { "content-type": type, ...(key ? { authorization: `ApiKey ${key}` } : {}) };
  const response = await fetch(url, { method: "POST", headers, body }).catch((error) =>
    fail(`${url} cannot be reached: ${error.cause?.message || error.message}`, UNREACHABLE),
  );
  const text = await response.text();
  if (!response.ok) fail(`${url} answers ${response.status}: ${text.slice(0, 500)}`);
  try {
    return JSON.parse(text, exact);
  } catch {
    return fail(`${url} does not answer with JSON`);
  }
}

/** Keeps the digits of numbers. */
const exact = (_, value, context) => (typeof value === "number" && context ? /** @type {any} */ (JSON).rawJSON(context.source) : value);
const number = (value) => Number(value?.rawJSON ?? value);

const here = (from, path, body) => ask(new URL(path, from), process.env.CONNECTOR_STATUS_API_KEY, JSON.stringify(body), "application/json");
const countOf = async (from, index) => number((await here(from, `/${index}/_count`, { query: { match_all: {} } })).count);

/** The documents of an index as text, page by page, each page starting after the last id of the one before. */
async function* pages(from, index) {
  for (let last = ""; ; ) {
    const query = last === "" ? { match_all: {} } : { range: { _id: { gt: last } } };
    const found = await here(from, `/${index}/_search`, { query, size: PAGE, sort: "_id" });
    const { hits } = found.hits ?? fail(`${from} answers a search without hits`);
    if (hits.length === 0) return;
    yield hits;
    last = hits.at(-1)._id;
  }
}

/** Sends a page to the cluster, which must accept all of it. */
async function send(to, index, hits, body) {
  const { items = [] } = await ask(new URL("/_bulk", to), process.env.ELASTICSEARCH_API_KEY, body, "application/x-ndjson");
  const failed = items.map((item) => item.index).filter((item) => item?.error);
  if (failed.length > 0) fail(`${index}: ${failed.length} of ${hits.length} rejected, the first [${failed[0]._id}]: ${JSON.stringify(failed[0].error)}`);
  if (items.length !== hits.length) fail(`${index}: ${to} answers for ${items.length} of ${hits.length} documents`);
}

const options = { from: { type: "string" }, to: { type: "string" } };
await command({ name: "export", usage, options, needed: ["from", "to"] }, async ({ from, to }) => {
  address(from);
  const isFile = !/^https?:/.test(to);
  const part = `${to}.partial`;
  if (isFile) assertNew(to);
  else address(to);
  const out = isFile ? openSync(part, "w", 0o600) : undefined;
  const results = [];
  for (const index of INDICES) {
    const before = await countOf(from, index);
    let count = 0;
    for await (const hits of pages(from, index)) {
      const lines = hits.flatMap(({ _id, _source }) => [JSON.stringify({ index: { _index: index, _id } }), JSON.stringify(_source)]);
      const body = `${lines.join("\n")}\n`;
      if (!isFile) await send(to, index, hits, body);
      else for (let bytes = Buffer.from(body); bytes.length > 0; ) bytes = bytes.subarray(writeSync(out, bytes));
      count += hits.length;
    }
    const least = Math.min(before, await countOf(from, index));
    if (count < least) fail(`${index}: ${count} of ${least} documents were found`);
    results.push(`${index}: ${count} documents`);
  }
  if (isFile) {
    fsyncSync(out);
    closeSync(out);
    if (existsSync(to)) fail(`${to} was created in the meantime. The export is in ${part}`);
    renameSync(part, to);
  }
  console.log(results.join("\n"));
});
