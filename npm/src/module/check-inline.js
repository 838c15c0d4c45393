// The module is small enough to be inlined as a string.

import { initSync } from "glue";
import base64 from "wasm-base64";

export const start = () =>
  initSync({ module: Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)) });
