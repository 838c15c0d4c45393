// The proofs. Each returns `{ figures, problems }`: a line to print, and what went wrong.

import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { isDeepStrictEqual } from "node:util";

import { inspect, statesOf } from "../../scripts/backup-file.mjs";
import { environment, root } from "../../scripts/tools.mjs";
import { settingsFor, startReceiver } from "../edge/receiver.mjs";
import { send } from "../edge/worker.mjs";
import { until } from "../until.mjs";
import { missed, row, violation } from "./checker.mjs";
import { databases, faulty, inDatabases, ours, rowOf, scratch, serveWithKv } from "./workerd.mjs";

export { budget } from "./budget.mjs";

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const now = () => performance.now();
const numbers = (count) => Array.from({ length: count }, (_, n) => n);
const pick = (items) => items[Math.floor(Math.random() * items.length)];
const percentile = (values, share) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0;

const STATUSES = ["created", "needs_configuration", "configured", "connected", "error"];

const connectorPath = (id) => `/_connector/${id}`;
const documents = "/.elastic-connectors";

/** The requests of each kind of operation, and what the checker gets from their responses. */
const KINDS = {
  create: { ask: (id) => ["PUT", connectorPath(id), {}], result: (body) => body.result },
  status: { ask: (id, status) => ["PUT", `${connectorPath(id)}/_status`, { status }], result: (body) => body.result },
  error: { ask: (id, error) => ["PUT", `${connectorPath(id)}/_error`, { error }], result: (body) => body.result },
  configuration: { ask: (id) => ["PUT", `${connectorPath(id)}/_configuration`, { configuration: {} }], result: (body) => body.result },
  delete: { ask: (id) => ["DELETE", connectorPath(id)], result: (body) => body.acknowledged },
  erase: { ask: (id) => ["DELETE", `${connectorPath(id)}?hard=true`], result: (body) => body.acknowledged },
  get: {
    ask: (id) => ["GET", connectorPath(id)],
    result: (body) => `${body.status} ${body.error === undefined ? "" : JSON.stringify(body.error)}`,
  },
  look: {
    ask: (id) => ["GET", `${connectorPath(id)}/_status?size=1`],
    result: (body) => `${body.status} ${row(body.history[0])}`,
  },
  document: {
    ask: (id) => ["GET", `${documents}/_doc/${id}`],
    result: ({ _seq_no, _source }) => ({ seqNo: _seq_no, status: _source.status }),
  },
  heartbeat: { ask: (id) => ["PUT", `${connectorPath(id)}/_check_in`], result: (body) => body.result },
  update: {
    ask: (id, { status, seqNo }) => ["POST", `${documents}/_update/${id}?if_seq_no=${seqNo}&if_primary_term=1`, { doc: { status } }],
    result: (body) => body.result,
  },
};

/** Mostly status changes; deletions are rare, so that there is something to move. */
function anyMove() {
  if (Math.random() < 0.05) return ["list"];
  if (Math.random() < 0.1) return ["search"];
  if (Math.random() < 0.1) return ["heartbeat"];
  const dice = Math.random();
  if (dice < 0.4) return ["status", pick(STATUSES)];
  if (dice < 0.45) return ["document"];
  if (dice < 0.55) return ["update", pick(STATUSES)];
  if (dice < 0.65) return ["error", pick([null, "broken", "out of order"])];
  if (dice < 0.73) return ["configuration"];
  if (dice < 0.83) return ["get"];
  if (dice < 0.93) return ["look"];
  if (dice < 0.97) return ["create"];
  return [dice < 0.985 ? "delete" : "erase"];
}

/**
 * 1. Clients move connectors at random. One order must explain all responses, and acknowledged changes must be in every
 * later list. `worker`: a Worker other than ours, without documents; a round has this many `moves`.
 */
export async function linearizability({ worker, seconds = 60, clients = 32, connectors = 8, moves = 1_200 }) {
  const server = await serveWithKv({ worker });
  const problems = [];
  let asked = 0;
  let rounds = 0;
  let listed = 0;
  /** The number of updates with each result. */
  const updates = {};
  const latencies = [];
  const refreshes = [];
  try {
    const end = now() + seconds * 1000;
    do {
      rounds += 1;
      const operations = new Map(numbers(connectors).map((n) => [`c-${rounds}-${n}`, []]));
      const names = [...operations.keys()];
      const looks = new Map(names.map((name) => [name, []]));
      const list = async () => {
        const start = now();
        const { status, body } = await send(server.url(), "GET", "/_connector?size=1000");
        const end = now();
        if (status >= 500) problems.push(`a list answered ${status}`);
        if (status !== 200) return;
        listed += 1;
        const ids = new Set(body.results.map(({ id }) => id));
        for (const name of names) looks.get(name).push({ start, end, listed: ids.has(name) });
      };
      // Of all connectors: each is judged by what it shows.
      const search = async () => {
        const start = now();
        const refreshed = await send(server.url(), "POST", `${documents}/_refresh`);
        const query = { ids: { values: names } };
        const { status, body } = await send(server.url(), "POST", `${documents}/_search`, { query, size: 100, seq_no_primary_term: true });
        const end = now();
        if (refreshed.status !== 200 || status !== 200) {
          problems.push(`a refresh answered ${refreshed.status}, the search after it ${status}`);
          return;
        }
        refreshes.push(end - start);
        const hits = new Map(body.hits.hits.map((hit) => [hit._id, hit]));
        for (const name of names) {
          const hit = hits.get(name);
          const result = hit ? { seqNo: hit._seq_no, status: hit._source.status, deleted: hit._source.deleted === true } : null;
          operations.get(name).push({ kind: "search", status, result, start, end });
        }
      };
      const perform = async (name, kind, value) => {
        if (kind === "list") return list();
        if (kind === "search" || kind === "heartbeat") {
          if (worker) return;
          if (kind === "search") return search();
        }
        const [method, path, body] = KINDS[kind].ask(name, value);
        const start = now();
        const answer = await send(server.url(), method, path, body);
        const end = now();
        asked += 1;
        latencies.push(end - start);
        if (answer.status >= 500) problems.push(`${kind} answered ${answer.status}`);
        const result = answer.status < 300 ? KINDS[kind].result(answer.body) : undefined;
        operations.get(name).push({ kind, value, status: answer.status, result, start, end });
        if (kind === "update") updates[answer.status] = (updates[answer.status] ?? 0) + 1;
        return result;
      };
      let left = moves;
      const client = async (n) => {
        const mine = names[n % connectors];
        // The version this client has seen; others move the connector meanwhile.
        let seen;
        while (left-- > 0) {
          const [kind, value] = anyMove();
          if (kind === "document" || kind === "update") {
            if (worker) continue;
            if (kind === "document" || !seen) seen = await perform(mine, "document");
            if (kind === "update" && seen) await perform(mine, kind, { status: value, seqNo: seen.seqNo });
          } else await perform(mine, kind, value);
        }
      };
      await Promise.all(names.map((name) => perform(name, "create")));
      await Promise.all(numbers(clients).map(client));
      for (const name of names) {
        // A final creation, so that there is a history.
        await perform(name, "create");
        const { body } = await send(server.url(), "GET", `/_connector/${name}/_status?size=1000`);
        const found = violation(operations.get(name), body.history.map(row).reverse());
        if (found) problems.push(`no order explains ${name}: ${JSON.stringify(found)}`);
        await list();
        const [late] = missed(operations.get(name), looks.get(name));
        if (late) problems.push(`a list lacks what was acknowledged of ${name}: ${JSON.stringify(late)}`);
      }
      // Lists must only have this round's connectors.
      for (const name of names) await send(server.url(), "DELETE", `/_connector/${name}?hard=true`);
    } while (now() < end);
  } finally {
    await server.close();
  }
  const figures =
    `linearizability: ${asked} operations of ${clients} clients on ${rounds * connectors} connectors ` +
    `in ${rounds} rounds, ${listed} lists, ${refreshes.length} searches after a refresh, ${updates[200] ?? 0} updates of documents and ${updates[409] ?? 0} with a sequence number of before, ` +
    `${problems.length} violations; ` +
    `answers in ${percentile(latencies, 0.5).toFixed(1)} ms (median), ${percentile(latencies, 0.99).toFixed(0)} ms (99 %)`;
  return { figures, problems };
}

