// Runs the README's curl sessions: commands with their expected output.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";

/** Pastes the sessions of a README into a shell, in order, with the test server's address. */
export async function playSession(t, readme, url) {
  const sessions = [...readFileSync(readme, "utf8").matchAll(/```console\n([^]*?)```/g)];
  const steps = sessions.map(([, session]) => session).join("").split(/^\$ /m).slice(1).map((step) => step.trimEnd().split("\n"));
  assert.ok(steps.length >= 5);
  for (const [command, ...answer] of steps) {
    await t.test(command.slice(0, 120), async () => {
      const here = command.replace("127.0.0.1:8787", new URL(url).host).replace("curl", "curl -sS");
      const { stdout } = await promisify(execFile)("bash", ["-c", here]);
      assert.equal(stdout.trimEnd(), answer.join("\n"));
    });
  }
}
