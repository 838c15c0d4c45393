// What `load` fetches: the core as Rust compiled it. `module` is one of ./module/.

export { initSync, preview } from "glue";
export { compile } from "module";
