// The client's watch() against the real Worker in workerd, through a proxy that can fail.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { must, send } from "../edge/worker.mjs";
import { ours, scratch, serveWithKv } from "../soak/workerd.mjs";
import { until } from "../until.mjs";
import { dist, example, runExample } from "./package.mjs";
import { startProxy } from "./proxy.mjs";

const { connectorStatus, ConnectorApiError } = await import(join(dist, "client.js"));

const secret = "a-secret-for-the-tests-of-watching";
const secret_sha256 = createHash("sha256").update(secret).digest("base64");
const keyOf = (id) => Buffer.from(`${id}:${secret}`).toString("base64");

let disk;
let server;
let proxy;
before(async () => {
  disk = mkdtempSync(join(scratch, "connector-status-disk-"));
  server = await serveWithKv({ disk, worker: ours({ vars: { ANONYMOUS_PRIVILEGE: "manage_connector", WATCH_CHECK_SECONDS: "1" } }) });
  proxy = await startProxy(() => server.port());
  const key = (fields) => JSON.stringify({ name: "a key", secret_sha256, privileges: ["monitor_connector"], ...fields });
  await server.kv("load", [["team", key({ connectors: ["team-*"] })], ["nothing", key({ privileges: [] })], ["ends", key()]]);
});
after(async () => {
  // A failed test leaves its watchers open.
  controllers.forEach((controller) => controller.abort());
  proxy.close();
  await server.close();
  rmSync(disk, { recursive: true, force: true });
});

const put = (path, body) => must(server.url(), "PUT", `/_connector/${path}`, body);
const move = (id, status) => put(`${id}/_status`, { status });

const controllers = [];

/** Watches in the background; `events` has what it received. */
function watching(options = {}, { id } = {}) {
  const controller = new AbortController();
  controllers.push(controller);
  const events = [];
  const watcher = {
    events,
    of: (type) => events.filter((event) => event.type === type),
    /** Waits for an event. */
    has: (wished, seconds = 10) => until(() => events.find(wished) ?? null, Boolean, seconds),
    change: (id, status, seconds) =>
      watcher.has((event) => event.id === id && (status === undefined || event.connector?.status === status), seconds),
    stop: async () => {
      const reason = new Error("enough");
      controller.abort(reason);
      await assert.rejects(watcher.end, (error) => error === reason);
    },
  };
  watcher.end = (async () => {
    const client = connectorStatus({ url: proxy.url, ...options });
    for await (const event of client.watch({ id, signal: controller.signal })) events.push(event);
  })();
  watcher.end.catch(() => {});
  return watcher;
}
const isReset = ({ type }) => type === "reset";

test("the first event is a reset, followed by each change", async () => {
  await put("a", { name: "A" });
  await put("b");
  const [all, one] = [watching(), watching({}, { id: "a" })];
  for (const watcher of [all, one]) await watcher.has(isReset);
  await move("b", "error");
  await move("a", "error");
  for (const watcher of [all, one]) {
    const { type, version, connector } = await watcher.change("a", "error");
    assert.deepEqual([type, version, connector.name], ["change", 2, "A"]);
  }
  await send(server.url(), "DELETE", "/_connector/a");
  await all.has(({ id, connector }) => id === "a" && connector === null);
  assert.ok(all.of("change").some(({ id }) => id === "b"));
  assert.ok(one.of("change").every(({ id }) => id === "a"));
  for (const watcher of [all, one]) await watcher.stop();
});

test("heartbeats are marked, and changes of sync jobs are reported, even those that may have been missed", async () => {
  await put("worked", { index_name: "worked", service_type: "mysql" });
  const watcher = watching();
  await watcher.has(isReset);
  await put("worked/_check_in");
  await watcher.has(({ id, heartbeat }) => id === "worked" && heartbeat === true);
  const { status } = await send(server.url(), "POST", "/_connector/_sync_job", { id: "worked" });
  assert.equal(status, 201);
  await watcher.has(({ type, id }) => type === "sync_jobs" && id === "worked");
  proxy.cut();
  await watcher.has(({ type, id }) => type === "sync_jobs" && id === undefined);
  assert.equal(watcher.of("reset").length, 1);
  await watcher.stop();
});

test("after the connection is cut no change is lost or repeated", async () => {
  await put("cut");
  const watcher = watching();
  await watcher.has(isReset);
  const statuses = ["error", "configured", "error", "connected"];
  for (const status of statuses) {
    proxy.cut();
    await move("cut", status);
    await watcher.has(() => watcher.events.findLast(({ id }) => id === "cut")?.connector.status === status);
    await sleep(800);
  }
  assert.equal(watcher.of("reset").length, 1);
  const versions = watcher.of("change").filter(({ id }) => id === "cut").map(({ version }) => version);
  assert.deepEqual(versions, [...new Set(versions)]);
  await watcher.stop();
});