/**
 * 1b. As Kibana does it, a document is searched after a refresh, changed in one field, and put back as a whole, while
 * its status is moved and its schedule changed. Nothing of that is turned back, and the change is made. `naive`: the
 * same by `_update` with all fields, which turns moves back.
 */
export async function wholeDocuments({ tries = 1_000, connectors = 8, naive = Math.min(tries, 200) }) {
  const server = await serveWithKv();
  const problems = [];
  const ask = (method, path, body) => send(server.url(), method, path, body);
  const must = async (method, path, body) => {
    const { status, body: answer } = await ask(method, path, body);
    if (status >= 300) problems.push(`${method} ${path} answered ${status} ${JSON.stringify(answer)}`);
    return answer;
  };
  /** How many moves, schedules and changes of ours were lost. */
  const race = async (name, count, putBack) => {
    const lost = { moves: 0, schedules: 0, changes: 0 };
    await must("PUT", connectorPath(name), { name });
    await must("PUT", `${connectorPath(name)}/_status`, { status: "needs_configuration" });
    await must("PUT", `${connectorPath(name)}/_status`, { status: "configured" });
    for (let n = 0; n < count; n += 1) {
      const to = n % 2 === 0 ? "connected" : "configured";
      const interval = `0 ${n % 60} 0 * * ?`;
      const move = async () => {
        await sleep(Math.random() * 4);
        await must("PUT", `${connectorPath(name)}/_status`, { status: to });
        await must("PUT", `${connectorPath(name)}/_scheduling`, { scheduling: { full: { enabled: n % 2 === 0, interval } } });
      };
      const change = async (moved) => {
        await must("POST", `${documents}/_refresh`);
        const { hits } = await must("POST", `${documents}/_search`, { query: { term: { _id: name } } });
        // The move is under way, or over.
        if (n % 3 === 0) await moved;
        else await sleep(Math.random() * 4);
        await putBack(name, { ...hits.hits[0]._source, api_key_id: `k-${n}` });
      };
      const moved = n % 3 === 0 ? sleep(Math.random() * 8).then(move) : move();
      await Promise.all([moved, change(moved)]);
      const { status, scheduling, api_key_id } = await must("GET", connectorPath(name));
      if (status !== to) lost.moves += 1;
      if (scheduling.full.interval !== interval) lost.schedules += 1;
      if (api_key_id !== `k-${n}`) lost.changes += 1;
      // On from where it is to be.
      if (status !== to) await must("PUT", `${connectorPath(name)}/_status`, { status: to });
    }
    const { history } = await must("GET", `${connectorPath(name)}/_status?size=1000`);
    for (const { via, from, to } of history.filter(({ via }) => via === "_doc")) problems.push(`${name}: ${from} > ${to} via ${via}`);
    return lost;
  };
  const all = async (prefix, count, putBack) => {
    const lost = await Promise.all(numbers(connectors).map((n) => race(`${prefix}-${n}`, Math.ceil(count / connectors), putBack)));
    return lost.reduce((sum, one) => ({ moves: sum.moves + one.moves, schedules: sum.schedules + one.schedules, changes: sum.changes + one.changes }));
  };
  try {
    const whole = await all("whole", tries, (name, document) => must("PUT", `${documents}/_doc/${name}`, document));
    for (const [what, count] of Object.entries(whole)) if (count > 0) problems.push(`${count} ${what} lost`);
    const merged = await all("naive", naive, (name, doc) => must("POST", `${documents}/_update/${name}`, { doc }));
    if (merged.moves === 0) problems.push("the race is none: an update with all fields turns nothing back");
    const figures =
      `wholeDocuments: ${tries} documents put back while their connector was moved and scheduled, ` +
      `${whole.moves} moves, ${whole.schedules} schedules and ${whole.changes} changes lost; by an update with all fields ${merged.moves} of ${naive} moves`;
    return { figures, problems };
  } finally {
    await server.close();
  }
}

/** 2. The process is killed under load. Acknowledged writes must survive, and none may be half done. */
export async function kill({ times = 50, connectors = 16 }) {
  const disk = mkdtempSync(join(scratch, "connector-status-disk-"));
  const server = await serveWithKv({ disk });
  const problems = [];
  let acknowledged = 0;
  let unanswered = 0;
  const ways = ["connected", "configured"];
  const names = numbers(connectors).map((n) => `kill-${n}`);
  /** Acknowledged writes by connector: each increments the version and adds one row of history. */
  const versions = new Map(names.map((name) => [name, 0]));
  /** The status after that many writes: created, needs_configuration, configured, connected, ... */
  const statusAfter = (writes) =>
    writes <= 2 ? STATUSES[writes - 1] : ways[writes % 2 === 1 ? 1 : 0];
  const write = async (name) => {
    const done = versions.get(name);
    const path = `/_connector/${name}${done === 0 ? "" : "/_status"}`;
    const body = done === 0 ? {} : { status: statusAfter(done + 1) };
    const answer = await send(server.url(), "PUT", path, body);
    if (answer.status >= 300) throw new Error(`${name}: ${answer.status} ${JSON.stringify(answer.body)}`);
    versions.set(name, done + 1);
    acknowledged += 1;
  };
  try {
    for (let time = 0; time < times; time += 1) {
      let running = true;
      const load = names.map(async (name) => {
        while (running) {
          try {
            await write(name);
          } catch (error) {
            if (running) problems.push(`while alive: ${error.message} ${error.cause ?? ""}`);
            else unanswered += 1;
          }
        }
      });
      await sleep(50 + Math.random() * 400);
      running = false;
      await server.kill();
      await Promise.all(load);
      await server.restart();
      for (const name of names) {
        const answer = await send(server.url(), "GET", `/_connector/${name}/_status?size=1000`);
        const before = versions.get(name);
        if (answer.status !== 200) {
          if (before > 0) problems.push(`${name} is lost: ${answer.status}`);
          continue;
        }
        const { status, history } = answer.body;
        const { headers } = await send(server.url(), "GET", `/_connector/${name}`);
        const version = Number(headers.get("etag").replaceAll('"', ""));
        if (version !== before && version !== before + 1) {
          problems.push(`${name}: ${before} writes acknowledged, ${version} kept`);
        }
        const rows = Math.min(version, 1_000);
        if (history.length !== rows || history[0].to !== status || status !== statusAfter(version)) {
          problems.push(`${name}: half a write: version ${version}, ${status}, ${history.length} rows`);
        }
        versions.set(name, version);
      }
    }
    const listed = await listEquals(server, names, 10_000);
    if (listed === null) problems.push("the list does not follow after the last restart");
    const healed = await copiesEqual(server, names, 10_000);
    if (healed === null) problems.push("the copies do not follow after the last restart");
    const figures =
      `kill: ${times} times SIGKILL under load, ${acknowledged} writes acknowledged, ` +
      `${unanswered} cut off, ${problems.length} lost or half; copies equal ${((healed ?? NaN) / 1000).toFixed(1)} s after the last restart`;
    return { figures, problems };
  } finally {
    await server.close();
    rmSync(disk, { recursive: true, force: true });
  }
}

