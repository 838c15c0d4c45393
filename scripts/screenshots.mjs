// Takes the console's pictures into www/screenshots, from the last build: run node scripts/build-worker.mjs, then npm
// run screenshots. Names as arguments select single pictures.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { settingsFor, startReceiver } from "../tests/edge/receiver.mjs";
import { badge, hashOf, option, says, startConsole } from "../tests/browser/browser.mjs";
import { fleet } from "../tests/browser/failing-fleet.mjs";
import { animate } from "./animation.mjs";
import { readOptions } from "./command.mjs";
import { root } from "./tools.mjs";

const { names: wanted } = readOptions({
  name: "screenshots",
  usage: `
Usage: npm run screenshots -- [NAME...]

Takes the pictures of the console into www/screenshots, from what was built last (npm run build:worker). With names, only
those: npm run screenshots -- console race`,
  names: [0, Infinity],
});

const folder = join(root, "www/screenshots");
const minutes = (n) => new Date(Date.now() - n * 60_000).toISOString();

const field = (label, order, rest) => ({ label, order, type: "str", display: "textbox", required: true, sensitive: false, value: "", ...rest });
const configuration = {
  host: field("Host", 1, { value: "db-7.internal", tooltip: "Name or address of the database server." }),
  port: field("Port", 2, { type: "int", display: "numeric", value: 5432 }),
  username: field("Username", 3, { value: "search_reader" }),
  password: field("Password", 4, { sensitive: true, value: "x" }),
  database: field("Database", 5, { value: "orders" }),
  tables: field("Comma-separated list of tables", 6, { display: "textarea", type: "list", value: "*" }),
  ssl_enabled: field("Enable SSL", 7, { type: "bool", display: "toggle", value: false, required: false }),
};

const kinds = ["google_drive", "sharepoint_online", "jira", "confluence", "postgresql", "mysql", "s3", "salesforce"];
const teams = ["Sales", "Support", "Legal", "Finance", "Intranet", "Engineering", "HR", "Marketing"];
const errors = [
  "HTTP 401 from https://example.sharepoint.com/_api/web: token expired",
  "connection to db-3.internal:5432 refused",
  "rate limit of the source reached, retried 3 times",
];

/** Thirty connectors of a realistic fleet: [id, document, moves]. */
const connectors = [
  ["orders", {
    name: "Orders", index_name: "search-orders", service_type: "postgresql", description: "Orders of all shops, for the support team.", configuration,
    error: 'password authentication failed for user "search_reader"', last_seen: minutes(1), last_synced: minutes(180), last_sync_status: "completed", last_indexed_document_count: 48210,
  }, ["needs_configuration", "configured", "connected", "error"]],
  ...Array.from({ length: 29 }, (_, n) => {
    const [kind, team] = [kinds[n % 8], teams[(n * 3) % 8]];
    const status = [4, 11, 17].includes(n) ? "error" : n % 9 === 3 ? "needs_configuration" : n % 10 === 6 ? "configured" : n === 20 ? "created" : "connected";
    return [`${team.toLowerCase()}-${n + 1}`, {
      status, name: `${team} ${kind.replaceAll("_", " ")}`, index_name: `search-${team.toLowerCase()}-${n + 1}`, service_type: kind,
      ...(status !== "created" && { last_seen: minutes(n % 14 === 5 ? 60 * 27 : n % 4) }),
      ...(status === "error" && { error: errors[n % 3] }),
      ...(n === 8 && { error: errors[2] }),
    }, []];
  }),
];

const claim = ["_claim", { worker_hostname: "connectors-7d9f" }];
const stats = (indexed, deleted, volume) => ["_stats", { indexed_document_count: indexed, deleted_document_count: deleted, indexed_document_volume: volume }];
/** The first connector's sync jobs, oldest first: [type, what happens to it]. */
const jobs = [
  ["full", [claim, stats(48_210, 12, 611_000_000), ["_complete"]]],
  ["full", [["_cancel"]]],
  ["incremental", [claim, stats(1_204, 3, 8_400_000), ["_error", { error: 'password authentication failed for user "search_reader"' }]]],
  ["access_control", [claim, stats(340, 0, 96_000), ["_complete"]]],
  ["full", [claim, stats(12_480, 0, 159_300_000)]],
  ["incremental", []],
];

const receivers = await Promise.all([startReceiver(), startReceiver({ answer: () => "gone" })]);
const site = await startConsole({ vars: settingsFor(receivers) });
const status = (page) => badge(page, "error").waitFor();
const pictures = {
  list: ["", (page) => page.locator("tbody tr").nth(20).waitFor()],
  console: [hashOf("orders"), status],
  overview: [hashOf("orders", ""), (page) => page.locator(".bars rect").nth(3).waitFor()],
  history: [hashOf("orders", "history"), status],
  configuration: [hashOf("orders", "configuration"), (page) => page.getByLabel("Host").waitFor()],
  scheduling: [hashOf("orders", "scheduling"), (page) => page.locator(".runs li").nth(8).waitFor()],
  jobs: [hashOf("orders", "jobs"), (page) => page.locator(".job").nth(5).waitFor()],
  notifications: [hashOf("orders", "notifications"), (page) => page.locator(".delivery").first().waitFor()],
  document: [hashOf("orders", "document"), (page) => page.locator(".json").waitFor()],
  settings: [hashOf("orders", "settings"), (page) => page.getByLabel("Service type").waitFor()],
  reason: [hashOf("orders"), async (page) => {
    await option(page, "error").click();
    await page.getByLabel("Reason").fill("The source is down for maintenance until Friday.");
  }],
  "delete": [hashOf("orders", "settings"), (page) => page.getByRole("button", { name: "Delete connector…" }).click()],
  dialog: ["", async (page) => {
    await page.getByRole("button", { name: "New connector" }).click();
    await page.getByLabel("Name", { exact: true }).fill("Order history");
    await page.getByLabel("Index", { exact: true }).fill("Order history");
    await page.locator("[name=service_type]").focus();
    await says(page, "Invalid index name");
  }],
  missing: [hashOf("nobody"), (page) => says(page, "Connector not found")],
  key: ["", async (page) => {
    await page.getByRole("button", { name: "Use a key" }).click();
    await page.getByLabel("API key").waitFor();
  }],
};

