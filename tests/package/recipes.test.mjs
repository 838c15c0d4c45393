// The recipes of the package's README in a TypeScript and Vite project: strictly type-checked, built, and run in
// Chromium against the real Worker, which goes away and comes back.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";

import { preview } from "vite";

import { root } from "../../scripts/tools.mjs";
import { send } from "../edge/worker.mjs";
import { ours, scratch, serveWithKv } from "../soak/workerd.mjs";
import { projectWithPackages, inModules, runIn, setUpProjects } from "./projects.mjs";
import { example, pack, protocol, refusal, statuses } from "./package.mjs";
import { html, skip, startBrowser, visit } from "./pages.mjs";
import { startProxy } from "./proxy.mjs";

await setUpProjects();

const recipes = ["react", "vue", "svelte"];

const files = {
  "package.json": '{ "private": true, "type": "module" }',
  "tsconfig.json": JSON.stringify({
    compilerOptions: {
      ...{ strict: true, noEmit: true, target: "es2022", module: "esnext", moduleResolution: "bundler", jsx: "react-jsx" },
      ...{ exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false, types: [] },
    },
    files: ["react.tsx", "list.tsx"],
  }),
  "vite.config.js": `import { svelte } from "@sveltejs/vite-plugin-svelte";
import vue from "@vitejs/plugin-vue";
export default { plugins: [svelte(), vue()], oxc: { jsx: { runtime: "automatic" } }, logLevel: "error" };`,
  "index.html": html(
    [...recipes, "list"].map((name) => `<main id="${name}"></main>`).join("") +
      '<script type="module" src="./main.jsx"></script>',
  ),
  "react.tsx": example("React", "tsx"),
  "list.tsx": `import type { ConnectorStatusClient } from "connector-status/client";
import { useConnectors } from "connector-status/react";

export function List({ client }: { client: ConnectorStatusClient }) {
  const { value, error } = useConnectors(client, { status: ["error"], service_type: "recipe" });
  return <p>{error ? error.reason : value ? \`\${value.count}: \${value.results.map(({ id }) => id).join()}\` : "Loading"}</p>;
}`,
  "vue.vue": example("Vue", "vue"),
  "svelte.svelte": example("Svelte", "svelte"),
  // Each badge shows its own connector until the page selects another one.
  "host.svelte": `<script>
  import Badge from "./svelte.svelte";
  let { client, first, onerror } = $props();
  let id = $state(first);
  window.showSvelte = (other) => (id = other);
</script>
<Badge {client} {id} {onerror} />`,
  "main.jsx": `import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { mount } from "svelte";
import { createApp, h, ref } from "vue";
import { connectorStatus } from "connector-status/client";
import { List } from "./list.tsx";
import { StatusBadge } from "./react.tsx";
import Svelte from "./host.svelte";
import Vue from "./vue.vue";

let sockets = 0;
class Counting extends WebSocket {
  constructor(...args) {
    super(...args);
    window.sockets = sockets += 1;
  }
}
const client = connectorStatus({ url: "", WebSocket: Counting });
window.errors = [];
const onError = (error) => errors.push([error.name, error.message]);
const target = (id) => document.getElementById(id);
const react = createRoot(target("react"));
const showReact = (id) => react.render(<StrictMode><StatusBadge client={client} id={id} onError={onError} /></StrictMode>);
showReact("react");
const vueId = ref("vue");
createApp({ render: () => h(Vue, { client, id: vueId.value, onError }) }).mount(target("vue"));
mount(Svelte, { target: target("svelte"), props: { client, first: "svelte", onerror: onError } });
createRoot(target("list")).render(<List client={client} />);
window.show = { react: showReact, vue: (id) => (vueId.value = id), svelte: (id) => window.showSvelte(id) };
document.title = "done";`,
};