/** The time until `differing` finds nothing, in ms; `null` if longer than `limit`. */
async function converges(differing, limit) {
  const start = now();
  for (;;) {
    if ((await differing()).length === 0) return now() - start;
    if (now() - start > limit) return null;
    await sleep(100);
  }
}

/** The connectors as their objects return them, as text; `undefined`: erased. */
const shown = (server, names) =>
  Promise.all(
    names.map(async (name) => {
      const answer = await fetch(`${server.url()}/_connector/${name}?include_deleted=true`);
      const text = await answer.text();
      return answer.status === 404 ? undefined : text;
    }),
  );

/** The time until every copy in KV equals its object. */
const copiesEqual = (server, names, limit) =>
  converges(async () => {
    const texts = await shown(server, names);
    const { entries } = await server.kv("state");
    return names.filter((name, n) => entries[`c:${name}`] !== texts[n]?.replace(`{"id":"${name}",`, "{"));
  }, limit);

/** The time until the list has every connector as its object has it. */
const listEquals = (server, names, limit) =>
  converges(async () => {
    const texts = await shown(server, names);
    const { status, body } = await send(server.url(), "GET", "/_connector?include_deleted=true&size=1000");
    if (status !== 200) return names;
    const listed = new Map(body.results.map((connector) => [connector.id, connector]));
    return names.filter((name, n) => !isDeepStrictEqual(listed.get(name), texts[n] && JSON.parse(texts[n])));
  }, limit);

/** Sends requests that must be answered as expected and in time; records the slowest of each mode. */
function answerInTime(server, problems, limit = 2_000) {
  const slowest = {};
  const ask = async (mode, expected, method, path, body) => {
    const start = now();
    const answer = await send(server.url(), method, `/_connector${path}`, body);
    const took = now() - start;
    ask.count += 1;
    slowest[mode] = Math.max(slowest[mode] ?? 0, took);
    if (took > limit) problems.push(`${mode}: ${method} ${path} took ${took.toFixed(0)} ms`);
    if (answer.status !== expected) {
      problems.push(`${mode}: ${method} ${path} answered ${answer.status} ${JSON.stringify(answer.body)}`);
    }
    return answer;
  };
  return Object.assign(ask, { count: 0, slowest });
}

/** A Directory that has never read Workers KV cannot answer, and must say so in time, while KV hangs. */
async function beforeTheFirstLook(problems) {
  const server = await serveWithKv();
  const inTime = answerInTime(server, problems, 11_000);
  try {
    await server.kv("faults", { mode: "hang" });
    await Promise.all([
      inTime("first list", 503, "GET", ""),
      inTime("first claim", 503, "PUT", "/claims", { index_name: "an-index" }),
      inTime("no claim", 201, "PUT", "/claims-not", {}),
    ]);
    await server.kv("faults", { mode: "none" });
    await until(() => send(server.url(), "GET", "/_connector"), ({ status }) => status === 200, 12);
  } finally {
    await server.close();
  }
}

/** 3. KV refuses, fails, hangs, or writes late. No request may fail, and copies must be equal afterwards. */
export async function kvFaults({ seconds = 8, connectors = 8, modes = ["429", "500", "hang", "late", "late-500"] }) {
  const server = await serveWithKv();
  const problems = [];
  const healing = {};
  const strict = answerInTime(server, problems);
  let writes = 0;
  // The first list and the first claim need Workers KV.
  const first = modes.includes("hang") ? beforeTheFirstLook(problems) : undefined;
  try {
    await send(server.url(), "GET", "/_connector");
    for (const mode of modes) {
      const names = numbers(connectors).map((n) => `${mode}-${n}`);
      const ask = (expected, method, path, body) => strict(mode, expected, method, `/${path}`, body);
      await server.kv("watch", {});
      for (const name of names) {
        await ask(201, "PUT", name, {});
        await ask(200, "PUT", `${name}/_status`, { status: "needs_configuration" });
        await ask(200, "PUT", `${name}/_status`, { status: "configured" });
      }
      await sleep(1_200);
      await server.kv("faults", { mode, delay: 4_000 });
      await strict(mode, 200, "GET", "");
      // Meanwhile one is erased, one hidden, and one recreated with an index.
      await ask(201, "PUT", `${mode}-new`, { index_name: `index-${mode}` });
      const end = now() + seconds * 1000;
      let turn = 0;
      while (now() < end) {
        turn += 1;
        const status = turn % 2 ? "connected" : "configured";
        const moved = turn < 6 ? names : names.slice(2);
        await Promise.all(moved.map((name) => ask(200, "PUT", `${name}/_status`, { status })));
        if (turn === 5) {
          await ask(200, "DELETE", `${names[0]}?hard=true`);
          await ask(200, "DELETE", names[1]);
        }
        await sleep(200 + Math.random() * 500);
      }
      await server.kv("faults", { mode: "none" });
      // KV has recovered only when it has carried out all pending writes.
      await until(() => server.kv("state"), ({ pending }) => pending === 0, 30);
      const took = await copiesEqual(server, [...names, `${mode}-new`], 5_000);
      if (took === null) problems.push(`${mode}: copies differ 5 s after KV healed`);
      healing[mode] = took ?? Infinity;
      await sleep(1_000);
      if ((await copiesEqual(server, [...names, `${mode}-new`], 0)) === null) {
        problems.push(`${mode}: copies differ again`);
      }
      const { arrivals } = await server.kv("state");
      const last = new Map();
      writes += arrivals.length;
      for (const { key, at } of arrivals) {
        const gap = at - (last.get(key) ?? -Infinity);
        if (gap < 1_000) problems.push(`${mode}: ${key} written twice within ${gap} ms`);
        last.set(key, at);
      }
      const listed = (await send(server.url(), "GET", "/_connector")).body.results.map(({ id }) => id);
      for (const gone of names.slice(0, 2)) if (listed.includes(gone)) problems.push(`${mode}: ${gone} came back`);
    }
    await first;
  } finally {
    await server.close();
  }
  const each = modes.map(
    (mode) => `${mode} ${strict.slowest[mode].toFixed(0)} ms / ${(healing[mode] / 1000).toFixed(1)} s`,
  );
  const figures =
    `KV faults: ${strict.count} requests, ${writes} copies written, ${problems.length} problems; ` +
    `slowest answer / copies equal after: ${each.join(", ")}`;
  return { figures, problems };
}

/** The lifecycle of a connector, repeated: each step must succeed. */
const LIFE = [
  ["PUT", "", {}],
  ["PUT", "/_status", { status: "needs_configuration" }],
  ["PUT", "/_status", { status: "configured" }],
  ["PUT", "/_check_in"],
  ["PUT", "/_status", { status: "connected" }],
  ["PUT", "/_name", { name: "A name" }],
  ["DELETE", ""],
  ["PUT", "", { service_type: "a_type" }],
  ["PUT", "/_check_in"],
  ["DELETE", "?hard=true"],
];

