// Everything out of one service and into another, by the commands of docs/operations.md.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

import { environment, root } from "../../scripts/tools.mjs";
import { inDatabases, ours, rowOf, scratch, serveWithKv } from "../soak/workerd.mjs";
import { must, send } from "./worker.mjs";

const folder = mkdtempSync(join(scratch, "connector-status-backup-"));
let from;
before(async () => {
  from = await serveWithKv();
});
after(async () => {
  await from.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a command of the project; gives what it prints, and with what it ends. */
const run = (script, ...args) =>
  promisify(execFile)("node", [`scripts/${script}.mjs`, ...args], { cwd: root, env: environment }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  );

const ids = ["plain", "moved", "hidden", "erased", "in/dex ü", "busy"];
const at = (id, action = "") => `/_connector/${encodeURIComponent(id)}${action}`;

/** Connectors in every state, with pasts. */
async function fill(url) {
  await must(url, "PUT", at("plain"), { name: "Plain", service_type: "s3" });
  for (const id of ids.slice(1)) await must(url, "PUT", at(id), { name: id, index_name: id === "in/dex ü" ? "taken" : null });
  for (let n = 0; n < 60; n += 1) await must(url, "PUT", at("moved", "/_status"), { status: ["error", "configured"][n % 2] });
  await must(url, "PUT", at("moved", "/_check_in"));
  await must(url, "PUT", at("moved", "/_configuration"), { configuration: { n: { label: "N", type: "int", value: 1 } } });
  await must(url, "PUT", at("busy", "/_check_in"));
  await must(url, "DELETE", at("hidden"));
  await must(url, "DELETE", at("erased", "?hard=true"));
  await must(url, "PUT", at("busy", "/_service_type"), { service_type: "s3" });
  await must(url, "PUT", at("busy", "/_index_name"), { index_name: "busy" });
  for (let n = 0; n < 3; n += 1) {
    const { id } = await must(url, "POST", "/_connector/_sync_job", { id: "busy", job_type: "full" });
    if (n > 0) await must(url, "PUT", `/_connector/_sync_job/${id}/_check_in`);
    if (n > 1) await must(url, "PUT", `/_connector/_sync_job/${id}/_cancel`);
  }
}

/** What every GET answers. */
async function everything(url) {
  const { results } = await must(url, "GET", "/_connector/_sync_job?size=100");
  const paths = [
    "/_connector?include_deleted=true",
    "/_connector?status=created,needs_configuration",
    "/_connector/_sync_job?size=100",
    "/_connector/_backup",
    ...ids.flatMap((id) => ["", "?include_deleted=true", "/_status?size=1000", "/_backup"].map((action) => at(id, action))),
    ...ids.map((id) => `/.elastic-connectors/_doc/${encodeURIComponent(id)}`),
    ...results.map(({ id }) => `/_connector/_sync_job/${id}`),
    ...results.map(({ id }) => `/.elastic-connectors-sync-jobs/_doc/${id}`),
  ];
  const found = {};
  for (const path of paths) {
    const { status, body, headers } = await send(url, "GET", path);
    // The tag of a list counts the changes of the Directory, which has had others.
    const etag = /^\/_connector(\?|$)/.test(path) ? null : headers.get("etag");
    found[path] = { status, body, etag };
  }
  return found;
}

test("backup, wipe, restore: every GET answers as before", async () => {
  await fill(from.url());
  const original = await everything(from.url());
  const file = join(folder, "backup.ndjson");
  const saved = await run("backup", "--url", from.url(), "--to", file);
  assert.equal(saved.code, 0, saved.stderr);
  assert.match(saved.stderr, /connectors saved: 6/);
  assert.equal(readFileSync(file, "utf8").trim().split("\n").length, ids.length + 1);
  assert.match((await run("backup", "--url", from.url(), "--to", file)).stderr, /is complete: 6 connectors/);

  const to = await serveWithKv();
  try {
    const first = await run("restore", file, "--url", to.url());
    assert.equal(first.code, 0, first.stderr);
    assert.equal(first.stdout, "6 restored, 0 overwritten, 0 were restored before, 0 left alone, 0 failed\n");
    assert.deepEqual(await everything(to.url()), original);
    const again = await run("restore", file, "--url", to.url());
    assert.equal(again.stdout, "0 restored, 0 overwritten, 6 were restored before, 0 left alone, 0 failed\n");
    assert.deepEqual(await everything(to.url()), original);

    // An entity tag that the service before may have given is never given again.
    const tag = Number(JSON.parse(original[at("moved")].etag));
    await must(to.url(), "PUT", at("moved", "/_status"), { status: "error" });
    const { headers } = await send(to.url(), "GET", at("moved"));
    assert.equal(Number(JSON.parse(headers.get("etag"))), tag + 1_000_000_001);
    await must(to.url(), "PUT", at("erased"), {});
    assert.equal((await send(to.url(), "PUT", at("thief"), { index_name: "taken" })).status, 400);
  } finally {
    await to.close();
  }
});

test("an interrupted backup is gone on with, an interrupted restoration as well", async () => {
  const whole = join(folder, "whole.ndjson");
  const cut = join(folder, "cut.ndjson");
  await run("backup", "--url", from.url(), "--to", whole);
  const text = readFileSync(whole, "utf8");
  const lines = text.split("\n");
  for (const [kept, half] of [[0, ""], [2, lines[2].slice(0, 40)], [5, ""], [6, '{"format":1,"comp']]) {
    writeFileSync(cut, lines.slice(0, kept).map((line) => `${line}\n`).join("") + half);
    const refused = await run("restore", cut, "--url", from.url());
    if (half) assert.match(refused.stderr, /is no JSON: the backup was interrupted/);
    assert.equal((await run("backup", "--url", from.url(), "--to", cut)).code, 0);
    assert.equal(readFileSync(cut, "utf8"), text, `after ${kept} lines`);
  }
  const to = await serveWithKv();
  try {
    writeFileSync(cut, lines.slice(0, 3).map((line) => `${line}\n`).join(""));
    const part = await run("restore", cut, "--url", to.url());
    assert.match(part.stderr, /no last line that says it is complete/);
    assert.match((await run("restore", whole, "--url", to.url())).stdout, /^3 restored, 0 overwritten, 3 were restored before, 0 left/);
    assert.deepEqual(await everything(to.url()), await everything(from.url()));
  } finally {
    await to.close();
  }
});

test("a connector with more sync jobs than fit into one response", async () => {
  const url = from.url();
  const error = "x".repeat(400_000);
  for (let n = 0; n < 8; n += 1) {
    const { id } = await must(url, "POST", "/_connector/_sync_job", { id: "busy", job_type: "access_control" });
    await must(url, "PUT", `/_connector/_sync_job/${id}/_claim`, { worker_hostname: "host" });
    await must(url, "PUT", `/_connector/_sync_job/${id}/_error`, { error });
  }
  const file = join(folder, "jobs.ndjson");
  await run("backup", "--url", url, "--to", file);
  assert.ok(readFileSync(file, "utf8").split("\n").filter((line) => line.includes('"id":"busy"')).length > 1);
  const to = await serveWithKv();
  try {
    await run("restore", file, "--url", to.url());
    assert.deepEqual(await everything(to.url()), await everything(url));
  } finally {
    await to.close();
  }
});

test("what is there is left alone, unless told otherwise", async () => {
  const file = join(folder, "over.ndjson");
  await run("backup", "--url", from.url(), "--to", file);
  const to = await serveWithKv();
  try {
    const url = to.url();
    await must(url, "PUT", at("plain"), { name: "Mine" });
    await must(url, "PUT", at("other"), { index_name: "taken" });
    const { headers: before } = await send(url, "GET", at("plain"));
    const first = await run("restore", file, "--url", url);
    assert.equal(first.code, 1);
    assert.match(first.stderr, /left alone: \[plain\]/);
    assert.match(first.stderr, /FAILED: \[in\/dex ü\]: .*taken.* used by another connector/);
    assert.match(first.stdout, /^4 restored, 0 overwritten, 0 were restored before, 1 left alone, 1 failed/);
    assert.equal((await must(url, "GET", at("plain"))).name, "Mine");

    await must(url, "DELETE", at("other", "?hard=true"));
    const second = await run("restore", file, "--url", url, "--overwrite");
    assert.match(second.stdout, /^1 restored, 5 overwritten/);
    const { body, headers } = await send(url, "GET", at("plain"));
    assert.equal(body.name, "Plain");
    assert.notEqual(headers.get("etag"), before.get("etag"));
    const [there, saved] = [await everything(url), await everything(from.url())];
    for (const path of Object.keys(saved).filter((path) => path.includes("_status") || path.includes("include_deleted=true"))) {
      assert.deepEqual(path.startsWith("/_connector?") ? there[path].body.results : there[path].body, path.startsWith("/_connector?") ? saved[path].body.results : saved[path].body, path);
    }
  } finally {
    await to.close();
  }
});

// [what, body, what is said]
const sound = { format: 1, id: "x", version: 3, document: { status: "created" }, history: [] };
const change = { seq: 1, from: null, to: "created", at: "2026-01-01T00:00:00.000Z", via: "_create", by: null };
const refused = {
  "another format": [{ ...sound, format: 2 }, /\[format\] is not 1/],
  "another connector": [{ ...sound, id: "y" }, /\[id\] is that of another connector/],
  "no version": [{ ...sound, version: 0 }, /\[version\] is not between 1 and/],
  "edited later than it is": [{ ...sound, edited: 4 }, /\[edited\] is not between 1 and 3/],
  "no status": [{ ...sound, document: {} }, /it has no \[status\]/],
  "no document": [{ ...sound, document: 5 }, /\[document\] is neither an object nor null/],
  "a change after the last": [{ ...sound, history: [{ ...change, seq: 4 }] }, /\[history\] has .* is no change/],
  "a change to nowhere": [{ ...sound, history: [{ ...change, to: "gone" }] }, /\[history\] has .* is no change/],
  "a job of another": [{ ...sound, jobs: [{ id: "abc.eA", version: 1, document: { status: "pending" } }] }, /\[jobs\] has one whose \[id\]/],
};
test("what is no backup is refused, and nothing is written", async (t) => {
  for (const [what, [body, said]] of Object.entries(refused)) {
    await t.test(what, async () => {
      const answer = await send(from.url(), "PUT", at("x", "/_backup"), body);
      assert.equal(answer.status, 400, JSON.stringify(answer.body));
      assert.match(answer.body.error.reason, said);
      assert.equal((await send(from.url(), "GET", at("x", "/_backup"))).status, 404);
    });
  }
});

test("the Directory is rebuilt from the connectors", async () => {
  const disk = mkdtempSync(join(folder, "disk-"));
  const server = await serveWithKv({ disk });
  try {
    await fill(server.url());
    const original = await everything(server.url());
    await server.kill();
    // It has lost some, and is wrong about others.
    inDatabases(disk, "Directory", (database) => {
      if (!rowOf(database, "entry")) return;
      database.exec("DELETE FROM job WHERE status = 'pending'");
      database.exec("DELETE FROM document WHERE key IN (SELECT key FROM entry WHERE id = 'moved')");
      database.exec("DELETE FROM entry WHERE id = 'moved'");
      database.exec("UPDATE entry SET status = 'error', name = 'Wrong' WHERE id = 'plain'");
      database.exec("UPDATE setting SET value = 0 WHERE name = 'looked_at'");
    });
    await server.restart();
    assert.notDeepEqual(await everything(server.url()), original);
    const { code, stdout, stderr } = await run("rebuild-directory", "--url", server.url());
    assert.equal(code, 0, stderr);
    assert.equal(stdout, "6 connectors told anew, 0 failed\n");
    assert.deepEqual(await everything(server.url()), original);
  } finally {
    await server.close();
  }
});

const rewind = (url, ...args) => run("rewind", ...args, "--url", url);

test("a connector is taken back in time, and forth again", async () => {
  const modules = ["tests/edge/rewinding.mjs", "build/worker.js", "build/index_bg.wasm"];
  const server = await serveWithKv({ worker: ours({ modules }) });
  const keep = join(folder, "before.ndjson");
  try {
    const url = server.url();
    await must(url, "PUT", at("c"), { name: "C" });
    await must(url, "PUT", at("c", "/_status"), { status: "error" });
    const { since } = await must(url, "GET", at("c", "/_status"));
    await sleep(20);
    await must(url, "PUT", at("c", "/_status"), { status: "configured" });
    const before = await send(url, "GET", at("c"));
    const done = await rewind(url, "c", "--to", since, "--keep", keep);
    assert.equal(done.code, 0, done.stderr);
    assert.match(done.stdout, /\[c\] is as it was at .*: error\./);
    const then = await send(url, "GET", at("c"));
    assert.equal(then.body.status, "error");
    assert.equal((await must(url, "GET", at("c", "/_status"))).history.length, 2);
    assert.ok(Number(JSON.parse(then.headers.get("etag"))) > Number(JSON.parse(before.headers.get("etag"))));
    assert.equal((await must(url, "GET", "/_connector")).results[0].status, "error");
    assert.match((await run("restore", keep, "--url", url, "--overwrite")).stdout, /^0 restored, 1 overwritten/);
    assert.equal((await must(url, "GET", at("c"))).status, "configured");
  } finally {
    await server.close();
  }
});

test("where time goes one way, nothing happens", async () => {
  const url = from.url();
  const now = new Date().toISOString();
  const { code, stderr } = await rewind(url, "plain", "--to", now, "--keep", join(folder, "unused.ndjson"));
  assert.equal(code, 1);
  assert.match(stderr, /400: the object cannot be taken back: .*does not implement point-in-time recovery/);
  assert.equal((await send(url, "POST", at("plain", "/_rewind?to=soon"))).status, 400);
  assert.equal((await send(url, "GET", at("plain"))).status, 200);
});
