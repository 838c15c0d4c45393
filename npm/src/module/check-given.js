// The caller provides the module.

import { initSync } from "glue";

let ready;

export function init(module) {
  ready ??= initSync({ module });
}

export function start() {
  return ready ?? missing();
}

function missing() {
  throw new Error("connector-status/slim: call init(moduleOrBytes) first");
}
