// The package's README: sizes as it shows them, and no example that nothing runs.

import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";

import { dist, folder } from "./package.mjs";
import { imports, measure } from "./sizes.mjs";

const readme = readFileSync(join(folder, "README.md"), "utf8");

suite("sizes are what the README shows, to 0.1 kB or 3 %", () => {
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
    test(label, async () => {
      const size = await measure(imports[name]);
      close(minified, size.minified, "minified");
      close(gzipped, size.gzipped, "gzipped");
    });
  }

  test("and of everything", () => assert.deepEqual([...shown].sort(), names.toSorted()));

  test("the modules, and the package", () => {
    const [, check] = readme.match(/of which ([\d.]+) kB wasm/);
    close(check, statSync(join(dist, "connector_status.wasm")).size, "connector_status.wasm");
  });
});
