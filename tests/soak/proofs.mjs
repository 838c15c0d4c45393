// The six proofs. Each answers `{ figures, problems }`: a line to print, and what went wrong.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";

import { send } from "../edge/worker.mjs";
import { until } from "../until.mjs";
import { row, violation } from "./checker.mjs";
import { inDatabases, rowOf, scratch, serveWithKv } from "./workerd.mjs";

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const now = () => performance.now();
const numbers = (count) => Array.from({ length: count }, (_, n) => n);
const pick = (items) => items[Math.floor(Math.random() * items.length)];
const percentile = (values, share) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0;

const STATUSES = ["created", "needs_configuration", "configured", "connected", "error"];

/** What is asked for each kind of operation, and what of the answer is told to the checker. */
const KINDS = {
  create: { ask: () => ["PUT", "", {}], told: (body) => body.result },
  status: { ask: (status) => ["PUT", "/_status", { status }], told: (body) => body.result },
  error: { ask: (error) => ["PUT", "/_error", { error }], told: (body) => body.result },
  configuration: {
    ask: () => ["PUT", "/_configuration", { configuration: {} }],
    told: (body) => body.result,
  },
  delete: { ask: () => ["DELETE", ""], told: (body) => body.acknowledged },
  erase: { ask: () => ["DELETE", "?hard=true"], told: (body) => body.acknowledged },
  get: {
    ask: () => ["GET", ""],
    told: (body) => `${body.status} ${body.error === undefined ? "" : JSON.stringify(body.error)}`,
  },
  look: {
    ask: () => ["GET", "/_status?size=1"],
    told: (body) => `${body.status} ${row(body.history[0])}`,
  },
};

/** Most moves are of the status; deletions are rare, or there would be nothing to move. */
function anyMove() {
  const dice = Math.random();
  if (dice < 0.55) return ["status", pick(STATUSES)];
  if (dice < 0.65) return ["error", pick([null, "broken", "out of order"])];
  if (dice < 0.73) return ["configuration"];
  if (dice < 0.83) return ["get"];
  if (dice < 0.93) return ["look"];
  if (dice < 0.97) return ["create"];
  return [dice < 0.985 ? "delete" : "erase"];
}

/**
 * 1. Clients move connectors at random; one order must explain all answers. `worker`: another
 * Worker than ours; `rounds` are of so many moves.
 */
export async function linearizability({ worker, seconds = 60, clients = 32, connectors = 8, moves = 1_200 }) {
  const server = await serveWithKv({ worker });
  const problems = [];
  let asked = 0;
  let rounds = 0;
  const latencies = [];
  try {
    const end = now() + seconds * 1000;
    do {
      rounds += 1;
      const operations = new Map(numbers(connectors).map((n) => [`c-${rounds}-${n}`, []]));
      const names = [...operations.keys()];
      const perform = async (name, kind, value) => {
        const [method, path, body] = KINDS[kind].ask(value);
        const start = now();
        const answer = await send(server.url(), method, `/_connector/${name}${path}`, body);
        const end = now();
        asked += 1;
        latencies.push(end - start);
        if (answer.status >= 500) problems.push(`${kind} answered ${answer.status}`);
        const result = answer.status < 300 ? KINDS[kind].told(answer.body) : undefined;
        operations.get(name).push({ kind, value, status: answer.status, result, start, end });
      };
      let left = moves;
      const client = async (n) => {
        const mine = names[n % connectors];
        while (left-- > 0) await perform(mine, ...anyMove());
      };
      await Promise.all(names.map((name) => perform(name, "create")));
      await Promise.all(numbers(clients).map(client));
      for (const name of names) {
        // A last creation, so that there is a history to be seen.
        await perform(name, "create");
        const { body } = await send(server.url(), "GET", `/_connector/${name}/_status?size=1000`);
        const found = violation(operations.get(name), body.history.map(row).reverse());
        if (found) problems.push(`no order explains ${name}: ${JSON.stringify(found)}`);
      }
    } while (now() < end);
  } finally {
    await server.close();
  }
  const figures =
    `linearizability: ${asked} operations of ${clients} clients on ${rounds * connectors} connectors ` +
    `in ${rounds} rounds, ${problems.length} violations; ` +
    `answers in ${percentile(latencies, 0.5).toFixed(1)} ms (median), ${percentile(latencies, 0.99).toFixed(0)} ms (99 %)`;
  return { figures, problems };
}

