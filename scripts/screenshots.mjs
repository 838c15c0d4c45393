// Takes the pictures of the console into www/screenshots, from what was built last:
// node scripts/build-worker.mjs, then npm run screenshots.

import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { hashOf, says, startConsole } from "../tests/browser/browser.mjs";
import { root } from "./tools.mjs";

const folder = join(root, "www/screenshots");
const minutes = (n) => new Date(Date.now() - n * 60_000).toISOString();

const connectors = [
  ["sales-drive", "Sales drive", "search-sales", "google_drive", ["needs_configuration", "configured", "connected"], { last_seen: minutes(1) }],
  ["intranet", "Intranet", "search-intranet", "sharepoint_online", ["needs_configuration", "configured"], { last_seen: minutes(2) }],
  ["support-tickets", "Support tickets", "search-support", "jira", ["needs_configuration"], {}],
  ["team-wiki", "Team wiki", "search-wiki", "confluence", [], {}],
  ["orders", "Orders", "search-orders", "postgresql", ["needs_configuration", "configured", "connected", "error", "connected", "error"],
    { error: 'password authentication failed for user "search_reader"', last_seen: minutes(0) }],
  ["archive", "Archive", "search-archive", "mysql", ["needs_configuration", "configured", "connected"], { last_seen: minutes(60 * 26) }],
];

const site = await startConsole();
const pictures = {
  empty: ["", (page) => says(page, "No connectors yet")],
  list: ["", (page) => page.locator("tbody tr").nth(connectors.length - 1).waitFor()],
  connector: [hashOf("intranet"), (page) => page.locator(".timeline li").nth(1).waitFor()],
  error: [hashOf("orders"), (page) => says(page, "The connector has reported an error")],
  dialog: ["", async (page) => {
    await page.getByRole("button", { name: "New connector" }).click();
    await page.getByLabel("Name").fill("Order history");
    await page.getByLabel("Index", { exact: true }).fill("Order history");
    await page.locator("[name=service_type]").focus();
    await says(page, "Invalid index name");
  }],
};

async function take(names) {
  for (const name of names) {
    const [hash, arrive] = pictures[name];
    for (const [suffix, options] of [
      ["light", { colorScheme: "light", viewport: { width: 1200, height: 760 } }],
      ["dark", { colorScheme: "dark", viewport: { width: 1200, height: 760 } }],
      ["360", { colorScheme: "light", viewport: { width: 360, height: 740 } }],
    ]) {
      const page = await site.open(hash, { ...options, reducedMotion: "reduce" });
      await arrive(page);
      await page.screenshot({ path: join(folder, `${name}-${suffix}.png`), fullPage: name !== "dialog" });
      await page.context().close();
    }
  }
}

try {
  mkdirSync(folder, { recursive: true });
  await take(["empty"]);
  // What time has made of them cannot be asked for: it comes in as an import, at first touch.
  for (const [id, name, index_name, service_type, moves, rest] of connectors) {
    await site.kv.put(`c:${id}`, JSON.stringify({ status: "created", name, index_name, service_type, ...rest }));
    for (const status of moves) await site.curl("PUT", `/_connector/${id}/_status`, { status });
  }
  const page = await site.open();
  await page.locator('tr[data-id="orders"] .badge[data-status="error"]').waitFor();
  await page.locator('tr[data-id="archive"] .badge[data-status="connected"]').waitFor();
  await page.context().close();
  await take(["list", "connector", "error", "dialog"]);
} finally {
  await site.close();
}
