// What `load` fetches: the core, compiled from Rust.

export { initSync, preview } from "glue";
export { compile } from "wasm-module";
