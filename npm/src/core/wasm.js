// The check as Rust compiled it. The first call starts it, so importing it does nothing.

import * as rust from "glue";
import { start } from "wasm-module";

export { sentence as explain } from "rules";

let started;

export function check(from, to) {
  started ??= start();
  return rust.check(from, to);
}
