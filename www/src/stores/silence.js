// The time without a heartbeat after which a connector is silent. The server sends this setting with lists and
// statuses.

import { signal } from "@preact/signals";

const after = signal(15 * 60_000);

/** Stores the setting, in seconds as the server sends it.
 * @param {number | undefined} seconds */
export const noteSilence = (seconds) => {
  if (seconds) after.value = seconds * 1_000;
};

/** In milliseconds. */
export const silentAfter = () => after.value;
