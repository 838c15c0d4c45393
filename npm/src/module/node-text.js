// Jest's jsdom hides Node's own from the glue.

export { TextDecoder, TextEncoder } from "node:util";
