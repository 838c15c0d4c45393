// The same functions without WebAssembly.
export * from "./index.js";
