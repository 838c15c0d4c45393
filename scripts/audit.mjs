// `npm run audit`: checks everything in the lock files for known vulnerabilities, licences and sources. Needs network
// access and cargo-deny.

import { readOptions } from "./command.mjs";
import { run } from "./tools.mjs";

readOptions({
  name: "audit",
  usage: `
Usage: npm run audit

Looks up the crates and npm packages of every lock file in the advisory databases, and checks licences and sources. Needs a
network and cargo-deny (cargo install --locked cargo-deny).`,
});
await run("cargo", ["deny", "--locked", "check"]);
await run("cargo", ["deny", "--locked", "--manifest-path", "tools/Cargo.toml", "check", "advisories", "sources"]);
for (const folder of [".", "tests/package/projects", ".github/npm"]) await run("npm", ["audit", "--prefix", folder]);
