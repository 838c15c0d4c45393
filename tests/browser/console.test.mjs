// What people do with the console, against a real Worker.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { nextStatuses, statuses } from "../../npm/dist/index.js";
import { hashOf, says, startConsole } from "./browser.mjs";

let site;
before(async () => (site = await startConsole()));
afterEach(() => site.closePages());
after(() => site.close());

const label = (status) => (status.charAt(0).toUpperCase() + status.slice(1)).replaceAll("_", " ");
const option = (page, status) => page.locator(`.option[data-status="${status}"] button`);
const badge = (page, status) => page.locator(`.title .badge[data-status="${status}"]`);
const move = (page) => page.getByRole("button", { name: /^Move to / });
const statusOf = async (id) => (await site.curl("GET", `/_connector/${id}/_status`)).body.status;
/** A connector in whatever state, by way of an import. */
const kv = (id, status, rest) => site.kv.put(`c:${id}`, JSON.stringify({ status, name: id, ...rest }));

test("from nothing to connected, into an error and out of it, by clicking", async () => {
  const page = await site.open();
  await says(page, "No connectors yet");
  await page.getByRole("button", { name: "Create your first connector" }).click();
  await page.getByLabel("Name").fill("My First Connector");
  assert.equal(await page.getByLabel("Id").inputValue(), "my-first-connector");
  await page.getByRole("button", { name: "Create connector" }).click();
  await badge(page, "created").waitFor();
  assert.equal(await page.locator("h1").textContent(), "My First Connector");
  // The move that is most likely wanted is the one that is offered.
  for (const to of ["needs_configuration", "configured", "connected"]) {
    await page.getByRole("button", { name: `Move to ${label(to)}` }).click();
    await badge(page, to).waitFor();
    await says(page, `to ${label(to)}.`);
  }
  await option(page, "error").click();
  await move(page).click();
  await badge(page, "error").waitFor();
  await page.getByRole("button", { name: "Move to Connected" }).click();
  await badge(page, "connected").waitFor();
  await option(page, "connected").click();
  await move(page).click();
  await says(page, "It was Connected already.");
  const { body } = await site.curl("GET", "/_connector/my-first-connector/_status");
  const way = ["created", "needs_configuration", "configured", "connected", "error", "connected"];
  assert.deepEqual(body.history.map(({ to }) => to).reverse(), way);
  assert.deepEqual(await page.locator(".timeline .step strong").allTextContents(), way.map(label).reverse());
  assert.equal(await page.title(), "Connected · My First Connector");
  await page.getByRole("link", { name: "Connectors" }).click();
  await page.getByRole("link", { name: "My First Connector" }).waitFor();
});

test("for each status: what is legal is offered, the rest is disabled and says why", async (t) => {
  for (const status of statuses) {
    await t.test(status, async () => {
      await kv(`in-${status}`, status);
      const page = await site.open(hashOf(`in-${status}`));
      await badge(page, status).waitFor();
      const legal = nextStatuses(status);
      for (const to of statuses) {
        assert.equal(await option(page, to).isEnabled(), legal.includes(to), to);
        const about = page.locator(`[id="${await option(page, to).getAttribute("aria-describedby")}"]`);
        const text = await about.textContent();
        assert.match(text, legal.includes(to) ? /^(A user|The connector service), .+\.$/ : /^Not (from|possible)/, to);
      }
      const drawn = (kind) => page.locator(`.edge.${kind}`).evaluateAll((edges) => edges.map((edge) => edge.dataset.move));
      const live = [...(await drawn("legal")), ...(await drawn("aimed"))].sort();
      assert.deepEqual(live, legal.map((to) => `${status} ${to}`).sort());
      const all = await page.locator(".edge").evaluateAll((edges) => edges.map((edge) => edge.dataset.move));
      assert.deepEqual(all.sort(), statuses.flatMap((from) => nextStatuses(from).map((to) => `${from} ${to}`)).sort());
      await page.context().close();
    });
  }
  const page = await site.open(hashOf("in-created"));
  await says(page, "Not from Created. First Needs configuration, then Configured.");
});

