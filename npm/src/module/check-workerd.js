// Workers may not compile code: they import the module compiled.

import { initSync } from "glue";
import module from "~connector_status.wasm";

export const start = () => initSync({ module });
