// Runs all checks, or those whose name contains one of the given words. `npm test` runs it after the set-up. The last
// line counts the tests.

import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

import { setUpProjects } from "../tests/package/projects.mjs";
import { USAGE } from "./command.mjs";
import { chromium } from "./setup.mjs";
import { TARGET, environment, root, step, succeeds } from "./tools.mjs";

const cargo = (...args) => ["cargo", args];
/** No test may hang: a test gets five minutes, a whole check forty. */
const TEST_LIMIT = 5 * 60_000;
const CHECK_LIMIT = 40 * 60_000;
/** How much of a failed check is shown again at the end. */
const REPORT_LINES = 60;

const node = (place, { atOnce = 1 } = {}) => [
  "node",
  ["--test", "--test-reporter=spec", `--test-concurrency=${atOnce}`, `--test-timeout=${TEST_LIMIT}`, ...testFiles(place)],
];
/** A test file, or all of a folder. */
const testFiles = (place) =>
  place.endsWith(".mjs")
    ? [place]
    : readdirSync(join(root, place)).filter((name) => name.endsWith(".test.mjs")).sort().map((name) => join(place, name));
const clippy = (...args) => cargo("clippy", "--locked", ...args, "--", "-D", "warnings");
// The same flags as the Worker's build, so that compiled dependencies are reused.
const wasm = ["--release", "--target", TARGET, "--features"];

// Two lanes that take about the same time. The second waits for the Worker, so it begins later. What measures time runs
// alone.
const rounds = [
  [
    [
      ["format", cargo("fmt", "--check")],
      ["lint native", clippy("--all-targets")],
      ["native", cargo("test", "--locked", "--no-fail-fast")],
      // These tests often wait for alarms and timeouts, so two run at once.
      ["edge", node("tests/edge", { atOnce: 2 })],
      ["package", node("tests/package")],
      ["lint edge", clippy(...wasm, "edge")],
      ["lint browser", clippy(...wasm, "browser")],
      ["lint preview", clippy(...wasm, "preview")],
    ],
    [
      ["browser", node("tests/browser")],
      ["console", node("tests/console")],
      ["project", node("tests/project")],
      ["models", cargo("test", "--locked", "--test", "models", "--", "--nocapture")],
      ["soak faults", node("tests/soak/faults.test.mjs")],
    ],
  ],
  [[["soak load", node("tests/soak/load.test.mjs")]]],
];

/** Runs a command, prefixes its output with the check's name, and counts the tests it reports. */
function count(name, [command, args]) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env: environment });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      let rest = "";
      stream.on("data", (data) => {
        output += data;
        const lines = (rest + data).split("\n");
        rest = lines.pop();
        for (const line of lines) console.log(`${name}: ${line}`);
      });
    }
    // Node's runner ends hanging tests itself; this ends a runner that hangs.
    const limit = setTimeout(() => {
      console.log(`${name}: ended, for it took more than ${CHECK_LIMIT / 60_000} minutes`);
      child.kill();
      setTimeout(() => child.kill("SIGKILL"), 10_000).unref();
    }, CHECK_LIMIT);
    child.on("error", (error) => {
      clearTimeout(limit);
      console.log(`${name}: ${error.message}`);
      resolve({ passed: 0, failed: 1, report: [error.message] });
    });
    child.on("exit", (code) => {
      clearTimeout(limit);
      const sum = (pattern) =>
        [...output.matchAll(pattern)].reduce((total, [, number]) => total + Number(number), 0);
      let passed = sum(/^test result: .*? (\d+) passed/gm) + sum(/^ℹ pass (\d+)/gm);
      let failed = sum(/^test result: .*?; (\d+) failed/gm) + sum(/^ℹ fail (\d+)/gm);
      // A check that reports no tests counts as one.
      if (code === 0 && passed + failed === 0) passed = 1;
      if (code !== 0 && failed === 0) failed = 1;
      // Both test runners end with their failures; other commands fail on their last lines.
      const lines = output.trimEnd().split("\n");
      const at = lines.findIndex((line) => line === "failures:" || line === "✖ failing tests:");
      const report = at === -1 ? lines.slice(-REPORT_LINES) : lines.slice(at, at + REPORT_LINES);
      resolve({ passed, failed, report });
    });
  });
}

const words = process.argv.slice(2);
const all = rounds.flat().flatMap((lane) => lane.map(([name]) => name));
const unknown = words.find((word) => !all.some((name) => name.includes(word)));
if (unknown) {
  console.error(`There is no check '${unknown}'. There are: ${all.join(", ")}`);
  process.exit(USAGE);
}
let names = all.filter((name) => words.length === 0 || words.some((word) => name.includes(word)));

// These checks need no build. The others wait for it.
const early = ["format", "lint native", "native", "models"];
let built = true;
if (names.some((name) => !early.includes(name))) {
  step("the package, the console and the Worker: npm run build:worker");
  built = succeeds("node", ["scripts/build-worker.mjs"]);
}
const projects = names.includes("package") ? setUpProjects() : undefined;

let leftOut = "";
if (names.some((name) => name === "browser" || name === "package") && !(await chromium())) {
  leftOut =
    "Skipped, because no browser was found: the check \"browser\" and a part of \"package\". " +
    "Install Chrome, Chromium or Edge, or name one: CHROMIUM=/path/to/chrome npm test";
  console.log(`\n${leftOut}`);
  // CI must not skip anything.
  if (process.env.CI) process.exit(1);
  names = names.filter((name) => name !== "browser");
}
const summary = [];
const total = { passed: 0, failed: 0 };
const failures = [];
/** What failed checks printed last: the end of a long log is what is read first, or all that is kept. */
const reports = [];

/** Runs checks one after the other. */
async function runInTurn(checks) {
  for (const [name, command] of checks.filter(([name]) => names.includes(name))) {
    if (!early.includes(name) && !(await built)) {
      total.failed += 1;
      failures.push(name);
      summary.push(`-- ${name}: not run, for the Worker could not be built`);
      continue;
    }
    if (name === "package") await projects;
    step(`${name}: ${command[0]} ${command[1].join(" ")}`);
    const started = Date.now();
    const { passed, failed, report } = await count(name, command);
    total.passed += passed;
    total.failed += failed;
    if (failed > 0) {
      failures.push(name);
      reports.push(...report.map((line) => `${name}: ${line}`), "");
    }
    summary.push(`-- ${name}: ${passed} passed, ${failed} failed, ${Math.round((Date.now() - started) / 1000)} s`);
    console.log(summary.at(-1));
  }
}

for (const lanes of rounds) await Promise.all(lanes.map(runInTurn));
if (reports.length > 0) console.log(`\n== what failed\n${reports.join("\n")}`);
console.log(`\n${summary.join("\n")}`);
if (failures.length > 0) console.log(`\nfailed: ${failures.join(", ")}`);
if (leftOut) console.log(`\n${leftOut}`);
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed > 0 ? 1 : 0);
