// Writes the stores of this version into a file of this folder: node tests/stores/write.mjs version-3
//
// To be run once for a version that changes what is stored, before the next one is begun.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { root } from "../../scripts/tools.mjs";
import { send } from "../edge/worker.mjs";
import { scratch, serveWithKv } from "../soak/workerd.mjs";
import { storesOf } from "./stores.mjs";

const [version] = process.argv.slice(2);
const disk = mkdtempSync(join(scratch, "stores-"));
const server = await serveWithKv({ disk });
const ask = (method, path, body) => send(server.url(), method, `/_connector/${path}`, body);
async function put(path, body) {
  const { status, body: answer } = await ask("PUT", path, body);
  if (status >= 300) throw new Error(`PUT ${path}: ${status} ${JSON.stringify(answer)}`);
}

await put("plain", { name: "Plain" });
await put("moved", { name: "Moved", index_name: "search-moved", service_type: "s3" });
for (const status of ["needs_configuration", "configured", "connected"]) await put("moved/_status", { status });
await put("edited", { name: "Edited", index_name: "search-first", description: "Sales and Marketing" });
await put("edited/_index_name", { index_name: "search-edited" });
await put("edited/_last_sync", { sync_cursor: { n: [1, { a: "b" }] } });
await put("edited/_check_in");
await put("edited/_error", { error: "out of order" });
await put("hidden", { name: "Hidden", index_name: "search-hidden" });
await ask("DELETE", "hidden");
await put("erased", { name: "Erased", index_name: "search-erased" });
await ask("DELETE", "erased?hard=true");
await put("deleted-and-back", { name: "First" });
await ask("DELETE", "deleted-and-back?hard=true");
await put("deleted-and-back", { name: "Second" });
// Refused: what it may have claimed must not stay.
await ask("PUT", "nobody/_index_name", { index_name: "search-left-behind" });
await server.kv("load", [["c:imported", JSON.stringify({ status: "CONNECTED", name: "Imported", index_name: "search-imported", custom: { kept: [1] } })]]);
await ask("POST", "_import");
await sleep(6_000);

const connectors = {};
for (const id of ["plain", "moved", "edited", "hidden", "deleted-and-back"]) {
  const { body: document, headers } = await ask("GET", `${id}?include_deleted=true`);
  const { body: view } = await ask("GET", `${id}/_status`);
  connectors[id] = { etag: headers.get("etag"), document, history: view.history ?? null };
}
const { entries } = await server.kv("state");
const kv = Object.fromEntries(Object.entries(entries).map(([key, value]) => [key, [value]]));
await server.close();
const file = join(root, `tests/stores/${version}.json`);
writeFileSync(file, `${JSON.stringify({ kv, connectors, objects: storesOf(disk) }, null, 1)}\n`);
rmSync(disk, { recursive: true });
console.log(`written: ${file}. Next: name it in tests/edge/upgrade.test.mjs`);
process.exit(0);
