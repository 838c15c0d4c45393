// The client, against the real Worker.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";

import { send, startWorker } from "../edge/worker.mjs";
import { ways } from "../protocol.mjs";
import { dist, example, pairs, protocol, refusal, runExample, statuses } from "./package.mjs";

const { connectorStatus, transitionOptions, ConnectorApiError, InvalidTransitionError } =
  await import(join(dist, "client.js"));

/** A client that notes what it sends; `meanwhile` happens before each PUT. */
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

  /** A connector with that status; gives its id. */
  async function connector(status) {
    count += 1;
    const id = `client-${count}`;
    assert.equal((await send(worker.url, "PUT", `/_connector/${id}`)).status, 201);
    for (const step of ways[status]) assert.equal((await put(id, step)).status, 200);
    return id;
  }

  test("every pair: what is legal is done, what is not is never sent", async () => {
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
        // The edge would have said the same.
        assert.equal((await put(id, to)).body.error.reason, refusal(from, to));
      }
    }
  });

  test("what is no status, and what is no id, is refused before anything is sent", async () => {
    const { client, methods } = recording(worker.url);
    for (const to of ["CONNECTED", "", null, undefined, 3, "__proto__"]) {
      await assert.rejects(client.update("a", to), TypeError);
    }
    for (const id of ["", ".", "..", null, 3]) {
      await assert.rejects(client.update(id, "error"), TypeError);
      await assert.rejects(client.get(id), TypeError);
      await assert.rejects(client.create(id), TypeError);
      await assert.rejects(client.options(id), TypeError);
    }
    assert.deepEqual(methods, []);
  });

  test("a change behind its back is noticed: the move is still legal, and made", async () => {
    const id = await connector("configured");
    const changes = ["error"];
    const meanwhile = async () => {
      for (const status of changes.splice(0)) assert.equal((await put(id, status)).status, 200);
    };
    const { client, methods } = recording(worker.url, meanwhile);
    assert.equal(await client.update(id, "connected"), "updated");
    assert.deepEqual(methods, ["GET", "PUT", "GET", "PUT"]);
    const { history } = await client.get(id);
    const steps = history.map(({ from, to }) => [from, to]);
    assert.deepEqual(steps.slice(0, 2), [
      ["error", "connected"],
      ["configured", "error"],
    ]);
  });

  test("a change behind its back is not overwritten: the move is no longer legal", async () => {
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

  test("it gives up when it is outrun twice", async () => {
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

  test("get and options tell what the edge tells", async () => {
    const client = connectorStatus({ url: `${worker.url}/` });
    for (const status of statuses) {
      const id = await connector(status);
      const { body } = await send(worker.url, "GET", `/_connector/${id}/_status`);
      assert.deepEqual(await client.get(id), body);

      const options = await client.options(id);
      assert.deepEqual(options, transitionOptions(status));
      assert.deepEqual(options.map((option) => option.status), statuses);
      for (const { status: to, allowed, reason } of options) {
        assert.equal(allowed, protocol[status].includes(to));
        assert.equal(reason, allowed ? undefined : refusal(status, to));
      }
      // Who moves it there, and when, in the words of the edge.
      const movable = options.filter(({ allowed }) => allowed);
      const movers = movable.map(({ status, who, when }) => ({ status, who, when }));
      assert.deepEqual(movers, body.next);
    }
  });

  test("the example of the README, line by line", async () => {
    const code = example("`connector-status/client`", "js");
    const lines = code.matchAll(/^await (client\.\w+)\(.*\); \/\/ (.*)$/gm);
    const said = Object.fromEntries(Array.from(lines, ([, call, comment]) => [call, comment]));
    const noted = {};
    const kept = code
      .replace("https://connectors.example.com", worker.url)
      .replaceAll(/^await (client\.\w+)/gm, 'noted["$1"] = await $1');
    await runExample(kept, { apiKey: undefined, noted }, "client");

    const keys = (value) => `{ ${Object.keys(value).join(", ")} }`;
    assert.equal(said["client.create"], JSON.stringify(noted["client.create"]));
    assert.equal(said["client.get"], keys(noted["client.get"]));
    assert.match(said["client.update"], new RegExp(`"${noted["client.update"]}"`));
    assert.equal(said["client.options"], `for each status: ${keys(noted["client.options"][0])}`);
    assert.equal(await statusOf("my-connector"), "needs_configuration");
  });

  test("create leaves a connector that is there as it is, unless a reset is asked for", async () => {
    const client = connectorStatus({ url: worker.url });
    assert.equal(await client.create("client-new", { name: "New" }), "created");
    await client.update("client-new", "error");
    await assert.rejects(client.create("client-new"), { name: "ConnectorApiError", status: 412 });
    assert.equal((await client.get("client-new")).status, "error");
    assert.equal(await client.create("client-new", { name: "Newer" }, { ifNoneMatch: null }), "updated");
    const { body } = await send(worker.url, "GET", "/_connector/client-new");
    assert.deepEqual([body.name, body.status], ["Newer", "created"]);
  });

  test("what the edge refuses is a ConnectorApiError", async () => {
    const client = connectorStatus({ url: worker.url });
    for (const call of ["get", "update", "options"]) {
      await assert.rejects(client[call]("nobody", "error"), (error) => {
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

  test("ids are sent whole, whatever is in them", async () => {
    const client = connectorStatus({ url: worker.url });
    for (const id of ["a/b", "a b", "ü%25", "?x=1#y", "a..b", "...", "😀"]) {
      const path = `/_connector/${encodeURIComponent(id)}`;
      assert.equal((await send(worker.url, "PUT", path)).status, 201, id);
      assert.equal(await client.update(id, "error"), "updated");
      assert.equal((await client.get(id)).id, id);
    }
  });

  test("an aborted call is rejected with the reason it was aborted for", async () => {
    const id = await connector("configured");
    const client = connectorStatus({ url: worker.url });
    const reason = new Error("enough");
    const is = (error) => error === reason;
    const aborted = { signal: AbortSignal.abort(reason) };
    await assert.rejects(client.get(id, aborted), is);
    await assert.rejects(client.options(id, aborted), is);
    await assert.rejects(client.update(id, "connected", aborted), is);

    const controller = new AbortController();
    const { client: slow } = recording(worker.url, async () => controller.abort(reason));
    await assert.rejects(slow.update(id, "connected", { signal: controller.signal }), is);
    assert.equal(await statusOf(id), "configured");
  });
});

suite("the client and whatever else answers", () => {
  let server;
  let url;
  let answer;
  const requests = [];
  before(async () => {
    server = createServer((request, response) => {
      let body = "";
      request.on("data", (data) => (body += data));
      request.on("end", () => requests.push({ method: request.method, url: request.url, headers: request.headers, body }));
      request.on("end", () => response.writeHead(answer.status).end(answer.body));
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
    test(`${status} ${body}`, async () => {
      answer = { status, body };
      const expected = { name: "ConnectorApiError", status, type, reason };
      await assert.rejects(connectorStatus({ url }).get("a"), expected);
    });
  }

  test("an answer without a status known here is no reason to write", async () => {
    answer = { status: 200, body: '{"status":"paused"}' };
    requests.length = 0;
    await assert.rejects(connectorStatus({ url }).update("a", "error"), {
      name: "TypeError",
      message: /\[paused\] is not a connector status/,
    });
    assert.equal(requests.length, 1);
  });

  const creations = [
    [[], "*", "{}"],
    [[null], "*", "{}"],
    [[{ name: "Ä" }], "*", '{"name":"Ä"}'],
    [[{}, { ifNoneMatch: "*" }], "*", "{}"],
    [[{}, { ifNoneMatch: null }], undefined, "{}"],
  ];
  for (const [given, condition, body] of creations) {
    test(`create ${JSON.stringify(given)} sends If-None-Match: ${condition}`, async () => {
      answer = { status: 201, body: '{"id":"a/b","result":"created"}' };
      requests.length = 0;
      assert.equal(await connectorStatus({ url }).create("a/b", ...given), "created");
      const [{ method, url: path, headers, body: sent }, ...more] = requests;
      const said = [method, path, headers["if-none-match"], headers["content-type"], sent];
      assert.deepEqual(said, ["PUT", "/_connector/a%2Fb", condition, "application/json", body]);
      assert.equal(more.length, 0);
    });
  }

  test("a connector that is there already is a 412, and is not asked about again", async () => {
    const error = { type: "version_conflict_engine_exception", reason: "there is one" };
    answer = { status: 412, body: JSON.stringify({ error }) };
    requests.length = 0;
    await assert.rejects(connectorStatus({ url }).create("a"), { ...error, name: "ConnectorApiError", status: 412 });
    assert.equal(requests.length, 1);
  });

  test("nobody there", async () => {
    await assert.rejects(connectorStatus({ url: "http://127.0.0.1:9" }).get("a"), TypeError);
  });

  test("the key is sent, and none if there is none; a path before ours is kept", async () => {
    answer = { status: 200, body: '{"status":"created"}' };
    requests.length = 0;
    await connectorStatus({ url: new URL(`${url}/es/`), apiKey: "secret" }).get("a");
    await connectorStatus({ url }).get("a");
    assert.deepEqual(requests.map(({ url, headers }) => [url, headers.authorization]), [
      ["/es/_connector/a/_status", "ApiKey secret"],
      ["/_connector/a/_status", undefined],
    ]);
  });
});
