// Sync jobs and the two indices against a real workerd: the tables, races and lists.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";

import { until } from "../until.mjs";
import { kvWorker, ours, serve } from "../soak/workerd.mjs";
import { must, send } from "./worker.mjs";

const TABLES = join(import.meta.dirname, "../tables");
const CONNECTORS = "/.elastic-connectors";
const JOBS = "/.elastic-connectors-sync-jobs";

async function startWorker(vars = {}) {
  const server = await serve({
    workers: { it: ours({ vars: { ANONYMOUS_PRIVILEGE: "manage_connector", ...vars } }), kv: kvWorker },
    sockets: { it: "it", kv: "kv" },
  });
  /** Puts a document into Workers KV, as an import does. */
  const putAny = async (name, value) => {
    await fetch(`${server.url("kv")}/${encodeURIComponent(name)}`, { method: "PUT", body: JSON.stringify(value) });
  };
  const put = (id, document) => putAny(`c:${id}`, document);
  return { url: server.url("it"), put, putKey: putAny, close: server.kill };
}

let worker;
before(async () => (worker = await startWorker()));
after(() => worker.close());

const ask = (method, path, body, headers) => send(worker.url, method, path, body, headers);

const succeed = (...request) => must(worker.url, ...request);

const connector = (id, body = {}) =>
  succeed("PUT", `/_connector/${encodeURIComponent(id)}`, { service_type: "dir", index_name: `index-${id.toLowerCase()}`, ...body });
const job = async (id) => (await succeed("POST", "/_connector/_sync_job", { id })).id;
const jobsOf = (id) => succeed("GET", `/_connector/_sync_job?connector_id=${encodeURIComponent(id)}`);

// --- The tables.

const readTable = (path) => readFileSync(join(TABLES, path), "utf8");
const base = (path, id) => JSON.parse(readTable(path).replaceAll("{connector}", id));
const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const changed = (document, changes) =>
  Object.fromEntries(Object.entries({ ...document, ...changes }).filter(([, value]) => value !== "<absent>"));

/** Replaces every date that is no older than `since` with `<now>`. */
function mark(value, since) {
  if (typeof value === "string" && /^\d{4}-.*Z$/.test(value) && Date.parse(value) >= since) return "<now>";
  if (Array.isArray(value)) return value.map((item) => mark(item, since));
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(([name, item]) => [name, mark(item, since)])) : value;
}

/** The expected response, with `<before>` replaced by the document before the request. */
function filled(value, document) {
  if (value === "<before>") return document;
  if (Array.isArray(value)) return value.map((item) => filled(item, document));
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(([name, item]) => [name, filled(item, document)])) : value;
}

function chain({ error }) {
  if (typeof error === "string") return error;
  const found = [];
  for (let cause = error; cause; cause = cause.caused_by) found.push([cause.type, cause.reason]);
  return found;
}

const at = (path) => succeed("GET", path).then((answer) => answer._source).catch(() => null);

/** Creates a case's documents. Returns what `{id}` stands for and the path to the document. */
const subjects = {
  async documents(table, item, id) {
    const document = item.before === null ? null : changed(base("document.json", id), item.before);
    if (document) await worker.put(id, document);
    return { id, document, base: base("document.json", id), show: () => at(`${CONNECTORS}/_doc/${id}`) };
  },
  async sync_jobs(table, item, connector) {
    const changes = item.connector === undefined ? table.connector : item.connector;
    const start = base("sync_jobs/document.json", connector);
    const document = item.before === null ? null : changed(start, item.before);
    if (changes !== null) await worker.put(connector, changed(base("document.json", connector), changes));
    if (document === null) return { id: `j1.${connector}`, document, base: start };
    if (changes === null) return undefined;
    const { _id: id } = await succeed("POST", `${JOBS}/_doc`, document);
    return { id, document, base: start, show: () => at(`${JOBS}/_doc/${id}`) };
  },
};

