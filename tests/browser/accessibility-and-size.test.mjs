// The console's size, headers and accessibility.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { gzipSync } from "node:zlib";

import { hashOf, move, option, says, startConsole, violations } from "./browser.mjs";

let site;
before(async () => {
  site = await startConsole();
  await site.connector("walked", { name: "Walked", index_name: "walked", service_type: "mysql" }, "needs_configuration", "configured", "connected");
  await site.connector("fresh", { name: "Fresh" });
  const jobs = [[], ["_claim"], ["_claim", "_complete"], ["_claim", "_cancel"], ["_claim", "_suspend"], ["_cancel"], ["_claim", "_error"]];
  const bodies = { _claim: { worker_hostname: "worker-7" }, _error: { error: "It failed.\n".repeat(60) } };
  for (const changes of jobs) {
    const { id } = (await site.curl("POST", "/_connector/_sync_job", { id: "walked" })).body;
    for (const change of changes) assert.equal((await site.curl("PUT", `/_connector/_sync_job/${id}/${change}`, bodies[change])).status, 200, change);
  }
  const configuration = {
    host: { label: "Host", order: 1, tooltip: "Where it is.", required: true, value: "db-1" },
    port: { label: "Port", order: 2, type: "int", value: 5432 },
    password: { label: "Password", order: 3, sensitive: true, value: "swordfish" },
    mode: { label: "Mode", order: 4, display: "dropdown", value: "a", options: [{ label: "A", value: "a" }] },
    query: { label: "Query", order: 5, display: "textarea", value: "all" },
    ssl: { label: "Use SSL", order: 6, type: "bool", value: true, category: "Advanced" },
  };
  const broken = { status: "error", name: "Broken", error: "It broke.\n".repeat(30), service_type: "jira", last_seen: "2026-01-01T00:00:00.000Z", configuration };
  await site.imported("broken", broken);
  await site.imported("odd", { status: "connected", name: 7, error: "Once.", last_seen: "yesterday" });
});
afterEach(() => site.closePages());
after(() => site.close());

test("the first load is small; the dialog's code is loaded with the dialog", async () => {
  const page = await site.open();
  const loaded = new Map();
  page.on("response", async (response) => loaded.set(new URL(response.url()).pathname, response.body().catch(() => "")));
  await page.reload();
  await page.locator("tbody tr").first().waitFor();
  const sizes = await Promise.all(
    [...loaded].filter(([path]) => path === "/" || path.startsWith("/assets/")).map(async ([path, body]) => [path, gzipSync(await body).length]),
  );
  const total = sizes.reduce((sum, [, size]) => sum + size, 0);
  assert.ok(sizes.length >= 3, `only ${sizes.map(([path]) => path)}`);
  assert.ok(total > 10_000 && total <= 60_000, `${total} bytes: ${sizes.join(" ")}`);
  assert.ok(![...loaded.keys()].some((path) => path.includes("preview")));
  const later = page.waitForResponse((response) => response.url().includes("preview"));
  await page.getByRole("button", { name: "New connector" }).click();
  assert.equal((await later).status(), 200);
});

test("the console is served with its security headers", async () => {
  const html = { headers: { accept: "text/html" } };
  const page = await fetch(`${site.url}/`, html);
  const [script] = (await page.text()).match(/\/assets\/main-[^"]+/);
  for (const response of [page, await fetch(site.url + script)]) {
    assert.equal(response.status, 200);
    const policy = response.headers.get("content-security-policy");
    const rules = new Map(policy.split("; ").map((rule) => [rule.split(" ")[0], rule.slice(rule.indexOf(" ") + 1)]));
    assert.equal(rules.get("default-src"), "'none'");
    assert.equal(rules.get("script-src"), "'self' 'wasm-unsafe-eval'");
    assert.equal(rules.get("style-src"), "'self'");
    assert.equal(rules.get("frame-ancestors"), "'none'");
    assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval'(?<!wasm-unsafe-eval')|\*|data:/);
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    assert.equal(response.headers.get("referrer-policy"), "no-referrer");
  }
  assert.equal(page.headers.get("vary"), "Accept");
  const again = await fetch(`${site.url}/`, { headers: { accept: "text/html", "if-none-match": page.headers.get("etag") } });
  assert.equal(again.status, 304);
  assert.match((await fetch(site.url + script)).headers.get("cache-control"), /immutable/);
});

