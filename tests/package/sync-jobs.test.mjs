// The table of sync jobs as published.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { suite, test } from "node:test";

import { dist, example } from "./package.mjs";

const require = createRequire(import.meta.url);

/** The allowed moves, deliberately written down a second time. */
const protocol = {
  pending: ["in_progress", "canceled"],
  in_progress: ["canceling", "suspended", "completed", "error"],
  canceling: ["canceled", "error"],
  canceled: [],
  suspended: ["in_progress", "canceled"],
  completed: [],
  error: [],
};
const statuses = Object.keys(protocol);
const pairs = statuses.flatMap((from) => statuses.map((to) => [from, to]));

const entries = {
  ESM: await import(join(dist, "sync-jobs.js")),
  CommonJS: require(join(dist, "sync-jobs.cjs")),
};

for (const [name, entry] of Object.entries(entries)) {
  suite(name, () => {
    test("exactly the 49 pairs of the protocol are checked correctly", () => {
      assert.equal(pairs.length, 49);
      for (const [from, to] of pairs) {
        const legal = protocol[from].includes(to);
        const reason =
          `Invalid transition attempt from [${from}] to [${to}]. ` +
          "Such a ConnectorSyncStatus transition is not supported by the Connector Protocol.";
        assert.equal(entry.isValidTransition(from, to), legal, `${from} -> ${to}`);
        assert.equal(entry.explainTransition(from, to), legal ? undefined : reason);
        const move = () => entry.assertTransition(from, to);
        if (legal) {
          move();
          continue;
        }
        assert.throws(move, (error) => {
          assert.ok(error instanceof entry.InvalidTransitionError);
          assert.deepEqual(
            { ...error, message: error.message },
            { ...error, message: reason, from, to, allowed: protocol[from] },
          );
          return true;
        });
      }
    });

    test("every status has its next statuses and who makes each move", () => {
      assert.deepEqual(entry.statuses, statuses);
      for (const status of statuses) {
        assert.deepEqual(entry.nextStatuses(status), protocol[status]);
        assert.equal(entry.isFinal(status), protocol[status].length === 0);
        assert.ok(["connector", "user", "nobody"].includes(entry.movers[status].who), status);
        assert.ok(entry.movers[status].when.length > 20, status);
      }
      assert.throws(() => entry.statuses.push("paused"), TypeError);
    });

    test("an unknown status throws an error that names it", () => {
      for (const [value, shown] of [
        ["connected", "connected"],
        ["PENDING", "PENDING"],
        [undefined, "undefined"],
        [0, "0"],
        [["error"], "object"],
        ["x".repeat(1_000), "x".repeat(64)],
      ]) {
        assert.equal(entry.isSyncJobStatus(value), false);
        const message = `[${shown}] is not a sync job status: use one of [${statuses.join(", ")}]`;
        const error = { name: "TypeError", message };
        assert.throws(() => entry.nextStatuses(value), error);
        assert.throws(() => entry.isFinal(value), error);
        assert.throws(() => entry.isValidTransition(value, "error"), error);
        assert.throws(() => entry.isValidTransition("pending", value), error);
      }
      for (const status of statuses) assert.equal(entry.isSyncJobStatus(status), true);
    });
  });
}

test("the README's example returns what it shows", () => {
  const [, ...lines] = example("`connector-status/sync-jobs`", "js").trim().split("\n").filter(Boolean);
  assert.equal(lines.length, 4);
  for (const line of lines) {
    const [, expression, result] = line.match(/^(.*); \/\/ (.*)$/);
    const names = Object.keys(entries.ESM);
    const run = new Function(...names, `return [${expression}, ${result}]`);
    const [found, expected] = run(...names.map((name) => entries.ESM[name]));
    assert.deepEqual(found, expected, line);
  }
});

test("every entry point throws errors of the same class", async () => {
  const { InvalidTransitionError } = await import(join(dist, "index.js"));
  assert.equal(entries.ESM.InvalidTransitionError, InvalidTransitionError);
});
