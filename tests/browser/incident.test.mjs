// An incident: of 300 connectors, 28 have failed and 13 are silent.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { badge, hashOf, says, shown, startConsole, violations } from "./browser.mjs";
import { until } from "../until.mjs";
import { fleet } from "./failing-fleet.mjs";

const connectors = fleet();
let site;
before(async () => {
  site = await startConsole();
  await Promise.all(connectors.map(([id, document]) => site.kv.put(`c:${id}`, JSON.stringify(document))));
  assert.equal((await site.curl("POST", "/_connector/_import")).body.taken, 300);
});
afterEach(() => site.closePages());
after(() => site.close());

async function openList(hash = "", options) {
  const page = await site.open(hash, options);
  await page.locator("tbody tr").first().waitFor();
  return page;
}

test("the causes of errors and their counts are visible without a click", async () => {
  const page = await openList();
  const causes = (await page.locator(".cause").allTextContents()).map((text) => text.replace(/\s+/g, " "));
  assert.deepEqual(causes, [
    "11 × ClientConnectorError: Cannot connect to host … ssl:default [Connect call failed …",
    "8 × Request had invalid authentication credentials for user …",
    "6 × HTTP 429 from …: rate limit exceeded, retried … times",
    "3 × Index … has reached … documents, which is more than the licence allows",
  ]);
  assert.match(await page.locator(".fault-line").allTextContents().then((all) => all.join("\n")), /^ClientConnectorError: Cannot connect to host jira-\d+\.internal/m);
});

test("at 1280 px nine of ten names are not truncated", async () => {
  const page = await openList("#/?sort=name", { viewport: { width: 1280, height: 720 } });
  const whole = await page.locator(".name a").evaluateAll((links) => links.filter((link) => link.scrollWidth <= link.clientWidth).length / links.length);
  assert.ok(whole >= 0.9, `${whole} of them`);
});

test("all connectors with one cause are synced again in four actions, and the cause is in the URL", async () => {
  const page = await openList();
  await page.locator(".cause", { hasText: "Request had invalid" }).click();
  await says(page, "1–8 of 8");
  await page.waitForFunction(() => new URLSearchParams(location.hash.split("?")[1]).get("cause")?.startsWith("Request had invalid"));
  assert.deepEqual(await violations(page), []);
  await page.getByLabel("Select all on this page").click();
  await page.locator(".selection-bar").getByRole("button", { name: "Start a sync" }).click();
  await page.locator("dialog .primary").click();
  await says(page, "Sync requested for 8 connectors.");
  const { body } = await site.curl("GET", "/_connector/_sync_job?size=100");
  assert.equal(body.count, 8);
  await page.reload();
  await says(page, "1–8 of 8");
  await page.locator(".cause[aria-pressed=true]").click();
  await says(page, "1–100 of 300");
});

test("a deleted connector is restored in three clicks from the list, or on its own page", async () => {
  const [[first], [second]] = connectors;
  for (const id of [first, second]) await site.curl("DELETE", `/_connector/${id}`);
  const page = await openList();
  await page.getByRole("link", { name: "Deleted connectors" }).click();
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 2);
  assert.deepEqual((await shown(page)).sort(), [first, second].sort());
  assert.deepEqual(await violations(page), []);
  await page.locator(`tr[data-id="${first}"]`).getByRole("button", { name: "Restore" }).click();
  await says(page, "was restored.");
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 1);
  assert.equal((await site.curl("GET", `/_connector/${first}`)).status, 200);
  await page.goto(`${site.url}/${hashOf(second, "")}`);
  await says(page, "This connector has been deleted");
  assert.deepEqual(await violations(page), []);
  await page.getByRole("button", { name: "Restore connector" }).click();
  await badge(page, connectors[1][1].status).waitFor();
  await page.goto(`${site.url}/#/@deleted`);
  await says(page, "No deleted connectors");
});

test("many are restored at once, except where the index has been taken since", async () => {
  const ids = connectors.slice(10, 14).map(([id]) => id);
  for (const id of ids) await site.curl("DELETE", `/_connector/${id}`);
  await site.curl("PUT", "/_connector/usurper", { index_name: `search-${ids[0]}` });
  const page = await openList("#/@deleted");
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 4);
  await page.getByLabel("Select all on this page").check();
  await page.locator(".selection-bar").getByRole("button", { name: "Restore" }).click();
  await page.locator("dialog .primary").click();
  await says(page, "3 connectors restored, 1 failed.");
  await says(page, `Index name [search-${ids[0]}] is used by another connector`);
});