test("the line for a shell is the move that is about to be made", async () => {
  await site.connector("it's a/b", {});
  const page = await site.open(hashOf("it's a/b"));
  await option(page, "error").click();
  const line = await page.locator(".submit + .shell pre").textContent();
  assert.match(line, /^curl -X PUT 'http:\/\/.+\/_connector\/it%27s%20a%2Fb\/_status' \\\n {2}-H 'Content-Type: application\/json' \\\n {2}-d '\{"status":"error"\}'$/);
  await page.locator(".submit + .shell").getByRole("button").click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), line);
});

test("what happens elsewhere is here within two seconds", async () => {
  await site.connector("followed", { name: "Followed" }, "needs_configuration", "configured");
  const list = await site.open();
  const row = list.locator('tr[data-id="followed"]');
  await row.waitFor();
  const page = await site.open(hashOf("followed"));
  await badge(page, "configured").waitFor();
  await sleep(1_500);
  const started = Date.now();
  await site.curl("PUT", "/_connector/followed/_status", { status: "connected" });
  await Promise.all([
    badge(page, "connected").waitFor({ timeout: 2_000 }),
    row.locator('.badge[data-status="connected"]').waitFor({ timeout: 2_000 }),
  ]);
  assert.ok(Date.now() - started < 2_000);
  await says(page, "Changed elsewhere: Configured to Connected.");
  assert.equal(await option(page, "needs_configuration").isEnabled(), false);
  await site.curl("DELETE", "/_connector/followed");
  await says(page, "This connector has been deleted");
});

test("one small request a tick, and none while nobody looks", async () => {
  await site.connector("quiet", {});
  const page = await site.open(hashOf("quiet"));
  await badge(page, "created").waitFor();
  await sleep(300);
  const answers = [];
  page.on("response", (response) => answers.push([new URL(response.url()).pathname, response.status()]));
  await sleep(3_000);
  assert.ok(answers.length >= 2 && answers.length <= 4, `${answers.length} requests in 3 s`);
  for (const answer of answers) assert.deepEqual(answer, ["/_connector/quiet/_status", 304]);
  const look = (hidden) =>
    page.evaluate((hidden) => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
      document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);
  await look(true);
  await sleep(200);
  answers.length = 0;
  await sleep(2_500);
  assert.equal(answers.length, 0);
  await look(false);
  await sleep(500);
  assert.equal(answers.length, 1);
});

/** Holds the page's next move back until `meanwhile` is done. */
async function held(page, meanwhile, change = (headers) => headers) {
  await page.route("**/_status", async (route) => {
    if (route.request().method() !== "PUT") return route.continue();
    await meanwhile();
    await route.continue({ headers: change(route.request().headers()) });
    await page.unroute("**/_status");
  });
}

test("who is overtaken is told, and overwrites nothing", async () => {
  await site.connector("raced", {}, "needs_configuration", "configured");
  const page = await site.open(hashOf("raced"));
  await held(page, () => site.curl("PUT", "/_connector/raced/_status", { status: "error" }));
  await page.getByRole("button", { name: "Move to Connected" }).click();
  await says(page, "Somebody was faster, so nothing was overwritten.");
  await badge(page, "error").waitFor();
  await says(page, "Meanwhile it became Error");
  assert.equal(await statusOf("raced"), "error");
});

test("a heartbeat in between stops nobody", async () => {
  await site.connector("beating", {}, "needs_configuration", "configured");
  const page = await site.open(hashOf("beating"));
  await held(page, () => site.curl("PUT", "/_connector/beating/_check_in"));
  await page.getByRole("button", { name: "Move to Connected" }).click();
  await badge(page, "connected").waitFor();
  await says(page, "Moved from Configured to Connected.");
});

