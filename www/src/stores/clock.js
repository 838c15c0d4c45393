// Clocks as signals. A clock ticks only while something reads it, and redraws only that.

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

/** The time, to the second. Read it only in the smallest components. */
export const bySecond = () => Math.max(second.value, Date.now());

/** The time, to 15 seconds. */
export const byMinute = () => Math.max(minute.value, Date.now());

/** The time, as precise as an age since `at` is shown.
 * @param {string} at */
export const nowFor = (at) => (Date.now() - Date.parse(at) < 60_000 ? bySecond() : byMinute());
