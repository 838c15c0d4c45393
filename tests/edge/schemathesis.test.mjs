// The running Worker against its own description: no 5xx, no answer that is not described.
// SCHEMATHESIS_EXAMPLES says how many requests to try for each operation.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { install, schemathesis } from "../../scripts/schemathesis.mjs";
import { find } from "../../scripts/tools.mjs";
import { startWorker } from "./worker.mjs";

// Where nobody reads what was left out, nothing is.
const skip = !process.env.CI && !find("python3") && "python3 is not installed";

let worker;
before(async () => {
  if (skip) return;
  await install();
  worker = await startWorker();
});
after(() => worker?.close());

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
  const { passed, output } = await schemathesis(
    "run",
    `${worker.url}/openapi.json`,
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
