// `npm run webhook -- test`: sends a test event to every webhook and prints the results. `npm run webhook -- secret`:
// creates a signing secret.

import { randomBytes } from "node:crypto";

import { address, command, fail, FAILED, UNREACHABLE, USAGE } from "./command.mjs";

const usage = `
Usage: npm run webhook -- test [--url http://127.0.0.1:8787]
       npm run webhook -- test --remote --url https://your.worker
       npm run --silent webhook -- secret

  test      sends an event and a summary to every configured webhook, and shows the messages and the responses
  secret    creates a signing secret, for WEBHOOK_SECRET
  --url     the service's address
  --remote  the deployed Worker; needs --url

Requests use the key in CONNECTOR_STATUS_API_KEY. It needs manage_connector for all connectors.`;

async function test(url) {
  const key = process.env.CONNECTOR_STATUS_API_KEY;
  const headers = key ? { authorization: `ApiKey ${key}` } : {};
  const response = await fetch(new URL("/_connector/_webhook/_test", url), { method: "POST", headers }).catch(
    ({ cause, message }) => fail(`Nothing answers at ${url}: ${cause?.code ?? message}. Is the service running there?`, UNREACHABLE),
  );
  const body = await response.json().catch(() => ({}));
  if (!response.ok) {
    const hint = response.status === 401 || response.status === 403 ? " Set CONNECTOR_STATUS_API_KEY to a key that has manage_connector for all connectors." : "";
    fail(`${url} answers ${response.status}: ${body.error?.reason ?? body.error ?? "no reason"}.${hint}`, response.status >= 500 ? UNREACHABLE : FAILED);
  }
  const { targets, problems } = body;
  for (const { target, host, type, delivered, status, took_ms, error, sent } of targets) {
    const answer = delivered ? `delivered: answered ${status}` : `not delivered: ${error}`;
    console.log(`${target} (${host}): ${type} ${answer}, ${took_ms} ms\n  ${JSON.stringify(sent)}`);
  }
  for (const problem of problems) console.log(`invalid: ${problem}`);
  if (targets.length === 0 && problems.length === 0) {
    console.log("No webhook is configured. Set WEBHOOK_URL and WEBHOOK_SECRET: see docs/webhooks.md.");
  }
  const isWell = targets.length > 0 && problems.length === 0 && targets.every(({ delivered }) => delivered);
  return isWell ? undefined : FAILED;
}

const options = { url: { type: "string" }, remote: { type: "boolean", default: false } };
await command({ name: "webhook", usage, options, names: [0, 1] }, ({ url, remote, names: [verb] }) => {
  if (verb === "secret") return void console.log(`whsec_${randomBytes(32).toString("base64")}`);
  if (verb !== "test") fail(verb ? `Unknown command '${verb}'` : "Choose a command: test or secret", USAGE);
  if (remote && !url) fail("--remote needs --url, the deployed service's address", USAGE);
  return test(address(url ?? "http://127.0.0.1:8787"));
});
