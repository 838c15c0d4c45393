// Builds the Worker into build/, and the files it serves into www/dist. Run by wrangler (see wrangler.toml).

import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";

import { readOptions } from "./command.mjs";
import { workerGlue } from "./glue.mjs";
import { MODULE, OUTLINE, TARGET, environment, has, isStale, root, run } from "./tools.mjs";

const wasm = join(root, "build/index_bg.wasm");

// The wasm features that workerd supports.
const features = [
  "mutable-globals",
  "sign-ext",
  "nontrapping-float-to-int",
  "bulk-memory",
  "multivalue",
  "reference-types",
  "exception-handling",
].map((feature) => `--enable-${feature}`);

// Exports that the Worker never calls: classes of dependencies, and what only this script calls. The linker keeps them.
const unused = /intounderlying|containerstartupoptions|minifyconfig|r2range|^openapi$/;

/** The exports to keep, as input for wasm-metadce. */
function usedExports(module) {
  const all = WebAssembly.Module.exports(new WebAssembly.Module(readFileSync(module)));
  const used = all.map(({ name }) => name).filter((name) => !unused.test(name));
  return [{ name: "used", root: true, reaches: used }, ...used.map((name) => ({ name, export: name }))];
}

const crate = ["src", "Cargo.toml", "Cargo.lock"];
/** Records how the contents of build/ were built. */
const stamp = "build/.built";

/** `--dev`: compiles quickly, but the Worker is slower. */
const { dev } = readOptions({
  name: "build:worker",
  usage: `
Usage: npm run build:worker -- [--dev]

Builds the Worker into build/, and the package and the console with it. NAMES=1 keeps function names.

  --dev   makes a development build: fast to compile, slower to run. Doesn't build the package and the console`,
  options: { dev: { type: "boolean", default: false } },
});
const devProfile = { CARGO_PROFILE_RELEASE_LTO: "off", CARGO_PROFILE_RELEASE_OPT_LEVEL: "1", CARGO_PROFILE_RELEASE_CODEGEN_UNITS: "16" };
const kind = dev ? "dev" : process.env.NAMES ? "named" : "unnamed";

/** Compiles the Worker and optimizes its module. */
async function buildWorker() {
  // Keeps this machine's paths out of the module.
  const home = process.env.CARGO_HOME ?? join(homedir(), ".cargo");
  const env = { ...environment, RUSTFLAGS: `--remap-path-prefix=${home}=`, ...(dev && devProfile) };
  await run("cargo", ["rustc", "--locked", "--release", "--lib", ...MODULE, "--features", "edge"], { env });
  const targets = process.env.CARGO_TARGET_DIR ?? join(root, "target");
  const bindings = join(root, "build/bindings");
  rmSync(bindings, { recursive: true, force: true });
  const compiled = join(targets, TARGET, "release/connector_status.wasm");
  await run("bindgen", ["worker", compiled, bindings]);
  const glue = join(bindings, "index.js");
  writeFileSync(glue, workerGlue(readFileSync(glue, "utf8")));
  const bundled = build({
    absWorkingDir: root,
    entryPoints: ["src/edge/entry.js"],
    outfile: "build/worker.js",
    bundle: true,
    format: "esm",
    target: "es2024",
    external: ["cloudflare:*", "*.wasm"],
  });
  // Function names are a fifth of the module. NAMES=1 keeps them, for profiles and stack traces.
  const names = process.env.NAMES ? ["-g"] : ["--strip-debug", "--strip-producers"];
  const bound = join(bindings, "index_bg.wasm");
  if (dev) copyFileSync(bound, wasm);
  else {
    const used = join(bindings, "used.wasm");
    const graph = join(bindings, "exports.json");
    writeFileSync(graph, JSON.stringify(usedExports(bound)));
    // Its output, the list of what it removes, is discarded.
    await run("wasm-metadce", [...features, "-g", "-f", graph, bound, "-o", used], { stdio: ["ignore", "ignore", "inherit"] });
    await run("wasm-opt", ["-Oz", OUTLINE, ...names, ...features, used, "-o", wasm]);
  }
  await bundled;
  await writeOpenApi(compiled, join(bindings, "node"));
}

/** Writes the OpenAPI document, which only the module knows, to a file that the Worker serves. */
async function writeOpenApi(compiled, folder) {
  await run("bindgen", ["web", compiled, folder]);
  const module = await import(pathToFileURL(join(folder, "index.js")).href);
  module.initSync({ module: readFileSync(join(folder, "index_bg.wasm")) });
  const handwritten = readFileSync(join(root, "src/api/openapi.json"), "utf8");
  writeFileSync(join(root, "www/dist/openapi.json"), `${module.openapi(handwritten)}\n`);
}

/** Builds the package, which includes the console. */
async function buildPage() {
  if (dev && has("npm/dist/preview.js") && has("www/dist/index.html")) {
    console.log("--dev: the package and the console stay as they are");
    return;
  }
  if (isStale("npm/dist/preview.js", [...crate, "npm/src", "scripts/build-package.mjs", "scripts/licenses.mjs"])) {
    await run("node", ["scripts/build-package.mjs"]);
  }
  await run("node", ["scripts/build-www.mjs"]);
}

/** Builds the Worker if it is stale. */
async function buildModule() {
  const sources = [...crate, "tools/Cargo.lock", "scripts/build-worker.mjs", "scripts/glue.mjs"];
  const built = has(stamp) ? readFileSync(join(root, stamp), "utf8") : undefined;
  // For a development build, any up-to-date build will do.
  if ((built === kind || (dev && built)) && !isStale(stamp, sources)) return;
  rmSync(join(root, stamp), { force: true });
  await buildWorker();
  // The stamp is written last, so that an interrupted build does not count as done.
  writeFileSync(join(root, stamp), kind);
}

mkdirSync(join(root, "www/dist"), { recursive: true });
if (!process.env.CONNECTOR_STATUS_BUILT) {
  // Both end in a single-threaded link step, so run them side by side.
  await Promise.all([buildPage(), buildModule()]);
  const bytes = readFileSync(wasm);
  const kb = (size) => `${(size / 1000).toFixed(1)} kB`;
  console.log(`the Worker's module: ${kb(bytes.length)}, gzipped ${kb(gzipSync(bytes).length)}`);
}
