// Watching: which changes each watcher gets, and when a socket ends. Against a real workerd.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { join as joinPath } from "node:path";
import { after, before, suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { ours, scratch, serveWithKv } from "../soak/workerd.mjs";
import { until } from "../until.mjs";
import { watch, watching } from "./watching.mjs";
import { must, send, startWorker } from "./worker.mjs";

const ROOT = "root-id:a-secret-of-the-root-key-for-tests";
const encode = (text) => Buffer.from(text).toString("base64");
const bearing = (token) => ({ authorization: `ApiKey ${encode(token)}` });
const asRoot = bearing(ROOT);

const secret = randomBytes(24).toString("base64url");
const secret_sha256 = createHash("sha256").update(secret).digest("base64");
const key = (fields) => JSON.stringify({ name: "a key", secret_sha256, privileges: ["monitor_connector"], ...fields });
const as = (id) => bearing(`${id}:${secret}`);

let worker;
let keys;
before(async () => {
  worker = await startWorker({
    open: false,
    secrets: { ROOT_API_KEY: ROOT },
    vars: { CORS_ORIGINS: "https://console.example", WATCH_CHECK_SECONDS: "1" },
  });
  keys = (await worker.env()).API_KEYS;
  await keys.put("all", key());
  await keys.put("team", key({ connectors: ["team-*"] }));
  await keys.put("none", key({ privileges: [] }));
});
after(() => worker.close());

const ask = (method, path, body, headers = asRoot) => must(worker.url, method, `/_connector${path}`, body, headers);
const create = (id, body = {}) => ask("PUT", `/${id}`, body);
const move = (id, status) => ask("PUT", `/${id}/_status`, { status });
/** Waits until the Directory has the change; consecutive changes of one connector reach it a moment later. */
const listed = (id, status) =>
  until(async () => (await ask("GET", "?size=1000")).results.find((connector) => connector.id === id)?.status, (found) => found === status);
const ticket = async (headers = asRoot) => (await ask("POST", "/_watch", undefined, headers)).ticket;
const join = async (query = {}, headers = asRoot) => watching(worker.url, { ...query, ticket: await ticket(headers) });

/** The response to a handshake: status and body. */
function handshake(path, headers = {}, url = worker.url) {
  const wanted = { connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13", "sec-websocket-key": encode("0123456789abcdef") };
  return new Promise((resolve, reject) => {
    const asked = request(`${url}${path}`, { headers: { ...wanted, ...headers } });
    asked.on("upgrade", (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode });
    });
    asked.on("response", (response) => {
      let body = "";
      response.on("data", (data) => (body += data));
      response.on("end", () => resolve({ status: response.statusCode, body, headers: response.headers }));
    });
    asked.on("error", reject);
    asked.end();
  });
}

test("a change is sent at once, in the form that lists have", async () => {
  await create("told", { name: "Told", index_name: "told", service_type: "mysql" });
  const watcher = await join();
  assert.deepEqual(watcher.messages, [{ type: "reset", seq: watcher.messages[0].seq }]);
  await sleep(300);
  await move("told", "needs_configuration");
  const { seq, version, connector } = await watcher.change("told");
  assert.ok(seq > watcher.messages[0].seq);
  assert.equal(version, 2);
  assert.deepEqual(
    { ...connector, since: typeof connector.since },
    {
      id: "told",
      name: "Told",
      index_name: "told",
      service_type: "mysql",
      description: null,
      status: "needs_configuration",
      since: "string",
      last_seen: null,
      error: null,
      last_synced: null,
      last_sync_status: null,
      last_indexed_document_count: null,
    },
  );
  await watcher.close();
});

test("heartbeats, errors and deletions are sent", async () => {
  const watcher = await join();
  await create("life", { name: "Life" });
  await watcher.change("life", ({ connector }) => connector?.name === "Life");
  await ask("PUT", "/life/_check_in");
  await watcher.change("life", ({ connector }) => connector?.last_seen);
  await ask("PUT", "/life/_error", { error: "no bucket" });
  await watcher.change("life", ({ connector }) => connector?.error === "no bucket" && connector.status === "error");
  await ask("DELETE", "/life");
  await watcher.change("life", ({ connector }) => connector === null);
  await create("life", { name: "Again" });
  await watcher.change("life", ({ connector }) => connector?.name === "Again");
  await ask("DELETE", "/life?hard=true");
  const gone = () => watcher.changes().at(-1);
  await until(gone, ({ id, connector }) => id === "life" && connector === null);
  const versions = watcher.changes().map(({ version }) => version);
  assert.deepEqual(versions, versions.toSorted((a, b) => a - b));
  await watcher.close();
});

