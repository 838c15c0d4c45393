// Writes the OpenAPI description to www/dist/openapi.json, where the Worker serves it.

import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { environment, root } from "./tools.mjs";

export function writeOpenApi() {
  const description = execFileSync("cargo", ["run", "--locked", "--quiet", "--bin", "openapi"], {
    cwd: root,
    env: environment,
  });
  mkdirSync(join(root, "www/dist"), { recursive: true });
  writeFileSync(join(root, "www/dist/openapi.json"), description);
}

if (process.argv[1] === import.meta.filename) writeOpenApi();
