// Every write of the page: the number in progress, and the outcome of each. Both outlive the component that started it.

import { signal } from "@preact/signals";

import { carryOut } from "../core/writes.js";

/** The number of writes in progress. */
export const inFlight = signal(0);

/**
 * @typedef {import("../core/writes.js").Outcome<any> & { what?: any } | { state: "pending", what?: any }} Shown
 *   `what`: what the write was, for the message
 */

/** @type {Map<string, import("@preact/signals").Signal<Shown | undefined>>} */
const outcomes = new Map();

/** The outcome of the last write with this name; `pending` while it is in progress.
 * @param {string} name */
export function outcomeOf(name) {
  let outcome = outcomes.get(name);
  if (!outcome) outcomes.set(name, (outcome = signal(undefined)));
  return outcome;
}

/** Forgets the outcomes of writes whose names have this prefix, except those in progress.
 * @param {string} prefix */
export function forgetOutcomes(prefix) {
  for (const [name, outcome] of outcomes) {
    if (name.startsWith(prefix) && outcome.peek()?.state !== "pending") outcome.value = undefined;
  }
}

/**
 * Makes a write, see `carryOut`, and keeps its outcome under `name`.
 * @template T
 * @param {Parameters<typeof carryOut<T>>[0]} change
 * @param {{ name?: string, what?: unknown }} [options]
 * @returns {Promise<import("../core/writes.js").Outcome<T>>}
 */
export async function write(change, { name, what } = {}) {
  const outcome = name === undefined ? undefined : outcomeOf(name);
  inFlight.value += 1;
  if (outcome) outcome.value = { state: "pending", what };
  try {
    const done = await carryOut(change);
    if (outcome) outcome.value = { ...done, what };
    return done;
  } catch (error) {
    if (outcome) outcome.value = { state: "refused", error: /** @type {Error} */ (error), what };
    throw error;
  } finally {
    inFlight.value -= 1;
  }
}
