// Installs what is missing, and nothing else. Every command begins with this.

import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { browser, environment, has, root, run, step, versions } from "./tools.mjs";

const lock = join(root, "package-lock.json");
const stamp = join(root, "node_modules/.installed");

/** What the lock file says, in short. */
const fingerprint = () => createHash("sha256").update(readFileSync(lock)).digest("hex");

async function packages() {
  if (has("node_modules/.installed") && readFileSync(stamp, "utf8") === fingerprint()) return;
  step("packages: npm ci (about half a minute)");
  // npm marks a running `npm start` by variables that would mislead another npm inside it.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith("npm_")),
  );
  await run("npm", ["ci", "--no-audit", "--no-fund"], { env });
  writeFileSync(stamp, fingerprint());
}

async function target() {
  const name = "wasm32-unknown-unknown";
  const listed = () => execFileSync("rustup", ["target", "list", "--installed"], { cwd: root });
  try {
    if (listed().includes(name)) return;
  } catch {
    console.error("Rust is needed, installed by rustup: see https://rustup.rs");
    process.exit(1);
  }
  step(`Rust's target ${name}`);
  await run("rustup", ["target", "add", name]);
}

async function tools() {
  const missing = Object.entries(versions).filter(([name, version]) => {
    const binary = name === "wasm-bindgen-cli" ? "wasm-bindgen" : name;
    if (!has(".tools/bin", binary)) return true;
    const said = execFileSync(join(root, ".tools/bin", binary), ["--version"]).toString();
    return !said.includes(version);
  });
  if (missing.length === 0) return;
  const names = missing.map(([name, version]) => `${name}@${version}`);
  step(`tools: ${names.join(", ")}, built from source into .tools (two to four minutes, once)`);
  // Unoptimised tools are fast enough and build four times faster; one call shares what they share.
  const env = {
    ...environment,
    CARGO_PROFILE_RELEASE_OPT_LEVEL: "0",
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS: "256",
    CARGO_PROFILE_RELEASE_LTO: "off",
    CARGO_TARGET_DIR: join(root, ".tools/target"),
  };
  await run("cargo", ["install", ...names, "--root", ".tools"], { env });
}

/** Sets up everything that building and running the Worker needs. */
export async function setup() {
  await target();
  await packages();
  await tools();
}

/** Sets up a browser for the tests that need one. */
export async function chromium() {
  if (existsSync(browser)) return;
  step("Chromium, from Debian's packages");
  await run("apt-get", ["update", "-q"]);
  await run("apt-get", ["install", "-y", "-q", "--no-install-recommends", "chromium"]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await setup();