/**
 * 4. The Directory throws, hangs, restarts, or dies with the whole process, under load. No write may fail because of
 * it; those that wait for it wait one second; afterwards it must agree with the objects.
 */
export async function directory({ seconds = 8, connectors = 16, modes = ["throw", "hang", "abort", "kill"] }) {
  const disk = mkdtempSync(join(scratch, "connector-status-disk-"));
  const server = await serveWithKv({ worker: faulty(), disk });
  const problems = [];
  const healing = {};
  const strict = answerInTime(server, problems);
  let cutOff = 0;
  try {
    for (const mode of modes) {
      const names = numbers(connectors).map((n) => `${mode}-${n}`);
      let isRunning = true;
      const lane = async (name) => {
        for (let n = 0; isRunning; n += 1) {
          const [method, path, body] = LIFE[n % LIFE.length];
          try {
            await strict(mode, method === "PUT" && path === "" && n % LIFE.length === 0 ? 201 : 200, method, `/${name}${path}`, body);
          } catch {
            // Only requests in progress when the process died may fail.
            return void (cutOff += 1);
          }
          await sleep(Math.random() * 50);
        }
      };
      const load = names.map(lane);
      await sleep(300);
      if (mode !== "kill") await server.faults({ mode });
      await sleep(seconds * 1_000);
      if (mode === "kill") {
        await server.kill();
        await Promise.all(load);
        await server.restart();
        // The next heartbeat makes up for one that the Directory missed.
        await Promise.all(names.map((name) => send(server.url(), "PUT", `/_connector/${name}/_check_in`)));
      } else {
        // Lists need the Directory, and must fail in time without it.
        const inTime = answerInTime(server, problems, 12_000);
        if (mode !== "hang" || seconds > 5) await inTime(`a list, ${mode}`, 503, "GET", "");
        isRunning = false;
        await Promise.all(load);
        await server.faults({ mode: "none" });
      }
      const took = await listEquals(server, names, 5_000);
      if (took === null) problems.push(`${mode}: the list differs 5 s after the Directory healed`);
      healing[mode] = took ?? Infinity;
    }
    await server.kill();
    problems.push(...rowsThatDiffer(disk));
  } finally {
    await server.close();
    rmSync(disk, { recursive: true, force: true });
  }
  const each = modes.map(
    (mode) => `${mode} ${strict.slowest[mode].toFixed(0)} ms / ${(healing[mode] / 1000).toFixed(1)} s`,
  );
  const figures =
    `directory: ${strict.count} writes, ${cutOff} cut off by a kill, ${problems.length} problems; ` +
    `slowest answer / list equal after: ${each.join(", ")}`;
  return { figures, problems };
}

/** Where the Directory's rows differ from the objects, or its totals from its rows. No workerd may have them open. */
function rowsThatDiffer(disk) {
  const newest = `SELECT id, document IS NULL AS erased, max(version, coalesce((SELECT max(seq) FROM history), 0)) AS version FROM connector`;
  const objects = inDatabases(disk, "ConnectorObject", (it) => rowOf(it, "connector") && it.prepare(newest).get());
  const [{ entries, totals, counted }] = inDatabases(disk, "Directory", (it) => ({
    entries: new Map(it.prepare("SELECT id, version, deleted FROM entry").all().map((row) => [row.id, row])),
    totals: it.prepare("SELECT deleted, status, service_type, count FROM total WHERE count <> 0 ORDER BY 1, 2, 3").all(),
    counted: it
      .prepare("SELECT deleted, coalesce(status, '') AS status, coalesce(service_type, '') AS service_type, count(*) AS count FROM entry GROUP BY 1, 2, 3 ORDER BY 1, 2, 3")
      .all(),
  }));
  const problems = objects.filter(Boolean).flatMap(({ id, version, erased }) => {
    const entry = entries.get(id);
    const isEqual = entry?.version === version && (entry.deleted === 2) === (erased === 1);
    return isEqual ? [] : [`${id}: version ${version} in its object, ${JSON.stringify(entry)} in the Directory`];
  });
  if (!isDeepStrictEqual(totals, counted)) problems.push(`totals ${JSON.stringify(totals)}, rows ${JSON.stringify(counted)}`);
  return problems;
}

/**
 * 5. An index belongs to one connector: with many concurrent creations, late messages, and crashes in between. Only
 * half a millisecond lies between the grant of an index and its commit: if no kill has hit it yet, a few more are
 * tried.
 */
