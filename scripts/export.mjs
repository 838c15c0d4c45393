// `npm run export`: connectors and sync jobs, back into Elasticsearch's two indices.

import { appendFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

const USAGE = `Usage: npm run export -- --from https://connectors.example --to https://cluster.example:9200

  --from   where this service answers; asked with CONNECTOR_STATUS_API_KEY, as "ApiKey <it>"
  --to     the cluster; asked with ELASTICSEARCH_API_KEY, as "ApiKey <it>"; or the file that the bodies of
           _bulk requests are written to, a line each: export.ndjson

Documents of the same id are replaced there. Nothing is changed or removed here.`;

const INDICES = [".elastic-connectors", ".elastic-connectors-sync-jobs"];
const PAGE = 500;

function fail(text) {
  console.error(text);
  process.exit(1);
}

function readOptions() {
  try {
    const { values } = parseArgs({ options: { from: { type: "string" }, to: { type: "string" } } });
    return values.from && values.to ? values : fail(USAGE);
  } catch (error) {
    return fail(`${error.message}\n\n${USAGE}`);
  }
}

async function ask(url, key, body, type) {
  const headers = { "content-type": type, ...(key ? { authorization: `ApiKey ${key}` } : {}) };
  const response = await fetch(url, { method: "POST", headers, body }).catch((error) =>
    fail(`${url} cannot be reached: ${error.cause?.message ?? error.message}`),
  );
  const text = await response.text();
  return response.ok ? text : fail(`${url} answers ${response.status}: ${text.slice(0, 500)}`);
}

/** The texts of an index's documents, page by page: each behind the last id of the page before. */
async function* pages(from, index) {
  for (let last = ""; ; ) {
    const query = last === "" ? { match_all: {} } : { range: { _id: { gt: last } } };
    const search = JSON.stringify({ query, size: PAGE, sort: "_id" });
    const url = new URL(`/${index}/_search`, from);
    const answer = await ask(url, process.env.CONNECTOR_STATUS_API_KEY, search, "application/json");
    const hits = JSON.parse(answer, exact).hits.hits;
    if (hits.length === 0) return;
    yield hits;
    last = hits.at(-1)._id;
  }
}

/** Numbers keep their digits. */
const exact = (_, value, context) => (typeof value === "number" && context ? JSON.rawJSON(context.source) : value);

const { from, to } = readOptions();
const isFile = !/^https?:/.test(to);
if (isFile) writeFileSync(to, "");
for (const index of INDICES) {
  let count = 0;
  for await (const hits of pages(from, index)) {
    const lines = hits.flatMap(({ _id, _source }) => [JSON.stringify({ index: { _index: index, _id } }), JSON.stringify(_source)]);
    const body = `${lines.join("\n")}\n`;
    if (isFile) appendFileSync(to, body);
    else {
      const answer = JSON.parse(await ask(new URL("/_bulk", to), process.env.ELASTICSEARCH_API_KEY, body, "application/x-ndjson"));
      const failed = answer.items.map((item) => item.index).filter((item) => item?.error);
      if (failed.length > 0) fail(`${failed.length} of ${hits.length} not taken, the first [${failed[0]._id}]: ${JSON.stringify(failed[0].error)}`);
    }
    count += hits.length;
  }
  console.log(`${index}: ${count} documents`);
}
