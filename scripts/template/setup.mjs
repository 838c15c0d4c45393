// Everything is built already; `npm install` is the whole set-up.

import { checkNode } from "./tools.mjs";

export const setup = async () => checkNode();
export const build = async () => {};
