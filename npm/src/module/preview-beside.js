// CommonJS reads the module from the file beside this one.

import { readFile } from "node:fs/promises";
import { join } from "node:path";

export const compile = async () =>
  WebAssembly.compile(await readFile(join(__dirname, "preview.wasm")));
