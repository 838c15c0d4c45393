// Workers may not compile code: they import the module compiled.

import module from "~preview.wasm";

export const compile = async () => module;
