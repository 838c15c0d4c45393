// The metrics endpoint, read by Prometheus' own parser.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { parser } from "@prometheus-io/lezer-promql";
import { parse as parseYaml } from "yaml";

import { files, numbers as drawn } from "../../scripts/build-alerts.mjs";
import { install, missing, runPython } from "../../scripts/python.mjs";
import { root } from "../../scripts/tools.mjs";
import { until } from "../until.mjs";
import { faulty, ours, serveWithKv } from "../soak/workerd.mjs";
import { settingsFor, startReceiver } from "./receiver.mjs";
import { watching } from "./watching.mjs";
import { must, send, startWorker } from "./worker.mjs";

const { version } = JSON.parse(readFileSync(join(root, "npm/package.json"), "utf8"));
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

suite("the metrics endpoint", { skip: missing() }, () => {
  before(async () => {
    await install("prometheus");
    server = await serveWithKv();
  });
  after(() => server.close());

  test("connectors by status, silent connectors and open sockets are counted", async () => {
    const url = server.url();
    const put = (path, body) => must(url, "PUT", `/_connector/${path}`, body);
    for (const id of ["a", "b", "c", "gone"]) await put(id, {});
    await put("a/_status", { status: "error" });
    await put("b/_check_in");
    await send(url, "DELETE", "/_connector/gone");
    await send(url, "POST", "/.elastic-connectors/_update/c", { doc: { last_seen: "2026-01-01T00:00:00.000Z" } });
    // Silence is checked once a minute, so it must be reported before.
    const list = () => send(url, "GET", "/_connector");
    await until(list, ({ body }) => body.results.filter(({ status, last_seen }) => status === "error" || last_seen).length === 3);
    const { "connector_status_newest_error_timestamp_seconds{}": newest, ...found } = await numbers();
    assert.ok(Math.abs(newest - Date.now() / 1_000) < 60, String(newest));
    assert.deepEqual(found, {
      [`connector_status_build_info{version=${version}}`]: 1,
      "connector_status_directory_up{}": 1,
      "connector_status_connectors{status=created}": 2,
      "connector_status_connectors{status=needs_configuration}": 0,
      "connector_status_connectors{status=configured}": 0,
      "connector_status_connectors{status=connected}": 0,
      "connector_status_connectors{status=error}": 1,
      "connector_status_silent_connectors{}": 1,
      "connector_status_never_seen_connectors{}": 1,
      ...Object.fromEntries(["pending", "in_progress", "canceling", "suspended"].map((status) => [`connector_status_sync_jobs{status=${status}}`, 0])),
      ...Object.fromEntries(["canceled", "completed", "error"].map((status) => [`connector_status_sync_jobs_last_day{status=${status}}`, 0])),
      "connector_status_cluster_failures_total{}": 0,
      "connector_status_keys_ending{}": 0,
      "connector_status_outbox_oldest_seconds{consumer=directory}": 0,
      "connector_status_outbox_oldest_seconds{consumer=kv}": 0,
      "connector_status_sockets{}": 0,
    });
    const watcher = await watching(url);
    assert.equal((await numbers())["connector_status_sockets{}"], 1);
    await watcher.close();
  });

  test("lagging consumers are reported until they have caught up", { timeout: 120_000 }, async (t) => {
    const receivers = await Promise.all([startReceiver({ answer: () => "error" }), startReceiver()]);
    // The first retry is so late that the lag is reported before it.
    const settings = settingsFor(receivers, { WEBHOOK_RETRY_SECONDS: `31${",3".repeat(15)}`, WEBHOOK_DAMPING_SECONDS: "0" });
    const ours = faulty();
    const late = await serveWithKv({ worker: { ...ours, vars: { ...ours.vars, ...settings } } });
    t.after(async () => {
      await late.close();
      await Promise.all(receivers.map((receiver) => receiver.close()));
    });
    // Polled often, so not by starting Python each time.
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
    // They catch up while reports to the Directory are lost.
    await late.kv("faults", { mode: "none" });
    await late.faults({ mode: "throw", methods: ["report"] });
    receivers[0].answerWith(() => "ok");
    await until(() => receivers[0].taken().length, (count) => count === 1, 60);
    await sleep(3_000);
    await late.faults({ mode: "none" });
    assert.deepEqual(await until(ages, (now) => Object.values(now).every((age) => age === 0), 60), none);
  });

  test("sync jobs are counted by status, with the age of the oldest", async () => {
    const url = server.url();
    await must(url, "PUT", "/_connector/with-jobs", { index_name: "search-jobs", service_type: "s3" });
    const create = () => must(url, "POST", "/_connector/_sync_job", { id: "with-jobs", job_type: "full", trigger_method: "on_demand" });
    const { id } = await create();
    await create();
    await must(url, "PUT", `/_connector/_sync_job/${id}/_claim`, { worker_hostname: "w" });
    const jobs = async () => {
      const found = await numbers();
      const of = (name) => Object.fromEntries(Object.entries(found).filter(([key]) => key.startsWith(`connector_status_${name}{`)).map(([key, value]) => [key.slice(key.indexOf("=") + 1, -1), value]));
      return { counts: of("sync_jobs"), oldest: of("sync_jobs_oldest_seconds"), lastDay: of("sync_jobs_last_day") };
    };
    const { counts, oldest } = await until(jobs, ({ counts }) => counts.in_progress === 1, 20);
    assert.deepEqual(counts, { pending: 1, in_progress: 1, canceling: 0, suspended: 0 });
    assert.deepEqual(Object.keys(oldest).sort(), ["in_progress", "pending"]);
    await must(url, "PUT", `/_connector/_sync_job/${id}/_error`, { error: "e" });
    const after = await until(jobs, ({ counts }) => counts.in_progress === 0, 20);
    assert.deepEqual(after.lastDay, { canceled: 0, completed: 0, error: 1 });
    assert.deepEqual(Object.keys(after.oldest), ["pending"]);
  });

  test("a scrape without the Directory succeeds and reports it missing; with an expired key it fails", async (t) => {
    const expiration = Date.now() + 3_600_000;
    const secret = "s".repeat(40);
    const key = { name: "scrape", secret_sha256: createHash("sha256").update(secret).digest("base64"), privileges: ["monitor_connector"], creation: 1, expiration };
    const ended = { ...key, expiration: Date.now() - 1_000 };
    const away = await serveWithKv({ worker: { ...faulty(), vars: {} } });
    t.after(() => away.close());
    await away.kv("load", [["scrape-key", JSON.stringify(key)], ["ended-key", JSON.stringify(ended)]]);
    const scrape = (id) => send(away.url(), "GET", "/_metrics", undefined, { authorization: `ApiKey ${Buffer.from(`${id}:${secret}`).toString("base64")}` });
    const well = await parse((await scrape("scrape-key")).body);
    assert.equal(well["connector_status_directory_up{}"], 1);
    assert.equal(well["connector_status_key_expires_timestamp_seconds{}"], Math.floor(expiration / 1_000));
    await away.faults({ mode: "throw", methods: ["handle"] });
    assert.equal((await scrape("ended-key")).status, 401);
    const { status, body } = await scrape("scrape-key");
    assert.equal(status, 200);
    assert.deepEqual(await parse(body), {
      [`connector_status_build_info{version=${version}}`]: 1,
      "connector_status_directory_up{}": 0,
      "connector_status_key_expires_timestamp_seconds{}": Math.floor(expiration / 1_000),
    });
    // Counts are kept while the Directory is away; an unconfirmed report may be counted twice.
    await away.faults({ mode: "none" });
    const later = await parse((await scrape("scrape-key")).body);
    assert.ok(later["connector_status_refused_total{reason=expired key}"] >= 1);
  });

  test("disabled webhooks and wrong settings are in the metrics and are sent to the other endpoints", { timeout: 120_000 }, async (t) => {
    const receivers = await Promise.all([startReceiver({ answer: () => "gone" }), startReceiver()]);
    const settings = settingsFor(receivers, { WEBHOOK_EVENTS: "connector.error", WEBHOOK_DAMPING_SECONDS: "0", WEBHOOK_URL_3: "hooks.example/of-the-url", WEBHOOK_SECRET_3: receivers[0].secret });
    const withWebhooks = await serveWithKv({ worker: ours({ vars: { ANONYMOUS_PRIVILEGE: "manage_connector", ...settings } }) });
    t.after(async () => {
      await withWebhooks.close();
      await Promise.all(receivers.map((receiver) => receiver.close()));
    });
    const got = (type) => receivers[1].got.filter((message) => message.type === type);
    for (const id of ["a", "b"]) {
      await send(withWebhooks.url(), "PUT", `/_connector/${id}`, {});
      await send(withWebhooks.url(), "PUT", `/_connector/${id}/_status`, { status: "error" });
    }
    await until(() => got("webhook.misconfigured"), ({ length }) => length > 0, 30);
    await until(() => got("webhook.ended"), ({ length }) => length > 0, 30);
    const found = await until(() => numbers(withWebhooks.url()), (now) => now["connector_status_webhook_ended{target=WEBHOOK_URL}"] >= 2, 30);
    // At most: two connectors, and one for events about no connector.
    assert.ok(found["connector_status_webhook_ended{target=WEBHOOK_URL}"] <= 3);
    assert.equal(found["connector_status_webhook_ended{target=WEBHOOK_URL_2}"], 0);
    assert.equal(found["connector_status_webhook_misconfigured{setting=WEBHOOK_URL_3}"], 1);
    assert.ok(found["connector_status_webhook_attempts_total{target=WEBHOOK_URL}"] >= 2);
    assert.ok(found["connector_status_webhook_failures_total{target=WEBHOOK_URL}"] >= 2);
    assert.equal(found["connector_status_webhook_failures_total{target=WEBHOOK_URL_2}"], 0);
    const [{ data }] = got("webhook.ended");
    assert.equal(`${data.target} ${data.host}`, `WEBHOOK_URL ${receivers[0].host}`);
    const [{ data: wrong }] = got("webhook.misconfigured");
    assert.deepEqual(wrong.settings, ["WEBHOOK_URL_3"]);
    assert.ok(!JSON.stringify([wrong, data]).includes("of-the-url"));
    // Each event is sent once.
    assert.deepEqual([got("webhook.ended").length, got("webhook.misconfigured").length], [1, 1]);
  });

  test("alert rules and dashboard match the list, parse, and use metrics that exist", async () => {
    for (const [file, text] of Object.entries(files())) {
      assert.equal(readFileSync(join(root, file), "utf8"), text, `${file}: npm run build:alerts`);
    }
    const { groups: [{ rules }] } = parseYaml(readFileSync(join(root, "docs/alerts.yml"), "utf8"));
    const dashboard = JSON.parse(readFileSync(join(root, "docs/dashboard.json"), "utf8"));
    assert.equal(rules.length, drawn.flatMap(({ alerts }) => alerts).length);
    assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
    for (const { for: time, labels: { severity }, annotations: { summary, description } } of rules) {
      assert.match(time, /^\d+[mhd]$/);
      assert.ok(["info", "warning", "critical"].includes(severity));
      assert.ok(summary && description);
    }
    const expressions = [...rules.map(({ expr }) => expr), ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))];
    const page = readFileSync(join(root, "docs/operations.md"), "utf8");
    const { body } = await send(server.url(), "GET", "/_metrics");
    for (const expression of expressions) {
      parser.parse(expression).iterate({
        enter: ({ type, from, to }) => assert.ok(!type.isError, `${expression}: wrong at ${from} to ${to}`),
      });
      const names = expression.match(/connector_status_\w+/g) ?? [];
      assert.ok(names.length > 0 || expression.startsWith("up{"), expression);
      for (const name of names) {
        assert.ok(body.includes(`# TYPE ${name} `), `${name} is no number of the service`);
        assert.ok(page.includes(`\`${name}`), `${name} is not explained`);
      }
    }
    // The parser detects an extra bracket.
    let errors = 0;
    parser.parse("sum(up))").iterate({ enter: ({ type }) => void (errors += type.isError ? 1 : 0) });
    assert.ok(errors > 0);
  });

  test("refused writes, keys that expire soon and the last backup are counted, and reads are not", async () => {
    const day = 86_400_000;
    const worker = await serveWithKv();
    try {
      await worker.kv("load", [1, 6, 8, -1].map((days) => [`key-${days}`, "{}", { expiration: Date.now() + days * day }]));
      await worker.kv("load", [["for-ever", "{}"], ["used:for-ever", "", { at: 0 }]]);
      const url = worker.url();
      await must(url, "PUT", "/_connector/a", {});
      const complete = new Date(Date.now() - 5_000).toISOString();
      await must(url, "POST", `/_connector/_backup?connectors=1&complete_until=${complete}`);
      await must(url, "POST", "/_connector/_backup?connectors=1&complete_until=2026-01-01");
      const statuses = [];
      for (const [method, path, body] of [
        ["PUT", "/_connector/a/_status", { status: "connected" }],
        ["PUT", "/_connector/a/_status", { status: "of no kind" }],
        ["PUT", "/_connector/b/_status", { status: "error" }],
        ["PUT", "/_connector/a/_status", { status: "error" }],
        ["GET", "/_connector/b", undefined],
      ]) statuses.push((await send(url, method, path, body)).status);
      assert.deepEqual(statuses, [400, 400, 404, 200, 404]);
      const found = await numbers(url);
      const refused = Object.fromEntries(Object.entries(found).filter(([name]) => name.includes("writes_refused")));
      assert.deepEqual(refused, { "connector_status_writes_refused_total{status=400}": 2, "connector_status_writes_refused_total{status=404}": 1 });
      assert.equal(found["connector_status_keys_ending{}"], 2);
      assert.equal(found["connector_status_last_backup_timestamp_seconds{}"], Math.floor(Date.parse(complete) / 1_000));
      // The Directory keeps the counts.
      assert.equal((await numbers(url))["connector_status_writes_refused_total{status=400}"], 2);
    } finally {
      await worker.close();
    }
  });

  test("metrics need the privilege to see all connectors, and refused requests are counted", async () => {
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
      assert.equal(found["connector_status_keys_ending{}"], 0);
    } finally {
      await worker.close();
    }
  });
});