async function runCase(folder, general, number, connector) {
  const text = general.replaceAll("{connector}", connector);
  const table = JSON.parse(text);
  const subject = await subjects[folder](table, table.cases[number], connector);
  if (subject === undefined) return 0;
  // fetch cannot send such a request.
  if (/^GET/.test(table.cases[number].request ?? table.request) && table.cases[number].body !== undefined) return 0;
  const { document, show, base } = subject;
  const named = (id) => JSON.parse(text.replaceAll("{id}", id));
  let item = named(subject.id).cases[number];
  const [method, path] = (item.request ?? named(subject.id).request).split(" ");
  const body = item.text ?? (item.body === undefined ? undefined : JSON.stringify(item.body));
  const since = Date.now();
  const { status, body: answer } = await ask(method, path, body, item.headers);
  // The Worker chooses the id of a new job.
  const id = answer._id ?? answer.id;
  const isNew = status === 201;
  if (isNew) item = named(id).cases[number];
  assert.equal(status, item.status ?? 200, JSON.stringify(answer));
  if (item.answer !== undefined || status < 300) {
    assert.deepEqual(answer, filled(item.answer ?? { result: "updated" }, document));
  } else {
    // Positions within a body depend on the length of the id in it.
    const places = (errors) => (/\{connector\}/.test(general) ? JSON.stringify(errors).replace(/\[1:\d+\]/g, "") : JSON.stringify(errors));
    assert.equal(places(chain(answer)), places(item.error));
  }
  const look = show ?? (isNew ? () => at(`${JOBS}/_doc/${id}`) : undefined);
  if (look === undefined) return 1;
  const expected = item.after === null ? null : changed(document ?? base, item.after);
  assert.deepEqual(mark(await look(), since), document === null && !isNew ? null : expected, "the document");
  if (method === "GET" || isNew) return 1;
  const again = await ask(method, path, body, item.headers);
  if (status < 300) assert.equal(again.status < 300 ? (again.body.result ?? again.status) : again.status, item.again ?? "noop");
  return 1;
}

for (const folder of Object.keys(subjects)) {
  const names = globSync(`${folder}/*.json`, { cwd: TABLES }).map((file) => basename(file, ".json"));
  for (const name of names.filter((name) => !["document", "searches", "types"].includes(name)).sort()) {
    test(`every case of the table ${folder}: ${name} is answered as expected`, async () => {
      const text = readTable(`${folder}/${name}.json`);
      const { cases, connector } = JSON.parse(text);
      const run = (item, number) => {
        const id = `${folder}-${name.replaceAll(".", "-")}-${number}`;
        return runCase(folder, text, number, id).catch((error) => {
          error.message = `${item.name}: ${error.message}`;
          throw error;
        });
      };
      let done = 0;
      // Two connectors cannot have the same index at once.
      if (connector?.index_name) {
        for (const [number, item] of cases.entries()) {
          done += await run(item, number);
          await ask("DELETE", `/_connector/${folder}-${name.replaceAll(".", "-")}-${number}?hard=true`);
        }
      } else done = (await Promise.all(cases.map(run))).reduce((sum, one) => sum + one, 0);
      assert.ok(done > cases.length - 3, `${done} of ${cases.length} cases`);
    });
  }
}

// --- Searches.

const { connectors, sync_jobs: jobs, cases: searches } = JSON.parse(readTable("documents/searches.json"));

test("searches find what the table says", async () => {
  const other = await startWorker();
  try {
    for (const [id, document] of Object.entries(connectors)) await other.put(id, document);
    const at = (method, path, body) => send(other.url, method, path, body);
    // Create the connectors that the jobs belong to and the table lacks.
    const owners = Object.values(jobs).map(({ connector }) => connector?.id);
    const guests = [...new Set(owners)].filter((id) => id !== undefined && !(id in connectors));
    for (const id of guests) await at("PUT", `/_connector/${encodeURIComponent(id)}`);
    const names = {};
    for (const [name, document] of Object.entries(jobs)) {
      if (typeof document.connector?.id !== "string") continue;
      const { status, body } = await at("POST", `${JOBS}/_doc`, document);
      if (status === 201) names[body._id] = name;
    }
    for (const id of guests) await at("DELETE", `/_connector/${encodeURIComponent(id)}?hard=true`);
    let done = 0;
    for (const item of searches) {
      const body = item.body ?? { query: item.query };
      const text = JSON.stringify(body);
      // The table assumes a fixed time and other job ids.
      if (item.hits === undefined || /now|"ids"|_id/.test(text)) continue;
      if (item.index === "sync_jobs" && Object.keys(names).length !== Object.keys(jobs).length) continue;
      const { status, body: answer } = await at("POST", `/.elastic-${item.index === "sync_jobs" ? "connectors-sync-jobs" : "connectors"}/_search`, body);
      assert.equal(status, 200, `${item.name}: ${JSON.stringify(answer)}`);
      const hits = answer.hits.hits.map((hit) => names[hit._id] ?? hit._id);
      const isPage = body.from !== undefined || body.size !== undefined;
      if (isPage && item.index === "sync_jobs") continue;
      assert.deepEqual([...hits].sort(), [...item.hits].sort(), item.name);
      // Ties are sorted by id, and job ids differ here.
      const places = Object.fromEntries(answer.hits.hits.map((hit, n) => [hits[n], hit.sort]));
      if (body.sort !== undefined) assert.deepEqual(hits.map((id) => places[id]), item.hits.map((id) => places[id]), item.name);
      done += 1;
    }
    assert.ok(done > 40, `${done} searches`);
  } finally {
    await other.close();
  }
});

