// `npm run rebuild-directory`: makes every connector report its state to the Directory again.

import { address, command, FAILED } from "./command.mjs";
import { ask, askOrFail, ids, inOrder, progress, reason } from "./service.mjs";

const usage = `
Usage: npm run rebuild-directory -- --url https://connectors.example

  --url   the service's address. Requests use the key in CONNECTOR_STATUS_API_KEY

Covers every id in the Directory and in Workers KV. The service keeps working.`;

await command({ name: "rebuild-directory", usage, options: { url: { type: "string" } }, needed: ["url"] }, async ({ url }) => {
  address(url);
  const { skipped } = await askOrFail(url, "POST", "/_connector/_import");
  for (const { id, reason } of skipped) console.error(`NOT IMPORTED from Workers KV: [${id}]: ${reason}`);
  const showProgress = progress("connectors reindexed");
  let [count, failed] = [0, skipped.length];
  const reindex = async (id) => [id, await ask(url, "POST", `/_connector/${encodeURIComponent(id)}/_reindex`)];
  for await (const [id, { status, text }] of inOrder(ids(url), reindex)) {
    if (status !== 200) {
      failed += 1;
      console.error(`FAILED: [${id}]: ${reason(text)}`);
    } else showProgress((count += 1));
  }
  showProgress(count, true);
  console.log(`${count} connectors reindexed, ${failed} failed`);
  return failed > 0 ? FAILED : undefined;
});
