// Workers can't compile code, so they import the compiled module.

import { initSync } from "glue";
import module from "~connector_status.wasm";

export const start = () => initSync({ module });
