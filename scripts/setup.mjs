// Installs what is missing, and nothing else. Every command starts with this.

import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { readOptions } from "./command.mjs";
import { TARGET, browser, checkNode, environment, find, has, root, run, step, succeeds } from "./tools.mjs";

/** Does something once for each state of the files that it depends on. */
async function once(stamp, files, work) {
  const hash = createHash("sha256");
  for (const file of files) hash.update(readFileSync(join(root, file)));
  const fingerprint = hash.digest("hex");
  if (has(stamp) && readFileSync(join(root, stamp), "utf8") === fingerprint) return;
  await work();
  writeFileSync(join(root, stamp), fingerprint);
}

async function packages() {
  step("packages: npm ci (about half a minute)");
  // `npm start` sets variables that would confuse another npm inside it.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith("npm_")),
  );
  // npm only warns about the Node it runs in; the packages include a suitable one.
  await run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { env });
}

async function target() {
  const listed = () => execFileSync("rustup", ["target", "list", "--installed"], { cwd: root });
  try {
    if (listed().includes(TARGET)) return;
  } catch {
    console.error("Rust is needed, installed by rustup: see https://rustup.rs");
    process.exit(1);
  }
  step(`Rust's target ${TARGET}`);
  await run("rustup", ["target", "add", TARGET]);
}

/** Installs the tool that generates JavaScript for compiled modules. */
async function tools() {
  step("tools: wasm-bindgen, from source into .tools (about half a minute, once)");
  const target = join(root, ".tools/target");
  const args = ["build", "--locked", "--release", "--manifest-path", "tools/Cargo.toml", "--target-dir", target];
  await run("cargo", args);
  mkdirSync(join(root, ".tools/bin"), { recursive: true });
  copyFileSync(join(target, "release/bindgen"), join(root, ".tools/bin/bindgen"));
}

/** Installs everything that building and running the Worker needs. */
export async function setup() {
  await target();
  await Promise.all([
    once("node_modules/.installed", ["package-lock.json"], packages).then(checkNode),
    once(".tools/.installed", ["tools/Cargo.lock", "tools/src/main.rs"], tools),
  ]);
}

/** Builds the Worker and the console if they are stale. */
export async function build() {
  step("the Worker and the console: npm run build:worker");
  await run("node", ["scripts/build-worker.mjs"]);
}

/** Installs a browser for the tests if possible. Returns whether there is one. */
export async function chromium() {
  if (!browser() && !process.env.CHROMIUM && process.getuid() === 0 && find("apt-get")) {
    step("Chromium, from Debian's packages");
    await run("apt-get", ["update", "-q"]);
    const install = (name) => succeeds("apt-get", ["install", "-y", "-q", "--no-install-recommends", name]);
    // Older releases have only the full browser.
    (await install("chromium-headless-shell")) || (await install("chromium"));
  }
  return browser() !== undefined;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  readOptions({ name: "setup", usage: "Usage: npm run setup\n\nInstalls what is missing into the project's folder: packages, Rust's target, build tools." });
  await setup();
}
