// The list as the user left it.

import { href } from "../core/address.js";
import { openDirectory } from "./directory.js";
import { visitor } from "./identity.js";

/** @type {{ visitor?: number, address: string, left?: string, directory: ReturnType<typeof openDirectory> }} */
let memory = { address: href(), directory: openDirectory() };

/** The list's state while other pages are shown. Reset when the key changes. */
export function listMemory() {
  if (memory.visitor !== visitor.value) memory = { visitor: visitor.value, address: href(), directory: openDirectory() };
  return memory;
}

/** The address of the list as it was left. */
export const listAddress = () => memory.address;
