// Finds the tools, and runs commands with their output visible.

import { execFileSync, spawn } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Browsers for tests, by their names on the PATH and on macOS. The first one has no window and opens pages twice as
 * fast.
 */
const browsers = [
  ...["chromium-headless-shell", "chromium", "google-chrome", "google-chrome-stable", "chromium-browser", "microsoft-edge"],
  ...["Chromium", "Google Chrome", "Microsoft Edge"].flatMap((name) =>
    ["/Applications", join(homedir(), "Applications")].map(
      (folder) => `${folder}/${name}.app/Contents/MacOS/${name}`,
    ),
  ),
];

/** The path of a program that is on the PATH or given as a path. */
export function find(program) {
  const folders = isAbsolute(program) ? [""] : (process.env.PATH ?? "").split(delimiter);
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

/** The browser for tests: the one in CHROMIUM, or an installed one. */
export const browser = () =>
  process.env.CHROMIUM ? find(process.env.CHROMIUM) : browsers.map(find).find(Boolean);

const local = (...parts) => join(root, ...parts);

/** The time of the last change in a folder or file. */
function lastChange(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(...readdirSync(path).map((name) => lastChange(join(path, name))));
}

/** Whether any source is newer than `output`. Paths are relative to the project's folder. */
export function isStale(output, sources) {
  const [built, ...changes] = [output, ...sources].map((path) => resolve(root, path));
  return !existsSync(built) || Math.max(...changes.map(lastChange)) > lastChange(built);
}

/** The environment of every command: the project's own Node and wasm tools, and no downloads. */
export const environment = {
  // With these settings rustc uses huge pages where Linux lets programs choose. Compilers access memory at random, so
  // on a virtual machine with slow memory this compiles four times as fast.
  MALLOC_CONF: "thp:always,metadata_thp:always",
  GLIBC_TUNABLES: "glibc.malloc.hugetlb=1",
  // Node keeps compiled code: a command of wrangler takes 1.5 s of CPU instead of 2.4.
  NODE_COMPILE_CACHE: local("node_modules/.cache/node"),
  ...process.env,
  PATH: [local("node_modules/.bin"), local(".tools/bin"), process.env.PATH].join(":"),
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_HIDE_BANNER: "true",
  // The location of requests makes no difference here, so wrangler need not look it up.
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
};

export const TARGET = "wasm32-unknown-unknown";
/** For `cargo rustc`: compiles a module of WebAssembly, and nothing that it doesn't use. */
export const MODULE = ["--target", TARGET, "--crate-type", "cdylib"];

/**
 * For wasm-opt: functions with a single caller are not inlined. Inlining makes a module harder to compress (the
 * Worker's: 574 kB gzipped instead of 533) and no smaller.
 */
export const OUTLINE = "--one-caller-inline-max-function-size=0";

/** Exits if Node is too old for wrangler. On macOS and Linux the packages include a newer one. */
export function checkNode() {
  const version = execFileSync("node", ["--version"], { env: environment }).toString().trim();
  const [major, minor] = version.slice(1).split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 12)) return;
  console.error(`Node 22.12 or newer is needed, but this is ${version}: see https://nodejs.org`);
  process.exit(1);
}

/** Prints the step that begins. */
export function step(text) {
  console.log(`\n== ${text}`);
}

/** Starts a command that inherits our output. */
export function start(command, args, options = {}) {
  return spawn(command, args, { cwd: root, env: environment, stdio: "inherit", ...options });
}

/** Runs a command to its end. Returns whether it succeeded. */
export function succeeds(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = start(command, args, options);
    child.on("error", (error) => {
      console.error(`${command}: ${error.message}`);
      resolve(false);
    });
    child.on("exit", (code) => resolve(code === 0));
  });
}

/** Runs a command that must succeed. */
export async function run(command, args, options = {}) {
  if (!(await succeeds(command, args, options))) {
    console.error(`\nfailed: ${command} ${args.join(" ")}`);
    process.exit(1);
  }
}

/** Whether the project has such a file. */
export const has = (...parts) => existsSync(local(...parts));
