// Everything is built: there is nothing to set up but what `npm install` did.

import { checkNode } from "./tools.mjs";

export const setup = async () => checkNode();
export const build = async () => {};
