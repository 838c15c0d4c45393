// The running Worker against its own description: no 5xx, no answer that is not described.
// SCHEMATHESIS_EXAMPLES says how many requests to try for each operation.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { install, missing, runPython } from "../../scripts/python.mjs";
import { root } from "../../scripts/tools.mjs";
import { ours, scratch, serveWithKv } from "../soak/workerd.mjs";

const skip = missing();

// What wrangler puts before the Worker would take most of the time.
let server;
let disk;
before(async () => {
  if (skip) return;
  await install("schemathesis");
  disk = mkdtempSync(join(scratch, "connector-status-disk-"));
  server = await serveWithKv({ worker: ours(), disk });
});
after(async () => {
  await server?.close();
  if (disk) rmSync(disk, { recursive: true, force: true });
});

// Bodies may be refused for more reasons than a schema can say, and taken where a string spells a
// number: what is asked is that the answer is a described one.
const checks = [
  "not_a_server_error",
  "status_code_conformance",
  "content_type_conformance",
  "response_headers_conformance",
  "response_schema_conformance",
  "unsupported_method",
  "allow_header_conformance",
];

test("Schemathesis finds no answer outside the description", { skip }, async () => {
  const { passed, output } = await runPython(
    "schemathesis",
    "schemathesis",
    "run",
    join(root, "www/dist/openapi.json"),
    `--url=${server.url()}`,
    `--checks=${checks}`,
    `--max-examples=${process.env.SCHEMATHESIS_EXAMPLES ?? 10}`,
    "--seed=1",
    "--generation-database=none",
    "--suppress-health-check=all",
    "--request-timeout=30",
    "--continue-on-failure",
    "--no-color",
  );
  assert.ok(passed, output);
  assert.match(output, /\d+ passed/);
});