test("a search sees each write at once, and returns documents unchanged", async () => {
  const id = "shown";
  await connector(id);
  const made = await job(id);
  const find = async (query, more = {}) =>
    (await succeed("POST", `${JOBS}/_search`, { query: { bool: { must: [{ term: { "connector.id": id } }, query] } }, seq_no_primary_term: true, version: true, ...more })).hits.hits;
  const shows = async (status) => {
    const [hit] = await find({ term: { status } });
    const { _source, _seq_no, _version } = await succeed("GET", `${JOBS}/_doc/${made}`);
    assert.deepEqual([hit._source, hit._seq_no, hit._version], [_source, _seq_no, _version], status);
  };
  await shows("pending");
  await succeed("PUT", `/_connector/_sync_job/${made}/_claim`, { worker_hostname: "w" });
  await shows("in_progress");
  await succeed("POST", `${JOBS}/_update/${made}`, { doc: { status: "completed", completed_at: "2026-11-25T01:05:07.885456+00:00", last_seen: "2026-11-25T01:05:07.885432+00:00" } });
  await shows("completed");
  const seen = { range: { last_seen: { lte: "2026-11-25T01:05:07.885432+00:00" } } };
  assert.equal((await find(seen)).length, 1);
  assert.equal((await find({ range: { last_seen: { lt: "2026-11-25T01:05:07.885432+00:00" } } })).length, 0);
  assert.deepEqual(await succeed("POST", `${JOBS}/_count`, { query: { term: { "connector.id": id } } }), { count: 1, _shards: { total: 1, successful: 1, failed: 0 } });
  // Job statistics are written later, but soon.
  await succeed("PUT", `/_connector/_sync_job/${made}/_stats`, { deleted_document_count: 1, indexed_document_count: 2, indexed_document_volume: 3 });
  const [hit] = await until(() => find({ match_all: {} }), ([hit]) => hit._source.indexed_document_count === 2, 10);
  assert.ok(hit._source.last_seen > "2026-11-25T01:05:08");
  await succeed("PUT", `/_connector/_sync_job/${made}/_check_in`);
  const { last_seen } = await succeed("GET", `/_connector/_sync_job/${made}`);
  await until(() => find({ match_all: {} }), ([hit]) => hit._source.last_seen === last_seen, 10);
  await succeed("DELETE", `/_connector/_sync_job/${made}`);
  assert.deepEqual(await find({ match_all: {} }), []);
});

test("a limited key finds only its connectors and their jobs", async () => {
  for (const id of ["key-a1", "key-a2", "key-b1"]) {
    await connector(id);
    await job(id);
  }
  const secret = "a secret that is long enough";
  const secret_sha256 = createHash("sha256").update(secret).digest("base64");
  for (const [n, connectors, ids] of [
    [1, ["key-a*"], ["key-a1", "key-a2"]],
    [2, ["key-b1"], ["key-b1"]],
    [3, ["key-*1"], ["key-a1", "key-b1"]],
    [4, ["other", "key-?2"], ["key-a2"]],
  ]) {
    await worker.putKey(`k${n}`, { name: "k", secret_sha256, privileges: ["manage_connector"], connectors, creation: 0 });
    const headers = { authorization: `ApiKey ${Buffer.from(`k${n}:${secret}`).toString("base64")}` };
    const { results, count } = await succeed("GET", "/_connector/_sync_job", undefined, headers);
    assert.deepEqual([count, results.map((found) => found.connector.id).sort()], [ids.length, ids]);
    const { hits } = await succeed("POST", `${CONNECTORS}/_search`, {}, headers);
    assert.deepEqual([hits.total.value, hits.hits.map((hit) => hit._id).sort()], [ids.length, ids]);
    assert.equal((await succeed("POST", `${JOBS}/_count`, { query: { term: { status: "pending" } } }, headers)).count, ids.length);
    assert.equal((await ask("POST", "/_connector/_sync_job", { id: "claimed" }, headers)).status, 403);
  }
});

