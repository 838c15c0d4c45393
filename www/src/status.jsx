// How a status looks and what can be said about it; what it may become, the package knows.

import { isConnectorStatus, nextStatuses, statuses } from "connector-status";
import { transitionOptions } from "connector-status/client";

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** The name of a status for people: `needs_configuration` is "Needs configuration". */
export const label = (status) => capital(String(status).replaceAll("_", " "));

/** What needs somebody first: a failure, then what waits for a person, then the others in their order. */
export const urgent = ["error", "needs_configuration", ...statuses.filter((status) => !["error", "needs_configuration"].includes(status))];

const drawings = {
  created: <path d="M8 2.2a5.8 5.8 0 1 1 0 11.6A5.8 5.8 0 0 1 8 2.2M8 5.5v5M5.5 8h5" />,
  needs_configuration: (
    <path d="M2.5 5h5M11.5 5h2M2.5 11h2M8.5 11h5M9.5 3.2a1.8 1.8 0 1 1 0 3.6a1.8 1.8 0 0 1 0-3.6M6.5 9.2a1.8 1.8 0 1 1 0 3.6a1.8 1.8 0 0 1 0-3.6" />
  ),
  configured: <path d="M3.5 2.5h9v11h-9zM5.7 6.2l1 1l1.8-2M10.3 6.5h.2M5.8 10.5h4.6" />,
  connected: <path d="M6.6 9.4l2.8-2.8M7.3 4.9l1.3-1.3a2.7 2.7 0 0 1 3.8 3.8l-1.3 1.3M8.7 11.1l-1.3 1.3a2.7 2.7 0 0 1-3.8-3.8l1.3-1.3" />,
  error: <path d="M8 2.3l6 10.9H2zM8 6.4v3.2M8 11.4v.1" />,
};

/** The drawing that belongs to a status, 16 by 16. */
export const StatusIcon = ({ status, ...rest }) => (
  <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" {...rest}>
    {drawings[status]}
  </svg>
);

/** A status: icon, text and colour. */
export const Badge = ({ status, large }) => (
  <span class={`badge ${large ? "large" : ""}`} data-status={status}>
    <StatusIcon status={status} />
    {label(status)}
  </span>
);

/** The shortest way between two statuses, without the first; nothing if there is none. An error is
 * no step on a way. */
export function way(from, to) {
  const seen = new Set([from]);
  let ways = [[from]];
  while (ways.length > 0) {
    const steps = (status) => nextStatuses(status).filter((next) => next !== "error" || to === "error");
    const longer = ways.flatMap((way) => steps(way.at(-1)).map((next) => [...way, next]));
    const found = longer.find((way) => way.at(-1) === to);
    if (found) return found.slice(1);
    ways = longer.filter((way) => !seen.has(way.at(-1)) && seen.add(way.at(-1)));
  }
  return undefined;
}

/** The move that is a person's to make, if there is one: ahead, or out of an error. */
export const ownMove = (from) =>
  transitionOptions(from).find(({ status, allowed, who }) =>
    allowed && who === "user" && (from === "error" || statuses.indexOf(status) > statuses.indexOf(from)))?.status;

/** A status that the protocol knows; a connector that is elsewhere cannot be moved. */
export const isKnown = isConnectorStatus;
