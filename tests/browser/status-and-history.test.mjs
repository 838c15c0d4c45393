// Common tasks in the console, against a real Worker.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { nextStatuses, statuses } from "../../npm/dist/index.js";
import { badge, hasFocus, hashOf, label, move, openStatus, option, reach, says, startConsole } from "./browser.mjs";

let site;
before(async () => (site = await startConsole()));
afterEach(() => site.closePages());
after(() => site.close());

const statusOf = async (id) => (await site.curl("GET", `/_connector/${id}/_status`)).body.status;

test("a connector can be created, connected, put into error and recovered by clicking", async () => {
  const page = await site.open();
  await says(page, "No connectors yet");
  await page.getByRole("button", { name: "Create your first connector" }).click();
  await page.getByLabel("Name", { exact: true }).fill("My First Connector");
  assert.equal(await page.getByLabel("Id").inputValue(), "my-first-connector");
  await page.getByRole("button", { name: "Create connector" }).click();
  await badge(page, "created").waitFor();
  assert.equal(await page.locator("h1").textContent(), "My First Connector");
  await openStatus(page);
  for (const to of ["needs_configuration", "configured", "connected"]) {
    // Moves that people make have a button; moves of the connector service are among the options.
    const own = to === "configured";
    assert.equal(await move(page).count(), own ? 1 : 0, to);
    if (!own) {
      await says(page, "The next move is the connector service's to make.");
      await option(page, to).click();
    }
    await page.getByRole("button", { name: `Move to ${label(to)}` }).click();
    await badge(page, to).waitFor();
    await says(page, `to ${label(to)}.`);
    await hasFocus(page, new RegExp(`^Moved from .+ to ${label(to)}\\.`));
  }
  await says(page, "No move is needed.");
  await option(page, "error").click();
  await move(page).click();
  await badge(page, "error").waitFor();
  assert.equal(await move(page).textContent(), "Move to Configured ");
  await option(page, "connected").click();
  await move(page).click();
  await badge(page, "connected").waitFor();
  await option(page, "connected").click();
  await move(page).click();
  await says(page, "The status was already Connected.");
  const { body } = await site.curl("GET", "/_connector/my-first-connector/_status");
  const way = ["created", "needs_configuration", "configured", "connected", "error", "connected"];
  assert.deepEqual(body.history.map(({ to }) => to).reverse(), way);
  assert.deepEqual(await page.locator(".timeline .step strong").allTextContents(), way.map(label).reverse().slice(0, 5));
  assert.equal(await page.title(), "Connected · My First Connector");
  await page.getByRole("link", { name: "Connectors", exact: true }).click();
  await page.getByRole("link", { name: "My First Connector" }).waitFor();
});

test("for each status the legal moves are offered, and the others are disabled with a reason", async () => {
  const page = await site.open();
  for (const status of statuses) {
    await site.imported(`in-${status}`, { status, name: status });
    await page.goto(`${site.url}/${hashOf(`in-${status}`)}`);
    await badge(page, status).waitFor();
    const legal = nextStatuses(status);
    for (const to of statuses) {
      assert.equal(await option(page, to).isEnabled(), legal.includes(to), to);
      const about = page.locator(`[id="${await option(page, to).getAttribute("aria-describedby")}"]`);
      const text = await about.textContent();
      const said = legal.includes(to) ? /^Set by (a user|the connector service) .+\.$/ : /^(Not available yet: move to .+|The initial status\. You can.t return to it)\.$/;
      assert.match(text, to === status ? /^The current status\./ : said, to);
      assert.equal(await page.locator(`.option[data-status="${to}"] small`).count(), to === status ? 1 : 0);
    }
    const drawn = (kind) => page.locator(`.edge.${kind}`).evaluateAll((edges) => edges.map((edge) => edge.dataset.move));
    const live = [...(await drawn("legal")), ...(await drawn("aimed"))].sort();
    assert.deepEqual(live, legal.map((to) => `${status} ${to}`).sort());
    const all = await page.locator(".edge").evaluateAll((edges) => edges.map((edge) => edge.dataset.move));
    assert.deepEqual(all.sort(), statuses.flatMap((from) => nextStatuses(from).map((to) => `${from} ${to}`)).sort());
  }
  await page.goto(`${site.url}/${hashOf("in-created")}`);
  await says(page, "Not available yet: move to Needs configuration, then Configured.");
});

test("the curl command shown is for the chosen move", async () => {
  await site.connector("it's a/b", {});
  const page = await site.open(hashOf("it's a/b"));
  await option(page, "error").click();
  const line = await page.locator(".submit + .shell pre").textContent();
  assert.match(line, /^curl -X PUT 'http:\/\/.+\/_connector\/it%27s%20a%2Fb\/_status' \\\n {2}-H 'Content-Type: application\/json' \\\n {2}-d '\{"status":"error"\}'$/);
  await page.locator(".submit + .shell").getByRole("button").click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), line);
});

