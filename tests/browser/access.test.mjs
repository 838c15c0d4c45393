// The console of a Worker that requires a key.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, afterEach, before, test } from "node:test";

import { behindAccess } from "../edge/signed-in.mjs";
import { badge, hashOf, openStatus, option, says, startConsole, violations } from "./browser.mjs";

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

test("the console asks for a key, keeps it in the tab only, and explains what the key cannot do", async () => {
  const page = await site.open(hashOf("guarded"));
  const enter = async (key) => {
    await page.getByLabel("API key").fill(key);
    await page.getByRole("button", { name: "Open the console" }).click();
  };
  const moveOn = async () => {
    await option(page, "needs_configuration").click();
    await page.getByRole("button", { name: "Move to Needs configuration" }).click();
  };
  await says(page, "Enter an API key");
  assert.equal(await page.getByRole("button", { name: "Forget key" }).count(), 0);
  await enter(encoded("nobody"));
  await says(page, "The server rejected this key.");
  assert.equal(await page.getByRole("button", { name: "Forget key" }).count(), 0);
  await enter("with blanks in it");
  await says(page, "Paste the encoded key");

  await enter(`ApiKey ${encoded("elsewhere")}`);
  await says(page, "This key can't do that");
  await says(page, /limited to connectors \[other-\*\]/);
  await page.getByRole("button", { name: "use another key" }).click();

  // A user whose key can only read learns this before trying anything.
  await enter(`viewer:${secret}`);
  await page.getByText("Key of viewer", { exact: true }).waitFor();
  await page.getByText("read only", { exact: true }).waitFor();
  await says(page, "Your key “Key of viewer” can only read.");
  assert.equal(await option(page, "needs_configuration").isEnabled(), false);
  for (const [tab, button] of [["Settings", "Delete connector…"], ["Scheduling", "Save schedules"], ["Sync jobs", "Start sync"]]) {
    await page.getByRole("link", { name: tab }).click();
    await page.getByRole("button", { name: button }).waitFor();
    assert.equal(await page.getByRole("button", { name: button }).isEnabled(), false);
    assert.equal(await page.locator(".panel :is(input, textarea, select):enabled").count(), 0, tab);
  }
  await page.getByRole("link", { name: "Status", exact: true }).click();
  assert.deepEqual(await violations(page), []);
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
  await says(other, "Enter an API key");
});

test("a limited key shows only its connectors, and the create dialog says which ids it covers", async () => {
  assert.equal((await asRoot("PUT", "/_connector/other-1", { name: "Other" })).status, 201);
  const page = await site.open();
  await page.getByLabel("API key").fill(encoded("elsewhere"));
  await page.getByRole("button", { name: "Open the console" }).click();
  await page.getByRole("link", { name: "Other", exact: true }).waitFor();
  assert.equal(await page.locator("tbody tr").count(), 1);
  await says(page, "read and write, some connectors");
  await page.getByRole("button", { name: "New connector" }).click();
  await page.getByLabel("Id", { exact: true }).fill("mine");
  await says(page, "Your key “Key of elsewhere” only covers other-*.");
  await page.getByLabel("Id", { exact: true }).fill("other-2");
  await page.getByRole("button", { name: "Create connector" }).click();
  await badge(page, "created").waitFor();
});

test("a visitor who can read without a key can enter one", async () => {
  const open = await startConsole({ open: false, vars: { ANONYMOUS_PRIVILEGE: "monitor_connector" }, secrets: { ROOT_API_KEY: `root:${secret}` } });
  try {
    const page = await open.open();
    await says(page, "Without a key you can only read.");
    await page.getByText("No key", { exact: true }).waitFor();
    assert.equal(await page.getByRole("button", { name: "Create your first connector" }).isEnabled(), false);
    await page.getByRole("button", { name: "Use a key" }).click();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "Use a key" }).click();
    await page.getByLabel("API key").fill(encoded("root"));
    await page.getByRole("button", { name: "Open the console" }).click();
    await page.getByRole("button", { name: "Forget key" }).waitFor();
    await page.getByRole("button", { name: "Create your first connector" }).click();
    await page.locator("dialog").waitFor();
    await open.closePages();
  } finally {
    await open.close();
  }
});

