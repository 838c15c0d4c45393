// The check of a move, in every form in which it is published.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { suite, test } from "node:test";
import { createContext, runInContext } from "node:vm";

import { build } from "esbuild";

import { dist, pairs, protocol, refusal, statuses } from "./package.mjs";
import { imports, measure } from "./sizes.mjs";

const require = createRequire(import.meta.url);
const module = readFileSync(join(dist, "connector_status.wasm"));

const entries = {
  "the module inlined": await import(join(dist, "index.js")),
  "the module inlined, CommonJS": require(join(dist, "index.cjs")),
  "no WebAssembly": await import(join(dist, "js.js")),
  "no WebAssembly, CommonJS": require(join(dist, "js.cjs")),
  "the module as bytes": await import(join(dist, "slim.js")),
  "the module compiled, CommonJS": require(join(dist, "slim.cjs")),
};

test("/slim throws before init, and says what to call", async () => {
  const { isValidTransition } = await import(join(dist, "slim.js?unstarted"));
  assert.throws(() => isValidTransition("created", "error"), { message: /call init\(/ });
});
entries["the module as bytes"].init(module);
entries["the module compiled, CommonJS"].init(new WebAssembly.Module(module));

const notStatuses = [
  [undefined, "undefined"],
  [null, "null"],
  [0, "0"],
  [4, "4"],
  [NaN, "NaN"],
  [1n, "1"],
  [true, "true"],
  ["", ""],
  ["CONNECTED", "CONNECTED"],
  [" connected", " connected"],
  ["constructor", "constructor"],
  ["__proto__", "__proto__"],
  ["length", "length"],
  [Symbol("connected"), "Symbol(connected)"],
  ["x".repeat(1_000_000), "x".repeat(64)],
  [["connected"], "object"],
  [{ toString: () => "connected" }, "object"],
  [Object.create(null), "object"],
  [new Proxy({}, {}), "object"],
  [() => "connected", "function"],
];

for (const [name, entry] of Object.entries(entries)) {
  suite(name, () => {
    test("exactly the 25 pairs of the protocol are checked correctly", () => {
      for (const [from, to] of pairs) {
        const legal = protocol[from].includes(to);
        assert.equal(entry.isValidTransition(from, to), legal, `${from} -> ${to}`);
        assert.equal(entry.explainTransition(from, to), legal ? undefined : refusal(from, to));
      }
    });

    test("every status has the protocol's next statuses", () => {
      assert.deepEqual(entry.statuses, statuses);
      for (const from of statuses) assert.deepEqual(entry.nextStatuses(from), protocol[from]);
      assert.throws(() => entry.statuses.push("paused"), TypeError);
      entry.nextStatuses("created").push("connected");
      assert.deepEqual(entry.nextStatuses("created"), protocol.created);
    });

    test("assertTransition throws exactly where the table has no such move", () => {
      for (const [from, to] of pairs) {
        const move = () => entry.assertTransition(from, to);
        if (protocol[from].includes(to)) {
          assert.equal(move(), undefined);
          continue;
        }
        assert.throws(move, (error) => {
          assert.ok(error instanceof entry.InvalidTransitionError && error instanceof Error);
          const { name, message, allowed } = error;
          assert.deepEqual(
            { name, message, from: error.from, to: error.to, allowed },
            {
              name: "InvalidTransitionError",
              message: refusal(from, to),
              from,
              to,
              allowed: protocol[from],
            },
          );
          return true;
        });
      }
    });

    test("an unknown status is a TypeError that names it, and the next call works", () => {
      const { isValidTransition, nextStatuses, explainTransition, assertTransition } = entry;
      for (const [given, called] of notStatuses) {
        const calls = [
          () => isValidTransition(given, "error"),
          () => isValidTransition("error", given),
          () => isValidTransition(given, given),
          () => nextStatuses(given),
          () => explainTransition(given, "created"),
          () => explainTransition("created", given),
          () => assertTransition("created", given),
        ];
        for (const call of calls) {
          assert.throws(call, {
            name: "TypeError",
            message: `[${called}] is not a connector status: use one of [${statuses.join(", ")}]`,
          });
          assert.equal(isValidTransition("created", "error"), true);
          assert.equal(explainTransition("created", "created"), refusal("created", "created"));
        }
        assert.equal(entry.isConnectorStatus(given), false);
      }
      for (const status of statuses) assert.equal(entry.isConnectorStatus(status), true);
    });
  });
}

test("every entry point throws errors of the same class", async () => {
  const client = await import(join(dist, "client.js"));
  const { InvalidTransitionError } = entries["the module inlined"];
  assert.equal(client.InvalidTransitionError, InvalidTransitionError);
  assert.equal(entries["no WebAssembly"].InvalidTransitionError, InvalidTransitionError);
});

// Limits in bytes, minified and gzipped, for everything an entry point exports.
const limits = { "": 1_900, "/js": 700, "/slim": 1_100, "/client": 4_000, "/store": 1_600, "/react": 1_900, "/preview": 122_000 };

for (const [entry, limit] of Object.entries(limits)) {
  test(`connector-status${entry} has at most ${limit} bytes, minified and gzipped`, async () => {
    const { gzipped } = await measure(imports[`connector-status${entry}`]);
    assert.ok(gzipped <= limit, `${gzipped} bytes`);
  });
}

test("the check's module has at most 1,000 bytes", () => {
  assert.ok(module.length <= 1_000, `${module.length} bytes`);
});

test("the bundler removes an unused import", async () => {
  const { outputFiles } = await build({
    stdin: { contents: 'import "connector-status"', resolveDir: join(dist, "..") },
    bundle: true,
    minify: true,
    format: "esm",
    write: false,
    logLevel: "silent",
  });
  assert.equal(outputFiles[0].text.trim(), "");
});

suite("without the APIs of browsers and Node", () => {
  // jsdom under Jest lacks TextDecoder, Blob.stream and fetch. A bare context has even less.
  const checks =
    'is.isValidTransition("created", "error") && is.explainTransition("created", "created").length > 99';
  const uses = {
    index: checks,
    js: checks,
    client: 'is.transitionOptions("created").length === 5',
    store: 'is.observe({}, "a").get().loading',
    slim: "is.statuses.length === 5",
    preview: 'typeof is.load === "function"',
  };
  for (const [name, use] of Object.entries(uses)) {
    test(`${name}.js can be imported and used`, async () => {
      const contents = `import * as is from "./${name}.js"; globalThis.said = ${use};`;
      const { outputFiles } = await build({
        stdin: { contents, resolveDir: dist },
        bundle: true,
        format: "iife",
        write: false,
      });
      const bare = createContext({ atob });
      runInContext(outputFiles[0].text, bare);
      assert.equal(bare.said, true);
    });
  }
});
