// Changes whose responses get lost, conflicts with other people's changes, and unsaved input.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { badge, hashOf, move, option, says, startConsole } from "./browser.mjs";

let site;
before(async () => (site = await startConsole()));
afterEach(() => site.closePages());
after(() => site.close());

const statusOf = async (id) => (await site.curl("GET", `/_connector/${id}/_status`)).body.status;

/** Opens the page of a configured connector with "connected" chosen; `answer(route)` handles its next status change. */
async function aboutToMove(id, answer) {
  await site.connector(id, { name: id }, "needs_configuration", "configured");
  const page = await site.open(hashOf(id));
  await page.route("**/_status", (route) => (route.request().method() === "PUT" ? answer(route) : route.continue()));
  await option(page, "connected").click();
  return page;
}

test("a move whose response is lost is looked up and reported as done", async () => {
  const page = await aboutToMove("answer-lost", async (route) => {
    await route.fetch();
    await route.abort();
  });
  await move(page).click();
  await says(page, "Moved from Configured to Connected.");
  await badge(page, "connected").waitFor();
});

test("a move that did not arrive is reported as not done, and can be repeated", async () => {
  let isBroken = true;
  const page = await aboutToMove("never-sent", (route) => (isBroken ? route.abort() : route.continue()));
  await move(page).click();
  await says(page, "Couldn't move to Connected.");
  await says(page, "The server can't be reached.");
  assert.equal(await statusOf("never-sent"), "configured");
  isBroken = false;
  await option(page, "connected").click();
  await move(page).click();
  await badge(page, "connected").waitFor();
});

test("if something else has changed meanwhile, the result is reported as unknown", async () => {
  const page = await aboutToMove("nobody-knows", async (route) => {
    await site.curl("PUT", "/_connector/nobody-knows/_error", { error: "The source is down." });
    await route.abort();
  });
  await move(page).click();
  await says(page, "We can't tell whether your change was applied.");
  await badge(page, "error").waitFor();
});

test("the result of a change is shown to a user who left and comes back", async () => {
  let release;
  const page = await aboutToMove("looked-away", async (route) => {
    await new Promise((resolve) => (release = resolve));
    await route.continue();
  });
  await move(page).click();
  await says(page, "Moving to Connected");
  await page.getByRole("link", { name: "Settings" }).click();
  await page.getByLabel("Service type").waitFor();
  release();
  await badge(page, "connected").waitFor();
  await page.getByRole("link", { name: "Status", exact: true }).click();
  await says(page, "Moved from Configured to Connected.");
});

test("drafts survive links and reloads; leaving asks for confirmation; discarding removes them", async () => {
  await site.connector("drafted", { name: "Drafted" });
  const page = await site.open(hashOf("drafted", "settings"));
  const asked = [];
  page.on("dialog", (dialog) => asked.push(dialog.type()));
  const name = page.getByLabel("Name", { exact: true });
  await name.fill("Half done");
  await page.getByRole("link", { name: "History" }).click();
  await page.getByRole("link", { name: "Connectors", exact: true }).click();
  await page.getByRole("link", { name: "Drafted", exact: true }).click();
  await page.getByRole("link", { name: "Settings" }).click();
  assert.equal(await name.inputValue(), "Half done");
  await page.reload();
  await name.waitFor();
  assert.equal(await name.inputValue(), "Half done");
  assert.deepEqual(asked, ["beforeunload"]);
  await page.getByRole("button", { name: "Discard changes" }).click();
  await page.reload();
  await name.waitFor();
  assert.equal(await name.inputValue(), "Drafted");
  assert.deepEqual(asked, ["beforeunload"]);
});

const field = (label, order, rest) => ({ label, order, type: "str", display: "textbox", required: false, sensitive: false, value: "", ...rest });

