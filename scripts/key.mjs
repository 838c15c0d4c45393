// `npm run key`: manages API keys on this machine or, with --remote, in the deployment's Workers KV namespace API_KEYS.
// The secret is printed once and stored nowhere.

import { spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { command, fail, USAGE } from "./command.mjs";
import { environment, root } from "./tools.mjs";

const usage = `
Usage: npm run key -- create --name NAME --privilege PRIVILEGE [--connectors PATTERN,...] [--expires 90d]
       npm run key -- list
       npm run key -- revoke ID|NAME

  --privilege   monitor_connector (read) or manage_connector (read and write)
  --connectors  patterns of the ids that the key can access: * matches any text, ? one character. Default: all ids
  --expires     when the key expires: in 30m, 12h or 90d, for example. Default: never
  --remote      a key of the deployed Worker. Default: of the local service
  --persist-to  the local service's data folder. Default: .wrangler/state

You can revoke a key by its name if no other key has that name. list shows when each key was last used: the service
records the first use of each day, within a minute.`;

const privileges = ["monitor_connector", "manage_connector"];
const units = { m: 60_000, h: 3_600_000, d: 86_400_000 };

function wrangler(place, ...args) {
  const child = spawnSync("wrangler", ["kv", ...args, "--binding", "API_KEYS", ...place], {
    cwd: root,
    env: { ...environment, CI: "1" },
    encoding: "utf8",
  });
  if (child.status !== 0) {
    // A process that was killed prints nothing.
    const said = child.error?.message ?? `${child.stdout}${child.stderr}`.trim();
    fail(`wrangler kv ${args[0]} ${args[1]} failed (${child.signal ?? child.status}):\n${said}`);
  }
  return child.stdout;
}

function create(place, { name, privilege, connectors, expires }) {
  if (!name) fail("--name is missing", USAGE);
  if (!privileges.includes(privilege)) fail(`--privilege must be one of: ${privileges.join(", ")}`, USAGE);
  const [, count, unit] = expires?.match(/^([1-9]\d*)([mhd])$/) ?? [];
  if (expires !== undefined && !unit) fail("--expires must look like 30m, 12h or 90d", USAGE);
  const patterns = connectors?.split(",").map((pattern) => pattern.trim()).filter(Boolean);
  if (patterns?.length === 0) fail("--connectors has no pattern", USAGE);
  // The limit in src/limits.rs: the service rejects keys with more patterns.
  if (patterns?.length > 100) fail("--connectors has more than 100 patterns", USAGE);
  if (patterns?.some((it) => Buffer.byteLength(it) > 500)) fail("--connectors has a pattern of more than 500 bytes", USAGE);

  const id = randomBytes(10).toString("hex");
  const secret = randomBytes(32).toString("base64url");
  const creation = Date.now();
  const key = {
    name,
    secret_sha256: createHash("sha256").update(secret).digest("base64"),
    privileges: [privilege],
    ...(patterns && { connectors: patterns }),
    creation,
    ...(unit && { expiration: creation + count * units[unit] }),
  };
  // The service reads expiry dates from the metadata of its list of keys, not from the keys.
  const metadata = key.expiration ? ["--metadata", JSON.stringify({ expiration: key.expiration })] : [];
  wrangler(place, "key", "put", id, JSON.stringify(key), ...metadata);
  console.error(`Key [${name}], id ${id}: ${describe(key)}.`);
  console.error("This is shown only once. Use it in clients as auth: { apiKey: ... }, and with curl as");
  console.error("-H 'Authorization: ApiKey ...':\n");
  console.log(Buffer.from(`${id}:${secret}`).toString("base64"));
}

/** The service records here, once a day, that a key is used. */
const USED = "used:";

/** All keys, as `[id, key, used]`. A key whose record is not valid is `undefined`. */
function readKeys(place) {
  const listed = JSON.parse(wrangler(place, "key", "list"));
  const used = new Map(listed.filter(({ name }) => name.startsWith(USED)).map(({ name, metadata }) => [name.slice(USED.length), metadata?.at]));
  const ids = listed.map(({ name }) => name).filter((name) => !name.startsWith(USED));
  const folder = mkdtempSync(join(tmpdir(), "keys-"));
  const keys = [];
  try {
    // wrangler reads at most 100 values at once.
    for (let at = 0; at < ids.length; at += 100) {
      const names = join(folder, "names.json");
      writeFileSync(names, JSON.stringify(ids.slice(at, at + 100)));
      const text = wrangler(place, "bulk", "get", names);
      const found = JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1));
      // Local namespaces wrap values; Cloudflare's do not.
      for (const [id, entry] of Object.entries(found)) keys.push([id, parse(entry?.value ?? entry), used.get(id)]);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return keys;
}

function parse(text) {
  try {
    return JSON.parse(text) ?? undefined;
  } catch {
    return undefined;
  }
}

const day = (time) => new Date(time).toISOString().slice(0, 16).replace("T", " ");

function list(place) {
  const keys = readKeys(place);
  for (const [id, key, used] of keys) {
    if (!key) console.log(`${id}  NOT READABLE: requests with it are rejected`);
    else console.log(`${id}  ${key.name}  ${describe(key)}, ${key.creation ? `created ${day(key.creation)}` : "created at an unknown time"}, ${lastUsed(used)}`);
  }
  if (keys.length === 0) console.error("There are no keys.");
}

/** The first use on a day is recorded to the hour. */
function lastUsed(used) {
  if (!used) return "not used yet";
  const [date, hour] = new Date(used).toISOString().split(/[T:]/);
  return `last used on ${date}, first at ${hour} h UTC`;
}

function describe({ privileges, connectors, expiration }) {
  const state = !expiration ? "never expires" : `${expiration <= Date.now() ? "EXPIRED" : "expires"} ${day(expiration)}`;
  return `${privileges.join(",")} on ${connectors?.join(",") ?? "*"}, ${state}`;
}

function revoke(place, wanted) {
  const keys = readKeys(place);
  const named = keys.filter(([id, key]) => id === wanted || key?.name === wanted);
  const found = named.find(([id]) => id === wanted) ?? named[0];
  if (!found) fail(`There is no key with the id or name [${wanted}]. Nothing was changed. npm run key -- list shows all keys.`);
  if (named.length > 1 && found[0] !== wanted) {
    fail(`${named.length} keys are named [${wanted}]: ${named.map(([id]) => id).join(", ")}. Use the id instead. Nothing was changed.`);
  }
  const [id, key] = found;
  wrangler(place, "key", "delete", id);
  console.error(`Revoked key ${id}${key ? `, [${key.name}], ${describe(key)}` : ""}. Where it was in use it may work for up to a minute, until ${new Date(Date.now() + 60_000).toISOString().slice(11, 19)} UTC.`);
}

const options = {
  name: { type: "string" },
  privilege: { type: "string" },
  connectors: { type: "string" },
  expires: { type: "string" },
  remote: { type: "boolean" },
  "persist-to": { type: "string" },
};
await command({ name: "key", usage, options, names: [0, 2] }, ({ names: [verb, ...rest], ...values }) => {
  const place = values.remote ? ["--remote"] : ["--local"];
  if (values["persist-to"]) place.push("--persist-to", values["persist-to"]);
  if (verb === "create" && rest.length === 0) return create(place, values);
  if (verb === "list" && rest.length === 0) return list(place);
  if (verb === "revoke" && rest.length === 1) return revoke(place, rest[0]);
  if (verb === "revoke") return fail("Which key? npm run key -- list shows all ids", USAGE);
  return fail(verb ? `Unknown command '${verb}'` : "Choose a command: create, list or revoke", USAGE);
});
