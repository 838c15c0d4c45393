// Where the tools are, and how to run them so that one can see what happens.

import { execFileSync, spawn } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Browsers that pages can be tested in, by the names they have on the PATH and on macOS. The first one has no window, so
 * it opens pages in half the time.
 */
const browsers = [
  ...["chromium-headless-shell", "chromium", "google-chrome", "google-chrome-stable", "chromium-browser", "microsoft-edge"],
  ...["Chromium", "Google Chrome", "Microsoft Edge"].flatMap((name) =>
    ["/Applications", join(homedir(), "Applications")].map(
      (folder) => `${folder}/${name}.app/Contents/MacOS/${name}`,
    ),
  ),
];

/** Where a program is, if it is on the PATH or named by its path. */
export function find(program) {
  const folders = isAbsolute(program) ? [""] : (process.env.PATH ?? "").split(delimiter);
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

/** The browser that pages are tested in: the one that CHROMIUM names, or one that is installed. */
export const browser = () =>
  process.env.CHROMIUM ? find(process.env.CHROMIUM) : browsers.map(find).find(Boolean);

const local = (...parts) => join(root, ...parts);

/** When was anything in there last changed? */
function lastChange(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(...readdirSync(path).map((name) => lastChange(join(path, name))));
}

/** Has anything that `output` is made of changed since it was built? Paths are those below the project's folder. */
export function isStale(output, sources) {
  const [built, ...changes] = [output, ...sources].map((path) => resolve(root, path));
  return !existsSync(built) || Math.max(...changes.map(lastChange)) > lastChange(built);
}

/** The environment for every command: this project's Node, wasm tools and nothing downloaded. */
export const environment = {
  ...process.env,
  PATH: [local("node_modules/.bin"), local(".tools/bin"), process.env.PATH].join(":"),
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_HIDE_BANNER: "true",
  // Where requests come from in the world makes no difference here, so it is not asked for.
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
};

/** Ends here if Node is too old for wrangler. Packages bring one along for macOS and Linux. */
export function checkNode() {
  const version = execFileSync("node", ["--version"], { env: environment }).toString().trim();
  const [major, minor] = version.slice(1).split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 12)) return;
  console.error(`Node 22.12 or newer is needed, and this is ${version}: see https://nodejs.org`);
  process.exit(1);
}

/** Says what is being done. */
export function step(text) {
  console.log(`\n== ${text}`);
}

/** Starts a command whose output goes where ours goes. */
export function start(command, args, options = {}) {
  return spawn(command, args, { cwd: root, env: environment, stdio: "inherit", ...options });
}

/** Runs a command to its end; true if it succeeded. */
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

/** Is there such a file in the project? */
export const has = (...parts) => existsSync(local(...parts));
