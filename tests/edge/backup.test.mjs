// Backup and restoration of a service by the commands in docs/operations.md.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
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

/** Runs a command of the project; returns its output and exit code. */
const run = (script, ...args) =>
  promisify(execFile)("node", [`scripts/${script}.mjs`, ...args], { cwd: root, env: environment }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  );

const ids = ["plain", "moved", "hidden", "erased", "in/dex ü", "busy"];
const at = (id, action = "") => `/_connector/${encodeURIComponent(id)}${action}`;

/** Creates connectors in every status, with histories. */
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

/** The responses of every GET. */
async function everything(url) {
  const { results } = await must(url, "GET", "/_connector/_sync_job?size=100");
  const paths = [
    "/_connector?include_deleted=true",
    "/_connector?status=created,needs_configuration",
    "/_connector/_sync_job?size=100",
    "/_connector/_backup",
    ...ids.flatMap((id) => ["", "?include_deleted=true", "/_status?size=1000", "/_audit", "/_backup"].map((action) => at(id, action))),
    ...ids.map((id) => `/.elastic-connectors/_doc/${encodeURIComponent(id)}`),
    ...results.map(({ id }) => `/_connector/_sync_job/${id}`),
    ...results.map(({ id }) => `/.elastic-connectors-sync-jobs/_doc/${id}`),
  ];
  const found = {};
  for (const path of paths) {
    const { status, body, headers } = await send(url, "GET", path);
    // These differ between services.
    if (path === "/_connector/_backup") for (const name of ["service", "seq"]) delete body[name];
    // A list's tag counts the Directory's changes, which differ after a restoration.
    const etag = /^\/_connector(\?|$)/.test(path) ? null : headers.get("etag");
    found[path] = { status, body, etag };
  }
  return found;
}

