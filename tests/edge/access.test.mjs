// Which credentials get access to which requests, against a real workerd.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { Client } from "@elastic/elasticsearch";

import { environment, root } from "../../scripts/tools.mjs";
import { median } from "../median.mjs";
import { ours, serveWithKv } from "../soak/workerd.mjs";
import { until } from "../until.mjs";
import { send, startWorker } from "./worker.mjs";

const secrets = [];
const secret = () => {
  secrets.push(randomBytes(32).toString("base64url"));
  return secrets.at(-1);
};
const encode = (id, secret) => Buffer.from(`${id}:${secret}`).toString("base64");
const bearing = (token, scheme = "ApiKey") => ({ authorization: `${scheme} ${token}` });

const rootSecret = secret();
const asRoot = bearing(encode("root-id", rootSecret));

const [read, write] = [["monitor_connector"], ["manage_connector"]];
const keys = {
  manage: { privileges: write },
  monitor: { privileges: read },
  team: { privileges: write, connectors: ["team-a-*"] },
  expired: { privileges: write, expiration: Date.now() - 1 },
  later: { privileges: write, expiration: Date.now() + 3_600_000 },
  revoked: { privileges: write },
  broken: { privileges: write, only_from: "10.0.0.0/8" },
};
for (const key of Object.values(keys)) key.secret = secret();

/** A key's record in API_KEYS. */
const recordOf = (id) => {
  const { secret, ...fields } = keys[id];
  const secret_sha256 = createHash("sha256").update(secret).digest("base64");
  return JSON.stringify({ name: `name of ${id}`, secret_sha256, ...fields });
};

const token = (id) => encode(id, keys[id].secret);

let worker;
before(async () => {
  worker = await startWorker({ open: false, secrets: { ROOT_API_KEY: `root-id:${rootSecret}` } });
  const kv = (await worker.env()).API_KEYS;
  for (const id of Object.keys(keys)) await kv.put(id, recordOf(id));
  await kv.delete("revoked");
  for (const id of ["team-a-1", "team-b-1"]) await send(worker.url, "PUT", `/_connector/${id}`, undefined, asRoot);
});
after(() => worker.close());

const ask = (method, path, body, headers) => send(worker.url, method, path, body, headers);

/** Everything the service stores, as the root key sees it. */
async function everything() {
  const found = [];
  for (const id of ["team-a-1", "team-b-1", "new"]) {
    for (const path of [`/_connector/${id}?include_deleted=true`, `/_connector/${id}/_status`]) {
      const { status, body, headers } = await ask("GET", path, undefined, asRoot);
      found.push([path, status, status === 200 ? body : null, headers.get("etag")]);
    }
  }
  return found;
}

const routes = {
  info: ["GET", "/"],
  list: ["GET", "/_connector"],
  get: ["GET", "/_connector/team-a-1"],
  history: ["GET", "/_connector/team-a-1/_status"],
  status: ["PUT", "/_connector/team-a-1/_status", { status: "error" }],
  check: ["PUT", "/_connector/team-a-1/_check_in"],
  create: ["PUT", "/_connector/new"],
  post: ["POST", "/_connector"],
  delete: ["DELETE", "/_connector/team-a-1"],
  erase: ["DELETE", "/_connector/team-a-1?hard=true"],
  otherGet: ["GET", "/_connector/team-b-1"],
  otherStatus: ["PUT", "/_connector/team-b-1/_status", { status: "error" }],
  otherErase: ["DELETE", "/_connector/team-b-1?hard=true"],
  nobody: ["GET", "/_connector/team-b-nobody"],
  badBody: ["PUT", "/_connector/team-a-1/_status", "{"],
  unknownPath: ["GET", "/_search"],
  noConnector: ["GET", "/_connector/a/b/c"],
  options: ["OPTIONS", "/_connector"],
  webhooks: ["GET", "/_connector/team-a-1/_webhook"],
  otherWebhooks: ["GET", "/_connector/team-b-1/_webhook"],
  testWebhooks: ["POST", "/_connector/_webhook/_test"],
};
const all = Object.keys(routes);
const writes = ["status", "check", "create", "post", "delete", "erase", "testWebhooks"];
const others = ["create", "post", "testWebhooks", "otherWebhooks", "otherGet", "otherStatus", "otherErase", "nobody"];