const section = (tab, selector) => [hashOf("broken", tab), (page) => page.locator(selector).first().waitFor()];
const places = {
  list: ["", (page) => page.locator("tbody tr").nth(3).waitFor()],
  "no match": ["#/?query=nothing-like-that", (page) => says(page, "No connectors match these filters.")],
  connector: [hashOf("walked"), (page) => page.locator(".timeline li").nth(3).waitFor()],
  "new connector": [hashOf("fresh"), (page) => page.locator(".timeline li").first().waitFor()],
  error: [hashOf("broken"), (page) => says(page, "It broke.")],
  odd: [hashOf("odd"), (page) => says(page, "[name] is 7, not text.")],
  missing: [hashOf("nobody"), (page) => says(page, "Connector not found")],
  reason: [hashOf("broken"), async (page) => {
    await option(page, "error").click();
    await page.getByLabel("Reason").waitFor();
    await page.getByRole("button", { name: "Save reason" }).waitFor();
  }],
  moved: [hashOf("walked"), async (page) => {
    await option(page, "connected").click();
    await move(page).click();
    await says(page, "The status was already Connected.");
  }],
  overview: [hashOf("broken", ""), async (page) => {
    await says(page, "Mark as connected");
    await page.getByRole("button", { name: "Show more" }).click();
  }],
  "overview, with syncs": [hashOf("walked", ""), (page) => page.locator(".bars rect").nth(6).waitFor()],
  selected: ["", async (page) => {
    await page.getByLabel("Select Walked").check();
    await page.getByLabel("Select Fresh").check();
    await page.locator(".selection-bar").getByRole("button", { name: "Start a sync" }).click();
    await page.locator("dialog summary").click();
  }],
  "run over": ["", async (page) => {
    await page.getByLabel("Select Fresh").check();
    await page.locator(".selection-bar").getByRole("button", { name: "Mark as connected" }).click();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByLabel("Select Walked").check();
    await page.locator(".selection-bar").getByRole("button", { name: "Start a sync" }).click();
    await page.locator("dialog .primary").click();
    await says(page, "Sync requested for 1 connector.");
  }],
  keys: ["", async (page) => {
    await page.locator("tbody tr").first().waitFor();
    await page.keyboard.press("?");
    await says(page, "Keyboard shortcuts");
    await page.locator("dialog .keys").waitFor();
  }],
  "no deleted connectors": ["#/@deleted", (page) => says(page, "No deleted connectors")],
  "no such page": ["#/@nowhere", (page) => says(page, "Page not found")],
  history: section("history", ".history .timeline li"),
  configuration: [hashOf("broken", "configuration"), async (page) => {
    await page.getByLabel("Port").fill("many");
    await says(page, "Enter a whole number.");
  }],
  "no configuration": [hashOf("fresh", "configuration"), (page) => says(page, "No configuration yet")],
  scheduling: [hashOf("broken", "scheduling"), async (page) => {
    await page.locator(".runs li").nth(8).waitFor();
    await page.getByLabel("Schedule").first().fill("0 0");
    await says(page, "it has 2 fields, but must have 6 or 7");
  }],
  "sync jobs": [hashOf("walked", "jobs"), async (page) => {
    await page.locator(".job").nth(6).waitFor();
    await page.locator(".job summary").click();
  }],
  "no sync jobs": [hashOf("fresh", "jobs"), (page) => says(page, "No index is attached.")],
  document: section("document", ".json"),
  settings: [hashOf("broken", "settings"), async (page) => {
    await page.getByLabel("Attached index").fill("Bad Index");
    await says(page, "Invalid index name");
    await page.getByLabel("Service type").fill("mysql");
    await says(page, "This also moves the connector to");
  }],
  saved: [hashOf("fresh", "settings"), async (page) => {
    await page.getByLabel("Name", { exact: true }).fill(`Fresh ${Math.random()}`);
    await page.getByRole("form", { name: "Name and description" }).getByRole("button", { name: "Save" }).click();
    await says(page, "Saved.");
  }],
  "delete": [hashOf("broken", "settings"), async (page) => {
    await page.getByRole("button", { name: "Delete connector…" }).click();
    await page.getByRole("button", { name: "Delete connector", exact: true }).click();
    await says(page, "This isn't the connector's id.");
  }],
  dialog: ["", async (page) => {
    await page.getByRole("button", { name: "New connector" }).click();
    await page.getByLabel("Index", { exact: true }).fill("Bad Index");
    await page.getByRole("button", { name: "Create connector" }).click();
    await says(page, "Invalid index name");
  }],
  "dialog, refused": ["", async (page) => {
    await page.getByRole("button", { name: "New connector" }).click();
    await page.getByLabel("Id", { exact: true }).fill("broken");
    await page.getByRole("button", { name: "Create connector" }).click();
    await says(page, "Couldn't create the connector.");
  }],
  away: ["", async (page) => {
    await page.locator("tbody tr").first().waitFor();
    await page.context().setOffline(true);
    await says(page, "The server can't be reached.");
  }],
  key: ["", async (page) => {
    await page.route("**/_summary?*", (route) => route.fulfill({ status: 401, json: { error: { reason: "missing" } } }));
    // The page may have sent its request before requests were blocked.
    await page.reload();
    await says(page, "Enter an API key");
  }],
};

// Structure does not depend on the colour scheme, so it is checked once.
const rules = { light: {}, dark: { runOnly: ["color-contrast"] } };

for (const [name, [hash, arrive]] of Object.entries(places)) {
  test(`axe-core finds no violation in either theme on small and wide screens: ${name}`, async () => {
    const page = await site.open(hash, { colorScheme: "light", viewport: { width: 1280, height: 720 }, reducedMotion: "reduce" });
    await arrive(page);
    for (const width of [1280, 1920, 360]) {
      await page.setViewportSize({ width, height: 720 });
      for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme });
        assert.deepEqual(await violations(page, rules[colorScheme]), [], `${colorScheme}, ${width}`);
      }
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
    }
  });
}

test("reduced motion turns off all animations", async () => {
  const running = async (reducedMotion) => {
    const page = await site.open(hashOf("broken"), { reducedMotion });
    await page.locator(".edge.aimed").first().waitFor();
    await page.waitForTimeout(200);
    return page.evaluate(() => document.getAnimations().filter(({ playState }) => playState === "running").length);
  };
  assert.ok((await running("no-preference")) > 0);
  assert.equal(await running("reduce"), 0);
});
