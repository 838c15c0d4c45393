// The cost of requests: the Worker and its peers, each in a workerd of its own.

import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";

import { build } from "esbuild";

import { root } from "../scripts/tools.mjs";
import { send } from "../tests/edge/worker.mjs";
import { median } from "../tests/median.mjs";
import { until } from "../tests/until.mjs";
import { kvWorker, ours, serve } from "../tests/soak/workerd.mjs";
import { measure, request } from "./load.mjs";

const CONNECTORS = 200;
/**
 * Requests before a row is measured. V8 compiles functions anew while they become frequent: the first 500 lists take 1.4
 * times as much CPU as later ones.
 */
const WARM_UP = 1_200;
const BUILT = "target/bench";

/** Bundles a Hono peer as `wrangler deploy --minify` would. */
async function bundle(name) {
  const outfile = `${BUILT}/${name}.mjs`;
  mkdirSync(join(root, BUILT), { recursive: true });
  await build({
    entryPoints: [join(root, `benches/${name}.ts`)],
    outfile: join(root, outfile),
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker"],
    external: ["cloudflare:*"],
    logLevel: "error",
  });
  return outfile;
}

/**
 * Another build of this project, from the folder that contains its `build/`; builds from before the Directory have
 * other objects.
 */
function otherBuild(folder) {
  mkdirSync(join(root, BUILT, "base"), { recursive: true });
  const modules = ["worker.js", "index_bg.wasm"].map((file) => {
    const copy = `${BUILT}/base/${file}`;
    const at = [join(folder, "build", file), join(folder, file)].map((it) => resolve(root, it)).find(existsSync);
    if (at === undefined) throw new Error(`${folder} has no build/${file}`);
    copyFileSync(at, join(root, copy));
    return copy;
  });
  return modules;
}

/** The Workers, each with a KV namespace of the same implementation. `base`: see `otherBuild`. */
export async function peers({ base } = {}) {
  const [hono, honoDirectory] = await Promise.all(["hono-worker", "hono-directory-worker"].map(bundle));
  const kv = (name) => ({ CONNECTORS: `kv-${name}`, API_KEYS: `kv-${name}` });
  const all = {
    ours: { label: "connector-status", worker: ours({ kv: kv("ours") }) },
    hono: {
      label: "Hono + zod",
      worker: { modules: [hono], objects: { CONNECTOR: "HonoConnector" }, kv: kv("hono") },
    },
    honoDirectory: {
      label: "Hono + zod, list in an object",
      worker: {
        modules: [honoDirectory],
        objects: { CONNECTOR: "HonoConnector", DIRECTORY: "HonoDirectory" },
        kv: kv("honoDirectory"),
        prefix: "directory-",
      },
    },
    bare: {
      label: "bare JavaScript (the limit)",
      worker: { modules: ["benches/bare-worker.mjs"], objects: { CONNECTOR: "BareConnector" }, kv: kv("bare") },
    },
  };
  if (base) {
    const modules = otherBuild(base);
    all.base = { label: "the other build", worker: ours({ modules, kv: kv("base"), prefix: "base-", objects: await objectsOf(modules[0]) }) };
  }
  return all;
}

/** The object classes of a build, read from its entry point. */
async function objectsOf(entry) {
  const { metafile } = await build({ entryPoints: [join(root, entry)], bundle: true, write: false, metafile: true, format: "esm", external: ["cloudflare:*", "*.wasm"] });
  const [{ exports }] = Object.values(metafile.outputs);
  const known = { ConnectorObject: "CONNECTOR", IndexClaim: "INDEX_CLAIM", Directory: "DIRECTORY" };
  return Object.fromEntries(exports.filter((name) => known[name]).map((name) => [known[name], name]));
}

/**
 * Starts a workerd with one of them and its `kv`, on ports with these names. Logs are discarded: reading them would take
 * the load generator's time. Workers that share a process share its caches, and cost up to three times as much.
 */
export function start(name, { worker }, options = {}) {
  const kv = `kv-${name}`;
  return serve({ workers: { [name]: worker, [kv]: kvWorker }, sockets: { [name]: name, [kv]: `${kv}#control` }, quiet: true, ...options });
}

const path = (n) => `/_connector/connector-${n % CONNECTORS}`;
const move = (n, status) => request("PUT", `${path(n)}/_status`, { status });

