// Builds the Worker into build/, and what it serves into www/dist. Run by wrangler, see wrangler.toml.

import { globSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

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

/** Has anything that the package is made of changed since it was built? */
function packageIsStale() {
  if (!has("npm/dist/preview.js")) return true;
  const time = (file) => statSync(join(root, file)).mtimeMs;
  const sources = globSync(["src/**/*.rs", "npm/src/**/*.js", "Cargo.toml"], { cwd: root });
  return Math.max(...sources.map(time)) > time("npm/dist/preview.js");
}

mkdirSync(join(root, "www/dist"), { recursive: true });
if (!process.env.CONNECTOR_STATUS_BUILT) {
  if (packageIsStale()) await run("node", ["scripts/build-package.mjs"]);
  await run("node", ["scripts/build-www.mjs"]);
  // Paths of this machine are of no use in a deployment.
  const home = process.env.CARGO_HOME ?? join(homedir(), ".cargo");
  const env = { ...environment, RUSTFLAGS: `--remap-path-prefix=${home}=` };
  await run("worker-build", ["--release", "--features", "edge"], { env });
  // Function names are a fifth of the module. NAMES=1 keeps them, for a profile or a stack trace.
  const names = process.env.NAMES ? ["-g"] : ["--strip-debug", "--strip-producers"];
  await run("wasm-opt", ["-Oz", ...names, ...features, wasm, "-o", wasm]);
  const bytes = readFileSync(wasm);
  const kb = (size) => `${(size / 1000).toFixed(1)} kB`;
  console.log(`the Worker's module: ${kb(bytes.length)}, gzipped ${kb(gzipSync(bytes).length)}`);
  writeOpenApi();
}
