// The check as Rust compiled it, started at the first call: importing it does nothing.

import * as rust from "glue";
import { start } from "module";
import { take } from "sentence";

let started;

export function check(from, to) {
  started ??= start();
  return rust.check(from, to);
}

export function explain(from, to) {
  started ??= start();
  rust.explain(from, to);
  return take();
}
