// The transition table of sync jobs, read out of the Rust core by the build.

import { movers, next, sentence, statuses } from "rules";
import { InvalidTransitionError } from "~error";

export { InvalidTransitionError, movers, statuses };

function row(status) {
  const found = statuses.indexOf(status);
  if (found >= 0) return found;
  const name = String(Object(status) === status ? typeof status : status).slice(0, 64);
  throw new TypeError(`[${name}] is not a sync job status: use one of [${statuses.join(", ")}]`);
}

export const isSyncJobStatus = (value) => statuses.includes(value);

export const nextStatuses = (from) => next[row(from)].map((to) => statuses[to]);

export const isFinal = (status) => next[row(status)].length === 0;

export const isValidTransition = (from, to) => next[row(from)].includes(row(to));

export const explainTransition = (from, to) =>
  isValidTransition(from, to) ? undefined : sentence(from, to);

export function assertTransition(from, to) {
  const reason = explainTransition(from, to);
  if (reason) throw new InvalidTransitionError(reason, from, to, nextStatuses(from));
}
