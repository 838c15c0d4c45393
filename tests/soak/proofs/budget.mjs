// No request costs more than its budget: handmade and random expressions over megabyte documents of every shape may
// take only a little more CPU and memory than the plain list of the same page.

import { readFileSync, writeFileSync } from "node:fs";

import { cpuSeconds } from "../../../benches/load.mjs";
import { send } from "../../edge/worker.mjs";
import { pick } from "../helpers.mjs";
import { serveWithKv } from "../workerd.mjs";

/**
 * How much more than the plain list a request may take. CPU time is compared with that of a plain list of 12 MB in the
 * same run, which takes about 50 ms, because a machine's speed changes from minute to minute.
 */
const CPU_LISTS = 6;
const MEMORY_MIB = 32;

const times = (count, make) => Array.from({ length: count }, (_, n) => make(n));
const upTo = (limit) => Math.floor(Math.random() * (limit + 1));

const nested = (depth, value) => (depth === 0 ? value : { a: nested(depth - 1, value) });
const nestedList = (depth, value) => (depth === 0 ? value : [nestedList(depth - 1, value)]);

/** A value of about that many bytes, in each shape. */
const SHAPES = {
  "short names": (bytes) => Object.fromEntries(times(bytes / 12, (n) => [`n${n}`, 1])),
  "names with escapes": (bytes) => Object.fromEntries(times(bytes / 16, (n) => [`"\n${n}`, 1])),
  numbers: (bytes) => times(bytes / 2 - 4, () => 1),
  words: (bytes) => times(bytes / 6, (n) => String.fromCharCode(97 + (n % 26)).repeat(3)),
  "a long text": (bytes) => "a".repeat(bytes),
  "a text of words": (bytes) => "ab ".repeat(bytes / 3),
  "a text with escapes": (bytes) => "\n\"".repeat(bytes / 4),
  dates: (bytes) => times(bytes / 27, () => "2026-02-25T06:08:20.123Z"),
  objects: (bytes) => times(bytes / 8, () => ({ a: 1 })),
  "empty objects": (bytes) => times(bytes / 3, () => ({})),
  deep: (bytes) => times(bytes / 500, () => nested(60, 1)),
  "deep lists": (bytes) => nestedList(80, times(bytes / 2 - 200, () => 1)),
};

const cpu = (pid) => cpuSeconds(pid) * 1_000;

/** A process's memory in MiB, now and at its peak since `forgetPeak`. */
function memory(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const of = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)[1]) / 1024;
  return { now: of("VmRSS"), peak: of("VmHWM") };
}
const forgetPeak = (pid) => writeFileSync(`/proc/${pid}/clear_refs`, "5");

const get = (path) => ["GET", path];
const search = (body, path = "/.elastic-connectors/_search") => ["POST", path, body];
const field = () => pick(["name", "description", "error", "sync_cursor", "sync_cursor.x", "sync_cursor.x.a", "_id", "status", "created_at", "last_seen"]);
const piece = () => pick(["a", "n", "*", "?", "??", "q", "0", "a*", "?q", "ab", "sync_cursor", "x"]);
const pattern = (limit) => times(1 + upTo(limit), piece).join("");
const path = () => times(1 + upTo(3), () => pick(["**", "*", "results", "sync_cursor", pattern(12)])).join(".");

function leaf() {
  const value = () => pick(["a", "aaa", 1, "2026-02-25", "zz", true]);
  return pick([
    () => ({ term: { [field()]: value() } }),
    () => ({ terms: { [field()]: times(1 + upTo(4_000), (n) => `${value()}${n}`) } }),
    () => ({ match: { [field()]: times(1 + upTo(50), value).join(" ") } }),
    () => ({ range: { [field()]: { gte: value() } } }),
  ])();
}

/** Random expressions; `size` is the page's. */
const RANDOM = [
  (size) => get(`/_connector?size=${size}&filter_path=${times(1 + upTo(15), () => `${pick(["", "-"])}${encodeURIComponent(path())}`).join(",")}`),
  (size) => get(`/_connector?size=${size}&pretty&filter_path=${encodeURIComponent(path())}`),
  (size) => get(`/_connector?size=${size}&query=${encodeURIComponent(pattern(60).slice(0, 250))}`),
  (size) => get(`/_connector/_summary?size=${size}&query=${encodeURIComponent(times(1 + upTo(9), () => pattern(4)).join(" "))}`),
  (size) => search({ size, query: { bool: { should: times(1 + upTo(200), leaf) } }, sort: times(upTo(16), field) }),
  (size) => search({ size, query: { bool: { must_not: times(1 + upTo(30), leaf) } }, sort: times(upTo(16), () => ({ [field()]: "desc" })) }),
  // Finding and formatting have a budget each.
  (size) => get(`/_connector?size=${size}&pretty&query=${encodeURIComponent(pattern(30))}&filter_path=${encodeURIComponent(path())}`),
  (size) => search({ size, query: leaf(), sort: times(upTo(8), field) }, `/.elastic-connectors/_search?filter_path=${encodeURIComponent(path())}`),
];

