// The packed tarball in Next.js: rendered on the server, and interactive in the page.

import assert from "node:assert/strict";
import { test } from "node:test";

import { projectWithPackages, inModules, serveIn, setUpProjects } from "./projects.mjs";
import { pack, refusal } from "./package.mjs";
import { skip, startBrowser, visit } from "./pages.mjs";

await setUpProjects();

const files = {
  "package.json": '{ "private": true, "type": "module" }',
  // The project is inside another project, which Next.js would take for its root.
  "next.config.js": `export default { turbopack: { root: ${JSON.stringify(inModules(".."))} } };`,
  "app/layout.jsx": `export default ({ children }) => <html lang="en"><body>{children}</body></html>;`,
  "app/page.jsx": `import { explainTransition } from "connector-status";
import { transitionOptions } from "connector-status/client";
import { isValidTransition } from "connector-status/js";
import { load, preview } from "connector-status/preview";
import { isFinal } from "connector-status/sync-jobs";
import Live from "./live.jsx";

export const dynamic = "force-dynamic";

export default async function Page() {
  await load();
  const { status } = preview(null, { method: "PUT", path: "/_connector/a" });
  const said = [isValidTransition("created", "error"), transitionOptions("created").length, isFinal("completed"), status];
  return <>
    <p id="server">{explainTransition("created", "connected")}</p>
    <p id="rest">{JSON.stringify(said)}</p>
    <Live />
  </>;
}`,
  "app/live.jsx": `"use client";
import { nextStatuses } from "connector-status";
import { connectorStatus } from "connector-status/client";
import { load, preview } from "connector-status/preview";
import { useConnector } from "connector-status/react";
import { useEffect, useState } from "react";

const client = connectorStatus({ url: "", WebSocket: null, fetch: async () => { throw new Error("nobody is there"); } });

export default function Live() {
  const { loading, error } = useConnector(client, "a");
  const [status, setStatus] = useState();
  useEffect(() => {
    load().then(() => {
      setStatus(preview(null, { method: "PUT", path: "/_connector/a" }).status);
      document.title = "done";
    });
  }, []);
  return <p id="client">{nextStatuses("created").join()} {loading ? "loading" : error.cause.message} {status}</p>;
}`,
};

test("Next.js renders the package on the server and in the page", { skip, timeout: 280_000 }, async (t) => {
  const path = projectWithPackages(t, pack(t), files);
  // The dev server bundles both sides faster than a build.
  const args = [inModules("next/dist/bin/next"), "dev", "--port", "0"];
  const url = await serveIn(t, path, process.execPath, args);

  const rendered = await (await fetch(url)).text();
  const text = (id) => rendered.match(new RegExp(`<p id="${id}">(.*?)</p>`))[1].replaceAll("<!-- -->", "");
  assert.equal(text("server"), refusal("created", "connected"));
  assert.equal(text("rest"), "[true,5,true,201]");
  assert.equal(text("client"), "needs_configuration,error loading ");

  const browser = await startBrowser();
  t.after(() => browser.close());
  const page = await visit(t, browser, url);
  await page.getByText("needs_configuration,error nobody is there 201").waitFor();
});
