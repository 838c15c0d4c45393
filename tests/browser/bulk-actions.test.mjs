// Bulk actions: what is selected, what is sent, and the result for each connector.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { until } from "../until.mjs";
import { badge, hashOf, says, startConsole, violations } from "./browser.mjs";

let site;
before(async () => (site = await startConsole()));
afterEach(() => site.closePages());
after(() => site.close());

const moves = ["needs_configuration", "configured", "connected", "error"];
/** Creates `count` connectors with an error: `NAME-0` and so on. */
async function failing(name, count, more = {}) {
  await Promise.all(Array.from({ length: count }, (_, n) =>
    site.connector(`${name}-${n}`, { name: `${name} ${n}`, index_name: `${name}-${n}`, service_type: "mysql", ...more }, ...moves)));
  // The list may lag by a second, and bulk actions depend on the statuses it shows.
  const listed = async () => (await site.curl("GET", `/_connector?query=${name}*&status=error&size=0`)).body.count;
  await until(listed, (found) => found === count);
}

/** Opens the list of those connectors with all of the page selected. */
async function selected(name, count) {
  const page = await site.open(`#/?query=${name}&sort=name`);
  await page.waitForFunction((count) => document.querySelectorAll("tbody tr").length === count, count);
  await page.getByLabel("Select all on this page").check();
  await says(page, `${count} selected`);
  return page;
}

/** Chooses an action and confirms it. */
async function act(page, verb) {
  await page.locator(".selection-bar").getByRole("button", { name: verb }).click();
  await page.locator("dialog .primary").click();
}

const statusOf = async (id) => (await site.curl("GET", `/_connector/${id}/_status`)).body.status;

test("syncing all matches sends one request each, six at a time, and shows each result", async () => {
  await failing("syncable", 20);
  await site.connector("syncable-x", { name: "syncable x", service_type: "mysql" });
  const page = await selected("syncable", 21);
  const sent = [];
  let running = 0;
  let most = 0;
  await page.route("**/_sync_job", async (route) => {
    const { id } = route.request().postDataJSON();
    sent.push(id);
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setTimeout(resolve, 50));
    running -= 1;
    if (id === "syncable-7") return route.fulfill({ status: 400, json: { error: { reason: "Not this one." } } });
    return route.continue();
  });
  await page.locator(".selection-bar").getByRole("button", { name: "Start a sync" }).click();
  await says(page, "Start a sync: 20 connectors");
  await says(page, "1 connector skipped");
  assert.deepEqual(await violations(page), []);
  await page.locator("dialog .primary").click();
  await says(page, "Sync requested for 19 connectors, 1 failed.");
  assert.deepEqual([new Set(sent).size, sent.length, most <= 6], [20, 20, true]);
  const results = page.locator(".run .results");
  await results.getByText("Not this one.").waitFor();
  await page.locator(".run summary", { hasText: "1 connector skipped" }).click();
  await results.getByText("No index is attached.").waitFor();
  assert.deepEqual(await violations(page), []);
  // Those that failed are still selected.
  await says(page, "2 selected");
  const { body } = await site.curl("GET", "/_connector/_sync_job?size=100");
  assert.equal(new Set(body.results.map(({ connector }) => connector.id)).size, 19);
  await page.getByRole("button", { name: "Dismiss" }).click();
  await page.locator(".run").waitFor({ state: "detached" });
});

test("marking as connected skips connectors that have changed since they were listed, but not those with a heartbeat", async () => {
  await failing("marked", 4);
  const page = await selected("marked", 4);
  const versions = [];
  page.on("request", (request) => request.method() === "PUT" && versions.push(request.headers()["if-match"]));
  let isFirst = true;
  await page.route("**/marked-*/_error", async (route) => {
    if (isFirst) {
      isFirst = false;
      await site.curl("PUT", "/_connector/marked-1/_check_in");
      await site.curl("PUT", "/_connector/marked-2/_status", { status: "configured" });
    }
    await route.continue();
  });
  await page.waitForTimeout(500);
  await act(page, "Mark as connected");
  await page.locator(".run", { hasText: /[34] connectors marked as connected/ }).waitFor();
  assert.ok(versions.every(Boolean), "each request has If-Match");
  assert.deepEqual(await Promise.all(["marked-0", "marked-1", "marked-3"].map(statusOf)), ["connected", "connected", "connected"]);
  // The connector moved before or after the other change, which was not overwritten.
  assert.ok(["configured", "connected"].includes(await statusOf("marked-2")));
});

