// Runs Workers in `workerd serve`, without wrangler's Node proxy in front: for load, faults and crashes.

import { spawn } from "node:child_process";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { root } from "../../scripts/tools.mjs";

// workerd's binary is resolved from its package, for every platform.
const { default: workerd } = createRequire(import.meta.url)("workerd");
const wrangler = readFileSync(join(root, "wrangler.toml"), "utf8");
const compatibilityDate = /^compatibility_date = "(.*)"/m.exec(wrangler)[1];

// On a RAM disk if there is one, because the Workers are measured and not the disk.
export const scratch = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

const text = JSON.stringify;
const list = (items) => `[${items.join(", ")}]`;

// Exit on signals, so that the exit handlers stop every workerd.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

/** How much of the log is kept. */
const LOG_LIMIT = 1 << 20;

/**
 * One Worker's configuration: `modules` are files of this project, the first is the entry point. `prefix`: for the
 * folder names of its objects, if another Worker has classes of the same name.
 */
function worker({ modules, kv = {}, objects = {}, services = {}, vars = {}, prefix = "" }) {
  const bindings = [
    ...Object.entries(kv).map(([name, at]) => `(name = ${text(name)}, kvNamespace = ${text(at)})`),
    ...Object.entries(services).map(([name, at]) => `(name = ${text(name)}, service = ${text(at)})`),
    ...Object.entries(vars).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)})`),
    ...Object.entries(objects).map(
      ([name, className]) => `(name = ${text(name)}, durableObjectNamespace = ${text(className)})`,
    ),
  ];
  const namespaces = Object.values(objects).map(
    (name) => `(className = ${text(name)}, uniqueKey = ${text(prefix + name)}, enableSql = true)`,
  );
  const files = modules.map((file) => {
    const kind = file.endsWith(".wasm") ? "wasm" : "esModule";
    return `(name = ${text(file.split("/").at(-1))}, ${kind} = embed ${text(`/${file}`)})`;
  });
  return `(worker = (
    compatibilityDate = ${text(compatibilityDate)},
    modules = ${list(files)},
    bindings = ${list(bindings)},
    durableObjectNamespaces = ${list(namespaces)},
    ${namespaces.length > 0 ? 'durableObjectStorage = (localDisk = "disk"),' : ""}
  ))`;
}

/**
 * Starts a workerd. `workers`: its Workers by name; `sockets`: which Worker (or `worker#entrypoint`) gets a port of its
 * own; `external`: other services by name; `disk`: the directory for objects (by default a temporary one in memory);
 * `inspect`: opens a port for V8's inspector; `quiet`: discards the Workers' logs.
 */
export async function serve({ workers, sockets, external = {}, disk, inspect = false, quiet = false }) {
  const directory = mkdtempSync(join(scratch, "connector-status-"));
  const objects = disk ?? join(directory, "objects");
  mkdirSync(objects, { recursive: true });
  const services = [
    `(name = "disk", disk = (path = ${text(objects)}, writable = true))`,
    // Webhooks are sent to this machine.
    ...("internet" in external ? [] : [`(name = "internet", network = (allow = ["public", "private"]))`]),
    ...Object.entries(external).map(
      ([name, address]) => `(name = ${text(name)}, external = (address = ${text(address)}, http = ()))`,
    ),
    ...Object.entries(workers).map(([name, it]) => `(name = ${text(name)}, ${worker(it).slice(1)}`),
  ];
  const designator = (to) => {
    const [name, entrypoint] = to.split("#");
    return entrypoint ? `(name = ${text(name)}, entrypoint = ${text(entrypoint)})` : text(name);
  };
  const ports = Object.entries(sockets).map(
    ([name, to]) => `(name = ${text(name)}, address = "127.0.0.1:0", http = (), service = ${designator(to)})`,
  );
  const config = join(directory, "config.capnp");
  writeFileSync(
    config,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = ${list(services)}, sockets = ${list(ports)});
`,
  );

  const startedAt = performance.now();
  const child = spawn(
    workerd,
    [
      "serve",
      config,
      "--experimental",
      `--import-path=${root}`,
      "--control-fd=3",
      ...(inspect ? ["--inspector-addr=127.0.0.1:0"] : []),
    ],
    { stdio: ["ignore", quiet ? "ignore" : "pipe", "pipe", "pipe"] },
  );
  const stop = () => {
    child.kill("SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  };
  process.once("exit", stop);
  const gone = new Promise((resolve) => child.once("exit", resolve));
  let log = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (data) => {
      log = (log + data).slice(-LOG_LIMIT);
    });
  }
  const addresses = await new Promise((resolve, reject) => {
    const found = {};
    let heard = "";
    child.stdio[3].on("data", (data) => {
      heard += data;
      const lines = heard.split("\n");
      heard = lines.pop();
      for (const line of lines) {
        const event = JSON.parse(line);
        if (event.event === "listen") found[event.socket] = event.port;
        if (event.event === "listen-inspector") found.inspector = event.port;
      }
      if (Object.keys(found).length === ports.length + (inspect ? 1 : 0)) resolve(found);
    });
    gone.then(() => reject(new Error(`workerd did not start:\n${log}`)));
  });

  const kill = async () => {
    child.kill("SIGKILL");
    await gone;
    stop();
    process.removeListener("exit", stop);
  };
  return {
    pid: child.pid,
    startedAt,
    ports: addresses,
    url: (socket) => `http://127.0.0.1:${addresses[socket]}`,
    log: () => log,
    /** Kills the process without warning. */
    kill,
  };
}

