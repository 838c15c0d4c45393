// Python programs that tests use, installed into .tools from tests/python/<name>.txt, which pins versions and hashes
// (made by `pip-compile --generate-hashes`).

import { execFile, execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

import { find, root } from "./tools.mjs";

const execute = promisify(execFile);
const folder = (name) => join(root, ".tools/python", name);

/** Why tests that need Python are skipped; `false` if they run. In CI nothing is skipped. */
export function missing() {
  if (process.env.CI) return false;
  if (!find("python3")) return "python3 is not installed";
  const isNew = "import sys, ensurepip; sys.exit(sys.version_info < (3, 11))";
  try {
    execFileSync("python3", ["-c", isNew], { stdio: "ignore" });
    return false;
  } catch {
    return "python3 is older than 3.11, or without venv";
  }
}

/** Installs a program unless the locked version is already there. */
export async function install(name) {
  const requirements = join(root, "tests/python", `${name}.txt`);
  const lock = readFileSync(requirements, "utf8");
  const stamp = join(folder(name), ".installed");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
  rmSync(folder(name), { recursive: true, force: true });
  await execute("python3", ["-m", "venv", folder(name)]);
  const pip = ["install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--only-binary=:all:"];
  await execute(join(folder(name), "bin/pip"), [...pip, "--requirement", requirements]);
  writeFileSync(stamp, lock);
}

/** Runs an installed program. Returns its output and whether it succeeded. */
export async function runPython(name, program, ...args) {
  // The program only talks to this machine.
  const env = { ...process.env, NO_PROXY: "*", NO_COLOR: "1" };
  const options = { cwd: folder(name), env, maxBuffer: 1 << 26 };
  return execute(join(folder(name), "bin", program), args, options).then(
    ({ stdout }) => ({ passed: true, output: stdout }),
    (error) => ({ passed: false, output: `${error.stdout ?? ""}${error.stderr ?? error.message}` }),
  );
}
