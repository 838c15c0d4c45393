// Live updates: changes made elsewhere appear at once, and an idle page costs nothing.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { median } from "../median.mjs";
import { until } from "../until.mjs";
import { badge, hashOf, move, option, says, startConsole } from "./browser.mjs";

let site;
before(async () => (site = await startConsole()));
afterEach(() => site.closePages());
after(() => site.close());

const put = (id, status) => site.curl("PUT", `/_connector/${id}/_status`, { status });

/** Records a page's requests and the sockets it opens. */
function listen(page) {
  const heard = { requests: [], sockets: [] };
  page.on("request", (request) => heard.requests.push(`${request.method()} ${new URL(request.url()).pathname}`));
  page.on("websocket", (socket) => heard.sockets.push(socket));
  return heard;
}

/** Reloads the page and waits for its socket. */
async function connected(page) {
  const url = page.url();
  await page.goto("about:blank");
  const heard = listen(page);
  const firstMessage = new Promise((resolve) => page.once("websocket", (socket) => socket.once("framereceived", resolve)));
  await page.goto(url);
  await firstMessage;
  return heard;
}

/** Waits until a page has sent no requests for a second and a half. */
async function untilIdle({ requests }) {
  for (let before = -1; requests.length > before; ) {
    before = requests.length;
    await sleep(1_500);
  }
}

/** The delay until the page has what `seen` looks for, in milliseconds by the page's clock. */
const delayOf = (page, selector, change) =>
  Promise.all([
    page.evaluate((selector) => {
      const from = performance.now();
      return new Promise((resolve) => {
        const look = () => (document.querySelector(selector) ? resolve(performance.now() - from) : setTimeout(look, 5));
        look();
      });
    }, selector),
    change(),
  ]).then(([delay]) => delay);

/** The duration of the page's request, in milliseconds. */
const timeOf = (page, path) =>
  page.evaluate(async (path) => {
    const from = performance.now();
    await (await fetch(path)).text();
    return performance.now() - from;
  }, path);

test("a change by curl appears within 300 ms, in the list and on the connector's page", async () => {
  await site.connector("followed", { name: "Followed" }, "needs_configuration", "configured");
  const list = await site.open();
  const page = await site.open(hashOf("followed"));
  for (const each of [list, page]) await connected(each);
  await list.locator('tr[data-id="followed"]').waitFor();
  await badge(page, "configured").waitFor();
  const delays = { list: [], page: [] };
  const asked = [];
  for (let n = 0; n < 7; n += 1) {
    // A second change within a second reaches the Directory later.
    await sleep(1_000);
    asked.push(await timeOf(page, "/_connector/followed/_status"));
    const status = n % 2 ? "configured" : "connected";
    const [inList, inPage] = await Promise.all([
      delayOf(list, `tr[data-id="followed"] .badge[data-status="${status}"]`, () => put("followed", status)),
      delayOf(page, `.about .badge[data-status="${status}"]`, () => undefined),
    ]);
    delays.list.push(inList);
    delays.page.push(inPage);
  }
  // A change takes a request, a message and one or two more requests; slow machines get more time.
  const bar = Math.max(300, 10 * median(asked));
  for (const [where, all] of Object.entries(delays)) assert.ok(median(all) <= bar, `${where}: ${all.map(Math.round)} of ${bar} ms`);
  await says(page, "Changed elsewhere: Configured to Connected.");
  assert.equal(await option(page, "needs_configuration").isEnabled(), false);
  await site.curl("DELETE", "/_connector/followed");
  await says(page, "This connector has been deleted");
  await list.locator('tr[data-id="followed"]').waitFor({ state: "detached" });
});

test("an idle page sends no requests, and heartbeats cost nothing", async () => {
  await site.connector("quiet", { name: "Quiet" });
  const hashes = ["", hashOf("quiet", ""), hashOf("quiet", "status"), hashOf("quiet", "jobs")];
  const pages = [];
  for (const hash of hashes) {
    const page = await site.open(hash);
    pages.push({ hash, page, heard: await connected(page) });
    await page.locator(".list, .panel").first().waitFor();
  }
  for (const { heard } of pages) await untilIdle(heard);
  for (const { heard } of pages) heard.requests.length = 0;
  await sleep(3_000);
  await site.curl("PUT", "/_connector/quiet/_check_in");
  const { last_seen } = (await site.curl("GET", "/_connector/quiet")).body;
  const seen = `:is(.seen, .last) time[datetime="${last_seen}"]`;
  for (const { page } of pages) await page.locator(seen).first().waitFor();
  await sleep(3_000);
  for (const { hash, heard } of pages) assert.deepEqual([hash, heard.requests, heard.sockets.length], [hash, [], 1]);
});