// [description, headers, routes, status]
const matrix = [
  ["no credentials", {}, all, 401],
  ["empty header", { authorization: "" }, all, 401],
  ["scheme alone", { authorization: "ApiKey" }, ["get", "status"], 401],
  ["malformed base64", bearing("%%%%"), ["get", "status"], 401],
  ["not encoded", bearing(`manage:${keys.manage.secret}`), ["get", "status"], 401],
  ["no colon", bearing(Buffer.from("manage").toString("base64")), ["get", "status"], 401],
  ["empty id", bearing(encode("", keys.manage.secret)), ["get", "status"], 401],
  ["empty secret", bearing(encode("manage", "")), ["get", "status"], 401],
  ["id that is not a valid key in Workers KV", bearing(encode("..", "x")), ["get", "status"], 401],
  ["unknown id", bearing(encode("nobody", keys.manage.secret)), all, 401],
  ["wrong secret", bearing(encode("manage", keys.monitor.secret)), all, 401],
  ["wrong root secret", bearing(encode("root-id", keys.manage.secret)), all, 401],
  ["part of the secret", bearing(encode("manage", keys.manage.secret.slice(1))), ["get", "status"], 401],
  ["the hash instead of the secret", bearing(encode("manage", createHash("sha256").update(keys.manage.secret).digest("base64"))), ["get", "status"], 401],
  ["an expired key", bearing(token("expired")), all, 401],
  ["a revoked key", bearing(token("revoked")), all, 401],
  ["a key with an unknown limit", bearing(token("broken")), all, 401],
  ["unknown scheme", bearing(token("manage"), "Digest"), ["get", "status"], 401],
  ["no scheme before the token", { authorization: token("manage") }, ["get", "status"], 401],
  ["two credentials in one header", { authorization: `ApiKey ${token("manage")}, ApiKey ${token("manage")}` }, ["get", "status"], 401],
  ["a header of 10 kB", bearing("A".repeat(10_000)), ["get", "status"], 401],
  ["a key that may only read, writing", bearing(token("monitor")), writes, 403],
  ["a key that may only read, reading", bearing(token("monitor")), ["info", "list", "get", "history", "otherGet", "options", "webhooks", "otherWebhooks"], 200],
  ["a key that may only read, a missing connector", bearing(token("monitor")), ["nobody"], 404],
  ["a limited key, other connectors", bearing(token("team")), others, 403],
  ["a limited key, its connectors", bearing(token("team")), ["info", "list", "get", "history", "options", "webhooks"], 200],
  ["a key that may write, reading", bearing(token("manage")), ["info", "list", "get", "history", "otherGet", "options"], 200],
  ["a key that may write, an invalid body", bearing(token("manage")), ["badBody"], 400],
  ["a key that may write, an unknown path", bearing(token("manage")), ["unknownPath", "noConnector"], 400],
  ["a key that has not expired yet", bearing(token("later")), ["get"], 200],
  ["Basic", bearing(token("manage"), "Basic"), ["get"], 200],
  ["Bearer", bearing(token("manage"), "Bearer"), ["get"], 200],
  ["lower-case scheme", bearing(token("manage"), "apikey"), ["get"], 200],
  ["the root key", asRoot, ["info", "list", "get", "otherGet", "testWebhooks"], 200],
];

test("each credential can use exactly the routes and connectors it was granted", async (t) => {
  const original = await everything();
  for (const [what, headers, names, status] of matrix) {
    await t.test(`${what}: ${status}`, async () => {
      for (const name of names) {
        const [method, path, body] = routes[name];
        const answer = await ask(method, path, body, headers);
        assert.equal(answer.status, status, `${name}: ${JSON.stringify(answer.body)}`);
        if (status !== 401 && status !== 403) continue;
        assert.equal(answer.headers.get("x-elastic-product"), null);
        assert.equal(answer.body.error.type, "security_exception");
        assert.equal(answer.body.status, status);
        const challenge = answer.headers.get("www-authenticate");
        assert.equal(challenge, status === 401 ? 'ApiKey, Bearer realm="security"' : null);
        const said = JSON.stringify(answer.body);
        for (const secret of secrets) assert.ok(!said.includes(secret));
        if (status === 403) assert.match(said, /action \[cluster:\S+\] is unauthorized for API key \[name of \w+\] with id \[\w+\]/);
      }
      if (status !== 200) assert.deepEqual(await everything(), original);
    });
  }
  const { body } = await ask("GET", "/_connector", undefined, asRoot);
  assert.equal(body.count, 2, "nothing was created");
});