const KEY = { id: "bench", secret: "a secret of a bench" };
const keyed = { authorization: `ApiKey ${btoa(`${KEY.id}:${KEY.secret}`)}` };
const load = (server, name, entries) =>
  fetch(`${server.url(`kv-${name}`)}/load`, { method: "POST", body: JSON.stringify(entries) });

/** Creates the same `configured` connectors in every peer, and a key in those that use keys. */
export async function fill(server, name, document) {
  const url = server.url(name);
  const secret = createHash("sha256").update(KEY.secret).digest("base64");
  const key = { name: "Bench", secret_sha256: secret, privileges: ["manage_connector"], creation: 0 };
  await load(server, name, [[KEY.id, JSON.stringify(key)]]);
  for (let n = 0; n < CONNECTORS; n += 1) {
    const body = name === "bare" ? { ...document, status: "created" } : { name: `Connector ${n}`, service_type: "sharepoint_online" };
    const { status } = await send(url, "PUT", path(n), body);
    if (status !== 201) throw new Error(`${name}: creation answered ${status}`);
    for (const to of ["needs_configuration", "configured"]) {
      await send(url, "PUT", `${path(n)}/_status`, { status: to });
    }
  }
  const { id, ...rest } = (await send(url, "GET", path(0))).body;
  return rest;
}

const STATUSES = ["configured", "connected", "error"];
const TYPES = ["sharepoint_online", "mysql", "github", "s3", "jira"];

/** Creates the connectors for lists: in KV, or by import into the peer that keeps its own list. */
export async function fillLists(server, name, count, document) {
  const BATCH = 5_000;
  for (let from = 0; from < count; from += BATCH) {
    const connectors = Array.from({ length: Math.min(BATCH, count - from) }, (_, n) => {
      const number = from + n;
      const index_name = `search-${String(number).padStart(6, "0")}`;
      const fields = { name: `Connector ${number}`, index_name, service_type: TYPES[number % 5], status: STATUSES[number % 3] };
      return [`listed-${number}`, { ...document, ...fields }, fields];
    });
    if (name === "honoDirectory") {
      const pairs = connectors.map(([id, it]) => [id, it]);
      const { status } = await send(server.url(name), "POST", "/_import", pairs);
      if (status !== 200) throw new Error(`${name}: the import answered ${status}`);
    } else {
      await load(server, name, connectors.map(([id, it, metadata]) => [`c:${id}`, JSON.stringify(it), metadata]));
    }
  }
  // The first list reads KV; until that is done it may answer that it is not ready.
  await until(() => send(server.url(name), "GET", "/_connector?size=1"), ({ status, body }) => status === 200 && body.count === count, 300);
}

export const rows = [
  {
    label: "PUT `_status`, changing",
    count: 2 * CONNECTORS,
    next: (n) => move(n, Math.floor(n / CONNECTORS) % 2 === 0 ? "connected" : "configured"),
    // Each connector moves forth and back, so that every round starts from the same state.
    whole: true,
    changes: true,
  },
  { label: "PUT `_status`, noop", count: 400, next: (n) => move(n, "configured") },
  {
    label: "`_update`, noop",
    count: 400,
    next: (n) => request("POST", `/.elastic-connectors/_update/connector-${n % CONNECTORS}`, { doc: { status: "configured", error: null } }),
    only: ["ours"],
    against: "PUT `_status`, noop",
    bar: 1.1,
  },
  { label: "PUT `_status`, refused", count: 400, expect: "400", next: (n) => move(n, "created") },
  { label: "GET one", count: 400, next: (n) => request("GET", path(n)) },
  {
    label: "GET one, with a key",
    count: 400,
    next: (n) => request("GET", path(n), undefined, keyed),
    against: "GET one",
    bar: 1.1,
  },
  {
    label: "GET one, `filter_path` of 1,000 steps",
    count: 100,
    next: (n) => request("GET", `${path(n)}?filter_path=${"**.".repeat(999)}name`),
    only: ["ours"],
    against: "GET one",
    bar: 5,
  },
];

const everybody = ["ours", "base", "hono", "honoDirectory", "bare"];
const filtered = ["ours", "honoDirectory"];
/**
 * `only`: the peers that support the row; `counts`: of requests, for peers that get fewer; `against`: the row that this
 * one may cost at most `bar` times as much as.
 */
