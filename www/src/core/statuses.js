// Labels and order of statuses. The package knows the transitions.

import { isConnectorStatus, nextStatuses, statuses } from "#connector-status";
import { transitionOptions } from "#connector-status/client";

/** @typedef {import("#connector-status").ConnectorStatus} Status */

/** @param {string} text */
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** The name of a status for people: `needs_configuration` is "Needs configuration".
 * @param {unknown} status */
export const label = (status) => capital(String(status).replaceAll("_", " "));

/** By urgency: failures first, then what needs a user, then the others in their order. */
export const urgent = /** @type {string[]} */ (["error", "needs_configuration", ...statuses.filter((status) => !["error", "needs_configuration"].includes(status))]);

/** @param {Status[]} way */
const last = (way) => way[way.length - 1];

/** The shortest path between two statuses, without the first; undefined if there is none. Paths don't lead through
 * `error`.
 * @param {Status} from
 * @param {Status} to
 * @returns {Status[] | undefined} */
export function way(from, to) {
  const seen = new Set([from]);
  let ways = [[from]];
  while (ways.length > 0) {
    const steps = (/** @type {Status} */ status) => nextStatuses(status).filter((next) => next !== "error" || to === "error");
    const longer = ways.flatMap((way) => steps(last(way)).map((next) => [...way, next]));
    const found = longer.find((way) => last(way) === to);
    if (found) return found.slice(1);
    ways = longer.filter((way) => !seen.has(last(way)) && seen.add(last(way)));
  }
  return undefined;
}

/** The move that a user usually makes, if there is one: forward, or out of an error.
 * @param {Status} from */
export const ownMove = (from) =>
  transitionOptions(from).find(({ status, allowed, who }) =>
    allowed && who === "user" && (from === "error" || statuses.indexOf(status) > statuses.indexOf(from)))?.status;

/** Whether the protocol has the status. A connector in any other status can't be moved. */
export const isKnown = isConnectorStatus;
