// Projects that use the package together with other packages. tests/package/projects installs all of those once; a project
// is a folder inside it, so it can import them, with the packed tarball in its own node_modules.

import { execFile, execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const folder = join(import.meta.dirname, "projects");
const modules = join(folder, "node_modules");

/** Installs the packages for the projects if they are missing. */
export async function setUpProjects() {
  const stamp = join(modules, ".installed");
  const lock = createHash("sha256").update(readFileSync(join(folder, "package-lock.json"))).digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
  console.log("\n== projects that the package is tested in: npm ci in tests/package/projects (about half a minute)");
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("npm_")));
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"];
  const npm = spawn("npm", args, { cwd: folder, env, stdio: "inherit" });
  const code = await new Promise((ended) => npm.on("exit", ended));
  if (code !== 0) throw new Error("npm ci in tests/package/projects failed: see above");
  writeFileSync(stamp, lock);
}

/** A project with these files and the unpacked tarball. Removed when the test ends. */
export function projectWithPackages(t, tarball, files) {
  const path = mkdtempSync(join(folder, "project-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  const own = join(path, "node_modules/connector-status");
  mkdirSync(own, { recursive: true });
  execFileSync("tar", ["-xf", tarball, "-C", own, "--strip-components=1"]);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return path;
}

/** The path of an installed package's file. */
export const inModules = (...parts) => join(modules, ...parts);

/** The first of several binaries that exists for this platform; `skip` says why if none does. */
export function binary(name, candidates) {
  const path = candidates.map((candidate) => inModules(candidate)).find(existsSync);
  const platform = `${process.platform}-${process.arch}`;
  return { path, skip: !path && `npm has installed no ${name} for ${platform}` };
}

const environment = (path) => ({
  ...process.env,
  HOME: path,
  NO_COLOR: "1",
  CI: "true",
  NEXT_TELEMETRY_DISABLED: "1",
  DENO_DIR: join(path, ".deno"),
  DENO_NO_UPDATE_CHECK: "1",
});

/** Runs a program in a project; resolves to its output if it succeeds within a minute. */
export async function runIn(path, file, args) {
  const options = { cwd: path, env: environment(path), timeout: 180_000, killSignal: "SIGKILL" };
  try {
    return (await promisify(execFile)(file, args, options)).stdout;
  } catch (error) {
    throw new Error(`${error.message}\n${error.stdout}\n${error.stderr}`);
  }
}

/** Starts a server in a project; resolves to the address that it prints within a minute. */
export async function serveIn(t, path, file, args) {
  const child = spawn(file, args, { cwd: path, env: environment(path) });
  const ended = new Promise((resolve) => child.on("exit", resolve));
  t.after(async () => {
    child.kill();
    await ended;
  });
  let output = "";
  return new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`no address within three minutes\n${output}`)), 180_000).unref();
    ended.then((code) => reject(new Error(`ended with ${code}\n${output}`)));
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (data) => {
        output += data;
        const [address] = output.match(/http:\/\/(localhost|127\.0\.0\.1):[1-9]\d*/) ?? [];
        if (address) resolve(address);
      });
    }
  });
}