export const listRows = [
  { label: "list of 100 out of 100", stored: 100, count: 40, only: everybody },
  {
    label: "the same, `filter_path` of 40 steps",
    stored: 100,
    count: 20,
    query: `&filter_path=results.${"**.".repeat(38)}name`,
    only: ["ours"],
    against: "list of 100 out of 100",
    bar: 3,
  },
  {
    label: "`_search` for 100 ids",
    stored: 100,
    count: 40,
    bytes: request("POST", "/.elastic-connectors/_search", {
      query: { ids: { values: Array.from({ length: 100 }, (_, n) => `listed-${n}`) } },
      size: 100,
      seq_no_primary_term: true,
    }),
    only: ["ours"],
    against: "list of 100 out of 100",
    bar: 1.2,
  },
  {
    label: "list of 100 out of 10,000",
    stored: 10_000,
    count: 40,
    // These read all keys of KV for each list.
    counts: { hono: 8 },
    only: everybody.slice(0, 4),
    against: "list of 100 out of 100",
    bar: 1.3,
  },
  { label: "list of 100 out of 100,000", stored: 100_000, count: 40, only: filtered, against: "list of 100 out of 100", bar: 1.3 },
  { label: "by status, out of 100,000", stored: 100_000, count: 40, query: "&status=connected", only: filtered, against: "list of 100 out of 100", bar: 1.5 },
  { label: "by service type, out of 100,000", stored: 100_000, count: 40, query: "&service_type=mysql", only: filtered, against: "list of 100 out of 100", bar: 1.5 },
  { label: "by name, out of 100,000", stored: 100_000, count: 40, query: "&connector_name=Connector+50000", only: filtered, against: "list of 100 out of 100", bar: 1.5 },
  { label: "by index name, out of 100,000", stored: 100_000, count: 40, query: "&index_name=search-050000", only: filtered, against: "list of 100 out of 100", bar: 1.5 },
];

const summary = (results) => ({
  rate: median(results.map((result) => result.rate)),
  micros: median(results.map((result) => result.micros)),
});

/** The median of the ratios within each round, where both met the same conditions. */
const ratioWithin = (one, other) => median(one.map(({ micros }, round) => micros / other[round].micros));

/**
 * How many times as much one costs as the other: the geometric mean of the starts' ratios. `scatter`: its standard
 * error, `undefined` after a single start. Rounds of one start agree with each other much better than two starts of the
 * same Worker do, so their scatter would promise too much.
 */
function ratioOf(starts, name, other) {
  const logarithms = starts.map((start) => Math.log(ratioWithin(start[name], start[other])));
  const mean = logarithms.reduce((sum, it) => sum + it, 0) / logarithms.length;
  const squares = logarithms.reduce((sum, it) => sum + (it - mean) ** 2, 0);
  const ratio = Math.exp(mean);
  if (logarithms.length === 1) return { ratio };
  return { ratio, scatter: ratio * Math.sqrt(squares / (logarithms.length - 1) / logarithms.length) };
}

/** A list row with its request. */
function withRequest(row) {
  const bytes = row.bytes ?? request("GET", `/_connector?size=100${row.query ?? ""}`);
  return { ...row, next: () => bytes };
}

function shuffled(items) {
  const all = [...items];
  for (let n = all.length - 1; n > 0; n -= 1) {
    const other = Math.floor(Math.random() * (n + 1));
    [all[n], all[other]] = [all[other], all[n]];
  }
  return all;
}

/**
 * Measures a row for each of the servers, round by round in random order, since each leaves the machine's memory in
 * another state for the next. The first round is longer and warms up. `reference`: the row that this one is compared
 * with, and its server; it is measured in the same rounds, because the machine's speed changes by the minute. Returns
 * the figures by name.
 */
