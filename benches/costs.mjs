// What is billed for each kind of request, counted in the production build, and what that costs per day.

import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { settingsFor, startReceiver } from "../tests/edge/receiver.mjs";
import { send } from "../tests/edge/worker.mjs";
import { kvWorker, ours, serve } from "../tests/soak/workerd.mjs";

/** The number of requests of each kind, each to its own connector; the results are their mean. */
const EACH = 10;
/** By then outboxes and alarms have finished the work that a request started. */
const FINISHED_MS = 4_000;
/** workerd evicts objects after ten seconds, as Cloudflare does; the next request has to read the row. */
const PUT_AWAY = 12_000;
/** The number of other connectors stored. */
const STORED = 1_000;

const KEY = { id: "costs", secret: "a secret of a bench" };

const name = (kind, n) => `/_connector/${kind.replaceAll(/\W+/g, "-")}-${n}`;
const put = (action, body) => (path) => ["PUT", path + action, body];
const get = (action) => (path) => ["GET", path + action];
const list = (query) => () => ["GET", `/_connector?size=100${query}`];
const summary = () => ["GET", "/_connector/_summary?sort=urgency:asc&from=0&size=100"];
const putStatus = (status) => put("/_status", { status });

/** `made`: the connector exists; `before`: requests sent to it first. */
const KINDS = [
  { label: "heartbeat (`PUT _check_in`)", made: true, ask: put("/_check_in") },
  { label: "`PUT _status`, changing", made: true, ask: putStatus("needs_configuration") },
  { label: "`PUT _status`, noop", made: true, before: putStatus("error"), ask: putStatus("error") },
  { label: "`PUT _status`, refused", made: true, status: 400, ask: putStatus("connected") },
  { label: "`PUT _name`", made: true, ask: put("/_name", { name: "Another name" }) },
  { label: "creation", status: 201, ask: put("", {}) },
  { label: "creation with an index", status: 201, ask: (path, n) => ["PUT", path, { index_name: `costs-${n}` }] },
  { label: "deletion", made: true, ask: (path) => ["DELETE", path] },
  { label: "hard deletion", made: true, ask: (path) => ["DELETE", `${path}?hard=true`] },
  { label: "`GET` of one", made: true, ask: get("") },
  { label: "`GET` of one, with a key", made: true, ask: get(""), keyed: true },
  { label: "`GET` of one, `realtime=false`", made: true, ask: get("?realtime=false") },
  { label: "`GET _status`", made: true, ask: get("/_status") },
  { label: "list of 100", ask: list("") },
  { label: "list of 100, not changed (304)", status: 304, ask: list(""), etag: true },
  { label: "list of 100, by status", ask: list("&status=created") },
  { label: "list of 100, by service type", ask: list("&service_type=sharepoint_online") },
  { label: "list of 100, by `query`", ask: list("&query=connector") },
  { label: "Kibana: `_refresh`", ask: () => ["POST", "/.elastic-connectors/_refresh"] },
  { label: "Kibana: `_search` of one", ask: () => ["POST", "/.elastic-connectors/_search", { query: { term: { _id: "sample" } } }] },
  { label: "Kibana: statistics (`_search?scroll`) of 1,000", ask: () => ["POST", "/.elastic-connectors/_search?scroll=10s", { stored_fields: [] }] },
  { label: "Kibana: `PUT _doc`", made: true, ask: (path) => ["PUT", path.replace("/_connector/", "/.elastic-connectors/_doc/"), { status: "created", api_key_id: "a-key" }] },
  { label: "the console's list (`_summary`)", ask: summary },
  { label: "the console's list, not changed (304)", status: 304, ask: summary, etag: true },
];

/** The same for a Worker with a webhook endpoint, which accepts deliveries at once. */
const HOOKED = [
  { label: "`PUT _status`, changing, with one webhook", made: true, ask: putStatus("needs_configuration") },
];

/** The counts for each kind of request, one row each. */
export async function count() {
  const rows = await countEach(KINDS);
  const receiver = await startReceiver();
  try {
    return [...rows, ...(await countEach(HOOKED, receiver))];
  } finally {
    await receiver.close();
  }
}

