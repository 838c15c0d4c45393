export * from "./check.js";
export { init } from "./module/given.js";
