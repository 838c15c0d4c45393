// The same functions; whoever imports them says where the module is.
export * from "./index.js";

/**
 * Starts the check with its module, `connector-status/connector_status.wasm`: a
 * `WebAssembly.Module`, an `ArrayBuffer` or a typed array. Has to be called once, before the first check; further calls do nothing.
 *
 * @example
 * init(await readFile(new URL(import.meta.resolve("connector-status/connector_status.wasm"))));
 */
export declare function init(module: object): void;
