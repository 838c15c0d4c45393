// The packed tarball in empty projects, running the README's examples: in Node, with each bundler, in a plain page, in
// a page that forbids WebAssembly, and in a Worker.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { gzipSync } from "node:zlib";

import * as esbuild from "esbuild";
import { publint } from "publint";
import * as vite from "vite";
import webpack from "webpack";
import { createTestHarness } from "wrangler";

import { has, root } from "../../scripts/tools.mjs";
import { everything, everythingSaid, example, folder, install, pack, pairs, project, protocol, refusal, statuses } from "./package.mjs";
import { html, serve, skip, startBrowser, visit } from "./pages.mjs";

const bin = (name) => join(root, "node_modules/.bin", name);

/** A page with buttons for the moves from `created`. */
const buttons = `import { explainTransition, statuses } from "connector-status";

for (const status of statuses) {
  const reason = explainTransition("created", status);
  const button = document.body.appendChild(document.createElement("button"));
  Object.assign(button, { textContent: status, disabled: reason !== undefined, title: reason ?? "" });
}
`;

const tarball = pack({ after });
const installed = install({ after }, tarball);

test("the tarball contains the expected files and nothing else", () => {
  const files = execFileSync("tar", ["-tf", tarball]).toString().trim().split("\n").sort();
  const both = ["client", "error", "index", "js", "preview", "react", "slim", "store", "sync-jobs"];
  const typed = both.filter((name) => name !== "error");
  const expected = [
    ...(has("LICENSE") ? ["LICENSE"] : []),
    "LICENSES.txt",
    "README.md",
    "package.json",
    ...both.flatMap((name) => [`dist/${name}.js`, `dist/${name}.cjs`]),
    ...typed.flatMap((name) => [`dist/${name}.d.ts`, `dist/${name}.d.cts`]),
    ...["cli.js", "workerd.js", "preview-core.js", "preview-workerd.js"].map((name) => `dist/${name}`),
    ...["connector_status.wasm", "preview.wasm"].map((name) => `dist/${name}`),
  ];
  assert.deepEqual(files, expected.map((name) => `package/${name}`).sort());
});

test("the tarball is not much larger than two copies of the preview's module: a file, and a string for pages", () => {
  const module = gzipSync(readFileSync(join(folder, "dist/preview.wasm")), { level: 9 }).length;
  const { size } = statSync(tarball);
  // The rest: ten entry points with their types, the command line, the README, the licence, and 8 kB of the crates'
  // licences.
  assert.ok(size < 2 * module + 60_000, `${size} bytes`);
});

test("the licences of everything compiled in are included", () => {
  const text = execFileSync("tar", ["-xOf", tarball, "package/LICENSES.txt"]).toString();
  const sections = text.split(`\n\n${"-".repeat(80)}\n\n`);
  const of = (name) => sections.find((section) => new RegExp(`^${name} [\\d.]+: `, "m").test(section));
  for (const name of ["Rust's standard library", "serde_json", "wasm-bindgen"]) {
    assert.match(of(name), /Permission is hereby granted/, name);
  }
  assert.match(of("subtle"), /Redistribution and use in source and binary forms/);
  assert.equal(of("worker"), undefined, "a dependency of the Worker only");
});

test("publint finds no problems", async () => {
  const { messages } = await publint({ pkgDir: folder, strict: true });
  assert.deepEqual(messages, []);
});

test("@arethetypeswrong finds no problems", () => {
  // TypeScript's oldest resolution does not know subpaths, and wasm has no types.
  const args = ["--profile", "node16", "--exclude-entrypoints", "connector_status.wasm"];
  // As JSON: the human-readable form depends on the terminal's width.
  const found = execFileSync(bin("attw"), [tarball, ...args, "--format", "json"]);
  const { entrypoints, problems } = JSON.parse(found).analysis;
  const names = [".", "./client", "./preview", "./slim", "./js", "./store", "./react", "./sync-jobs", "./package.json"];
  assert.deepEqual(Object.keys(entrypoints), names);
  assert.deepEqual(problems.filter(({ resolutionKind }) => resolutionKind !== "node10"), []);
});