/** Handmade expressions, each of which was or could become the most expensive of its kind. */
const BY_HAND = (size) => {
  const list = (parameters) => get(`/_connector?size=${size}&${parameters}`);
  const terms = times(4_000, (n) => `x${n}`);
  return [
    list("pretty"),
    list("filter_path=results.id"),
    list("filter_path=-results.sync_cursor"),
    list("filter_path=-**.zz"),
    list(`filter_path=${times(32, () => "**.*n?*q0*").join(",")}`),
    list(`filter_path=${times(21, () => "results.**.*a*a?b").join(",")}`),
    list(`filter_path=-${times(32, () => "**.zz").join(",-")}`),
    list(`filter_path=${times(16, () => "**.a.**.a").join(",")}`),
    list(`pretty&filter_path=${times(8, () => "**.x.*").join(",")}`),
    list(`query=${encodeURIComponent("?".repeat(245))}b`),
    list(`query=${encodeURIComponent("a?".repeat(120))}b`),
    list(`query=${encodeURIComponent("a".repeat(250))}b`),
    list("query=a*a*a*a*a*a*a*ab"),
    list("query=a*b*c*d*e&pretty&filter_path=**.x.*"),
    search({ size, query: { range: { "sync_cursor.x": { gte: 2 } } }, sort: ["description"] }, "/.elastic-connectors/_search?filter_path=**.*n?*q0*"),
    get(`/_connector/_summary?size=${size}&query=a%20b%20c%20d%20e%20f%20g%20h%20i%20j`),
    search({ size }),
    search({ size, query: { term: { "sync_cursor.nothing": 1 } } }),
    search({ size, query: { terms: { "sync_cursor.x": terms } } }),
    search({ size, query: { terms: { "sync_cursor.x": times(65_536, (n) => `${n}`) } } }),
    search({ size, query: { terms: { "sync_cursor.x": times(1_000, (n) => "a".repeat(900) + n) } } }),
    search({ size, query: { match: { description: terms.join(" ") } } }),
    search({ size, query: { match: { description: "ac ".repeat(300_000) } } }),
    search({ size, query: { range: { created_at: { gte: "now-1d" } } }, sort: ["created_at", "description", "error"] }),
    search({ size, query: { bool: { should: times(1_000, (n) => ({ range: { "sync_cursor.x": { gte: n + 2 } } })) } } }),
    search({ size, query: { bool: { should: times(1_000, (n) => ({ range: { "sync_cursor.x.a": { gte: n + 2 } } })) } } }),
    search({ size, query: { bool: { must_not: times(1_000, (n) => ({ term: { [`sync_cursor.x.n${n}`]: 2 } })) } } }),
    search({ size, sort: ["description", "sync_cursor.x", "name"] }),
    search({ size, sort: times(16, () => "description") }),
    search({ size, sort: times(16, (n) => `sync_cursor.x.n${n}`) }),
    search({ size, sort: [{ description: "desc" }], _source: false }),
    search({ size, sort: times(149_000, (n) => `f${n}`) }),
    search({ from: 10_000 - size, size, sort: ["name"] }),
    search({ size, query: { match_all: {} }, sort: ["status", { name: "desc" }] }),
    search({ size }, "/.elastic-connectors-sync-jobs/_search"),
    ["POST", "/.elastic-connectors/_count", { query: { range: { description: { gte: "b" } } } }],
  ];
};

const PER_PAGE = 12;

/** Fills a service with documents of about `bytes` in one shape; returns the page size. */
async function fill(server, shape, bytes, problems) {
  const value = SHAPES[shape](bytes);
  const isText = typeof value === "string";
  for (let n = 0; n < PER_PAGE; n += 1) {
    const id = `c${n}`;
    const put = async (path, body) => {
      const { status, body: answer } = await send(server.url(), "PUT", `/_connector/${id}${path}`, body);
      if (status >= 300) problems.push(`${shape}: PUT ${path} answered ${status} ${JSON.stringify(answer).slice(0, 200)}`);
    };
    await put("", { name: `Connector ${n}`, index_name: `search-${n}`, ...(isText && { description: value }) });
    if (!isText) await put("/_last_sync", { sync_cursor: { x: value } });
  }
  // The plain list is what the others are compared with, so it must show all of this.
  await send(server.url(), "POST", "/.elastic-connectors/_refresh");
  return PER_PAGE;
}

