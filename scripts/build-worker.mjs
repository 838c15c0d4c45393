// Builds the Worker into build/. Run by wrangler, see wrangler.toml.

import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";

import { root, run } from "./tools.mjs";

const assets = join(root, "www/dist");
if (!existsSync(assets)) mkdirSync(assets, { recursive: true });
await run("worker-build", ["--release", "--features", "edge"]);
