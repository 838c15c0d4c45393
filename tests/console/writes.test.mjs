// One change, and what became of it: the console's write engine without a server.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Away, Refusal } from "../../www/src/core/reasons.js";
import { carryOut, LOOKS } from "../../www/src/core/writes.js";

const noAnswer = () => new Away("The server doesn't answer.");

/** A server with one document that has a version; `answers` says what each write gets: `ok`, or what it does and throws. */
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

/** Sets `name` to "new" on a document named "old"; answers the outcome and the server. */
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

test("a change that is answered is updated, and what is stored now is read", async () => {
  const { state, name, it } = await rename({});
  assert.deepEqual([state, name, it.sent, it.read], ["updated", "new", 1, 1]);
});

test("a server that says noop is believed", async () => {
  assert.equal((await rename({ answers: [() => ({ result: "noop" })] })).state, "noop");
});

test("a heartbeat in between is met by another try; a change of the same thing is not overwritten", async () => {
  const beat = await rename({ before: (it) => it.set({ last_seen: 2 }) });
  assert.deepEqual([beat.state, beat.it.sent, beat.it.document.last_seen], ["updated", 2, 2]);
  const other = await rename({ before: (it) => it.set({ name: "theirs" }) });
  assert.deepEqual([other.state, other.name, other.it.sent, other.it.document.name], ["overtaken", "theirs", 1, "theirs"]);
});

test("heartbeats without end are given up after four tries", async () => {
  const beat = (it) => {
    it.set({ last_seen: it.version });
    throw new Refusal(412, "conflict");
  };
  const { state, error, it } = await rename({ answers: Array(9).fill(beat) });
  assert.deepEqual([state, error, it.sent], ["refused", "conflict", 4]);
});

test("what the server refuses is refused in its words, and so is what it has no time for", async () => {
  const no = (error) => () => {
    throw error;
  };
  assert.deepEqual((await rename({ answers: [no(new Refusal(400, "Not like that."))] })).error, "Not like that.");
  const limited = await rename({ answers: [no(new Away("Too many requests.", { status: 429 }))] });
  assert.deepEqual([limited.state, limited.it.read], ["refused", 0]);
});

test("an unanswered change that was made is updated", async () => {
  const { state, name, it } = await rename({ answers: [lost((it) => it.set({ name: "new" }))] });
  assert.deepEqual([state, name, it.sent, it.read], ["updated", "new", 1, 1]);
});

test("an unanswered change that was not made is refused, and not sent again", async () => {
  const { state, error, name, it } = await rename({ answers: [lost()] });
  assert.deepEqual([state, error, name, it.sent], ["refused", "The server doesn't answer.", "old", 1]);
});

test("an unanswered change after which something else is stored is unknown", async () => {
  const { state, name } = await rename({ answers: [lost((it) => it.set({ name: "theirs" }))] });
  assert.deepEqual([state, name], ["unknown", "theirs"]);
});

test("while the server is away it is looked again, and unknown in the end", async () => {
  const away = () => {
    throw noAnswer();
  };
  const back = await rename({ answers: [lost((it) => it.set({ name: "new" }))], reads: [away, away] });
  assert.deepEqual([back.state, back.pauses], ["updated", LOOKS.slice(1, 3)]);
  const gone = await rename({ answers: [lost()], reads: LOOKS.map(() => away) });
  assert.deepEqual([gone.state, gone.it.read], ["unknown", LOOKS.length]);
});

test("an unanswered deletion of what is gone was made", async () => {
  const missing = () => {
    throw new Refusal(404, "not found");
  };
  assert.equal((await rename({ answers: [lost()], reads: [missing], isRemoval: true })).state, "updated");
  assert.equal((await rename({ answers: [lost()], reads: [missing] })).state, "unknown");
});
