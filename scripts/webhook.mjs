// `npm run webhook -- test`: has the service send every webhook a message, and says what came of it.
// `npm run webhook -- secret`: makes a secret to sign with.

import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";

const USAGE = `Usage: npm run webhook -- test [--url http://127.0.0.1:8787]
       npm run webhook -- test --remote --url https://your.worker
       npm run --silent webhook -- secret

  test      sends every webhook that is configured a real event and a summary, and shows them and the answers
  secret    makes a secret to sign with, for WEBHOOK_SECRET
  --url     where the service answers
  --remote  the deployed Worker: its address is needed then

The service is asked with the key in CONNECTOR_STATUS_API_KEY, if there is one. It has to be one that may manage all
connectors.`;

function fail(text, status = 2) {
  console.error(text);
  process.exit(status);
}

function readOptions() {
  try {
    const options = { url: { type: "string" }, remote: { type: "boolean", default: false } };
    const { values, positionals: [command, ...rest] } = parseArgs({ allowPositionals: true, options });
    if (!["test", "secret"].includes(command) || rest.length > 0) fail(USAGE);
    if (values.remote && !values.url) fail("With --remote the service's address is needed: --url https://...");
    return { command, url: values.url ?? "http://127.0.0.1:8787" };
  } catch (error) {
    return fail(`${error.message}\n\n${USAGE}`);
  }
}

async function test(url) {
  const key = process.env.CONNECTOR_STATUS_API_KEY;
  const headers = key ? { authorization: `ApiKey ${key}` } : {};
  const response = await fetch(new URL("/_connector/_webhook/_test", url), { method: "POST", headers }).catch(
    ({ cause, message }) => fail(`Nothing answers at ${url}: ${cause?.code ?? message}. Is the service running there?`, 1),
  );
  const body = await response.json().catch(() => ({}));
  if (!response.ok) {
    const hint = response.status === 401 || response.status === 403 ? " Put a key that may manage all connectors into CONNECTOR_STATUS_API_KEY." : "";
    fail(`${url} answers ${response.status}: ${body.error?.reason ?? body.error ?? "no reason"}.${hint}`, 1);
  }
  const { targets, problems } = body;
  for (const { target, host, type, delivered, status, took_ms, error, sent } of targets) {
    const answer = delivered ? `delivered: answered ${status}` : `not delivered: ${error}`;
    console.log(`${target} (${host}): ${type} ${answer}, ${took_ms} ms\n  ${JSON.stringify(sent)}`);
  }
  for (const problem of problems) console.log(`wrong: ${problem}`);
  if (targets.length === 0 && problems.length === 0) {
    console.log("No webhook is configured: set WEBHOOK_URL and WEBHOOK_SECRET, see docs/webhooks.md.");
  }
  const isWell = targets.length > 0 && problems.length === 0 && targets.every(({ delivered }) => delivered);
  process.exitCode = isWell ? 0 : 1;
}

const { command, url } = readOptions();
if (command === "secret") console.log(`whsec_${randomBytes(32).toString("base64")}`);
else await test(url);
