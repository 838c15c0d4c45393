// The package's README: the sizes it shows, and that every example is run by a test.

import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";

import { dist, folder } from "./package.mjs";
import { imports, measure } from "./sizes.mjs";

const readme = readFileSync(join(folder, "README.md"), "utf8");

suite("measured sizes match the README to 0.1 kB or 3 %", () => {
  const close = (shown, bytes, what) => {
    const away = Math.abs(Number(shown) - bytes / 1000);
    assert.ok(away <= Math.max(0.1, (bytes / 1000) * 0.03), `${what}: ${shown} kB shown, ${bytes} bytes`);
  };
  const names = Object.keys(imports).sort((a, b) => b.length - a.length);
  const shown = new Set();
  for (const [, label, minified, gzipped] of readme.matchAll(
    /^\| ([^|]+) \| ([\d.]+) kB[^|]*\| \**([\d.]+) kB\** \|/gm,
  )) {
    const name = names.find((name) => label.replaceAll(/[`*]/g, "").startsWith(name));
    shown.add(name);
    test(`the size of ${label} matches`, async () => {
      const size = await measure(imports[name]);
      close(minified, size.minified, "minified");
      close(gzipped, size.gzipped, "gzipped");
    });
  }

  // The entry point for sync jobs is separate, so pages without jobs don't load it.
  test("the table of sync jobs has at most 900 bytes, gzipped", async () => {
    const { gzipped } = await measure(imports["connector-status/sync-jobs"]);
    assert.ok(gzipped <= 900, `${gzipped} bytes`);
    assert.match(readme, /no more than 900 bytes, gzipped/);
  });

  test("every entry point is listed", () => assert.deepEqual([...shown].sort(), names.toSorted()));

  test("the size of the check's module matches", () => {
    const [, check] = readme.match(/of which ([\d.]+) kB wasm/);
    close(check, statSync(join(dist, "connector_status.wasm")).size, "connector_status.wasm");
  });

  test("the introduction and the table agree", async () => {
    const [, said] = readme.match(/The check of a move alone is ([\d.]+) kB gzipped/);
    close(said, (await measure(imports["connector-status"])).gzipped, "gzipped");
  });
});

test("each example is run by a test", () => {
  const sections = readme.split(/^#+ /m).map((text) => [text.split("\n")[0], text]);
  const found = sections.flatMap(([heading, text]) =>
    Array.from(text.matchAll(/^```(\w+)\n/gm), ([, language]) => [heading, language]),
  );
  assert.deepEqual(found, [
    ["connector-status", "sh"], // what all tests of the packed tarball do
    ["The client", "js"], // client.test.mjs
    ["Watching", "js"], // watch.test.mjs
    ["In an interface", "js"], // store.test.mjs
    ["React", "tsx"], // recipes.test.mjs
    ["Vue", "vue"],
    ["Svelte", "svelte"],
    ["Pages of another origin", "js"],
    ["The command line", "sh"], // cli.test.mjs
    ["The check", "js"], // tarball.test.mjs
    ["`connector-status/sync-jobs`", "js"], // sync-jobs.test.mjs
    ["`connector-status/preview`", "js"], // preview.test.mjs
  ]);
});
