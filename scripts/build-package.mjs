// Builds the npm package into npm/dist.
//
//   Rust --cargo, bindgen, wasm-opt--> target/package/{check,preview}
//   the table, read out of the core -------> target/package/rules.js
//   npm/src --esbuild--------------------- > npm/dist, ESM and CommonJS

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";

import { readOptions } from "./command.mjs";
import { licenses } from "./licenses.mjs";
import { MODULE, OUTLINE, TARGET, environment, has, isStale, root, run } from "./tools.mjs";

readOptions({ name: "build:package", usage: "Usage: npm run build:package\n\nBuilds the npm package into npm/dist. npm run build:worker does that, too." });

const metadata = ["metadata", "--locked", "--format-version", "1", "--no-deps"];
const { target_directory: targets } = JSON.parse(execFileSync("cargo", metadata, { cwd: root, encoding: "utf8" }));
const work = join(targets, "package");
const source = join(root, "npm/src");
const dist = join(root, "npm/dist");
const part = (name) => join(source, name);

/** The wasm features that all browsers of recent years support. */
const features = [
  "bulk-memory",
  "multivalue",
  "mutable-globals",
  "nontrapping-float-to-int",
  "reference-types",
  "sign-ext",
];

/** Keeps this machine's paths out of the modules. */
const home = process.env.CARGO_HOME ?? join(homedir(), ".cargo");
const env = { ...environment, RUSTFLAGS: `--remap-path-prefix=${home}=` };

/**
 * Compiles the crate with one feature into target/package/<name> if it is stale: JavaScript glue and an optimized
 * module.
 */
async function compile(feature, name, ...options) {
  const out = join(work, name);
  const wasm = join(out, "index_bg.wasm");
  const compiled = { glue: join(out, "index.js"), wasm };
  // Written last, so that an interrupted build does not count as done.
  const stamp = join(out, ".built");
  if (!isStale(stamp, ["src", "Cargo.toml", "Cargo.lock", "tools/Cargo.lock", "scripts/build-package.mjs"])) return compiled;
  rmSync(stamp, { force: true });
  await run("cargo", ["rustc", "--locked", "--profile", "npm", "--lib", ...MODULE, "--features", feature, ...options], { env });
  await run("bindgen", ["web", join(targets, TARGET, "npm/connector_status.wasm"), out]);
  await run("wasm-opt", [
    ...["-Oz", "--converge", OUTLINE, "--strip-debug", "--strip-producers", "--strip-target-features"],
    ...features.map((feature) => `--enable-${feature}`),
    ...[wasm, "-o", wasm],
  ]);
  writeFileSync(stamp, "");
  return compiled;
}

/** Instantiates a compiled module, so that tables can be read from it. */
async function started({ glue, wasm }) {
  const core = await import(pathToFileURL(glue).href);
  core.initSync({ module: readFileSync(wasm) });
  return core;
}

/** Writes a table of the core as JavaScript. */
function writeRules(name, { statuses, sentence }) {
  const names = statuses.map(({ status }) => status);
  const next = statuses.map(({ next }) => next.map((status) => names.indexOf(status)));
  const movers = Object.fromEntries(statuses.map(({ status, who, when }) => [status, { who, when }]));
  const [before, between, after] = sentence.map((piece) => JSON.stringify(piece));
  const file = join(work, `${name}.js`);
  writeFileSync(
    file,
    `// Generated from the Rust core.
export const statuses = /* @__PURE__ */ Object.freeze(${JSON.stringify(names)});
export const next = ${JSON.stringify(next)};
export const movers = ${JSON.stringify(movers)};
export const sentence = (from, to) => ${before} + from + ${between} + to + ${after};
`,
  );
  return file;
}

/** Writes a module as a base64 string, so that bundlers need no wasm support. */
function writeString(name, bytes) {
  const file = join(work, `${name}.js`);
  writeFileSync(file, `export default "${bytes.toString("base64")}";\n`);
  return file;
}

/** Imports that begin with ~ refer to files beside the output, unless `parts` replaces them. */
const siblings = (extension, parts) => ({
  name: "siblings",
  setup({ onResolve }) {
    onResolve({ filter: /^~/ }, ({ path }) => {
      if (path in parts) return undefined;
      const file = `./${path.slice(1)}`;
      return { path: file.endsWith(".wasm") ? file : file + extension, external: true };
    });
  },
});

