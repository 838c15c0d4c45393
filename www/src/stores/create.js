// Creating a connector.

import { pathOf } from "../core/address.js";
import { Refusal } from "../core/reasons.js";
import { send } from "./api.js";
import { write } from "./writes.js";

/** Creates a connector and never resets one; without an id the server makes one. `overtaken`: there is one already.
 * @param {string} id
 * @param {Record<string, unknown>} body */
export const createConnector = (id, body) =>
  write({
    latest: /** @type {Record<string, any> | undefined} */ (undefined),
    about: (latest) => latest !== undefined,
    base: false,
    isDone: (latest) => latest !== undefined && Object.keys(body).every((field) => latest[field] === body[field]),
    send: async () => (await (id ? send("PUT", pathOf(id), { body, ifNoneMatch: "*" }) : send("POST", "/_connector", { body }))).body,
    async read() {
      // Without an id nobody can tell which it would be.
      if (!id) throw new Refusal(404, "");
      try {
        return (await send("GET", pathOf(id))).body;
      } catch (error) {
        if (error instanceof Refusal && error.status === 404) return undefined;
        throw error;
      }
    },
  });
