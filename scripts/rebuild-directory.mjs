// `npm run rebuild-directory`: the Directory hears of every connector anew, from the connectors themselves.

import { ask, ids, inOrder, insist, progress, readOptions, reason } from "./service.mjs";

const USAGE = `Usage: npm run rebuild-directory -- --url https://connectors.example

  --url   where the service answers; asked with the key in CONNECTOR_STATUS_API_KEY

It goes by the ids that the Directory knows and those that Workers KV has; connectors go on working meanwhile.`;

const { url } = readOptions(USAGE, { url: { type: "string" } });
await insist(url, "POST", "/_connector/_import");
const tell = progress("connectors told anew");
let [count, failed] = [0, 0];
const reindex = async (id) => [id, await ask(url, "POST", `/_connector/${encodeURIComponent(id)}/_reindex`)];
for await (const [id, { status, text }] of inOrder(ids(url), reindex)) {
  if (status !== 200) {
    failed += 1;
    console.error(`FAILED: [${id}]: ${reason(text)}`);
  } else tell((count += 1));
}
tell(count, true);
console.log(`${count} connectors told anew, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
