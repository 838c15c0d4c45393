// Builds build/template: a folder that runs and deploys the Worker with Node and wrangler alone.

import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { build, setup } from "./setup.mjs";
import { environment, root, run } from "./tools.mjs";

const template = join(root, "build/template");
const read = (file) => readFileSync(join(root, file), "utf8");
const write = (file, text) => writeFileSync(join(template, file), text);

/** A text in which something that must be there is replaced. */
function replace(text, pattern, by) {
  if (!pattern.test(text)) throw new Error(`there is no ${pattern} to replace`);
  return text.replace(pattern, by);
}

/** wrangler.toml without what builds. */
function config() {
  let text = replace(read("wrangler.toml"), /^main = .*$/m, 'main = "worker.js"');
  text = replace(text, /^\[build\]\n(.+\n)+\n/m, "");
  return replace(text, /^directory = "www\/dist"$/m, 'directory = "assets"');
}

/** The licence texts of the crates in the module and of the console's library. */
function licenses() {
  const cargo = (...args) =>
    execFileSync("cargo", [...args, "--locked", "--features", "edge"], { cwd: root, maxBuffer: 1 << 28 }).toString();
  const { packages } = JSON.parse(cargo("metadata", "--format-version", "1", "--filter-platform", "wasm32-unknown-unknown"));
  const listed = cargo("tree", "--target", "wasm32-unknown-unknown", "--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}");
  const names = new Set(listed.split("\n").map((line) => line.split(" ").slice(0, 2).join(" v").replace("vv", "v")));
  const crates = packages
    .filter(({ name, version }) => names.has(`${name} v${version}`) && name !== "connector-status")
    .map(({ name, version, license, manifest_path: path }) => ({ name, version, license, folder: dirname(path) }));
  const { version, license } = JSON.parse(read("node_modules/preact/package.json"));
  const all = [...crates, { name: "preact", version, license, folder: join(root, "node_modules/preact") }];
  const byText = new Map();
  for (const { name, version, license, folder } of all) {
    const files = readdirSync(folder).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file)).sort();
    // Where there is a choice, it is MIT.
    const chosen = !license.includes(" AND ") && files.find((file) => /mit/i.test(file));
    const texts = (chosen ? [chosen] : files).map((file) => readFileSync(join(folder, file), "utf8").trim());
    const text = texts.join("\n\n");
    byText.set(text, [...(byText.get(text) ?? []), `${name} ${version}: ${license}`]);
  }
  return [...byText].map(([text, names]) => `${names.join("\n")}\n\n${text}`);
}

await setup();
await build();
rmSync(template, { recursive: true, force: true });
mkdirSync(join(template, "scripts"), { recursive: true });

for (const file of ["worker.js", "index_bg.wasm"]) cpSync(join(root, "build", file), join(template, file));
cpSync(join(root, "www/dist"), join(template, "assets"), { recursive: true });
for (const file of ["start", "deploy", "key", "tools"]) {
  cpSync(join(root, `scripts/${file}.mjs`), join(template, `scripts/${file}.mjs`));
}
cpSync(join(root, "scripts/template/setup.mjs"), join(template, "scripts/setup.mjs"));
for (const file of ["LICENSE", "SECURITY.md", ".npmrc"]) {
  if (existsSync(join(root, file))) cpSync(join(root, file), join(template, file));
}
write("wrangler.toml", config());
write("LICENSES.txt", `${licenses().join(`\n\n${"-".repeat(80)}\n\n`)}\n`);
write(".gitignore", "node_modules\n.wrangler/\n.dev.vars\n");
// What a Deploy to Cloudflare button asks for. Too short to be honoured as it is.
write(".dev.vars.example", "ROOT_API_KEY=root:change-me\n");
const [session] = /```console\n[^]*?```/.exec(read("README.md"));
write("README.md", replace(read("scripts/template/README.md"), /\{\{session\}\}/, () => session));

const workspace = JSON.parse(read("package.json"));
const { version } = JSON.parse(read("npm/package.json"));
const manifest = {
  name: "connector-status-worker",
  version,
  private: true,
  type: "module",
  license: workspace.license,
  engines: { node: ">=22.12" },
  scripts: Object.fromEntries(["start", "deploy", "key"].map((name) => [name, workspace.scripts[name]])),
  devDependencies: { wrangler: workspace.devDependencies.wrangler },
  cloudflare: {
    bindings: {
      ROOT_API_KEY: { description: "The first key: `root:` and a secret of at least 20 characters, from `openssl rand -hex 32`." },
    },
  },
};
write("package.json", `${JSON.stringify(manifest, null, 2)}\n`);
// npm takes out of our lock what the template does not need.
cpSync(join(root, "package-lock.json"), join(template, "package-lock.json"));
const env = Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith("npm_")));
await run("npm", ["install", "--package-lock-only", "--offline", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: template, env });
console.log("built build/template");
