// The address bar as a signal.

import { signal } from "@preact/signals";

import { parseAddress } from "../core/address.js";

/** Which page is shown. */
export const route = signal(parseAddress(location.hash));

const read = () => (route.value = parseAddress(location.hash));
for (const event of ["hashchange", "popstate"]) addEventListener(event, read);

/** Goes to an address. `replace`: without a new entry in the browser's history.
 * @param {string} address
 * @param {{ replace?: boolean }} [options] */
export function go(address, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", address);
  read();
}
