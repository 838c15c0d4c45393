// Ten thousand connectors.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { says, startConsole } from "./browser.mjs";

const MANY = 10_000;

let site;
before(async () => {
  site = await startConsole();
  for (let n = 0; n < MANY; n += 500) {
    const put = (_, m) => {
      const number = String(n + m).padStart(5, "0");
      const status = ["created", "configured", "connected", "error"][m % 4];
      const metadata = { index_name: `index-${number}`, name: `Connector ${number}`, service_type: "mysql", status };
      return site.kv.put(`c:many-${number}`, JSON.stringify(metadata), { metadata });
    };
    await Promise.all(Array.from({ length: 500 }, put));
  }
});
after(() => site.close());

test("can be searched, filtered, sorted and paged", async () => {
  const page = await site.open();
  page.setDefaultTimeout(120_000);
  // The first rows are there long before the last.
  await page.locator("tbody tr").nth(49).waitFor();
  await says(page, "1–50 of 10,000");
  await says(page, "Page 1 of 200");
  const shown = () => page.locator("tbody tr").evaluateAll((rows) => rows.map((row) => row.dataset.id));
  const quick = async (act, expected) => {
    const started = Date.now();
    await act();
    await says(page, expected);
    const took = Date.now() - started;
    assert.ok(took < 2_000, `${expected} took ${took} ms`);
  };
  await quick(() => page.getByRole("button", { name: "Error 2,500" }).click(), "1–50 of 2,500");
  await quick(() => page.getByRole("searchbox").fill("0999"), "1–4 of 4");
  assert.deepEqual(await shown(), ["many-00999", "many-09991", "many-09995", "many-09999"]);
  await quick(() => page.getByRole("searchbox").fill(""), "1–50 of 2,500");
  await quick(() => page.getByRole("button", { name: "All 10,000" }).click(), "1–50 of 10,000");
  await quick(() => page.getByRole("button", { name: "Name" }).click(), "Page 1 of 200");
  assert.equal((await shown())[0], "many-09999");
  await quick(() => page.getByRole("button", { name: "Next page" }).click(), "51–100 of 10,000");
  assert.equal((await shown())[0], "many-09949");

  // What is on the screen is kept up to date, however many others there are.
  await site.curl("PUT", "/_connector/many-09940/_status", { status: "error" });
  await page.locator('tr[data-id="many-09940"] .badge[data-status="error"]').waitFor();
});