suite("types", () => {
  const source = (name) => readFileSync(join(import.meta.dirname, "types", name), "utf8");

  /** The lines that TypeScript rejects. */
  function refused(t, name, ...options) {
    const path = project(t, installed, { [name]: source(name) });
    const strict = ["--noEmit", "--strict", "--target", "es2022", "--lib", "es2022,dom"];
    try {
      execFileSync(bin("tsc"), [...strict, "--types", "", ...options, name], { cwd: path });
      return [];
    } catch (error) {
      const output = error.stdout.toString();
      const lines = [...output.matchAll(/^(.+?)\((\d+),/gm)];
      for (const [, file] of lines) assert.equal(file, name, output);
      return [...new Set(lines.map(([, , line]) => Number(line)))];
    }
  }

  for (const [name, options] of Object.entries({
    "as Node resolves": ["--module", "nodenext"],
    "as bundlers resolve": ["--module", "esnext", "--moduleResolution", "bundler"],
  })) {
    test(`${name}: correct code compiles`, (t) => {
      assert.deepEqual(refused(t, "good.ts", ...options), []);
    });

    test(`${name}: each wrong line is rejected`, (t) => {
      const lines = source("bad.ts").split("\n");
      const marked = lines.flatMap((line, i) => (line.endsWith("// refused") ? [i + 1] : []));
      assert.equal(marked.length, 22);
      assert.deepEqual(refused(t, "bad.ts", ...options), marked);
    });
  }
});

suite("Node", () => {
  const said = [
    "true",
    "[ 'needs_configuration', 'error' ]",
    refusal("created", "connected"),
    "",
  ].join("\n");
  const run = (path, file) =>
    execFileSync(process.execPath, [file], { cwd: path, encoding: "utf8" });

  test("the example works as an ES module", (t) => {
    const path = project(t, installed, { "example.mjs": example("The check", "js") });
    assert.equal(run(path, "example.mjs"), said);
  });

  test("the example works as CommonJS", (t) => {
    const code = example("The check", "js").replace(
      /import (.*?) from (".*?")/,
      (_, names, from) => `const ${names} = require(${from})`,
    );
    const path = project(t, installed, { "example.cjs": code });
    assert.equal(run(path, "example.cjs"), said);
  });

  test("npx finds the command line", () => {
    const said = execFileSync(join(installed, "node_modules/.bin/connector-status"), ["--version"], { encoding: "utf8" });
    assert.equal(said, `${JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).version}\n`);
  });

  for (const [name, file, get] of [
    ["ES modules", "all.mjs", (specifier) => `import("${specifier}")`],
    ["CommonJS", "all.cjs", (specifier) => `require("${specifier}")`],
  ]) {
    test(`every entry point works as ${name}`, (t) => {
      const code = `${everything(get)}.then((said) => console.log(JSON.stringify(said)));`;
      const path = project(t, installed, { [file]: code });
      assert.deepEqual(JSON.parse(run(path, file)), everythingSaid);
    });
  }
});

suite("in Chromium", { skip }, () => {
  let browser;
  before(async () => {
    browser = await startBrowser();
  });
  after(() => browser.close());

  const open = async (t, path, headers) => visit(t, browser, await serve(t, path, headers));
  const more = `
import { connectorStatus, transitionOptions } from "connector-status/client";
import { isValidTransition } from "connector-status/js";
import { load, preview } from "connector-status/preview";
import { observe } from "connector-status/store";
import { isFinal } from "connector-status/sync-jobs";
observe(connectorStatus({ url: "" }), "a").get();
load().then(() => {
  const { status } = preview(null, { method: "PUT", path: "/_connector/a" });
  window.more = [isValidTransition("created", "error"), transitionOptions("created").length, isFinal("completed"), status];
  document.title = "done";
});`;
  const sources = () => ({
    "index.html": html('<script type="module" src="./main.js"></script>'),
    "main.js": buttons + more,
  });

  /** Clicks the buttons and uses the other entry points. */
  async function assertExample(page) {
    const buttons = await page.$$eval("button", (all) =>
      all.map(({ textContent, disabled, title }) => ({ textContent, disabled, title })),
    );
    const expected = statuses.map((status) => {
      const allowed = protocol.created.includes(status);
      const title = allowed ? "" : refusal("created", status);
      return { textContent: status, disabled: !allowed, title };
    });
    assert.deepEqual(buttons, expected);
    assert.deepEqual(await page.evaluate("more"), [true, 5, true, 201]);
  }

  test("works when bundled by Vite", async (t) => {
    const path = project(t, installed, sources());
    await vite.build({ root: path, logLevel: "error", configFile: false });
    await assertExample(await open(t, join(path, "dist")));
  });

  test("works when served by Vite's dev server", async (t) => {
    const path = project(t, installed, sources());
    const server = await vite.createServer({
      root: path,
      logLevel: "error",
      configFile: false,
      server: { host: "127.0.0.1", port: 0 },
    });
    t.after(() => server.close());
    await server.listen();
    await assertExample(await visit(t, browser, server.resolvedUrls.local[0]));
  });

  test("works when bundled by webpack", async (t) => {
    const path = project(t, installed, sources());
    const compiler = webpack({
      mode: "production",
      context: path,
      entry: "./main.js",
      output: { path: join(path, "dist"), filename: "main.js" },
    });
    const stats = await new Promise((resolve, reject) =>
      compiler.run((error, result) => (error ? reject(error) : resolve(result))),
    );
    assert.deepEqual(stats.toJson().errors, []);
    writeFileSync(join(path, "dist/index.html"), html('<script src="./main.js"></script>'));
    await assertExample(await open(t, join(path, "dist")));
  });

  test("works when bundled by esbuild", async (t) => {
    const path = project(t, installed, sources());
    const { warnings } = await esbuild.build({
      entryPoints: [join(path, "main.js")],
      outfile: join(path, "dist/main.js"),
      bundle: true,
      minify: true,
      logLevel: "silent",
    });
    assert.deepEqual(warnings, []);
    writeFileSync(join(path, "dist/index.html"), html('<script src="./main.js"></script>'));
    await assertExample(await open(t, join(path, "dist")));
  });

  test("CommonJS output for pages needs none of Node's modules", async (t) => {
    const code = `const { load, preview } = require("connector-status/preview");
load().then(() => {
  window.said = preview(null, { method: "PUT", path: "/_connector/a" }).status;
  document.title = "done";
});`;
    const path = project(t, installed, { "main.cjs": code });
    await esbuild.build({
      entryPoints: [join(path, "main.cjs")],
      outfile: join(path, "dist/main.js"),
      bundle: true,
      logLevel: "silent",
    });
    writeFileSync(join(path, "dist/index.html"), html('<script src="./main.js"></script>'));
    const page = await open(t, join(path, "dist"));
    assert.equal(await page.evaluate("said"), 201);
  });

  test("works without a bundler, as in the README", async (t) => {
    const [, line] = readFileSync(join(folder, "README.md"), "utf8").match(/`(import \{ nextStatuses \} from "\.\/node_modules[^`]*)`/);
    const page = html(`<script type="module">${line};
document.body.append(nextStatuses("created").join(" or "));
document.title = "done";</script>`);
    const path = project(t, installed, { "index.html": page });
    const text = await (await open(t, path)).textContent("body");
    assert.match(text, /needs_configuration or error$/);
  });

  test("/js and /client work where a Content-Security-Policy forbids WebAssembly", async (t) => {
    const module = (name) => `./node_modules/connector-status/dist/${name}.js`;
    const main = `
import { isValidTransition as wasm } from "${module("index")}";
import { isValidTransition } from "${module("js")}";
import { transitionOptions } from "${module("client")}";
const pairs = ${JSON.stringify(pairs)};
window.answers = pairs.map(([from, to]) => isValidTransition(from, to));
window.options = transitionOptions("created").map(({ allowed }) => allowed);
try {
  wasm("created", "error");
} catch (error) {
  window.refused = error.name;
}
document.title = "done";`;
    const script = '<script type="module" src="main.js"></script>';
    const path = project(t, installed, { "index.html": html(script), "main.js": main });
    const policy = "default-src 'none'; script-src 'self'; img-src data:";
    const page = await open(t, path, { "content-security-policy": policy });
    const legal = pairs.map(([from, to]) => protocol[from].includes(to));
    assert.deepEqual(await page.evaluate("answers"), legal);
    const options = statuses.map((status) => protocol.created.includes(status));
    assert.deepEqual(await page.evaluate("options"), options);
    assert.equal(await page.evaluate("refused"), "CompileError", "the Content-Security-Policy forbids WebAssembly");
  });
});

suite("Workers", () => {
  async function start(t, code) {
    const config = 'name = "home"\nmain = "worker.js"\ncompatibility_date = "2026-11-01"\n';
    const path = project(t, installed, { "worker.js": code, "wrangler.toml": config });
    const harness = createTestHarness({
      root: path,
      workers: [{ configPath: "./wrangler.toml" }],
    });
    t.after(() => harness.close());
    return (await harness.listen()).url;
  }

  test("the check works in a Worker", async (t) => {
    const code = `
import { explainTransition, isConnectorStatus } from "connector-status";

export default {
  fetch(request) {
    const { from, to } = Object.fromEntries(new URL(request.url).searchParams);
    const known = isConnectorStatus(from) && isConnectorStatus(to);
    return known ? new Response(explainTransition(from, to) ?? "yes") : new Response("?", { status: 400 });
  },
};`;
    const url = await start(t, code);
    for (const [from, to] of pairs) {
      const answer = await fetch(new URL(`?from=${from}&to=${to}`, url));
      assert.equal(await answer.text(), protocol[from].includes(to) ? "yes" : refusal(from, to));
    }
    assert.equal((await fetch(new URL("?from=created&to=CONNECTED", url))).status, 400);
  });

  test("the other entry points work in a Worker", async (t) => {
    const code = `
import { transitionOptions } from "connector-status/client";
import { load, preview } from "connector-status/preview";
import { init, isValidTransition } from "connector-status/slim";
import { isFinal } from "connector-status/sync-jobs";
import module from "connector-status/connector_status.wasm";

export default {
  async fetch() {
    init(module);
    await load();
    const { status } = preview(null, { method: "PUT", path: "/_connector/a" });
    return Response.json([isValidTransition("created", "error"), transitionOptions("created").length, isFinal("completed"), status]);
  },
};`;
    const answer = await fetch(await start(t, code));
    assert.deepEqual(await answer.json(), [true, 5, true, 201]);
  });
});
