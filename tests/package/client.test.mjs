// The client against the real Worker.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";

import { send, startWorker } from "../edge/worker.mjs";
import { ways } from "../protocol.mjs";
import { until } from "../until.mjs";
import { dist, example, pairs, protocol, refusal, runExample, statuses } from "./package.mjs";

const { connectorStatus, transitionOptions, ConnectorApiError, InvalidTransitionError } =
  await import(join(dist, "client.js"));

/** A client that records its requests; `meanwhile` runs before each PUT. */
function recording(url, meanwhile = async () => {}) {
  const methods = [];
  const client = connectorStatus({
    url,
    fetch: async (address, init = {}) => {
      const method = init.method ?? "GET";
      methods.push(method);
      if (method === "PUT") await meanwhile();
      return fetch(address, init);
    },
  });
  return { client, methods };
}

suite("the client and the edge", () => {
  let worker;
  let count = 0;
  before(async () => {
    worker = await startWorker();
  });
  after(() => worker.close());

  const put = (id, status) => send(worker.url, "PUT", `/_connector/${id}/_status`, { status });
  const statusOf = async (id) => (await send(worker.url, "GET", `/_connector/${id}`)).body.status;

  /** Creates a connector with that status; returns its id. */
  async function connector(status) {
    count += 1;
    const id = `client-${count}`;
    assert.equal((await send(worker.url, "PUT", `/_connector/${id}`)).status, 201);
    for (const step of ways[status]) assert.equal((await put(id, step)).status, 200);
    return id;
  }

  test("of all pairs, legal moves are made and illegal ones are never sent", async () => {
    for (const [from, to] of pairs) {
      const id = await connector(from);
      const { client, methods } = recording(worker.url);
      if (protocol[from].includes(to)) {
        assert.equal(await client.update(id, to), from === to ? "noop" : "updated");
        assert.deepEqual(methods, ["GET", "PUT"]);
        assert.equal(await statusOf(id), to);
      } else {
        await assert.rejects(client.update(id, to), (error) => {
          assert.ok(error instanceof InvalidTransitionError);
          assert.equal(error.message, refusal(from, to));
          assert.deepEqual(error.allowed, protocol[from]);
          return true;
        });
        assert.deepEqual(methods, ["GET"]);
        assert.equal(await statusOf(id), from);
        // The edge gives the same reason.
        assert.equal((await put(id, to)).body.error.reason, refusal(from, to));
      }
    }
  });

  test("an invalid status or id is refused before anything is sent", async () => {
    const { client, methods } = recording(worker.url);
    for (const to of ["CONNECTED", "", null, undefined, 3, "__proto__"]) {
      await assert.rejects(client.update("a", to), TypeError);
    }
    for (const id of ["", ".", "..", null, 3]) {
      await assert.rejects(client.update(id, "error"), TypeError);
      for (const call of [client.get, client.status, client.options, client.delete, client.restore]) await assert.rejects(call(id), TypeError);
      for (const call of ["get", "delete", "claim", "checkIn", "stats", "cancel"]) await assert.rejects(client.syncJobs[call](id), TypeError);
      await assert.rejects(client.create({ id }), TypeError);
      assert.throws(() => client.history(id), TypeError);
    }
    assert.deepEqual(methods, []);
  });

  test("after a concurrent change a move that is still legal is made", async () => {
    const id = await connector("configured");
    const changes = ["error"];
    const meanwhile = async () => {
      for (const status of changes.splice(0)) assert.equal((await put(id, status)).status, 200);
    };
    const { client, methods } = recording(worker.url, meanwhile);
    assert.equal(await client.update(id, "connected"), "updated");
    assert.deepEqual(methods, ["GET", "PUT", "GET", "PUT"]);
    const { history } = await client.status(id);
    const steps = history.map(({ from, to }) => [from, to]);
    assert.deepEqual(steps.slice(0, 2), [
      ["error", "connected"],
      ["configured", "error"],
    ]);
  });

  test("after a concurrent change a move that is no longer legal overwrites nothing", async () => {
    const id = await connector("configured");
    const { client, methods } = recording(worker.url, () => put(id, "error"));
    await assert.rejects(client.update(id, "needs_configuration"), {
      name: "InvalidTransitionError",
      from: "error",
      message: refusal("error", "needs_configuration"),
    });
    assert.deepEqual(methods, ["GET", "PUT", "GET"]);
    assert.equal(await statusOf(id), "error");
  });

  test("update gives up when it loses the race twice", async () => {
    const id = await connector("connected");
    const changes = ["configured", "error"];
    const { client, methods } = recording(worker.url, () => put(id, changes.shift()));
    await assert.rejects(client.update(id, "connected"), (error) => {
      assert.ok(error instanceof ConnectorApiError);
      assert.equal(error.status, 412);
      assert.equal(typeof error.type, "string");
      return true;
    });
    assert.deepEqual(methods, ["GET", "PUT", "GET", "PUT"]);
    assert.equal(await statusOf(id), "error");
  });

  test("status and options agree with the edge", async () => {
    const client = connectorStatus({ url: `${worker.url}/` });
    for (const status of statuses) {
      const id = await connector(status);
      const { body } = await send(worker.url, "GET", `/_connector/${id}/_status`);
      assert.deepEqual(await client.status(id), body);

      const options = await client.options(id);
      assert.deepEqual(options, transitionOptions(status));
      assert.deepEqual(options.map((option) => option.status), statuses);
      for (const { status: to, allowed, reason } of options) {
        assert.equal(allowed, protocol[status].includes(to));
        assert.equal(reason, allowed ? undefined : refusal(status, to));
      }
      // The texts about who makes each move, and when, are the edge's.
      const movable = options.filter(({ allowed }) => allowed);
      const movers = movable.map(({ status, who, when }) => ({ status, who, when }));
      assert.deepEqual(movers, body.next);
    }
  });

  test("the README's example works line by line", async () => {
    const code = example("The client", "js");
    const lines = code.matchAll(/^await (client\.\w+)\(.*?\); \/\/ (.*)$/gm);
    const said = Object.fromEntries(Array.from(lines, ([, call, comment]) => [call, comment]));
    const results = {};
    const kept = code
      .replace("https://connectors.example.com", worker.url)
      .replaceAll(/^await (client\.\w+)/gm, 'results["$1"] = await $1');
    await runExample(kept, { apiKey: undefined, results }, "client");

    const keys = (value) => `{ ${Object.keys(value).join(", ")} }`;
    assert.deepEqual(new Function(`return (${said["client.create"]})`)(), results["client.create"]);
    assert.equal(said["client.status"], keys(results["client.status"]));
    assert.equal(results["client.get"].service_type, "mysql");
    assert.match(said["client.update"], new RegExp(`"${results["client.update"]}"`));
    assert.equal(said["client.options"], `for each status: ${keys(results["client.options"][0])}`);
    assert.equal(await statusOf("my-connector"), "needs_configuration");
  });

  test("create leaves an existing connector unchanged unless a reset is requested", async () => {
    const client = connectorStatus({ url: worker.url });
    const id = "client-new";
    assert.deepEqual(await client.create({ id, name: "New" }), { id, result: "created" });
    await client.update(id, "error");
    await assert.rejects(client.create({ id }), { name: "ConnectorApiError", status: 412 });
    assert.equal((await client.get(id)).status, "error");
    assert.deepEqual(await client.create({ id, name: "Newer" }, { ifNoneMatch: null }), { id, result: "updated" });
    const { body } = await send(worker.url, "GET", `/_connector/${id}`);
    assert.deepEqual(await client.get(id), body);
    assert.deepEqual([body.name, body.status], ["Newer", "created"]);
  });

  test("create without an id gets one, and accepts every field", async () => {
    const client = connectorStatus({ url: worker.url });
    const fields = { name: "N", index_name: "search-all-fields", service_type: "mysql", description: "D", language: "en", is_native: false };
    const { id, result } = await client.create(fields);
    assert.equal(result, "created");
    const made = await client.get(id);
    for (const [name, value] of Object.entries(fields)) assert.equal(made[name], value, name);
    assert.notEqual((await client.create()).id, id);
  });

  test("list iterates over all pages and applies filters", async () => {
    const client = connectorStatus({ url: worker.url });
    const ids = ["a", "b", "c", "d", "e"].map((name) => `listed-${name}`);
    for (const id of ids) await client.create({ id, name: id, service_type: "listed" });
    await client.update("listed-b", "error");
    const collect = async (list) => (await Array.fromAsync(list)).map(({ id }) => id).sort();
    assert.deepEqual(await collect(client.list({ service_type: "listed" })), ids);
    assert.deepEqual(await collect(client.list({ service_type: "listed", size: 2 })), ids);
    // Lists have status changes within a second.
    const failed = () => collect(client.list({ service_type: ["listed", "none"], status: ["error", "connected"] }));
    assert.deepEqual(await until(failed, (found) => found.length > 0), ["listed-b"]);
    const pages = await Array.fromAsync(client.list({ service_type: "listed", size: 2, from: 1 }).pages());
    assert.deepEqual(pages.map(({ count, results }) => [count, results.length]), [[5, 2], [5, 2]]);
    const { methods, client: lazy } = recording(worker.url);
    for await (const _ of lazy.list({ service_type: "listed", size: 2 })) break;
    assert.deepEqual(methods, ["GET"], "only the pages that are iterated over are requested");

    await client.delete("listed-a");
    assert.deepEqual(await collect(client.list({ service_type: "listed", include_deleted: true })), ids);
    const summary = await client.summary({ service_type: "listed", sort: "name:desc", size: 2 });
    assert.deepEqual([summary.count, summary.by_status.error, ...summary.results.map(({ id }) => id)], [4, 1, "listed-e", "listed-d"]);
    await assert.rejects(Array.fromAsync(client.list({ from: 10_000 })), { name: "ConnectorApiError", status: 400 });
  });

  test("history iterates over all pages", async () => {
    const client = connectorStatus({ url: worker.url });
    const { id } = await client.create();
    for (const status of ["error", "configured", "error", "connected"]) await client.update(id, status);
    const statuses = (await Array.fromAsync(client.history(id, { size: 2 }))).map(({ to }) => to);
    assert.deepEqual(statuses, ["connected", "error", "configured", "error", "created"]);
    const pages = await Array.fromAsync(client.history(id, { size: 2 }).pages());
    assert.deepEqual(pages.map(({ results }) => results.length), [2, 2, 1]);
  });

  test("setError moves to error and back, delete hides, restore brings back, and a hard delete is final", async () => {
    const client = connectorStatus({ url: worker.url });
    const { id } = await client.create({ index_name: "search-restored" });
    assert.equal(await client.setError(id, "it broke"), "updated");
    assert.deepEqual([(await client.get(id)).status, (await client.get(id)).error], ["error", "it broke"]);
    assert.equal(await client.setError(id, null), "updated");
    assert.equal((await client.get(id)).status, "connected");

    assert.equal(await client.delete(id), undefined);
    await assert.rejects(client.get(id), { status: 404 });
    assert.equal((await client.get(id, { include_deleted: true })).deleted, true);
    assert.equal(await client.restore(id), "updated");
    assert.equal(await client.restore(id), "noop");
    assert.deepEqual([(await client.get(id)).deleted, (await client.get(id)).status], [false, "connected"]);

    await client.delete(id);
    const { id: other } = await client.create({ index_name: "search-restored" });
    await assert.rejects(client.restore(id), { name: "ConnectorApiError", status: 400, reason: /search-restored/ });
    await client.delete(other, { hard: true });
    assert.equal(await client.restore(id), "updated");
    assert.equal((await client.get(id)).index_name, "search-restored");
    await client.delete(id, { hard: true, delete_sync_jobs: true });
    await assert.rejects(client.restore(id), { name: "ConnectorApiError", status: 404 });
  });

  test("a restored connector is listed at once and its watchers are notified", async () => {
    const client = connectorStatus({ url: worker.url });
    const { id } = await client.create({ name: "comes back", service_type: "restored" });
    await client.delete(id);
    assert.equal((await client.summary({ service_type: "restored" })).count, 0);
    const controller = new AbortController();
    const seen = (async () => {
      for await (const event of client.watch({ id, signal: controller.signal })) {
        if (event.type === "reset") await client.restore(id);
        if (event.type === "change" && event.connector) return event.connector.name;
      }
    })();
    assert.equal(await seen, "comes back");
    assert.equal((await client.summary({ service_type: "restored" })).count, 1);
  });

  test("sync jobs can be followed from their creation to their end", async () => {
    const { syncJobs, create } = connectorStatus({ url: worker.url });
    const { id: connector } = await create({ index_name: "search-synced", service_type: "mysql" });
    const { id } = await syncJobs.create({ id: connector, job_type: "full" });
    assert.equal((await syncJobs.get(id)).status, "pending");
    assert.equal(await syncJobs.claim(id, { worker_hostname: "here" }), "updated");
    assert.equal(await syncJobs.checkIn(id), "updated");
    const numbers = { deleted_document_count: 1, indexed_document_count: 2, indexed_document_volume: 3 };
    assert.equal(await syncJobs.stats(id, numbers), "updated");
    assert.equal(await syncJobs.suspend(id), "updated");
    assert.equal(await syncJobs.claim(id, { worker_hostname: "there" }), "updated");
    assert.equal(await syncJobs.complete(id), "updated");
    assert.equal((await syncJobs.get(id)).status, "completed");

    const { id: second } = await syncJobs.create({ id: connector });
    await syncJobs.claim(second, { worker_hostname: "here" });
    assert.equal(await syncJobs.setError(second, "it broke"), "updated");
    const { id: third } = await syncJobs.create({ id: connector, job_type: "access_control", trigger_method: "scheduled" });
    assert.equal(await syncJobs.cancel(third), "updated");
    const list = await Array.fromAsync(syncJobs.list({ connector_id: connector, size: 2 }));
    assert.deepEqual(list.map(({ id }) => id), [third, second, id]);
    assert.deepEqual(await Array.fromAsync(syncJobs.list({ connector_id: connector, status: "error" }), ({ id }) => id), [second]);
    await syncJobs.delete(second);
    await assert.rejects(syncJobs.get(second), { status: 404 });
  });

  test("request sends any other request", async () => {
    const client = connectorStatus({ url: worker.url });
    const { id } = await client.create();
    const { body } = await client.request("PUT", `/_connector/${id}/_name`, { body: { name: "Named" } });
    assert.deepEqual(body, { result: "updated" });
    const { body: found, etag } = await client.request("GET", `/_connector/${id}`, { query: { filter_path: "name", pretty: undefined } });
    assert.deepEqual(found, { name: "Named" });
    await assert.rejects(client.request("GET", `/_connector/${id}`, { ifNoneMatch: etag }), { status: 304 });
    await assert.rejects(client.request("PUT", `/_connector/${id}/_name`, { body: { name: "B" }, ifMatch: '"1"' }), { status: 412 });
  });

  test("an error from the edge is a ConnectorApiError", async () => {
    const client = connectorStatus({ url: worker.url });
    for (const call of ["get", "status", "update", "options", "restore"]) {
      await assert.rejects(client[call]("nobody", ...(call === "update" ? ["error"] : [])), (error) => {
        assert.ok(error instanceof ConnectorApiError);
        assert.equal(error.message, error.reason);
        assert.deepEqual(
          { ...error },
          {
            name: "ConnectorApiError",
            status: 404,
            type: "resource_not_found_exception",
            reason: "connector [nobody] not found",
          },
        );
        return true;
      });
    }
  });

  test("ids with any characters are escaped", async () => {
    const client = connectorStatus({ url: worker.url });
    for (const id of ["a/b", "a b", "ü%25", "?x=1#y", "a..b", "...", "😀"]) {
      const path = `/_connector/${encodeURIComponent(id)}`;
      assert.equal((await send(worker.url, "PUT", path)).status, 201, id);
      assert.equal(await client.update(id, "error"), "updated");
      assert.equal((await client.get(id)).id, id);
    }
  });

  test("an aborted call rejects with the abort reason", async () => {
    const id = await connector("configured");
    const client = connectorStatus({ url: worker.url });
    const reason = new Error("enough");
    const is = (error) => error === reason;
    const aborted = { signal: AbortSignal.abort(reason) };
    const { syncJobs, ...whole } = client;
    // The arguments of each call before its options.
    const calls = {
      ...{ request: ["GET", "/"], summary: [], get: [id], status: [id], create: [{}], update: [id, "error"], options: [id] },
      ...{ setError: [id, "x"], delete: [id], restore: [id] },
    };
    const lists = { list: [], history: [id] };
    assert.deepEqual(Object.keys({ ...calls, ...lists, watch: [] }).sort(), Object.keys(whole).sort(), "the test has every call of the client");
    const jobCalls = {
      ...{ get: [id], create: [{ id }], delete: [id], claim: [id, {}], checkIn: [id], stats: [id, {}], suspend: [id] },
      ...{ complete: [id], cancel: [id], setError: [id, "x"] },
    };
    assert.deepEqual(Object.keys({ ...jobCalls, list: [] }).sort(), Object.keys(syncJobs).sort());
    for (const [of, named] of [[client, calls], [syncJobs, jobCalls]]) {
      for (const [name, args] of Object.entries(named)) await assert.rejects(of[name](...args, aborted), is, name);
    }
    for (const [name, args] of Object.entries(lists)) await assert.rejects(client[name](...args, aborted).pages().next(), is, name);
    await assert.rejects(syncJobs.list(aborted).pages().next(), is);
    await assert.rejects(client.watch(aborted).next(), is);

    const controller = new AbortController();
    const { client: slow } = recording(worker.url, async () => controller.abort(reason));
    await assert.rejects(slow.update(id, "connected", { signal: controller.signal }), is);
    assert.equal(await statusOf(id), "configured");
  });
});