suite("the recipes", { skip }, () => {
  let disk;
  let worker;
  let page;
  let path;
  const endings = [];
  const t = { after: (end) => endings.unshift(end) };
  before(
    async () => {
      path = projectWithPackages(t, pack(t), files);
      disk = mkdtempSync(join(scratch, "connector-status-disk-"));
      t.after(() => rmSync(disk, { recursive: true, force: true }));
      worker = await serveWithKv({ disk, worker: ours({ vars: { ANONYMOUS_PRIVILEGE: "manage_connector" } }) });
      t.after(() => worker.close());
      const browser = await startBrowser();
      t.after(() => browser.close());
      await runIn(path, process.execPath, [inModules("vite/bin/vite.js"), "build"]);
      for (const id of [...recipes, "other"]) await send(worker.url(), "PUT", `/_connector/${id}`, { service_type: "recipe" });
      await put("other", "error");
      const way = await startProxy(() => worker.port());
      t.after(() => way.close());
      // The page's requests and sockets to its own origin are forwarded to the Worker.
      const proxy = { "/_connector": { target: way.url, ws: true } };
      const server = await preview({
        root: path,
        configFile: false,
        logLevel: "silent",
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
  const put = async (id, status) => assert.equal((await send(worker.url(), "PUT", `/_connector/${id}/_status`, { status })).status, 200);
  const shows = (id, status) => page.locator(`#${id} strong`, { hasText: new RegExp(`^${status}$`) }).waitFor({ timeout });

  test("TypeScript compiles strictly", { timeout }, () =>
    runIn(path, process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", "."]),
  );

  for (const id of recipes) {
    test(`the ${id} recipe offers legal moves, reports a refused move, and shows others' changes`, { timeout }, async () => {
      const button = (status) => page.locator(`#${id} button`, { hasText: new RegExp(`^${status}$`) });

      await shows(id, "created");
      for (const status of statuses) {
        const allowed = protocol.created.includes(status);
        assert.equal(await button(status).isEnabled(), allowed, status);
        const title = await button(status).getAttribute("title");
        assert.ok(allowed ? title.length > 10 : title === refusal("created", status), title);
      }

      // Another change comes first: the move is refused, the error is shown, and the badge shows the actual status.
      const first = async (route) => {
        await put(id, "error");
        await route.continue();
      };
      await page.route(`**/_connector/${id}/_status?size=0`, first, { times: 1 });
      await button("needs_configuration").click();
      await shows(id, "error");
      const said = ["InvalidTransitionError", refusal("error", "needs_configuration")];
      await page.waitForFunction(() => window.errors.length > 0, null, { timeout });
      assert.deepEqual(await page.evaluate("errors.splice(0)"), [said]);

      // Changes by others appear without interaction.
      await put(id, "configured");
      await shows(id, "configured");

      await button("connected").click();
      await shows(id, "connected");
      assert.equal((await send(worker.url(), "GET", `/_connector/${id}`)).body.status, "connected");
      assert.deepEqual(await page.evaluate("errors"), []);
    });
  }

  test("a list shows all connectors", { timeout }, async () => {
    const list = (text) => page.locator("#list").getByText(text, { exact: true }).waitFor({ timeout });
    await list("1: other");
    await put("svelte", "error");
    await list("2: svelte,other");
    await put("svelte", "connected");
    await list("1: other");
    assert.equal(await page.evaluate("sockets"), 1, "one client has one socket");
  });

  test("another id shows nothing of the first connector", { timeout }, async () => {
    let release;
    const held = new Promise((resolve) => (release = resolve));
    await page.route("**/_connector/other/_status?size=0", async (route) => {
      await held;
      await route.continue();
    });
    for (const id of recipes) {
      await page.evaluate((id) => window.show[id]("other"), id);
      await page.locator(`#${id} strong`).waitFor({ state: "detached", timeout });
    }
    release();
    for (const id of recipes) await shows(id, "error");
  });

  test("an outage is shown beside the last known state, and ends when the server comes back", { timeout }, async () => {
    await worker.kill();
    const alert = (id) => page.locator(`#${id} [role=alert]`);
    for (const id of recipes) {
      await alert(id).waitFor({ timeout });
      assert.match(await alert(id).textContent(), /Trying again\./);
      assert.equal(await page.locator(`#${id} strong`).textContent(), "error");
    }
    // A move that cannot be sent is shown as an error too.
    await page.locator("#react button", { hasText: "connected" }).click();
    await page.waitForFunction(() => window.errors.length > 0, null, { timeout });
    assert.equal((await page.evaluate("errors.splice(0)"))[0][0], "ConnectorApiError");
    await worker.restart();
    await put("other", "configured");
    for (const id of recipes) {
      await shows(id, "configured");
      await alert(id).waitFor({ state: "detached", timeout });
    }
  });
});