test("the list of jobs is sorted newest first, and can be filtered and paged", async () => {
  await connector("list-a");
  await connector("list-b");
  const made = [];
  for (let n = 0; n < 6; n += 1) made.push(await job(n % 2 ? "list-a" : "list-b"));
  const list = async (query) => {
    const { count, results } = await succeed("GET", `/_connector/_sync_job?${query}`);
    return [count, results.map(({ id }) => id)];
  };
  const newest = async (ids) => {
    const dated = [];
    for (const id of ids) dated.push([(await succeed("GET", `/_connector/_sync_job/${id}`)).created_at, id]);
    return dated.sort(([a, x], [b, y]) => (a === b ? (x < y ? -1 : 1) : a < b ? 1 : -1)).map(([, id]) => id);
  };
  const ofA = await newest([made[1], made[3], made[5]]);
  assert.deepEqual(await list("connector_id=list-a"), [3, ofA]);
  assert.deepEqual(await list("connector_id=list-a&from=1&size=1"), [3, [ofA[1]]]);
  assert.deepEqual(await list("connector_id=list-a&size=0"), [3, []]);
  assert.deepEqual(await list("connector_id=list-a&from=9"), [3, []]);
  await succeed("PUT", `/_connector/_sync_job/${ofA[1]}/_cancel`);
  assert.deepEqual(await list("connector_id=list-a&status=canceled"), [1, [ofA[1]]]);
  assert.deepEqual(await list("connector_id=list-a&status=pending&job_type=full,incremental"), [2, [ofA[0], ofA[2]]]);
  assert.deepEqual(await list("connector_id=list-a&job_type=access_control"), [0, []]);
});

// --- Lifecycles of jobs.

test("jobs are deleted with their connector only on request", async () => {
  for (const [query, kept] of [["", 2], ["?hard=true", 2], ["?delete_sync_jobs=true", 0], ["?hard=true&delete_sync_jobs=true", 0]]) {
    const id = `gone ${query}`;
    await connector(id, { index_name: null });
    await succeed("PUT", `/_connector/${encodeURIComponent(id)}/_index_name`, { index_name: `gone${query.length}` });
    const ids = [await job(id), await job(id)];
    await succeed("DELETE", `/_connector/${encodeURIComponent(id)}${query}`);
    assert.equal((await jobsOf(id)).count, kept, query);
    for (const one of ids) assert.equal((await ask("GET", `/_connector/_sync_job/${one}`)).status, kept ? 200 : 404);
  }
});

test("hundreds of jobs are deleted with their connector", async () => {
  await connector("many");
  for (let n = 0; n < 12; n += 1) await Promise.all(Array.from({ length: 10 }, () => job("many")));
  assert.equal((await jobsOf("many")).count, 120);
  await succeed("DELETE", "/_connector/many?delete_sync_jobs=true");
  const { count } = await until(() => jobsOf("many"), ({ count }) => count === 0, 10);
  assert.equal(count, 0);
});

test("of 20 workers that have seen the same version exactly one claims the job, in every round", async () => {
  await connector("claimed");
  for (let round = 0; round < 10; round += 1) {
    const id = await job("claimed");
    const { headers } = await ask("GET", `/_connector/_sync_job/${id}`);
    const claim = (_, n) =>
      ask("PUT", `/_connector/_sync_job/${id}/_claim`, { worker_hostname: `w${n}` }, { "if-match": headers.get("etag") });
    const answers = await Promise.all(Array.from({ length: 20 }, claim));
    const statuses = answers.map(({ status }) => status);
    assert.equal(statuses.filter((status) => status === 200).length, 1, `round ${round}: ${statuses}`);
    assert.equal(statuses.filter((status) => status === 412).length, 19);
    const { worker_hostname } = await succeed("GET", `/_connector/_sync_job/${id}`);
    assert.equal(worker_hostname, `w${statuses.indexOf(200)}`);
    await succeed("PUT", `/_connector/_sync_job/${id}/_complete`);
  }
});

