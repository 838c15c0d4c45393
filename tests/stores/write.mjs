// Writes this version's stores into a file of this folder: node tests/stores/write.mjs form-1
//
// Run it once for a version that changes what is stored, before work on the next one begins.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { root } from "../../scripts/tools.mjs";
import { settingsFor, startReceiver } from "../edge/receiver.mjs";
import { send } from "../edge/worker.mjs";
import { ours, scratch, serveWithKv } from "../soak/workerd.mjs";
import { storesOf } from "./stores.mjs";

const [version] = process.argv.slice(2);
const disk = mkdtempSync(join(scratch, "stores-"));
// One endpoint accepts its messages; the other's stay pending.
const receivers = await Promise.all([startReceiver(), startReceiver({ answer: () => "error" })]);
const vars = { ANONYMOUS_PRIVILEGE: "manage_connector", ...settingsFor(receivers, { WEBHOOK_DAMPING_SECONDS: "0" }) };
const server = await serveWithKv({ worker: ours({ vars }), disk });
const ask = (method, path, body) => send(server.url(), method, `/_connector/${path}`, body);
async function must(method, path, body) {
  const { status, body: answer } = await ask(method, path, body);
  if (status >= 300) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(answer)}`);
  return answer;
}
const put = (path, body) => must("PUT", path, body);

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
// Refused: an index that it claimed must be released.
await ask("PUT", "nobody/_index_name", { index_name: "search-left-behind" });
await server.kv("load", [["c:imported", JSON.stringify({ status: "CONNECTED", name: "Imported", index_name: "search-imported", custom: { kept: [1] } })]]);
await ask("POST", "_import");
await put("put-back", { name: "Put back" });
const saved = await must("GET", "put-back/_backup");
await put("put-back/_name", { name: "Meanwhile" });
await put("put-back/_backup?overwrite=true", saved);
const made = [];
for (let n = 0; n < 4; n += 1) made.push((await must("POST", "_sync_job", { id: "moved", job_type: "full" })).id);
await put(`_sync_job/${made[1]}/_claim`, { worker_hostname: "w", sync_cursor: { n: 1 } });
await put(`_sync_job/${made[1]}/_stats`, { deleted_document_count: 1, indexed_document_count: 2, indexed_document_volume: 3 });
await put(`_sync_job/${made[1]}/_complete`);
await put(`_sync_job/${made[2]}/_claim`, { worker_hostname: "w" });
await put(`_sync_job/${made[2]}/_check_in`);
await must("DELETE", `_sync_job/${made[3]}`);
await sleep(6_000);

const jobs = {};
for (const id of made.slice(0, 3)) jobs[id] = await must("GET", `_sync_job/${id}`);
const { deliveries } = await must("GET", "edited/_webhook");
const { results } = await must("GET", "_summary");
const summary = results.map(({ id }) => id);
const connectors = {};
for (const id of ["plain", "moved", "edited", "hidden", "deleted-and-back", "put-back"]) {
  const { body: document, headers } = await ask("GET", `${id}?include_deleted=true`);
  const { body: view } = await ask("GET", `${id}/_status`);
  connectors[id] = { etag: headers.get("etag"), document, history: view.history ?? null };
}
const { entries } = await server.kv("state");
const kv = Object.fromEntries(Object.entries(entries).map(([key, value]) => [key, [value]]));
await server.close();
await Promise.all(receivers.map((receiver) => receiver.close()));
const file = join(root, `tests/stores/${version}.json`);
writeFileSync(file, `${JSON.stringify({ kv, connectors, jobs, deliveries, summary, objects: storesOf(disk) }, null, 1)}\n`);
rmSync(disk, { recursive: true });
console.log(`written: ${file}. Next: name it in tests/edge/upgrade.test.mjs`);
process.exit(0);
