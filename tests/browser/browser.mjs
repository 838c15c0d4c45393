// The console in a real browser, for tests.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium } from "playwright-core";

import { browser as installedBrowser } from "../../scripts/tools.mjs";
import { send, startWorker } from "../edge/worker.mjs";
import { until } from "../until.mjs";

const args = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** The Worker, open to everybody as `npm start` has it unless said otherwise, and a browser. */
export async function startConsole(options) {
  const worker = await startWorker(options);
  const browser = await startBrowser(worker.url).catch(async (error) => {
    await worker.close();
    throw error;
  });
  const { CONNECTORS, API_KEYS } = await worker.env();
  return {
    ...browser,
    url: worker.url,
    kv: CONNECTORS,
    keys: API_KEYS,
    /** A request past the page, as curl would send it. */
    curl: (method, path, body, headers) => send(worker.url, method, path, body, headers),
    /** Creates a connector and moves it. */
    async connector(id, creation, ...moves) {
      const path = `/_connector/${encodeURIComponent(id)}`;
      assert.equal((await send(worker.url, "PUT", path, creation)).status, 201);
      for (const status of moves) {
        assert.equal((await send(worker.url, "PUT", `${path}/_status`, { status })).status, 200);
      }
    },
    /** A connector in whatever state: it comes through Workers KV, and is there once it is asked for. */
    async imported(id, document) {
      await CONNECTORS.put(`c:${id}`, JSON.stringify(document));
      assert.equal((await send(worker.url, "GET", `/_connector/${encodeURIComponent(id)}`)).status, 200, id);
    },
    async close() {
      await browser.close();
      await worker.close();
    },
  };
}

/** A browser for the console at that address. */
export async function startBrowser(url) {
  const profile = mkdtempSync(join(tmpdir(), "console-"));
  const browser = await chromium.launch({ executablePath: installedBrowser(), args, env: { ...process.env, HOME: profile } });
  const complaints = [];
  return {
    open: (hash = "", options) => open(browser, url, complaints, hash, options),
    /** Closes what was opened; no page may have complained of anything but what is `expected`. */
    async closePages(expected = /^$/) {
      // A page may still be asking for something: its answer, made up by a test, is of no use any more.
      const pages = browser.contexts().flatMap((context) => context.pages());
      await Promise.all(pages.map((page) => page.unrouteAll({ behavior: "ignoreErrors" })));
      await Promise.all(browser.contexts().map((context) => context.close()));
      assert.deepEqual(complaints.splice(0).filter((complaint) => !expected.test(complaint)), []);
    },
    async close() {
      await browser.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** Opens the console in a context of its own. */
async function open(browser, url, complaints, hash, options) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: url });
  const page = await context.newPage();
  // An end to what hangs, not a measure of speed.
  page.setDefaultTimeout(20_000);
  const complain = (text) => complaints.push(text);
  page.on("pageerror", ({ message }) => complain(message));
  page.on("dialog", (dialog) => {
    // Whoever leaves a page with something unsaved on it is asked.
    if (dialog.type() === "beforeunload") return dialog.accept();
    complain(`dialog: ${dialog.message()}`);
    return dialog.dismiss();
  });
  page.on("console", (line) => {
    // Chromium says of every answer of 400 and more that it is one, and of every socket that did not open.
    if (line.type() === "error" && !/^(Failed to load resource|WebSocket connection to)/.test(line.text())) complain(line.text());
  });
  await page.goto(`${url}/${hash}`);
  return page;
}

/** The address of a section of a connector's page; `""` is its overview. */
export const hashOf = (id, tab = "status") => `#/${encodeURIComponent(id)}${tab ? `?tab=${tab}` : ""}`;

/** Goes from a connector's overview to where its status is changed by hand. */
export const openStatus = (page) => page.getByRole("link", { name: "Status", exact: true }).click();

/** What the page says, once it says so. */
export const says = (page, text) => page.getByText(text).first().waitFor();

export const label = (status) => (status.charAt(0).toUpperCase() + status.slice(1)).replaceAll("_", " ");

/** The status of a connector, on its page. */
export const badge = (page, status) => page.locator(`.about .badge[data-status="${status}"]`);

/** A status to choose, on the page of a connector. */
export const option = (page, status) => page.locator(`.option[data-status="${status}"] button`);

/** The button that makes the move. */
export const move = (page) => page.getByRole("button", { name: /^Move to / });

/** Waits until what has the focus says so: it is given after what it says is there. */
export const hasFocus = (page, text) =>
  until(
    () => page.evaluate(() => document.activeElement.textContent),
    (found) => (text instanceof RegExp ? text.test(found) : found === text),
  );

/** The ids of the rows of the list, in their order. */
export const shown = (page) => page.locator("tbody tr").evaluateAll((rows) => rows.map((row) => row.dataset.id));

/** Goes on with Tab to what has a name that begins so; it must show that it has the focus. */
export async function reach(page, name, { back = false } = {}) {
  for (let n = 0; n < 80; n += 1) {
    await page.keyboard.press(back ? "Shift+Tab" : "Tab");
    const [text, outline] = await page.evaluate(() => {
      const element = document.activeElement;
      const text = element.getAttribute("aria-label") || element.labels?.[0]?.textContent || element.textContent;
      return [text?.trim() ?? "", getComputedStyle(element, element.closest(".who") ? "::after" : undefined).outlineStyle];
    });
    if (!text.startsWith(name)) continue;
    assert.notEqual(outline, "none", `${name} shows no focus`);
    return;
  }
  assert.fail(`${name} can't be reached`);
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe-core finds wrong with a page. */
export async function violations(page, options = {}) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe);
  const { violations, passes } = await page.evaluate((options) => window.axe.run({ resultTypes: ["violations"], ...options }), options);
  assert.ok(passes.length > 0);
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
}
