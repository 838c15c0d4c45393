// DNS rebinding: for the browser, a page whose host name resolves to this machine has the service's origin.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { chromium } from "playwright-core";

import { browser as installedBrowser } from "../../scripts/tools.mjs";
import { send, startWorker } from "../edge/worker.mjs";
import { freePort, npmStart } from "../npm-start.mjs";

let worker;
let browser;
const home = mkdtempSync(join(tmpdir(), "rebinding-"));
before(async () => {
  worker = await startWorker();
  browser = await chromium.launch({
    executablePath: installedBrowser(),
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--host-resolver-rules=MAP *.example 127.0.0.1"],
    env: { ...process.env, HOME: home },
  });
});
after(async () => {
  await browser?.close();
  await worker?.close();
  rmSync(home, { recursive: true, force: true });
});

/** What a page of that host gets when it requests a path of an origin. */
async function asked(host, origin, method, path, headers = {}) {
  const page = await browser.newPage();
  try {
    await page.goto(`http://${host}:${new URL(origin).port}/favicon.svg`);
    return await page.evaluate(
      async ([url, method, headers]) => {
        const options = method === "PUT" ? { method, headers: { "content-type": "application/json" }, body: "{}" } : { method, headers };
        return fetch(url, options).then((response) => response.status, () => "refused by the browser");
      },
      [origin + path, method, headers],
    );
  } finally {
    await page.close();
  }
}

test("only this machine's own names are answered without a key", async (t) => {
  const { port } = new URL(worker.url);
  const own = (host) => `http://${host}:${port}`;
  // [the page's host, origin, method, what it gets]
  const table = [
    ["127.0.0.1", own("127.0.0.1"), "PUT", 201],
    ["localhost", own("localhost"), "PUT", 200],
    ["evil.example", own("evil.example"), "PUT", 421],
    ["evil.example", own("evil.example"), "GET", 421],
    // Over plain HTTP browsers do not send Sec-Fetch-Site; the Origin is enough.
    ["evil.example", own("127.0.0.1"), "PUT", "refused by the browser"],
    ["evil.example", own("other.example"), "PUT", "refused by the browser"],
  ];
  for (const [host, origin, method, expected] of table) {
    await t.test(`${host} ${method} ${origin}`, async () => {
      assert.equal(await asked(host, origin, method, `/_connector/rebound`), expected);
    });
  }
  const { body } = await send(worker.url, "GET", "/_connector/rebound/_status");
  assert.equal(body.history.length, 2, "only pages of this machine have written");
});

test("under npm start a page of another name gets nothing by sending MF-Original-URL", async () => {
  const port = await freePort();
  const service = npmStart(port);
  try {
    await service.ready;
    assert.equal((await send(service.url, "PUT", "/_connector/kept", {})).status, 201);
    const backup = "/_connector/kept/_backup";
    const meant = { "MF-Original-URL": service.url + backup };
    const evil = `http://evil.example:${port}`;
    assert.equal(await asked("127.0.0.1", service.url, "GET", backup), 200);
    assert.equal(await asked("evil.example", evil, "GET", backup), 421);
    assert.equal(await asked("evil.example", evil, "GET", "/favicon.svg", meant), 400);
    assert.equal(await asked("evil.example", evil, "GET", backup, meant), 400);
  } finally {
    await service.stop();
  }
});