test("a change that is only a heartbeat is marked as one", async () => {
  await create("beating");
  const watcher = await join({ id: "beating" });
  await ask("PUT", "/beating/_check_in");
  assert.equal((await watcher.change("beating")).heartbeat, true);
  await move("beating", "needs_configuration");
  assert.equal((await watcher.change("beating", ({ connector }) => connector.status !== "created")).heartbeat, undefined);
  // When changes are merged into one message, heartbeats do not hide a move.
  const received = watcher.messages.length;
  await Promise.all([ask("PUT", "/beating/_check_in"), move("beating", "configured"), ask("PUT", "/beating/_check_in")]);
  await watcher.change("beating", ({ connector }) => connector.status === "configured");
  const more = watcher.messages.slice(received).flatMap(({ changes }) => changes).filter(({ heartbeat }) => !heartbeat);
  assert.equal(more.length, 1);
  await watcher.close();
});

test("a change of a sync job is sent with its connector's id, to those who can see it", async () => {
  await create("team-jobs", { service_type: "mysql", index_name: "team-jobs" });
  await create("other-jobs", { service_type: "mysql", index_name: "other-jobs" });
  await keys.put("jobs", key({ connectors: ["team-*"] }));
  const watchers = [await join(), await join({ id: "team-jobs" }), await join({}, as("jobs"))];
  const { seq } = watchers[0].messages[0];
  const heard = (watcher) => [...new Set(watcher.messages.flatMap(({ sync_jobs = [] }) => sync_jobs))].sort();
  const job = async (id) => (await ask("POST", "/_sync_job", { id, job_type: "full" })).id;
  const [mine] = [await job("team-jobs"), await job("other-jobs")];
  await until(() => heard(watchers[0]), (ids) => ids.length === 2);
  assert.deepEqual(watchers.slice(1).map(heard), [["team-jobs"], ["team-jobs"]]);
  const count = () => watchers[1].messages.filter(({ sync_jobs }) => sync_jobs).length;
  // The job's progress and its end.
  for (const [endpoint, body] of [
    ["_claim", { worker_hostname: "host" }],
    ["_stats", { deleted_document_count: 1, indexed_document_count: 2, indexed_document_volume: 3 }],
    ["_cancel", undefined],
    ["_error", { error: "no bucket" }],
  ]) {
    const before = count();
    await ask("PUT", `/_sync_job/${mine}/${endpoint}`, body);
    await until(count, (number) => number > before);
  }
  const before = count();
  await ask("DELETE", `/_sync_job/${mine}`);
  await until(count, (number) => number > before);
  // A message without changes must not reset the position.
  assert.ok(watchers[1].seq() >= seq);
  for (const watcher of watchers) await watcher.close();
});

test("a watcher of one connector gets only that connector's changes", async () => {
  await create("one");
  await create("other");
  const watcher = await join({ id: "one" });
  await move("other", "error");
  await move("one", "error");
  await watcher.change("one");
  await sleep(300);
  assert.deepEqual([...new Set(watcher.changes().map(({ id }) => id))], ["one"]);
  await watcher.close();
});

test("a returning watcher gets everything it missed, and nothing twice", async () => {
  for (const id of ["missed-a", "missed-b", "missed-c"]) await create(id);
  const first = await join();
  await move("missed-a", "error");
  await first.change("missed-a");
  const since = first.seq();
  await first.close();
  await move("missed-a", "configured");
  await move("missed-a", "connected");
  await move("missed-b", "error");
  await ask("DELETE", "/missed-c?hard=true");
  await listed("missed-a", "connected");
  await listed("missed-b", "error");
  const second = await join({ since });
  const [{ type, changes }] = second.messages;
  assert.equal(type, "changes");
  assert.deepEqual(
    changes.map(({ id, connector }) => [id, connector?.status ?? null]).sort(),
    [["missed-a", "connected"], ["missed-b", "error"], ["missed-c", null]],
  );
  const again = await join({ since: second.seq() });
  assert.deepEqual(again.messages[0].changes, []);
  const one = await join({ since, id: "missed-b" });
  assert.deepEqual(one.messages[0].changes.map(({ id }) => id), ["missed-b"]);
  for (const watcher of [second, again, one]) await watcher.close();
});

