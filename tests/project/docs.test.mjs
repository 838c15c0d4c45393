// Documents mention only commands, files and settings that exist.

import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";

import { root } from "../../scripts/tools.mjs";

const read = (file) => readFileSync(join(root, file), "utf8");
const documents = ["*.md", "docs/**/*.md", "www/*.md", "benches/README.md"].flatMap((pattern) => globSync(pattern, { cwd: root }));
const { scripts } = JSON.parse(read("package.json"));

test("every command in the documents exists", () => {
  let count = 0;
  for (const file of documents) {
    for (const [, name, args] of read(file).matchAll(/npm run (?:--silent )?([\w:-]+)(?: --(?= ))?([^`\n]*)/g)) {
      count += 1;
      assert.ok(scripts[name], `${file}: npm run ${name}`);
      const [, script] = scripts[name].match(/^node (\S+)/) ?? [];
      for (const [, option] of args.replace(/#.*/, "").matchAll(/ --([a-z-]+)/g)) {
        const source = read(script);
        assert.match(source, new RegExp(`\\b${option}\\b`), `${file}: npm run ${name} -- --${option}`);
      }
    }
  }
  assert.ok(count > 30, `${count} commands`);
});

test("every link leads to a file", () => {
  for (const file of documents) {
    for (const [, target] of read(file).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
      if (target.endsWith(".md") && !/^[a-z]+:/.test(target)) assert.ok(existsSync(join(root, dirname(file), target)), `${file}: ${target}`);
    }
  }
});

test("docs/operations.md explains every metric", () => {
  const source = read("src/edge/objects/directory/metrics.rs") + read("src/edge/metrics.rs");
  const names = [...source.matchAll(/Family::new\(\s*"(\w+)"/g)].map(([, name]) => name);
  assert.ok(names.length >= 5);
  for (const name of names) assert.ok(read("docs/operations.md").includes(`\`connector_status_${name}`), name);
});
