// One change of one thing, and what became of it. No I/O of its own: `send` and `read` are handed in.

import { Away, Refusal } from "./reasons.js";

/**
 * What became of a change:
 * - `updated`: it was made;
 * - `noop`: all was that way already;
 * - `overtaken`: someone else was first, so nothing was sent;
 * - `refused`: it was not made, `error` says why;
 * - `unknown`: it was sent, no answer came, and what is stored now is neither the old nor the wanted state, or
 *   cannot be read.
 * @template T
 * @typedef {{ state: "updated" | "noop" | "overtaken" | "refused" | "unknown", latest?: T, error?: Error, answer?: any }} Outcome
 */

/** Another change, such as a heartbeat, between reading and writing is met this often. */
const ATTEMPTS = 4;
/** How long to wait before each look at what became of a change that was not answered, in milliseconds. */
export const LOOKS = [0, 1_000, 3_000, 8_000];

/** @param {unknown} a
 * @param {unknown} b */
export const equal = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** @param {number} ms */
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Makes a change unless what it is about is no longer as it was when the visitor decided. `about(latest)` is what it
 * is about, `base` what that was; `isDone(latest)`: is everything as wanted? `send(latest)` must be conditional on
 * the version of `latest` and answer the response's body. `read()` answers what is stored now. `isRemoval`: once it is
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
      if (error instanceof Away && error.status !== 429) return settle(error);
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

  /** Finds out what became of a change that was sent and not answered.
   * @param {Away} error
   * @returns {Promise<Outcome<T>>} */
  async function settle(error) {
    for (const wait of LOOKS) {
      if (wait > 0) await pause(wait);
      let now;
      try {
        now = await read();
      } catch (problem) {
        if (isRemoval && problem instanceof Refusal && problem.status === 404) return { state: "updated", latest };
        // Gone, or no longer ours to read: looking again does not help.
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
