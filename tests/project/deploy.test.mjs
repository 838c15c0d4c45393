// `npm run deploy` against a stand-in for Cloudflare's API.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { after, suite, test } from "node:test";

import { environment, root } from "../../scripts/tools.mjs";
import { startCloudflare } from "./cloudflare.mjs";

// wrangler keeps its login at home; this one has none.
const home = mkdtempSync(join(tmpdir(), "deploy-"));
after(() => rmSync(home, { recursive: true, force: true }));

const { CLOUDFLARE_API_TOKEN, CLOUDFLARE_ACCOUNT_ID, ...rest } = environment;
const base = {
  ...rest,
  HOME: home,
  XDG_CONFIG_HOME: home,
  RUSTUP_HOME: process.env.RUSTUP_HOME ?? join(homedir(), ".rustup"),
  CARGO_HOME: process.env.CARGO_HOME ?? join(homedir(), ".cargo"),
  CONNECTOR_STATUS_BUILT: "1",
};

/** Runs a script of this project; returns its exit code and output. */
const script = (name, args, env) =>
  new Promise((resolve) => {
    const options = { cwd: root, env: { ...base, ...env }, timeout: 280_000 };
    execFile("node", [join("scripts", name), ...args], options, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stdout, stderr }),
    );
  });

const login = (cloudflare) => ({ CLOUDFLARE_API_BASE_URL: cloudflare.url, CLOUDFLARE_API_TOKEN: "t" });
const steps = (stdout) => stdout.match(/^\d\. .*/gm) ?? [];
const name = "connector-status";

