// The check, compiled from Rust. The first call instantiates it, so importing has no side effects.

import * as rust from "glue";
import { start } from "wasm-module";

export { sentence as explain } from "rules";

let started;

export function check(from, to) {
  started ??= start();
  return rust.check(from, to);
}