/** 2. The process is killed under load; what was acknowledged is there, nothing half. */
export async function kill({ times = 50, connectors = 16 }) {
  const disk = mkdtempSync(join(scratch, "connector-status-disk-"));
  const server = await serveWithKv({ disk });
  const problems = [];
  let acknowledged = 0;
  let unanswered = 0;
  const ways = ["connected", "configured"];
  const names = numbers(connectors).map((n) => `kill-${n}`);
  /** Writes that were answered, by connector: each is one version of it and one row of history. */
  const versions = new Map(names.map((name) => [name, 0]));
  /** The status after so many writes: created, needs_configuration, configured, connected, ... */
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

/** How long until every copy in KV equals its object, in ms; `null`: longer than `limit`. */
async function copiesEqual(server, names, limit) {
  const start = now();
  for (;;) {
    const answers = await Promise.all(
      names.map((name) => fetch(`${server.url()}/_connector/${name}?include_deleted=true`)),
    );
    const texts = await Promise.all(answers.map((answer) => answer.text()));
    const { entries } = await server.kv("state");
    const differing = names.filter((name, n) => {
      const document = answers[n].status === 404 ? undefined : texts[n].replace(`{"id":"${name}",`, "{");
      return entries[`c:${name}`] !== document;
    });
    if (differing.length === 0) return now() - start;
    if (now() - start > limit) return null;
    await sleep(100);
  }
}

/** 3. KV refuses, fails, hangs, or writes late; nobody notices, and copies are equal afterwards. */
export async function kvFaults({ seconds = 8, connectors = 8, modes = ["429", "500", "hang", "late", "late-500"] }) {
  const server = await serveWithKv();
  const problems = [];
  const slowest = {};
  const healing = {};
  let puts = 0;
  let writes = 0;
  try {
    for (const mode of modes) {
      const names = numbers(connectors).map((n) => `${mode}-${n}`);
      const ask = async (expected, method, path, body) => {
        const start = now();
        const answer = await send(server.url(), method, `/_connector/${path}`, body);
        const took = now() - start;
        puts += 1;
        slowest[mode] = Math.max(slowest[mode] ?? 0, took);
        if (took > 2_000) problems.push(`${mode}: ${method} ${path} took ${took.toFixed(0)} ms`);
        if (answer.status !== expected) {
          problems.push(`${mode}: ${method} ${path} answered ${answer.status} ${JSON.stringify(answer.body)}`);
        }
      };
      await server.kv("watch", {});
      for (const name of names) {
        await ask(201, "PUT", name, {});
        await ask(200, "PUT", `${name}/_status`, { status: "needs_configuration" });
        await ask(200, "PUT", `${name}/_status`, { status: "configured" });
      }
      await sleep(1_200);
      await server.kv("faults", { mode, delay: 4_000 });
      const asked = now();
      const list = send(server.url(), "GET", "/_connector").then(({ status }) => ({ status, took: now() - asked }));
      // One of them is erased in the midst of it, one hidden, one made anew with an index.
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
      // A KV that still has writes to carry out has not healed.
      await until(() => server.kv("state"), ({ pending }) => pending === 0, 30);
      const took = await copiesEqual(server, [...names, `${mode}-new`], 5_000);
      if (took === null) problems.push(`${mode}: copies differ 5 s after KV healed`);
      healing[mode] = took ?? Infinity;
      await sleep(1_000);
      if ((await copiesEqual(server, [...names, `${mode}-new`], 0)) === null) {
        problems.push(`${mode}: copies differ again`);
      }
      // A list cannot do without KV, but it says so in time.
      const { status, took: listTook } = await list;
      if (mode === "hang" && status !== 503) problems.push(`hang: a list answered ${status}`);
      if (listTook > 11_000) problems.push(`${mode}: a list took ${listTook.toFixed(0)} ms`);
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
  } finally {
    await server.close();
  }
  const each = modes.map(
    (mode) => `${mode} ${slowest[mode].toFixed(0)} ms / ${(healing[mode] / 1000).toFixed(1)} s`,
  );
  const figures =
    `KV faults: ${puts} writes, ${writes} copies written, ${problems.length} problems; ` +
    `slowest answer / copies equal after: ${each.join(", ")}`;
  return { figures, problems };
}

/**
 * 4. Of many creations for one index one wins, also when the process dies in between. Between the grant of an
 * index and the commit it was granted for lies half a millisecond: if no kill has fallen there yet, some more
 * are tried.
 */
export async function claims({ rounds = 20, kills = 20, tries = 60, atOnce = 50, width = 40, rivals = 5, lanes = 32 }) {
  const disk = mkdtempSync(join(scratch, "connector-status-disk-"));
  const server = await serveWithKv({ disk });
  const problems = [];
  let dead = 0;
  let leftBehind = 0;
  const ids = (index, count) => numbers(count).map((n) => `${index}-${n}`);
  const create = (index) => (id) =>
    send(server.url(), "PUT", `/_connector/${id}`, { index_name: index }).then(
      ({ status }) => status,
      () => "cut off",
    );
  const settles = async (index, count) => {
    const answers = await Promise.all(ids(index, count).map(create(index)));
    const won = answers.filter((status) => status === 201 || status === 200).length;
    const found = await Promise.all(ids(index, count).map((id) => send(server.url(), "GET", `/_connector/${id}`)));
    const held = found.filter(({ body }) => body.index_name === index).length;
    if (won !== 1 || held !== 1) problems.push(`${index}: ${won} told yes, ${held} hold it`);
  };
  /** How many indices were granted to a connector that did not live to be committed. */
  const countLeftBehind = (since) => {
    const rows = (className, table) =>
      inDatabases(disk, className, (database) => rowOf(database, table)?.id, since).filter(Boolean);
    const committed = new Set(rows("ConnectorObject", "connector"));
    return rows("IndexClaim", "claim").filter((id) => !committed.has(id)).length;
  };
  const indices = (name) => numbers(width).map((n) => `${name}-${n}`);
  /** Creates rivals for every index until nobody answers any more; tells of each answer. */
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
  try {
    for (let round = 0; round < rounds; round += 1) await settles(`index-${round}`, atOnce);
    while (killed < kills || (leftBehind === 0 && killed < tries)) {
      killed += 1;
      const name = `killed-${killed}`;
      const since = Date.now();
      // After some answers, so that others are on their way.
      let left = Math.ceil(Math.random() * width);
      await new Promise((enough) => {
        createUntilCutOff(name, () => --left === 0 && setTimeout(() => server.kill().then(enough), Math.random() * 3));
      });
      leftBehind += countLeftBehind(since);
      await server.restart();
      // Whoever was granted it may have died before the commit: the name must be there to be had.
      for (const index of indices(name)) await settles(index, rivals);
    }
  } finally {
    await server.close();
    rmSync(disk, { recursive: true, force: true });
  }
  const figures =
    `claims: ${rounds} x ${atOnce} creations at once for one index, ${killed} x ${width * rivals} for ${width} ` +
    `indices with SIGKILL in between (${dead} requests cut off, ${leftBehind} claims left behind by the dead): ` +
    `${problems.length} problems`;
  return { figures, problems };
}

const SOUND = [
  ["PUT", "/_status", { status: "configured" }],
  ["PUT", "/_error", { error: "out of order" }],
  ["PUT", "/_configuration", { configuration: { host: { label: "Host", type: "str", value: "a" } } }],
  ["PUT", "", { name: "A", description: "B", is_native: false, service_type: "c" }],
  ["PUT", "/_check_in", undefined],
];

/** Bytes of a body, made worse; and how they are announced. */
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

/** 5. Mutated requests: no 5xx, no panic, no document changed by a request that was refused. */
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
      // Now and then somebody hangs up in the middle of a body.
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

/** 6. Many requests; what the isolate holds does not grow. */
export async function memory({ requests = 100_000, clients = 16, slack = 1 }) {
  const server = await serveWithKv({ inspect: true });
  const problems = [];
  const resident = () =>
    Number(execFileSync("ps", ["-o", "rss=", "-p", String(server.pid())])) / 1024;
  const marks = [];
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
    }
    const growth = marks.at(-1) - marks[0];
    if (growth > slack) problems.push(`the isolate grew by ${growth.toFixed(2)} MiB`);
  } finally {
    marks.resident = resident();
    await server.close();
  }
  const figures =
    `memory: ${requests} requests, the isolate at ${marks.map((mark) => mark.toFixed(2)).join(", ")} MiB ` +
    `after each fifth of them, the process at ${marks.resident.toFixed(0)} MiB in the end`;
  return { figures, problems };
}
