// The recipes of the package's README, built by Vite, in Chromium, against the real Worker.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";

import { preview } from "vite";

import { send, startWorker } from "../edge/worker.mjs";
import { home, inModules, runIn, setUpHomes } from "./homes.mjs";
import { example, pack, protocol, refusal, statuses } from "./package.mjs";
import { html, skip, startBrowser, visit } from "./pages.mjs";

await setUpHomes();

const recipes = ["react", "vue", "svelte"];

const files = {
  "package.json": '{ "private": true, "type": "module" }',
  "vite.config.js": `import { svelte } from "@sveltejs/vite-plugin-svelte";
import vue from "@vitejs/plugin-vue";
export default { plugins: [svelte(), vue()], oxc: { jsx: { runtime: "automatic" } }, logLevel: "error" };`,
  "index.html": html(
    recipes.map((name) => `<main id="${name}"></main>`).join("") +
      '<script type="module" src="./main.jsx"></script>',
  ),
  "follow.js": example("Recipes", "js"),
  "react.jsx": example("React", "jsx"),
  "vue.vue": example("Vue", "vue"),
  "svelte.svelte": example("Svelte", "svelte"),
  "main.jsx": `import { createRoot } from "react-dom/client";
import { mount } from "svelte";
import { createApp } from "vue";
import { connectorStatus } from "connector-status/client";
import { StatusBadge } from "./react.jsx";
import Svelte from "./svelte.svelte";
import Vue from "./vue.vue";

const client = connectorStatus({ url: "" });
window.errors = [];
const onError = (error) => errors.push([error.name, error.message]);
const target = (id) => document.getElementById(id);
createRoot(target("react")).render(<StatusBadge client={client} id="react" onError={onError} />);
createApp(Vue, { client, id: "vue", onError }).mount(target("vue"));
mount(Svelte, { target: target("svelte"), props: { client, id: "svelte", onerror: onError } });
document.title = "done";`,
};

suite("the recipe for", { skip }, () => {
  let worker;
  let page;
  const endings = [];
  const t = { after: (end) => endings.unshift(end) };
  before(
    async () => {
      const path = home(t, pack(t), files);
      worker = await startWorker();
      t.after(() => worker.close());
      const browser = await startBrowser();
      t.after(() => browser.close());
      await runIn(path, process.execPath, [inModules("vite/bin/vite.js"), "build"]);
      for (const id of recipes) await send(worker.url, "PUT", `/_connector/${id}`);
      // What the page asks of its own origin, by sockets too, goes on to the Worker.
      const proxy = { "/_connector": { target: worker.url, ws: true } };
      const server = await preview({
        root: path,
        configFile: false,
        logLevel: "error",
        preview: { host: "127.0.0.1", port: 0, proxy },
      });
      t.after(() => server.close());
      page = await visit(t, browser, server.resolvedUrls.local[0]);
    },
    { timeout: 240_000 },
  );
  after(async () => {
    for (const end of endings) await end();
  });

  const timeout = 120_000;
  for (const id of recipes) {
    test(id, { timeout }, async () => {
      const badge = page.locator(`#${id}`);
      const shows = (status) => badge.locator("strong", { hasText: new RegExp(`^${status}$`) }).waitFor({ timeout });
      const button = (status) => badge.locator("button", { hasText: new RegExp(`^${status}$`) });
      const put = (status) => send(worker.url, "PUT", `/_connector/${id}/_status`, { status });

      await shows("created");
      for (const status of statuses) {
        const allowed = protocol.created.includes(status);
        assert.equal(await button(status).isEnabled(), allowed, status);
        const title = await button(status).getAttribute("title");
        assert.ok(allowed ? title.length > 10 : title === refusal("created", status), title);
      }

      // Somebody else is faster: the move is refused, which is said, and the badge shows how it is.
      const first = async (route) => {
        await put("error");
        await route.continue();
      };
      await page.route(`**/_connector/${id}/_status`, first, { times: 1 });
      await button("needs_configuration").click();
      await shows("error");
      const said = ["InvalidTransitionError", refusal("error", "needs_configuration")];
      await page.waitForFunction(() => window.errors.length > 0, null, { timeout });
      assert.deepEqual(await page.evaluate("errors.splice(0)"), [said]);

      // What others do is shown, though nobody touches the page.
      await put("configured");
      await shows("configured");

      await button("connected").click();
      await shows("connected");
      assert.equal((await send(worker.url, "GET", `/_connector/${id}`)).body.status, "connected");
      assert.deepEqual(await page.evaluate("errors"), []);
    });
  }
});