export async function claims({
  rounds = 20,
  kills = 20,
  tries = 60,
  atOnce = 50,
  width = 40,
  rivals = 5,
  lanes = 32,
  delays = [20, 300, 3_000],
  seconds = 12,
  refused = 300,
}) {
  const disk = mkdtempSync(join(scratch, "connector-status-disk-"));
  const server = await serveWithKv({ worker: faulty(), disk });
  const problems = [];
  let dead = 0;
  let leftBehind = 0;
  const ids = (index, count) => numbers(count).map((n) => `${index}-${n}`);
  const create = (index) => (id) =>
    send(server.url(), "PUT", `/_connector/${id}`, { index_name: index }).then(
      ({ status }) => status,
      () => "cut off",
    );
  const holders = async (index, all) => {
    const found = await Promise.all(all.map((id) => send(server.url(), "GET", `/_connector/${id}`)));
    return found.filter(({ body }) => body.index_name === index).length;
  };
  const raceForIndex = async (index, count) => {
    const answers = await Promise.all(ids(index, count).map(create(index)));
    const won = answers.filter((status) => status === 201 || status === 200).length;
    const held = await holders(index, ids(index, count));
    if (won !== 1 || held !== 1) problems.push(`${index}: ${won} told yes, ${held} hold it`);
  };
  const claimed = () =>
    inDatabases(disk, "Directory", (database) => database.prepare("SELECT id FROM claim").all()).flat();
  /** The number of indices granted to connectors that did not live to commit. */
  const countLeftBehind = (since) => {
    const rows = inDatabases(disk, "ConnectorObject", (database) => rowOf(database, "connector")?.id, since);
    return claimed().filter(({ id }) => !rows.includes(id)).length;
  };
  const indices = (name) => numbers(width).map((n) => `${name}-${n}`);
  /** Creates rivals for every index until the process dies; reports each response. */
  const createUntilCutOff = (name, answered) => {
    const waiting = numbers(rivals).flatMap((n) => indices(name).map((index) => [index, `${index}-${n}`]));
    const lane = async () => {
      while (waiting.length > 0) {
        const [index, id] = waiting.shift();
        if ((await create(index)(id)) === "cut off") return void (dead += 1);
        answered();
      }
    };
    return Promise.all(numbers(lanes).map(lane));
  };
  let killed = 0;
  let changes = 0;
  try {
    for (let round = 0; round < rounds; round += 1) await raceForIndex(`index-${round}`, atOnce);
    await leavesNothingBehind();
    for (const delay of delays) await race(delay);
    while (killed < kills || (leftBehind === 0 && killed < tries)) {
      killed += 1;
      const name = `killed-${killed}`;
      const since = Date.now();
      // Kill after a few responses, so that other requests are in progress.
      let left = Math.ceil(Math.random() * width);
      await new Promise((enough) => {
        createUntilCutOff(name, () => --left === 0 && setTimeout(() => server.kill().then(enough), Math.random() * 3));
      });
      leftBehind += countLeftBehind(since);
      await server.restart();
      // The holder of the grant may have died before the commit: the name must be available again.
      for (const index of indices(name)) await raceForIndex(index, rivals);
    }
  } finally {
    await server.close();
    rmSync(disk, { recursive: true, force: true });
  }
  const figures =
    `claims: ${rounds} x ${atOnce} creations at once for one index, ${changes} grants with messages up to ` +
    `${delays.at(-1)} ms late, ${2 * refused} refused requests, ${killed} x ${width * rivals} for ${width} ` +
    `indices with SIGKILL in between (${dead} requests cut off, ${leftBehind} claims left behind by the dead): ` +
    `${problems.length} problems`;
  return { figures, problems };

  /** Refused requests leave neither claims nor databases; without the Directory the answer is 503. */
  async function leavesNothingBehind() {
    const strict = answerInTime(server, problems);
    await strict("refused", 201, "PUT", "/in-the-way", { index_name: "taken" });
    for (const n of numbers(refused)) {
      await Promise.all([
        strict("refused", 404, "PUT", `/nobody-${n}/_index_name`, { index_name: `refused-${n}` }),
        strict("refused", 400, "PUT", `/too-late-${n}`, { index_name: "taken" }),
      ]);
    }
    for (const mode of ["throw", "hang"]) {
      await server.faults({ mode });
      await strict(mode, 503, "PUT", `/unsaid-${mode}`, { index_name: `unsaid-${mode}` });
      await server.faults({ mode: "none" });
      await strict(mode, 404, "GET", `/unsaid-${mode}`);
      await strict(mode, 201, "PUT", `/said-${mode}`, { index_name: `unsaid-${mode}` });
    }
    await sleep(2_500);
    await server.kill();
    const isRefused = (id) => /^(nobody|too-late|unsaid)/.test(id);
    const objects = inDatabases(disk, "ConnectorObject", (database) => rowOf(database, "connector")?.id).filter(Boolean);
    const left = { claims: claimed().length, databases: objects.filter(isRefused).length };
    if (left.claims + left.databases > 0) problems.push(`refused requests left ${JSON.stringify(left)}`);
    await server.restart();
  }

  /**
   * Connectors repeatedly take an index and release it, in every possible way, alone and concurrently with another
   * request of the same connector. A connector certainly holds the index from the moment when none of its own requests
   * is in progress and it shows the index, until the request that releases it: never two at a time.
   */
  async function race(delay) {
    const all = numbers(width).map((n) => ({ index: `race-${delay}-${n}`, held: [] }));
    let until;
    const lane = async ({ index, held }, id) => {
      const ask = async (method, path, body, headers) => {
        const answer = await send(server.url(), method, path, body, headers);
        if (![200, 201, 400, 404, 412, 503].includes(answer.status)) problems.push(`${id}: ${method} ${path} answered ${answer.status}`);
        return answer;
      };
      const at = `/_connector/${id}`;
      const update = (doc) => ask("POST", `/.elastic-connectors/_update/${id}`, { doc });
      const restore = (index_name) =>
        ask("PUT", `${at}/_backup?overwrite=true`, { format: 1, id, version: 1, document: { status: "configured", index_name } });
      const rename = (index_name, headers) => ask("PUT", `${at}/_index_name`, { index_name }, headers);
      const takes = [
        () => rename(index),
        () => ask("PUT", at, { index_name: index }),
        () => update({ index_name: index }),
        () => update({ deleted: false }),
        () => ask("POST", `${at}/_restore`),
        () => update({ deleted: false, index_name: index }),
        () => restore(index),
      ];
      const gives = [
        () => rename(null),
        () => ask("DELETE", at),
        () => ask("DELETE", `${at}?hard=true`),
        () => update({ deleted: true }),
        () => update({ index_name: null }),
        () => restore(null),
      ];
      const twins = async () => {
        const { headers } = await ask("GET", at);
        const seen = { "if-match": headers.get("etag") ?? "none" };
        const answers = await Promise.all(numbers(3).map(() => rename(index, seen)));
        if (answers.filter(({ status }) => status === 200).length > 1) problems.push(`${id}: more than one of three with one If-Match`);
      };
      const turns = [
        () => pick(takes)(),
        () => Promise.all([pick(takes)(), pick(takes)()]),
        () => Promise.all([pick(takes)(), pick(gives)(), pick(takes)()]),
        twins,
      ];
      while (now() < until) {
        await pick(turns)();
        const from = now();
        const { body } = await ask("GET", `${at}?include_deleted=true`);
        if (Math.random() < 0.5) await sleep(Math.random() * delay);
        if (body.index_name === index && body.deleted !== true) {
          held.push({ id, from, to: now() });
          changes += 1;
          await pick(gives)();
        } else {
          await sleep(Math.random() * 20);
        }
      }
    };
    for (const { index } of all) await Promise.all(ids(index, 3).map((id) => send(server.url(), "PUT", `/_connector/${id}`, {})));
    await server.faults({ mode: "none", delay });
    until = now() + seconds * 1_000;
    await Promise.all(all.flatMap((one) => ids(one.index, 3).map((id) => lane(one, id))));
    await server.faults({ mode: "none" });
    for (const { index, held } of all) {
      held.sort((a, b) => a.from - b.from);
      for (const [n, { id, from }] of held.entries()) {
        const other = held.slice(0, n).find((before) => before.id !== id && before.to > from);
        if (other) problems.push(`${index}: ${id} was granted it while ${other.id} had it`);
      }
      const held_by = await holders(index, ids(index, 3));
      if (held_by > 1) problems.push(`${index}: ${held_by} hold it in the end`);
      const newcomer = await create(index)(`${index}-newcomer`);
      if (newcomer !== (held_by === 1 ? 400 : 201)) problems.push(`${index}: ${held_by} hold it, a newcomer gets ${newcomer}`);
    }
  }
}

