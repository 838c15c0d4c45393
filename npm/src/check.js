// The check. `core` is one of ./core/, chosen by the build for each entry point.

import { check, explain } from "core";
import { statuses } from "rules";
import { InvalidTransitionError } from "~error";

export { InvalidTransitionError, statuses };

/** Throws a TypeError that names the value that isn't a status. */
function unknown(...given) {
  const wrong = given.find((status) => !isConnectorStatus(status));
  const name = String(Object(wrong) === wrong ? typeof wrong : wrong).slice(0, 64);
  throw new TypeError(`[${name}] is not a connector status: use one of [${statuses.join(", ")}]`);
}

export const isConnectorStatus = (value) => statuses.includes(value);

export const isValidTransition = (from, to) => check(from, to) ?? unknown(from, to);

export const nextStatuses = (from) => statuses.filter((to) => isValidTransition(from, to));

export const explainTransition = (from, to) =>
  isValidTransition(from, to) ? undefined : explain(from, to);

export function assertTransition(from, to) {
  const reason = explainTransition(from, to);
  if (reason) throw new InvalidTransitionError(reason, from, to, nextStatuses(from));
}
