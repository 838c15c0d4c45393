// A connector's lifecycle, from creation to deletion, through every call of Elasticsearch's official clients.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Client as Client9 } from "@elastic/elasticsearch";
import { Client as Client8 } from "elasticsearch8";

import { send, startWorker } from "./worker.mjs";

let worker;
before(async () => (worker = await startWorker()));
after(() => worker.close());

const rule = { field: "path", id: "r", order: 0, policy: "exclude", rule: "regex", value: "x.*" };
const pipeline = {
  extract_binary_content: true, name: "p", reduce_whitespace: true, run_ml_inference: false,
};
const definition = { label: "Bucket", order: 1, type: "str", display: "textbox", required: true };

// [call, parameters, status afterwards, further fields of the document]
const life = [
  ["updateName", { name: "Sales", description: "What sales has" }, "created", { name: "Sales" }],
  ["updateServiceType", { service_type: "s3" }, "created", { service_type: "s3" }],
  ["updateIndexName", { index_name: "INDEX" }, "created", { index_name: "INDEX" }],
  ["updateApiKeyId", { api_key_id: "k", api_key_secret_id: "s" }, "created", { api_key_id: "k" }],
  ["updateFeatures", { features: { sync_rules: { basic: { enabled: true } } } }, "created", { features: { sync_rules: { basic: { enabled: true } } } }],
  ["updatePipeline", { pipeline }, "created", { pipeline }],
  ["updateScheduling", { scheduling: { full: { enabled: true, interval: "0 0 6 * * ?" } } }, "created", {}],
  ["updateStatus", { status: "needs_configuration" }, "needs_configuration", {}],
  ["updateConfiguration", { configuration: { bucket: definition } }, "configured", {}],
  ["updateConfiguration", { values: { bucket: "b" } }, "configured", {}],
  ["updateStatus", { status: "connected" }, "connected", {}],
  ["checkIn", {}, "connected", {}],
  ["updateFiltering", { rules: [rule] }, "connected", {}],
  ["updateFilteringValidation", { validation: { errors: [], state: "valid" } }, "connected", {}],
  ["updateActiveFiltering", {}, "connected", {}],
  ["lastSync", { last_sync_status: "completed", last_synced: "2026-02-03T04:05:06Z", last_indexed_document_count: 7 }, "connected", { last_sync_status: "completed", last_synced: "2026-02-03T04:05:06.000Z", last_indexed_document_count: 7 }],
  ["updateNative", { is_native: false }, "configured", { is_native: false }],
  ["updateError", { error: "no bucket" }, "error", { error: "no bucket" }],
  ["updateError", { error: null }, "connected", { error: null }],
  ["updateServiceType", { service_type: "gcs" }, "needs_configuration", { service_type: "gcs" }],
  ["updateIndexName", { index_name: null }, "needs_configuration", { index_name: null }],
];
const around = ["put", "post", "get", "list", "delete"];
// Sync jobs have their own test, and secrets are not implemented.
const elsewhere = /^(syncJob|secret)/;

for (const [version, Client] of [[9, Client9], [8, Client8]]) {
  test(`client ${version} can take a connector through its whole lifecycle`, async () => {
    const { connector } = new Client({ node: worker.url });
    const calls = Object.getOwnPropertyNames(Object.getPrototypeOf(connector)).filter(
      (name) => name !== "constructor" && !elsewhere.test(name),
    );
    const used = new Set([...around, ...life.map(([call]) => call)]);
    assert.deepEqual(calls.filter((call) => !used.has(call)), [], "calls that the test does not make");

    const connector_id = `life-${version}`;
    const index = `life-index-${version}`;
    const made = await connector.put({ connector_id });
    assert.deepEqual(made, { id: connector_id, result: "created" });
    const path = [];
    let before = "created";
    for (const [call, parameters, status, more] of life) {
      const fill = (value) => JSON.parse(JSON.stringify(value).replaceAll("INDEX", index));
      const answer = await connector[call]({ connector_id, ...fill(parameters) });
      assert.deepEqual(answer, { result: "updated" }, call);
      const found = await connector.get({ connector_id });
      assert.equal(found.status, status, call);
      for (const [name, value] of Object.entries(fill(more))) assert.deepEqual(found[name], value, call);
      if (status !== before) path.push(status);
      before = status;
    }
    const found = await connector.get({ connector_id });
    assert.equal(found.configuration.bucket.value, "b");
    assert.deepEqual(found.filtering[0].active, found.filtering[0].draft);
    assert.equal(found.filtering[0].active.rules[0].id, "r");

    // The history has every status change, with the endpoint that made it.
    const { body } = await send(worker.url, "GET", `/_connector/${connector_id}/_status`);
    const moves = body.history.toReversed().map(({ from, to, via }) => `${from} ${to} ${via}`);
    assert.deepEqual(moves, [
      "null created _create",
      "created needs_configuration _status",
      "needs_configuration configured _configuration",
      "configured connected _status",
      "connected configured _native",
      "configured error _error",
      "error connected _error",
      "connected needs_configuration _service_type",
    ]);

    const other = await connector.post({ name: "Other" });
    await assert.rejects(
      async () => {
        await connector.updateIndexName({ connector_id: other.id, index_name: index });
        await connector.updateIndexName({ connector_id, index_name: index });
      },
      (error) => error.body.error.reason === `Index name [${index}] is used by another connector.`,
    );
    assert.deepEqual(await connector.delete({ connector_id }), { acknowledged: true });
    await assert.rejects(connector.get({ connector_id }), { statusCode: 404 });
    assert.deepEqual(await connector.delete({ connector_id, hard: true }), { acknowledged: true });
    await assert.rejects(connector.checkIn({ connector_id }), { statusCode: 404 });
    assert.equal((await connector.list({ connector_name: "nobody" })).count, 0);
  });
}
