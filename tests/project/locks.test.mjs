// Lock files pin everything that is installed, to the byte.

import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { root } from "../../scripts/tools.mjs";

const read = (file) => readFileSync(join(root, file), "utf8");

test("package-lock.json has a hash for every package on every platform", () => {
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
  test(`${file} has a hash for every crate, and crates come from crates.io`, () => {
    const others = crates(file).filter(({ name }) => name !== own);
    assert.ok(others.length > 30);
    for (const { name, source, checksum } of others) {
      assert.equal(source, "registry+https://github.com/rust-lang/crates.io-index", name);
      assert.match(checksum, /^[0-9a-f]{64}$/, name);
    }
  });
}

test("the lock file of tests/package/projects has a hash for every package", () => {
  const { "": project, ...packages } = JSON.parse(read("tests/package/projects/package-lock.json")).packages;
  assert.deepEqual(Object.entries(packages).filter(([, { integrity }]) => !/^sha512-/.test(integrity)), []);
  for (const version of Object.values({ ...project.dependencies, ...project.devDependencies })) assert.match(version, /^\d+\.\d+\.\d+$/);
});

test("Python packages have exact versions and a hash of each file", () => {
  let count = 0;
  for (const file of globSync("tests/python/*.txt", { cwd: root })) {
    const packages = read(file).split(/^(?=\S)/m).map((text) => text.replaceAll("\\\n", ""));
    count += packages.length;
    for (const text of packages) assert.match(text.trim(), /^[\w.-]+==[\w.]+( +--hash=sha256:[0-9a-f]{64})+$/, file);
  }
  assert.ok(count > 20, `${count} packages`);
});

test("wasm-bindgen has the same version as a crate and as a tool", () => {
  const version = (file, crate) => crates(file).find(({ name }) => name === crate).version;
  assert.equal(version("tools/Cargo.lock", "wasm-bindgen-cli-support"), version("Cargo.lock", "wasm-bindgen"));
});
