// Stores that earlier versions wrote are opened by this one, and nothing of them is lost.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { root } from "../../scripts/tools.mjs";
import { scratch, serveWithKv } from "../soak/workerd.mjs";
import { layOut } from "../stores/stores.mjs";
import { until } from "../until.mjs";
import { send } from "./worker.mjs";

for (const version of ["version-1", "version-2"]) {
  test(`stores of ${version}`, async (t) => {
    const { kv, connectors, objects } = JSON.parse(readFileSync(join(root, `tests/stores/${version}.json`), "utf8"));
    const disk = mkdtempSync(join(scratch, "stores-"));
    t.after(() => rmSync(disk, { recursive: true, force: true }));
    layOut(objects, disk);
    const server = await serveWithKv({ disk });
    t.after(() => server.close());
    await server.kv("load", Object.entries(kv).map(([key, [value, metadata]]) => [key, value, metadata]));
    const ask = (method, path, body) => send(server.url(), method, `/_connector${path}`, body);

    await t.test("the first list has all that is not deleted", async () => {
      const { status, body } = await until(() => ask("GET", ""), ({ status }) => status === 200);
      const listed = Object.entries(connectors).filter(([, { document }]) => !document.deleted).map(([id]) => id);
      assert.deepEqual(body.results.map(({ id }) => id).sort(), [...listed, "imported"].sort(), `${status}`);
    });

    await t.test("documents, histories and versions are as they were", async () => {
      for (const [id, { document, history, etag }] of Object.entries(connectors)) {
        const found = await ask("GET", `/${id}?include_deleted=true`);
        assert.deepEqual(found.body, document, id);
        assert.equal(found.headers.get("etag"), etag, id);
        if (history) assert.deepEqual((await ask("GET", `/${id}/_status`)).body.history, history, id);
      }
    });

    await t.test("what was erased stays away", async () => {
      assert.equal((await ask("GET", "/erased")).status, 404);
    });

    await t.test("index names belong to those who had them, and the others are free", async () => {
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

    await t.test("connectors go on from where they were", async () => {
      assert.equal((await ask("PUT", "/moved/_status", { status: "needs_configuration" })).status, 400);
      assert.equal((await ask("PUT", "/moved/_status", { status: "error" })).body.result, "updated");
      assert.equal((await ask("PUT", "/plain/_check_in")).body.result, "updated");
      assert.equal((await ask("PUT", "/imported/_name", { name: "Adopted" })).body.result, "updated");
      const { body } = await ask("GET", "?query=Adopted");
      assert.deepEqual(body.results.map(({ id, custom }) => [id, custom]), [["imported", { kept: [1] }]]);
      await until(async () => (await ask("GET", "?status=error")).body.results.map(({ id }) => id).sort().join(), (ids) => ids === "edited,moved");
    });
  });
}