test("a watcher without a position, or with an impossible one, starts over", async () => {
  for (const query of [{}, { since: "99999999999999" }]) {
    const watcher = await join(query);
    assert.equal(watcher.messages[0].type, "reset");
    await watcher.close();
  }
});

test("many changes are sent in at most four messages a second", async () => {
  const ids = Array.from({ length: 10 }, (_, n) => `many-${n}`);
  for (const id of ids) await create(id);
  const watcher = await join();
  const startedAt = performance.now();
  for (let round = 0; performance.now() < startedAt + 2_000; round += 1) {
    await Promise.all(ids.map((id) => move(id, round % 2 ? "configured" : "error")));
  }
  const messages = watcher.messages.length - 1;
  const seconds = (performance.now() - startedAt) / 1000;
  assert.ok(messages <= 4 * seconds + 2, `${messages} messages in ${seconds} s`);
  const shown = (id) => watcher.changes().findLast((change) => change.id === id)?.connector.status;
  for (const id of ids) {
    const { status } = await ask("GET", `/${id}`);
    await until(() => shown(id), (last) => last === status, 20);
  }
  await watcher.close();
});

suite("access to watching", () => {
  test("a key with patterns gets only its connectors' changes", async () => {
    await create("team-1");
    await create("rival-1");
    const { seq } = (await join()).messages[0];
    await move("team-1", "error");
    await move("rival-1", "error");
    await listed("team-1", "error");
    await listed("rival-1", "error");
    const watcher = await join({ since: seq }, as("team"));
    assert.deepEqual(watcher.changes().map(({ id }) => id), ["team-1"]);
    await move("rival-1", "configured");
    await move("team-1", "configured");
    await watcher.change("team-1", ({ connector }) => connector.status === "configured");
    await ask("DELETE", "/rival-1?hard=true");
    await sleep(500);
    assert.ok(!JSON.stringify(watcher.messages).includes("rival"));
    await watcher.close();
    const path = `/_connector/_watch?id=rival-1&ticket=${await ticket(as("team"))}`;
    assert.equal((await handshake(path)).status, 403);
  });

  test("clients that can send headers may send the key in one", async () => {
    assert.equal((await handshake("/_connector/_watch", as("all"))).status, 101);
  });

  test("a missing, wrong or insufficient key is refused", async () => {
    const refused = [
      ["GET", {}, 401],
      ["GET", bearing("all:wrong"), 401],
      ["GET", as("none"), 403],
      ["POST", {}, 401],
      ["POST", bearing("all:wrong"), 401],
      ["POST", as("none"), 403],
    ];
    for (const [method, headers, status] of refused) {
      const answer = await (method === "GET"
        ? handshake("/_connector/_watch", headers)
        : send(worker.url, "POST", "/_connector/_watch", undefined, headers));
      assert.equal(answer.status, status, `${method} ${JSON.stringify(headers)}`);
    }
  });

  test("a ticket works once", async () => {
    const one = await ticket(as("all"));
    assert.equal((await handshake(`/_connector/_watch?ticket=${one}`)).status, 101);
    const again = await handshake(`/_connector/_watch?ticket=${one}`);
    assert.equal(again.status, 401);
    assert.equal(JSON.parse(again.body).error.type, "security_exception");
    const [half] = one.split(".");
    const forged = [half, `${half}.`, `${half}.AAAA`, `${one}A`, `A${one}`, "x.y", encode("all:secret"), "a".repeat(2_000)];
    for (const text of forged) {
      const answer = await handshake(`/_connector/_watch?ticket=${encodeURIComponent(text)}`);
      assert.equal(answer.status, 401, text.slice(0, 60));
    }
    // Parts of two tickets do not make a valid third.
    const [a, b] = [await ticket(as("all")), await ticket(as("team"))].map((text) => text.split("."));
    assert.equal((await handshake(`/_connector/_watch?ticket=${b[0]}.${a[1]}`)).status, 401);
  });

  test("pages of other sites are refused, unless CORS_ORIGINS lists them", async () => {
    const own = new URL(worker.url).host;
    const origins = [
      [`http://${own}`, 101],
      ["https://console.example", 101],
      ["https://evil.example", 403],
      [`http://${own}.evil.example`, 403],
      ["null", 403],
    ];
    for (const [origin, status] of origins) {
      const answer = await handshake(`/_connector/_watch?ticket=${await ticket()}`, { origin });
      assert.equal(answer.status, status, origin);
    }
  });

  test("a request without a WebSocket upgrade says what is missing", async () => {
    const { status, body } = await send(worker.url, "GET", "/_connector/_watch", undefined, asRoot);
    assert.equal(status, 426);
    assert.match(body.error.reason, /WebSocket/);
    for (const path of ["?since=x", "?since=-1", "?id=", "?what=1"]) {
      assert.equal((await handshake(`/_connector/_watch${path}`, asRoot)).status, 400, path);
    }
    assert.equal((await send(worker.url, "DELETE", "/_connector/_watch", undefined, asRoot)).status, 405);
  });

  test("no ticket or key appears in the log", async () => {
    const text = await ticket(as("all"));
    await handshake(`/_connector/_watch?ticket=${text}`);
    await handshake(`/_connector/_watch?ticket=${text}`);
    const log = worker.logs().join("\n");
    assert.match(log, /ticket used before/);
    assert.ok(!log.includes(text) && !log.includes(secret));
  });
});

