// What `load` fetches: the core as Rust compiled it.

export { initSync, preview } from "glue";
export { compile } from "wasm-module";
