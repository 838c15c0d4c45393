// The README's curl lines, pasted into a shell, give the README's answers.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { root } from "../../scripts/tools.mjs";
import { startWorker } from "./worker.mjs";

let worker;
before(async () => (worker = await startWorker()));
after(() => worker.close());

const readme = readFileSync(join(root, "README.md"), "utf8");
const session = /```console\n([^]*?)```/.exec(readme)[1];
const steps = session.split(/^\$ /m).slice(1).map((step) => {
  const [command, ...answer] = step.trimEnd().split("\n");
  return { command, answer: answer.join("\n") };
});

test("the README's session", async (t) => {
  assert.ok(steps.length >= 5);
  for (const { command, answer } of steps) {
    await t.test(command.slice(0, 80), async () => {
      const here = command.replace("127.0.0.1:8787", new URL(worker.url).host).replace("curl", "curl -sS");
      const { stdout } = await promisify(execFile)("bash", ["-c", here]);
      assert.equal(stdout.trimEnd(), answer);
    });
  }
});