test("without If-Match every worker can claim the job, as upstream", async () => {
  await connector("contested");
  const id = await job("contested");
  const claim = (_, n) => ask("PUT", `/_connector/_sync_job/${id}/_claim`, { worker_hostname: `w${n}` });
  const answers = await Promise.all(Array.from({ length: 5 }, claim));
  assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200, 200, 200]);
});

test("a conditional _update and a _status change that race do not overwrite each other", async () => {
  const id = "versions";
  for (let round = 0; round < 50; round += 1) {
    await connector(id);
    await succeed("PUT", `/_connector/${id}/_status`, { status: "needs_configuration" });
    await succeed("PUT", `/_connector/${id}/_status`, { status: "configured" });
    const { _seq_no } = await succeed("GET", `${CONNECTORS}/_doc/${id}`);
    const update = () =>
      ask("POST", `${CONNECTORS}/_update/${id}?if_seq_no=${_seq_no}&if_primary_term=1`, { doc: { status: "connected", error: null } });
    const move = () => ask("PUT", `/_connector/${id}/_status`, { status: "error" });
    const [updated, moved] = await Promise.all(round % 2 ? [update(), move()] : [move(), update()].reverse());
    assert.equal(moved.status, 200);
    assert.ok([200, 409].includes(updated.status), JSON.stringify(updated.body));
    const { history } = await succeed("GET", `/_connector/${id}/_status?size=2`);
    const order = history.map(({ from, to }) => `${from} > ${to}`);
    if (updated.status === 409) {
      assert.equal(updated.body.error.type, "version_conflict_engine_exception");
      assert.equal(order[0], "configured > error");
    } else assert.deepEqual(order, ["connected > error", "configured > connected"]);
  }
});

// --- Documents.

test("an _update is in the history if it changes something, and is marked if the protocol does not allow it", async () => {
  const id = "written";
  await connector(id);
  const update = (doc) => ask("POST", `${CONNECTORS}/_update/${id}`, { doc });
  assert.equal((await update({ status: "needs_configuration" })).body.result, "updated");
  const { headers } = await ask("GET", `/_connector/${id}`);
  for (let n = 0; n < 3; n += 1) assert.equal((await update({ status: "needs_configuration", index_name: "index-written" })).body.result, "noop");
  assert.equal((await ask("GET", `/_connector/${id}`)).headers.get("etag"), headers.get("etag"));
  assert.equal((await update({ status: "connected", error: null })).status, 200);
  // Other endpoints also allow moves outside the table, where upstream does.
  await succeed("PUT", `/_connector/${id}/_service_type`, { service_type: "other" });
  const { status, history } = await succeed("GET", `/_connector/${id}/_status`);
  assert.equal(status, "needs_configuration");
  assert.deepEqual(
    history.map(({ from, to, via, off_protocol }) => [from, to, via, off_protocol]),
    [
      ["connected", "needs_configuration", "_service_type", undefined],
      ["needs_configuration", "connected", "_update", true],
      ["created", "needs_configuration", "_update", undefined],
      [null, "created", "_create", undefined],
    ],
  );
  const { results } = await succeed("GET", `/_connector?index_name=index-written`);
  assert.equal(results[0].service_type, "other");
});

test("an _update of index_name follows the rules of _index_name", async () => {
  await connector("owner", { index_name: "owned" });
  await connector("other", { index_name: null });
  const take = () => ask("POST", `${CONNECTORS}/_update/other`, { doc: { index_name: "owned" } });
  assert.equal((await take()).status, 400);
  await succeed("POST", `${CONNECTORS}/_update/owner`, { doc: { deleted: true } });
  assert.equal((await take()).status, 200);
  assert.equal((await ask("POST", `${CONNECTORS}/_update/owner`, { doc: { deleted: false } })).status, 400);
});

test("the two indices exist, and HEAD has no body", async () => {
  await connector("headed");
  for (const path of [CONNECTORS, `${CONNECTORS}-v1`, JOBS, `${JOBS}-v1`, `${CONNECTORS}/_doc/headed`]) {
    const got = await fetch(worker.url + path);
    const { status, headers } = await fetch(worker.url + path, { method: "HEAD" });
    assert.deepEqual([got.status, status, headers.get("x-elastic-product")], [200, 200, "Elasticsearch"], path);
  }
  assert.equal((await ask("HEAD", `${CONNECTORS}/_doc/none`)).status, 404);
  assert.deepEqual((await succeed("POST", `${JOBS}/_refresh`))._shards.failed, 0);
});

