// Workers may not compile code; they are given the module compiled.

import module from "~preview.wasm";

export const compile = async () => module;