/** Fills a service with as many connectors as a large organization has. */
async function fillWithMany(server, count) {
  await send(server.url(), "PUT", "/_connector/sample", { name: "sample" });
  const { body: { id, ...sample } } = await send(server.url(), "GET", "/_connector/sample");
  await send(server.url(), "DELETE", "/_connector/sample?hard=true");
  for (let from = 0; from < count; from += 2_000) {
    const some = times(2_000, (n) => [
      `c:many-${from + n}`,
      JSON.stringify({ ...sample, name: `Connector ${from + n}`, index_name: `index-${from + n}`, description: "What the people of sales know. ".repeat(50) }),
    ]);
    await server.kv("load", some);
  }
  await send(server.url(), "POST", "/_connector/_import");
}

/** The CPU and memory of a request. */
async function measure(server, [method, path, body]) {
  const pid = server.pid();
  const text = body && JSON.stringify(body);
  forgetPeak(pid);
  const [before, started] = [memory(pid), cpu(pid)];
  const response = await fetch(server.url() + path, {
    method,
    headers: body && { "content-type": "application/json" },
    body: text,
  });
  const length = (await response.arrayBuffer()).byteLength;
  // Include the threads that clean up.
  await new Promise((resolve) => setTimeout(resolve, 5));
  return { status: response.status, length, cpu: cpu(pid) - started, peak: memory(pid).peak - before.now };
}

/**
 * For documents of each shape, handmade expressions and `random` random ones. `many`: also this many ordinary
 * connectors.
 */
export async function budget({ shapes = Object.keys(SHAPES), bytes = 1_000_000, random = 60, many = 10_000, byHand = Infinity, tries = 3 } = {}) {
  const problems = [];
  const worst = { lists: [0, ""], memory: [0, ""] };
  const reference = await serveWithKv();
  const plainList = get(`/_connector?size=${await fill(reference, "words", 1_000_000, problems)}`);
  const statuses = {};
  let asked = 0;
  const list = async () => (await measure(reference, plainList)).cpu;
  /** `lists`: the CPU in lists of 12 MB. They are measured right before and after, as the machine's speed changes. */
  const measureInLists = async (server, request) => {
    const before = await list();
    const found = await measure(server, request);
    return { ...found, lists: found.cpu / Math.min(before, await list()) };
  };
  const judge = async (server, name, size) => {
    const plain = get(`/_connector?size=${size}`);
    const base = { lists: Infinity, peak: 0 };
    for (let n = 0; n < 5; n += 1) {
      const found = await measureInLists(server, plain);
      if (found.status !== 200) problems.push(`${name}: the plain list answered ${found.status}`);
      base.lists = Math.min(base.lists, found.lists);
      base.peak = Math.max(base.peak, found.peak);
    }
    const all = [...BY_HAND(size).slice(0, byHand), ...times(random, () => pick(RANDOM)(size))];
    for (const request of all) {
      // The minimum of each, since other load only adds.
      const above = { lists: Infinity, peak: Infinity };
      for (let n = 0; n < tries; n += 1) {
        const found = await measureInLists(server, request);
        asked += 1;
        statuses[found.status] = (statuses[found.status] ?? 0) + 1;
        above.lists = Math.min(above.lists, found.lists - base.lists);
        above.peak = Math.min(above.peak, found.peak - base.peak);
        above.status = found.status;
        if (above.lists <= CPU_LISTS / 2 && above.peak <= MEMORY_MIB / 2) break;
      }
      const said = `${name}: ${request[0]} ${request[1].slice(0, 120)} ${(JSON.stringify(request[2]) ?? "").slice(0, 160)} (${above.status})`;
      if (above.lists > worst.lists[0]) worst.lists = [above.lists, said];
      if (above.peak > worst.memory[0]) worst.memory = [above.peak, said];
      if (above.lists > CPU_LISTS) problems.push(`takes the CPU of ${above.lists.toFixed(1)} lists of 12 MB above the plain list: ${said}`);
      if (above.peak > MEMORY_MIB) problems.push(`${above.peak.toFixed(0)} MiB above the plain list: ${said}`);
      if (above.status >= 500) problems.push(`answered ${above.status}: ${said}`);
    }
  };
  /** Serves while `work` runs. */
  const serving = async (work) => {
    const server = await serveWithKv();
    try {
      await work(server);
    } finally {
      await server.close();
    }
  };
  try {
    for (const shape of shapes) {
      await serving(async (server) => judge(server, shape, await fill(server, shape, bytes, problems)));
    }
    if (many > 0) {
      await serving(async (server) => {
        await fillWithMany(server, many);
        for (const size of [100, 1_000]) await judge(server, `${many} connectors`, size);
      });
    }
  } finally {
    await reference.close();
  }
  const figures =
    `budget: ${asked} requests over ${shapes.length} shapes of documents and ${many} connectors, answered ${JSON.stringify(statuses)}; ` +
    `above the plain list at most the CPU of ${worst.lists[0].toFixed(1)} lists of 12 MB (${worst.lists[1]}) and ${worst.memory[0].toFixed(0)} MiB (${worst.memory[1]})`;
  return { figures, problems };
}