test("a second Authorization header is refused", async () => {
  const header = `ApiKey ${token("manage")}`;
  const status = (headers) =>
    new Promise((resolve, reject) => {
      const sent = request(`${worker.url}/_connector/team-a-1`, { headers: ["host", "x", ...headers] }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      sent.on("error", reject);
      sent.end();
    });
  assert.equal(await status(["authorization", header]), 200);
  assert.equal(await status(["authorization", header, "authorization", header]), 401);
});

test("a key can do what its privileges say, is named in the history, and lists only its connectors", async () => {
  const put = (id, status, key) => ask("PUT", `/_connector/${id}/_status`, { status }, bearing(token(key)));
  assert.equal((await put("team-a-1", "needs_configuration", "team")).status, 200);
  assert.equal((await put("team-b-1", "needs_configuration", "manage")).status, 200);
  assert.equal((await ask("PUT", "/_connector/team-a-2", { name: "Two" }, bearing(token("team")))).status, 201);
  const { body: made } = await ask("POST", "/_connector", { name: "Made" }, bearing(token("manage")));
  const by = async (id) => (await ask("GET", `/_connector/${id}/_status`, undefined, asRoot)).body.history.map((change) => change.by);
  assert.deepEqual(await by("team-a-1"), ["team", "root-id"]);
  assert.deepEqual(await by("team-b-1"), ["manage", "root-id"]);
  assert.deepEqual(await by(made.id), ["manage"]);

  const ids = async (key, query = "") => {
    const { body } = await ask("GET", `/_connector${query}`, undefined, bearing(token(key)));
    return [body.count, body.results.map((connector) => connector.id).sort()];
  };
  // The copies in Workers KV lag by a second or two.
  await until(() => ids("manage"), ([count]) => count >= 4);
  assert.deepEqual(await ids("team"), [2, ["team-a-1", "team-a-2"]]);
  assert.deepEqual(await ids("team", "?size=1"), [2, ["team-a-1"]]);
  assert.deepEqual(await ids("team", "?connector_name=Made"), [0, []]);
  assert.deepEqual((await ids("monitor"))[0], 4);
});

test("the official client works with auth.apiKey", async () => {
  const client = (apiKey) => new Client({ node: worker.url, auth: { apiKey }, maxRetries: 0 });
  const team = client(token("team"));
  assert.equal((await team.info()).tagline, "You Know, for Search");
  assert.equal((await team.connector.get({ connector_id: "team-a-1" })).id, "team-a-1");
  assert.deepEqual(await team.connector.checkIn({ connector_id: "team-a-1" }), { result: "updated" });
  await assert.rejects(team.connector.get({ connector_id: "team-b-1" }), (error) => {
    assert.equal(error.statusCode, 403);
    assert.equal(error.body.error.type, "security_exception");
    return true;
  });
  const pair = new Client({ node: worker.url, auth: { apiKey: { id: "manage", api_key: keys.manage.secret } } });
  assert.equal((await pair.connector.get({ connector_id: "team-b-1" })).id, "team-b-1");
  const basic = new Client({ node: worker.url, auth: { username: "manage", password: keys.manage.secret } });
  assert.equal((await basic.connector.get({ connector_id: "team-b-1" })).id, "team-b-1");
  await assert.rejects(client(encode("nobody", "x")).connector.list(), { statusCode: 401 });
  await assert.rejects(new Client({ node: worker.url }).connector.list(), { statusCode: 401 });
  assert.equal(await new Client({ node: worker.url }).ping().catch((error) => error.statusCode), 401);
});

test("a revoked key stops working within ten seconds, and works again once it is put back", async () => {
  const kv = (await worker.env()).API_KEYS;
  const status = async () => (await ask("GET", "/_connector/team-a-1", undefined, bearing(token("later")))).status;
  const kept = await kv.get("later");
  assert.equal(await status(), 200);
  await kv.delete("later");
  // A successful authentication is cached for ten seconds; a failed one is not.
  const started = Date.now();
  await until(status, (found) => found === 401, 20);
  assert.ok(Date.now() - started < 15_000);
  await kv.put("later", kept);
  assert.equal(await status(), 200);
});

test("an unknown id and a wrong secret take equally long", async (t) => {
  // wrangler's own latency would dominate the measurement.
  const server = await serveWithKv({ worker: ours({ vars: {} }) });
  t.after(() => server.close());
  await server.kv("load", [["manage", recordOf("manage")]]);
  const tokens = { unknown: encode("nobodyy", secret()), wrong: encode("manage", secret()) };
  const answers = {};
  const times = { unknown: [], wrong: [] };
  for (let n = 0; n < 550; n += 1) {
    const order = n % 2 ? ["unknown", "wrong"] : ["wrong", "unknown"];
    for (const name of order) {
      const started = performance.now();
      const response = await fetch(`${server.url()}/_connector/team-a-1`, { headers: bearing(tokens[name]) });
      answers[name] = `${response.status} ${await response.text()}`;
      // The first requests are warm-up.
      if (n >= 50) times[name].push(performance.now() - started);
    }
  }
  assert.equal(answers.unknown, answers.wrong);
  const [unknown, wrong] = [median(times.unknown), median(times.wrong)];
  t.diagnostic(`unknown id ${unknown.toFixed(3)} ms, wrong secret ${wrong.toFixed(3)} ms, ratio ${(unknown / wrong).toFixed(3)}`);
  assert.ok(unknown / wrong > 0.8 && unknown / wrong < 1.25, `${unknown} and ${wrong} ms`);
});

test("the log has a line for each refused request and each status change, and no secrets", async () => {
  const headers = { ...bearing(token("monitor")), "x-opaque-id": "find-me" };
  await ask("PUT", "/_connector/team-a-1/_status?pretty", { status: "error" }, headers);
  const moving = { ...bearing(token("team")), "x-opaque-id": "find-me-too" };
  await ask("PUT", "/_connector/team-a-1/_status", { status: "error" }, moving);
  const lines = () =>
    worker.logs().flatMap((line) => {
      try {
        return [JSON.parse(line)];
      } catch {
        return [];
      }
    });
  await until(lines, (found) => found.some((line) => line.request === "find-me-too"));
  const found = (id) => lines().filter((line) => line.request === id);
  assert.deepEqual(found("find-me"), [{ event: "refused", status: 403, why: "privilege", key: "monitor", method: "PUT", path: "/_connector/team-a-1/_status", request: "find-me" }]);
  const [{ time, version, from, ...moved }, ...more] = found("find-me-too");
  assert.deepEqual(moved, { event: "status", connector: "team-a-1", to: "error", fields: ["status"], via: "_status", key: "team", request: "find-me-too" });
  assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000 && version > 1 && from && more.length === 0);
  const reasons = new Set(lines().filter((line) => line.event === "refused").map((line) => line.why));
  for (const why of ["no credentials", "malformed credentials", "unknown key", "wrong secret", "expired key", "privilege", "connector"]) {
    assert.ok(reasons.has(why), why);
  }
  const text = worker.logs().join("\n");
  assert.ok(text.length > 10_000);
  for (const secret of secrets) {
    assert.ok(!text.includes(secret));
    assert.ok(!text.includes(createHash("sha256").update(secret).digest("base64")));
  }
  for (const id of Object.keys(keys)) assert.ok(!text.includes(token(id)));
});

