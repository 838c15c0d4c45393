// Elasticsearch's official clients for JavaScript and Python, unchanged, against the Worker.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { Client as Client9 } from "@elastic/elasticsearch";
import { Client as Client8 } from "elasticsearch8";

import { install, missing, runPython } from "../../scripts/python.mjs";
import { protocol, ways } from "../protocol.mjs";
import { startWorker } from "./worker.mjs";

let worker;
before(async () => (worker = await startWorker()));
after(() => worker.close());

const clients = [
  [9, Client9, {}],
  [8, Client8, {}],
  [9, Client9, { compression: true }],
  [8, Client8, { compression: true }],
];

for (const [version, Client, options] of clients) {
  const how = options.compression ? ", compressed" : "";
  test(`client ${version}${how} can create, get, list and delete connectors and make the 25 moves`, async () => {
    const client = new Client({ node: worker.url, ...options });
    const { connector } = client;
    assert.equal((await client.info()).tagline, "You Know, for Search");
    assert.equal(await client.ping(), true);
    const connector_id = `client-${version}`;
    for (const [from, legal] of Object.entries(protocol)) {
      for (const to of Object.keys(protocol)) {
        await connector.put({ connector_id, index_name: `index-${version}`, name: "Pairs" });
        for (const status of ways[from]) await connector.updateStatus({ connector_id, status });
        const move = connector.updateStatus({ connector_id, status: to });
        if (legal.includes(to)) {
          assert.deepEqual(await move, { result: from === to ? "noop" : "updated" }, `${from} -> ${to}`);
        } else {
          await assert.rejects(move, (error) => {
            assert.equal(error.name, "ResponseError");
            assert.equal(error.statusCode, 400);
            assert.equal(error.body.error.type, "status_exception");
            assert.match(error.message, new RegExp(`Invalid transition attempt from \\[${from}\\] to \\[${to}\\]`));
            return true;
          });
        }
        const found = await connector.get({ connector_id });
        assert.equal(found.status, legal.includes(to) ? to : from);
      }
    }
    assert.deepEqual(await connector.checkIn({ connector_id }), { result: "updated" });
    const made = await connector.post({ name: "Made" });
    assert.equal(made.result, "created");
    assert.deepEqual(await connector.delete({ connector_id: made.id }), { acknowledged: true });
    await assert.rejects(connector.get({ connector_id: made.id }), { statusCode: 404 });
    const listed = await connector.list({ index_name: `index-${version}` });
    assert.deepEqual([listed.count, listed.results[0]?.id], [1, connector_id]);
    assert.deepEqual(await connector.delete({ connector_id, hard: true }), { acknowledged: true });
    await assert.rejects(connector.updateStatus({ connector_id: "", status: "error" }), { statusCode: 400 });
  });
}

const script = join(import.meta.dirname, "clients.py");
for (const version of [8, 9]) {
  for (const compressed of [false, true]) {
    const name = `client ${version} in Python${compressed ? ", compressed" : ""}`;
    test(`${name} can create, get, list and delete connectors and make the 25 moves`, { skip: missing() }, async () => {
      const environment = `elasticsearch${version}`;
      await install(environment);
      const table = JSON.stringify({ protocol, ways });
      const { passed, output } = await runPython(environment, "python", "-Wignore", script, worker.url, String(compressed), table);
      assert.ok(passed, output);
      assert.match(output, new RegExp(`^elasticsearch ${version}\\.\\d+\\.\\d+: 25 pairs`, "m"));
    });
  }
}