async function take(name, [hash, arrive], from = site) {
  for (const [suffix, options] of [
    ["light", { colorScheme: "light", viewport: { width: 1200, height: 675 } }],
    ["dark", { colorScheme: "dark", viewport: { width: 1200, height: 675 } }],
    ["390", { colorScheme: "light", viewport: { width: 390, height: 844 } }],
    ["390-dark", { colorScheme: "dark", viewport: { width: 390, height: 844 } }],
    ["1440", { colorScheme: "light", viewport: { width: 1440, height: 900 } }],
    ["1440-dark", { colorScheme: "dark", viewport: { width: 1440, height: 900 } }],
  ]) {
    const page = await from.open(hash, { ...options, reducedMotion: "reduce" });
    await arrive(page);
    await page.screenshot({ path: join(folder, `${name}-${suffix}.png`) });
    await page.context().close();
  }
}

/** Pictures of a fleet's list, and the actions on it. */
const fleetPictures = {
  "fleet-0": [0, ["", (page) => says(page, "No connectors yet")]],
  "fleet-1": [1, ["", (page) => page.locator("tbody tr").first().waitFor()]],
  "fleet-300": [300, ["", (page) => page.locator("tbody tr").nth(20).waitFor()]],
  cause: [300, ["", async (page) => {
    await page.locator(".cause").first().click();
    await says(page, "1–11 of 11");
    await page.locator("tbody input").first().check();
  }]],
  deleted: [300, ["#/@deleted", (page) => page.locator("tbody tr").first().waitFor()]],
};

async function takeFleets(isWanted) {
  for (const count of [0, 1, 300]) {
    const wanted = Object.entries(fleetPictures).filter(([name, [of]]) => of === count && isWanted(name));
    if (wanted.length === 0) continue;
    const other = await startConsole();
    try {
      const connectors = fleet(count);
      await Promise.all(connectors.map(([id, document]) => other.kv.put(`c:${id}`, JSON.stringify(document))));
      await other.curl("POST", "/_connector/_import");
      if (count > 100) for (const [id] of connectors.slice(0, 3)) await other.curl("DELETE", `/_connector/${id}`);
      for (const [name, [, picture]] of wanted) await take(name, picture, other);
    } finally {
      await other.close();
    }
  }
}

/** A status change that loses a race, as the user sees it. */
async function takeRace(colorScheme) {
  const path = "/_connector/raced";
  await site.curl("DELETE", `${path}?hard=true`);
  await site.connector("raced", { name: "Order history", index_name: "search-order-history", service_type: "postgresql" }, "needs_configuration", "configured");
  const page = await site.open(hashOf("raced"), { colorScheme, viewport: { width: 720, height: 560 }, reducedMotion: "reduce" });
  // Another change is made while the request is held.
  await page.route("**/_status", async (route) => {
    if (route.request().method() === "PUT") await site.curl("PUT", `${path}/_error`, { error: "connection to db-3.internal:5432 refused" });
    await route.continue();
  });
  const frames = [];
  const frame = async (ms) => frames.push({ png: await page.screenshot(), ms });
  await badge(page, "configured").waitFor();
  await frame(1_500);
  await option(page, "connected").click();
  await frame(1_500);
  await page.getByRole("button", { name: "Move to Connected" }).click();
  await says(page, "Someone changed this connector first");
  await badge(page, "error").waitFor();
  await page.evaluate(() => scrollTo(0, 0));
  await frame(5_000);
  writeFileSync(join(folder, `race-${colorScheme}.png`), animate(frames));
  await page.context().close();
}

try {
  mkdirSync(folder, { recursive: true });
  const isWanted = (name) => wanted.length === 0 || wanted.includes(name);
  if (isWanted("empty")) await take("empty", ["", (page) => says(page, "No connectors yet")]);
  // Documents with old dates cannot be created through the API, so they are imported.
  for (const [id, document, moves] of connectors) {
    await site.imported(id, { status: "created", ...document });
    for (const status of moves) await site.curl("PUT", `/_connector/${id}/_status`, { status });
  }
  for (const [job_type, changes] of jobs) {
    const { id } = (await site.curl("POST", "/_connector/_sync_job", { id: "orders", job_type })).body;
    for (const [endpoint, body] of changes) await site.curl("PUT", `/_connector/_sync_job/${id}/${endpoint}`, body);
  }
  for (const [name, picture] of Object.entries(pictures)) {
    if (isWanted(name)) await take(name, picture);
  }
  await takeFleets(isWanted);
  if (isWanted("race")) for (const colorScheme of ["light", "dark"]) await takeRace(colorScheme);
} finally {
  await site.close();
  receivers.forEach((receiver) => receiver.close());
}
