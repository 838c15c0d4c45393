// The time, for what is drawn with it. A clock ticks only while something reads it, and only that is drawn anew.

import { signal } from "@preact/signals";

/** @param {number} every milliseconds between ticks */
function clock(every) {
  /** @type {number | undefined} */
  let timer;
  /** @type {import("@preact/signals").Signal<number>} */
  const time = signal(Date.now(), {
    watched() {
      time.value = Date.now();
      timer = setInterval(() => (time.value = Date.now()), every);
    },
    unwatched: () => clearInterval(timer),
  });
  return time;
}

const second = clock(1_000);
const minute = clock(15_000);

/** The time, kept up to the second; read it only in the leaves of a page. */
export const bySecond = () => Math.max(second.value, Date.now());

/** The time, kept up to a quarter of a minute. */
export const byMinute = () => Math.max(minute.value, Date.now());

/** The time, kept up as closely as an age since `at` is shown.
 * @param {string} at */
export const nowFor = (at) => (Date.now() - Date.parse(at) < 60_000 ? bySecond() : byMinute());
