export * from "./check.js";
export { init } from "./module/check-given.js";
