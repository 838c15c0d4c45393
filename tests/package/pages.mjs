// Pages in Chromium, for the package's tests.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";

import { chromium } from "playwright-core";

import { browser as installedBrowser } from "../../scripts/tools.mjs";

/** Why tests of pages are skipped; `false` if there is a browser. */
export const skip = !installedBrowser() && "no browser is installed";

export const startBrowser = () =>
  chromium.launch({
    executablePath: installedBrowser(),
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  });

/** Serves a folder; resolves to its address. */
export async function serve(t, path, headers = {}) {
  const types = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };
  const server = createServer((request, response) => {
    const name = request.url === "/" ? "/index.html" : request.url.split("?")[0];
    try {
      const body = readFileSync(join(path, name));
      response.writeHead(200, { "content-type": types[extname(name)] ?? "", ...headers });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  t.after(() => server.close());
  return `http://127.0.0.1:${server.address().port}/`;
}

/**
 * Opens an address and resolves once the page's title is "done". `problems` lists its errors, which must be none so
 * far.
 */
export async function visit(t, browser, url, prepare = async () => {}) {
  const page = await browser.newPage();
  t.after(() => page.close());
  const problems = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().includes("404")) problems.push(message.text());
  });
  await prepare(page);
  await page.goto(url);
  await page
    .waitForFunction(() => document.title === "done", null, { timeout: 120_000 })
    .catch((error) => assert.fail(`${error.message}\n${problems.join("\n")}`));
  assert.deepEqual(problems, []);
  return page;
}

/** An HTML page with this body. */
export const html = (body) =>
  `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><body>${body}</body>`;
