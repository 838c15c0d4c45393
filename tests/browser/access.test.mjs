// The console of a Worker that lets nobody in without a key.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, afterEach, before, test } from "node:test";

import { badge, hashOf, option, says, startConsole } from "./browser.mjs";

const secret = randomBytes(32).toString("base64url");
const encoded = (id) => Buffer.from(`${id}:${secret}`).toString("base64");
const keys = {
  viewer: { privileges: ["monitor_connector"] },
  elsewhere: { privileges: ["manage_connector"], connectors: ["other-*"] },
};

let site;
const asRoot = (method, path, body) =>
  site.curl(method, path, body, { authorization: `ApiKey ${encoded("root")}` });

before(async () => {
  site = await startConsole({ open: false, secrets: { ROOT_API_KEY: `root:${secret}` } });
  for (const [id, key] of Object.entries(keys)) {
    const secret_sha256 = createHash("sha256").update(secret).digest("base64");
    await site.keys.put(id, JSON.stringify({ name: `Key of ${id}`, secret_sha256, ...key }));
  }
  assert.equal((await asRoot("PUT", "/_connector/guarded", { name: "Guarded" })).status, 201);
});
afterEach(() => site.closePages());
after(() => site.close());

test("a key is asked for, kept in the tab only, and what it does not cover is explained", async () => {
  const page = await site.open(hashOf("guarded"));
  const enter = async (key) => {
    await page.getByLabel("API key").fill(key);
    await page.getByRole("button", { name: "Open the console" }).click();
  };
  const moveOn = async () => {
    await option(page, "needs_configuration").click();
    await page.getByRole("button", { name: "Move to Needs configuration" }).click();
  };
  await says(page, "This server asks for an API key");
  assert.equal(await page.getByRole("button", { name: "Forget key" }).count(), 0);
  await enter(encoded("nobody"));
  await says(page, "The server did not accept that key.");
  assert.equal(await page.getByRole("button", { name: "Forget key" }).count(), 0);
  await enter("with blanks in it");
  await says(page, "Paste the encoded key");

  await enter(`ApiKey ${encoded("elsewhere")}`);
  await says(page, "This key can't do that");
  await says(page, /limited to connectors \[other-\*\]/);
  await page.getByRole("button", { name: "use another key" }).click();

  // Who looks may look.
  await enter(`viewer:${secret}`);
  await moveOn();
  await says(page, /action \[.+\] is unauthorized for API key .*Key of viewer/);
  assert.equal((await asRoot("GET", "/_connector/guarded/_status")).body.status, "created");
  const kept = () => [localStorage.length, document.cookie, sessionStorage.getItem("api-key")];
  assert.deepEqual(await page.evaluate(kept), [0, "", encoded("viewer")]);
  assert.ok(!(await page.content()).includes(secret) && !(await page.content()).includes(encoded("viewer")));
  await page.reload();
  await badge(page, "created").waitFor();
  await page.getByRole("button", { name: "Forget key" }).click();

  await enter(encoded("root"));
  await option(page, "needs_configuration").click();
  assert.match(await page.locator(".submit + .shell pre").textContent(), /-H "Authorization: ApiKey \$API_KEY"/);
  await moveOn();
  await badge(page, "needs_configuration").waitFor();
  await says(page, "via API _status · key root");

  const other = await site.open();
  await says(other, "This server asks for an API key");
});

test("a key that is remembered on this device is there in a new tab, until it is forgotten", async () => {
  const page = await site.open();
  await page.getByLabel("API key").fill(encoded("root"));
  await page.getByLabel("Remember on this device").check();
  await page.getByRole("button", { name: "Open the console" }).click();
  await page.locator('tr[data-id="guarded"]').waitFor();
  const tab = await page.context().newPage();
  await tab.goto(`${site.url}/${hashOf("guarded")}`);
  await badge(tab, "needs_configuration").waitFor();
  await tab.getByRole("button", { name: "Forget key" }).click();
  await says(tab, "This server asks for an API key");
  assert.equal(await tab.evaluate(() => localStorage.length), 0);
});
