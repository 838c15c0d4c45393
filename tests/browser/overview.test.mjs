// A connector's overview: its problem, the suggested fix and its recent history.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { must } from "../edge/worker.mjs";
import { badge, hashOf, says, startConsole } from "./browser.mjs";

let site;
before(async () => (site = await startConsole()));
afterEach(() => site.closePages());
after(() => site.close());

const overviewOf = (id) => hashOf(id, "");
const documentOf = async (id) => (await site.curl("GET", `/_connector/${id}`)).body;
const help = (page) => page.locator(".help > *").allTextContents().then((all) => all.map((text) => text.trim()));

test("the overview shows the full error, the last healthy time and the first thing to try", async () => {
  const error = `Traceback (most recent call last):\n${'  File "a.py", line 1, in f\n'.repeat(30)}SomeError: the end`;
  await site.connector("wrong", { name: "Wrong", index_name: "wrong", service_type: "mysql" }, "needs_configuration", "configured", "connected");
  await site.curl("PUT", "/_connector/wrong/_error", { error });
  const page = await site.open(overviewOf("wrong"));
  const text = page.getByRole("region", { name: "Error text" });
  await text.getByText("SomeError: the end").waitFor();
  const height = () => text.evaluate((element) => element.clientHeight);
  const folded = await height();
  await page.getByRole("button", { name: "Show more" }).click();
  assert.ok((await height()) > 2 * folded);
  await page.getByRole("button", { name: "Show less" }).click();
  assert.equal(await height(), folded);
  await says(page, /Last connected (just now|\d+ \w+ ago)\./);
  assert.deepEqual(await help(page), ["Start a sync", "Mark as connected"]);
  await page.locator(".help").getByRole("button", { name: "Start a sync" }).click();
  await says(page, "Sync requested.");
  const { body } = await site.curl("GET", "/_connector/_sync_job?connector_id=wrong");
  assert.equal(body.count, 1);
});

test("a connector can be marked as connected, and that can be undone", async () => {
  await site.connector("undone", { name: "Undone" }, "needs_configuration", "configured", "connected");
  await site.curl("PUT", "/_connector/undone/_error", { error: "The source is down." });
  const page = await site.open(overviewOf("undone"));
  await page.getByRole("button", { name: "Mark as connected" }).click();
  await badge(page, "connected").waitFor();
  assert.equal((await documentOf("undone")).error, null);
  await page.getByRole("button", { name: "Undo" }).click();
  await badge(page, "error").waitFor();
  await says(page, "Undone: the error is back.");
  const { status, error } = await documentOf("undone");
  assert.deepEqual([status, error], ["error", "The source is down."]);
});

test("the suggested fix depends on the error", async () => {
  const configuration = { password: { label: "Password", sensitive: true, value: "x" } };
  const long = "2026-01-01T00:00:00.000Z";
  const cases = {
    "access-denied": [{ status: "error", error: "401: invalid credentials", configuration }, ["Edit the configuration", "Start a sync", "Mark as connected"]],
    "to-be-configured": [{ status: "needs_configuration", configuration }, ["Fill in the configuration"]],
    "gone-silent": [{ status: "connected", last_seen: long }, ["Check that the connector service is running and can reach this server."]],
    "all-well": [{ status: "connected", last_seen: new Date().toISOString() }, []],
  };
  const page = await site.open();
  for (const [id, [document, expected]] of Object.entries(cases)) {
    await site.imported(id, { name: id, service_type: "mysql", index_name: id, ...document });
    await page.goto(`${site.url}/${overviewOf(id)}`);
    await badge(page, document.status).waitFor();
    await page.locator("h1", { hasText: id }).waitFor();
    assert.deepEqual(await help(page), expected, id);
  }
  await says(page, "Nothing has been synced yet.");
});

test("recent syncs are accessible bars, and statuses are shown over time", async () => {
  await site.connector("pictured", { name: "Pictured", index_name: "pictured", service_type: "mysql" }, "needs_configuration", "configured", "connected", "error");
  const succeed = (method, path, body) => must(site.url, method, `/_connector/_sync_job${path}`, body);
  for (const [n, end] of ["_complete", "_error", "_complete"].entries()) {
    const { id } = await succeed("POST", "", { id: "pictured" });
    await succeed("PUT", `/${id}/_claim`, { worker_hostname: "worker-7" });
    await succeed("PUT", `/${id}/_stats`, { deleted_document_count: 0, indexed_document_count: 1_000 * (n + 1), indexed_document_volume: 1 });
    await succeed("PUT", `/${id}/${end}`, end === "_error" ? { error: "It failed." } : undefined);
  }
  const page = await site.open(overviewOf("pictured"));
  await page.locator(".bars rect").nth(2).waitFor();
  const heights = await page.locator(".bars rect").evaluateAll((bars) => bars.map((bar) => Number(bar.getAttribute("height"))));
  assert.ok(heights[0] < heights[1] && heights[1] < heights[2], heights.join());
  const read = await page.locator(".bars ol li").allTextContents();
  assert.match(read[1], /^Error, Full, 2,000 documents, /);
  const parts = await page.locator(".ribbon ol li").allTextContents();
  assert.deepEqual(parts.map((text) => text.split(" from ")[0]).slice(-1), ["Error"]);
  assert.ok(parts.length >= 3);
  await page.getByRole("link", { name: "Change status by hand" }).click();
  await page.locator(".diagram").waitFor();
});