// wrangler takes seconds to start, so several deployments run at once.
suite("npm run deploy", { concurrency: 3, timeout: 10 * 60_000 }, () => {
  test("the first deployment creates everything", async (t) => {
    const cloudflare = await startCloudflare();
    t.after(() => cloudflare.close());
    const { code, stdout, stderr } = await script("deploy.mjs", [], login(cloudflare));
    assert.equal(code, 0, stderr);
    assert.equal(steps(stdout).length, 5);
    const { ROOT_API_KEY, CONNECTORS, API_KEYS } = cloudflare.bindings(name);
    assert.match(ROOT_API_KEY.text, /^root:[0-9a-f]{64}$/);
    assert.deepEqual(cloudflare.state.namespaces.map(({ title }) => title), [`${name}-connectors`, `${name}-api-keys`]);
    assert.notEqual(CONNECTORS.namespace_id, API_KEYS.namespace_id);
    const shown = Buffer.from(ROOT_API_KEY.text).toString("base64");
    assert.equal(stdout.split(shown).length - 1, 2);
    assert.match(stdout, /Ready: https:\/\/connector-status\.ada\.workers\.dev /);
    assert.match(stdout, new RegExp(`curl -H 'Authorization: ApiKey ${shown}' 'https://.*/_connector\\?pretty'`));
    assert.deepEqual(cloudflare.state.unknown, []);
  });

  // Bindings of an earlier deployment.
  const kv = (binding, id) => ({ name: binding, type: "kv_namespace", namespace_id: id.repeat(32) });
  const deployed = [
    { name: "CONNECTOR", type: "durable_object_namespace", class_name: "ConnectorObject" },
    kv("CONNECTORS", "c"),
    kv("API_KEYS", "a"),
  ];
  const old = { name: "ROOT_API_KEY", type: "secret_text", text: "root:old" };

  const again = {
    "keeps the root key": [[...deployed, old], [], /Kept the root key/, /^root:old$/],
    "does not recreate a root key that was removed": [deployed, [], /There is no root key; npm run deploy -- --root-key creates one/, /^none$/],
  };
  for (const [what, [bindings, args, sentence, key]] of Object.entries(again)) {
    test(`a later deployment ${what}`, async (t) => {
      const cloudflare = await startCloudflare();
      t.after(() => cloudflare.close());
      cloudflare.state.workers[name] = { bindings, version: "before" };
      const { code, stdout, stderr } = await script("deploy.mjs", args, login(cloudflare));
      assert.equal(code, 0, stderr);
      assert.equal(steps(stdout).length, 5);
      assert.match(stdout, sentence);
      const { ROOT_API_KEY, CONNECTORS } = cloudflare.bindings(name);
      assert.notEqual(cloudflare.state.workers[name].version, "before");
      assert.match(ROOT_API_KEY?.text ?? "none", key);
      assert.equal(CONNECTORS.namespace_id, "c".repeat(32));
      assert.deepEqual(cloudflare.state.namespaces, []);
      assert.deepEqual(cloudflare.state.unknown, []);
    });
  }

  test("--root-key replaces the root key and nothing else", async (t) => {
    const cloudflare = await startCloudflare();
    t.after(() => cloudflare.close());
    cloudflare.state.workers[name] = { bindings: [...deployed, old], version: "before" };
    const { code, stdout, stderr } = await script("deploy.mjs", ["--root-key"], login(cloudflare));
    assert.equal(code, 0, stderr);
    assert.match(stdout, /2\. \[connector-status\] is deployed\. Its code and its data stay as they are\.\n3\. Replaced the root key\./);
    const { ROOT_API_KEY } = cloudflare.bindings(name);
    assert.match(ROOT_API_KEY.text, /^root:[0-9a-f]{64}$/);
    assert.ok(stdout.includes(Buffer.from(ROOT_API_KEY.text).toString("base64")));
    assert.equal(cloudflare.state.workers[name].version, "before");
    assert.deepEqual(cloudflare.state.requests.filter((request) => /^(PUT|POST|DELETE)/.test(request)), [`PUT /accounts/acc1/workers/scripts/${name}/secrets`]);
    assert.deepEqual(cloudflare.state.unknown, []);
  });

  test("--root-key creates no key where nothing is deployed, and its dry run says what it would do", async (t) => {
    const cloudflare = await startCloudflare();
    t.after(() => cloudflare.close());
    const { code, stderr } = await script("deploy.mjs", ["--root-key"], login(cloudflare));
    assert.equal(code, 1);
    assert.match(stderr, /^There is no Worker \[connector-status\] in this account\. npm run deploy creates one, with a root key\.$/m);
    assert.deepEqual(cloudflare.state.workers, {});
    const rehearsal = await script("deploy.mjs", ["--root-key", "--dry-run"], { CLOUDFLARE_API_BASE_URL: "http://127.0.0.1:9" });
    assert.equal(rehearsal.code, 0, rehearsal.stderr);
    assert.match(rehearsal.stdout, /Nothing is deployed\.\n3\. Create a root key, replace the secret ROOT_API_KEY with it, and show it once\.$/m);
    assert.equal(steps(rehearsal.stdout).length, 3);
  });

  test("npm run key finds the deployment's namespace", async (t) => {
    const cloudflare = await startCloudflare();
    t.after(() => cloudflare.close());
    cloudflare.state.workers[name] = { bindings: deployed, version: "before" };
    const args = ["create", "--name", "n", "--privilege", "monitor_connector", "--remote"];
    const { code, stderr } = await script("key.mjs", args, login(cloudflare));
    assert.equal(code, 0, stderr);
    const [[path, value]] = Object.entries(cloudflare.state.values);
    assert.ok(path.startsWith(`${"a".repeat(32)}/`), path);
    assert.equal(JSON.parse(value).name, "n");
  });

  test("npm run key lists keys, and revokes only existing ones", async (t) => {
    const cloudflare = await startCloudflare();
    t.after(() => cloudflare.close());
    cloudflare.state.workers[name] = { bindings: deployed, version: "before" };
    const at = (id) => `${"a".repeat(32)}/${id}`;
    const key = (name, more) => JSON.stringify({ name, privileges: ["monitor_connector"], creation: Date.UTC(2026, 0, 2, 3, 4), ...more });
    const { values } = cloudflare.state;
    Object.assign(values, { [at("k1")]: key("one"), [at("k2")]: key("twin", { expiration: Date.UTC(2026, 1, 1) }), [at("k3")]: key("twin"), [at("k4")]: key("k1") });
    // The service has recorded that a key was used.
    values[at("used:k1")] = "";
    cloudflare.state.metadata[at("used:k1")] = { at: Date.UTC(2026, 0, 3, 14) };
    const run = (...args) => script("key.mjs", [...args, "--remote"], login(cloudflare));

    const listed = await run("list");
    assert.match(listed.stdout, /^k1  one  monitor_connector on \*, never expires, created 2026-01-02 03:04, last used on 2026-01-03, first at 14 h UTC$/m);
    assert.match(listed.stdout, /^k2  twin  monitor_connector on \*, EXPIRED 2026-02-01 00:00, created .*, not used yet$/m);
    assert.equal(listed.stdout.trim().split("\n").length, 4);

    const before = { ...values };
    for (const [wanted, said] of [["nope", /^There is no key with the id or name \[nope\]\. Nothing was changed/], ["twin", /^2 keys are named \[twin\]: k2, k3\. Use the id/]]) {
      const { code, stdout, stderr } = await run("revoke", wanted);
      assert.deepEqual([code, stdout], [1, ""], stderr);
      assert.match(stderr, said);
      assert.deepEqual(values, before);
    }
    // Ids take precedence over names.
    const byId = await run("revoke", "k1");
    assert.equal(byId.code, 0, byId.stderr);
    assert.match(byId.stderr, /^Revoked key k1, \[one\], monitor_connector on \*, never expires\. .* until \d\d:\d\d:\d\d UTC\.\n$/);
    const byName = await run("revoke", "k1");
    assert.match(byName.stderr, /^Revoked key k4, \[k1\]/);
    assert.deepEqual(Object.keys(values), [at("k2"), at("k3"), at("used:k1")]);
    assert.equal((await run("revoke")).code, 2);
    assert.deepEqual(cloudflare.state.unknown, []);
  });

  test("--dry-run says what it would do, without an account", async () => {
    const { code, stdout, stderr } = await script("deploy.mjs", ["--dry-run"], { CLOUDFLARE_API_BASE_URL: "http://127.0.0.1:9" });
    assert.equal(code, 0, stderr);
    assert.equal(steps(stdout).length, 5);
  });

  // The account's condition and the expected message. Nothing was uploaded unless it says so.
  const failures = {
    "not logged in": [{}, (env) => delete env.CLOUDFLARE_API_TOKEN, /Not logged in to Cloudflare\. Run npx wrangler login/],
    "the token is not accepted": [{ token: "other" }, undefined, /Not logged in|lacks a permission/],
    "several accounts": [
      { accounts: [{ id: "acc1", name: "Ada" }, { id: "acc2", name: "Bob" }] },
      undefined,
      /several accounts[^]*CLOUDFLARE_ACCOUNT_ID=acc2 npm run deploy +# Bob/,
    ],
    "no subdomain": [{ subdomain: null }, undefined, /no workers\.dev subdomain yet[^]*dash\.cloudflare\.com\/acc1\/workers/],
    "a namespace of that name exists": [
      {},
      (_, { state }) => state.namespaces.push({ id: "1".repeat(32), title: `${name}-api-keys` }),
      /has a KV namespace of that name already/,
    ],
    "another Worker has that name": [
      {},
      (_, { state }) => (state.workers[name] = { bindings: [{ name: "DB", type: "d1" }], version: "v" }),
      /has a Worker \[connector-status\] that is not this one/,
    ],
    "the token lacks a permission": [
      {},
      (_, { state }) =>
        (state.refuse = { [`PUT /accounts/acc1/workers/scripts/${name}`]: { status: 403, errors: [{ code: 10000, message: "Authentication error" }] } }),
      /Cloudflare refused: this login lacks a permission/,
    ],
    "the secret is not accepted": [
      {},
      (_, { state }) =>
        (state.refuse = { [`PUT /accounts/acc1/workers/scripts/${name}/secrets`]: { status: 400, errors: [{ code: 10053, message: "no more secrets" }] } }),
      /Deployed, but without a root key: npm run deploy -- --root-key creates one\./,
      true,
    ],
    "no network": [{}, (env) => (env.CLOUDFLARE_API_BASE_URL = "http://127.0.0.1:9"), /API can't be reached/],
  };
  for (const [what, [options, prepare, sentence, isUploaded = false]] of Object.entries(failures)) {
    test(`a failure explains the next step: ${what}`, async (t) => {
      const cloudflare = await startCloudflare(options);
      t.after(() => cloudflare.close());
      const env = login(cloudflare);
      prepare?.(env, cloudflare);
      const before = JSON.stringify(cloudflare.state.workers);
      const { code, stderr } = await script("deploy.mjs", [], env);
      assert.equal(code, 1);
      assert.match(stderr, sentence);
      assert.match(stderr, /npm run deploy/);
      assert.doesNotMatch(stderr, /^ +at /m);
      assert.equal(JSON.stringify(cloudflare.state.workers) !== before, isUploaded);
      assert.deepEqual(cloudflare.state.unknown, []);
    });
  }
});