test("random queries, supported or not, are never answered 5xx", async () => {
  const fields = ["_id", "status", "deleted", "connector.id", "created_at", "last_seen", "name", "x.y", "", "*"];
  const values = [true, "true", 0, -1, 2.5, "now-300s", "now/d", "2026-11-25", null, [], {}, ["a", 1], "'; DROP TABLE job; --"];
  let seed = 7;
  const pick = (from) => from[(seed = (seed * 1103515245 + 12345) % 2147483648) % from.length];
  const query = (depth) => {
    const kind = pick(["match_all", "term", "terms", "match", "range", "ids", "bool", "exists", "script"]);
    if (kind === "bool" && depth > 0) {
      return { bool: { [pick(["must", "filter", "should", "must_not", "boost"])]: [query(depth - 1), query(depth - 1)] } };
    }
    if (kind === "range") return { range: { [pick(fields)]: { [pick(["lt", "lte", "gt", "gte", "in"])]: pick(values) } } };
    if (kind === "match_all") return { match_all: {} };
    return { [kind]: kind === "ids" ? { values: pick(values) } : { [pick(fields)]: pick(values) } };
  };
  const statuses = new Map();
  for (let n = 0; n < 300; n += 1) {
    const path = pick([`${CONNECTORS}/_search`, `${JOBS}/_search`, `${JOBS}/_count`, `${CONNECTORS}/_count`]);
    const sort = path.endsWith("_search") ? { sort: pick(["_doc", "created_at", { last_seen: "desc" }, [{ status: "asc" }, "name"]]) } : {};
    const { status, body } = await ask("POST", path, { query: query(3), ...(n % 2 ? sort : {}) });
    assert.ok(status === 200 || status === 400, `${status} ${JSON.stringify(body)}`);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  assert.ok(statuses.get(200) > 30 && statuses.get(400) > 30, [...statuses].join());
});

test("a sync job cannot name another connector's index, by whichever endpoint it is created", async () => {
  await connector("Mine", { index_name: "mine" });
  await connector("Theirs", { index_name: "theirs" });
  const document = (status, spelled) => ({ status, connector: { id: "Mine" }, ...spelled });
  const nested = (index_name) => ({ connector: { id: "Mine", index_name } });
  const dotted = (index_name) => ({ "connector.index_name": index_name });
  const create = (body) => ask("POST", `${JOBS}/_doc`, body);
  for (const spelled of [nested, dotted]) {
    for (const index of ["theirs", ".search-acl-filter-theirs", "nobodys"]) {
      const { status, body } = await create(document("pending", spelled(index)));
      assert.deepEqual([status, body.error?.type], [400, "illegal_argument_exception"], index);
    }
  }
  const made = await create(document("pending", nested("mine")));
  assert.equal(made.status, 201);
  for (const doc of [nested("theirs"), dotted("theirs"), dotted(".search-acl-filter-theirs"), { "connector.id": "Theirs" }]) {
    const { status } = await ask("POST", `${JOBS}/_update/${made.body._id}`, { doc });
    assert.equal(status, 400, JSON.stringify(doc));
  }
  // A backup may hold jobs from when the connector had another index, which must be free now.
  const saved = (n, status, index) => ({ id: `job${n}.Mine`, version: 1, document: document(status, nested(index)) });
  const restore = (...jobs) => ask("PUT", "/_connector/Mine/_backup?overwrite=true", { format: 1, id: "Mine", version: 1, document: { status: "connected", index_name: "mine" }, jobs });
  for (const index of ["theirs", ".search-acl-filter-theirs"]) {
    const { status, body } = await restore(saved(1, "pending", index));
    assert.equal(status, 400, index);
    assert.match(body.error.reason, /Index name \[theirs\] is used by another connector/);
  }
  assert.equal((await restore(saved(1, "pending", "former"), saved(2, "completed", "theirs"))).status, 200);
  assert.equal((await ask("PUT", "/_connector/_sync_job/job2.Mine/_claim", { worker_hostname: "w" })).status, 400);
  assert.equal((await ask("POST", `${JOBS}/_update/job2.Mine`, { doc: { status: "pending" } })).status, 400);
  assert.equal((await ask("PUT", "/_connector/_sync_job/job1.Mine/_claim", { worker_hostname: "w" })).status, 200);
  // The former index was claimed only during the restoration.
  await connector("Next", { index_name: "former" });
});