test("a conflict shows both versions side by side, and either can be kept", async () => {
  await site.connector("conflict", { name: "Ours", description: "Old" });
  const page = await site.open(hashOf("conflict", "settings"));
  const form = page.getByRole("form", { name: "Name and description" });
  await page.getByLabel("Name", { exact: true }).fill("Mine");
  await page.getByRole("textbox", { name: "Description" }).fill("My words");
  await site.curl("PUT", "/_connector/conflict/_name", { name: "Theirs", description: "Their words" });
  await form.getByText("Changed by someone else to Theirs.").waitFor();
  await form.getByText("Changed by someone else to Their words.").waitFor();
  await form.getByRole("button", { name: "Keep mine" }).first().click();
  await form.getByRole("button", { name: "Take theirs" }).click();
  await form.getByRole("button", { name: "Save" }).click();
  await form.getByText("Saved.").waitFor();
  const { name, description } = (await site.curl("GET", "/_connector/conflict")).body;
  assert.deepEqual([name, description], ["Mine", "Their words"]);
});

test("a secret that was changed elsewhere is not overwritten unnoticed, and drafts of secrets are never stored", async () => {
  const configuration = { host: field("Host", 1, { value: "db-1" }), password: field("Password", 2, { sensitive: true, value: "swordfish" }) };
  await site.imported("secretive", { status: "needs_configuration", name: "secretive", service_type: "mysql", configuration });
  const page = await site.open(hashOf("secretive", "configuration"));
  await page.getByLabel("Password").fill("mine-1234");
  await page.getByLabel("Host").fill("db-2");
  const kept = await page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }]));
  assert.ok(kept.includes("db-2") && !kept.includes("mine-1234") && !kept.includes("swordfish"), kept);
  await site.curl("PUT", "/_connector/secretive/_configuration", { values: { password: "theirs-5678" } });
  const stored = async () => (await site.curl("GET", "/_connector/secretive")).body.configuration.password.value;
  await says(page, "Someone else changed the saved value.");
  await page.getByRole("button", { name: "Save configuration" }).click();
  await says(page, "Someone changed this connector first, so your change wasn't applied.");
  assert.equal(await stored(), "theirs-5678");
  await page.getByRole("button", { name: "Keep mine" }).click();
  await page.getByRole("button", { name: "Save configuration" }).click();
  await says(page, "Saved.");
  assert.equal(await stored(), "mine-1234");
});

test("83 simultaneous changes are rendered once", async () => {
  for (let n = 0; n < 8; n += 1) await site.connector(`drawn-${n}`, { name: `Drawn ${n}` });
  const page = await site.open();
  let sendChanges;
  await page.routeWebSocket("**/_watch*", (socket) => {
    const server = socket.connectToServer();
    server.onMessage((message) => {
      socket.send(message);
      sendChanges = (changes) => socket.send(JSON.stringify({ type: "changes", seq: JSON.parse(message).seq + changes.length, changes }));
    });
  });
  await page.reload();
  await page.locator('tr[data-id="drawn-7"]').waitFor();
  while (!sendChanges) await page.waitForTimeout(20);
  await page.evaluate(() => {
    window.draws = 0;
    new MutationObserver(() => (window.draws += 1)).observe(document.querySelector("tbody"), { subtree: true, childList: true, characterData: true, attributes: true });
  });
  const changes = Array.from({ length: 83 }, (_, n) => ({
    id: `drawn-${n % 8}`,
    version: 100 + n,
    seq: n,
    heartbeat: true,
    connector: { id: `drawn-${n % 8}`, name: `Drawn again ${n}`, status: "created", since: null, last_seen: null, index_name: null, service_type: null, description: null, error: null },
  }));
  sendChanges(changes.map(({ seq: _, ...change }) => change));
  await page.getByRole("link", { name: "Drawn again 82", exact: true }).waitFor();
  assert.equal(await page.evaluate(() => window.draws), 1);
});

test("a part of the page that crashes leaves the rest working", async () => {
  await site.connector("half-broken", { name: "Half broken" });
  const page = await site.open();
  await page.route("**/half-broken/_status", (route) => route.fulfill({ json: { id: "half-broken", status: "created", history: 7, next: [] }, headers: { etag: '"1"' } }));
  await page.goto(`${site.url}/${hashOf("half-broken")}`);
  await says(page, "Something went wrong in this part of the page.");
  await page.getByRole("link", { name: "Settings" }).click();
  await page.getByLabel("Service type").waitFor();
  await site.closePages(/is not a function/);
});