test("after backup, wipe and restore every GET answers as before", async () => {
  await fill(from.url());
  const original = await everything(from.url());
  const file = join(folder, "backup.ndjson");
  const saved = await run("backup", "--url", from.url(), "--to", file);
  assert.equal(saved.code, 0, saved.stderr);
  assert.match(saved.stderr, /connectors saved: 6/);
  assert.equal(readFileSync(file, "utf8").trim().split("\n").length, ids.length + 2);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const { audit } = await must(from.url(), "GET", "/_connector/_audit?size=1");
  assert.deepEqual([audit[0].event, audit[0].connectors], ["backup", 6]);
  const before = readFileSync(file);
  const second = await run("backup", "--url", from.url(), "--to", file);
  assert.deepEqual([second.code, second.stdout], [1, ""]);
  assert.match(second.stderr, /backup\.ndjson exists already and is not overwritten\. Choose another name\.\n$/);
  assert.deepEqual(readFileSync(file), before);
  const verified = await run("backup", "--verify", file);
  assert.equal(verified.code, 0, verified.stderr);
  assert.match(verified.stdout, /: complete, 6 connectors of http:\/\/127\.0\.0\.1:\d+ \(service [0-9a-f]{13}, version /);

  const to = await serveWithKv();
  try {
    const first = await run("restore", file, "--url", to.url());
    assert.equal(first.code, 0, first.stderr);
    assert.equal(first.stdout, "6 restored, 0 overwritten, 0 already restored, 0 skipped, 0 failed\n");
    assert.deepEqual(await everything(to.url()), original);
    const again = await run("restore", file, "--url", to.url());
    assert.equal(again.stdout, "0 restored, 0 overwritten, 6 already restored, 0 skipped, 0 failed\n");
    assert.deepEqual(await everything(to.url()), original);

    // A restored connector never reuses an entity tag that the old service may have given.
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

/** A proxy: `look(request)` sees each request before it is forwarded, `change(path, body)` changes JSON responses. */
async function proxy(url, { look = () => {}, change = (_, body) => body }) {
  const server = createServer((incoming, outgoing) => pass(incoming, outgoing).catch(() => outgoing.destroy()));
  const pass = async (incoming, outgoing) => {
    const { method, url: path, headers } = incoming;
    const chunks = [];
    for await (const chunk of incoming) chunks.push(chunk);
    await look(`${method} ${path}`);
    delete headers.host;
    delete headers.connection;
    const body = chunks.length > 0 ? Buffer.concat(chunks) : undefined;
    const response = await fetch(url + path, { method, headers, body });
    const text = await response.text();
    outgoing.writeHead(response.status, { "content-type": "application/json" });
    outgoing.end(response.status === 200 && method === "GET" ? JSON.stringify(change(path, JSON.parse(text))) : text);
  };
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The file without the time of its completion. */
const timeless = (text) => text.replace(/,"complete_until":"[^"]*"/, "");

test("an interrupted backup resumes from wherever it was cut, and so does an interrupted restoration", async () => {
  const whole = join(folder, "whole.ndjson");
  await run("backup", "--url", from.url(), "--to", whole);
  const text = readFileSync(whole, "utf8");
  const lines = text.split("\n");
  // [complete lines, part of the next]: cut in the header, between connectors, within one, in the last line, and before
  // the rename.
  for (const [kept, half] of [[0, ""], [0, lines[0].slice(0, 9)], [1, ""], [3, lines[3].slice(0, 40)], [4, lines[4]], [7, '{"end":tr'], [8, ""]]) {
    const cut = join(folder, `cut-${kept}-${half.length}.ndjson`);
    writeFileSync(`${cut}.partial`, lines.slice(0, kept).map((line) => `${line}\n`).join("") + half);
    const { code, stderr } = await run("backup", "--url", from.url(), "--to", cut);
    assert.equal(code, 0, stderr);
    assert.equal(existsSync(`${cut}.partial`), false);
    const now = readFileSync(cut, "utf8");
    const connectors = (text) => text.split("\n").slice(1, -2);
    assert.deepEqual(connectors(now), connectors(text), `after ${kept} lines and ${half.length} characters`);
    assert.equal((await run("backup", "--verify", cut)).code, 0);
    if (kept > 0) assert.equal(timeless(now), timeless(text));
  }
  const to = await serveWithKv();
  try {
    const connectors = lines.slice(0, 4).map((line) => `${line}\n`).join("");
    writeFileSync(join(folder, "part.ndjson"), connectors);
    const part = await run("restore", join(folder, "part.ndjson"), "--url", to.url(), "--partial");
    assert.equal(part.code, 0, part.stderr);
    assert.match(part.stderr, /3 connectors of http:.*; all others are MISSING/);
    assert.match((await run("restore", whole, "--url", to.url())).stdout, /^3 restored, 0 overwritten, 3 already restored, 0 skipped/);
    assert.deepEqual(await everything(to.url()), await everything(from.url()));
  } finally {
    await to.close();
  }
});

test("a backup resumes only against its own service and never overwrites another file", async () => {
  const to = await serveWithKv();
  try {
    const file = join(folder, "other.ndjson");
    const whole = join(folder, "mine.ndjson");
    await run("backup", "--url", from.url(), "--to", whole);
    const partial = readFileSync(whole, "utf8").split("\n").slice(0, 3).join("\n") + "\n";
    writeFileSync(`${file}.partial`, partial);
    const other = await run("backup", "--url", to.url(), "--to", file);
    assert.equal(other.code, 1);
    assert.match(other.stderr, /other\.ndjson\.partial is a backup of another service/);
    assert.equal(readFileSync(`${file}.partial`, "utf8"), partial);
  } finally {
    await to.close();
  }
  const notes = join(folder, "notes.txt");
  writeFileSync(notes, "mine\n");
  writeFileSync(join(folder, "foreign.partial"), "mine\n");
  for (const [to, said] of [["/dev/zero", /is not a regular file/], [folder, /is not a regular file/], [notes, /exists already/], [join(folder, "foreign"), /foreign\.partial is not a backup/], [join(folder, "no/such/folder"), /no such file/]]) {
    const { code, stdout, stderr } = await run("backup", "--url", from.url(), "--to", to);
    assert.deepEqual([code, stdout], [1, ""], to);
    assert.match(stderr, said);
    assert.doesNotMatch(stderr, /^ +at /m);
  }
  assert.equal(readFileSync(notes, "utf8"), "mine\n");
});

test("a truncated file, one with a gap and one that is not a backup are refused before anything is written", async () => {
  const whole = join(folder, "sound.ndjson");
  await run("backup", "--url", from.url(), "--to", whole);
  const lines = readFileSync(whole, "utf8").split("\n").filter(Boolean);
  const without = (n) => lines.filter((_, at) => at !== n);
  const joined = (some) => some.map((line) => `${line}\n`).join("");
  const damaged = {
    "empty": ["", /it is empty/],
    "without its end": [joined(lines.slice(0, -1)), /it has no end: the backup was interrupted/],
    "cut within a line": [joined(lines.slice(0, 4)) + lines[4].slice(0, 50), /line 5 is cut off/],
    "with a line missing": [joined(without(3)), /it has 5 lines instead of 6\n.*it has 5 connectors instead of 6\n.*its checksum does not match its lines/],
    "with a line changed": [joined(lines).replace('"Plain"', '"Plane"'), /its checksum does not match its lines/],
    "with a repeated line": [joined([...lines.slice(0, 2), ...lines.slice(1)]), /it has 7 lines instead of 6/],
    "without its start": [joined(without(0)), /is not a backup of this service/],
    "another kind of file": ['{"error":"no"}\n', /is not a backup of this service/],
  };
  const to = await serveWithKv();
  try {
    for (const [what, [text, said]] of Object.entries(damaged)) {
      const file = join(folder, "damaged.ndjson");
      writeFileSync(file, text);
      for (const args of [["restore", file, "--url", to.url()], ["backup", "--verify", file]]) {
        const { code, stdout, stderr } = await run(...args);
        assert.deepEqual([code, stdout], [1, ""], what);
        assert.match(stderr, said, what);
        assert.doesNotMatch(stderr, /^ +at /m);
      }
    }
    assert.deepEqual((await must(to.url(), "GET", "/_connector/_backup")).ids, []);
    const missing = await run("restore", join(folder, "nothing.ndjson"), "--url", to.url());
    assert.match(missing.stderr, /^\S+nothing\.ndjson: no such file\n$/);
  } finally {
    await to.close();
  }
});

test("a backup includes connectors and sync jobs that changed while it was running", async () => {
  const [source, to] = await Promise.all([serveWithKv(), serveWithKv()]);
  const url = source.url();
  const claim = (id) => must(url, "PUT", `/_connector/_sync_job/${id}/_claim`, { worker_hostname: "host" });
  const start = () => must(url, "POST", "/_connector/_sync_job", { id: "jobs", job_type: "full" });
  for (const id of ["changed", "erased", "jobs", "seen", "zzz"]) {
    await must(url, "PUT", at(id), { index_name: `${id}-index`, service_type: "s3" });
  }
  const early = await start();
  const acts = [
    () => must(url, "PUT", at("aaa"), { name: "Created behind" }),
    () => must(url, "PUT", at("changed", "/_name"), { name: "Changed behind" }),
    () => must(url, "DELETE", at("erased", "?hard=true")),
    () => claim(early.id),
  ];
  const look = async (request) => {
    if (request === `GET ${at("zzz", "/_backup")}`) for (const act of acts.splice(0)) await act();
  };
  const between = await proxy(url, { look });
  try {
    const file = join(folder, "moving.ndjson");
    const { code, stderr } = await run("backup", "--url", between.url, "--to", file);
    assert.equal(code, 0, stderr);
    await run("restore", file, "--url", to.url());
    assert.equal(acts.length, 0);
    for (const id of ["aaa", "changed", "erased", "jobs"]) {
      assert.deepEqual((await send(to.url(), "GET", at(id, "/_backup"))).body, (await send(url, "GET", at(id, "/_backup"))).body, id);
    }
  } finally {
    await Promise.all([between.close(), source.close(), to.close()]);
  }
});

test("a connector that cannot be read is reported, and all others are saved, restored and rebuilt", async () => {
  const change = (path, body) => (path.startsWith("/_connector/_backup?") ? { ...body, ids: [...body.ids, "_status", "never-adopted"] } : body);
  const between = await proxy(from.url(), { change });
  try {
    const file = join(folder, "bad-id.ndjson");
    const { code, stderr } = await run("backup", "--url", between.url, "--to", file);
    assert.equal(code, 1);
    assert.match(stderr, /NOT SAVED: \[_status\]: it answers 400: .*must not be \[_status\]/);
    assert.match(stderr, /NOT SAVED: \[never-adopted\]: it answers 404/);
    const verified = await run("backup", "--verify", file);
    assert.equal(verified.code, 1);
    assert.match(verified.stderr, /NOT SAVED: \[_status\]/);
    const rebuilt = await run("rebuild-directory", "--url", between.url);
    assert.equal(rebuilt.code, 1);
    assert.match(rebuilt.stdout, /^\d+ connectors reindexed, 2 failed\n$/);
    const to = await serveWithKv();
    try {
      const restored = await run("restore", file, "--url", to.url());
      assert.equal(restored.code, 0, restored.stderr);
      assert.match(restored.stderr, /NOT IN THE BACKUP: \[_status\]/);
    } finally {
      await to.close();
    }
  } finally {
    await between.close();
  }
});

test("a connector with more sync jobs than fit into one response is saved and restored", async () => {
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

test("restore leaves existing connectors unchanged without --overwrite", async () => {
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
    assert.match(first.stderr, /skipped: \[plain\]/);
    assert.match(first.stderr, /FAILED: \[in\/dex ü\]: .*taken.* used by another connector/);
    assert.match(first.stdout, /^4 restored, 0 overwritten, 0 already restored, 1 skipped, 1 failed/);
    assert.equal((await must(url, "GET", at("plain"))).name, "Mine");

    await must(url, "DELETE", at("other", "?hard=true"));
    const unasked = await run("restore", file, "--url", url, "--overwrite");
    assert.deepEqual([unasked.code, unasked.stdout], [2, ""]);
    assert.match(unasked.stderr, /1 existing connectors would be replaced\.\n[^]*\[plain\][^]*There is no terminal to confirm on/);
    assert.equal((await must(url, "GET", at("plain"))).name, "Mine");
    const second = await run("restore", file, "--url", url, "--overwrite", "--yes");
    assert.match(second.stdout, /^1 restored, 1 overwritten, 4 already restored, 0 skipped, 0 failed/);
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

test("restore --overwrite lists connectors changed since the backup, keeps newer ones on request, and can select single ones", async () => {
  const to = await serveWithKv();
  try {
    const url = to.url();
    for (const id of ["one", "two", "three"]) await must(url, "PUT", at(id), { name: id });
    const file = join(folder, "newer.ndjson");
    await run("backup", "--url", url, "--to", file);
    await must(url, "PUT", at("one", "/_check_in"));
    await must(url, "PUT", at("two", "/_status"), { status: "error" });
    await must(url, "PUT", at("three", "/_name"), { name: "Changed" });
    const restore = (...args) => run("restore", file, "--url", url, "--overwrite", ...args);

    const kept = await restore("--keep-newer", "--yes");
    assert.equal(kept.stdout, "0 restored, 0 overwritten, 1 already restored, 2 skipped, 0 failed\n");
    assert.match(kept.stderr, /skipped: \[two\]: it has changed since the backup/);
    const only = await restore("--only", "two", "--yes");
    assert.match(only.stderr, /CHANGED SINCE THE BACKUP: \[two\]: version 2 there, 1 in the backup; status error since /);
    assert.match(only.stdout, /^0 restored, 1 overwritten, 0 already restored/);
    assert.deepEqual([(await must(url, "GET", at("two"))).status, (await must(url, "GET", at("three"))).name], ["created", "Changed"]);
    assert.match((await restore("--only", "nobody", "--yes")).stderr, /has no connector \[nobody\]\. Nothing was restored\./);

    // A user changes one connector after the check, and another gets a heartbeat.
    await must(url, "PUT", at("two", "/_status"), { status: "error" });
    let looks = 0;
    const look = async (request) => {
      if (!request.startsWith("PUT") || (looks += 1) > 1) return;
      await must(url, "PUT", at("three", "/_name"), { name: "Changed again" });
      await must(url, "PUT", at("two", "/_check_in"));
    };
    const between = await proxy(url, { look });
    const overtaken = await run("restore", file, "--url", between.url, "--overwrite", "--yes");
    await between.close();
    assert.equal(overtaken.code, 1);
    assert.match(overtaken.stderr, /FAILED: \[three\]: it was changed during the restoration/);
    assert.match(overtaken.stdout, /^0 restored, 1 overwritten, 1 already restored, 0 skipped, 1 failed/);
    assert.deepEqual([(await must(url, "GET", at("two"))).status, (await must(url, "GET", at("three"))).name], ["created", "Changed again"]);
  } finally {
    await to.close();
  }
});

// [description, body, expected reason]
const sound = { format: 1, id: "x", version: 3, document: { status: "created" }, history: [] };
const change = { seq: 1, from: null, to: "created", at: "2026-01-01T00:00:00.000Z", via: "_create", by: null };
const refused = {
  "another format": [{ ...sound, format: 2 }, /\[format\] must be 1/],
  "another connector": [{ ...sound, id: "y" }, /\[id\] must be \[x\], as in the path/],
  "an invalid version": [{ ...sound, version: 0 }, /\[version\] must be between 1 and/],
  "edited after its version": [{ ...sound, edited: 4 }, /\[edited\] must be between 1 and 3/],
  "a document without a status": [{ ...sound, document: {} }, /\[status\] is missing/],
  "an invalid document": [{ ...sound, document: 5 }, /\[document\] must be an object or null/],
  "a change after its version": [{ ...sound, history: [{ ...change, seq: 4 }] }, /\[history\] contains an invalid change: /],
  "a change to an unknown status": [{ ...sound, history: [{ ...change, to: "gone" }] }, /\[history\] contains an invalid change: /],
  "a job of another connector": [{ ...sound, jobs: [{ id: "abc.eA", version: 1, document: { status: "pending" } }] }, /\[jobs\] contains a job whose \[id\]/],
};
test("an invalid backup is refused and nothing is written", async (t) => {
  for (const [what, [body, said]] of Object.entries(refused)) {
    await t.test(what, async () => {
      const answer = await send(from.url(), "PUT", at("x", "/_backup"), body);
      assert.equal(answer.status, 400, JSON.stringify(answer.body));
      assert.match(answer.body.error.reason, said);
      assert.equal((await send(from.url(), "GET", at("x", "/_backup"))).status, 404);
    });
  }
});

test("rebuild-directory restores missing and wrong entries from the connectors", async () => {
  const disk = mkdtempSync(join(folder, "disk-"));
  const server = await serveWithKv({ disk });
  try {
    await fill(server.url());
    const original = await everything(server.url());
    await server.kill();
    // The Directory has lost some entries and has wrong ones.
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
    assert.equal(stdout, "6 connectors reindexed, 0 failed\n");
    assert.deepEqual(await everything(server.url()), original);
  } finally {
    await server.close();
  }
});

const rewind = (url, ...args) => run("rewind", ...args, "--url", url);

test("rewind resets a connector to an earlier state, and can undo that", async () => {
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
    assert.match((await run("restore", keep, "--url", url, "--overwrite", "--yes")).stdout, /^0 restored, 1 overwritten/);
    assert.equal((await must(url, "GET", at("c"))).status, "configured");
    const { audit } = await must(url, "GET", "/_connector/_audit");
    assert.deepEqual(audit.map(({ event, connector }) => `${event} ${connector}`), ["restore c", "read_all null", "restore c", "rewind c"]);
  } finally {
    await server.close();
  }
});

test("where storage has no point-in-time recovery, rewind changes nothing", async () => {
  const url = from.url();
  const now = new Date().toISOString();
  const { code, stderr } = await rewind(url, "plain", "--to", now, "--keep", join(folder, "unused.ndjson"));
  assert.equal(code, 1);
  assert.match(stderr, /400: the object cannot be rewound: .*does not implement point-in-time recovery/);
  assert.equal((await send(url, "POST", at("plain", "/_rewind?to=soon"))).status, 400);
  assert.equal((await send(url, "GET", at("plain"))).status, 200);
});