/** Holds the page's next status change until `meanwhile` is done. */
async function held(page, meanwhile, change = (headers) => headers) {
  await page.route("**/_status", async (route) => {
    if (route.request().method() !== "PUT") return route.continue();
    await meanwhile();
    await route.continue({ headers: change(route.request().headers()) });
    await page.unroute("**/_status");
  });
}

test("a status change that loses a race is reported and overwrites nothing", async () => {
  await site.connector("raced", {}, "needs_configuration", "configured");
  const page = await site.open(hashOf("raced"));
  await held(page, () => site.curl("PUT", "/_connector/raced/_status", { status: "error" }));
  await option(page, "connected").click();
  await move(page).click();
  await says(page, "Someone changed this connector first, so your change wasn't applied. Review the new status and try again.");
  await badge(page, "error").waitFor();
  await says(page, "It is now Error, via API _status · anonymous");
  await hasFocus(page, /^Someone changed this connector first/);
  assert.equal(await statusOf("raced"), "error");
});

test("a heartbeat does not block a status change", async () => {
  await site.connector("beating", {}, "needs_configuration", "configured");
  const page = await site.open(hashOf("beating"));
  await held(page, () => site.curl("PUT", "/_connector/beating/_check_in"));
  await option(page, "connected").click();
  await move(page).click();
  await badge(page, "connected").waitFor();
  await says(page, "Moved from Configured to Connected.");
});

test("a refused change shows the server's reason, and a pending one is shown as pending", async () => {
  await site.connector("refused", {}, "needs_configuration", "configured");
  const page = await site.open(hashOf("refused"));
  const withoutMatch = ({ "if-match": _, ...headers }) => headers;
  let pending;
  const meanwhile = async () => {
    pending = await page.locator(".submit button").textContent();
    await site.curl("PUT", "/_connector/refused/_status", { status: "needs_configuration" });
  };
  await held(page, meanwhile, withoutMatch);
  await option(page, "connected").click();
  await move(page).click();
  // Both messages stay: what has changed meanwhile, and why the move was refused.
  await says(page, "Changed elsewhere: Configured to Needs configuration.");
  await says(page, "Invalid transition attempt from [needs_configuration] to [connected]. Such a status transition is not supported by the Connector Protocol.");
  assert.match(pending, /Moving to Connected/);
  assert.equal(await statusOf("refused"), "needs_configuration");
});