test("a wrong key is not kept, and a key that stops working does not lock an open console", async () => {
  const open = await startConsole({ secrets: { ROOT_API_KEY: `root:${secret}` } });
  try {
    const page = await open.open();
    const kept = () => page.evaluate(() => localStorage.getItem("api-key") ?? sessionStorage.getItem("api-key"));
    const enter = async (key) => {
      await page.getByLabel("API key").fill(key);
      await page.getByLabel("Remember on this device").check();
      await page.getByRole("button", { name: "Open the console" }).click();
    };
    await page.getByRole("button", { name: "Use a key" }).click();
    await enter(encoded("nobody"));
    await says(page, "The server rejected this key.");
    assert.equal(await kept(), null);
    await page.reload();
    await says(page, "No connectors yet");

    await page.getByRole("button", { name: "Use a key" }).click();
    await enter(encoded("root"));
    await page.getByRole("button", { name: "Forget key" }).waitFor();
    assert.equal(await kept(), encoded("root"));

    // The state after a key was revoked.
    await page.evaluate((key) => localStorage.setItem("api-key", key), encoded("revoked"));
    await page.reload();
    await says(page, "Your API key was rejected");
    assert.deepEqual(await violations(page), []);
    await page.getByRole("button", { name: "Continue without a key" }).click();
    await says(page, "No connectors yet");
    assert.equal(await kept(), null);
    await open.closePages();
  } finally {
    await open.close();
  }
});

test("a key is not kept while the server cannot verify it", async () => {
  const page = await site.open();
  await says(page, "Enter an API key");
  await page.route("**/_security/_authenticate", (route) => route.abort());
  await page.getByLabel("API key").fill(encoded("root"));
  await page.getByRole("button", { name: "Open the console" }).click();
  await says(page, "The server can't be reached. The key couldn't be checked. Try again.");
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
});

/** Opens the console signed in through Cloudflare Access. */
async function asAnn(vars, act) {
  const { options, remove } = behindAccess({ email: "ann@example.org" }, vars);
  const signed = await startConsole(options);
  try {
    await act(signed);
    await signed.closePages();
  } finally {
    await signed.close();
    remove();
  }
}

test("a signed-in person is greeted by name and is not asked for a key", () =>
  asAnn({ ACCESS_PRIVILEGE: "monitor_connector" }, async (signed) => {
    await signed.kv.put("c:guarded", JSON.stringify({ status: "created", name: "Guarded" }));
    const page = await signed.open(hashOf("guarded"));
    await says(page, "ann@example.org");
    await says(page, "You (ann@example.org) can only read.");
    assert.equal(await option(page, "needs_configuration").isEnabled(), false);
    for (const name of ["Use a key", "Forget key"]) assert.equal(await page.getByRole("button", { name }).count(), 0);
    assert.deepEqual(await violations(page), []);
    await page.getByRole("link", { name: "Connectors", exact: true }).click();
    await page.locator('tr[data-id="guarded"]').waitFor();
  }));

test("a signed-in person can move a connector, is named in its history and gets live updates", () =>
  asAnn({ ACCESS_PRIVILEGE: "manage_connector" }, async (signed) => {
    const page = await signed.open();
    await page.goto("about:blank");
    const socket = page.waitForEvent("websocket");
    await page.goto(signed.url);
    await page.getByRole("button", { name: "Create your first connector" }).click();
    await page.getByLabel("Name", { exact: true }).fill("Hers");
    await page.getByRole("button", { name: "Create connector" }).click();
    await badge(page, "created").waitFor();
    assert.match((await socket).url(), /_watch/);
    await openStatus(page);
    await option(page, "error").click();
    await page.getByRole("button", { name: "Move to Error" }).click();
    await badge(page, "error").waitFor();
    await page.locator(".timeline", { hasText: "ann@example.org" }).waitFor();
    const origin = { origin: signed.url };
    assert.equal((await signed.curl("PUT", "/_connector/hers/_status", { status: "configured" }, origin)).status, 200);
    await badge(page, "configured").waitFor();
  }));

test("a key that is remembered on this device is available in new tabs until it is forgotten", async () => {
  const page = await site.open();
  await page.getByLabel("API key").fill(encoded("root"));
  await page.getByLabel("Remember on this device").check();
  await page.getByRole("button", { name: "Open the console" }).click();
  await page.locator('tr[data-id="guarded"]').waitFor();
  const tab = await page.context().newPage();
  await tab.goto(`${site.url}/${hashOf("guarded")}`);
  await tab.getByRole("heading", { name: "Guarded" }).waitFor();
  await tab.getByRole("button", { name: "Forget key" }).click();
  await says(tab, "Enter an API key");
  assert.equal(await tab.evaluate(() => localStorage.length), 0);
});
