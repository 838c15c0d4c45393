// Numbers, as Prometheus' own parser reads them.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { install, missing, runPython } from "../../scripts/python.mjs";
import { until } from "../until.mjs";
import { faulty, serveWithKv } from "../soak/workerd.mjs";
import { settingsFor, startReceiver } from "./receiver.mjs";
import { watching } from "./watching.mjs";
import { must, send, startWorker } from "./worker.mjs";

const script = join(import.meta.dirname, "metrics.py");

/** The samples of a text by name and labels. */
async function parse(text) {
  const { passed, output } = await runPython("prometheus", "python", script, text);
  assert.ok(passed, output);
  return JSON.parse(output);
}

let server;

/** The samples of a service by name and labels. */
async function numbers(url = server.url()) {
  const { status, body, headers } = await send(url, "GET", "/_metrics", undefined, { accept: "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1" });
  assert.equal(status, 200, body);
  assert.equal(headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  return parse(body);
}

suite("numbers", { skip: missing() }, () => {
  before(async () => {
    await install("prometheus");
    server = await serveWithKv();
  });
  after(() => server.close());

  test("connectors by status, silent ones, and sockets", async () => {
    const url = server.url();
    const put = (path, body) => must(url, "PUT", `/_connector/${path}`, body);
    for (const id of ["a", "b", "c", "gone"]) await put(id, {});
    await put("a/_status", { status: "error" });
    await put("b/_check_in");
    await send(url, "DELETE", "/_connector/gone");
    await send(url, "POST", "/.elastic-connectors/_update/c", { doc: { last_seen: "2026-01-01T00:00:00.000Z" } });
    // Who is silent is looked up once a minute, so it has to be told before.
    const list = () => send(url, "GET", "/_connector");
    await until(list, ({ body }) => body.results.filter(({ status, last_seen }) => status === "error" || last_seen).length === 3);
    const found = await numbers();
    assert.deepEqual(found, {
      "connector_status_connectors{status=created}": 2,
      "connector_status_connectors{status=needs_configuration}": 0,
      "connector_status_connectors{status=configured}": 0,
      "connector_status_connectors{status=connected}": 0,
      "connector_status_connectors{status=error}": 1,
      "connector_status_silent_connectors{}": 1,
      "connector_status_outbox_oldest_seconds{consumer=directory}": 0,
      "connector_status_outbox_oldest_seconds{consumer=kv}": 0,
      "connector_status_sockets{}": 0,
    });
    const watcher = await watching(url);
    assert.equal((await numbers())["connector_status_sockets{}"], 1);
    await watcher.close();
  });

  test("consumers that are behind show, and no longer when they have caught up", { timeout: 120_000 }, async (t) => {
    const receivers = await Promise.all([startReceiver({ answer: () => "error" }), startReceiver()]);
    // The first repetition comes so late that it is reported before.
    const settings = settingsFor(receivers, { WEBHOOK_RETRY_SECONDS: `31${",3".repeat(15)}`, WEBHOOK_DAMPING_SECONDS: "0" });
    const ours = faulty();
    const late = await serveWithKv({ worker: { ...ours, vars: { ...ours.vars, ...settings } } });
    t.after(async () => {
      await late.close();
      await Promise.all(receivers.map((receiver) => receiver.close()));
    });
    // Asked over and over, so not by starting Python each time.
    const ages = async () => {
      const { body } = await send(late.url(), "GET", "/_metrics");
      const found = body.matchAll(/_outbox_oldest_seconds\{consumer="(\w+)"\} (\S+)$/gm);
      return Object.fromEntries([...found].map(([, consumer, age]) => [consumer, Number(age)]));
    };
    const none = { directory: 0, kv: 0, WEBHOOK_URL: 0, WEBHOOK_URL_2: 0 };
    await send(late.url(), "PUT", "/_connector/late", {});
    assert.deepEqual(await ages(), none);
    await late.kv("faults", { mode: "500" });
    await late.faults({ mode: "throw", methods: ["apply"] });
    await send(late.url(), "PUT", "/_connector/late/_status", { status: "error" });
    const found = await until(ages, ({ directory, kv, WEBHOOK_URL }) => Math.min(directory, kv, WEBHOOK_URL) > 0, 60);
    for (const consumer of ["directory", "kv", "WEBHOOK_URL"]) assert.ok(found[consumer] >= 29, `${consumer}: ${found[consumer]} s`);
    assert.equal(found.WEBHOOK_URL_2, 0);
    // They catch up while reports of that are lost.
    await late.kv("faults", { mode: "none" });
    await late.faults({ mode: "throw", methods: ["report"] });
    receivers[0].answerWith(() => "ok");
    await until(() => receivers[0].taken().length, (count) => count === 1, 60);
    await sleep(3_000);
    await late.faults({ mode: "none" });
    assert.deepEqual(await until(ages, (now) => Object.values(now).every((age) => age === 0), 60), none);
  });

  test("who may see them, and who was refused", async () => {
    const worker = await startWorker({ open: false, secrets: { ROOT_API_KEY: `root:${"x".repeat(30)}` } });
    try {
      assert.equal((await send(worker.url, "GET", "/_metrics")).status, 401);
      assert.equal((await send(worker.url, "GET", "/_connector", undefined, { authorization: "ApiKey x" })).status, 401);
      const authorization = `ApiKey ${Buffer.from(`root:${"x".repeat(30)}`).toString("base64")}`;
      const foreign = { authorization, origin: "https://evil.example" };
      assert.equal((await send(worker.url, "GET", "/_connector/_watch", undefined, foreign)).status, 403);
      const { body } = await send(worker.url, "GET", "/_metrics", undefined, { authorization });
      const found = await parse(body);
      assert.equal(found["connector_status_refused_total{reason=no credentials}"], 1);
      assert.equal(found["connector_status_refused_total{reason=malformed credentials}"], 1);
      assert.equal(found["connector_status_refused_total{reason=foreign page}"], 1);
    } finally {
      await worker.close();
    }
  });
});
