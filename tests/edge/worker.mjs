// The Worker in a real workerd, with real Workers KV and Durable Objects, for tests.

import assert from "node:assert/strict";

import { createTestHarness } from "wrangler";

import { root } from "../../scripts/tools.mjs";
import { until } from "../until.mjs";

// The Worker is built already; wrangler must not build it again for every file.
process.env.CONNECTOR_STATUS_BUILT = "1";

/**
 * Starts the Worker with empty storage; `await worker.close()` stops it. `vars` and `secrets` override those of
 * wrangler.toml. `open`: requests need no key, as under `npm start`; otherwise access is as deployed. `config`: another
 * wrangler.toml.
 */
export async function startWorker({ open = true, vars = {}, secrets = {}, config } = {}) {
  const access = open ? { ANONYMOUS_PRIVILEGE: "manage_connector" } : {};
  const harness = createTestHarness({
    root,
    workers: [
      { configPath: config ?? "./wrangler.toml", vars: { ...access, ...vars }, secrets },
    ],
  });
  const { url } = await harness.listen();
  return {
    url: new URL(url).origin,
    env: () => harness.getWorker().getEnv(),
    logs: () => harness.getLogs().map((log) => log.message ?? String(log)),
    close: () => harness.close(),
  };
}

/** The body of the response, which must be successful. */
export async function must(...request) {
  const { status, body } = await send(...request);
  const [, method, path] = request;
  assert.ok(status < 300, `${method} ${path}: ${status} ${JSON.stringify(body)}`);
  return body;
}

/**
 * Prepares a test by a request that must be answered with `status`. Tries again after 503, as Elasticsearch's clients
 * do: on a busy machine the Directory may take longer than a request waits for it.
 */
export async function prepare(status, ...request) {
  const answer = await until(() => send(...request), (answer) => answer.status !== 503);
  const [, method, path] = request;
  assert.equal(answer.status, status, `${method} ${path}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/**
 * Sends a request; `body` may be text, bytes, or a value to send as JSON. Resolves to `{ status, body, headers }`, with
 * a JSON body parsed.
 */
export async function send(url, method, path, body, headers = {}) {
  const raw = typeof body === "string" || body instanceof Uint8Array;
  const response = await fetch(url + path, {
    method,
    headers: body === undefined ? headers : { "content-type": "application/json", ...headers },
    body: body === undefined || raw ? body : JSON.stringify(body),
  });
  const text = await response.text();
  const isJson = /[/+]json/.test(response.headers.get("content-type") ?? "") && text !== "";
  return {
    status: response.status,
    body: isJson ? JSON.parse(text) : text,
    headers: response.headers,
  };
}