test("what the server refuses is said in its words; pending is shown", async () => {
  await site.connector("refused", {}, "needs_configuration", "configured");
  const page = await site.open(hashOf("refused"));
  const withoutMatch = ({ "if-match": _, ...headers }) => headers;
  let pending;
  const meanwhile = async () => {
    pending = await page.locator(".submit button").textContent();
    await site.curl("PUT", "/_connector/refused/_status", { status: "needs_configuration" });
  };
  await held(page, meanwhile, withoutMatch);
  await page.getByRole("button", { name: "Move to Connected" }).click();
  // Both are said and stay: what had happened meanwhile, and why the move was refused.
  await says(page, "Changed elsewhere: Configured to Needs configuration.");
  await says(page, "Invalid transition attempt from [needs_configuration] to [connected]. Such a status transition is not supported by the Connector Protocol.");
  assert.match(pending, /Moving to Connected/);
  assert.equal(await statusOf("refused"), "needs_configuration");
});

test("text from the server stays text", async () => {
  const hostile = [
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "\"'><svg onload=alert(1)>",
    "{{constructor.constructor('alert(1)')()}}",
    "javascript:alert(1)",
    "\u202egnp.exe",
    "a".repeat(300),
  ];
  for (const [n, name] of hostile.entries()) {
    await site.connector(`hostile ${n} <b>&amp;`, { name, description: name, service_type: name });
    await kv(`hostile-error-${n}`, "error", { name, error: name });
  }
  const page = await site.open("", { viewport: { width: 360, height: 740 } });
  await page.getByRole("searchbox").fill("hostile");
  await page.locator("tbody tr").nth(13).waitFor();
  const names = await page.locator("td.who a").allTextContents();
  for (const name of hostile) assert.ok(names.includes(name), name);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
  for (const [n, name] of hostile.entries()) {
    for (const id of [`hostile ${n} <b>&amp;`, `hostile-error-${n}`]) {
      await page.goto(`${site.url}/${hashOf(id)}`);
      await page.locator("h1", { hasText: name }).waitFor();
      await page.locator("main .id code", { hasText: id }).waitFor();
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360, id);
    }
  }
  assert.equal(await page.locator("main script, main img, main b").count(), 0);
});

test("the list: search, status, type, order, copy", async () => {
  await site.connector("zoo-1", { name: "Zoo one", index_name: "zoo-index", service_type: "zoo_type" });
  await site.connector("zoo-2", { name: "Zoo two", service_type: "zoo_type" }, "error");
  await kv("zoo-3", "connected", { name: "Zoo three", last_seen: "2020-01-01T00:00:00.000Z", error: "It once failed." });
  const page = await site.open();
  const shown = () => page.locator("tbody tr").evaluateAll((rows) => rows.map((row) => row.dataset.id));
  await page.locator('tr[data-id="zoo-3"]').waitFor();
  await page.locator('tr[data-id="zoo-2"] .badge[data-status="error"]').waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("ZOO");
  await says(page, "1–3 of 3");
  assert.deepEqual(await shown(), ["zoo-1", "zoo-3", "zoo-2"]);
  await page.getByRole("button", { name: "Name" }).click();
  assert.deepEqual(await shown(), ["zoo-2", "zoo-3", "zoo-1"]);
  await page.getByRole("button", { name: "Status" }).click();
  assert.deepEqual(await shown(), ["zoo-1", "zoo-3", "zoo-2"]);
  assert.equal(await page.locator("th[aria-sort]").textContent(), "Status↑");
  await page.getByRole("button", { name: "Error 1" }).click();
  assert.deepEqual(await shown(), ["zoo-2"]);
  await page.getByRole("button", { name: "All 3" }).click();
  await page.getByLabel("Type").selectOption("zoo_type");
  assert.deepEqual(await shown(), ["zoo-1", "zoo-2"]);
  await page.getByLabel("Type").selectOption("");
  // Silence is shown apart from the status, and an error at a glance.
  const third = page.locator('tr[data-id="zoo-3"]');
  assert.match(await third.textContent(), /Connected.*It once failed\..*Silent, last seen \d+ years ago/);
  await page.getByRole("button", { name: "Copy the id zoo-1" }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "zoo-1");
  // Coming back is coming back to the same list.
  await page.getByRole("link", { name: "Zoo one" }).click();
  await badge(page, "created").waitFor();
  await page.goBack();
  assert.equal(await page.getByRole("searchbox").inputValue(), "ZOO");
  await page.getByRole("searchbox").fill("no such connector");
  await says(page, "No connector is like that.");
});

