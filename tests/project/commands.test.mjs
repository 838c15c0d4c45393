// Every command in the documents is run by a test: here, as it is written, or by the test that is named.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { promisify } from "node:util";

import { environment, root } from "../../scripts/tools.mjs";
import { send, startWorker } from "../edge/worker.mjs";
import { until } from "../until.mjs";
import { startCloudflare } from "./cloudflare.mjs";

const read = (file) => readFileSync(join(root, file), "utf8");
const documents = ["*.md", "docs/*.md", "npm/README.md", "scripts/template/README.md", "benches/*.md"]
  .flatMap((pattern) => globSync(pattern, { cwd: root }))
  .sort();

/** The commands in a document's shell blocks, without comments and extra spaces. */
function commandsOf(file) {
  const found = [];
  for (const [, indent, language, block] of read(file).matchAll(/^( *)```(sh|console)\n([^]*?)^\1```$/gm)) {
    const lines = block.replaceAll("\\\n", " ").split("\n").map((line) => line.slice(indent.length));
    const typed = language === "sh" ? lines : lines.filter((line) => line.startsWith("$ ")).map((line) => line.slice(2));
    found.push(...typed.map((line) => line.replace(/ +# .*/, "").replaceAll(/ +/g, " ").trim()).filter(Boolean));
  }
  return found;
}

const commands = [...new Set(documents.flatMap(commandsOf))];

const template = "tests/project/template.test.mjs";
const deploy = "tests/project/deploy.test.mjs";
const backup = "tests/edge/backup.test.mjs";

/** Commands that other tests run: the pattern, the test's file, and the code there that runs it. */
const elsewhere = [
  [/^npm install( && npm start)?$/, template, '"npm", ["install"'],
  [/^npm run build:template$/, template, '"scripts/build-template.mjs"'],
  [/^(curl|for to in) .*127\.0\.0\.1:8787/, "tests/edge/readme.test.mjs", "playSession("],
  [/^npm install connector-status$/, "tests/package/package.mjs", '"install", tarball'],
  [/^npm run import -- export\.json$/, "tests/edge/import.test.mjs", '"scripts/import.mjs"'],
  [/^npm run deploy( -- --root-key)?$/, deploy, '"--root-key"'],
  [/^npm run deploy -- --dry-run$/, deploy, '"--dry-run"'],
  [/ npm run export -- --from /, "tests/edge/connector-service.test.mjs", '"scripts/export.mjs"'],
  [/^npm run backup -- /, backup, 'run("backup"'],
  [/^npm run restore -- /, backup, 'run("restore"'],
  [/^npm run rebuild-directory -- /, backup, 'run("rebuild-directory"'],
  [/^npm run rewind -- .* --to .* --keep /, backup, 'run("rewind"'],
  [/ npm run webhook -- test --remote /, "tests/edge/webhooks.test.mjs", '"test", "--url"'],
  [/^export CONNECTOR_STATUS_URL=/, "tests/package/cli.test.mjs", "CONNECTOR_STATUS_URL"],
  [/^npx connector-status /, "tests/package/cli.test.mjs", '"move"'],
  // `npm test` runs these with all other tests.
  [/^npm run test:core -- tables::$/, "tests/core/contributing.rs", '"--test", "core", "tables::"'],
  [/^npm run test:edge -- directory$/, "tests/edge/directory.test.mjs", "test("],
  [/^npm run test:edge -- rollout --test-name-pattern=trap$/, "tests/edge/rollout.test.mjs", 'test("a trap '],
];

/** Commands that no test runs, and why. */
const left = [
  [/^npm test( -- native)?$/, "it runs this test"],
  [/^npx wrangler login$/, "it opens a browser for a person to log in"],
  [/^git pull$/, "it needs a remote repository"],
  [/^cargo mutants /, "it is not installed by the set-up, and takes long"],
  [/ npm run build:worker$/, "it takes minutes, and `npm test` has run the same build"],
  [/^MODELS=long HISTORIES=\d+ cargo test --profile models /, "it takes minutes, and `npm test` runs a shorter version"],
  [/^npm run bench -- /, "it measures time, so nothing else may run on the machine"],
];

/** Commands that are run here, in this order. */
const here = [
  [/^export PATH=/, `{} && [ "$(command -v wrangler)" = "$PWD/node_modules/.bin/wrangler" ]`],
  [/^curl -H "Authorization: ApiKey \$KEY" "\$CLUSTER\//],
  [/^npm run import -- export\.json --remote --url /],
  [/^npm run (--silent )?key -- create /],
  [/^npm run key -- list --remote$/],
  [/^npm run key -- revoke <id> --remote$/],
  [/^npm run --silent webhook -- secret$/],
  [/^npx wrangler secret put WEBHOOK_\w+$/, "echo value | {}"],
  [/^npm start$/],
];

test("each command is run by exactly one test, and each row matches a command", () => {
  assert.ok(commands.length > 40, `${commands.length} commands`);
  const rows = [...elsewhere, ...left, ...here];
  const unclear = commands.filter((command) => rows.filter(([pattern]) => pattern.test(command)).length !== 1);
  assert.deepEqual(unclear, [], "commands without exactly one row");
  assert.deepEqual(rows.filter(([pattern]) => !commands.some((command) => pattern.test(command))), [], "rows without a command in a document");
  for (const [pattern, file, words] of elsewhere) assert.ok(read(file).includes(words), `${file} does not run ${pattern}`);
});

suite("the commands work as written", { timeout: 10 * 60_000 }, () => {
  const shown = (row) => commands.filter((command) => row.test(command));
  const rootKey = "root:a-secret-for-the-tests-of-commands";
  let folder;
  let worker;
  let cloudflare;
  let env;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "commands-"));
    worker = await startWorker({ secrets: { ROOT_API_KEY: rootKey } });
    const { CONNECTORS } = await worker.env();
    cloudflare = await startCloudflare({ onPut: (namespace, key, value) => namespace === "c".repeat(32) && CONNECTORS.put(key, value) });
    const kv = (binding, id) => ({ name: binding, type: "kv_namespace", namespace_id: id.repeat(32) });
    const bindings = [
      { name: "CONNECTOR", type: "durable_object_namespace", class_name: "ConnectorObject" },
      kv("CONNECTORS", "c"),
      kv("API_KEYS", "a"),
    ];
    cloudflare.state.workers["connector-status"] = { bindings, version: "before" };
    const inherited = Object.entries(environment).filter(([name]) => !/^(npm_|CLOUDFLARE_A)/.test(name));
    env = {
      ...Object.fromEntries(inherited),
      // wrangler keeps its login at home; this one has none.
      HOME: folder,
      XDG_CONFIG_HOME: folder,
      RUSTUP_HOME: process.env.RUSTUP_HOME ?? join(homedir(), ".rustup"),
      CARGO_HOME: process.env.CARGO_HOME ?? join(homedir(), ".cargo"),
      CLOUDFLARE_API_BASE_URL: cloudflare.url,
      CLOUDFLARE_API_TOKEN: "t",
      CONNECTOR_STATUS_BUILT: "1",
      KEY: Buffer.from(rootKey).toString("base64"),
      CLUSTER: worker.url,
    };
  });
  after(async () => {
    await Promise.all([worker?.close(), cloudflare?.close()]);
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs a command with this test's addresses and files; returns its output. */
  async function run(command, id) {
    const [, around = "{}"] = here.find(([pattern]) => pattern.test(command));
    const mine = command
      .replaceAll(/https:\/\/(your\.worker|connectors\.example(\.com)?)/g, worker.url)
      .replaceAll("export.json", join(folder, "export.json"))
      .replaceAll("<id>", id);
    const options = { cwd: root, env, timeout: 180_000 };
    const { stdout, stderr } = await promisify(execFile)("bash", ["-c", around.replace("{}", () => mine)], options);
    return stdout + stderr;
  }

  test("the PATH line puts the project's tools first", async () => {
    for (const command of shown(here[0][0])) await run(command);
  });

  test("connectors are exported, and imported into a deployment", async () => {
    await send(worker.url, "PUT", "/_connector/moved", { name: "Moved" });
    const [fetched] = shown(here[1][0]);
    await run(fetched);
    // As if the cluster in the example were not the service itself.
    const file = join(folder, "export.json");
    writeFileSync(file, readFileSync(file, "utf8").replaceAll('"_id":"moved"', '"_id":"arrived"'));
    for (const command of shown(here[2][0])) assert.match(await run(command), /^(1 imported, 0|0 imported, 1) skipped/m);
    const { name } = JSON.parse(cloudflare.state.values[`${"c".repeat(32)}/c:arrived`]);
    assert.equal(name, "Moved");
  });

  test("keys are created, listed and revoked", async () => {
    const keys = () => Object.keys(cloudflare.state.values).filter((key) => key.startsWith("a"));
    for (const command of shown(here[3][0])) assert.match(await run(command), /^Key \[agent-1\], id \w+/m);
    const [id] = keys().map((key) => key.split("/")[1]);
    for (const command of shown(here[4][0])) assert.match(await run(command), new RegExp(`^${id}  agent-1  manage_connector on `, "m"));
    const before = keys().length;
    for (const command of shown(here[5][0])) await run(command, id);
    assert.deepEqual([keys().length, keys().some((key) => key.endsWith(id))], [before - 1, false]);
  });

  test("a webhook secret is created and stored", async () => {
    for (const command of shown(here[6][0])) assert.match(await run(command), /^whsec_\S{44}\n$/);
    for (const command of shown(here[7][0])) await run(command);
    const { WEBHOOK_URL, WEBHOOK_SECRET } = cloudflare.bindings("connector-status");
    assert.deepEqual([WEBHOOK_URL.text, WEBHOOK_SECRET.text], ["value", "value"]);
    assert.deepEqual(cloudflare.state.unknown, []);
  });

  test("the service starts in a clone without irrelevant warnings", async () => {
    const port = await new Promise((resolve) => {
      const server = createServer().listen(0, "127.0.0.1", () => {
        const { port } = server.address();
        server.close(() => resolve(port));
      });
    });
    const [command] = shown(here[8][0]);
    const data = join(folder, "state");
    const args = [...command.split(" ").slice(1), "--", "--port", String(port), "--persist-to", data];
    const server = spawn("npm", args, { cwd: root, env, detached: true });
    const ended = new Promise((resolve) => server.on("exit", resolve));
    let said = "";
    for (const stream of [server.stdout, server.stderr]) stream.on("data", (data) => (said += data));
    try {
      const url = `http://127.0.0.1:${port}`;
      await until(() => said.includes(`connector-status is ready on ${url}`) || said, (is) => is === true, 60);
      assert.equal((await send(url, "PUT", "/_connector/first", {})).status, 201);
    } finally {
      process.kill(-server.pid, "SIGTERM");
      await ended;
    }
    assert.doesNotMatch(said, /npm (warn|notice)|deprecated|EBADENGINE|allow-scripts/i);
  });
});
