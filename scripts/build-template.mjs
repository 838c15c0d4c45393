// Builds build/template: a folder that runs and deploys the Worker with only Node and wrangler.

import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { readOptions } from "./command.mjs";
import { licenses, npmPackage } from "./licenses.mjs";
import { build, setup } from "./setup.mjs";
import { environment, root, run } from "./tools.mjs";

const template = join(root, "build/template");
const read = (file) => readFileSync(join(root, file), "utf8");
const write = (file, text) => writeFileSync(join(template, file), text);

/** Replaces a pattern in a text; fails if it does not occur. */
function replace(text, pattern, by) {
  if (!pattern.test(text)) throw new Error(`there is no ${pattern} to replace`);
  return text.replace(pattern, by);
}

/** wrangler.toml without the build steps. */
function config() {
  let text = replace(read("wrangler.toml"), /^main = .*$/m, 'main = "worker.js"');
  text = replace(text, /^\[build\]\n(.+\n)+\n/m, "");
  return replace(text, /^directory = "www\/dist"$/m, 'directory = "assets"');
}

readOptions({ name: "build:template", usage: "Usage: npm run build:template\n\nBuilds build/template: a folder that runs and deploys the Worker with Node and wrangler alone." });
await setup();
await build();
rmSync(template, { recursive: true, force: true });
for (const name of ["scripts", "docs"]) mkdirSync(join(template, name), { recursive: true });

for (const file of ["worker.js", "index_bg.wasm"]) cpSync(join(root, "build", file), join(template, file));
cpSync(join(root, "www/dist"), join(template, "assets"), { recursive: true });
const COMMANDS = ["start", "deploy", "key", "webhook", "import", "export", "backup", "restore", "rewind", "rebuild-directory"];
for (const file of [...COMMANDS, "backup-file", "command", "in-order", "local-proxy", "service", "tools"]) {
  cpSync(join(root, `scripts/${file}.mjs`), join(template, `scripts/${file}.mjs`));
}
cpSync(join(root, "scripts/template/setup.mjs"), join(template, "scripts/setup.mjs"));
for (const file of ["LICENSE", ".npmrc", "docs/examples", "docs/alerts.yml", "docs/dashboard.json"]) cpSync(join(root, file), join(template, file), { recursive: true });
write("wrangler.toml", config());
// The console includes the preview's module.
write("LICENSES.txt", licenses(["edge", "preview"], ["preact", "@preact/signals", "@preact/signals-core"].map(npmPackage)));
write(".gitignore", "node_modules\n.wrangler/\n.dev.vars\n");
// The Deploy to Cloudflare button asks for these. This placeholder is too short to be accepted as a key.
write(".dev.vars.example", "ROOT_API_KEY=root:change-me\n");
const [session] = /```console\n[^]*\n```console\n[^]*?```/.exec(read("README.md"));
write("README.md", replace(read("scripts/template/README.md"), /\{\{session\}\}/, () => session));

const documents = ["SECURITY.md", "CHANGELOG.md", ...["README", "access", "api", "compatibility", "connector-service", "console", "deploying", "importing", "operations", "upgrading", "webhooks"].map((name) => `docs/${name}.md`)];
for (const file of documents) write(file, "");
/** The document with links only to files of the template; other links become plain text. */
const linked = (file) =>
  read(file).replace(/\[([^\]]+)\]\((?![a-z]+:)([^)#]+)[^)]*\)/g, (link, label, target) =>
    existsSync(join(template, dirname(file), target)) ? link : label,
  );
for (const file of documents) write(file, linked(file));

const workspace = JSON.parse(read("package.json"));
const { version } = JSON.parse(read("npm/package.json"));
const manifest = {
  name: "connector-status-worker",
  version,
  private: true,
  type: "module",
  license: workspace.license,
  engines: { node: ">=22.12" },
  scripts: Object.fromEntries(COMMANDS.map((name) => [name, workspace.scripts[name]])),
  devDependencies: { wrangler: workspace.devDependencies.wrangler },
  cloudflare: {
    bindings: {
      ROOT_API_KEY: { description: "The first key: `root:` and a secret of at least 20 characters, from `openssl rand -hex 32`." },
    },
  },
};
write("package.json", `${JSON.stringify(manifest, null, 2)}\n`);
// npm prunes what the template does not need from our lock file.
cpSync(join(root, "package-lock.json"), join(template, "package-lock.json"));
const env = Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith("npm_")));
await run("npm", ["install", "--package-lock-only", "--offline", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: template, env });
console.log("built build/template");
