// `npm run deploy`: builds the Worker and deploys it, with all it needs, to the Cloudflare account that wrangler uses.
// With `--dry-run` it prints what it would do.

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";

import { command, fail, Failure } from "./command.mjs";
import { build, setup } from "./setup.mjs";
import { environment, root } from "./tools.mjs";

/**
 * Explanations of wrangler's errors: the problem and the next step.
 * @type {[RegExp, (target: any) => string][]}
 */
const explanations = [
  [
    /code: 10063\b|(have|register) a workers\.dev subdomain/i,
    ({ account }) =>
      `The account has no workers.dev subdomain yet, so the Worker has no address. Choose one at ` +
      `https://dash.cloudflare.com/${account}/workers/onboarding, then run npm run deploy again.`,
  ],
  [
    /code: 10014\b/,
    ({ name }) =>
      `The account has a KV namespace of that name already (${name}-connectors or ${name}-api-keys), ` +
      `and no Worker [${name}] that uses it. Put its id into wrangler.toml, as id = "..." below the ` +
      `binding, or choose another name for the Worker there, then run npm run deploy again.`,
  ],
  [
    /code: (10000|9106|9109|10001|10023)\b|Authentication error/,
    () =>
      `Cloudflare refused: this login lacks a permission. Log in again (npx wrangler login), or use a ` +
      `token made from the template "Edit Cloudflare Workers", then run npm run deploy again.`,
  ],
  [
    /fetch failed|ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ETIMEDOUT/,
    () => "Cloudflare's API can't be reached. Check your network, then run npm run deploy again.",
  ],
];

/** Runs wrangler without prompts. Returns its output and whether it succeeded. */
function wrangler(args, { input = "", env = {} } = {}) {
  return new Promise((resolve) => {
    const built = { CONNECTOR_STATUS_BUILT: "1", CI: "1" };
    const child = spawn("wrangler", args, { cwd: root, env: { ...environment, ...built, ...env } });
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"]) child[name].on("data", (data) => (output[name] += data));
    child.on("error", (error) => resolve({ succeeded: false, stdout: "", all: error.message }));
    child.on("close", (code) => {
      const all = stripVTControlCharacters(`${output.stdout}${output.stderr}`).trim();
      resolve({ succeeded: code === 0, stdout: output.stdout, all });
    });
    child.stdin.end(input);
  });
}

/** Explains an error of wrangler. */
function explain({ all }, target) {
  const [, sentence] = explanations.find(([pattern]) => pattern.test(all)) ?? [];
  const said = `wrangler reports:\n\n${all}`;
  if (sentence) return new Failure(`${sentence(target)}\n\n${said}`);
  return new Failure(`The deployment failed. Fix what wrangler reports, then run npm run deploy again.\n\n${said}`);
}

