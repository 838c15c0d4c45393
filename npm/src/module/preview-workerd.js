// Workers can't compile code, so they import the compiled module.

import module from "~preview.wasm";

export const compile = async () => module;
