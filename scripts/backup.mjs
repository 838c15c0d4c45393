// `npm run backup`: saves everything the service holds in a file that records whether it is complete.

import { existsSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { assertNew, finish, header, inspect, openBackup, positionOf } from "./backup-file.mjs";
import { address, command, fail, FAILED, USAGE } from "./command.mjs";
import { askOrFail, identify, ids, inOrder, progress, saved } from "./service.mjs";

const usage = `
Usage: npm run backup -- --url https://connectors.example --to backup.ndjson
       npm run backup -- --verify backup.ndjson

  --url     the service's address. Requests use the key in CONNECTOR_STATUS_API_KEY
  --to      a new file. It is written as backup.ndjson.partial and renamed at the end. Run the same command again to
            resume an interrupted backup. Without --to, the backup is printed:
            npm run --silent backup -- --url https://connectors.example > backup.ndjson
  --verify  checks whether a file is complete

A backup includes deleted and erased connectors. The service records when it was backed up into a file, and by whom.
To restore a backup, use npm run restore.`;

/** The Directory lags by at most a second. */
const DIRECTORY_LAG_MS = 1_500;

/** The state of an interrupted backup, if there is one. It must be of the same service. */
async function interrupted(part, url, service) {
  if (!existsSync(part) || (statSync(part).isFile() && statSync(part).size === 0)) return undefined;
  const found = await inspect(part);
  if (!found.header) return undefined;
  if (found.header.service !== service) {
    fail(`${part} is a backup of another service (${found.header.url}), not of ${url}. Choose another name for --to, or move the file.`);
  }
  return found;
}

async function backUp({ url, to }) {
  if (to) assertNew(to);
  const { service, seq } = await identify(url);
  const part = to && `${to}.partial`;
  const before = part && (await interrupted(part, url, service));
  if (before?.end && before.problems.length === 0) {
    await finish(part, to);
    console.error(`connectors saved: ${before.connectors.size}`);
    return (await done(url, to, before.unreadable, before.connectors.size, before.end.complete_until)) ?? report(before.unreadable);
  }
  const { known, cursor } = before ? positionOf(before) : { known: [], cursor: "" };
  const out = await openBackup(part, { intact: before?.intact, known });
  const since = before?.header.since ?? seq;
  if (before) console.error(`${part} has ${known.length} connectors already: resuming`);
  else out.header(header({ url, service, since }));

  let complete_until;
  const showProgress = progress("connectors saved");
  const unreadable = new Map(before?.unreadable);
  const save = async (some) => {
    for await (const { id, lines, problem } of inOrder(some, (id) => saved(url, id))) {
      if (problem) {
        unreadable.set(id, problem);
        out.unreadable(id, problem);
      } else {
        unreadable.delete(id);
        out.write(id, lines);
      }
      showProgress(out.count());
    }
  };
  try {
    await save(ids(url, { after: cursor }));
    complete_until = new Date().toISOString();
    // Read again what was changed or created while the backup ran.
    await sleep(DIRECTORY_LAG_MS);
    await save(ids(url, { changedSince: since }));
    out.end({ complete_until });
  } catch (error) {
    if (part) error.message += `\n${part} is incomplete. Run the same command again to resume.`;
    throw error;
  }
  if (part) await finish(part, to);
  showProgress(out.count(), true);
  return (await done(url, to, unreadable, out.count(), complete_until)) ?? report(unreadable);
}

/** Reports a complete backup to the service. Only a file counts: printed output may not have been saved. */
async function done(url, to, unreadable, connectors, complete_until) {
  if (!to || unreadable.size > 0) return undefined;
  try {
    await askOrFail(url, "POST", `/_connector/_backup?${new URLSearchParams({ connectors, complete_until })}`);
    return undefined;
  } catch (error) {
    console.error(`${to} is complete, but the service does not know: ${error.message}`);
    return FAILED;
  }
}

function report(unreadable) {
  for (const [id, problem] of unreadable) console.error(`NOT SAVED: [${id}]: ${problem}`);
  return unreadable.size > 0 ? FAILED : undefined;
}

async function verify(file) {
  const { header, end, connectors, unreadable, problems } = await inspect(file);
  if (problems.length > 0) fail(problems.map((problem) => `${file}: ${problem}`).join("\n"));
  const { url, service, version, started_at } = header;
  console.log(`${file}: complete, ${connectors.size} connectors of ${url} (service ${service}, version ${version})`);
  console.log(`It has every change made before ${end.complete_until}. It was started at ${started_at}.`);
  return report(unreadable);
}

const options = { url: { type: "string" }, to: { type: "string" }, verify: { type: "string" } };
await command({ name: "backup", usage, options }, ({ url, to, verify: file }) => {
  if (file !== undefined) return url || to ? fail("--verify can't be combined with other options", USAGE) : verify(file);
  return url ? backUp({ url: address(url), to }) : fail("--url is missing", USAGE);
});