test("a hidden page sends no requests, and catches up when it is shown", async () => {
  await site.connector("hidden", {});
  const page = await site.open(hashOf("hidden"));
  const heard = await connected(page);
  await badge(page, "created").waitFor();
  const look = (hidden) =>
    page.evaluate((hidden) => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
      document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);
  await untilIdle(heard);
  await look(true);
  heard.requests.length = 0;
  await put("hidden", "error");
  await sleep(1_000);
  assert.deepEqual(heard.requests, []);
  await look(false);
  await badge(page, "error").waitFor();
});

test("everything on a page uses one socket", async () => {
  await site.connector("shared", { name: "Shared", index_name: "shared", service_type: "mysql" });
  const page = await site.open();
  const heard = await connected(page);
  await page.getByRole("link", { name: "Shared", exact: true }).click();
  await page.getByRole("link", { name: "Sync jobs", exact: true }).click();
  await page.getByRole("heading", { name: "Sync jobs" }).waitFor();
  await page.getByRole("link", { name: "Connectors", exact: true }).click();
  await page.getByRole("link", { name: "Shared", exact: true }).waitFor();
  assert.equal(heard.sockets.length, 1);
});

test("two pages show each other's changes", async () => {
  await site.connector("twin", { name: "Twin" }, "needs_configuration", "configured");
  const page = await site.open(hashOf("twin"));
  const other = await page.context().newPage();
  await other.goto(`${site.url}/${hashOf("twin")}`);
  await badge(other, "configured").waitFor();
  await sleep(1_000);
  await option(page, "connected").click();
  await move(page).click();
  await badge(other, "connected").waitFor();
  await says(other, "Changed elsewhere: Configured to Connected.");
  assert.equal(await page.getByText("Changed elsewhere").count(), 0);
});

test("a page that was offline catches up without loss", async () => {
  await site.connector("away", {}, "needs_configuration");
  const list = await site.open();
  const page = await list.context().newPage();
  await page.goto(`${site.url}/${hashOf("away")}`);
  for (const each of [list, page]) await connected(each);
  await badge(page, "needs_configuration").waitFor();
  await page.context().setOffline(true);
  for (const each of [list, page]) {
    await says(each, "The server can't be reached.");
    await says(each, /Showing data from .+ Trying again/s);
  }
  assert.equal(await move(page).isEnabled(), false);
  const heard = listen(page);
  await sleep(5_000);
  assert.ok(heard.requests.length <= 4, `${heard.requests.length} requests in 5 s`);
  await put("away", "configured");
  await site.connector("came-meanwhile", { name: "Came meanwhile" });
  await page.context().setOffline(false);
  await badge(page, "configured").waitFor({ timeout: 40_000 });
  await list.locator('tr[data-id="away"] .badge[data-status="configured"]').waitFor();
  await list.locator('tr[data-id="came-meanwhile"]').waitFor();
  for (const each of [list, page]) assert.equal(await each.getByText("The server can't be reached.").count(), 0);
  // Updates continue.
  await put("away", "error");
  await badge(page, "error").waitFor();
});

test("while the server fails the page retries, after a while or by a button", async () => {
  await site.connector("failing", {});
  const page = await site.open(hashOf("failing"));
  await connected(page);
  await badge(page, "created").waitFor();
  await page.route("**/_status", (route) => route.fulfill({ status: 503, json: { error: { reason: "Workers KV does not answer" } } }));
  await put("failing", "error");
  await says(page, "Workers KV does not answer");
  await says(page, /Trying again in \d+ s/);
  await page.unroute("**/_status");
  await page.getByRole("button", { name: "Try now" }).click();
  await page.getByText("Workers KV does not answer").waitFor({ state: "detached" });
  await badge(page, "error").waitFor();
});

test("the page polls where sockets are blocked", async () => {
  await site.connector("asked", {});
  const page = await site.open();
  await page.routeWebSocket("**/_watch*", (socket) => socket.close());
  await page.goto(`${site.url}/${hashOf("asked")}`);
  const heard = await listen(page);
  await page.reload();
  await badge(page, "created").waitFor();
  await until(() => heard.requests.filter((request) => request === "GET /_connector").length);
  await put("asked", "error");
  await badge(page, "error").waitFor({ timeout: 40_000 });
  assert.equal(await page.getByText("The server can't be reached.").count(), 0);
});
