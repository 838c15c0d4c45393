// Where the tools are, and how to run them so that one can see what happens.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The browser that pages are tested in. */
export const browser = process.env.CHROMIUM ?? "/usr/bin/chromium";

const local = (...parts) => join(root, ...parts);

/** The environment for every command: this project's Node, wasm tools and nothing downloaded. */
export const environment = {
  ...process.env,
  PATH: [local("node_modules/.bin"), local(".tools/bin"), process.env.PATH].join(":"),
  WASM_BINDGEN_BIN: local(".tools/bin/wasm-bindgen"),
  WASM_OPT_BIN: local("node_modules/.bin/wasm-opt"),
  ESBUILD_BIN: local("node_modules/.bin/esbuild"),
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_HIDE_BANNER: "true",
};

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
