// How long a connector may be away before it is called silent. It is a setting of the server, which says it with
// each list and each status.

import { signal } from "@preact/signals";

const after = signal(15 * 60_000);

/** Notes the setting; `seconds` as the server says it.
 * @param {number | undefined} seconds */
export const noteSilence = (seconds) => {
  if (seconds) after.value = seconds * 1_000;
};

/** In milliseconds. */
export const silentAfter = () => after.value;
