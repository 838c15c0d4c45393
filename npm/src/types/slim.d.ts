// The same functions; the caller provides the module.
export * from "./index.js";

/**
 * Starts the check with its module, `connector-status/connector_status.wasm`: a
 * `WebAssembly.Module`, an `ArrayBuffer` or a typed array. Call it once, before the first check;
 * further calls do nothing.
 *
 * @example
 * init(await readFile(new URL(import.meta.resolve("connector-status/connector_status.wasm"))));
 */
export declare function init(module: object): void;
