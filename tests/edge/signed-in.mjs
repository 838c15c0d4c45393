// The Worker behind Cloudflare Access, simulated by `[access.dev]` in wrangler.toml: every request is from the
// configured person.

import { randomBytes } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { root } from "../../scripts/tools.mjs";

/** Options for `startWorker`: behind Access, signed in as `identity`. `remove` cleans up afterwards. */
export function behindAccess(identity, vars = {}) {
  const file = join(root, `build/wrangler-access-${randomBytes(4).toString("hex")}.toml`);
  const members = Object.entries(identity ?? {}).map(([name, value]) => `${name} = ${JSON.stringify(value)}`);
  const section = identity ? `\n[access.dev.identity]\n${members.join("\n")}\n` : "";
  const settings = readFileSync(join(root, "wrangler.toml"), "utf8")
    .replace('main = "build/worker.js"', 'main = "worker.js"')
    .replace('directory = "www/dist"', 'directory = "../www/dist"')
    .replace(/\[build\][^[]*watch_dir = .*\n/, "");
  writeFileSync(file, `${settings}\n[access.dev]\naud = "aud"\n${section}`);
  return { options: { open: false, config: file, vars }, remove: () => rmSync(file) };
}
