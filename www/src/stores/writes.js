// Every change that the page makes: how many are under way, and what became of each. Both outlive the component that
// asked for it.

import { signal } from "@preact/signals";

import { carryOut } from "../core/writes.js";

/** So many changes have been sent and not settled. */
export const inFlight = signal(0);

/**
 * @typedef {import("../core/writes.js").Outcome<any> & { what?: any } | { state: "pending", what?: any }} Shown
 *   `what`: what the change was, for the sentence that tells of it
 */

/** @type {Map<string, import("@preact/signals").Signal<Shown | undefined>>} */
const outcomes = new Map();

/** What became of the last change under this name; `pending` while it is under way.
 * @param {string} name */
export function outcomeOf(name) {
  let outcome = outcomes.get(name);
  if (!outcome) outcomes.set(name, (outcome = signal(undefined)));
  return outcome;
}

/** Forgets what became of changes whose names begin so; those under way are kept.
 * @param {string} prefix */
export function forgetOutcomes(prefix) {
  for (const [name, outcome] of outcomes) {
    if (name.startsWith(prefix) && outcome.peek()?.state !== "pending") outcome.value = undefined;
  }
}

/**
 * Makes a change, see `carryOut`, and keeps what became of it under `name`.
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