/**
 * Writes the package's file `to` from a file of npm/src. `parts` maps its imports; without `format` it is written as
 * both ESM and CommonJS.
 */
async function bundle(/** @type {any} */ { from, to, parts = {}, format, inject = [], banner }) {
  for (const each of format ? [format] : ["esm", "cjs"]) {
    const extension = each === "esm" ? ".js" : ".cjs";
    await build({
      entryPoints: [part(from)],
      outfile: join(dist, to + extension),
      alias: parts,
      inject,
      format: each,
      platform: "neutral",
      external: ["node:*", "react"],
      bundle: true,
      banner: banner && { js: banner },
      minifySyntax: true,
      minifyWhitespace: true,
      // Consoles show the names of error classes.
      minifyIdentifiers: from !== "error.js",
      target: "es2022",
      plugins: [siblings(extension, parts)],
      logLevel: "warning",
    });
  }
}

/** ESM and CommonJS have the same types, but TypeScript needs a file for each. */
function writeTypes() {
  for (const name of readdirSync(part("types"))) {
    const text = readFileSync(join(part("types"), name), "utf8");
    writeFileSync(join(dist, name), text);
    const commonjs = text.replaceAll(/(from "\.\/[a-z-]+)\.js"/g, '$1.cjs"');
    writeFileSync(join(dist, name.replace(".d.ts", ".d.cts")), commonjs);
  }
}

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });

// A module this small gets smaller by inlining.
const inlined = ["--config", "profile.npm.package.connector-status.opt-level=3"];
const check = await compile("browser", "check", ...inlined);
const preview = await compile("preview", "preview");
cpSync(check.wasm, join(dist, "connector_status.wasm"));
cpSync(preview.wasm, join(dist, "preview.wasm"));

const core = await started(preview);
const tables = core.rules();
const rules = writeRules("rules", tables.connectors);
const jobRules = writeRules("sync-job-rules", tables.sync_jobs);
const table = { rules, core: part("core/table.js") };
const checkIn = (module) => ({
  rules,
  core: part("core/wasm.js"),
  glue: check.glue,
  "wasm-module": part(`module/check-${module}.js`),
});
const previewIn = (module) => ({
  glue: preview.glue,
  "wasm-module": part(`module/preview-${module}.js`),
});
const whole = { "~preview-core": part("preview-core.js") };
const base64 = writeString("base64", readFileSync(check.wasm));
// gzip's memory level decides where blocks end; the highest is not always the smallest.
const candidates = [7, 8, 9].map((memLevel) =>
  gzipSync(readFileSync(preview.wasm), { level: 9, memLevel }),
);
const zipped = writeString("zipped", candidates.sort((a, b) => a.length - b.length)[0]);

const files = [
  { from: "error.js", to: "error" },
  { from: "check.js", to: "index", parts: { ...checkIn("inline"), "wasm-base64": base64 } },
  { from: "check.js", to: "workerd", parts: checkIn("workerd"), format: "esm" },
  { from: "slim.js", to: "slim", parts: checkIn("given") },
  { from: "check.js", to: "js", parts: table },
  { from: "client.js", to: "client", parts: { rules } },
  { from: "store.js", to: "store" },
  // Next.js requires hooks to be in client components.
  { from: "react.js", to: "react", banner: '"use client";' },
  { from: "cli/main.js", to: "cli", format: "esm" },
  { from: "sync-jobs.js", to: "sync-jobs", parts: { rules: jobRules } },
  // The package has the preview's module as a file, and as a string for pages.
  { from: "preview.js", to: "preview", format: "esm" },
  {
    from: "preview-core.js",
    to: "preview-core",
    parts: { ...previewIn("zipped"), "wasm-zipped": zipped },
    format: "esm",
  },
  {
    from: "preview.js",
    to: "preview",
    parts: { ...previewIn("beside"), ...whole },
    format: "cjs",
    inject: [part("module/node-text.js")],
  },
  {
    from: "preview.js",
    to: "preview-workerd",
    parts: { ...previewIn("workerd"), ...whole },
    format: "esm",
  },
];
for (const file of files) await bundle(file);
writeTypes();
// A package carries its own licence and those of everything compiled into it.
if (has("LICENSE")) cpSync(join(root, "LICENSE"), join(root, "npm/LICENSE"));
writeFileSync(join(root, "npm/LICENSES.txt"), licenses(["browser", "preview"]));
