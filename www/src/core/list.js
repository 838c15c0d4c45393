// Views of the list: from the address, and as requests to the server.

import { href } from "./address.js";
import { spans } from "./over-time.js";
import { urgent } from "./statuses.js";

/** Rows on a page of the list. */
export const ROWS = 100;
/** The server lists at most this many connectors. */
export const REACH = 10_000;

/** The orders of the list: the server's name for each, and the default direction.
 * @type {Record<string, [string, "asc" | "desc"]>} */
export const orders = {
  urgency: ["urgency", "asc"],
  since: ["since", "desc"],
  name: ["name", "asc"],
  type: ["service_type", "asc"],
  index: ["index_name", "asc"],
  seen: ["last_seen", "desc"],
};

/**
 * @typedef {{ search: string, status: string[], type: string, silent: boolean, cause: string, sort: string, down: boolean, page: number, over: string, deleted?: boolean }} View
 *   `cause`: what their errors have in common; `down`: sorted the other way than comes first; `over`: over how many hours the picture of time goes, if it is shown; `deleted`: those that have been deleted instead of those that are there
 */

/** The view in an address.
 * @param {URLSearchParams} query
 * @returns {View} */
export function readView(query) {
  const [sort, direction] = (query.get("sort") ?? "").split(":");
  return {
    search: query.get("query") ?? "",
    status: (query.get("status") ?? "").split(",").filter((status) => urgent.includes(status)),
    type: query.get("type") ?? "",
    silent: query.get("silent") === "true",
    cause: query.get("cause") ?? "",
    sort: Object.hasOwn(orders, sort) ? sort : "urgency",
    down: direction === "desc",
    page: Number.parseInt(query.get("page") ?? "", 10) || 1,
    over: spans.some(([hours]) => hours === query.get("over")) ? /** @type {string} */ (query.get("over")) : "",
  };
}

/** @param {View} view */
export const addressOf = ({ search, status, type, silent, cause, sort, down, page, over }) =>
  href("", {
    query: search,
    status: status.join(","),
    type,
    silent: silent && "true",
    cause,
    sort: (sort !== "urgency" || down) && `${sort}${down ? ":desc" : ""}`,
    page: page > 1 && page,
    over,
  });

/** Whether a view has filters.
 * @param {View} view */
export const isFiltered = ({ search, status, type, silent, cause }) => Boolean(search.trim() || status.length || type || silent || cause);

/** The request for `size` rows of a view, from the row `from` on.
 * @param {View} view
 * @param {number} from
 * @param {number} size */
export function summaryPath({ search, status, type, silent, cause, sort, down, deleted }, from, size) {
  const [field, first] = orders[sort];
  const direction = down ? (first === "asc" ? "desc" : "asc") : first;
  const query = new URLSearchParams({ sort: `${field}:${direction}`, from: String(from), size: String(size) });
  for (const [name, value] of Object.entries({ query: search.trim(), status: status.join(","), service_type: type, silent: silent && "true", cause, deleted: deleted && "true" })) {
    if (value) query.set(name, value);
  }
  return `/_connector/_summary?${query}`;
}
