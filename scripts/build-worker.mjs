// Builds the Worker into build/. Run by wrangler, see wrangler.toml.

import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { writeOpenApi } from "./build-openapi.mjs";
import { root, run } from "./tools.mjs";

mkdirSync(join(root, "www/dist"), { recursive: true });
if (!process.env.CONNECTOR_STATUS_BUILT) {
  await run("worker-build", ["--release", "--features", "edge"]);
  writeOpenApi();
}
