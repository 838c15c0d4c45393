// Every command answers --help without side effects, reports wrong usage in one line, and uses the same exit codes.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, suite, test } from "node:test";

import { environment, root } from "../../scripts/tools.mjs";

const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const commands = Object.entries(scripts).map(([name, line]) => [name, /^node (\S+)$/.exec(line)?.[1]]);
const place = mkdtempSync(join(tmpdir(), "help-"));
after(() => rmSync(place, { recursive: true, force: true }));

const run = (script, ...args) =>
  new Promise((resolve) => {
    const options = { cwd: root, env: { ...environment, CONNECTOR_STATUS_API_KEY: "" }, timeout: 60_000 };
    execFile("node", [script, ...args], options, (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr }));
  });

suite("commands", { concurrency: 2 }, () => {
  for (const [name, script] of commands) {
    test(`npm run ${name} answers --help and rejects an unknown option`, async () => {
      assert.ok(script, `${name} is not one script`);
      const help = await run(script, "--help");
      assert.deepEqual([help.code, help.stderr], [0, ""]);
      assert.match(help.stdout, new RegExp(`^Usage: npm (run (--silent )?)?${name}\\b`));
      // wrangler has options of its own.
      if (name === "start") return;
      const wrong = await run(script, "--no-such-option");
      assert.deepEqual([wrong.code, wrong.stdout], [2, ""]);
      assert.equal(wrong.stderr, `Unknown option '--no-such-option'. See npm run ${name} -- --help\n`);
    });
  }

  const nowhere = "http://127.0.0.1:9";
  const missing = join(place, "missing.json");
  const saved401 = join(place, "401.json");
  writeFileSync(saved401, '{"error":{"type":"security_exception","reason":"missing authentication credentials"},"status":401}\n');
  const empty = join(place, "empty.json");
  writeFileSync(empty, '{"hits":{"total":{"value":0,"relation":"eq"},"hits":[]}}');
  const wrong = [
    ["backup", [], 2, /^--url is missing\. See npm run backup -- --help$/],
    ["backup", ["--url", "localhost:8787"], 2, /^'localhost:8787' is not a URL like https:/],
    ["backup", ["--url", nowhere, "--to", join(place, "b")], 3, /^GET http:\/\/127\.0\.0\.1:9\/\S+ failed 4 times: /],
    ["backup", ["--verify", missing], 1, /missing\.json: no such file$/],
    ["restore", ["--url", nowhere], 2, /^An argument is missing\./],
    ["restore", [missing, "--url", nowhere], 1, /missing\.json: no such file$/],
    ["restore", ["a", "b", "--url", nowhere], 2, /^Unexpected argument 'b'\./],
    ["rebuild-directory", ["--url", nowhere], 3, / failed \d times/],
    ["rewind", ["x", "--to", "then", "--url", nowhere], 2, /^--keep is missing\./],
    ["import", [missing], 1, /missing\.json: no such file$/],
    ["import", [saved401], 1, /401\.json contains an error response, not an export: missing authentication credentials$/],
    ["import", [empty, "--url", nowhere], 3, / failed \d times/],
    ["import", [empty, "--remote"], 2, /^--remote needs --url/],
    ["export", ["--from", nowhere, "--to", join(place, "e")], 3, /cannot be reached/],
    ["export", ["--from", nowhere, "--to", "/dev/null"], 1, /^\/dev\/null is not a regular file$/],
    ["key", [], 2, /^Choose a command: create, list or revoke\./],
    ["key", ["revoke"], 2, /^Which key\?/],
    ["key", ["create", "--name", "n"], 2, /^--privilege must be one of/],
    ["webhook", ["test", "--url", nowhere], 3, /^Nothing answers at/],
    ["webhook", ["nope"], 2, /^Unknown command 'nope'\./],
  ];
  for (const [name, args, code, said] of wrong) {
    test(`npm run ${name} ${args.map((arg) => arg.replace(place, "")).join(" ")} exits with ${code}`, async () => {
      const found = await run(scripts[name].split(" ")[1], ...args);
      assert.equal(found.code, code, found.stderr);
      assert.doesNotMatch(found.stderr, /^ +at |Error:/m);
      assert.match(found.stderr.trim().split("\n")[0], said);
    });
  }
});
