// What is stored for sync jobs, row by row, and how it recovers from a crash. Deployed objects hold these forms:
// changing one makes them unreadable.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { inDatabases, rowOf, scratch, serveWithKv } from "../soak/workerd.mjs";
import { until } from "../until.mjs";
import { must, send } from "./worker.mjs";

let disk;
let server;
before(async () => {
  disk = mkdtempSync(join(scratch, "connector-status-disk-"));
  server = await serveWithKv({ disk });
});
after(async () => {
  await server.close();
  rmSync(disk, { recursive: true, force: true });
});

const ask = (method, path, body) => must(server.url(), method, path, body);
const list = async (id) => (await ask("GET", `/_connector/_sync_job?connector_id=${id}`)).results;

/** Opens databases while the Worker is stopped. */
async function inDatabase(className, isMeant, look) {
  await server.kill();
  try {
    const found = inDatabases(disk, className, (database) => (isMeant(database) ? [look(database)] : [])).flat();
    assert.equal(found.length, 1);
    return found[0];
  } finally {
    await server.restart();
  }
}
const ofConnector = (id, look) => inDatabase("ConnectorObject", (database) => rowOf(database, "connector")?.id === id, look);
const ofDirectory = (look) => inDatabase("Directory", (database) => rowOf(database, "setting") !== undefined, look);

test("a job is a row in its connector's object, and a slim row and a document in the Directory", async () => {
  await ask("PUT", "/_connector/golden", { index_name: "golden", service_type: "dir" });
  const { id } = await ask("POST", "/_connector/_sync_job", { id: "golden" });
  await ask("PUT", `/_connector/_sync_job/${id}/_claim`, { worker_hostname: "w" });
  await ask("PUT", `/_connector/_sync_job/${id}/_check_in`);
  const { last_seen, created_at } = await ask("GET", `/_connector/_sync_job/${id}`);
  await until(() => list("golden"), ([job]) => job.last_seen === last_seen, 10);
  const row = await ofConnector("golden", (database) => database.prepare("SELECT * FROM job").get());
  const document = JSON.parse(row.document);
  assert.deepEqual([row.id, row.version, row.edited, document.status, document.last_seen], [id, 3, 2, "in_progress", last_seen]);
  await ofDirectory((database) => {
    const { key, seq, notified_at, ...slim } = database.prepare("SELECT * FROM job").get();
    assert.ok(notified_at >= slim.created_at, `notified at ${notified_at}`);
    assert.deepEqual({ ...slim }, {
      id,
      connector_id: "golden",
      status: "in_progress",
      job_type: "full",
      created_at: Date.parse(created_at),
      last_seen,
      seen: Date.parse(last_seen),
      version: 3,
    });
    const { status, last_seen: seen, ...rest } = document;
    assert.deepEqual(JSON.parse(database.prepare("SELECT json FROM job_document WHERE key = ?").get(key).json), rest);
  });
  assert.deepEqual((await list("golden"))[0], { id, ...document });
});

test("an object without sync jobs has no tables for them", async () => {
  await ask("PUT", "/_connector/jobless", {});
  assert.equal((await send(server.url(), "GET", "/_connector/_sync_job/x.jobless")).status, 404);
  const tables = await ofConnector("jobless", (database) => database.prepare("SELECT name FROM sqlite_master WHERE name LIKE 'job%'").all());
  assert.deepEqual(tables, []);
});

test("a change that the Directory missed because of a crash is sent after the restart", async () => {
  await ask("PUT", "/_connector/crashed", { index_name: "crashed", service_type: "dir" });
  const { id } = await ask("POST", "/_connector/_sync_job", { id: "crashed" });
  const { id: gone } = await ask("POST", "/_connector/_sync_job", { id: "crashed" });
  assert.equal((await list("crashed")).length, 2);
  // As if the process had been killed between the commit and the notification.
  await ofConnector("crashed", (database) => {
    const { document } = database.prepare("SELECT document FROM job WHERE id = ?").get(id);
    database.prepare("UPDATE job SET document = ?, version = 2, edited = 2 WHERE id = ?").run(document.replace('"pending"', '"canceled"'), id);
    database.prepare("DELETE FROM job WHERE id = ?").run(gone);
    database.exec(`INSERT OR REPLACE INTO pending_job VALUES ('${id}', 2), ('${gone}', 2)`);
  });
  // A request loads the object, which then notifies the Directory.
  await ask("PUT", "/_connector/crashed/_check_in");
  const [job, ...others] = await until(() => list("crashed"), (jobs) => jobs.length === 1 && jobs[0].status === "canceled", 20);
  assert.deepEqual([job?.id, job?.status, others.length], [id, "canceled", 0]);
});