suite("a socket ends", () => {
  test("when the client sends anything but ping", async () => {
    const watcher = await join();
    watcher.socket.send("ping");
    await until(() => watcher.messages.at(-1), ({ type }) => type === "pong");
    const bad = ["", "{}", "PING", "x".repeat(100_000), new Uint8Array([1, 2, 3]), '{"type":"subscribe"}'];
    for (const message of bad) {
      const victim = await join();
      victim.socket.send(message);
      const { code } = await victim.end();
      assert.equal(code, 1008, String(message).slice(0, 20));
    }
    assert.equal(watcher.closed, undefined);
    await watcher.close();
  });

  test("when the client closes it", async () => {
    const watcher = await join();
    watcher.socket.close(1000, "bye");
    const { code, wasClean } = await watcher.end();
    assert.deepEqual([code, wasClean], [1000, true]);
  });
});

test("an anonymous caller with the privilege needs no ticket", async (t) => {
  const open = await startWorker();
  t.after(() => open.close());
  const answer = await send(open.url, "POST", "/_connector/_watch");
  assert.deepEqual(answer.body, { ticket: null, expires: null });
  const watcher = await watching(open.url);
  await send(open.url, "PUT", "/_connector/anyone");
  await watcher.change("anyone");
  await watcher.close();
  assert.equal((await handshake("/_connector/_watch", { origin: "https://evil.example" }, open.url)).status, 403);
  assert.equal((await handshake("/_connector/_watch", { host: "evil.example" }, open.url)).status, 421);
});

