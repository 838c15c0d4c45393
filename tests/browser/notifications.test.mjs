// A connector's webhook deliveries.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { settingsFor, startReceiver } from "../edge/receiver.mjs";
import { until } from "../until.mjs";
import { hasFocus, hashOf, says, startConsole, violations } from "./browser.mjs";

let site;
before(async () => {
  site = await startConsole();
  await site.connector("told", { name: "Told" });
});
afterEach(() => site.closePages());
after(() => site.close());

const at = (seconds) => new Date(Date.now() + seconds * 1_000).toISOString();
const target = (name, host, more) => ({ target: name, host, events: ["connector.error", "connector.recovered"], waiting: 0, ended: false, ...more });
const delivery = (more) => ({
  webhook_id: `msg_${more.state}`, target: "WEBHOOK_URL", type: "connector.error", at: at(-120), from: "connected", to: "error", changes: 1,
  reason: null, state: "delivered", attempts: 1, last_attempt: at(-119), last_status: 204, last_error: null, next_attempt: null, ...more,
});
/** States that would take days to reach. */
const answer = () => ({
  id: "told",
  targets: [target("WEBHOOK_URL", "hooks.example.com", { waiting: 1 }), target("WEBHOOK_URL_2", "other.example", { ended: true })],
  problems: ["WEBHOOK_SECRET_3 is missing: run npx wrangler secret put WEBHOOK_SECRET_3."],
  silent_after_seconds: 900,
  deliveries: [
    delivery({ state: "waiting", attempts: 3, last_status: 500, last_error: "answered 500", next_attempt: at(240) }),
    delivery({ state: "delivered", changes: 4, reason: "<b>password</b> authentication failed" }),
    delivery({ state: "given_up", attempts: 10, last_status: null, last_error: "no answer within 15 s" }),
    delivery({ state: "ended", target: "WEBHOOK_URL_2", last_status: 410, last_error: "answered 410" }),
  ],
});

test("without webhooks the page says so, and how to configure them", async () => {
  const page = await site.open(hashOf("told", "notifications"));
  await says(page, "No webhooks configured");
  assert.equal(await page.getByRole("button", { name: "Send a test event" }).count(), 0);
  assert.deepEqual(await violations(page), []);
});

test("each delivery is shown with its result and reason, in both themes and sizes", async () => {
  const page = await site.open("", { reducedMotion: "reduce" });
  await page.route("**/told/_webhook?*", (route) => route.fulfill({ json: answer() }));
  await page.goto(`${site.url}/${hashOf("told", "notifications")}`);
  await page.locator(".delivery").nth(3).waitFor();
  assert.deepEqual(await page.locator(".delivery .badge").allTextContents(), ["Pending", "Delivered", "Failed", "Disabled"]);
  for (const text of ["1 message pending.", "Disabled: the endpoint returned 410 Gone.", "4 changes in one message", "retry in 4 minutes", "<b>password</b> authentication failed", "WEBHOOK_SECRET_3 is missing"]) {
    await says(page, text);
  }
  assert.equal(await page.locator(".delivery b").count(), 0);
  for (const width of [1280, 360]) {
    await page.setViewportSize({ width, height: 720 });
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      assert.deepEqual(await violations(page), [], `${colorScheme}, ${width}`);
    }
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
  }
});

test("deliveries to real endpoints are shown, and a test event can be sent", async () => {
  const receivers = await Promise.all([startReceiver(), startReceiver({ answer: () => "gone" })]);
  const vars = settingsFor(receivers, { WEBHOOK_DAMPING_SECONDS: "0", SILENT_AFTER_SECONDS: "120" });
  const watched = await startConsole({ vars });
  try {
    await watched.connector("real", { name: "Real" });
    const failed = await watched.curl("PUT", "/_connector/real/_error", { error: "<b>password</b> authentication failed" });
    assert.equal(failed.status, 200);
    await until(() => receivers.map(({ got }) => got.length), (got) => got.every((number) => number > 0), 20);
    const page = await watched.open(hashOf("real", "notifications"));
    await page.locator(".delivery").nth(1).waitFor();
    assert.deepEqual((await page.locator(".delivery .badge").allTextContents()).sort(), ["Delivered", "Disabled"]);
    for (const text of [...receivers.map(({ host }) => host), "Disabled: the endpoint returned 410 Gone.", "<b>password</b> authentication failed"]) {
      await says(page, text);
    }
    assert.equal(await page.locator(".delivery b").count(), 0);
    await page.getByRole("button", { name: "Send a test event" }).click();
    await says(page, `${receivers[0].host}: answered 204 after`);
    await says(page, `${receivers[1].host}: answered 410`);
    await hasFocus(page, /^The test failed for some endpoints\./);
    assert.equal(receivers[0].got.at(-1).data.test, true);
    assert.deepEqual(receivers.flatMap(({ refused }) => refused), []);
    // The server decides when a connector is silent.
    await page.goto(`${watched.url}/`);
    await page.getByTitle("Seen before, but not in the last 2 minutes").waitFor();
    await watched.imported("quiet", { status: "connected", last_seen: new Date(Date.now() - 5 * 60_000).toISOString() });
    const quiet = await watched.open(hashOf("quiet"));
    await quiet.locator(".about-facts .stale").waitFor();
    await watched.closePages();
  } finally {
    await Promise.all([watched.close(), ...receivers.map((receiver) => receiver.close())]);
  }
});