test("without access settings every request under /_connector is answered 401", async () => {
  const bare = await startWorker({ open: false });
  try {
    const attempts = Object.values(routes).filter(([, path]) => path.startsWith("/_connector"));
    const schemes = [{}, asRoot, bearing(token("manage")), bearing(encode("", "")), { authorization: "" }];
    for (const method of ["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"]) attempts.push([method, "/_connector"], [method, "/_connector/x/_nothing"]);
    attempts.push(["PUT", "/_connector/x", "x".repeat(2 << 20)], ["GET", "/_connector/%"], ["GET", "/_connector?size=x"]);
    attempts.push(["GET", "/_connector/"], ["GET", "/_connector//"], ["GET", "/_connector/_sync_job"], ["GET", "/"], ["HEAD", "/"]);
    for (const [method, path, body] of attempts) {
      for (const headers of schemes) {
        const answer = await send(bare.url, method, path, body, headers);
        assert.equal(answer.status, 401, `${method} ${path}`);
        if (method !== "HEAD") assert.equal(answer.body.error.type, "security_exception");
      }
    }
    for (const origin of ["https://a.example", "null"]) {
      const headers = { origin, "access-control-request-method": "PUT" };
      const answer = await send(bare.url, "OPTIONS", "/_connector/x", undefined, headers);
      assert.equal(answer.status, 401);
      assert.equal(answer.headers.get("access-control-allow-origin"), null);
    }
    assert.deepEqual((await (await bare.env()).CONNECTORS.list()).keys, []);
    // The console's page is public; its data is not.
    const page = await fetch(bare.url, { headers: { accept: "text/html" } });
    assert.notEqual(page.status, 401);
  } finally {
    await bare.close();
  }
});

