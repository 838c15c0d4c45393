// Prints the CHANGELOG.md section of a version: node scripts/release-notes.mjs v1.2.3

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { root } from "./tools.mjs";

const read = (file) => readFileSync(join(root, file), "utf8");
const version = (process.argv[2] ?? "").replace(/^v/, "");
const section = read("CHANGELOG.md").split(/^## /m).find((text) => text.split(/\s/)[0] === version);
const packaged = JSON.parse(read("npm/package.json")).version;

if (!section) console.error(`CHANGELOG.md has no section "## ${version}"`);
else if (version !== packaged) console.error(`npm/package.json has version ${packaged}, not ${version}`);
else console.log(section.slice(section.indexOf("\n")).trim());
process.exit(section && version === packaged ? 0 : 1);
