// Webhooks: deliveries from a real workerd to receivers on this machine.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createServer } from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { build } from "esbuild";

import { environment, root } from "../../scripts/tools.mjs";
import { faulty, inDatabases, ours, rowOf, scratch, serve, serveWithKv } from "../soak/workerd.mjs";
import { until } from "../until.mjs";
import { newSecret, settingsFor, startReceiver } from "./receiver.mjs";
import { must, send } from "./worker.mjs";

const DEADLINE = { timeout: 120_000 };
/** What a test sends to an endpoint with the default events. */
const samples = [...["error", "recovered", "needs_configuration", "silent", "seen_again"].map((event) => `connector.${event}`), "connector.summary"];

/** Starts a Worker with some receivers, until the end of the test. `receivers`: options of each. */
async function start(t, { receivers = [{}], vars = {}, faults = false } = {}) {
  const all = await Promise.all(receivers.map(startReceiver));
  const disk = mkdtempSync(join(scratch, "connector-status-disk-"));
  const settings = settingsFor(all, { WEBHOOK_DAMPING_SECONDS: "0", ...vars });
  const worker = (faults ? faulty : ours)({ vars: { ANONYMOUS_PRIVILEGE: "manage_connector", ...settings } });
  const server = await serveWithKv({ worker, disk });
  t.after(async () => {
    await server.close();
    await Promise.all(all.map((receiver) => receiver.close()));
    rmSync(disk, { recursive: true, force: true });
    for (const { refused } of all) assert.deepEqual(refused, []);
  });
  const ask = (method, path, body) => must(server.url(), method, `/_connector/${path}`, body);
  return {
    server,
    disk,
    receivers: all,
    ask,
    move: (id, status) => ask("PUT", `${id}/_status`, { status }),
    deliveries: async (id) => (await ask("GET", `${id}/_webhook`)).deliveries,
  };
}

const said = ({ type, data: { from, to, changes } }) => `${type}: ${from} > ${to} ${changes}`;
/** Waits until that many messages have arrived. */
const arrived = (receiver, count, seconds = 20) => until(() => receiver.got.length, (n) => n >= count, seconds);

/** Runs scripts/webhook.mjs; returns its output and exit code. */
const script = (...args) =>
  new Promise((resolve) => {
    execFile("node", ["scripts/webhook.mjs", ...args], { cwd: root, env: environment }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, said: stdout + stderr }),
    );
  });

