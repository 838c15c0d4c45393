// Builds the console into www/dist: one page, one style sheet, one script, and chunks that are loaded later.

import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";

import { build } from "esbuild";

import { readOptions } from "./command.mjs";
import { root } from "./tools.mjs";

readOptions({ name: "build:www", usage: "Usage: npm run build:www\n\nBuilds the console into www/dist. npm run build:worker does that, too." });
const source = join(root, "www/src");
const dist = join(root, "www/dist");

const { version } = JSON.parse(readFileSync(join(root, "npm/package.json"), "utf8"));

rmSync(join(dist, "assets"), { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: ["main.jsx", "styles/style.css", "favicon.svg"].map((file) => join(source, file)),
  outdir: join(dist, "assets"),
  // The name has a hash of the content, so browsers may cache the file forever (see _headers).
  entryNames: "[name]-[hash]",
  sourcemap: "linked",
  sourcesContent: true,
  chunkNames: "[name]-[hash]",
  bundle: true,
  splitting: true,
  minify: true,
  metafile: true,
  format: "esm",
  target: "es2022",
  loader: { ".svg": "copy" },
  jsx: "automatic",
  jsxImportSource: "preact",
  define: { VERSION: JSON.stringify(version) },
  logLevel: "warning",
});

/** The output name of each file that the page refers to. */
const built = Object.fromEntries(
  Object.entries(metafile.outputs)
    .filter(([, output]) => output.entryPoint ?? Object.keys(output.inputs).length === 1)
    .map(([file, output]) => {
      const from = output.entryPoint ?? Object.keys(output.inputs)[0];
      return [relative(source, join(root, from)), relative(dist, join(root, file))];
    }),
);
/** Preload what the script imports, so that it is fetched in parallel. */
const imports = (file) => metafile.outputs[file].imports.filter(({ kind }) => kind === "import-statement").flatMap(({ path }) => [path, ...imports(path)]);
const main = relative(root, join(dist, built["main.jsx"]));
const preloads = [...new Set(imports(main))].map((file) => `<link rel="modulepreload" href="/${relative(dist, join(root, file))}">`);
const page = readFileSync(join(source, "index.html"), "utf8");
writeFileSync(
  join(dist, "index.html"),
  page.replaceAll(/\{\{(.+?)\}\}/g, (_, file) => {
    if (file === "preloads") return preloads.join("\n    ");
    if (!built[file]) throw new Error(`index.html names ${file}, which was not built`);
    return `/${built[file]}`;
  }),
);
copyFileSync(join(source, "_headers"), join(dist, "_headers"));
