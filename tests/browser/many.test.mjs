// Ten thousand connectors.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { says, shown, startConsole } from "./browser.mjs";

const MANY = 10_000;

let site;
before(async () => {
  site = await startConsole();
  for (let n = 0; n < MANY; n += 500) {
    const put = (_, m) => {
      const number = String(n + m).padStart(5, "0");
      const status = ["created", "configured", "connected", "error"][m % 4];
      const document = { index_name: `index-${number}`, name: `Connector ${number}`, service_type: "mysql", status };
      return site.kv.put(`c:many-${number}`, JSON.stringify(document));
    };
    await Promise.all(Array.from({ length: 500 }, put));
  }
  // The first list ever waits until all of them are taken up, at most ten seconds.
  const deadline = Date.now() + 60_000;
  while ((await site.curl("GET", "/_connector?size=0")).body.count !== MANY) assert.ok(Date.now() < deadline, "no list");
});
after(() => site.close());

test("can be searched, filtered, sorted and paged", async () => {
  const page = await site.open();
  page.setDefaultTimeout(20_000);
  // The first rows are there long before the last.
  await page.locator("tbody tr").nth(99).waitFor();
  await says(page, "1–100 of 10,000");
  await says(page, "Page 1 of 100");
  const quick = async (act, expected) => {
    const started = Date.now();
    await act();
    await says(page, expected);
    const took = Date.now() - started;
    assert.ok(took < 2_000, `${expected} took ${took} ms`);
  };
  assert.deepEqual((await shown(page)).slice(0, 2), ["many-00003", "many-00007"]);
  await quick(() => page.getByRole("button", { name: "Error 2,500" }).click(), "1–100 of 2,500");
  await quick(() => page.getByRole("searchbox").fill("0999"), "1–4 of 4");
  assert.deepEqual(await shown(page), ["many-00999", "many-09991", "many-09995", "many-09999"]);
  await quick(() => page.getByRole("searchbox").fill(""), "1–100 of 2,500");
  await quick(() => page.getByRole("button", { name: "All 10,000" }).click(), "1–100 of 10,000");
  await quick(() => page.getByRole("button", { name: "Name" }).dblclick(), "Page 1 of 100");
  assert.equal((await shown(page))[0], "many-09999");
  await quick(() => page.getByRole("button", { name: "Next page" }).click(), "101–200 of 10,000");
  assert.equal((await shown(page))[0], "many-09899");

  // What is on the screen is kept up to date, however many others there are.
  await site.curl("PUT", "/_connector/many-09890/_status", { status: "error" });
  await page.locator('tr[data-id="many-09890"] .badge[data-status="error"]').waitFor();
});