test("anonymous callers can do what ANONYMOUS_PRIVILEGE grants, but not from other sites' pages", async () => {
  const here = { "sec-fetch-site": "same-origin" };
  const elsewhere = { "sec-fetch-site": "cross-site", origin: "https://evil.example" };
  const neighbour = { "sec-fetch-site": "same-site", origin: "http://127.0.0.1:1" };
  const [get, list, put, post] = [["GET", "/_connector/x"], ["GET", "/_connector"], ["PUT", "/_connector/x"], ["POST", "/_connector"]];
  const table = [
    ["monitor_connector", put, {}, 401],
    ["monitor_connector", list, {}, 200],
    ["monitor_connector", get, {}, 404],
    ["monitor_connector", get, bearing(encode("nobody", "x")), 401],
    ["everything", list, {}, 401],
    ["manage_connector", post, elsewhere, 401],
    ["manage_connector", post, neighbour, 401],
    ["manage_connector", list, elsewhere, 200],
    ["manage_connector", post, here, 201],
    ["manage_connector", put, {}, 201],
    ["manage_connector", put, bearing(encode("nobody", "x")), 401],
  ];
  for (const name of new Set(table.map(([privilege]) => privilege))) {
    const open = await startWorker({ open: false, vars: { ANONYMOUS_PRIVILEGE: name } });
    try {
      for (const [privilege, [method, path], headers, status] of table) {
        if (privilege !== name) continue;
        const answer = await send(open.url, method, path, undefined, headers);
        assert.equal(answer.status, status, `${name} ${method} ${path} ${JSON.stringify(headers)}`);
      }
    } finally {
      await open.close();
    }
  }
});

test("pages of other sites can read responses only if CORS_ORIGINS lists them", async (t) => {
  const good = "https://console.example";
  const worker = await startWorker({ vars: { CORS_ORIGINS: `${good}, https://other.example` } });
  t.after(() => worker.close());
  const preflight = (origin, path = "/_connector/cors") =>
    send(worker.url, "OPTIONS", path, undefined, { origin, "access-control-request-method": "PUT", "access-control-request-headers": "authorization,content-type,if-match" });
  const allowed = await preflight(good);
  assert.equal(allowed.status, 204);
  assert.equal(allowed.headers.get("access-control-allow-origin"), good);
  assert.match(allowed.headers.get("access-control-allow-methods"), /\bPUT\b.*\bDELETE\b/);
  assert.match(allowed.headers.get("access-control-allow-headers"), /Authorization.*Content-Type.*If-Match/);
  for (const origin of ["https://evil.example", `${good}.evil.example`, "null"]) {
    const refused = await preflight(origin);
    assert.equal(refused.headers.get("access-control-allow-origin"), null, origin);
    assert.equal(refused.headers.get("access-control-allow-methods"), null, origin);
    assert.match(refused.headers.get("vary"), /Origin/);
  }
  await send(worker.url, "PUT", "/_connector/cors");
  for (const path of ["/", "/_connector", "/_connector/cors", "/_connector/nobody", "/_connector/cors/_status"]) {
    for (const [origin, expected] of [[good, good], ["https://evil.example", null], [undefined, null]]) {
      const { headers } = await send(worker.url, "GET", path, undefined, origin ? { origin } : {});
      assert.equal(headers.get("access-control-allow-origin"), expected, `${path} ${origin}`);
      assert.equal(headers.get("access-control-allow-credentials"), null);
      assert.match(headers.get("vary"), /Origin/);
      assert.equal(headers.get("x-elastic-product"), "Elasticsearch");
      if (expected) assert.match(headers.get("access-control-expose-headers"), /ETag/);
    }
  }
  // A listed page is treated like one of our own.
  const page = { origin: good, "sec-fetch-site": "cross-site" };
  assert.equal((await send(worker.url, "POST", "/_connector", undefined, page)).status, 201);
});