test("an outage is reported by lost and resumed, followed by the missed changes", async () => {
  await put("away");
  const watcher = watching();
  await watcher.has(isReset);
  await move("away", "error");
  await watcher.change("away", "error");
  await server.kill();
  const { error } = await watcher.has(({ type }) => type === "lost");
  assert.ok(error instanceof Error);
  // Changes during the outage are delivered late, once sockets work again.
  proxy.refuses = () => true;
  await server.restart();
  await move("away", "configured");
  proxy.refuses = () => false;
  await watcher.change("away", "configured", 40);
  await watcher.has(({ type }) => type === "sync_jobs");
  assert.deepEqual(watcher.events.map(({ type }) => type).slice(-4), ["lost", "resumed", "change", "sync_jobs"]);
  await watcher.stop();
});

test("with a key the watcher gets its own connectors, and the key is in no URL", async () => {
  const seen = [];
  proxy.refuses = (text) => {
    seen.push(text.split("\r\n")[0]);
    return false;
  };
  const watcher = watching({ apiKey: keyOf("team") });
  await watcher.has(isReset);
  await put("team-1");
  await put("rival-1");
  await watcher.change("team-1");
  assert.ok(watcher.of("change").every(({ id }) => id === "team-1"));
  assert.ok(seen.some((line) => line.includes("ticket=")), String(seen));
  assert.ok(!seen.join().includes(keyOf("team")));
  await watcher.stop();
});

test("a key that may not watch, or is revoked, ends the loop with an error", async () => {
  for (const [id, status] of [["nothing", 403], ["nobody", 401]]) {
    await assert.rejects(watching({ apiKey: keyOf(id) }).end, (error) => error instanceof ConnectorApiError && error.status === status);
  }
  const watcher = watching({ apiKey: keyOf("ends") });
  await watcher.has(isReset);
  await put("after-the-end");
  await watcher.change("after-the-end");
  await server.kv("load", [["ends", JSON.stringify({ name: "a key", secret_sha256, privileges: [] })]]);
  await sleep(2_000);
  await move("after-the-end", "error");
  await assert.rejects(watcher.end, { name: "ConnectorApiError", status: 403 });
  assert.equal(watcher.events.filter(({ connector }) => connector?.status === "error").length, 0);
});

test("without WebSocket the client polls and reports changes", async () => {
  let asked = 0;
  const counting = (...args) => {
    asked += 1;
    return fetch(...args);
  };
  const [all, one] = [watching({ WebSocket: null, fetch: counting }), watching({ WebSocket: null }, { id: "asked" })];
  for (const watcher of [all, one]) await watcher.has(isReset);
  await put("asked");
  for (const watcher of [all, one]) await until(() => watcher.of("reset").length, (count) => count === 2, 20);
  await sleep(3_000);
  assert.ok(asked <= 3, `${asked} requests`);
  for (const watcher of [all, one]) await watcher.stop();
});

test("where sockets are blocked the client polls too", async () => {
  proxy.refuses = (text) => /upgrade: websocket/i.test(text);
  const watcher = watching();
  await watcher.has(isReset);
  await sleep(2_500);
  await put("blocked");
  await until(() => watcher.of("reset").length, (count) => count === 2, 25);
  assert.deepEqual(watcher.of("lost"), []);
  await watcher.stop();
  proxy.refuses = () => false;
});

test("leaving the loop closes the socket", async () => {
  const sockets = [];
  class Noting extends WebSocket {
    constructor(...args) {
      super(...args);
      sockets.push(this);
    }
  }
  for await (const { type } of connectorStatus({ url: proxy.url, WebSocket: Noting }).watch()) if (type === "reset") break;
  assert.equal(sockets.length, 1);
  await until(() => sockets[0].readyState, (state) => state === WebSocket.CLOSED);
});

test("an invalid id and an aborted signal throw at once", async () => {
  const client = connectorStatus({ url: proxy.url });
  for (const id of ["", "..", 3, null]) assert.throws(() => client.watch({ id }), TypeError);
  const reason = new Error("enough");
  await assert.rejects(client.watch({ signal: AbortSignal.abort(reason) }).next(), (error) => error === reason);
});

test("the README's example works", async () => {
  const controller = new AbortController();
  const loaded = [];
  const given = {
    client: connectorStatus({ url: proxy.url }),
    signal: controller.signal,
    load: async (connectors) => loaded.push(connectors),
  };
  const running = runExample(example("Watching", "js"), given, "connectors");
  running.catch(() => {});
  await until(() => loaded.length, (count) => count === 1);
  await put("example", { name: "Example" });
  await until(() => loaded[0].get("example")?.name, (name) => name === "Example");
  controller.abort();
  await assert.rejects(running, { name: "AbortError" });
});