test("text from the server is never interpreted as HTML", async () => {
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
    await site.imported(`hostile-error-${n}`, { status: "error", name, error: name });
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

test("a connector that does not exist is reported", async () => {
  const page = await site.open(hashOf("nobody"));
  await says(page, "Connector not found");
  await page.getByRole("link", { name: "Back to all connectors" }).click();
  await page.locator("tbody tr").first().waitFor();
});

test("a connector can be created, moved and recovered by keyboard", async () => {
  const page = await site.open();
  await page.locator("tbody tr").first().waitFor();
  await page.keyboard.press("Tab");
  await hasFocus(page, "Skip to the content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "H1");
  await reach(page, "New connector");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  await page.locator("dialog").waitFor({ state: "detached" });
  await page.keyboard.press("Enter");
  await page.locator("dialog :focus").waitFor();
  await page.keyboard.type("By Keyboard");
  await page.keyboard.press("Enter");
  await badge(page, "created").waitFor();
  await hasFocus(page, "By Keyboard");
  // The heading has the focus, without an outline.
  assert.equal(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), "none");
  await reach(page, "Status");
  await page.keyboard.press("Enter");
  await option(page, "needs_configuration").waitFor();
  for (const to of ["needs_configuration", "connected", "error"]) {
    if (to === "connected") {
      await reach(page, "Move to Configured");
      await page.keyboard.press("Enter");
      await badge(page, "configured").waitFor();
      await page.locator(".callout:focus").waitFor();
    }
    await reach(page, label(to));
    await page.keyboard.press("Space");
    if (to === "error") {
      await reach(page, "Reason");
      await page.keyboard.type("Pulled the plug");
    }
    await reach(page, `Move to ${label(to)}`);
    await page.keyboard.press("Enter");
    await badge(page, to).waitFor();
    // The result gets the focus, so that screen readers announce it.
    await page.locator(".callout:focus").waitFor();
    await hasFocus(page, new RegExp(`Moved from .+ to ${label(to)}`));
  }
  await page.getByRole("region", { name: "Error text" }).getByText("Pulled the plug").waitFor();
  await reach(page, "Mark as connected", { back: true });
  await page.keyboard.press("Enter");
  await badge(page, "connected").waitFor();
  assert.equal((await site.curl("GET", "/_connector/by-keyboard")).body.error, null);
  await page.keyboard.press("Escape");
  await page.locator('tr[data-id="by-keyboard"]').waitFor();
});

test("an error needs a reason, and an earlier error is shown as text only", async () => {
  await site.connector("failing", { name: "Failing" }, "needs_configuration", "configured", "connected");
  const page = await site.open(hashOf("failing"));
  await option(page, "error").click();
  await page.getByLabel("Reason").fill("The source is down\nuntil Friday");
  assert.match(await page.locator(".submit + .shell pre").textContent(), /_error' .+-d '\{"error":"The source is down\\nuntil Friday"\}'$/s);
  await move(page).click();
  await badge(page, "error").waitFor();
  await says(page, "The connector has reported an error");
  await page.locator(".fault-text", { hasText: "until Friday" }).waitFor();
  // A connector that is in error already can only get another reason.
  await option(page, "error").click();
  const save = page.getByRole("button", { name: "Save reason" });
  assert.deepEqual([await move(page).count(), await save.isEnabled()], [0, false]);
  await page.getByLabel("Reason").fill("until Monday");
  await save.click();
  await says(page, "Saved.");
  await page.locator(".fault-text", { hasText: "until Monday" }).waitFor();
  await option(page, "connected").click();
  await move(page).click();
  await badge(page, "connected").waitFor();
  // The text can remain with a healthy status; clearing it changes no status.
  await says(page, "An earlier error");
  await page.getByRole("button", { name: "Mark as connected" }).click();
  await page.locator(".fault-text").waitFor({ state: "detached" });
  assert.equal(await statusOf("failing"), "connected");
});

test("the history can be read to its end", async () => {
  await site.connector("walker", { name: "Walker" }, "error");
  // One after the other, so that the order is known.
  for (let n = 0; n < 230; n += 1) {
    await site.curl("PUT", "/_connector/walker/_status", { status: n % 2 ? "configured" : "connected" });
  }
  const page = await site.open(hashOf("walker"));
  await page.getByRole("link", { name: "All history" }).first().click();
  await says(page, "100 changes, the newest");
  const more = page.getByRole("button", { name: "Show older changes" });
  await more.click();
  await says(page, "200 changes, the newest");
  // The focus moves to the first of the new rows.
  await page.locator(".timeline li").nth(100).and(page.locator(":focus")).waitFor();
  // Later changes appear on top, and nothing appears twice.
  await site.curl("PUT", "/_connector/walker/_status", { status: "error" });
  await says(page, "201 changes, the newest");
  await more.click();
  await says(page, "233 changes");
  await more.waitFor({ state: "detached" });
  const all = await page.locator(".timeline .step strong").allTextContents();
  assert.deepEqual([all.length, all[0], ...all.slice(-2)], [233, "Error", "Error", "Created"]);
});

test("the history shows edits with their fields, the call and the author", async () => {
  await site.connector("edited", { name: "Edited" });
  for (let n = 0; n < 55; n += 1) await site.curl("PUT", "/_connector/edited/_name", { name: `Name ${n}` });
  const page = await site.open(hashOf("edited", "history"));
  const rows = page.locator(".edit");
  await rows.nth(49).waitFor();
  assert.match(await rows.nth(0).textContent(), /^name.*via API _name · anonymous$/);
  await page.getByRole("button", { name: "Show older edits" }).click();
  await rows.nth(55).waitFor();
  assert.match(await rows.nth(55).textContent(), /Created/);
  // Later edits appear on top, and nothing appears twice.
  await site.curl("PUT", "/_connector/edited/_pipeline", { pipeline: { name: "p", extract_binary_content: true, reduce_whitespace: true, run_ml_inference: false } });
  await rows.filter({ hasText: "pipeline" }).waitFor();
  assert.equal(await rows.count(), 57);
});

test("a move that the protocol does not allow is marked in the history", async () => {
  await site.connector("forced", { name: "Forced" });
  const { status } = await site.curl("POST", "/.elastic-connectors/_update/forced", { doc: { status: "connected" } });
  assert.equal(status, 200);
  const page = await site.open(hashOf("forced", "history"));
  await page.locator(".timeline li").nth(1).waitFor();
  const marked = await page.locator(".timeline li").evaluateAll((items) => items.map((item) => item.textContent.includes("Not allowed by the Connector Protocol")));
  assert.deepEqual(marked, [true, false]);
});

test("the status and the possible moves are on the first screen", async () => {
  await site.connector("visible", { name: "Visible", description: "d ".repeat(200) }, "needs_configuration");
  await site.curl("PUT", "/_connector/visible/_error", { error: "It broke.\n".repeat(30) });
  for (const [width, height] of [[1280, 720], [360, 740]]) {
    const page = await site.open(hashOf("visible"), { viewport: { width, height } });
    for (const element of [badge(page, "error"), page.getByText("It broke.").first(), page.getByRole("button", { name: "Mark as connected" }), move(page)]) {
      await element.waitFor();
      const { y, height: tall } = await element.boundingBox();
      assert.ok(y >= 0 && y + Math.min(tall, 100) <= height, `${await element.textContent()} at ${y}, ${width} x ${height}`);
    }
    // Nothing overlaps.
    for (const box of await page.locator(".option button").all()) {
      assert.ok(await box.evaluate((button) => button.scrollWidth <= button.clientWidth), await box.textContent());
    }
  }
});