async function countEach(kinds, receiver) {
  const vars = { ANONYMOUS_PRIVILEGE: "manage_connector", ...(receiver && settingsFor([receiver], { WEBHOOK_LIMIT: "1000" })) };
  const server = await serve({
    workers: {
      it: {
        ...ours({ kv: { CONNECTORS: "kv", API_KEYS: "keys" }, vars }),
        modules: ["benches/counting.mjs", "build/worker.js", "build/index_bg.wasm"],
      },
      kv: kvWorker,
      keys: kvWorker,
    },
    sockets: { it: "it", counts: "it#control", kv: "kv#control", keys: "keys#control" },
    quiet: true,
  });
  const control = async (socket, path = "", init = {}) => (await fetch(`${server.url(socket)}/${path}`, init)).text();
  const load = (socket, entries) => control(socket, "load", { method: "POST", body: JSON.stringify(entries) });
  const ask = ([method, path, body], headers) => send(server.url("it"), method, path, body, headers);
  const kvCounts = async () => {
    const [kv, keys] = await Promise.all(["kv", "keys"].map((it) => control(it, "counts").then(JSON.parse)));
    return Object.fromEntries(Object.keys(kv).map((what) => [what, kv[what] + keys[what]]));
  };
  try {
    const secret = createHash("sha256").update(KEY.secret).digest("base64");
    const key = { name: "Costs", secret_sha256: secret, privileges: ["manage_connector"], creation: 0 };
    await load("keys", [[KEY.id, JSON.stringify(key)]]);
    await ask(["PUT", "/_connector/sample", { name: "Sample", service_type: "sharepoint_online" }]);
    const { id, ...document } = (await ask(["GET", "/_connector/sample"])).body;
    const stored = Array.from({ length: STORED }, (_, n) => [
      `c:stored-${n}`,
      JSON.stringify({ ...document, name: `Connector ${n}`, index_name: `search-${String(n).padStart(6, "0")}` }),
    ]);
    await load("kv", stored);
    await ask(list("")());
    for (const { label, made, before } of kinds) {
      for (let n = 0; made && n < EACH; n += 1) {
        await ask(["PUT", name(label, n), {}]);
        if (before) await ask(before(name(label, n)));
      }
    }
    await sleep(PUT_AWAY);
    const rows = [];
    for (const { label, ask: request, status = 200, keyed, etag } of kinds) {
      const headers = keyed ? { authorization: `ApiKey ${btoa(`${KEY.id}:${KEY.secret}`)}` } : {};
      if (etag) headers["if-none-match"] = (await ask(request())).headers.get("etag");
      await control("counts", "", { method: "DELETE" });
      const kvBefore = await kvCounts();
      const sentBefore = receiver?.got.length;
      for (let n = 0; n < EACH; n += 1) {
        const answer = await ask(request(name(label, n), n), headers);
        if (answer.status !== status) throw new Error(`${label}: ${answer.status} ${JSON.stringify(answer.body)}`);
      }
      await sleep(FINISHED_MS);
      const counts = JSON.parse(await control("counts"));
      const kvAfter = await kvCounts();
      const mean = (total) => total / EACH;
      if (receiver && receiver.got.length !== sentBefore + EACH) throw new Error(`${label}: ${receiver.got.length - sentBefore} messages`);
      rows.push({
        label,
        workerRequests: mean(counts.workerRequests),
        objectRequests: mean(counts.objectRequests),
        rowsRead: mean(counts.rowsRead),
        rowsWritten: mean(counts.rowsWritten),
        kvReads: mean(kvAfter.reads - kvBefore.reads),
        kvWrites: mean(kvAfter.writes - kvBefore.writes + kvAfter.deletes - kvBefore.deletes),
        kvLists: mean(kvAfter.lists - kvBefore.lists),
        calls: counts.calls,
      });
    }
    return rows;
  } finally {
    await server.kill();
  }
}

/** What is billed: the price of a million in dollars, and the free plan's daily allowance. */
export const PRICES = {
  workerRequests: { label: "Worker requests", price: 0.3, free: 100_000 },
  objectRequests: { label: "object requests", price: 0.15, free: 100_000 },
  rowsRead: { label: "rows read", price: 0.001, free: 5_000_000 },
  rowsWritten: { label: "rows written", price: 1, free: 100_000 },
  kvReads: { label: "KV reads", price: 0.5, free: 100_000 },
  kvWrites: { label: "KV writes", price: 5, free: 1_000 },
  kvLists: { label: "KV lists", price: 5, free: 1_000 },
  gbSeconds: { label: "object GB-s", price: 12.5, free: 13_000 },
};

/** Seconds. */
export const DAY = 86_400;
const CHECK_IN = 300;
/** Status changes per connector and day. */
const CHANGES = 2;
/** Heartbeat copies per day: see HEARTBEAT_GAP_MS in src/edge/outbox/kv.rs. */
const COPIES = 2;
/** While lists are requested, Workers KV is read every five minutes: a thousand keys per list operation. */
const LOOK = 300;
/** The console pings after this many idle seconds; twenty socket messages are billed as one request. */
const PING = 50;
const MESSAGES = 20;
/** The console reads its list after a change, at most once in this many seconds. */
const GAP = 2;
/** Assumed, not counted: how long a request keeps an object awake, with its 128 MB. */
const AWAKE = { seconds: 0.1, gb: 0.125 };

/** What a day costs. `consoles`: how many show the list all day; messages sent to their sockets are free. */
export function day(rows, connectors, { consoles = 2 } = {}) {
  const of = (label) => rows.find((row) => row.label.startsWith(label));
  const heartbeats = (connectors * DAY) / CHECK_IN;
  const changes = connectors * CHANGES;
  // Changes come at random, so an interval without one is as likely as in a Poisson process.
  const looks = (consoles * DAY) / GAP * (1 - Math.exp((-changes / DAY) * GAP));
  const total = Object.fromEntries(Object.keys(PRICES).map((what) => [what, 0]));
  const add = (row, times) => {
    for (const what of Object.keys(total)) total[what] += (row[what] ?? 0) * times;
  };
  add(of("heartbeat"), heartbeats);
  add(of("`PUT _status`, changing"), changes);
  add({ kvWrites: 1, rowsWritten: 1 }, connectors * COPIES);
  add(of("the console's list (`_summary`)"), looks);
  add({ objectRequests: 1 / MESSAGES }, (consoles * DAY) / PING);
  if (consoles > 0) add({ kvLists: Math.ceil(connectors / 1_000) }, Math.min(DAY / LOOK, looks));
  total.gbSeconds = total.objectRequests * AWAKE.seconds * AWAKE.gb;
  const price = Object.entries(total).reduce((sum, [what, amount]) => sum + (amount * PRICES[what].price) / 1e6, 0);
  const over = Object.keys(total).filter((what) => total[what] > PRICES[what].free);
  return { ...total, price, over };
}
