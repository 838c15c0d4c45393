// The list: finding the broken connectors among many.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { badge, hasFocus, hashOf, says, shown, startConsole } from "./browser.mjs";

let site;
const ago = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();
const zoo = {
  "zoo-1": { status: "created", name: "Zoo 10", index_name: "zoo-index", service_type: "zoo_type" },
  "zoo-2": { status: "error", name: "Zoo 2", service_type: "zoo_type", error: "Keys lost at the gate.", last_seen: ago(1) },
  "zoo-3": { status: "connected", name: "Zoo 1", last_seen: ago(60 * 24 * 1000), error: "It once failed." },
  "zoo-4": { status: "needs_configuration", name: "zoo 3", description: "Penguins" },
};

before(async () => {
  site = await startConsole();
  for (const [id, document] of Object.entries(zoo)) await site.imported(id, document);
});
afterEach(() => site.closePages());
after(() => site.close());

/** Opens the list and waits for all rows. */
async function openList(hash = "#/", options) {
  const page = await site.open(hash, options);
  await page.locator("tbody tr").first().waitFor();
  return page;
}

test("errors come first with their reason, then silence; earlier errors are labelled so", async () => {
  const page = await openList();
  assert.deepEqual(await shown(page), ["zoo-2", "zoo-3", "zoo-4", "zoo-1"]);
  const cell = (id) => page.locator(`tr[data-id="${id}"] .fault`);
  assert.equal(await cell("zoo-2").textContent(), "Keys lost at the gate.");
  assert.equal(await cell("zoo-3").textContent(), "Earlier: It once failed.");
  const colour = (id) => cell(id).locator(".fault-line").evaluate((cell) => getComputedStyle(cell).color);
  assert.notEqual(await colour("zoo-2"), await colour("zoo-3"));
  assert.match(await page.locator('tr[data-id="zoo-3"] .last').textContent(), /2 years ago/);
  assert.match(await page.locator('tr[data-id="zoo-1"] .last').textContent(), /Never seen/);
  for (const chip of ["All 4", "Error 1", "Needs configuration 1", "Created 1", "Configured 0", "Connected 1", "Silent 1"]) {
    await page.getByRole("button", { name: chip }).waitFor();
  }
});

/** What the user does, the resulting URL, and the remaining rows in order. */
const views = [
  ["a name sorts naturally", (page) => page.getByRole("button", { name: "Name" }).click(), "#/?sort=name", ["zoo-3", "zoo-2", "zoo-4", "zoo-1"]],
  ["and backwards", (page) => page.getByRole("button", { name: "Name" }).dblclick(), "#/?sort=name%3Adesc", ["zoo-1", "zoo-4", "zoo-2", "zoo-3"]],
  ["without an index comes last", (page) => page.getByRole("button", { name: "Index" }).click(), "#/?sort=index", ["zoo-1", "zoo-3", "zoo-2", "zoo-4"]],
  ["a status", (page) => page.getByRole("button", { name: "Error 1" }).click(), "#/?status=error", ["zoo-2"]],
  ["two statuses", async (page) => {
    await page.getByRole("button", { name: "Error 1" }).click();
    await page.getByRole("button", { name: "Created 1" }).click();
  }, "#/?status=error%2Ccreated", ["zoo-2", "zoo-1"]],
  ["an order in words", (page) => page.getByLabel("Sort", { exact: true }).selectOption("Not seen longest first"), "#/?sort=seen%3Adesc", ["zoo-3", "zoo-2", "zoo-4", "zoo-1"]],
  ["silence", (page) => page.getByRole("button", { name: "Silent 1" }).click(), "#/?silent=true", ["zoo-3"]],
  ["a type", (page) => page.getByLabel("Type", { exact: true }).selectOption("zoo_type"), "#/?type=zoo_type", ["zoo-2", "zoo-1"]],
  ["words of an error", (page) => page.getByRole("searchbox").fill("GATE keys"), "#/?query=GATE+keys", ["zoo-2"]],
  ["a word of a description", (page) => page.getByRole("searchbox").fill("penguin"), "#/?query=penguin", ["zoo-4"]],
];

test("every view has a URL", async () => {
  const page = await openList("#/", { viewport: { width: 1600, height: 900 } });
  for (const [name, act, address, rows] of views) {
    await page.goto(`${site.url}/#/`);
    await page.getByRole("button", { name: "All 4" }).waitFor();
    await act(page);
    for (const when of ["at once", "after a reload"]) {
      const isShown = ([address, rows]) => location.hash === address && [...document.querySelectorAll("tbody tr")].map((row) => row.dataset.id).join() === rows;
      const said = () => shown(page).then((rows) => `${name}, ${when}: ${page.url()} shows ${rows}`);
      await page.waitForFunction(isShown, [address, rows.join()]).catch(async () => assert.fail(await said()));
      await page.reload();
    }
  }
});

test("going back leads to the same list and row, and a filter without matches can be cleared", async () => {
  const page = await openList("#/?query=zoo&sort=name");
  await page.getByRole("button", { name: "Copy the id zoo-2" }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "zoo-2");
  await page.getByRole("link", { name: "Zoo 2", exact: true }).click();
  await badge(page, "error").waitFor();
  await hasFocus(page, "Zoo 2");
  await page.getByRole("link", { name: "Connectors", exact: true }).click();
  await page.locator('tr[data-id="zoo-2"] a:focus').waitFor();
  assert.equal(await page.getByRole("searchbox").inputValue(), "zoo");
  assert.deepEqual(await shown(page), ["zoo-3", "zoo-2", "zoo-4", "zoo-1"]);
  await page.getByRole("searchbox").fill("no such connector");
  await says(page, "No connectors match these filters.");
  await page.getByRole("button", { name: "Clear filters" }).click();
  await says(page, "1–4 of 4");
});

