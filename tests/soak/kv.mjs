// Workers KV in memory, for tests and benchmarks: a Worker that implements the service behind workerd's KV bindings.
// Its second entrypoint, `control`, injects faults and reports writes.

import { WorkerEntrypoint } from "cloudflare:workers";

const LIST_LIMIT = 1_000;

/** key -> { value, metadata } */
const entries = new Map();
/** Sorted keys for lists; `null` after a key was added or removed. */
let sorted = null;

/** The current faults: see `control`. */
let faults = { mode: "none" };
let watching = false;
/** { key, at, kind }: every write that reached the service while watched. */
let arrivals = [];
/** The operations so far, as billed. */
const counts = { reads: 0, writes: 0, deletes: 0, lists: 0 };
/** Writes that were accepted but not carried out yet. */
let pending = 0;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function put(key, value, metadata) {
  if (!entries.has(key)) sorted = null;
  entries.set(key, { value, metadata });
}

function remove(key) {
  if (entries.delete(key)) sorted = null;
}

/** Runs `operation`, or the fault instead. */
async function withFaults(isWrite, operation) {
  switch (faults.mode) {
    case "429":
      return new Response("Too Many Requests", { status: 429 });
    case "500":
      return new Response("Internal Server Error", { status: 500 });
    case "hang":
      // Longer than any timeout. Without a timer workerd would end the request, because nothing could complete it.
      await sleep(120_000);
      return new Response("Gateway Timeout", { status: 504 });
    case "late":
    case "late-500": {
      // Runs after up to `delay` ms. The caller gets the response then ("late"), or an error at once ("late-500").
      if (!isWrite) return operation();
      const { mode, delay } = faults;
      const lateness = Math.random() * delay;
      pending += 1;
      const carriedOut = sleep(lateness).then(() => {
        pending -= 1;
        return operation();
      });
      if (mode === "late") return carriedOut;
      background(carriedOut);
      return new Response("Internal Server Error", { status: 500 });
    }
    default:
      return operation();
  }
}

let background = () => {};

function list(parameters) {
  sorted ??= [...entries.keys()].sort();
  const prefix = parameters.get("prefix") ?? "";
  const limit = Number(parameters.get("key_count_limit") ?? LIST_LIMIT);
  // As in Workers KV, a cursor is a name and not a number, so deletions between two pages don't shift the next page.
  const after = parameters.get("cursor");
  const names = sorted.filter((name) => name.startsWith(prefix) && (after === null || name > after));
  const page = names.slice(0, limit);
  const keys = page.map((name) => {
    const { metadata } = entries.get(name);
    return metadata === null ? { name } : { name, metadata };
  });
  const complete = page.length === names.length;
  return Response.json({
    keys,
    list_complete: complete,
    ...(complete ? {} : { cursor: page.at(-1) }),
    cacheStatus: null,
  });
}

export default class extends WorkerEntrypoint {
  async fetch(request) {
    background = (promise) => this.ctx.waitUntil(promise);
    const url = new URL(request.url);
    const key = decodeURIComponent(url.pathname.slice(1));
    switch (request.method) {
      case "GET":
        counts[key === "" ? "lists" : "reads"] += 1;
        return withFaults(false, () => {
          if (key === "") return list(url.searchParams);
          const entry = entries.get(key);
          if (entry === undefined) return new Response("Not Found", { status: 404 });
          const headers = entry.metadata === null ? {} : { "CF-KV-Metadata": entry.metadata };
          return new Response(entry.value, { headers });
        });
      case "POST": {
        const { keys, type } = await request.json();
        counts.reads += keys.length;
        const value = (name) => {
          const text = entries.get(name)?.value;
          if (text === undefined) return null;
          return type === "json" ? JSON.parse(text) : text;
        };
        return withFaults(false, () => Response.json(Object.fromEntries(keys.map((name) => [name, value(name)]))));
      }
      case "PUT":
      case "DELETE": {
        const value = await request.text();
        const metadata = request.headers.get("CF-KV-Metadata");
        counts[request.method === "PUT" ? "writes" : "deletes"] += 1;
        if (watching) arrivals.push({ key, at: Date.now(), kind: request.method });
        return withFaults(true, () => {
          if (request.method === "PUT") put(key, value, metadata);
          else remove(key);
          return new Response();
        });
      }
      default:
        return new Response("Method Not Allowed", { status: 405 });
    }
  }
}

/** The control interface for tests: `POST /faults`, `/watch`, `/load`; `GET /state`, `/counts`. */
export class control extends WorkerEntrypoint {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    switch (pathname) {
      case "/faults":
        faults = await request.json();
        break;
      case "/watch":
        watching = true;
        arrivals = [];
        break;
      case "/load":
        for (const [key, value, metadata] of await request.json()) {
          put(key, value, metadata === undefined ? null : JSON.stringify(metadata));
        }
        break;
      case "/clear":
        entries.clear();
        sorted = null;
        break;
      case "/counts":
        return Response.json(counts);
      case "/state":
        return Response.json({
          pending,
          arrivals,
          entries: Object.fromEntries([...entries].map(([key, entry]) => [key, entry.value])),
          metadata: Object.fromEntries([...entries].map(([key, entry]) => [key, entry.metadata])),
        });
      default:
        return new Response("Not Found", { status: 404 });
    }
    return new Response("ok\n");
  }
}