/** 6. Documents in Workers KV are imported while the process dies repeatedly: all of them, once. */
export async function imports({ count = 10_000, kills = 8 }) {
  const disk = mkdtempSync(join(scratch, "connector-status-disk-"));
  const server = await serveWithKv({ disk });
  const problems = [];
  const names = numbers(count).map((n) => `import-${n}`);
  // Every hundredth wants the previous one's index.
  const isRival = (n) => n % 100 === 99;
  const load = (some) =>
    server.kv(
      "load",
      some.map((n) => [
        `c:${names[n]}`,
        JSON.stringify({ ...document, name: `Connector ${n}`, index_name: `index-${isRival(n) ? n - 1 : n}` }),
      ]),
    );
  let document;
  const list = (from, size) => send(server.url(), "GET", `/_connector?from=${from}&size=${size}`);
  const all = async () => {
    const found = [];
    for (let from = 0; from < 10_000; from += 1_000) {
      const { status, body } = await list(from, 1_000);
      if (status !== 200) throw new Error(`a list answered ${status}`);
      found.push(...body.results);
      if (body.count <= from + 1_000) break;
    }
    return found;
  };
  const erased = new Set();
  /** Those of them whose deletion was acknowledged: the others were gone when it was sent again after a crash. */
  const acknowledged = new Set();
  const moved = new Set();
  /** Retries until there is a response, however often the process dies, for a minute at most. */
  const untilAnswered = async (method, path, body, accepted) => {
    const end = now() + 60_000;
    for (;;) {
      const status = await send(server.url(), method, `/_connector/${path}`, body).then(({ status }) => status, () => 0);
      if (accepted.includes(status)) return status;
      const isOver = (status >= 400 && status !== 503) || now() > end;
      if (isOver) return void problems.push(`${method} ${path} answered ${status}`);
      await sleep(100);
    }
  };
  try {
    await send(server.url(), "PUT", "/_connector/sample", {});
    const { id, ...sample } = (await send(server.url(), "GET", "/_connector/sample")).body;
    document = { ...sample, status: "configured" };
    await send(server.url(), "DELETE", "/_connector/sample?hard=true");
    for (let from = 0; from < count; from += 2_000) await load(numbers(count).slice(from, from + 2_000));
    const touch = async () => {
      for (const n of numbers(10)) {
        const [gone, used] = [n * 7 + 1, n * 7 + 2];
        const status = await untilAnswered("DELETE", `${names[gone]}?hard=true`, undefined, [200, 404]);
        erased.add(gone);
        if (status === 200) acknowledged.add(gone);
        await untilAnswered("PUT", `${names[used]}/_status`, { status: "error" }, [200]);
        moved.add(used);
      }
    };
    const touched = touch();
    for (let n = 0; n < kills; n += 1) {
      list(0, 10).catch(() => {});
      await sleep(100 + Math.random() * Math.min(1_000, count / 5));
      await server.kill();
      await server.restart();
    }
    await touched;
    const began = now();
    await until(() => list(0, 1).catch(() => ({})), ({ status }) => status === 200, 60);
    const took = now() - began;
    await compare();

    // Copies of erased connectors reappear, as after a late write, and one key gets a new document.
    await server.kill();
    await load([...erased]);
    await server.kv("load", [["c:new", JSON.stringify(document)]]);
    for (const file of databases(disk, "Directory")) {
      const database = new DatabaseSync(file);
      database.exec("UPDATE setting SET value = 1 WHERE name = 'looked_at'");
      database.close();
    }
    await server.restart();
    const total = count - erased.size - rivals().length + 1;
    // Who is missing, or should be, says more than a number: `compare` names them.
    await until(async () => (await list(0, 1)).body.count, (found) => found === total, 30).catch((error) => problems.push(error.message));
    await compare(["new"]);
    for (const n of erased) {
      const { status } = await send(server.url(), "GET", `/_connector/${names[n]}`);
      if (status !== 404) problems.push(`${names[n]} came back: ${status}`);
    }
    const figures =
      `imports: ${count} documents taken up, ${kills} times SIGKILL in between, ${erased.size} erased and ` +
      `${moved.size} moved meanwhile, ${rivals().length} with an index in use: ${problems.length} problems; ` +
      `the last look took ${(took / 1000).toFixed(1)} s`;
    return { figures, problems };
  } finally {
    await server.close();
    rmSync(disk, { recursive: true, force: true });
  }

  /** Pairs of connectors of which only one can be imported. */
  function rivals() {
    return numbers(count).filter((n) => isRival(n) && !erased.has(n) && !erased.has(n - 1));
  }

  async function compare(more = []) {
    const idsOf = (some) => new Set(Array.from(some, (n) => names[n]));
    const [gone, erasedIds, movedIds] = [acknowledged, erased, moved].map(idsOf);
    const isPending = ({ id, status }) => erasedIds.has(id) || (movedIds.has(id) && status !== "error");
    const end = now() + 5_000;
    let found = await all();
    // Every list lacks what was deleted and acknowledged. What else has changed may take a second.
    for (const { id } of found) if (gone.has(id)) problems.push(`${id} is listed, though its deletion was acknowledged`);
    while (found.some(isPending) && now() < end) {
      await sleep(100);
      found = await all();
    }
    const byId = new Map(found.map((connector) => [connector.id, connector]));
    if (byId.size !== found.length) problems.push(`${found.length - byId.size} are listed twice`);
    for (const n of numbers(count)) {
      const there = byId.get(names[n]);
      if (erased.has(n) && there) problems.push(`${names[n]} is listed, though erased`);
      if (erased.has(n) || (isRival(n) && !there) || (isRival(n + 1) && !there)) continue;
      if (!there) problems.push(`${names[n]} is missing`);
      else if (moved.has(n) && there.status !== "error") problems.push(`${names[n]} is ${there.status}`);
    }
    for (const n of rivals()) {
      const listed = [n - 1, n].filter((one) => byId.has(names[one])).length;
      if (listed !== 1) problems.push(`index-${n - 1}: ${listed} connectors are listed with it`);
    }
    for (const name of more) if (!byId.has(name)) problems.push(`${name} is missing`);
  }
}

const SOUND = [
  ["PUT", "/_status", { status: "configured" }],
  ["PUT", "/_error", { error: "out of order" }],
  ["PUT", "/_configuration", { configuration: { host: { label: "Host", type: "str", value: "a" } } }],
  ["PUT", "", { name: "A", description: "B", is_native: false, service_type: "c" }],
  ["PUT", "/_check_in", undefined],
];