test("CORS_ORIGINS = * lets every page read responses, but without credentials", async (t) => {
  const worker = await startWorker({ open: false, vars: { CORS_ORIGINS: "*" } });
  t.after(() => worker.close());
  const headers = { origin: "https://anywhere.example" };
  const answer = await send(worker.url, "GET", "/_connector", undefined, headers);
  assert.equal(answer.status, 401);
  assert.equal(answer.headers.get("access-control-allow-origin"), "*");
  assert.equal(answer.headers.get("access-control-allow-credentials"), null);
});

test("writes above the configured rate limit are answered 429", async (t) => {
  // Uses the commented-out example in wrangler.toml.
  const text = readFileSync(join(root, "wrangler.toml"), "utf8");
  const counting = text.replace(/# (\[\[ratelimits\]\])\n# (name.*)\n# (namespace_id.*)\n# simple = .*/, "$1\n$2\n$3\nsimple = { limit = 5, period = 60 }");
  assert.notEqual(counting, text);
  const config = join(root, ".wrangler-counting.toml");
  writeFileSync(config, counting);
  t.after(() => rmSync(config));
  const worker = await startWorker({ config, secrets: { ROOT_API_KEY: `root-id:${rootSecret}` } });
  t.after(() => worker.close());
  const put = (headers) => send(worker.url, "PUT", "/_connector/counted", { name: "x" }, headers);
  // The count restarts if the minute ends in between.
  const minute = () => Math.floor(Date.now() / 60_000);
  const [startMinute, statuses] = [minute(), []];
  let refused;
  do {
    refused = await put(asRoot);
    statuses.push(refused.status);
  } while (refused.status < 300 && statuses.length < 11);
  assert.equal(refused.status, 429, `${statuses}`);
  if (minute() === startMinute) assert.equal(statuses.length, 6, `${statuses}`);
  assert.equal(refused.body.error.type, "too_many_requests");
  assert.match(refused.headers.get("retry-after"), /^\d+$/);
  assert.equal((await send(worker.url, "GET", "/_connector/counted", undefined, asRoot)).status, 200);
  assert.equal((await put({})).status, 200, "other callers have their own limit");
});

test("npm run key creates, lists and revokes keys that the Worker accepts", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "keys-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const key = (...args) =>
    execFileSync("node", ["scripts/key.mjs", ...args, "--persist-to", folder], { cwd: root, env: environment, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  const stored = (id) =>
    execFileSync("wrangler", ["kv", "key", "get", id, "--binding", "API_KEYS", "--local", "--persist-to", folder], { cwd: root, env: environment, encoding: "utf8" });
  const encoded = key("create", "--name", "agent 1", "--privilege", "manage_connector", "--connectors", "team-c-*", "--expires", "90d").trim();
  const [id, made] = Buffer.from(encoded, "base64").toString().split(":");
  assert.equal(Buffer.from(made, "base64url").length, 32);
  const record = stored(id);
  assert.ok(!record.includes(made));
  // The printed record is what the Worker reads.
  await (await worker.env()).API_KEYS.put(id, record.trim());
  const status = async (path) => (await ask("PUT", path, undefined, bearing(encoded))).status;
  assert.deepEqual([await status("/_connector/team-c-1"), await status("/_connector/team-d-1")], [201, 403]);
  assert.match(key("list"), new RegExp(`^${id}  agent 1  manage_connector on team-c-\\*, expires 2`, "m"));
  key("revoke", id);
  assert.ok(!key("list").includes(id));
  for (const wrong of [["create", "--name", "x"], ["create", "--privilege", "monitor_connector"], ["create", "--name", "x", "--privilege", "all"], ["create", "--name", "x", "--privilege", "monitor_connector", "--expires", "never"], ["revoke"], []]) {
    assert.throws(() => key(...wrong), { status: 2 }, wrong.join(" "));
  }
});
