// Keys for callers: `npm run key -- create|list|revoke`, on this machine or, with --remote, in the
// Workers KV namespace API_KEYS of the deployment. The secret is printed once and kept nowhere.

import { spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { environment, root } from "./tools.mjs";

const usage = `npm run key -- create --name NAME --privilege PRIVILEGE [--connectors PATTERN,...] [--expires 90d]
npm run key -- list
npm run key -- revoke ID

  --privilege   monitor_connector (read) or manage_connector (read and write)
  --connectors  ids of the connectors the key is for; * stands for any text, ? for one character;
                without it, all connectors
  --expires     after so many minutes, hours or days: 30m, 12h, 90d; without it, never
  --remote      in the deployment; without it, on this machine
  --persist-to  where this machine keeps its data, if not in .wrangler/state
`;

const privileges = ["monitor_connector", "manage_connector"];
const units = { m: 60_000, h: 3_600_000, d: 86_400_000 };

function fail(text) {
  console.error(`${text}\n\n${usage}`);
  process.exit(2);
}

function wrangler(place, ...args) {
  const child = spawnSync("wrangler", ["kv", ...args, "--binding", "API_KEYS", ...place], {
    cwd: root,
    env: { ...environment, CI: "1" },
    encoding: "utf8",
  });
  if (child.status !== 0) {
    console.error(child.error?.message ?? `${child.stdout}${child.stderr}`);
    process.exit(1);
  }
  return child.stdout;
}

function create(place, { name, privilege, connectors, expires }) {
  if (!name) fail("--name is missing");
  if (!privileges.includes(privilege)) fail(`--privilege must be one of: ${privileges.join(", ")}`);
  const [, count, unit] = expires?.match(/^([1-9]\d*)([mhd])$/) ?? [];
  if (expires !== undefined && !unit) fail("--expires must look like 30m, 12h or 90d");
  const patterns = connectors?.split(",").map((pattern) => pattern.trim()).filter(Boolean);
  if (patterns?.length === 0) fail("--connectors names none");

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
  wrangler(place, "key", "put", id, JSON.stringify(key));
  console.error(`Key [${name}], id ${id}: ${describe(key)}.`);
  console.error("This is shown once. Clients take it as auth: { apiKey: ... }, curl as");
  console.error("-H 'Authorization: ApiKey ...':\n");
  console.log(Buffer.from(`${id}:${secret}`).toString("base64"));
}

function list(place) {
  const ids = JSON.parse(wrangler(place, "key", "list")).map((key) => key.name);
  const folder = mkdtempSync(join(tmpdir(), "keys-"));
  try {
    // Wrangler gets at most 100 values at once.
    for (let at = 0; at < ids.length; at += 100) {
      const names = join(folder, "names.json");
      writeFileSync(names, JSON.stringify(ids.slice(at, at + 100)));
      const text = wrangler(place, "bulk", "get", names);
      const found = JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1));
      for (const [id, entry] of Object.entries(found)) {
        // This machine's namespaces wrap values, Cloudflare's do not.
        const key = JSON.parse(entry.value ?? entry);
        console.log(`${id}  ${key.name}  ${describe(key)}`);
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  if (ids.length === 0) console.error("There are no keys.");
}

function describe({ privileges, connectors, expiration }) {
  const end = expiration && new Date(expiration).toISOString();
  const state = !end ? "never expires" : expiration <= Date.now() ? `EXPIRED ${end}` : `expires ${end}`;
  return `${privileges.join(",")} on ${connectors?.join(",") ?? "*"}, ${state}`;
}

function revoke(place, id) {
  if (!id) fail("Say which key: `npm run key -- list` shows their ids.");
  wrangler(place, "key", "delete", id);
  console.error(`Key ${id} is revoked. Where it was in use, it may work for another minute.`);
}

let args;
try {
  args = parseArgs({
    allowPositionals: true,
    options: {
      name: { type: "string" },
      privilege: { type: "string" },
      connectors: { type: "string" },
      expires: { type: "string" },
      remote: { type: "boolean" },
      "persist-to": { type: "string" },
    },
  });
} catch (error) {
  fail(error.message);
}
const { values, positionals } = args;
const [command, ...rest] = positionals;
const place = values.remote ? ["--remote"] : ["--local"];
if (values["persist-to"]) place.push("--persist-to", values["persist-to"]);

if (command === "create" && rest.length === 0) create(place, values);
else if (command === "list" && rest.length === 0) list(place);
else if (command === "revoke" && rest.length <= 1) revoke(place, rest[0]);
else fail(command ? `Unknown command: ${positionals.join(" ")}` : "Say what to do: create, list or revoke.");
