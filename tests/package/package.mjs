// Helpers for the package's tests.

import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { root } from "../../scripts/tools.mjs";

export { pairs, protocol, statuses } from "../protocol.mjs";

export const folder = join(root, "npm");
export const dist = join(folder, "dist");
if (!existsSync(dist)) throw new Error("npm run build:package first");

/** Elasticsearch's reason, to the letter. */
export const refusal = (from, to) =>
  `Invalid transition attempt from [${from}] to [${to}]. ` +
  "Such a status transition is not supported by the Connector Protocol.";

/** npm as a user would run it: not as a child of another npm, and without prompts. */
function npm(args, cwd) {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith("npm_")),
  );
  return execFileSync("npm", [...args, "--offline", "--no-audit", "--no-fund"], {
    cwd,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  }).toString();
}

/** A folder that is removed when the test ends. */
export function temporary(t) {
  const path = mkdtempSync(join(tmpdir(), "connector-status-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Packs the package as for publication; returns the tarball's path. */
export function pack(t) {
  const into = temporary(t);
  const [{ filename }] = JSON.parse(npm(["pack", "--json", "--pack-destination", into], folder));
  return join(into, filename);
}

/** An empty project with nothing but the tarball installed. */
export function install(t, tarball) {
  const path = temporary(t);
  writeFileSync(join(path, "package.json"), '{ "private": true, "type": "module" }\n');
  npm(["install", tarball], path);
  return path;
}

/** A project like `installed`, with these files. */
export function project(t, installed, files) {
  const path = temporary(t);
  cpSync(installed, path, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

/**
 * Runs an example against npm/dist; returns the values of the `names` that it declares. `given`: the names that it uses
 * without declaring them.
 */
export function runExample(code, given, names) {
  const body = code.replaceAll(
    /import (\{.*?\}) from "connector-status\/(\w+)";/g,
    (_, imported, entry) => `const ${imported} = await import(${JSON.stringify(join(dist, `${entry}.js`))});`,
  );
  const AsyncFunction = (async () => {}).constructor;
  const run = new AsyncFunction(...Object.keys(given), `${body}\nreturn { ${names} };`);
  return run(...Object.values(given));
}

/** The first code block of that language under a heading of the package's README. */
export function example(heading, language) {
  const readme = readFileSync(join(folder, "README.md"), "utf8");
  const section = readme.split(/^#+ /m).find((text) => text.startsWith(heading));
  const [, code] = section.match(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "ms"));
  return code;
}

/**
 * A program that uses every entry point of the package: an expression for a promise of `everythingSaid`. `get` writes
 * the import of a module.
 */
export const everything = (get) => `(async () => {
  const { explainTransition, isValidTransition } = await ${get("connector-status")};
  const slim = await ${get("connector-status/slim")};
  const { readFileSync } = await ${get("node:fs")};
  const { createRequire } = await ${get("node:module")};
  const { resolve } = createRequire(process.cwd() + "/x");
  slim.init(readFileSync(resolve("connector-status/connector_status.wasm")));
  const js = await ${get("connector-status/js")};
  const client = await ${get("connector-status/client")};
  const { observe } = await ${get("connector-status/store")};
  const jobs = await ${get("connector-status/sync-jobs")};
  const { load, preview } = await ${get("connector-status/preview")};
  await load();
  const { status, connector } = preview(null, { method: "PUT", path: "/_connector/a", body: { name: "Ä😀" } });
  return [
    explainTransition("created", "connected"),
    ...[isValidTransition, slim.isValidTransition, js.isValidTransition].map((may) => may("created", "error")),
    client.transitionOptions("created").length,
    observe(client.connectorStatus({ url: "http://localhost" }), "a").get().loading,
    jobs.nextStatuses("pending"),
    status,
    connector.name,
  ];
})()`;

export const everythingSaid = [refusal("created", "connected"), true, true, true, 5, true, ["in_progress", "canceled"], 201, "Ä😀"];
