// Builds the npm package into npm/dist.
//
//   Rust --cargo, wasm-bindgen, wasm-opt--> target/package/{check,preview}
//   the table, read out of the core -------> target/package/rules.js
//   npm/src --esbuild--------------------- > npm/dist, ESM and CommonJS

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";

import { environment, has, root, run } from "./tools.mjs";

const target = "wasm32-unknown-unknown";

const metadata = ["metadata", "--locked", "--format-version", "1", "--no-deps"];
const { target_directory: targets } = JSON.parse(execFileSync("cargo", metadata, { cwd: root }));
const work = join(targets, "package");
const source = join(root, "npm/src");
const dist = join(root, "npm/dist");

/** The wasm features that every browser of the last years has. */
const features = [
  "bulk-memory",
  "multivalue",
  "mutable-globals",
  "nontrapping-float-to-int",
  "reference-types",
  "sign-ext",
];

/** Paths of this machine are of no use in a page. */
const home = process.env.CARGO_HOME ?? join(homedir(), ".cargo");
const env = { ...environment, RUSTFLAGS: `--remap-path-prefix=${home}=` };

/** Compiles the crate with one feature into target/package/<name>: glue, and a small module. */
async function compile(feature, name, ...options) {
  const out = join(work, name);
  const wasm = join(out, "index_bg.wasm");
  const crate = ["--target", target, "--profile", "npm", "--features", feature];
  await run("cargo", ["build", "--locked", ...crate, ...options], { env });
  await run("wasm-bindgen", [
    join(targets, target, "npm/connector_status.wasm"),
    ...["--target", "web", "--omit-default-module-path", "--no-typescript"],
    ...["--out-dir", out, "--out-name", "index"],
  ]);
  await run("wasm-opt", [
    ...["-Oz", "--converge", "--strip-debug", "--strip-producers", "--strip-target-features"],
    ...features.map((feature) => `--enable-${feature}`),
    ...[wasm, "-o", wasm],
  ]);
  return { glue: join(out, "index.js"), wasm };
}

/** Reads the table out of the compiled core and writes it down as JavaScript. */
async function writeRules({ glue, wasm }) {
  const core = await import(pathToFileURL(glue));
  core.initSync({ module: readFileSync(wasm) });
  const { statuses, sentence } = core.rules();
  const names = statuses.map(({ status }) => status);
  const next = statuses.map(({ next }) => next.map((status) => names.indexOf(status)));
  const movers = Object.fromEntries(statuses.map(({ status, who, when }) => [status, { who, when }]));
  const [before, between, after] = sentence.map((piece) => JSON.stringify(piece));
  const file = join(work, "rules.js");
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

/** Imports that begin with ~ are files beside the one that is being written. */
const siblings = (extension) => ({
  name: "siblings",
  setup({ onResolve }) {
    onResolve({ filter: /^~/ }, ({ path }) => {
      const file = `./${path.slice(1)}`;
      return { path: file.endsWith(".wasm") ? file : file + extension, external: true };
    });
  },
});

/** One file of the package. `alias` says which of several parts it is made of. */
async function bundle(from, to, alias, formats = ["esm", "cjs"]) {
  for (const format of formats) {
    const extension = format === "esm" ? ".js" : ".cjs";
    await build({
      entryPoints: [join(source, from)],
      outfile: join(dist, to + extension),
      alias,
      format,
      bundle: true,
      minifySyntax: true,
      minifyWhitespace: true,
      // Consoles show the names of error classes.
      minifyIdentifiers: from !== "error.js",
      target: "es2022",
      plugins: [siblings(extension)],
      logLevel: "warning",
    });
  }
}

/** A module that is a string: base64, so that no bundler has to know about wasm. */
function writeString(name, bytes) {
  const file = join(work, `${name}.js`);
  writeFileSync(file, `export default "${bytes.toString("base64")}";\n`);
  return file;
}

/** The types are the same for ESM and CommonJS, but TypeScript wants two files. */
function writeTypes() {
  for (const name of readdirSync(source).filter((name) => name.endsWith(".d.ts"))) {
    const text = readFileSync(join(source, name), "utf8");
    writeFileSync(join(dist, name), text);
    const commonjs = text.replaceAll(/(from "\.\/[a-z]+)\.js"/g, '$1.cjs"');
    writeFileSync(join(dist, name.replace(".d.ts", ".d.cts")), commonjs);
  }
}

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });

// What is inlined into next to nothing is smaller than what is not.
const inlined = ["--config", "profile.npm.package.connector-status.opt-level=3"];
const check = await compile("browser", "check", ...inlined);
const preview = await compile("preview", "preview");
const rules = await writeRules(preview);

const part = (name) => join(source, name);
const viaWasm = (module) => ({
  rules,
  core: part("core/wasm.js"),
  sentence: part("core/sentence.js"),
  glue: check.glue,
  module: part(`module/${module}.js`),
});
const viaTable = { rules, core: part("core/table.js") };

cpSync(check.wasm, join(dist, "connector_status.wasm"));
await bundle("error.js", "error");
await bundle("check.js", "index", {
  ...viaWasm("inline"),
  "wasm-base64": writeString("base64", readFileSync(check.wasm)),
});
await bundle("check.js", "workerd", viaWasm("workerd"), ["esm"]);
await bundle("slim.js", "slim", viaWasm("given"));
await bundle("check.js", "js", viaTable);
await bundle("client.js", "client", { rules });

cpSync(preview.wasm, join(dist, "preview.wasm"));
await bundle("preview.js", "preview", {
  glue: preview.glue,
  module: part("module/zipped.js"),
  "wasm-zipped": writeString("zipped", gzipSync(readFileSync(preview.wasm), { level: 9 })),
});
await bundle(
  "preview.js",
  "preview-workerd",
  { glue: preview.glue, module: part("module/zipped-workerd.js") },
  ["esm"],
);
writeTypes();
// Packages carry their licence themselves.
if (has("LICENSE")) cpSync(join(root, "LICENSE"), join(root, "npm/LICENSE"));
