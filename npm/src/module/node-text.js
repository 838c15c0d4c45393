// Jest's jsdom environment hides these from the glue.

export { TextDecoder, TextEncoder } from "node:util";
