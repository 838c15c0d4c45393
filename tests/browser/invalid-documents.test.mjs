// Imported documents may contain anything. The console shows what it can and reports what is unexpected.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { badge, hashOf, says, startConsole } from "./browser.mjs";

let site;
before(async () => (site = await startConsole()));
afterEach(() => site.closePages());
after(() => site.close());

const odd = {
  "odd-date": [{ status: "connected", name: "Odd date", last_seen: "yesterday" }, '[last_seen] is "yesterday", not a date.'],
  "odd-name": [{ status: "connected", name: 7 }, "[name] is 7, not text."],
  "odd-error": [{ status: "error", name: "Odd error", error: ["a", { b: 1 }] }, '[error] is ["a",{"b":1}], not text.'],
  "odd-texts": [
    { status: "created", name: { first: "x" }, description: 1, index_name: true, service_type: [], language: 3 },
    '[name] is {"first":"x"}, not text.',
    "[description] is 1, not text.",
    "[index_name] is true, not text.",
    "[service_type] is [], not text.",
  ],
  "odd-objects": [
    { status: "configured", name: "Odd objects", configuration: "none", scheduling: [1], filtering: 5, last_synced: {}, is_native: "perhaps" },
    '[configuration] is "none", not an object.',
    "[scheduling] is [1], not an object.",
  ],
  "odd-entries": [
    {
      status: "configured",
      name: "Odd entries",
      configuration: { host: 5, port: { label: 6, type: "colour", order: "x", value: { a: 1 }, options: 3, depends_on: "host", validations: [null, 7], tooltip: [] } },
      scheduling: { full: 1, incremental: { enabled: "often", interval: 5 }, access_control: null },
    },
  ],
};

for (const [id, [document]] of Object.entries(odd)) {
  test(`${id}: every tab is shown`, async () => {
    await site.imported(id, document);
    const page = await site.open(hashOf(id));
    await badge(page, document.status).waitFor();
    for (const sentence of odd[id].slice(1)) await says(page, sentence);
    const tabs = await page.locator(".tabs a").allTextContents();
    assert.ok(tabs.length >= 5, tabs.join());
    for (const tab of tabs) {
      await page.locator(".tabs a", { hasText: tab }).click();
      await page.locator(".tabs a[aria-current]", { hasText: tab }).waitFor();
      await page.locator("main .panel").first().waitFor();
    }
  });
}

test("sync jobs may lack fields and contain any text", async () => {
  await site.connector("odd-jobs", { name: "Odd jobs", index_name: "odd-jobs", service_type: "mysql" });
  const nothing = { trigger_method: null, created_at: null, last_seen: null, indexed_document_count: null, deleted_document_count: null, indexed_document_volume: null };
  const hostile = "<img src=x onerror=alert(1)>";
  for (const doc of [nothing, { started_at: "2026-01-01", worker_hostname: hostile, error: hostile }]) {
    const { id } = (await site.curl("POST", "/_connector/_sync_job", { id: "odd-jobs" })).body;
    const { status, body } = await site.curl("POST", `/.elastic-connectors-sync-jobs/_update/${id}`, { doc });
    assert.equal(status, 200, JSON.stringify(body));
  }
  const page = await site.open(hashOf("odd-jobs", "jobs"));
  await page.locator(".job").nth(1).waitFor();
  await says(page, hostile);
  assert.equal(await page.locator(".job img").count(), 0);
});

test("the list shows connectors with invalid documents", async () => {
  await site.imported("sound", { status: "connected", name: "Sound" });
  const page = await site.open("", { viewport: { width: 1600, height: 900 } });
  for (const id of [...Object.keys(odd), "sound"]) await page.locator(`tr[data-id="${id}"]`).waitFor();
  assert.match(await page.locator('tr[data-id="odd-name"]').textContent(), /Unnamed/);
  for (const sort of ["Name", "Type", "Index", "Last seen", "Status"]) {
    await page.getByRole("button", { name: sort, exact: true }).click();
    await page.locator('tr[data-id="odd-texts"]').waitFor();
  }
  await page.getByRole("searchbox").fill("odd-");
  await page.waitForFunction((count) => document.querySelectorAll("tbody tr").length === count, Object.keys(odd).length + 1);
});
