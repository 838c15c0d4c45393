// Concurrent requests: changes that exclude each other never both succeed.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { faulty, serveWithKv } from "../soak/workerd.mjs";
import { send } from "./worker.mjs";

// Without wrangler, whose latency would keep the requests apart.
let server;
before(async () => {
  server = await serveWithKv();
  // The first list reads Workers KV; an index claim would not wait for that.
  assert.equal((await send(server.url(), "GET", "/_connector")).status, 200);
});
after(() => server.close());

test("of two moves that exclude each other exactly one succeeds, 200 times", async () => {
  const path = "/_connector/race/_status";
  const put = (status) => send(server.url(), "PUT", path, { status });
  for (let round = 0; round < 200; round += 1) {
    await send(server.url(), "PUT", "/_connector/race");
    await put("needs_configuration");
    await put("configured");
    const statuses = round % 2 ? ["needs_configuration", "connected"] : ["connected", "needs_configuration"];
    const answers = await Promise.all(statuses.map(put));
    const won = statuses.filter((_, n) => answers[n].status === 200);
    assert.equal(won.length, 1, `round ${round}: ${JSON.stringify(answers.map((a) => a.body))}`);
    const { body } = await send(server.url(), "GET", path);
    assert.equal(body.status, won[0]);
    assert.equal(answers.find((answer) => answer.status !== 200).status, 400);
  }
});

test("of many connectors created for one index exactly one succeeds", async () => {
  for (let round = 0; round < 5; round += 1) {
    const ids = Array.from({ length: 20 }, (_, n) => `claim-${round}-${n}`);
    const create = (id) => send(server.url(), "PUT", `/_connector/${id}`, { index_name: `one-${round}` });
    const answers = await Promise.all(ids.map(create));
    const made = ids.filter((_, n) => answers[n].status === 201);
    assert.equal(made.length, 1, JSON.stringify(answers.map((answer) => answer.status)));
    // The holder can release the index, and another connector gets it.
    await send(server.url(), "DELETE", `/_connector/${made[0]}`);
    const again = await Promise.all(ids.filter((id) => id !== made[0]).map(create));
    assert.equal(again.filter((answer) => answer.status === 201).length, 1);
  }
});

test("after many concurrent writes to one connector its history is one legal sequence", async () => {
  await send(server.url(), "PUT", "/_connector/busy");
  const statuses = ["needs_configuration", "configured", "connected", "error"];
  const moves = Array.from({ length: 200 }, (_, n) => statuses[(n * 7 + (n >> 3)) % 4]);
  const answers = await Promise.all(
    moves.map((status) => send(server.url(), "PUT", "/_connector/busy/_status", { status })),
  );
  const updated = answers.filter((answer) => answer.body.result === "updated").length;
  const { body } = await send(server.url(), "GET", "/_connector/busy/_status?size=1000");
  const history = body.history.reverse();
  assert.equal(history.length, updated + 1);
  history.slice(1).forEach((change, n) => assert.equal(change.from, history[n].to));
});

/** The connectors of `ids` that hold an index. */
async function holders(url, index, ids) {
  const found = await Promise.all(ids.map((id) => send(url, "GET", `/_connector/${id}`)));
  return ids.filter((_, n) => found[n].body.index_name === index);
}

test("an index stays with one connector while another is undeleted and renamed concurrently, 40 times", async () => {
  for (let round = 0; round < 40; round += 1) {
    const [owner, hidden] = [`owner-${round}`, `hidden-${round}`];
    const index = `wanted-${round}`;
    await send(server.url(), "PUT", `/_connector/${owner}`, { index_name: index });
    await send(server.url(), "PUT", `/_connector/${hidden}`, { index_name: `former-${round}` });
    await send(server.url(), "DELETE", `/_connector/${hidden}`);
    const update = (doc) => send(server.url(), "POST", `/.elastic-connectors/_update/${hidden}`, { doc });
    const answers = await Promise.all([update({ deleted: false }), update({ index_name: index })]);
    for (const { status } of answers) assert.ok([200, 400].includes(status), `round ${round}: ${status}`);
    assert.deepEqual(await holders(server.url(), index, [owner, hidden]), [owner], `round ${round}`);
  }
});

test("a refused write does not release the index that a concurrent write of the same connector took", async (t) => {
  const late = await serveWithKv({ worker: faulty() });
  t.after(() => late.close());
  const ask = (id, body, headers) => send(late.url(), "PUT", `/_connector/${id}`, body, headers);
  assert.equal((await send(late.url(), "GET", "/_connector")).status, 200);
  for (let round = 0; round < 20; round += 1) {
    const [first, second] = [`twins-${round}`, `rival-${round}`];
    const index = `contested-${round}`;
    const { headers } = await ask(first, {}).then(() => send(late.url(), "GET", `/_connector/${first}`));
    // The Directory's rows are delayed, so only claims protect the index.
    await late.faults({ mode: "hang", methods: ["apply"], delay: 30 });
    const twin = () => ask(first, { index_name: index }, { "if-match": headers.get("etag") });
    const twins = await Promise.all([twin(), twin(), twin()]);
    assert.deepEqual(twins.map(({ status }) => status).sort(), [200, 412, 412], `round ${round}`);
    await ask(second, { index_name: index });
    await late.faults({ mode: "none" });
    assert.deepEqual(await holders(late.url(), index, [first, second]), [first], `round ${round}`);
  }
});
