// The console's write engine, against a simulated server: one change and its result.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Away, Refusal } from "../../www/src/core/reasons.js";
import { carryOut, LOOKS } from "../../www/src/core/writes.js";

const noAnswer = () => new Away("The server doesn't answer.");

/** A server with one versioned document. `answers` lists the result of each write: `ok`, or what it does and throws. */
function server(document, answers) {
  const it = { document, version: 1, sent: 0, read: 0, reads: [] };
  it.set = (change) => {
    it.document = { ...it.document, ...change };
    it.version += 1;
  };
  it.send = (change) => async ({ version }) => {
    it.sent += 1;
    const answer = answers.shift();
    if (answer) return answer(it, change);
    if (version !== it.version) throw new Refusal(412, "conflict");
    it.set(change);
    return { result: "updated" };
  };
  it.readNow = async () => {
    it.read += 1;
    const read = it.reads.shift();
    if (read) return read(it);
    return { ...it.document, version: it.version };
  };
  return it;
}

/** Sets `name` to "new" on a document named "old"; returns the outcome and the server. */
async function rename({ answers = [], before = () => {}, reads = [], isRemoval = false }) {
  const it = server({ name: "old", last_seen: 1 }, answers);
  const latest = await it.readNow();
  it.reads = reads;
  it.read = 0;
  before(it);
  const pauses = [];
  const outcome = await carryOut({
    latest,
    about: ({ name }) => name,
    base: "old",
    isDone: ({ name }) => name === "new",
    send: it.send({ name: "new" }),
    read: it.readNow,
    isRemoval,
    pause: async (ms) => pauses.push(ms),
  });
  return { state: outcome.state, error: outcome.error?.message, name: outcome.latest?.name, it, pauses };
}

const lost = (change) => (it) => {
  change?.(it);
  throw noAnswer();
};

test("an answered change is reported as updated, with the document stored now", async () => {
  const { state, name, it } = await rename({});
  assert.deepEqual([state, name, it.sent, it.read], ["updated", "new", 1, 1]);
});

test("a server's noop is reported as it is", async () => {
  assert.equal((await rename({ answers: [() => ({ result: "noop" })] })).state, "noop");
});

test("a change is retried after a heartbeat, and does not overwrite another change of the same field", async () => {
  const beat = await rename({ before: (it) => it.set({ last_seen: 2 }) });
  assert.deepEqual([beat.state, beat.it.sent, beat.it.document.last_seen], ["updated", 2, 2]);
  const other = await rename({ before: (it) => it.set({ name: "theirs" }) });
  assert.deepEqual([other.state, other.name, other.it.sent, other.it.document.name], ["overtaken", "theirs", 1, "theirs"]);
});

test("a change gives up after four heartbeats in a row", async () => {
  const beat = (it) => {
    it.set({ last_seen: it.version });
    throw new Refusal(412, "conflict");
  };
  const { state, error, it } = await rename({ answers: Array(9).fill(beat) });
  assert.deepEqual([state, error, it.sent], ["refused", "conflict", 4]);
});

test("a refusal is reported with the server's reason, and so is an overloaded server", async () => {
  const no = (error) => () => {
    throw error;
  };
  assert.deepEqual((await rename({ answers: [no(new Refusal(400, "Not like that."))] })).error, "Not like that.");
  const limited = await rename({ answers: [no(new Away("Too many requests.", { status: 429 }))] });
  assert.deepEqual([limited.state, limited.it.read], ["refused", 0]);
});

test("a change without a response that was made is reported as updated", async () => {
  const { state, name, it } = await rename({ answers: [lost((it) => it.set({ name: "new" }))] });
  assert.deepEqual([state, name, it.sent, it.read], ["updated", "new", 1, 1]);
});

test("a change without a response that was not made is reported as refused, and not repeated", async () => {
  const { state, error, name, it } = await rename({ answers: [lost()] });
  assert.deepEqual([state, error, name, it.sent], ["refused", "The server doesn't answer.", "old", 1]);
});

test("a change without a response is unknown if something else is stored now", async () => {
  const { state, name } = await rename({ answers: [lost((it) => it.set({ name: "theirs" }))] });
  assert.deepEqual([state, name], ["unknown", "theirs"]);
});

test("while the server is unreachable the document is read again, and finally the result is unknown", async () => {
  const away = () => {
    throw noAnswer();
  };
  const back = await rename({ answers: [lost((it) => it.set({ name: "new" }))], reads: [away, away] });
  assert.deepEqual([back.state, back.pauses], ["updated", LOOKS.slice(1, 3)]);
  const gone = await rename({ answers: [lost()], reads: LOOKS.map(() => away) });
  assert.deepEqual([gone.state, gone.it.read], ["unknown", LOOKS.length]);
});

test("a deletion without a response counts as made if the document is gone", async () => {
  const missing = () => {
    throw new Refusal(404, "not found");
  };
  assert.equal((await rename({ answers: [lost()], reads: [missing], isRemoval: true })).state, "updated");
  assert.equal((await rename({ answers: [lost()], reads: [missing] })).state, "unknown");
});
