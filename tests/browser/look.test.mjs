// What the console is made of: size, headers, and whether everybody can use it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, afterEach, before, test } from "node:test";
import { gzipSync } from "node:zlib";

import { hashOf, says, startConsole } from "./browser.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let site;
before(async () => {
  site = await startConsole();
  await site.connector("walked", { name: "Walked", index_name: "walked", service_type: "mysql" }, "needs_configuration", "configured", "connected");
  await site.connector("fresh", { name: "Fresh" });
  const broken = { status: "error", name: "Broken", error: "It broke.", last_seen: "2026-01-01T00:00:00.000Z" };
  await site.kv.put("c:broken", JSON.stringify(broken));
});
afterEach(() => site.closePages());
after(() => site.close());

test("the first load is small; what the dialog needs comes with the dialog", async () => {
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
  assert.ok(total > 10_000 && total <= 40_000, `${total} bytes: ${sizes.join(" ")}`);
  assert.ok(![...loaded.keys()].some((path) => path.includes("preview")));
  const later = page.waitForResponse((response) => response.url().includes("preview"));
  await page.getByRole("button", { name: "New connector" }).click();
  assert.equal((await later).status(), 200);
});

test("the headers", async () => {
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

const places = {
  list: ["", (page) => page.locator("tbody tr").nth(2).waitFor()],
  connector: [hashOf("walked"), (page) => page.locator(".timeline li").nth(3).waitFor()],
  "new connector": [hashOf("fresh"), (page) => page.locator(".timeline li").first().waitFor()],
  error: [hashOf("broken"), (page) => says(page, "It broke.")],
  missing: [hashOf("nobody"), (page) => says(page, "There is no such connector")],
  moved: [hashOf("broken"), async (page) => {
    await page.locator('.option[data-status="error"] button').click();
    await page.getByRole("button", { name: /^Move to/ }).click();
    await says(page, "It was Error already.");
  }],
  dialog: ["", async (page) => {
    await page.getByRole("button", { name: "New connector" }).click();
    await page.getByLabel("Index", { exact: true }).fill("Bad Index");
    await page.getByRole("button", { name: "Create connector" }).click();
    await says(page, "Invalid index name");
  }],
  away: ["", async (page) => {
    await page.locator("tbody tr").first().waitFor();
    await page.context().setOffline(true);
    await says(page, "The server cannot be reached.");
  }],
  key: ["", async (page) => {
    await page.route("**/_connector?*", (route) => route.fulfill({ status: 401, json: { error: { reason: "missing" } } }));
    await says(page, "This server asks for an API key");
  }],
};

for (const colorScheme of ["light", "dark"]) {
  for (const [width, height] of [[1280, 900], [360, 740]]) {
    test(`axe-core finds nothing, ${colorScheme}, ${width} pixels wide`, async (t) => {
      for (const [name, [hash, arrive]] of Object.entries(places)) {
        await t.test(name, async () => {
          const page = await site.open(hash, { colorScheme, viewport: { width, height }, reducedMotion: "reduce" });
          await arrive(page);
          await page.evaluate(axe);
          const { violations, passes } = await page.evaluate(() => window.axe.run({ resultTypes: ["violations"] }));
          const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`);
          assert.deepEqual(found, []);
          assert.ok(passes.length > 10);
          assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
          await page.context().close();
        });
      }
    });
  }
}

test("who wants no motion sees none", async () => {
  const running = async (reducedMotion) => {
    const page = await site.open(hashOf("broken"), { reducedMotion });
    await page.locator(".edge.aimed").first().waitFor();
    await page.waitForTimeout(200);
    return page.evaluate(() => document.getAnimations().filter(({ playState }) => playState === "running").length);
  };
  assert.ok((await running("no-preference")) > 0);
  assert.equal(await running("reduce"), 0);
});
