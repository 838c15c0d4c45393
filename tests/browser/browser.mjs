// Opens the console in a real browser.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium } from "playwright-core";

import { browser as installedBrowser } from "../../scripts/tools.mjs";
import { prepare, send, startWorker } from "../edge/worker.mjs";
import { until } from "../until.mjs";

const args = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts a browser and the Worker, which needs no key, as under `npm start`, unless options say otherwise. */
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
    /** Sends a request outside the page, as curl would. */
    curl: (method, path, body, headers) => send(worker.url, method, path, body, headers),
    /** Creates a connector and moves it. */
    async connector(id, creation, ...moves) {
      const path = `/_connector/${encodeURIComponent(id)}`;
      await prepare(201, worker.url, "PUT", path, creation);
      for (const status of moves) await prepare(200, worker.url, "PUT", `${path}/_status`, { status });
    },
    /** A connector in any state: imported through Workers KV, and created by the first request for it. */
    async imported(id, document) {
      await CONNECTORS.put(`c:${id}`, JSON.stringify(document));
      await prepare(200, worker.url, "GET", `/_connector/${encodeURIComponent(id)}`);
    },
    async close() {
      await browser.close();
      await worker.close();
    },
  };
}

/** Starts a browser for the console at that address. */
export async function startBrowser(url) {
  const profile = mkdtempSync(join(tmpdir(), "console-"));
  const browser = await chromium.launch({ executablePath: installedBrowser(), args, env: { ...process.env, HOME: profile } });
  const complaints = [];
  return {
    open: (hash = "", options) => open(browser, url, complaints, hash, options),
    /** Closes what was opened. Fails if a page logged errors other than the `expected` ones. */
    async closePages(expected = /^$/) {
      // Leave the pages first: mocked responses to requests in progress no longer matter.
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

/** Opens the console in a new browser context. */
async function open(browser, url, complaints, hash, options) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: url });
  const page = await context.newPage();
  // Catches a page that hangs; not a measure of speed.
  page.setDefaultTimeout(20_000);
  const complain = (text) => complaints.push(text);
  page.on("pageerror", ({ message }) => complain(message));
  page.on("dialog", (dialog) => {
    // Leaving a page with unsaved changes asks for confirmation.
    if (dialog.type() === "beforeunload") return dialog.accept();
    complain(`dialog: ${dialog.message()}`);
    return dialog.dismiss();
  });
  page.on("console", (line) => {
    // Chromium logs every response of 400 and above and every socket that failed to open.
    if (line.type() === "error" && !/^(Failed to load resource|WebSocket connection to)/.test(line.text())) complain(line.text());
  });
  await page.goto(`${url}/${hash}`);
  return page;
}

/** The address of a section of a connector's page; `""` is its overview. */
export const hashOf = (id, tab = "status") => `#/${encodeURIComponent(id)}${tab ? `?tab=${tab}` : ""}`;

/** Opens the status section from a connector's overview. */
export const openStatus = (page) => page.getByRole("link", { name: "Status", exact: true }).click();

/** Waits until the page shows a text. */
export const says = (page, text) => page.getByText(text).first().waitFor();

export const label = (status) => (status.charAt(0).toUpperCase() + status.slice(1)).replaceAll("_", " ");

/** The status badge on a connector's page. */
export const badge = (page, status) => page.locator(`.about .badge[data-status="${status}"]`);

/** The option for a status on a connector's page. */
export const option = (page, status) => page.locator(`.option[data-status="${status}"] button`);

/** The button that changes the status. */
export const move = (page) => page.getByRole("button", { name: /^Move to / });

/** Waits until the focused element has the text: focus moves after the text appears. */
export const hasFocus = (page, text) =>
  until(
    () => page.evaluate(() => document.activeElement.textContent),
    (found) => (text instanceof RegExp ? text.test(found) : found === text),
  );

/** The ids of the list's rows in their order. */
export const shown = (page) => page.locator("tbody tr").evaluateAll((rows) => rows.map((row) => row.dataset.id));

/** Presses Tab until an element has the focus whose name starts with `name`; its focus must be visible. */
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

/** The violations that axe-core finds on a page. */
export async function violations(page, options = {}) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe);
  const { violations, passes } = await page.evaluate((options) => window.axe.run({ resultTypes: ["violations"], ...options }), options);
  assert.ok(passes.length > 0);
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
}
