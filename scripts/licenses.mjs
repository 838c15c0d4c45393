// Collects the licence texts of everything compiled into a module, which must be shipped with it.

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { TARGET, root } from "./tools.mjs";

const output = (command, ...args) =>
  execFileSync(command, args, { cwd: root, maxBuffer: 1 << 28, encoding: "utf8" });

/** The crates that a feature compiles in: names, versions, licences and the folders of their texts. */
function crates(feature) {
  const cargo = (...args) => output("cargo", ...args, "--locked", "--features", feature);
  const { packages } = JSON.parse(cargo("metadata", "--format-version", "1", "--filter-platform", TARGET));
  const edges = ["--edges", "normal,no-proc-macro"];
  const listed = cargo("tree", "--target", TARGET, ...edges, "--prefix", "none", "--format", "{p}");
  const names = new Set(listed.split("\n").map((line) => line.split(" ").slice(0, 2).join(" ")));
  return packages
    .filter(({ name, version }) => names.has(`${name} v${version}`) && name !== "connector-status")
    .map(({ name, version, license, manifest_path: path }) => ({ name, version, license, folder: dirname(path) }));
}

/** Rust's standard library is part of every module. */
const library = () => ({
  name: "Rust's standard library",
  version: output("rustc", "--version").split(" ")[1],
  license: "MIT OR Apache-2.0",
  folder: join(output("rustc", "--print", "sysroot").trim(), "share/doc/cargo"),
});

/** An installed npm package that is bundled. */
export function npmPackage(name) {
  const folder = join(root, "node_modules", name);
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return { name, version, license, folder };
}

/** The content of LICENSES.txt for the crate with these features and the bundled npm packages. */
export function licenses(features, others = []) {
  const byText = new Map();
  const all = new Map([...features.flatMap(crates), library(), ...others].map((each) => [each.name + each.version, each]));
  for (const { name, version, license, folder } of all.values()) {
    const files = readdirSync(folder).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file)).sort();
    // Prefers MIT where there is a choice.
    const mit = files.find((file) => /mit/i.test(file));
    const isChoice = /MIT OR Apache-2\.0|Apache-2\.0 OR MIT/.test(license);
    const needed = mit && isChoice ? files.filter((file) => !/apache/i.test(file)) : files;
    const chosen = mit && !license.includes(" AND ") ? [mit] : needed;
    const read = (file) => readFileSync(join(folder, file), "utf8").trim();
    // Some files contain both licences, the MIT licence first.
    const onlyMit = (text) => (/^The MIT License/m.test(text) ? text.replace(/\s+(\[2\]: .*)?\s+~*\s*Apache License\s+Version 2\.0[^]*$/, "") : text);
    const texts = chosen.map((file) => (isChoice ? onlyMit(read(file)) : read(file)));
    if (texts.length === 0) throw new Error(`${name} ${version} has no licence text in ${folder}`);
    const text = texts.join("\n\n");
    byText.set(text, [...(byText.get(text) ?? []), `${name} ${version}: ${license}`]);
  }
  const sections = [...byText].map(([text, names]) => `${names.join("\n")}\n\n${text}`);
  return `${sections.join(`\n\n${"-".repeat(80)}\n\n`)}\n`;
}
