// Schemathesis, which tests an API against its own description: installed into .tools, run here.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

import { root } from "./tools.mjs";

const version = "4.32.5";
const folder = join(root, ".tools/schemathesis");
const program = join(folder, "bin/schemathesis");
const execute = promisify(execFile);

/** Installs it, if it is not there. */
export async function install() {
  if (existsSync(program)) return;
  await execute("python3", ["-m", "venv", folder]);
  const pip = ["install", "--quiet", "--disable-pip-version-check", `schemathesis==${version}`];
  await execute(join(folder, "bin/pip"), pip);
}

/** Runs it against an API. Answers what it prints, and whether it found nothing. */
export async function schemathesis(...args) {
  // What it talks to is on this machine.
  const env = { ...process.env, NO_PROXY: "*", NO_COLOR: "1" };
  const options = { cwd: folder, env, maxBuffer: 1 << 26 };
  return execute(program, args, options).then(
    ({ stdout }) => ({ passed: true, output: stdout }),
    (error) => ({ passed: false, output: `${error.stdout ?? ""}${error.stderr ?? error.message}` }),
  );
}
