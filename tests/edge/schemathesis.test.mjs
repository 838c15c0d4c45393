// Tests the running Worker against its OpenAPI description: no 5xx, and no undescribed response. SCHEMATHESIS_EXAMPLES
// sets the number of requests for each operation.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { install, missing, runPython } from "../../scripts/python.mjs";
import { root } from "../../scripts/tools.mjs";
import { ours, scratch, serveWithKv } from "../soak/workerd.mjs";

const skip = missing();

// Without wrangler, whose latency would dominate.
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

// A body may be refused for reasons that a schema cannot express, and accepted where a string holds a number, so only
// the responses are checked against the description.
const checks = [
  "not_a_server_error",
  "status_code_conformance",
  "content_type_conformance",
  "response_headers_conformance",
  "response_schema_conformance",
  "unsupported_method",
  "allow_header_conformance",
];

test("every response matches the OpenAPI description", { skip }, async () => {
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
