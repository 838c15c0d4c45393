// Modules that the build provides: see scripts/build-package.mjs.

/** The transition table, read out of the Rust core. */
declare module "rules" {
  type Status = any;
  export const statuses: readonly Status[];
  export const next: number[][];
  export const movers: any;
  export const sentence: (from: Status, to: Status) => string;
}

/** The check: one of ./core/. */
declare module "core" {
  export const check: (from: string, to: string) => boolean | undefined;
  export const explain: (from: string, to: string) => string;
}

/** What wasm-bindgen generates. */
declare module "glue" {
  export const initSync: (options: { module: object }) => object;
  export const check: (from: string, to: string) => boolean | undefined;
  export const preview: (document: string | undefined, method: string, path: string, body: string, now: number) => { status: number; body?: string; connector?: string };
}

/** Where the WebAssembly module comes from: one of ./module/. */
declare module "wasm-module" {
  export const start: () => object;
  export const compile: () => Promise<WebAssembly.Module>;
}

declare module "wasm-base64" {
  const base64: string;
  export default base64;
}
declare module "wasm-zipped" {
  const base64: string;
  export default base64;
}
declare module "~connector_status.wasm" {
  const module: WebAssembly.Module;
  export default module;
}
declare module "~preview.wasm" {
  const module: WebAssembly.Module;
  export default module;
}

/** React is a peer dependency. */
declare module "react" {
  export function useMemo<T>(make: () => T, dependencies: readonly unknown[]): T;
  export function useSyncExternalStore<T>(subscribe: (listener: () => void) => () => void, get: () => T, getOnServer?: () => T): T;
}
