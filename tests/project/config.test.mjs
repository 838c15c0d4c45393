// Settings in wrangler.toml.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";

import { unstable_readConfig as readConfig } from "wrangler";

import { root } from "../../scripts/tools.mjs";

const config = readConfig({ config: join(root, "wrangler.toml") });

test("the platform logs neither query strings nor requests", () => {
  const { enabled, redact_query_string, logs, traces } = config.observability;
  assert.deepEqual({ enabled, redact_query_string }, { enabled: true, redact_query_string: true });
  assert.equal(logs.invocation_logs, false);
  assert.equal(traces?.enabled ?? false, false);
});

test("the first deployment creates the namespaces", () => {
  assert.deepEqual(config.kv_namespaces.map(({ binding, id }) => [binding, id]), [["CONNECTORS", undefined], ["API_KEYS", undefined]]);
});