suite("the client and other servers", () => {
  let server;
  let url;
  let answer;
  const requests = [];
  before(async () => {
    server = createServer((request, response) => {
      let body = "";
      request.on("data", (data) => (body += data));
      request.on("end", () => requests.push({ method: request.method, url: request.url, headers: request.headers, body }));
      request.on("end", () => {
        // `times`: how often this response is given before the one in `then`.
        const { status, headers, body } = answer.times-- === 0 ? (answer = answer.then) : answer;
        response.writeHead(status, headers).end(body);
      });
    });
    await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
    url = `http://127.0.0.1:${server.address().port}`;
  });
  after(() => server.close());

  const table = [
    [502, "<h1>Bad Gateway</h1>", undefined, "Bad Gateway"],
    [503, "", undefined, "Service Unavailable"],
    [200, "<h1>Log in</h1>", undefined, "OK"],
    [200, "", undefined, "OK"],
    [405, '{"error":"Incorrect HTTP method"}', undefined, "Incorrect HTTP method"],
    [403, '{"error":{"type":"security_exception","reason":"no"}}', "security_exception", "no"],
    [599, "null", undefined, "unknown"],
  ];
  for (const [status, body, type, reason] of table) {
    test(`a response ${status} ${body || "without a body"} is a ConnectorApiError`, async () => {
      answer = { status, body };
      const expected = { name: "ConnectorApiError", status, type, reason };
      await assert.rejects(connectorStatus({ url }).get("a"), expected);
    });
  }

  test("a response with an unknown status never leads to a write", async () => {
    answer = { status: 200, body: '{"status":"paused"}' };
    requests.length = 0;
    await assert.rejects(connectorStatus({ url }).update("a", "error"), {
      name: "TypeError",
      message: /\[paused\] is not a connector status/,
    });
    assert.equal(requests.length, 1);
  });

  const creations = [
    [[{ id: "a/b" }], "*", "{}"],
    [[{ id: "a/b", name: "Ä" }], "*", '{"name":"Ä"}'],
    [[{ id: "a/b" }, { ifNoneMatch: "*" }], "*", "{}"],
    [[{ id: "a/b" }, { ifNoneMatch: null }], undefined, "{}"],
  ];
  for (const [given, condition, body] of creations) {
    test(`create ${JSON.stringify(given)} sends If-None-Match: ${condition}`, async () => {
      answer = { status: 201, body: '{"id":"a/b","result":"created"}' };
      requests.length = 0;
      assert.deepEqual(await connectorStatus({ url }).create(...given), { id: "a/b", result: "created" });
      const [{ method, url: path, headers, body: sent }, ...more] = requests;
      const said = [method, path, headers["if-none-match"], headers["content-type"], sent];
      assert.deepEqual(said, ["PUT", "/_connector/a%2Fb", condition, "application/json", body]);
      assert.equal(more.length, 0);
    });
  }

  test("creating an existing connector is a 412 and sends no second request", async () => {
    const error = { type: "version_conflict_engine_exception", reason: "there is one" };
    answer = { status: 412, body: JSON.stringify({ error }) };
    requests.length = 0;
    await assert.rejects(connectorStatus({ url }).create({ id: "a" }), { ...error, name: "ConnectorApiError", status: 412 });
    assert.equal(requests.length, 1);
  });

  test("an unreachable server rejects with the network's error", async () => {
    await assert.rejects(connectorStatus({ url: "http://127.0.0.1:9" }).get("a"), (error) => {
      assert.ok(error instanceof ConnectorApiError && error.cause instanceof TypeError);
      assert.deepEqual({ ...error }, { name: "ConnectorApiError", status: 0, type: undefined, reason: "The server can't be reached." });
      return true;
    });
  });

  const busy = (times, headers = { "retry-after": "0.05" }) => {
    answer = { status: 503, body: "{}", headers, times, then: { status: 200, body: '{"result":"noop"}' } };
    requests.length = 0;
  };

  test("a GET is retried when the server says when, at most twice", async () => {
    busy(2);
    assert.deepEqual(await connectorStatus({ url }).get("a"), { result: "noop" });
    assert.equal(requests.length, 3);
    busy(3);
    await assert.rejects(connectorStatus({ url }).get("a"), { status: 503 });
    assert.equal(requests.length, 3);
  });

  test("writes are not retried, and neither is a request with too long a Retry-After", async () => {
    busy(1);
    await assert.rejects(connectorStatus({ url }).setError("a", "x"), { status: 503 });
    assert.equal(requests.length, 1);
    for (const headers of [{}, { "retry-after": "3600" }, { "retry-after": "soon" }]) {
      busy(1, headers);
      await assert.rejects(connectorStatus({ url }).get("a"), { status: 503 });
      assert.equal(requests.length, 1);
    }
  });

  test("waiting for a retry can be aborted", async () => {
    busy(1, { "retry-after": "20" });
    const reason = new Error("enough");
    const controller = new AbortController();
    const call = connectorStatus({ url }).get("a", { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 50);
    await assert.rejects(call, (error) => error === reason);
  });

  test("the key is sent if there is one, and a path in the URL is kept", async () => {
    answer = { status: 200, body: '{"status":"created"}' };
    requests.length = 0;
    await connectorStatus({ url: new URL(`${url}/es/`), apiKey: "secret" }).status("a");
    await connectorStatus({ url }).status("a");
    assert.deepEqual(requests.map(({ url, headers }) => [url, headers.authorization]), [
      ["/es/_connector/a/_status", "ApiKey secret"],
      ["/_connector/a/_status", undefined],
    ]);
  });
});