test("by keyboard / searches, arrows move through the rows, Enter opens one and Escape leaves", async () => {
  const page = await openList();
  await page.keyboard.press("/");
  await page.keyboard.type("zoo");
  for (const key of ["ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp"]) await page.keyboard.press(key);
  await hasFocus(page, "Zoo 1");
  await page.keyboard.press("Enter");
  await badge(page, "connected").waitFor();
  await page.keyboard.press("Escape");
  await page.locator('tr[data-id="zoo-3"] a:focus').waitFor();
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowUp");
  assert.equal(await page.evaluate(() => document.activeElement.type), "search");
  await page.keyboard.press("Escape");
  assert.equal(await page.getByRole("searchbox").inputValue(), "");
  await page.keyboard.press("Escape");
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "BODY");
});

test("a laptop shows twelve rows with name and id, and a wide screen is used fully", async () => {
  const row = (_, n) => site.imported(`row-${n}`, { status: "connected", name: `Row ${n}`, index_name: `row-${n}` });
  await Promise.all(Array.from({ length: 120 }, row));
  const page = await openList("#/?query=row&sort=name", { viewport: { width: 1280, height: 720 } });
  await says(page, "1–100 of 120");
  const { y, height } = await page.locator("tbody tr").nth(11).boundingBox();
  assert.ok(y + height <= 720, `row 12 ends at ${y + height}`);
  // The next page starts at the top of the table.
  await page.getByRole("button", { name: "Next page" }).click();
  await says(page, "101–120 of 120");
  await page.waitForFunction(() => Math.abs(document.querySelector("table").getBoundingClientRect().top) < 200 && scrollY < 400);
  assert.equal((await shown(page))[0], "row-100");
  await page.waitForFunction(() => location.hash === "#/?query=row&sort=name&page=2");
  await page.setViewportSize({ width: 1920, height: 1080 });
  assert.ok((await page.locator(".list").boundingBox()).width > 1_600);
});

test("the theme is light, dark or the system's; the version and the API description are shown", async () => {
  const page = await openList("#/", { colorScheme: "light" });
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await background();
  await page.getByRole("button", { name: "Theme: system" }).click();
  await page.getByRole("button", { name: "Theme: light" }).click();
  await page.getByRole("button", { name: "Theme: dark" }).waitFor();
  const dark = await background();
  assert.notEqual(dark, light);
  await page.reload();
  await page.locator("tbody tr").first().waitFor();
  assert.equal(await background(), dark);
  await page.getByRole("button", { name: "Theme: dark" }).click();
  assert.equal(await background(), light);
  await says(page, /^connector-status \d+\.\d+\.\d+$/);
  const href = await page.getByRole("link", { name: "API description" }).getAttribute("href");
  assert.equal((await fetch(site.url + href)).status, 200);
});

test("the create dialog reports mistakes before anything is sent", async () => {
  await site.connector("taken", { name: "Keep me", index_name: "taken-index" });
  const page = await site.open();
  const sent = [];
  const notFound = [];
  page.on("request", (request) => request.method() !== "GET" && sent.push(`${request.method()} ${new URL(request.url()).pathname}`));
  page.on("response", (response) => response.status() === 404 && notFound.push(response.url()));
  await page.getByRole("button", { name: "New connector" }).click();
  // Validation is loaded with the dialog.
  await page.getByLabel("Id", { exact: true }).fill("x".repeat(501));
  await says(page, "[connector_id] is too long");
  await page.getByLabel("Id", { exact: true }).fill("");
  const wrong = [
    ["Index", "Bad Index", "Invalid index name [Bad Index], must not contain the following characters"],
    ["Index", "_x", "must not start with '_', '-', or '+'"],
    ["Id", "x".repeat(501), "[connector_id] is too long, must be no longer than 500 bytes but was: 501"],
  ];
  for (const [field, value, reason] of wrong) {
    await page.getByLabel(field, { exact: true }).fill(value);
    await page.getByRole("button", { name: "Create connector" }).click();
    await says(page, reason);
    assert.equal(await page.getByLabel(field, { exact: true }).getAttribute("aria-invalid"), "true");
    await page.getByLabel(field, { exact: true }).fill("");
  }
  await page.getByLabel("Managed by Elastic").check();
  await page.getByLabel("Index", { exact: true }).fill("fine");
  await page.getByRole("button", { name: "Create connector" }).click();
  await says(page, "must start with the prefix: [content-]");
  await page.getByLabel("Managed by Elastic").uncheck();
  assert.deepEqual(sent, []);
  await page.getByLabel("Id", { exact: true }).fill("taken");
  await page.getByRole("button", { name: "Create connector" }).click();
  // The server refuses to overwrite it, so no check is needed beforehand.
  await says(page, "The connector [taken] exists already");
  assert.equal(await page.evaluate(() => document.activeElement.id), "id");
  assert.deepEqual(sent.splice(0), ["PUT /_connector/taken"]);
  assert.deepEqual(notFound, []);
  await page.getByLabel("Id", { exact: true }).fill("");
  await page.getByLabel("Index", { exact: true }).fill("taken-index");
  await page.getByRole("button", { name: "Create connector" }).click();
  // A refusal is visible, and its field has the focus.
  await page.locator("dialog footer").getByText("Index name [taken-index] is used by another connector.").waitFor();
  await page.locator("#index_name-hint").getByText("Index name [taken-index] is used by another connector.").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), "index_name");
  await page.getByLabel("Index", { exact: true }).fill("free-index");
  await page.getByRole("button", { name: "Create connector" }).click();
  await badge(page, "created").waitFor();
  assert.equal((await site.curl("GET", "/_connector/taken")).body.name, "Keep me");
});
