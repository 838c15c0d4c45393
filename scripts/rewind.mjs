// `npm run rewind`: resets one connector to its state at a moment in the last 30 days.

import { setTimeout as sleep } from "node:timers/promises";

import { assertNew, finish, header, openBackup } from "./backup-file.mjs";
import { address, command, fail } from "./command.mjs";
import { askOrFail, identify, saved } from "./service.mjs";

const usage = `
Usage: npm run rewind -- my-connector --to 2026-11-25T08:30:00Z --url https://connectors.example --keep before.ndjson

  --to     a time in the last 30 days
  --keep   a new file for the connector's current state. To undo the rewind, restore it with --overwrite
  --url    the deployed service's address. Requests use the key in CONNECTOR_STATUS_API_KEY

Nothing else should write to the connector while this runs.`;

/** After this time the object has restarted. */
const RESTART_MS = 2_000;

const options = { to: { type: "string" }, url: { type: "string" }, keep: { type: "string" } };
await command({ name: "rewind", usage, options, needed: ["to", "url", "keep"], names: 1 }, async ({ to, url, keep, names: [id] }) => {
  address(url);
  assertNew(keep);
  const { service, seq: since } = await identify(url);
  /** The backup lines of the connector in its current state. */
  const save = async () => {
    const { lines, problem } = await saved(url, id);
    return lines ?? fail(`[${id}] cannot be saved: ${problem}`);
  };
  const change = (method, action, body) => askOrFail(url, method, `/_connector/${encodeURIComponent(id)}/${action}`, body);

  const before = await save();
  const out = await openBackup(`${keep}.partial`);
  out.header(header({ url, service, since }));
  out.write(id, before);
  out.end({ complete_until: new Date().toISOString() });
  await finish(`${keep}.partial`, keep);
  const { version } = JSON.parse(before[0]);
  await change("POST", `_rewind?to=${encodeURIComponent(to)}`);
  await sleep(RESTART_MS);
  // Restores the state over itself with a version higher than any before, so that no entity tag is reused and all
  // copies are updated.
  const [first, ...jobs] = await save();
  const then = JSON.parse(first);
  if (then.history[0] && Date.parse(then.history[0].at) > Date.parse(to)) {
    fail(`[${id}] was not reset to ${to}: its newest change is from ${then.history[0].at}. Its previous state is in ${keep}.`);
  }
  await change("PUT", "_backup?overwrite=true", first.replace(`"version":${then.version},`, `"version":${Math.max(version, then.version)},`));
  for (const line of jobs) await change("PUT", "_backup", line);
  console.log(`[${id}] is as it was at ${to}: ${then.document?.status ?? "erased"}. Its previous state is in ${keep}.`);
});