async function inTurn(servers, row, runs, share, reference) {
  const turns = Object.entries(servers)
    .filter(([name]) => !row.only || row.only.includes(name))
    .map(([name, server]) => ({ name, port: server.ports[name], server, row, figures: [] }));
  if (reference) turns.push({ name: "reference", port: reference.server.ports.ours, ...reference, figures: [] });
  for (let run = 0; run <= runs; run += 1) {
    for (const { name, port, server, row, figures } of shuffled(turns)) {
      const usual = row.counts?.[name] ?? row.count;
      const sent = run === 0 && !row.counts?.[name] ? WARM_UP : usual;
      const count = row.whole ? sent : Math.max(8, Math.round(sent * share));
      const result = await measure({ pid: server.pid, port, ...row, count });
      if (run > 0) figures.push(result);
    }
  }
  return Object.fromEntries(turns.map(({ name, figures }) => [name, figures]));
}

/** The figures of a row over all starts: medians by peer, and the ratios beside each of the others. */
function summarize({ label, against, bar, changes, stored }, starts) {
  const names = Object.keys(starts[0]);
  const found = names
    .filter((name) => name !== "reference")
    .map((name) => [name, summary(starts.flatMap((start) => start[name]))]);
  const ratios = names.filter((name) => name !== "ours").map((name) => [name, ratioOf(starts, "ours", name)]);
  return { label, against, bar, changes, stored, ratios: Object.fromEntries(ratios), ...Object.fromEntries(found) };
}

/** Measures rows in servers that are already there. */
export async function measureRows(servers, rows, runs, share) {
  const measured = [];
  for (const row of rows) measured.push(summarize(row, [await inTurn(servers, row, runs, share)]));
  return measured;
}

/** How often the processes are started anew. */
const STARTS = 4;
/** Lists out of more connectors are measured in the first start only: storing them takes minutes. */
const STORED_ANEW = 10_000;

/**
 * Requests per second and CPU microseconds of every row and peer, medians of `runs` rounds over several starts.
 * `share`: the fraction of the requests, for a busy machine. `base`: another build to compare with. `onRow` is called
 * with each row before it is measured.
 */
export async function edge({ runs = 5, only = rows, lists = listRows, share = 1, base, onRow = () => {} } = {}) {
  const all = await peers({ base });
  const names = Object.keys(all);
  const starts = Math.min(STARTS, runs);
  const rounds = Math.ceil(runs / starts);
  const figures = new Map([...only, ...lists].map((row) => [row, []]));
  let document;
  /** Calls `work` with a new server for each name, in random order of their starts. */
  async function withServers(names, work) {
    const servers = {};
    try {
      for (const name of shuffled(names)) servers[name] = await start(name, all[name]);
      return await work(servers);
    } finally {
      for (const server of Object.values(servers)) await server.kill();
    }
  }
  for (let number = 1; number <= starts; number += 1) {
    onRow({ label: `start ${number} of ${starts}` });
    await withServers(names, async (servers) => {
      // The bare peer stores the document that ours has made.
      document ??= await fill(servers.ours, "ours");
      for (const name of names) if (name !== "ours" || number > 1) await fill(servers[name], name, document);
      for (const row of only) {
        onRow(row);
        const reference = row.against && { server: servers.ours, row: rows.find(({ label }) => label === row.against) };
        figures.get(row).push(await inTurn(servers, row, rounds, share, reference));
      }
    });
    // Lists contain connectors that nothing has requested, in separate processes for each number of them.
    const sizes = [...new Set(lists.map((row) => row.stored))].filter((stored) => number === 1 || stored <= STORED_ANEW);
    const measureLists = async (stored, first) => {
      const these = lists.filter((row) => row.stored === stored);
      const able = names.filter((name) => these.some((row) => row.only.includes(name)));
      await withServers(able, async (servers) => {
        onRow({ label: `storing ${stored.toLocaleString("en")} connectors` });
        for (const name of able) await fillLists(servers[name], name, stored, document);
        for (const row of these) {
          onRow(row);
          const against = lists.find(({ label }) => label === row.against);
          const reference = against && {
            server: against.stored === stored ? servers.ours : first,
            row: withRequest(against),
          };
          figures.get(row).push(await inTurn(servers, withRequest(row), rounds, share, reference));
        }
        // The first ones stay: the others are compared with them.
        if (!first) for (const other of sizes.slice(1)) await measureLists(other, servers.ours);
      });
    };
    if (sizes.length > 0) await measureLists(sizes[0]);
  }
  return {
    labels: Object.fromEntries(names.map((name) => [name, all[name].label])),
    rows: [...figures].map(([row, starts]) => summarize(row, starts)),
  };
}