// Each test has its own Worker and mostly waits, so several run at once.
suite("webhooks", { concurrency: 4 }, () => {
  test("each of the six events is sent with its data", DEADLINE, async (t) => {
    const vars = { WEBHOOK_EVENTS: "*", SILENT_AFTER_SECONDS: "3", CONSOLE_URL: "https://connectors.example/" };
    const { receivers: [receiver], ask, move } = await start(t, { vars });
    const id = encodeURIComponent("six/7");
    await ask("PUT", id, { name: "Six", service_type: "s3", index_name: "search-six" });
    await move(id, "needs_configuration");
    await move(id, "configured");
    await ask("PUT", `${id}/_error`, { error: "no bucket" });
    await move(id, "connected");
    await arrived(receiver, 8);
    await ask("PUT", `${id}/_check_in`);
    const silent = await until(() => receiver.got.find(({ type }) => type === "connector.silent"), Boolean, 20);
    const { last_seen } = await ask("GET", id);
    await ask("PUT", `${id}/_check_in`);
    const again = await until(() => receiver.got.find(({ type }) => type === "connector.seen_again"), Boolean, 20);
    const messages = receiver.got.slice(0, receiver.got.indexOf(again) + 1);
    assert.deepEqual(messages.map(said), [
      "connector.status: null > created 1",
      "connector.needs_configuration: created > needs_configuration 1",
      "connector.status: created > needs_configuration 1",
      "connector.status: needs_configuration > configured 1",
      "connector.error: configured > error 1",
      "connector.status: configured > error 1",
      "connector.recovered: error > connected 1",
      "connector.status: error > connected 1",
      "connector.silent: connected > connected 0",
      "connector.seen_again: connected > connected 0",
    ]);
    assert.equal(new Set(messages.map(({ id }) => id)).size, messages.length);
    const error = messages[4];
    const { at } = (await ask("GET", `${id}/_status`)).history.find(({ to }) => to === "error");
    assert.equal(error.timestamp, at);
    const { next, ...data } = error.data;
    assert.deepEqual(data, {
      id: "six/7",
      name: "Six",
      service_type: "s3",
      index_name: "search-six",
      from: "configured",
      to: "error",
      changes: 1,
      reason: "no bucket",
      cause: "no bucket",
      since: at,
      url: "https://connectors.example/#/six%2F7",
      list_url: "https://connectors.example/#/?cause=no%20bucket",
    });
    assert.deepEqual(next.map(({ status, who }) => `${status} ${who}`), ["configured user", "connected connector", "error connector"]);
    assert.equal(messages[6].data.reason, null);
    assert.equal(silent.data.since, last_seen);
    assert.equal(silent.data.reason, `no check-in for 3 seconds: it was last seen at ${last_seen}`);
    assert.equal(again.data.reason, `it has checked in again: it had not since ${last_seen}`);
  });

  test("nothing is sent for changes before the endpoint was configured, or for writes that change nothing", DEADLINE, async (t) => {
    const { receivers: [receiver], ask, move, server, disk } = await start(t, { vars: { WEBHOOK_EVENTS: "connector.error, connector.status" } });
    await ask("PUT", "known", {});
    await move("known", "error");
    await arrived(receiver, 3);
    // Without an endpoint there are no webhook tables.
    await sleep(3_000);
    await server.kill();
    inDatabases(disk, "ConnectorObject", (database) => {
      database.exec("DROP TABLE webhook");
      database.exec("DROP TABLE webhook_target");
    });
    await server.restart();
    assert.deepEqual((await ask("GET", "known/_webhook")).deliveries, []);
    await ask("PUT", "known/_name", { name: "Known" });
    await move("known", "error");
    await move("known", "connected");
    await arrived(receiver, 4);
    await sleep(3_000);
    assert.deepEqual(receiver.got.map(said), [
      "connector.status: null > created 1",
      "connector.error: created > error 1",
      "connector.status: created > error 1",
      "connector.status: error > connected 1",
    ]);
  });

  test("without an endpoint an object has no webhook tables", DEADLINE, async (t) => {
    const { ask, move, server, disk } = await start(t, { receivers: [] });
    await ask("PUT", "plain", {});
    await move("plain", "error");
    await ask("PUT", "plain/_check_in");
    const shown = await ask("GET", "plain/_webhook");
    assert.deepEqual([shown.targets, shown.deliveries], [[], []]);
    await sleep(3_000);
    await server.kill();
    assert.deepEqual(
      inDatabases(disk, "ConnectorObject", (database) => database.prepare("SELECT name FROM sqlite_master WHERE name LIKE 'webhook%'").all()),
      [[]],
    );
    await server.restart();
  });

  test("failed deliveries are retried with the same id and in order", DEADLINE, async (t) => {
    const ways = ["error", "close", "redirect", "ok"];
    const receivers = [{ answer: (n) => ways[n] ?? "ok" }];
    const { receivers: [receiver], ask, move, deliveries } = await start(t, { receivers, vars: { WEBHOOK_RETRY_SECONDS: "1,1,2,2" } });
    await ask("PUT", "retried", {});
    await move("retried", "error");
    await move("retried", "connected");
    const waiting = await until(() => deliveries("retried"), ([newest, oldest]) => oldest?.attempts === 3);
    assert.deepEqual(waiting.map(({ state, attempts, last_error }) => `${state} ${attempts} ${last_error}`), [
      "waiting 0 null",
      "waiting 3 answered 302: redirects are not followed",
    ]);
    assert.ok(Date.parse(waiting[1].next_attempt) > Date.parse(waiting[1].last_attempt));
    await arrived(receiver, 5);
    assert.deepEqual(receiver.got.map(({ type }) => type), [...Array(4).fill("connector.error"), "connector.recovered"]);
    assert.equal(new Set(receiver.got.map(({ id }) => id)).size, 2);
    // Redirects are not followed.
    assert.ok(receiver.got.every(({ path }) => path.startsWith("/hook")));
    const gaps = receiver.got.slice(1, 4).map(({ at }, n) => at - receiver.got[n].at);
    for (const [n, least] of [1_000, 1_000, 2_000].entries()) assert.ok(gaps[n] >= least - 20, `gap ${n}: ${gaps[n]} ms`);
    const done = await until(() => deliveries("retried"), (all) => all.every(({ state }) => state === "delivered"));
    assert.deepEqual(done.map(({ attempts, last_status }) => `${attempts} ${last_status}`), ["1 204", "4 204"]);
  });

  test("a message that is never accepted is dropped with a line in the log, and later ones are sent", DEADLINE, async (t) => {
    const { receivers: [receiver], ask, move, deliveries, server } = await start(t, {
      receivers: [{ answer: (n) => (n < 3 ? "error" : "ok") }],
      vars: { WEBHOOK_RETRY_SECONDS: "1,1" },
    });
    await ask("PUT", "lost", {});
    await move("lost", "error");
    await move("lost", "connected");
    await arrived(receiver, 4);
    const [second, first] = await until(() => deliveries("lost"), ([second]) => second.state === "delivered");
    assert.deepEqual([first.state, first.attempts, first.last_error, first.next_attempt, second.type], ["given_up", 3, "answered 500", null, "connector.recovered"]);
    const line = server.log().split("\n").find((line) => line.includes('"event":"webhook"'));
    const { connector, target, message, outcome, why } = JSON.parse(line);
    assert.deepEqual({ connector, target, message, outcome, why }, {
      connector: "lost", target: "WEBHOOK_URL", message: first.webhook_id, outcome: "given_up", why: "answered 500",
    });
  });

  test("when changes outrun the history, each message arrives or the next one says how many are missing", { timeout: 180_000 }, async (t) => {
    const { receivers: [receiver], ask, move, server } = await start(t, { vars: { WEBHOOK_EVENTS: "connector.status" } });
    await ask("PUT", "busy", {});
    // From `error`, each of the moves below is legal in any order.
    await move("busy", "error");
    await arrived(receiver, 2);
    // While Workers KV does not answer, the alarm runs less often.
    await server.kv("faults", { mode: "hang" });
    const moves = 3_000;
    const client = async (own) => {
      for (let n = 0; n < moves / 20; n += 1) await move("busy", own % 2 === n % 2 ? "error" : "connected");
    };
    await Promise.all(Array.from({ length: 20 }, (_, own) => client(own)));
    await server.kv("faults", { mode: "none" });
    const changes = (await ask("GET", "busy/_status?size=1")).history[0].version - 1;
    const total = () => receiver.taken().reduce((sum, { data }) => sum + 1 + (data.missed ?? 0), 0);
    await until(total, (sum) => sum >= changes + 1, 60);
    await sleep(3_000);
    assert.equal(total(), changes + 1);
    const missed = receiver.taken().reduce((sum, { data }) => sum + (data.missed ?? 0), 0);
    const { given_up } = (await ask("GET", "busy/_webhook")).targets[0];
    assert.equal(given_up, missed);
    const lines = server.log().split("\n").filter((line) => line.includes('"outcome":"given_up"')).map((line) => JSON.parse(line));
    assert.equal(lines.reduce((sum, { count }) => sum + count, 0), missed);
    const { body } = await send(server.url(), "GET", "/_metrics");
    assert.match(body, new RegExp(`^connector_status_webhook_given_up_total\\{target="WEBHOOK_URL"\\} ${missed}$`, "m"));
  });

  test("messages dropped because too many are pending are logged, and the next message says how many", { timeout: 180_000 }, async (t) => {
    const { receivers: [receiver], ask, move, server } = await start(t, {
      receivers: [{ answer: () => "error" }],
      vars: { WEBHOOK_EVENTS: "connector.status", WEBHOOK_RETRY_SECONDS: Array(100).fill("3").join() },
    });
    await ask("PUT", "stuck", {});
    await arrived(receiver, 1);
    await move("stuck", "error");
    for (let n = 0; n < 130; n += 1) await Promise.all(Array.from({ length: 10 }, (_, m) => move("stuck", m % 2 === 0 ? "error" : "connected")));
    const changes = (await ask("GET", "stuck/_status?size=1")).history[0].version;
    assert.ok(changes > 1_001);
    const target = async () => (await ask("GET", "stuck/_webhook")).targets[0];
    const { given_up } = await until(target, ({ waiting, given_up }) => waiting + given_up === changes, 30);
    assert.equal(given_up, changes - 1_000);
    const lines = server.log().split("\n").filter((line) => line.includes('"outcome":"given_up"')).map((line) => JSON.parse(line));
    assert.equal(lines.reduce((sum, { count }) => sum + count, 0), given_up);
    assert.ok(lines.every(({ connector, target, why }) => connector === "stuck" && target === "WEBHOOK_URL" && why === "1000 messages wait already"));
    receiver.answerWith(() => "ok");
    const first = await until(() => receiver.taken()[0], Boolean, 30);
    assert.equal(first.data.missed, given_up);
  });

  test("an outage of many connectors is ten messages and a summary that counts and names the rest, and so is the recovery", { timeout: 180_000 }, async (t) => {
    const { receivers: [receiver, other], ask, move, server } = await start(t, {
      receivers: [{}, {}],
      // An attempt that times out on a busy machine is repeated within the test's waits, not five minutes later.
      vars: { WEBHOOK_LIMIT_SECONDS: "20", WEBHOOK_EVENTS_2: "connector.status", WEBHOOK_RETRY_SECONDS: Array(30).fill("2").join(), CONSOLE_URL: "https://c.example" },
    });
    const ids = Array.from({ length: 120 }, (_, n) => `many-${String(n).padStart(3, "0")}`);
    const each = async (work) => {
      for (let n = 0; n < ids.length; n += 12) await Promise.all(ids.slice(n, n + 12).map(work));
    };
    await each((id) => ask("PUT", id, { name: `Connector ${id}` }));
    await each((id) => ask("PUT", `${id}/_error`, { error: "the database is down" }));
    /** Waits until all connectors have been reported, in messages of their own or in summaries; returns which were. */
    const reported = async (event) => {
      const found = () => {
        const singles = receiver.taken().filter(({ type }) => type === event);
        const summaries = receiver.taken().filter(({ type, data }) => type === "connector.summary" && data.event === event).map(({ data }) => data);
        return { singles, summaries, count: summaries.reduce((sum, { count }) => sum + count, singles.length) };
      };
      const { singles, summaries, count } = await until(found, ({ count }) => count >= ids.length, 60);
      assert.equal(count, ids.length);
      assert.ok(singles.length <= 10, `${singles.length} messages about single connectors`);
      // Normally one summary: all change within 15 s. A slow machine may take longer.
      assert.ok(summaries.length <= 3, `${summaries.length} summaries`);
      const named = [...singles.map(({ data }) => data), ...summaries.flatMap(({ connectors }) => connectors)];
      assert.equal(new Set(named.map(({ id }) => id)).size, named.length);
      assert.ok(named.every(({ id, name }) => name === `Connector ${id}`));
      return { singles, summaries };
    };
    const failed = await reported("connector.error");
    assert.equal(failed.singles.length, 10);
    for (const { connectors, count, since, ...rest } of failed.summaries) {
      assert.equal(connectors.length, Math.min(count, 100));
      assert.ok(Date.parse(since) > 0);
      assert.deepEqual(rest, { event: "connector.error", url: "https://c.example/#/?cause=the%20database%20is%20down", causes: [{ cause: "the database is down", count }] });
    }
    const [{ connectors: [{ id: gathered }] }] = failed.summaries;
    const states = (await ask("GET", `${gathered}/_webhook`)).deliveries.filter(({ target }) => target === "WEBHOOK_URL").map(({ state }) => state);
    assert.deepEqual(states, ["summarized"]);
    await each((id) => move(id, "connected"));
    await reported("connector.recovered");
    // An endpoint that wants every change gets every change.
    await until(() => other.taken().length, (count) => count === 360, 60);
  });

  test("an endpoint that hangs does not wake the Directory repeatedly", { timeout: 120_000 }, async (t) => {
    const { receivers: [receiver], ask, move, server } = await start(t, {
      receivers: [{ answer: () => "hang" }],
      vars: { WEBHOOK_LIMIT: "0", WEBHOOK_LIMIT_SECONDS: "2", WEBHOOK_EVENTS: "connector.error" },
      faults: true,
    });
    const ids = Array.from({ length: 10 }, (_, n) => `hangs-${n}`);
    for (const id of ids) await ask("PUT", id, {});
    await move(ids[0], "error");
    await until(() => receiver.got.length, Boolean, 30);
    // A delivery is in progress while others arrive.
    const before = await server.faults({ mode: "none" });
    for (const id of ids.slice(1)) await move(id, "error");
    await sleep(8_000);
    const after = await server.faults({ mode: "none" });
    assert.ok(after.alarms - before.alarms < 8, `${after.alarms - before.alarms} alarms in 8 s`);
    assert.deepEqual(receiver.got.map(({ type }) => type), ["connector.summary"]);
  });

  test("while the Directory is unreachable, messages are sent one by one", { timeout: 120_000 }, async (t) => {
    const { receivers: [receiver], ask, move, server } = await start(t, { receivers: [{}], faults: true });
    const ids = Array.from({ length: 15 }, (_, n) => `alone-${n}`);
    for (const id of ids) await ask("PUT", id, {});
    await server.faults({ mode: "throw", methods: ["notify"] });
    await Promise.all(ids.map((id) => move(id, "error")));
    await until(() => receiver.taken().length, (count) => count === 15, 60);
    assert.deepEqual(receiver.taken().map(({ type }) => type), Array(15).fill("connector.error"));
  });

  test("410 disables the endpoint for that connector until its URL changes", DEADLINE, async (t) => {
    const { receivers: [receiver], ask, move, deliveries } = await start(t, { receivers: [{ answer: () => "gone" }] });
    await ask("PUT", "ended", {});
    await move("ended", "error");
    await move("ended", "connected");
    await until(() => deliveries("ended"), (all) => all.length === 2 && all.every(({ state }) => state === "ended"));
    assert.equal((await ask("GET", "ended/_webhook")).targets[0].ended, true);
    await move("ended", "error");
    await sleep(4_000);
    assert.equal(receiver.got.length, 1);
    assert.equal((await deliveries("ended")).length, 2);
  });

  test("an endpoint that hangs delays neither writes nor other endpoints", DEADLINE, async (t) => {
    const { receivers: [hanging, other], ask, move, deliveries } = await start(t, {
      receivers: [{ answer: () => "hang" }, {}],
      vars: { WEBHOOK_EVENTS: "connector.status" },
    });
    await ask("PUT", "hung", {});
    await until(() => hanging.got.length);
    const moves = ["error", "connected", "configured", "error"];
    for (const status of moves) await move("hung", status);
    await arrived(other, 5);
    // All of it arrives before the hanging endpoint's timeout of 15 s.
    assert.ok(!(await deliveries("hung")).some(({ last_error }) => last_error), "the hanging endpoint delayed the others");
    assert.deepEqual(other.got.map(({ data }) => data.to), ["created", ...moves]);
    assert.equal(hanging.got.length, 1);
    const late = await until(() => deliveries("hung"), (all) => all.some(({ last_error }) => last_error), 25);
    assert.ok(late.some(({ target, last_error }) => target === "WEBHOOK_URL" && last_error === "no answer within 15 s"), JSON.stringify(late));
  });

  test("many changes within the interval are merged into one message that says so; the first is sent at once", DEADLINE, async (t) => {
    const { receivers: [receiver], ask, move } = await start(t, { vars: { WEBHOOK_DAMPING_SECONDS: "6" } });
    await ask("PUT", "flaps", {});
    await move("flaps", "error");
    await arrived(receiver, 1);
    for (let n = 0; n < 5; n += 1) {
      await move("flaps", "connected");
      await move("flaps", "error");
    }
    await move("flaps", "connected");
    await arrived(receiver, 2);
    await sleep(8_000);
    assert.deepEqual(receiver.got.map(said), ["connector.error: created > error 1", "connector.recovered: error > connected 11"]);
    assert.ok(receiver.got[1].at - receiver.got[0].at > 5_000);
    // After a quiet interval the next change is sent at once.
    await move("flaps", "error");
    await arrived(receiver, 3, 6);
  });

  test("a killed process loses no message", DEADLINE, async (t) => {
    const { receivers: [receiver], ask, move, server } = await start(t, { vars: { WEBHOOK_EVENTS: "connector.status", WEBHOOK_RETRY_SECONDS: "1,1,1,1,1,1,1,1" } });
    const statuses = ["created"];
    await ask("PUT", "killed", {});
    for (const pause of [0, 100, 1_000, 1_900, 2_050, 2_200]) {
      for (const status of ["error", "connected"]) {
        await move("killed", status);
        statuses.push(status);
      }
      await sleep(pause);
      await server.kill();
      await server.restart();
    }
    await until(() => new Set(receiver.got.map(({ id }) => id)).size, (n) => n >= statuses.length, 30);
    await sleep(2_500);
    assert.deepEqual(receiver.taken().map(({ data }) => data.to), statuses);
    const bodies = new Map();
    for (const { id, data } of receiver.got) {
      assert.deepEqual(data, bodies.get(id) ?? data, id);
      bodies.set(id, data);
    }
  });

  test("silence is reported after a crash too, and never for a connector that has not checked in", DEADLINE, async (t) => {
    const { receivers: [receiver], ask, server } = await start(t, { vars: { SILENT_AFTER_SECONDS: "8" } });
    await ask("PUT", "quiet", {});
    await ask("PUT", "never", {});
    await sleep(3_000);
    await ask("PUT", "quiet/_check_in");
    await sleep(3_000);
    await server.kill();
    await server.restart();
    await arrived(receiver, 1);
    await sleep(3_000);
    assert.deepEqual(receiver.got.map(({ type, data }) => `${type} ${data.id}`), ["connector.silent quiet"]);
  });

  test("a heartbeat writes no extra row and sets no alarm", DEADLINE, async (t) => {
    const { ask, server, disk } = await start(t, { vars: { SILENT_AFTER_SECONDS: "1000" } });
    await ask("PUT", "beats", {});
    await ask("PUT", "beats/_check_in");
    await sleep(6_000);
    const look = async () => {
      await server.kill();
      const [found] = inDatabases(disk, "ConnectorObject", (database) => ({
        alarms: database.prepare("SELECT key, CAST(value AS TEXT) AS value FROM _cf_METADATA").all(),
        targets: database.prepare("SELECT * FROM webhook_target").all(),
        messages: database.prepare("SELECT * FROM webhook").all(),
        version: rowOf(database, "connector").version,
      }));
      await server.restart();
      return found;
    };
    const before = await look();
    for (let n = 0; n < 3; n += 1) {
      await ask("PUT", "beats/_check_in");
      await sleep(300);
      await server.kill();
      await server.restart();
    }
    const { version, ...after } = await look();
    assert.equal(version, before.version + 3);
    assert.deepEqual(after, { alarms: before.alarms, targets: before.targets, messages: [] });
  });

  test("an erased connector's pending messages are sent, and then nothing of it is kept", DEADLINE, async (t) => {
    const { receivers: [receiver], ask, move, server, disk } = await start(t);
    await ask("PUT", "erased", {});
    await move("erased", "error");
    await ask("DELETE", "erased?hard=true");
    await arrived(receiver, 1);
    await sleep(2_500);
    assert.deepEqual(receiver.got.map(({ type, data }) => `${type} ${data.id}`), ["connector.error erased"]);
    assert.equal((await send(server.url(), "GET", "/_connector/erased/_webhook")).status, 404);
    await server.kill();
    assert.deepEqual(inDatabases(disk, "ConnectorObject", (database) => database.prepare("SELECT count(*) AS n FROM webhook").get().n), [0]);
    await server.restart();
  });

  test("a restored connector sends nothing about its past, and continues from there", DEADLINE, async (t) => {
    const { receivers: [receiver], ask, move } = await start(t, { vars: { WEBHOOK_EVENTS: "connector.error, connector.recovered, connector.status" } });
    await ask("PUT", "source", {});
    for (const status of ["error", "connected", "error"]) await move("source", status);
    await arrived(receiver, 7);
    const saved = { ...(await ask("GET", "source/_backup")), id: "there" };
    await ask("PUT", "there", {});
    await arrived(receiver, 8);
    await ask("PUT", "there/_backup?overwrite=true", saved);
    await move("there", "connected");
    await arrived(receiver, 10);
    // Any earlier message would have arrived before this one.
    assert.deepEqual(receiver.got.filter(({ data }) => data.id === "there").map(said), [
      "connector.status: null > created 1",
      "connector.recovered: error > connected 1",
      "connector.status: error > connected 1",
    ]);
  });

  test("a test sends a message of each event that is wanted and reports the deliveries and any wrong settings", DEADLINE, async (t) => {
    const old = newSecret();
    const { receivers: [first, second], server } = await start(t, {
      receivers: [{}, { answer: () => "error" }],
      vars: { WEBHOOK_EVENTS_2: "connector.silent, connector.gone", WEBHOOK_URL_3: "http://hooks.example/", WEBHOOK_SECRET_3: old, WEBHOOK_SECRET_4: "x", WEBHOOK_EVENT: "*", SILENT_AFTER_SECONDS: "soon" },
    });
    const { status, body } = await send(server.url(), "POST", "/_connector/_webhook/_test");
    assert.equal(status, 200);
    assert.deepEqual(
      body.targets.map(({ took_ms, webhook_id, events, sent, ...rest }) => rest),
      [
        ...samples.map((type) => ({ target: "WEBHOOK_URL", host: first.host, type, delivered: true, status: 204, error: null })),
        { target: "WEBHOOK_URL_2", host: second.host, type: "connector.silent", delivered: false, status: 500, error: "answered 500" },
        { target: "WEBHOOK_URL_2", host: second.host, type: "connector.summary", delivered: false, status: 500, error: "answered 500" },
      ],
    );
    assert.deepEqual(body.targets.at(-1).events, ["connector.silent"]);
    const byId = (a, b) => (a[0] < b[0] ? -1 : 1);
    const arrivedHere = first.got.map(({ id, type, data }) => [id, { type, data }]).sort(byId);
    const said = body.targets.slice(0, samples.length).map(({ webhook_id, sent: { type, data } }) => [webhook_id, { type, data }]).sort(byId);
    assert.deepEqual(arrivedHere, said);
    assert.ok(first.got.every(({ data }) => data.test === true));
    const problems = [/^SILENT_AFTER_SECONDS must be a number/, /^WEBHOOK_EVENTS_2 names something that is no event/, /^WEBHOOK_URL_3 must be https/, /^WEBHOOK_SECRET_4 has no WEBHOOK_URL_4/, /^WEBHOOK_EVENT is not a known setting/];
    assert.equal(body.problems.length, problems.length, JSON.stringify(body.problems));
    for (const [n, problem] of problems.entries()) assert.match(body.problems[n], problem);
    const text = JSON.stringify(body);
    for (const secret of [first.secret, second.secret, old, "of-the-url"]) assert.ok(!text.includes(secret), "a secret is shown");
  });

  test("a test of an endpoint that hangs ends and delays no other", DEADLINE, async (t) => {
    const { receivers: [hanging, other], server } = await start(t, { receivers: [{ answer: () => "hang" }, {}] });
    const { body } = await send(server.url(), "POST", "/_connector/_webhook/_test");
    const byTarget = (name) => body.targets.filter(({ target }) => target === name);
    const [first, ...more] = byTarget("WEBHOOK_URL");
    assert.deepEqual([first.delivered, first.status, more, hanging.got.length], [false, null, [], 1]);
    assert.deepEqual(byTarget("WEBHOOK_URL_2").map(({ type, delivered }) => [type, delivered]), samples.map((type) => [type, true]));
    assert.equal(other.got.length, samples.length);
    assert.ok(byTarget("WEBHOOK_URL_2").every(({ took_ms }) => took_ms < first.took_ms));
  });

  test("the message of an error says how many connectors share its cause, the same when it is retried", DEADLINE, async (t) => {
    const vars = { WEBHOOK_EVENTS: "connector.error", WEBHOOK_RETRY_SECONDS: "1,1,1", CONSOLE_URL: "https://c.example" };
    const { receivers: [receiver], ask } = await start(t, { receivers: [{ answer: (n) => (n === 1 ? "error" : "ok") }], vars });
    for (const [id, count] of [["one", 1], ["two", 3]]) {
      await ask("PUT", id, {});
      await ask("PUT", `${id}/_error`, { error: `no bucket ${count}` });
      await arrived(receiver, count);
    }
    const list_url = `https://c.example/#/?cause=${encodeURIComponent("no bucket …")}`;
    assert.deepEqual(receiver.got.map(({ data }) => [data.id, data.sharing, data.list_url]), [["one", 1, list_url], ["two", 2, list_url], ["two", 2, list_url]]);
    assert.equal(receiver.got[1].id, receiver.got[2].id);
  });

  test("an invalid endpoint URL is never shown with its path", DEADLINE, async (t) => {
    const secret = newSecret();
    for (const url of ["https://hooks.example:99999/of-the-url", "https://hooks.example\\of-the-url", "https://1.2.3.999/of-the-url", "http://127.0.0.1:1/of-the-url", "https:/hooks.example/of-the-url"]) {
      const { ask, server, move, deliveries } = await start(t, { receivers: [], vars: { WEBHOOK_URL: url, WEBHOOK_SECRET: secret, WEBHOOK_EVENTS: "connector.error", WEBHOOK_URL_2: `${url}2`, WEBHOOK_EVENTS_2: "of-the-url", WEBHOOK_SECRET_2: `${secret}of-the-url` } });
      const { body } = await send(server.url(), "POST", "/_connector/_webhook/_test");
      assert.equal(body.targets.filter(({ delivered }) => delivered).length, 0);
      assert.notEqual(body.targets.length + body.problems.length, 0);
      await ask("PUT", "mistyped", {});
      await move("mistyped", "error");
      if (body.targets.length > 0) await until(() => deliveries("mistyped"), ([first]) => first?.attempts > 0);
      const shown = JSON.stringify([body, await ask("GET", "mistyped/_webhook")]) + server.log();
      assert.ok(!shown.includes("of-the-url"), `${url}: ${shown}`);
    }
  });

  test("npm run webhook prints the results of a test and the next steps", DEADLINE, async (t) => {
    const { receivers: [receiver, other], server } = await start(t, { receivers: [{}, { answer: () => "redirect" }] });
    const url = server.url();
    const { code, said } = await script("test", "--url", url);
    assert.equal(code, 1);
    for (const type of samples) assert.match(said, new RegExp(`^WEBHOOK_URL \\(${receiver.host}\\): ${type} delivered: answered 204, \\d+ ms$`, "m"));
    // A sample of each event.
    for (const { type, timestamp, data } of receiver.got) assert.ok(said.includes(`\n  ${JSON.stringify({ type, timestamp, data })}\n`), said);
    assert.match(said, new RegExp(`^WEBHOOK_URL_2 \\(${other.host}\\): connector.error not delivered: answered 302: redirects are not followed, \\d+ ms$`, "m"));
    other.answerWith(() => "ok");
    assert.equal((await script("test", "--url", url)).code, 0);
    assert.deepEqual(receiver.got.map(({ type }) => type), [...samples, ...samples]);
    assert.ok(receiver.got.every(({ data }) => data.test === true));

    const none = await start(t, { receivers: [] });
    const cases = [
      [["test", "--url", none.server.url()], 1, /No webhook is configured\. Set WEBHOOK_URL and WEBHOOK_SECRET/],
      [["test", "--url", "http://127.0.0.1:9"], 3, /Nothing answers at http:\/\/127.0.0.1:9/],
      [["test", "--remote"], 2, /--remote needs --url, the deployed service.s address/],
      [["tset"], 2, /Unknown command 'tset'\. See npm run webhook -- --help/],
      [["secret"], 0, /^whsec_[A-Za-z0-9+/]{43}=\n$/],
    ];
    for (const [args, code, pattern] of cases) {
      const result = await script(...args);
      assert.equal(result.code, code, args.join(" "));
      assert.match(result.said, pattern);
    }
  });

  test("the Slack example translates signed events and ignores everything else", DEADLINE, async (t) => {
    const posted = [];
    let status = 200;
    const slack = createServer(async (request, response) => {
      const pieces = [];
      for await (const piece of request) pieces.push(piece);
      posted.push(JSON.parse(Buffer.concat(pieces)));
      response.writeHead(status).end();
    });
    await new Promise((resolve) => slack.listen(0, "127.0.0.1", resolve));
    t.after(() => slack.close());
    const secret = newSecret();
    const outfile = "build/webhook-to-slack.js";
    await build({ absWorkingDir: root, entryPoints: ["docs/examples/webhook-to-slack.js"], outfile, bundle: true, format: "esm", logLevel: "error" });
    const vars = { SIGNING_SECRET: secret, SLACK_URL: `http://127.0.0.1:${slack.address().port}/` };
    const translator = await serve({ workers: { it: { modules: [outfile], vars } }, sockets: { it: "it" } });
    t.after(() => translator.kill());
    const settings = { WEBHOOK_URL: translator.url("it"), WEBHOOK_SECRET: secret, WEBHOOK_RETRY_SECONDS: "1,1,1", CONSOLE_URL: "https://c.example" };
    const { ask, move, deliveries } = await start(t, { receivers: [], vars: settings });
    status = 500;
    await ask("PUT", "slack", { name: "S3 <sales>" });
    await ask("PUT", "slack/_error", { error: "no bucket & no key" });
    await until(() => posted.length);
    status = 200;
    await until(() => deliveries("slack"), ([first]) => first?.state === "delivered");
    await move("slack", "connected");
    await until(() => deliveries("slack"), ([first]) => first.state === "delivered" && first.type === "connector.recovered");
    const texts = [...new Set(posted.map(({ text }) => text))];
    assert.deepEqual(texts, [
      "*S3 &lt;sales&gt;*: error, created → error\nno bucket &amp; no key\n<https://c.example/#/slack|Open>",
      "*S3 &lt;sales&gt;*: recovered, error → connected\n<https://c.example/#/slack|Open>",
    ]);
    // A test event is shown as one.
    posted.length = 0;
    await ask("POST", "_webhook/_test");
    assert.deepEqual(posted.map(({ text }) => text).sort(), [
      "[Test] *2 connectors*: error\nTest of the webhook, Test of the webhook\n2 × this is a test: no connector has changed\n<https://c.example/#/?cause=this%20is%20a%20test%3A%20no%20connector%20has%20changed|Open>",
      ...["error, connected → error", "needs configuration, created → needs_configuration", "recovered, error → connected", "seen again, connected", "silent, connected"].map(
        (what) => `[Test] *Test of the webhook*: ${what}\nthis is a test: no connector has changed\n<https://c.example|Open>`,
      ),
    ]);
    const forged = await fetch(translator.url("it"), { method: "POST", body: JSON.stringify({ type: "connector.error", data: {} }) });
    assert.equal(forged.status, 401);
  });
});
