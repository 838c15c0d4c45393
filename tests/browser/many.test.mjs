// A hundred thousand connectors.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { send } from "../edge/worker.mjs";
import { kvWorker, ours, serve } from "../soak/workerd.mjs";
import { says, shown, startBrowser } from "./browser.mjs";
import { servePage } from "./page.mjs";

const MANY = 100_000;
const statuses = ["created", "configured", "connected", "error"];

let server;
let page;
let browser;
before(async () => {
  server = await serve({ workers: { it: ours(), kv: kvWorker }, sockets: { it: "it", kv: "kv#control" } });
  const entries = Array.from({ length: MANY }, (_, n) => {
    const number = String(n).padStart(6, "0");
    const document = { index_name: `index-${number}`, name: `Connector ${n}`, service_type: "mysql", status: statuses[n % 4] };
    return [`c:many-${number}`, JSON.stringify(document), {}];
  });
  await fetch(`${server.url("kv")}/load`, { method: "POST", body: JSON.stringify(entries) });
  assert.equal((await send(server.url("it"), "POST", "/_connector/_import")).body.taken, MANY);
  page = await servePage(server.ports.it);
  browser = await startBrowser(page.url);
});
after(async () => {
  await browser?.close();
  page?.close();
  await server?.kill();
});

test("can be searched, filtered, sorted and paged", async () => {
  const tab = await browser.open();
  await tab.locator("tbody tr").nth(99).waitFor();
  // As the page itself sees it: from the navigation to the first row.
  await tab.addInitScript(() => {
    const look = () => (document.querySelector("tbody tr") ? (window.firstRowAt = performance.now()) : requestAnimationFrame(look));
    requestAnimationFrame(look);
  });
  await tab.reload();
  await tab.locator("tbody tr").nth(99).waitFor();
  const took = await tab.evaluate(() => window.firstRowAt);
  assert.ok(took < 500, `the first row after ${Math.round(took)} ms`);
  await says(tab, "1–100 of 100,000");
  await says(tab, "Pages reach the first 10,000");
  await says(tab, "Page 1 of 100");
  const quick = async (act, expected) => {
    const started = Date.now();
    await act();
    await says(tab, expected);
    const took = Date.now() - started;
    assert.ok(took < 2_000, `${expected} took ${took} ms`);
  };
  assert.deepEqual((await shown(tab)).slice(0, 2), ["many-000003", "many-000007"]);
  await quick(() => tab.getByRole("button", { name: "Error 25,000" }).click(), "1–100 of 25,000");
  await quick(() => tab.getByRole("searchbox").fill("9999"), "1–12 of 12");
  assert.deepEqual((await shown(tab)).slice(0, 2), ["many-009999", "many-019999"]);
  await quick(() => tab.getByRole("searchbox").fill(""), "1–100 of 25,000");
  await quick(() => tab.getByRole("button", { name: "All 100,000" }).click(), "1–100 of 100,000");
  await quick(() => tab.getByRole("button", { name: "Name" }).dblclick(), "Page 1 of 100");
  await tab.locator('tr[data-id="many-099999"]').waitFor();
  assert.deepEqual((await shown(tab)).slice(0, 2), ["many-099999", "many-099998"]);
  await quick(() => tab.getByRole("button", { name: "Next page" }).click(), "101–200 of 100,000");
  assert.equal((await shown(tab))[0], "many-099899");

  // What is on the screen is kept up to date, however many others there are.
  await send(server.url("it"), "PUT", "/_connector/many-099890/_status", { status: "error" });
  await tab.locator('tr[data-id="many-099890"] .badge[data-status="error"]').waitFor();
});