test("undo after marking many as connected brings the error texts back, except where the status has changed since", async () => {
  await failing("undone", 4);
  // Longer than the part of it that the list has.
  const error = `Traceback (most recent call last):\n${"  File connectors/es/sink.py, in run\n".repeat(100)}ValueError: bad offset`;
  await site.curl("PUT", "/_connector/undone-0/_error", { error });
  await site.curl("PUT", "/_connector/undone-1/_error", { error: "disk full" });
  await site.curl("PUT", "/_connector/undone-2/_error", { error: "disk full" });
  await until(async () => (await site.curl("GET", "/_connector/_summary?query=undone&status=error")).body.results.filter(({ error }) => error).length, (count) => count === 3);
  const page = await selected("undone", 4);
  await act(page, "Mark as connected");
  await says(page, "4 connectors marked as connected.");
  assert.deepEqual(await violations(page), []);
  assert.deepEqual(await Promise.all([0, 1, 2, 3].map((n) => statusOf(`undone-${n}`))), Array(4).fill("connected"));
  await site.curl("PUT", "/_connector/undone-0/_check_in");
  await site.curl("PUT", "/_connector/undone-2/_status", { status: "configured" });
  await page.locator(".run").getByRole("button", { name: "Undo" }).click();
  await says(page, "2 connectors moved back to Error, 1 failed.");
  await says(page, "Someone else has changed it since.");
  const errorOf = async (id) => (await site.curl("GET", `/_connector/${id}`)).body.error;
  assert.deepEqual([await errorOf("undone-0"), await errorOf("undone-1")], [error, "disk full"]);
  // The last had no error text, so there was nothing to bring back.
  assert.deepEqual(await Promise.all([0, 1, 2, 3].map((n) => statusOf(`undone-${n}`))), ["error", "error", "configured", "connected"]);
});

test("deleting many asks for confirmation, and can be stopped", async () => {
  await failing("removed", 15);
  const page = await selected("removed", 15);
  const sent = [];
  let stopped;
  // Hold all responses until the click: each response would start the next request.
  await page.route("**/removed-*", async (route) => {
    if (route.request().method() !== "DELETE") return route.continue();
    sent.push(route.request().url());
    stopped ??= page.getByRole("button", { name: "Stop" }).click();
    await stopped;
    return route.continue();
  });
  await page.locator(".selection-bar").getByRole("button", { name: "Delete…" }).click();
  await says(page, "Delete: 15 connectors");
  await page.getByRole("button", { name: "Cancel" }).click();
  assert.equal(sent.length, 0);
  await act(page, "Delete…");
  await page.locator(".run summary", { hasText: "skipped" }).waitFor();
  assert.ok(sent.length <= 6, `${sent.length} were started`);
  await page.locator(".run summary", { hasText: "skipped" }).click();
  await says(page, "Stopped before it started.");
  const left = await page.locator(".selection-bar strong").textContent();
  assert.equal(left, `${15 - sent.length} selected`);
});

test("a selection and a running action survive visits to other pages", async () => {
  await failing("kept", 3);
  const page = await selected("kept", 3);
  await page.locator('tr[data-id="kept-1"] .name a').click();
  await badge(page, "error").waitFor();
  await page.getByRole("link", { name: "Connectors", exact: true }).click();
  await says(page, "3 selected");
  let release;
  await page.route("**/_sync_job", async (route) => {
    await new Promise((resolve) => (release = resolve));
    await route.continue();
  });
  await page.getByLabel("Select kept 0").uncheck();
  await page.getByLabel("Select kept 1").uncheck();
  await act(page, "Start a sync");
  await page.waitForFunction(() => document.querySelector(".run progress"));
  await page.goto(`${site.url}/${hashOf("kept-1")}`);
  await page.locator(".run progress").waitFor();
  while (!release) await page.waitForTimeout(20);
  release();
  await says(page, "Sync requested for 1 connector.");
});

test("all matches on several pages are selected by one request", async () => {
  const row = (_, n) => site.imported(`plenty-${n}`, { status: "connected", name: `Plenty ${n}`, service_type: "jira" });
  await Promise.all(Array.from({ length: 104 }, row));
  const page = await site.open("#/?type=jira");
  await says(page, "1–100 of 104");
  await page.getByLabel("Select all on this page").check();
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  await page.getByRole("button", { name: "Select all 104 that match" }).click();
  await says(page, "104 selected");
  assert.equal(asked.length, 1);
  await page.getByRole("button", { name: "Clear selection" }).click();
  await page.locator(".selection-bar").waitFor({ state: "detached" });
});