// These mostly wait, and each inner suite has its own server.
suite("slow tests", { concurrency: 2 }, () => {
  // Nothing else may change meanwhile: watchers must not get changes that they cannot see.
  suite("expiry", { concurrency: true }, () => {
    test("a ticket works for 30 seconds, and no longer than its key", async () => {
      await keys.put("short", key());
      const gone = await ticket(as("short"));
      await keys.delete("short");
      const late = await ticket();
      const soon = Date.now() + 31_000;
      await until(async () => (await handshake(`/_connector/_watch?ticket=${gone}`)).status, (status) => status === 401);
      await sleep(soon - Date.now());
      assert.equal((await handshake(`/_connector/_watch?ticket=${late}`)).status, 401);
    });

    test("a socket ends when its key expires, even if nothing happens", async () => {
      await keys.put("brief", key({ expiration: Date.now() + 15_000 }));
      const [first, second] = [await join({}, as("brief")), await join({ id: "one" }, as("brief"))];
      const lasting = await join({}, as("all"));
      for (const watcher of [first, second]) {
        assert.deepEqual(await watcher.end(40), { code: 1008, reason: "the key has expired", wasClean: true });
      }
      assert.equal(lasting.closed, undefined);
      await lasting.close();
    });

    test("a socket ends when its key is revoked or changed, before it gets another change", async () => {
      for (const [id, revoke] of [
        ["revoked", () => keys.delete("revoked")],
        ["narrowed", () => keys.put("narrowed", key({ connectors: ["team-*"] }))],
      ]) {
        await keys.put(id, key());
        await create(`seen-by-${id}`);
        const watcher = await join({}, as(id));
        await move(`seen-by-${id}`, "error");
        await watcher.change(`seen-by-${id}`);
        await revoke();
        await sleep(2_500);
        const before = watcher.messages.length;
        await move(`seen-by-${id}`, "configured");
        assert.equal((await watcher.end()).reason, "the key has been changed or revoked");
        assert.equal(watcher.messages.length, before);
      }
    });
  });

  suite("sockets in workerd", { concurrency: 1 }, () => {
    let disk;
    let server;
    before(async () => {
      disk = mkdtempSync(joinPath(scratch, "connector-status-disk-"));
      server = await serveWithKv({ disk, worker: ours({ vars: { ANONYMOUS_PRIVILEGE: "manage_connector" } }) });
    });
    after(async () => {
      await server.close();
      rmSync(disk, { recursive: true, force: true });
    });
    const put = (path, body) => must(server.url(), "PUT", `/_connector/${path}`, body);

    test("200 sockets with different filters each get their own changes", async () => {
      await put("crowd-1");
      const open = (n) => watching(server.url(), n % 2 ? { id: `crowd-${n}` } : {});
      const watchers = await Promise.all(Array.from({ length: 200 }, (_, n) => open(n)));
      await put("crowd-1/_status", { status: "error" });
      await Promise.all(watchers.filter((_, n) => n % 2 === 0 || n === 1).map((watcher) => watcher.change("crowd-1")));
      assert.ok(watchers.slice(3).every((watcher, n) => n % 2 !== 0 || watcher.changes().length === 0));
      await Promise.all(watchers.map((watcher) => watcher.close()));
    });

    test("a client that floods is disconnected, and no other", async () => {
      await put("calm");
      const watcher = await watching(server.url());
      const flooders = await Promise.all(Array.from({ length: 5 }, () => watching(server.url())));
      for (const { socket } of flooders) for (let n = 0; n < 2_000; n += 1) socket.send(`flood ${n}`);
      for (const flooder of flooders) assert.equal((await flooder.end(20)).code, 1008);
      // Any number of pings is fine: the runtime answers them.
      for (let n = 0; n < 2_000; n += 1) watcher.socket.send("ping");
      await put("calm/_status", { status: "error" });
      await watcher.change("calm", () => true, 20);
      await watcher.close();
    });

    test("sockets survive the eviction of their object, and do not wake it", async () => {
      await put("sleeper");
      const watcher = await watching(server.url(), { id: "sleeper" });
      await sleep(12_000);
      watcher.socket.send("ping");
      await until(() => watcher.messages.at(-1), ({ type }) => type === "pong");
      await put("sleeper/_status", { status: "error" });
      const { connector } = await watcher.change("sleeper");
      assert.equal(connector.status, "error");
      await watcher.close();
    });

    test("after a crash a watcher resumes from its position without loss", async () => {
      await put("crash-a");
      await put("crash-b");
      const watcher = await watching(server.url());
      await put("crash-a/_status", { status: "error" });
      await watcher.change("crash-a");
      const since = watcher.seq();
      await server.kill();
      await watcher.end();
      await server.restart();
      await put("crash-b/_status", { status: "error" });
      const resumed = await watching(server.url(), { since });
      assert.equal(resumed.messages[0].type, "changes");
      await resumed.change("crash-b", ({ connector }) => connector.status === "error");
      assert.ok(resumed.changes().every(({ seq }) => seq > since));
      await resumed.close();
    });

    test("a watcher that missed more than a thousand changes starts over", async () => {
      const { seq } = (await watching(server.url())).messages[0];
      const entries = Array.from({ length: 1_100 }, (_, n) => [`c:bulk-${n}`, '{"status":"configured"}', {}]);
      await server.kv("load", entries);
      await send(server.url(), "POST", "/_connector/_import");
      const late = await watching(server.url(), { since: seq });
      assert.equal(late.messages[0].type, "reset");
      const narrow = await watching(server.url(), { since: seq, id: "bulk-7" });
      assert.deepEqual(narrow.changes().map(({ id }) => id), ["bulk-7"]);
      for (const watcher of [late, narrow]) await watcher.close();
    });
  });
});