/** The JSON in wrangler's output, after any log lines. */
const json = ({ stdout }) => JSON.parse(stdout.slice(stdout.search(/^[[{]/m)));

/** The account to deploy to. */
async function findAccount() {
  const answer = await wrangler(["whoami", "--json"]);
  const said = answer.stdout.includes("{") ? json(answer) : {};
  if (!said.loggedIn) {
    const isOffline = /fetch failed|ENOTFOUND|ECONNREFUSED/.test(answer.all);
    if (isOffline) throw explain(answer, {});
    throw new Failure(
      "Not logged in to Cloudflare. Run npx wrangler login, or set CLOUDFLARE_API_TOKEN, then run npm run deploy again.",
    );
  }
  const wanted = process.env.CLOUDFLARE_ACCOUNT_ID;
  const accounts = said.accounts ?? [];
  const [account] = wanted ? [accounts.find(({ id }) => id === wanted) ?? { id: wanted, name: wanted }] : accounts;
  if (!account) throw new Failure("This login belongs to no account. Set CLOUDFLARE_ACCOUNT_ID, then run npm run deploy again.");
  if (!wanted && accounts.length > 1) {
    const lines = accounts.map(({ id, name }) => `  CLOUDFLARE_ACCOUNT_ID=${id} npm run deploy    # ${name}`);
    throw new Failure(`This login belongs to several accounts. Choose one:\n\n${lines.join("\n")}`);
  }
  return account;
}

/** The bindings of the Worker deployed under this name, or `undefined` if there is none. */
async function findDeployed(target, env) {
  const status = await wrangler(["deployments", "status", "--json"], { env });
  if (!status.succeeded) {
    if (/code: 10007\b|does not exist|no deployments/i.test(status.all)) return undefined;
    throw explain(status, target);
  }
  const [{ version_id: version }] = json(status).versions;
  const view = await wrangler(["versions", "view", version, "--json"], { env });
  if (!view.succeeded) throw explain(view, target);
  return json(view).resources.bindings;
}

/** Deploys the build. Returns the Worker's address. */
async function upload(target, env) {
  const folder = mkdtempSync(join(tmpdir(), "deploy-"));
  const report = join(folder, "output.ndjson");
  try {
    const answer = await wrangler(["deploy"], { env: { ...env, WRANGLER_OUTPUT_FILE_PATH: report } });
    if (!answer.succeeded) throw explain(answer, target);
    const lines = existsSync(report) ? readFileSync(report, "utf8").trim().split("\n").map((line) => JSON.parse(line)) : [];
    const [address] = lines.find(({ type }) => type === "deploy")?.targets ?? [];
    return address && (address.startsWith("http") ? address : `https://${address}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The account, and the Worker already deployed there under this name. */
async function findPlace(name) {
  const account = await findAccount();
  const target = { name, account: account.id };
  const env = { CLOUDFLARE_ACCOUNT_ID: account.id };
  say(1, `Logged in. Account: ${account.name}.`);
  const before = await findDeployed(target, env);
  if (before && !before.some((binding) => binding.name === "CONNECTOR")) {
    fail(
      `The account has a Worker [${name}] that is not this one. ` +
        "Choose another name in the first line of wrangler.toml, then run npm run deploy again.",
    );
  }
  return { target, env, before };
}

/** Creates a root key and stores it. Returns it in the form that clients use. */
async function makeRootKey({ target, env }, otherwise) {
  const key = `root:${randomBytes(32).toString("hex")}`;
  const put = await wrangler(["secret", "put", "ROOT_API_KEY"], { input: key, env });
  if (!put.succeeded) fail(`${otherwise}\n\n${explain(put, target).message}`);
  return Buffer.from(key).toString("base64");
}

async function deploy(name) {
  const { target, env, before } = await findPlace(name);
  say(2, before ? `[${name}] is deployed already: its code is replaced, its data stays.` : `This is the first deployment of [${name}].`);

  const address = await upload(target, env);
  say(3, `Deployed the Worker${before ? "" : ", and created its KV namespaces"}.`);

  const place = address ?? "the address in wrangler.toml";
  // A root key that was removed on purpose stays removed. Builds on Cloudflare keep their log, so no key is created
  // there; the deploy button asks for one instead.
  if (before || process.env.WORKERS_CI) {
    const hasKey = before?.some((binding) => binding.name === "ROOT_API_KEY");
    say(4, hasKey ? "Kept the root key." : "There is no root key; npm run deploy -- --root-key creates one.");
    say(5, `Ready: ${place} (console and API).`);
    return;
  }
  const shown = await makeRootKey({ target, env }, "Deployed, but without a root key: npm run deploy -- --root-key creates one.");
  say(4, "Created a root key, which can do everything. It is shown only once, below.");
  say(5, `Ready: ${place} (console and API).`);
  console.log(`
  ${shown}

Enter it in the console. Use it in clients as auth: { apiKey }, and with curl as a header:

  curl -H 'Authorization: ApiKey ${shown}' '${place}/_connector?pretty'

For everyday use, create keys with fewer privileges: npm run key (see SECURITY.md).`);
}

async function replaceRootKey(name) {
  const { target, env, before } = await findPlace(name);
  if (!before) fail(`There is no Worker [${name}] in this account. npm run deploy creates one, with a root key.`);
  say(2, `[${name}] is deployed. Its code and its data stay as they are.`);
  const shown = await makeRootKey({ target, env }, "The root key was not replaced. Fix what wrangler reports, then run npm run deploy -- --root-key again.");
  say(3, "Replaced the root key. The old one no longer works. The new one is shown only once:");
  console.log(`\n  ${shown}`);
}

async function rehearse(name) {
  const answer = await wrangler(["deploy", "--dry-run"]);
  if (!answer.succeeded) throw explain(answer, { name });
  console.log("A deployment would take these steps (nothing was sent to Cloudflare):\n");
  say(1, "Find the account, from npx wrangler login or CLOUDFLARE_API_TOKEN.");
  say(2, `Check for a Worker called [${name}], and stop if it is another one.`);
  say(3, `Deploy the Worker; the first time, create the KV namespaces ${name}-connectors and ${name}-api-keys.`);
  say(4, "The first time, create a root key, store it as the secret ROOT_API_KEY, and show it once.");
  say(5, `Print the address: https://${name}.<subdomain>.workers.dev, unless wrangler.toml has routes.`);
}

function rehearseRootKey(name) {
  console.log("Replacing the root key would take these steps (nothing was sent to Cloudflare):\n");
  say(1, "Find the account, from npx wrangler login or CLOUDFLARE_API_TOKEN.");
  say(2, `Check for a Worker called [${name}], and stop if there is none or it is another one. Nothing is deployed.`);
  say(3, "Create a root key, replace the secret ROOT_API_KEY with it, and show it once.");
}

const say = (step, text) => console.log(`${step}. ${text}`);

const usage = `
Usage: npm run deploy                            deploys
       npm run deploy -- --dry-run               shows the steps; needs no account
       npm run deploy -- --root-key              replaces the root key; deploys no code
       npm run deploy -- --root-key --dry-run    shows the steps`;

const options = { "dry-run": { type: "boolean" }, "root-key": { type: "boolean" } };
await command({ name: "deploy", usage, options }, async ({ "dry-run": isRehearsal, "root-key": isKey }) => {
  const [, name] = /^name = "(.*)"/m.exec(readFileSync(join(root, "wrangler.toml"), "utf8"));
  await setup();
  if (isKey) return isRehearsal ? rehearseRootKey(name) : replaceRootKey(name);
  await build();
  console.log("");
  return isRehearsal ? rehearse(name) : deploy(name);
});