test("the dialog says what is wrong before anything is sent", async () => {
  await site.connector("taken", { name: "Keep me", index_name: "taken-index" });
  const page = await site.open();
  const sent = [];
  page.on("request", (request) => request.method() !== "GET" && sent.push(request.url()));
  await page.getByRole("button", { name: "New connector" }).click();
  await page.waitForResponse((response) => /preview/.test(response.url())).catch(() => {});
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
  await page.getByLabel("Id", { exact: true }).fill("taken");
  await page.getByRole("button", { name: "Create connector" }).click();
  await says(page, "There is a connector [taken] already");
  assert.deepEqual(sent, []);
  await page.getByLabel("Id", { exact: true }).fill("");
  await page.getByLabel("Index", { exact: true }).fill("taken-index");
  await page.getByRole("button", { name: "Create connector" }).click();
  await says(page, "Index name [taken-index] is used by another connector.");
  await page.getByLabel("Index", { exact: true }).fill("free-index");
  await page.getByRole("button", { name: "Create connector" }).click();
  await badge(page, "created").waitFor();
  assert.equal((await site.curl("GET", "/_connector/taken")).body.name, "Keep me");
});

test("without a mouse", async () => {
  const page = await site.open();
  await page.locator("tbody tr").first().waitFor();
  /** Goes on with Tab to what has that name. */
  const reach = async (name) => {
    for (let n = 0; n < 60; n += 1) {
      await page.keyboard.press("Tab");
      const focused = await page.evaluate(() => {
        const element = document.activeElement;
        return element.labels?.[0]?.textContent || element.getAttribute("aria-label") || element.textContent;
      });
      if (focused?.trim().startsWith(name)) {
        const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
        assert.notEqual(outline, "none", `${name} shows no focus`);
        return;
      }
    }
    assert.fail(`${name} is not to be reached`);
  };
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "H1");
  await reach("New connector");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  await page.locator("dialog").waitFor({ state: "detached" });
  await page.keyboard.press("Enter");
  await page.locator("dialog :focus").waitFor();
  await page.keyboard.type("By Keyboard");
  await page.keyboard.press("Enter");
  await badge(page, "created").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "By Keyboard");
  for (const to of ["needs_configuration", "configured", "connected"]) {
    await reach(`Move to ${label(to)}`);
    await page.keyboard.press("Enter");
    await badge(page, to).waitFor();
  }
  await reach("Error");
  await page.keyboard.press("Space");
  await reach("Move to Error");
  await page.keyboard.press("Enter");
  await badge(page, "error").waitFor();
});

test("away and back", async () => {
  await site.connector("away", {}, "needs_configuration");
  const page = await site.open(hashOf("away"));
  await badge(page, "needs_configuration").waitFor();
  await page.context().setOffline(true);
  await says(page, "The server cannot be reached.");
  await says(page, /What you see is from .+ Trying again/s);
  assert.equal(await move(page).isEnabled(), false);
  const tries = [];
  page.on("request", () => tries.push(Date.now()));
  await sleep(5_000);
  assert.ok(tries.length <= 2, `${tries.length} tries in 5 s`);
  await site.curl("PUT", "/_connector/away/_status", { status: "configured" });
  await page.context().setOffline(false);
  await badge(page, "configured").waitFor({ timeout: 3_000 });
  assert.equal(await page.getByText("The server cannot be reached.").count(), 0);
  await page.route("**/_status", (route) => route.fulfill({ status: 503, json: { error: { reason: "Workers KV does not answer" } } }));
  await says(page, "Workers KV does not answer");
  await page.unroute("**/_status");
  await page.getByRole("button", { name: "Try now" }).click();
  await page.getByText("Workers KV does not answer").waitFor({ state: "detached" });
});

test("there is no such connector", async () => {
  const page = await site.open(hashOf("nobody"));
  await says(page, "There is no such connector");
  await page.getByRole("link", { name: "Back to all connectors" }).click();
  await page.locator("tbody tr").first().waitFor();
});
