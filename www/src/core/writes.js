// One write and its outcome. It has no I/O of its own: `send` and `read` are passed in.

import { Away, Refusal } from "./reasons.js";

/**
 * The outcome of a write:
 * - `updated`: it was made;
 * - `noop`: nothing had to change;
 * - `overtaken`: someone else changed it first, so nothing was sent;
 * - `refused`: it was not made, and `error` says why;
 * - `unknown`: the response was lost, and the state stored now is neither the old nor the wanted one, or can't be read.
 * @template T
 * @typedef {{ state: "updated" | "noop" | "overtaken" | "refused" | "unknown", latest?: T, error?: Error, answer?: any }} Outcome
 */

/** The number of attempts if another change, such as a heartbeat, comes between reading and writing. */
const ATTEMPTS = 4;
/** The waits before each read after a lost response, in milliseconds. */
export const LOOKS = [0, 1_000, 3_000, 8_000];

/** @param {unknown} a
 * @param {unknown} b */
export const equal = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** @param {number} ms */
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Makes a write, unless its subject has changed since the user decided. `about(latest)` is the subject, `base` its
 * value at that time; `isDone(latest)`: whether everything is as wanted. `send(latest)` must be conditional on the
 * version of `latest` and return the response's body. `read()` returns the state stored now. `isRemoval`: once it is
 * made there is nothing to read. `readsAfter`: whether the outcome needs what is stored afterwards.
 * @template T
 * @param {{
 *   latest: T,
 *   about: (latest: T) => unknown,
 *   base: unknown,
 *   isDone: (latest: T) => boolean,
 *   send: (latest: T) => Promise<any>,
 *   read: () => Promise<T>,
 *   isRemoval?: boolean,
 *   readsAfter?: boolean,
 *   pause?: (ms: number) => Promise<unknown>,
 * }} change
 * @returns {Promise<Outcome<T>>}
 */
export async function carryOut({ latest, about, base, isDone, send, read, isRemoval = false, readsAfter = !isRemoval, pause = sleep }) {
  /** @type {unknown} */
  let failure;
  for (let n = 0; n < ATTEMPTS; n += 1) {
    if (!equal(about(latest), base)) return { state: "overtaken", latest };
    try {
      const answer = await send(latest);
      const state = answer?.result === "noop" ? "noop" : "updated";
      return { state, latest: readsAfter ? await read().catch(() => latest) : latest, answer };
    } catch (error) {
      failure = error;
      if (error instanceof Away && error.status !== 429) return findOutcome(error);
      if (!(error instanceof Refusal)) return { state: "refused", latest, error: asError(error) };
      if (error.status !== 412) return { state: "refused", latest, error };
    }
    try {
      latest = await read();
    } catch (error) {
      return { state: "refused", latest, error: asError(error) };
    }
  }
  return { state: "refused", latest, error: asError(failure) };

  /** Finds the outcome of a write whose response was lost.
   * @param {Away} error
   * @returns {Promise<Outcome<T>>} */
  async function findOutcome(error) {
    for (const wait of LOOKS) {
      if (wait > 0) await pause(wait);
      let now;
      try {
        now = await read();
      } catch (problem) {
        if (isRemoval && problem instanceof Refusal && problem.status === 404) return { state: "updated", latest };
        // Deleted, or no longer readable: reading again can't help.
        if (problem instanceof Refusal) return { state: "unknown", latest, error: problem };
        continue;
      }
      if (isDone(now)) return { state: "updated", latest: now };
      if (equal(about(now), base)) return { state: "refused", latest: now, error };
      return { state: "unknown", latest: now, error };
    }
    return { state: "unknown", latest, error };
  }
}

/** @param {unknown} error */
const asError = (error) => (error instanceof Error ? error : new Error(String(error)));
