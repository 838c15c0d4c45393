// The Worker beside its peers in one workerd: what a request costs.

import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { build } from "esbuild";

import { root } from "../scripts/tools.mjs";
import { send } from "../tests/edge/worker.mjs";
import { kvWorker, ours, serve } from "../tests/soak/workerd.mjs";
import { measure, median, request } from "./load.mjs";

const CONNECTORS = 200;

/** Bundles the Hono peer as `wrangler deploy --minify` would. */
async function bundleHono() {
  const outfile = "target/bench/hono-worker.mjs";
  mkdirSync(join(root, "target/bench"), { recursive: true });
  await build({
    entryPoints: [join(root, "benches/hono-worker.ts")],
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

/** The three Workers, each with its own KV of the same code. */
export async function peers() {
  const hono = await bundleHono();
  const all = {
    ours: { label: "connector-status", worker: ours({ kv: { CONNECTORS: "kv-ours", API_KEYS: "kv-ours" } }) },
    hono: {
      label: "Hono + zod",
      worker: { modules: [hono], objects: { CONNECTOR: "HonoConnector" }, kv: { CONNECTORS: "kv-hono" } },
    },
    bare: {
      label: "bare JavaScript (the limit)",
      worker: {
        modules: ["benches/bare-worker.mjs"],
        objects: { CONNECTOR: "BareConnector" },
        kv: { CONNECTORS: "kv-bare" },
      },
    },
  };
  return all;
}

/**
 * Starts some of them in one process, each with `kv` and a port of its own. What they log goes
 * nowhere: to read it would cost the time of the load generator.
 */
export function start(all, options = {}) {
  const workers = {};
  const sockets = {};
  for (const [name, { worker }] of Object.entries(all)) {
    workers[name] = worker;
    workers[`kv-${name}`] = kvWorker;
    sockets[name] = name;
    sockets[`kv-${name}`] = `kv-${name}#control`;
  }
  return serve({ workers, sockets, quiet: true, ...options });
}

const path = (n) => `/_connector/connector-${n % CONNECTORS}`;
const move = (n, status) => request("PUT", `${path(n)}/_status`, { status });

/** Connectors that are `configured`, the same in every peer. */
export async function fill(server, names) {
  let document;
  for (const name of names) {
    const url = server.url(name);
    for (let n = 0; n < CONNECTORS; n += 1) {
      const body = name === "bare" ? { ...document, status: "created" } : { name: `Connector ${n}`, service_type: "sharepoint_online" };
      const { status } = await send(url, "PUT", path(n), body);
      if (status !== 201) throw new Error(`${name}: creation answered ${status}`);
      for (const to of ["needs_configuration", "configured"]) {
        await send(url, "PUT", `${path(n)}/_status`, { status: to });
      }
    }
    const { id, ...rest } = (await send(url, "GET", path(0))).body;
    document ??= rest;
  }
  return document;
}

/** Lists are of documents put into KV directly. */
export async function fillKv(server, name, count, document) {
  await fetch(`${server.url(`kv-${name}`)}/clear`, { method: "POST" });
  const entries = Array.from({ length: count }, (_, n) => {
    const index_name = `search-${String(n).padStart(6, "0")}`;
    const title = `Connector ${n}`;
    return [
      `c:listed-${n}`,
      JSON.stringify({ ...document, name: title, index_name }),
      { index_name, name: title, service_type: "sharepoint_online", status: "configured" },
    ];
  });
  await fetch(`${server.url(`kv-${name}`)}/load`, { method: "POST", body: JSON.stringify(entries) });
}

const list = request("GET", "/_connector?size=100");
export const rows = [
  {
    label: "PUT `_status`, changing",
    count: 8 * 2 * CONNECTORS,
    next: (n) => move(n, Math.floor(n / CONNECTORS) % 2 === 0 ? "connected" : "configured"),
  },
  { label: "PUT `_status`, noop", count: 3_200, next: (n) => move(n, "configured") },
  { label: "PUT `_status`, refused", count: 3_200, expect: "400", next: (n) => move(n, "created") },
  { label: "GET one", count: 3_200, next: (n) => request("GET", path(n)) },
  { label: "list of 100", count: 320, next: () => list, listed: 100 },
];

/**
 * Requests per second and CPU microseconds of every row and peer, medians of `runs`. `share`: of the
 * requests, for a machine that is busy with other things.
 */
export async function edge({ runs = 5, only = rows, share = 1 } = {}) {
  const all = await peers();
  const names = Object.keys(all);
  const server = await start(all);
  const figures = Object.fromEntries(only.map((row) => [row.label, Object.fromEntries(names.map((name) => [name, []]))]));
  try {
    const document = await fill(server, names);
    for (const row of only) {
      if (row.listed) for (const name of names) await fillKv(server, name, row.listed, document);
      // The first run warms up. Who comes first changes: it finds the machine's memory as others left it.
      for (let run = 0; run <= runs; run += 1) {
        for (const name of [...names.slice(run % names.length), ...names.slice(0, run % names.length)]) {
          const result = await measure({ pid: server.pid, port: server.ports[name], ...row, count: row.count * share });
          if (run > 0) figures[row.label][name].push(result);
        }
      }
    }
  } finally {
    await server.kill();
  }
  const summary = (results) => ({
    rate: median(results.map((result) => result.rate)),
    micros: median(results.map((result) => result.micros)),
  });
  return {
    labels: Object.fromEntries(names.map((name) => [name, all[name].label])),
    rows: Object.entries(figures).map(([label, byName]) => ({
      label,
      ...Object.fromEntries(names.map((name) => [name, summary(byName[name])])),
    })),
  };
}
