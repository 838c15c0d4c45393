// Download sizes: everything that an entry point exports, and alternatives to the package.

import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";

import { root } from "../../scripts/tools.mjs";
import { protocol, statuses } from "../protocol.mjs";

const entry = (name) => `export * from ${JSON.stringify(join(root, "npm/dist", `${name}.js`))}`;

const table = Object.fromEntries(
  statuses.map((from) => [
    from,
    Object.fromEntries(statuses.map((to) => [to, protocol[from].includes(to)])),
  ]),
);

export const imports = {
  "plain object": `const t = ${JSON.stringify(table)}; export const can = (a, b) => t[a][b];`,
  "connector-status": entry("index"),
  "connector-status/js": entry("js"),
  "connector-status/slim": entry("slim"),
  "connector-status/client": entry("client"),
  "connector-status/store": entry("store"),
  "connector-status/react": entry("react"),
  "connector-status/preview": entry("preview"),
  "connector-status/sync-jobs": entry("sync-jobs"),
  "robot3": `export { createMachine, state, transition } from "robot3";`,
  "javascript-state-machine": `export { default } from "javascript-state-machine";`,
  "xstate": `export { createMachine, getNextSnapshot } from "xstate";`,
};

/** The size minified and gzipped, and the minified code. */
export async function measure(contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    define: { "process.env.NODE_ENV": '"production"' },
    write: false,
    // Pages that use the hooks have React already.
    external: ["react"],
    logLevel: "error",
  });
  const [{ contents: bytes }] = outputFiles;
  return { minified: bytes.length, gzipped: gzipSync(bytes, { level: 9 }).length, bytes };
}
