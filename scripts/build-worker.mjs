// Builds the Worker into build/, and what it serves into www/dist. Run by wrangler, see wrangler.toml.

import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";

import { writeOpenApi } from "./build-openapi.mjs";
import { environment, has, root, run } from "./tools.mjs";

const wasm = join(root, "build/index_bg.wasm");

// What workerd is known to run; newer encodings of the same module are not.
const features = [
  "mutable-globals",
  "sign-ext",
  "nontrapping-float-to-int",
  "bulk-memory",
  "multivalue",
  "reference-types",
  "exception-handling",
].map((feature) => `--enable-${feature}`);

/** When was anything in there last changed? */
function lastChange(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(...readdirSync(path).map((name) => lastChange(join(path, name))));
}

/** Has anything that `output` is made of changed since it was built? */
function isStale(output, sources) {
  if (!has(output)) return true;
  const changes = sources.map((source) => lastChange(join(root, source)));
  return Math.max(...changes) > lastChange(join(root, output));
}

const crate = ["src", "Cargo.toml", "Cargo.lock"];
const stamps = { named: "build/.with-names", unnamed: "build/.without-names" };

/** Compiles the Worker and makes its module small. */
async function buildWorker() {
  // Paths of this machine are of no use in a deployment.
  const home = process.env.CARGO_HOME ?? join(homedir(), ".cargo");
  const env = { ...environment, RUSTFLAGS: `--remap-path-prefix=${home}=` };
  for (const stamp of Object.values(stamps)) rmSync(join(root, stamp), { force: true });
  await run("worker-build", ["--release", "--features", "edge", "--locked"], { env });
  // Function names are a fifth of the module. NAMES=1 keeps them, for a profile or a stack trace.
  const names = process.env.NAMES ? ["-g"] : ["--strip-debug", "--strip-producers"];
  // The shapes that the runtime asks for, around what worker-build made.
  await build({
    absWorkingDir: root,
    entryPoints: ["src/edge/entry.js"],
    outfile: "build/worker.js",
    bundle: true,
    format: "esm",
    target: "es2024",
    external: ["cloudflare:*", "*.wasm"],
  });
  await run("wasm-opt", ["-Oz", ...names, ...features, wasm, "-o", wasm]);
  writeOpenApi();
}

/** The package and, with it, the console. */
async function buildPage() {
  if (isStale("npm/dist/preview.js", [...crate, "npm/src", "scripts/build-package.mjs", "scripts/licenses.mjs"])) {
    await run("node", ["scripts/build-package.mjs"]);
  }
  await run("node", ["scripts/build-www.mjs"]);
}

/** The Worker, unless it is there as it would become. */
async function buildModule() {
  const stamp = process.env.NAMES ? stamps.named : stamps.unnamed;
  if (!isStale(stamp, [...crate, "scripts/build-worker.mjs", "scripts/build-openapi.mjs"])) return;
  await buildWorker();
  // The stamp is written last, so a build that broke off is not taken for one.
  writeFileSync(join(root, stamp), "");
}

mkdirSync(join(root, "www/dist"), { recursive: true });
if (!process.env.CONNECTOR_STATUS_BUILT) {
  // Each of them ends in a link that only one core works at.
  await Promise.all([buildPage(), buildModule()]);
  const bytes = readFileSync(wasm);
  const kb = (size) => `${(size / 1000).toFixed(1)} kB`;
  console.log(`the Worker's module: ${kb(bytes.length)}, gzipped ${kb(gzipSync(bytes).length)}`);
}