/** Ways to damage a body or its headers. */
const MUTATIONS = {
  "cut off": (text) => [text.slice(0, Math.floor(Math.random() * text.length))],
  "bits flipped": (text) => {
    const bytes = Buffer.from(text);
    for (let n = 0; n <= Math.random() * 3; n += 1) {
      bytes[Math.floor(Math.random() * bytes.length)] ^= 1 << Math.floor(Math.random() * 8);
    }
    return [bytes];
  },
  oversized: (text) => [text + " ".repeat((1 << 20) + Math.floor(Math.random() * 1_000))],
  deep: (text) => {
    const depth = 100 + Math.floor(Math.random() * 20_000);
    return [text.replace(/:.*/s, `:${pick(["[", '{"a":'])}`.replace(/:(.*)/s, (_, open) => `:${open.repeat(depth)}`))];
  },
  "wrong types": (text) => [
    text.replace(/:("[^"]*"|\w+)/, `:${pick(["0", "-1e999", "[]", "{}", "null", "true", '[{"a":1}]', '"\\ud800"'])}`),
  ],
  "wrong media type": (text) => [text, pick(["text/plain", "application/cbor", "a/b/c", "application/json;charset=", ";"])],
  twice: (text) => [text.replace("{", `{${text.slice(1, -1)},`)],
  garbage: () => [Buffer.from(numbers(64).map(() => Math.floor(Math.random() * 256)))],
};

/** 7. Mutated requests: no 5xx, no panic, and a refused request changes nothing. */
export async function badInput({ requests = 10_000, lanes = 16 }) {
  const server = await serveWithKv();
  const problems = [];
  const statuses = {};
  let left = requests;
  const count = (status) => (statuses[status] = (statuses[status] ?? 0) + 1);
  const lane = async (n) => {
    const path = `/_connector/bad-${n}`;
    const url = server.url();
    const stored = async () => (await fetch(url + path)).text();
    await send(url, "PUT", path, { name: "A" });
    let document = await stored();
    while (left-- > 0) {
      const [method, action, body] = pick(SOUND);
      const kind = pick(Object.keys(MUTATIONS));
      const [bytes, type] = MUTATIONS[kind](body === undefined ? '{"a":1}' : JSON.stringify(body));
      const headers = type ? { "content-type": type } : {};
      const answer = await send(url, method, path + action, bytes, headers);
      count(answer.status);
      if (answer.status >= 500) {
        problems.push(`${kind} ${method} ${action}: ${answer.status} for ${String(bytes).slice(0, 200)}`);
      }
      const after = await stored();
      const mayChange = answer.status < 300 && answer.body.result !== "noop";
      if (after !== document && !mayChange) problems.push(`${kind} ${action}: ${answer.status}, yet a change`);
      document = after;
      // Sometimes the client disconnects in the middle of a body.
      if (Math.random() < 0.02) {
        await new Promise((resolve) => {
          const socket = connect(server.port(), "127.0.0.1", () => {
            socket.write(
              `PUT ${path}/_status HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{"status":`,
              () => socket.destroy(),
            );
          });
          socket.on("close", resolve);
          socket.on("error", () => {});
        });
      }
    }
  };
  try {
    await Promise.all(numbers(lanes).map(lane));
    const bad = /panicked|RuntimeError|Critical|unreachable|Reinitializing/.exec(server.log());
    if (bad) problems.push(`the log says: ${server.log().slice(bad.index, bad.index + 300)}`);
  } finally {
    await server.close();
  }
  const answers = Object.entries(statuses).map(([status, times]) => `${times} x ${status}`);
  return { figures: `bad input: ${requests} mutated requests, answers ${answers.join(", ")}; ${problems.length} problems`, problems };
}

/** 8. Many requests must not make the isolate's memory grow. */
export async function memory({ requests = 100_000, clients = 16, slack = 1 }) {
  const server = await serveWithKv({ inspect: true });
  const problems = [];
  const resident = () =>
    Number(execFileSync("ps", ["-o", "rss=", "-p", String(server.pid())])) / 1024;
  const marks = [];
  /** The number of functions after the first requests and after the last. */
  const held = [];
  try {
    const names = numbers(clients).map((n) => `memory-${n}`);
    for (const name of names) {
      await send(server.url(), "PUT", `/_connector/${name}`, {});
      await send(server.url(), "PUT", `/_connector/${name}/_status`, { status: "error" });
    }
    const steps = 5;
    for (let step = 0; step < steps; step += 1) {
      let left = requests / steps;
      await Promise.all(
        names.map(async (name) => {
          for (let n = 0; left-- > 0; n += 1) {
            const path = `/_connector/${name}/_status`;
            const status = ["connected", "configured", "created"][n % 3];
            if (n % 4 === 3) await send(server.url(), "GET", `${path}?size=10`);
            else await send(server.url(), "PUT", path, { status });
          }
        }),
      );
      marks.push((await server.heap()) / 2 ** 20);
      if (step === 0 || step === steps - 1) held.push(await server.functions());
    }
    const growth = marks.at(-1) - marks[0];
    if (growth > slack) problems.push(`the isolate grew by ${growth.toFixed(2)} MiB`);
    // A leak of functions shows here long before it fills memory; a few dozen are created on first use.
    const left = held[1] - held[0];
    if (left > 100) problems.push(`${left} functions were left behind`);
  } finally {
    marks.resident = resident();
    await server.close();
  }
  const figures =
    `memory: ${requests} requests, the isolate at ${marks.map((mark) => mark.toFixed(2)).join(", ")} MiB ` +
    `after each fifth of them, functions from ${held.join(" to ")}, the process at ${marks.resident.toFixed(0)} MiB in the end`;
  return { figures, problems };
}

/**
 * The states in a backup that claims to be complete, by id. Records a problem if its content does not match its last
 * line.
 */
async function statesIn(file, problems) {
  const found = await inspect(file);
  for (const problem of found.problems) problems.push(`${file} was reported complete: ${problem}`);
  const states = new Map();
  for await (const { id, lines } of statesOf(file, found.connectors)) states.set(id, lines.join("\n"));
  return { ...found, states };
}

/**
 * 9. Backup and restoration into an empty service, while commands and services are killed at random and connectors
 * change during the backup: what is reported as complete must be complete.
 */
export async function backups({ count = 10_000, kills = 50, lanes = 16, moving = 8 }) {
  const folder = mkdtempSync(join(scratch, "connector-status-backup-"));
  const [from, to] = [await serveWithKv({ disk: mkdtempSync(join(folder, "from-")) }), await serveWithKv({ disk: mkdtempSync(join(folder, "to-")) })];
  const problems = [];
  const names = numbers(count).map((n) => `backup-${n}`);
  // On a busy machine the Directory may be late; retry after 503.
  const put = async (path, body) => {
    const { status } = await until(() => send(from.url(), "PUT", `/_connector/${path}`, body), ({ status }) => status !== 503);
    if (status >= 300) problems.push(`${path} answered ${status}`);
  };
  /** Runs a command, which is killed after `ms`, and with `restarts` its service too. */
  const run = async (script, service, args, { ms, restarts } = {}) => {
    const child = spawn("node", [join(root, `scripts/${script}.mjs`), ...args, "--url", service.url()], { env: environment, stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (data) => (said += data));
    const ended = new Promise((resolve) => child.once("exit", (code) => resolve(code)));
    const clock = ms === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), ms);
    const code = await ended;
    clearTimeout(clock);
    if (code !== 0 && code !== null) problems.push(`${script} ended with ${code}: ${said.slice(-300)}`);
    if (restarts) {
      await service.kill();
      await service.restart();
    }
    return code === 0;
  };
  const timed = async (work) => {
    const began = now();
    await work();
    return (now() - began) / 1_000;
  };
  /** Writers that run until they are stopped: what was acknowledged, and when. */
  const acknowledged = new Map();
  let isMoving = true;
  const move = async (name) => {
    for (let n = 1; isMoving; n += 1) {
      const written = await send(from.url(), "PUT", `/_connector/${name}/_name`, { name: `${n}` }).catch(() => undefined);
      if (written?.status === 200) acknowledged.get(name).push([Date.now(), n]);
      await sleep(20);
    }
  };
  try {
    const left = [...names.entries()];
    const fill = async () => {
      for (let next = left.pop(); next; next = left.pop()) {
        const [n, name] = next;
        await put(name, { name: `Connector ${n}`, index_name: `index-${n}` });
        if (n % 2) await put(`${name}/_status`, { status: "error" });
        if (n % 10 === 3) await send(from.url(), "DELETE", `/_connector/${name}${n % 20 === 3 ? "?hard=true" : ""}`);
      }
    };
    await Promise.all(numbers(lanes).map(fill));
    for (const n of numbers(moving)) {
      acknowledged.set(`backup-${n}-moving`, []);
      await put(`backup-${n}-moving`, { name: "0" });
    }
    const [file, whole, again] = ["moving", "whole", "again"].map((it) => join(folder, `${it}.ndjson`));
    const took = await timed(() => run("backup", from, ["--to", whole]));

    const writers = [...acknowledged.keys()].map(move);
    let killed = 0;
    for (const n of numbers(Math.ceil(kills / 2))) {
      const isDone = await run("backup", from, ["--to", file], { ms: Math.random() * took * 1_000, restarts: n % 5 === 4 });
      killed += isDone ? 0 : 1;
      if (!existsSync(file)) continue;
      // Finished before the kill, or renamed at that very moment.
      await statesIn(file, problems);
      rmSync(file);
    }
    await run("backup", from, ["--to", file]);
    isMoving = false;
    await Promise.all(writers);
    const moved = await statesIn(file, problems);
    const completeUntil = Date.parse(moved.end.complete_until);
    for (const [name, writes] of acknowledged) {
      const least = writes.filter(([at]) => at < completeUntil).at(-1)?.[1] ?? 0;
      const { document } = JSON.parse(moved.states.get(name)?.split("\n")[0] ?? "{}");
      if (!(Number(document?.name) >= least)) problems.push(`${name} is at ${document?.name} in the backup, and was at ${least} before it was complete`);
    }
    const missing = names.filter((name) => !moved.states.has(name));
    if (missing.length > 0) problems.push(`${missing.length} connectors are not in the backup, like ${missing[0]}`);

    rmSync(whole);
    await run("backup", from, ["--to", whole]);
    let restored = false;
    for (const n of numbers(Math.floor(kills / 2))) {
      restored = await run("restore", to, [whole], { ms: Math.random() * took * 1_000, restarts: n % 5 === 4 });
      killed += restored ? 0 : 1;
    }
    const lasted = await timed(() => run("restore", to, [whole]));
    await run("backup", to, ["--to", again]);
    const [before, after] = [await statesIn(whole, problems), await statesIn(again, problems)];
    if (before.states.size !== after.states.size) problems.push(`${before.states.size} connectors were saved, ${after.states.size} are there`);
    for (const [id, state] of before.states) if (after.states.get(id) !== state) problems.push(`${id} differs: ${state} and ${after.states.get(id)}`);
    const writes = [...acknowledged.values()].reduce((sum, { length }) => sum + length, 0);
    const figures =
      `backups: ${count} connectors saved in ${took.toFixed(1)} s and put back, ${writes} writes meanwhile, commands killed ` +
      `${killed} times at random (services with them each fifth time), the last restoration ${lasted.toFixed(1)} s: ${problems.length} problems`;
    return { figures, problems };
  } finally {
    isMoving = false;
    await from.close();
    await to.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * 10. All connectors fail within a second, repeatedly, while one endpoint answers at random, one always hangs, and the
 * process is killed. Then they move one after the other, each compared with one of a Worker without webhooks. `slack`:
 * how many times as long a write may take.
 */
export async function webhooks({ connectors = 1_000, rounds = 6, kills = 4, clients = 16, pairs = 2, slack = 1.1 }) {
  const problems = [];
  const disk = mkdtempSync(join(scratch, "connector-status-disk-"));
  let isHealed = false;
  const moody = await startReceiver({
    answer: () => (isHealed ? "ok" : pick(["ok", "ok", "ok", "error", "close", "redirect"])),
  });
  const steady = await startReceiver();
  const hanging = await startReceiver({ answer: () => "hang" });
  const receivers = [moody, steady, hanging];
  const settings = settingsFor(receivers, {
    WEBHOOK_EVENTS: "connector.status",
    WEBHOOK_EVENTS_2: "connector.error,connector.recovered",
    WEBHOOK_DAMPING_SECONDS: "0",
    // Each message counts here, so none is summarized.
    WEBHOOK_LIMIT: "1000",
    WEBHOOK_LIMIT_SECONDS: "1",
    WEBHOOK_RETRY_SECONDS: Array(40).fill("1").join(),
  });
  const plain = await serveWithKv();
  const withWebhooks = await serveWithKv({ worker: ours({ vars: { ANONYMOUS_PRIVILEGE: "manage_connector", ...settings } }), disk });
  const names = numbers(connectors).map((n) => `hook-${n}`);
  /** The duration of one request. */
  const put = async (server, name, path, body) => {
    const begun = now();
    const { status } = await send(server.url(), "PUT", `/_connector/${name}${path}`, body);
    if (status >= 300) problems.push(`${name}${path} answered ${status}`);
    return now() - begun;
  };
  const burst = async (server, path, body) => {
    const left = [...names];
    const begun = now();
    await Promise.all(
      numbers(clients).map(async () => {
        for (let name = left.pop(); name !== undefined; name = left.pop()) await put(server, name, path, body);
      }),
    );
    return now() - begun;
  };
  const expected = ["created"];
  /** Waits until all messages were accepted. */
  const allDelivered = async () => {
    await until(() => steady.taken().length, (taken) => taken >= connectors * (expected.length - 1), 120);
    await until(() => moody.taken().length, (taken) => taken >= connectors * expected.length, 120);
  };
  const times = new Map([[plain, []], [withWebhooks, []]]);
  let longest = 0;
  let died = 0;
  try {
    for (const server of [plain, withWebhooks]) await burst(server, "", {});
    for (let round = 0; round < rounds + pairs; round += 1) {
      await allDelivered();
      await sleep(1_000);
      isHealed = round >= rounds;
      const status = expected.at(-1) === "error" ? "connected" : "error";
      expected.push(status);
      if (round < rounds) {
        longest = Math.max(longest, await burst(withWebhooks, "/_status", { status }));
        if (died < kills) {
          await sleep(1_800 + Math.random() * 1_500);
          await withWebhooks.kill();
          await withWebhooks.restart();
          died += 1;
        }
        continue;
      }
      // The other Worker's connectors start from the same status.
      if (round === rounds && status === "connected") await burst(plain, "/_status", { status: "error" });
      for (const [n, name] of names.entries()) {
        // Load both objects, since pending messages keep the first one awake.
        for (const server of [plain, withWebhooks]) await send(server.url(), "GET", `/_connector/${name}`);
        for (const server of n % 2 ? [withWebhooks, plain] : [plain, withWebhooks]) {
          times.get(server).push(await put(server, name, "/_status", { status }));
        }
        await sleep(15);
      }
    }
    await allDelivered();
    await sleep(4_000);
    for (const [receiver, inOrder] of [[moody, expected], [steady, expected.slice(1)]]) {
      const bodies = new Map();
      const byConnector = new Map(names.map((name) => [name, []]));
      for (const { id, data } of receiver.got) {
        if (bodies.has(id) && !isDeepStrictEqual(bodies.get(id), data)) problems.push(`${id} says two things`);
        bodies.set(id, data);
      }
      for (const { data } of receiver.taken()) byConnector.get(data.id).push(data.to);
      for (const [name, statuses] of byConnector) {
        if (!isDeepStrictEqual(statuses, inOrder)) problems.push(`${name}: ${statuses} instead of ${inOrder}`);
      }
    }
    if (hanging.got.length === 0) problems.push("nothing reached the target that hangs");
    for (const { refused } of receivers) problems.push(...refused);
  } finally {
    await Promise.all([plain.close(), withWebhooks.close()]);
    await Promise.all(receivers.map((receiver) => receiver.close()));
    rmSync(disk, { recursive: true, force: true });
  }
  const [without, withThem] = [plain, withWebhooks].map((server) => [0.5, 0.9].map((share) => percentile(times.get(server), share)));
  const ratios = withThem.map((value, n) => value / without[n]);
  if (ratios[0] > slack) problems.push(`a write takes ${ratios[0].toFixed(2)} times as long`);
  const taken = moody.taken().length + steady.taken().length;
  const repeated = moody.got.length + steady.got.length - taken;
  const figures =
    `webhooks: ${connectors} connectors changed ${rounds} times at once, within ${(longest / 1_000).toFixed(1)} s, with ${died} kills; ` +
    `${taken} messages taken, ${repeated} attempts more, all in order; ` +
    `a write took ${withThem[0].toFixed(2)} ms beside ${without[0].toFixed(2)} without webhooks (median, ${ratios[0].toFixed(2)}), ` +
    `${withThem[1].toFixed(2)} beside ${without[1].toFixed(2)} (90 %, ${ratios[1].toFixed(2)}); ${problems.length} problems`;
  return { figures, problems };
}
