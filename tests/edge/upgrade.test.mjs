// Stores of earlier versions open without loss.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { root } from "../../scripts/tools.mjs";
import { ours, scratch, serveWithKv } from "../soak/workerd.mjs";
import { layOut } from "../stores/stores.mjs";
import { until } from "../until.mjs";
import { settingsFor, startReceiver } from "./receiver.mjs";
import { send } from "./worker.mjs";

for (const version of ["form-1"]) {
  test(`stores of ${version} open without loss`, async (t) => {
    const { kv, connectors, jobs = {}, deliveries = [], summary, objects } = JSON.parse(readFileSync(join(root, `tests/stores/${version}.json`), "utf8"));
    const disk = mkdtempSync(join(scratch, "stores-"));
    t.after(() => rmSync(disk, { recursive: true, force: true }));
    layOut(objects, disk);
    const receivers = await Promise.all([startReceiver(), startReceiver()]);
    t.after(() => Promise.all(receivers.map((receiver) => receiver.close())));
    const vars = { ANONYMOUS_PRIVILEGE: "manage_connector", ...settingsFor(receivers, { WEBHOOK_DAMPING_SECONDS: "0" }) };
    const server = await serveWithKv({ worker: ours({ vars }), disk });
    t.after(() => server.close());
    await server.kv("load", Object.entries(kv).map(([key, [value, metadata]]) => [key, value, metadata]));
    const ask = (method, path, body) => send(server.url(), method, `/_connector${path}`, body);

    await t.test("the first list has all connectors that are not deleted", async () => {
      const { status, body } = await until(() => ask("GET", ""), ({ status }) => status === 200);
      const listed = Object.entries(connectors).filter(([, { document }]) => !document.deleted).map(([id]) => id);
      assert.deepEqual(body.results.map(({ id }) => id).sort(), [...listed, "imported"].sort(), `${status}`);
    });

    await t.test("documents, histories and versions are unchanged", async () => {
      for (const [id, { document, history, etag }] of Object.entries(connectors)) {
        const found = await ask("GET", `/${id}?include_deleted=true`);
        assert.deepEqual(found.body, document, id);
        assert.equal(found.headers.get("etag"), etag, id);
        if (history) {
          const { body } = await ask("GET", `/${id}/_status`);
          // Some stores are older than the versions in this response.
          const known = ({ version, ...change }) => (history[0].version ? { version, ...change } : change);
          assert.deepEqual(body.history.map(known), history, id);
        }
      }
    });

    await t.test("sync jobs and the list for triage are unchanged", async () => {
      for (const [id, job] of Object.entries(jobs)) assert.deepEqual((await ask("GET", `/_sync_job/${id}`)).body, job);
      const listed = (await ask("GET", "/_sync_job")).body.results.map(({ id }) => id);
      assert.deepEqual(listed.sort(), Object.keys(jobs).sort());
      const { body } = await ask("GET", "/_summary");
      if (summary) assert.deepEqual(body.results.map(({ id }) => id), summary);
    });

    await t.test("delivered webhooks are remembered, and pending messages are sent before new ones", async () => {
      const isDelivered = ({ state }) => state === "delivered";
      const isOld = ({ webhook_id }) => deliveries.some((delivery) => delivery.webhook_id === webhook_id);
      const sent = deliveries.filter((delivery) => !isDelivered(delivery)).map(({ webhook_id }) => webhook_id);
      await until(() => receivers[1].got.map(({ id }) => id).filter((id) => sent.includes(id)), (got) => got.length === sent.length);
      assert.deepEqual(receivers[1].got.filter(({ data }) => data.id === "edited").map(({ id }) => id).slice(0, sent.length), sent.reverse());
      const shown = await until(async () => (await ask("GET", "/edited/_webhook")).body.deliveries.filter(isOld), (all) => all.every(isDelivered));
      const host = (delivery) => ({ ...delivery, host: undefined });
      assert.deepEqual(shown.filter(({ target }) => target === "WEBHOOK_URL").map(host), deliveries.filter(isDelivered).map(host));
    });

    await t.test("erased connectors stay erased", async () => {
      assert.equal((await ask("GET", "/erased")).status, 404);
    });

    await t.test("index names still belong to their connectors, and the others are free", async () => {
      const table = [
        ["search-moved", 400],
        ["search-edited", 400],
        ["search-imported", 400],
        ["search-first", 201],
        ["search-left-behind", 201],
        ["search-hidden", 201],
        ["search-erased", 201],
      ];
      for (const [index_name, status] of table) {
        assert.equal((await ask("PUT", `/new-${index_name}`, { index_name })).status, status, index_name);
      }
    });

    await t.test("connectors continue from their last status and version", async () => {
      assert.equal((await ask("PUT", "/moved/_status", { status: "needs_configuration" })).status, 400);
      assert.equal((await ask("PUT", "/moved/_status", { status: "error" })).body.result, "updated");
      assert.equal((await ask("PUT", "/plain/_check_in")).body.result, "updated");
      assert.equal((await ask("PUT", "/imported/_name", { name: "Adopted" })).body.result, "updated");
      const { body } = await ask("GET", "?query=Adopted");
      assert.deepEqual(body.results.map(({ id, custom }) => [id, custom]), [["imported", { kept: [1] }]]);
      for (const [id, { status }] of Object.entries(jobs)) {
        if (status !== "pending") continue;
        assert.equal((await ask("PUT", `/_sync_job/${id}/_claim`, { worker_hostname: "new" })).body.result, "updated");
      }
      await until(async () => (await ask("GET", "?status=error")).body.results.map(({ id }) => id).sort().join(), (ids) => ids === "edited,moved");
    });
  });
}
