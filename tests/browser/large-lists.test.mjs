// The console with a hundred thousand connectors.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { send } from "../edge/worker.mjs";
import { median } from "../median.mjs";
import { kvWorker, ours, serve } from "../soak/workerd.mjs";
import { says, shown, startBrowser } from "./browser.mjs";
import { servePage } from "./serve-console.mjs";

const MANY = 100_000;
const FEW = 100;
const statuses = ["created", "configured", "connected", "error"];

const sites = [];
let many;
before(async () => {
  many = await start(MANY);
});
after(async () => {
  for (const site of sites) await site.close();
});

/** Starts a browser and a Worker with that many connectors. */
async function start(count) {
  const server = await serve({ workers: { it: ours(), kv: kvWorker }, sockets: { it: "it", kv: "kv#control" } });
  const page = await servePage(server.ports.it);
  const browser = await startBrowser(page.url);
  const close = async () => {
    await browser.close();
    page.close();
    await server.kill();
  };
  sites.push({ close });
  const entries = Array.from({ length: count }, (_, n) => {
    const number = String(n).padStart(6, "0");
    const document = { index_name: `index-${number}`, name: `Connector ${n}`, service_type: "mysql", status: statuses[n % 4] };
    return [`c:many-${number}`, JSON.stringify(document), {}];
  });
  await fetch(`${server.url("kv")}/load`, { method: "POST", body: JSON.stringify(entries) });
  assert.equal((await send(server.url("it"), "POST", "/_connector/_import")).body.taken, count);
  return { url: server.url("it"), open: browser.open };
}

/** Opens the list; each later navigation records when its first row appears, by the page's clock. */
async function openList(site) {
  const tab = await site.open();
  await tab.locator("tbody tr").nth(99).waitFor();
  await tab.addInitScript(() => {
    const look = () => (document.querySelector("tbody tr") ? (window.firstRowAt = performance.now()) : requestAnimationFrame(look));
    requestAnimationFrame(look);
  });
  return tab;
}

/** The time from the start of the navigation to the first row, in milliseconds. */
async function firstRow(tab) {
  await tab.reload();
  await tab.locator("tbody tr").nth(99).waitFor();
  return tab.evaluate(() => window.firstRowAt);
}

test("the first row of many appears as soon as that of few", async (t) => {
  const tabs = { many: await openList(many), few: await openList(await start(FEW)) };
  const took = { many: [], few: [] };
  for (let n = 0; n < 7; n += 1) for (const which of ["many", "few"]) took[which].push(await firstRow(tabs[which]));
  const [ofMany, ofFew] = [median(took.many), median(took.few)];
  t.diagnostic(`the first row of ${MANY} after ${Math.round(ofMany)} ms, of ${FEW} after ${Math.round(ofFew)} ms`);
  assert.ok(ofMany <= 1.5 * ofFew, JSON.stringify(took));
});

test("many connectors can be searched, filtered, sorted and paged", async () => {
  const tab = await openList(many);
  const usual = median([await firstRow(tab), await firstRow(tab), await firstRow(tab)]);
  await says(tab, "1–100 of 100,000");
  await says(tab, "Pages show the first 10,000");
  await says(tab, "Page 1 of 100");
  const quick = async (act, expected) => {
    const started = Date.now();
    await act();
    await says(tab, expected);
    const took = Date.now() - started;
    assert.ok(took < Math.max(2_000, 8 * usual), `${expected} took ${took} ms, the first row of the page ${usual}`);
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

  // The visible rows stay live, however many others there are.
  await send(many.url, "PUT", "/_connector/many-099890/_status", { status: "error" });
  await tab.locator('tr[data-id="many-099890"] .badge[data-status="error"]').waitFor();
});
