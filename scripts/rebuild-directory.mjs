// `npm run rebuild-directory`: makes every connector report its state to the Directory again.

import { address, command, FAILED } from "./command.mjs";
import { ask, ids, inOrder, insist, progress, reason } from "./service.mjs";

const usage = `
Usage: npm run rebuild-directory -- --url https://connectors.example

  --url   where the service answers; asked with the key in CONNECTOR_STATUS_API_KEY

It goes by the ids that the Directory knows and those that Workers KV has; connectors go on working meanwhile.`;

await command({ name: "rebuild-directory", usage, options: { url: { type: "string" } }, needed: ["url"] }, async ({ url }) => {
  address(url);
  const { skipped } = await insist(url, "POST", "/_connector/_import");
  for (const { id, reason } of skipped) console.error(`NOT TAKEN UP from Workers KV: [${id}]: ${reason}`);
  const tell = progress("connectors told anew");
  let [count, failed] = [0, skipped.length];
  const reindex = async (id) => [id, await ask(url, "POST", `/_connector/${encodeURIComponent(id)}/_reindex`)];
  for await (const [id, { status, text }] of inOrder(ids(url), reindex)) {
    if (status !== 200) {
      failed += 1;
      console.error(`FAILED: [${id}]: ${reason(text)}`);
    } else tell((count += 1));
  }
  tell(count, true);
  console.log(`${count} connectors told anew, ${failed} failed`);
  return failed > 0 ? FAILED : undefined;
});