test("a deletion can be undone", async () => {
  const [id, { name }] = connectors[20];
  const page = await site.open(hashOf(id, "settings"));
  await page.getByRole("button", { name: "Delete connector…" }).click();
  await page.getByLabel("Id", { exact: true }).fill(id);
  await page.getByRole("button", { name: "Delete connector", exact: true }).click();
  await says(page, `${name} was deleted.`);
  await page.locator(".toast").getByRole("button", { name: "Undo" }).click();
  await says(page, `${name} was restored.`);
  assert.equal((await site.curl("GET", `/_connector/${id}`)).status, 200);
});

test("the status includes silence; if most are silent, the list asks whether the service is down", async () => {
  const page = await openList("#/?silent=true&status=connected");
  const texts = await page.locator("td.state").allTextContents();
  assert.ok(texts.length > 0 && texts.every((text) => /^Connectedsilent for \d+ days?$/.test(text)), texts.join());
  assert.equal(await page.getByText("Is the connector service down?").count(), 0);
  const total = (await site.curl("GET", "/_connector?size=0")).body.count;
  await page.route("**/_summary?*", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), silent: 260 } });
  });
  await page.goto(`${site.url}/#/?page=2`);
  await says(page, `260 of ${total} connectors are silent. Is the connector service down?`);
  await page.getByRole("button", { name: "Show silent connectors" }).click();
  await page.waitForFunction(() => location.hash === "#/?silent=true");
});

const timelineOf = (now = Date.now()) => {
  const at = (hours) => new Date(now - hours * 3_600_000).toISOString();
  const step = (hours, error) => ({ at: at(hours), by_status: { error, connected: 300 - error } });
  return { from: at(24), to: at(0), steps: [step(24, 2), step(6.1, 9), step(6, 28)] };
};

test("one click shows when an incident began; values can be read by hover, keyboard and a table for screen readers", async () => {
  const page = await openList();
  await page.route("**/_connector/_timeline?*", (route) => route.fulfill({ json: timelineOf() }));
  await page.getByRole("button", { name: "Over time" }).click();
  await says(page, /^Failures rose from 2 to 28, starting /);
  assert.match(await page.evaluate(() => location.hash), /over=24/);
  const picture = page.getByRole("slider", { name: "Connectors by status over time" });
  const reading = () => page.locator(".reading").textContent();
  assert.match(await reading(), /^Now.*Error 28/);
  const { x, y, width } = await picture.boundingBox();
  await page.mouse.move(x + width * 0.3, y + 20);
  await until(reading, (text) => /Error 2(?!8)/.test(text));
  await page.mouse.move(x, y - 60);
  await picture.focus();
  await page.keyboard.press("ArrowLeft");
  assert.match(await picture.getAttribute("aria-valuetext"), /: 9 Error, 291 Connected$/);
  await page.keyboard.press("Home");
  assert.match(await picture.getAttribute("aria-valuetext"), /: 2 Error, 298 Connected$/);
  assert.deepEqual(await violations(page), []);
  await page.getByText("As a table").click();
  assert.equal(await page.locator(".steps tbody tr").count(), 3);
  assert.deepEqual(await violations(page), []);
  await page.getByRole("button", { name: "7 days" }).click();
  await page.waitForFunction(() => location.hash.includes("over=168"));
});

test("the timeline shows the Directory's data", async () => {
  const page = await openList("#/?over=24");
  await says(page, /^Failures rose from 0 to 28/);
});

test("silent connectors come second by urgency, in grey", async () => {
  const page = await openList("#/?status=error,connected");
  const badges = await page.locator("tbody .badge").evaluateAll((all) => all.map((badge) => [badge.dataset.status, badge.classList.contains("silent")].join(" ")));
  const kinds = badges.filter((kind, n) => kind !== badges[n - 1]);
  assert.deepEqual(kinds.slice(0, 3), ["error false", "connected true", "connected false"]);
  assert.match(await page.locator("tbody tr", { has: page.locator(".badge.silent") }).first().textContent(), /Connectedsilent for \d days?/);
});

test("the list shows when and how the last sync ended, and its document count", async () => {
  const page = await openList();
  assert.match(await page.locator("td.sync").first().textContent(), /hours? ago|minutes ago/);
  assert.match(await page.locator("td.sync").first().textContent(), /Error · [\d,]+ documents$/);
});

test("the reason for last Tuesday's failure is found in two clicks", async () => {
  const id = connectors.find(([, { status }]) => status === "connected")[0];
  await site.curl("PUT", `/_connector/${id}/_error`, { error: "Token expired on Tuesday" });
  await site.curl("PUT", `/_connector/${id}/_error`, { error: null });
  const page = await openList(`#/?query=${id}`);
  await page.locator(`tr[data-id="${id}"] .name a`).click();
  await page.getByRole("link", { name: "History", exact: true }).click();
  await says(page, "Token expired on Tuesday");
});
