// What is installed is what the lock files say, to the byte.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { root } from "../../scripts/tools.mjs";

const read = (file) => readFileSync(join(root, file), "utf8");

test("package-lock.json has the hash of every package, for every platform", () => {
  const { "": project, ...packages } = JSON.parse(read("package-lock.json")).packages;
  const without = Object.entries(packages).filter(([, { integrity }]) => !/^sha512-/.test(integrity));
  assert.deepEqual(without.map(([path]) => path), []);
  const asked = { ...project.devDependencies, ...project.optionalDependencies };
  for (const [name, version] of Object.entries(asked)) {
    assert.match(version, /^(npm:.+@)?\d+\.\d+\.\d+$/, `${name} has no exact version`);
  }
});

/** The packages of a Cargo.lock, each an object of its lines. */
const crates = (file) =>
  read(file)
    .split("[[package]]\n")
    .slice(1)
    .map((text) => Object.fromEntries([...text.matchAll(/^(\w+) = "(.*)"$/gm)].map(([, ...pair]) => pair)));

for (const [file, own] of [["Cargo.lock", "connector-status"], ["tools/Cargo.lock", "connector-status-tools"]]) {
  test(`${file} has the hash of every crate, and crates come from crates.io`, () => {
    const others = crates(file).filter(({ name }) => name !== own);
    assert.ok(others.length > 50);
    for (const { name, source, checksum } of others) {
      assert.equal(source, "registry+https://github.com/rust-lang/crates.io-index", name);
      assert.match(checksum, /^[0-9a-f]{64}$/, name);
    }
  });
}

test("wasm-bindgen is of one version, as a crate and as a tool", () => {
  const version = (file, crate) => crates(file).find(({ name }) => name === crate).version;
  assert.equal(version("tools/Cargo.lock", "wasm-bindgen-cli"), version("Cargo.lock", "wasm-bindgen"));
});
