// Restores deleted connectors.

import { pathOf } from "../core/address.js";
import { Refusal } from "../core/reasons.js";
import { send } from "./api.js";
import { toast } from "./toasts.js";
import { write } from "./writes.js";

/** Restores a deleted connector. The server refuses if its index was taken since, or if it was erased.
 * @param {string} id */
export const restore = (id) =>
  write({
    latest: false,
    about: (isThere) => isThere,
    base: false,
    isDone: (isThere) => isThere,
    send: async () => (await send("POST", `${pathOf(id)}/_restore`)).body,
    async read() {
      try {
        await send("GET", pathOf(id));
        return true;
      } catch (error) {
        if (error instanceof Refusal && error.status === 404) return false;
        throw error;
      }
    },
  });

/** Restores a connector and reports the result in a toast.
 * @param {string} id
 * @param {string} name */
export async function undelete(id, name) {
  const { state, error } = await restore(id);
  if (state === "updated" || state === "noop" || state === "overtaken") toast(`${name} was restored.`);
  else toast(state === "unknown" ? `We can't tell whether ${name} was restored.` : `Couldn't restore ${name}: ${error?.message}`);
}