/** Sends commands to the inspector; returns the answers and the chunks of a heap snapshot. */
async function inspect(port, ...methods) {
  const [target] = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  await new Promise((resolve) => (socket.onopen = resolve));
  const pieces = [];
  let answered;
  socket.onmessage = ({ data }) => {
    const { id, result, method, params } = JSON.parse(data);
    if (method === "HeapProfiler.addHeapSnapshotChunk") pieces.push(params.chunk);
    if (id !== undefined) answered(result);
  };
  const answers = [];
  for (const [id, method] of methods.entries()) {
    answers.push(await new Promise((resolve) => {
      answered = resolve;
      socket.send(JSON.stringify({ id, method }));
    }));
  }
  socket.close();
  return { answers, pieces };
}

/** The size of a Worker's heap in bytes, after garbage collection. */
async function heap(port) {
  const { answers } = await inspect(port, "HeapProfiler.collectGarbage", "Runtime.getHeapUsage");
  const { usedSize, embedderHeapUsedSize = 0, backingStorageSize = 0 } = answers[1];
  return usedSize + embedderHeapUsedSize + backingStorageSize;
}

/** The number of JavaScript functions in a Worker. */
async function functions(port) {
  const { pieces } = await inspect(port, "HeapProfiler.takeHeapSnapshot");
  const { snapshot: { meta }, nodes } = JSON.parse(pieces.join(""));
  const type = meta.node_types[0].indexOf("closure");
  return nodes.filter((value, n) => n % meta.node_fields.length === 0 && value === type).length;
}

/**
 * The databases of a class's objects. `since`: only those written since then, in milliseconds since 1970. workerd's own
 * database for alarms is left out.
 */
export const databases = (disk, className, since = 0) =>
  globSync(join(disk, `${className}/*.sqlite`)).filter(
    (file) => !file.endsWith("metadata.sqlite") && statSync(file).mtimeMs >= since,
  );

/** The results of `look` for each database, while no workerd has them open. */
export function inDatabases(disk, className, look, since) {
  return databases(disk, className, since).map((file) => {
    const database = new DatabaseSync(file);
    try {
      return look(database);
    } finally {
      database.close();
    }
  });
}

/** The single row of a table, if the table and the row exist. */
export function rowOf(database, table) {
  const exists = database.prepare("SELECT 1 FROM sqlite_master WHERE name = ?").get(table);
  return exists && database.prepare(`SELECT * FROM ${table}`).get();
}

/** This project's Worker, as built in build/. */
export const ours = (options = {}) => ({
  modules: ["build/worker.js", "build/index_bg.wasm"],
  objects: { CONNECTOR: "ConnectorObject", DIRECTORY: "Directory" },
  kv: { CONNECTORS: "kv", API_KEYS: "kv" },
  vars: { ANONYMOUS_PRIVILEGE: "manage_connector" },
  ...options,
});

/** The same with faults between its objects: see faulty.mjs. */
export const faulty = (options = {}) =>
  ours({ modules: ["tests/soak/faulty.mjs", "build/worker.js", "build/index_bg.wasm"], ...options });

/** Workers KV in memory: see kv.mjs. */
export const kvWorker = { modules: ["tests/soak/kv.mjs"] };

/** A Worker (by default this project's) with KV in a separate process, which survives when the Worker's is killed. */
export async function serveWithKv({ worker = ours(), disk, inspect } = {}) {
  const hasFaults = worker.modules[0].endsWith("faulty.mjs");
  const kv = await serve({ workers: { kv: kvWorker }, sockets: { kv: "kv", control: "kv#control" } });
  const start = () =>
    serve({
      workers: { it: worker },
      sockets: { it: "it", ...(hasFaults ? { faults: "it#faults" } : {}) },
      external: { kv: `127.0.0.1:${kv.ports.kv}` },
      disk,
      inspect,
    });
  let server = await start();
  const control = async (path, body) => {
    const response = await fetch(`${kv.url("control")}/${path}`, {
      method: body === undefined ? "GET" : "POST",
      body: JSON.stringify(body),
    });
    return body === undefined ? response.json() : response.text();
  };
  return {
    kv: control,
    /** Sets the faults between objects. */
    faults: async (body) => (await fetch(server.url("faults"), { method: "POST", body: JSON.stringify(body) })).json(),
    url: () => server.url("it"),
    port: () => server.ports.it,
    pid: () => server.pid,
    log: () => server.log(),
    heap: () => heap(server.ports.inspector),
    functions: () => functions(server.ports.inspector),
    kill: () => server.kill(),
    restart: async () => {
      server = await start();
    },
    close: async () => {
      await server.kill();
      await kv.kill();
    },
  };
}
