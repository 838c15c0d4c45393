// The number of connectors with each status over time, as a chart.

/**
 * `from`, `to`: ISO-8601; `steps`: how many there were from then on.
 * @typedef {{ from: string, to: string, steps: { at: string, by_status: Record<string, number> }[] }} Timeline
 * @typedef {{ at: string, start: number, end: number, counts: Record<string, number>, total: number }} Part
 *   a time in which nothing changed; `start` and `end` are between 0 and 1
 */

/** The time spans: hours and labels. */
export const spans = /** @type {const} */ ([["24", "24 hours"], ["168", "7 days"], ["720", "30 days"]]);

/** Stacked from the bottom up, so that failures start at the base line. */
export const stack = ["error", "needs_configuration", "created", "configured", "connected"];

/** The parts of a timeline, the oldest first. `now`: how many there are, if that is known better.
 * @param {Timeline} timeline
 * @param {Record<string, number>} [now]
 * @returns {Part[]} */
export function partsOf({ from, to, steps }, now) {
  const [begin, end] = [Date.parse(from), Date.parse(to)];
  const place = (/** @type {string} */ at) => Math.min(1, Math.max(0, (Date.parse(at) - begin) / Math.max(1, end - begin)));
  return steps.map(({ at, by_status }, n) => {
    const isLast = n === steps.length - 1;
    const counts = (isLast && now) || by_status;
    return { at, start: place(at), end: isLast ? 1 : place(steps[n + 1].at), counts, total: stack.reduce((sum, status) => sum + (counts[status] ?? 0), 0) };
  });
}

/** Whether a chart of all statuses would be nearly all `connected`.
 * @param {Part[]} parts */
export const hidesOthers = (parts) => parts.every(({ counts, total }) => (counts.connected ?? 0) > (total * 2) / 3);

/** The outlines of these statuses as paths in a box of 1000 by 100. Statuses without connectors are left out.
 * @param {Part[]} parts
 * @param {string[]} [statuses] from the bottom up
 * @returns {{ status: string, path: string }[]} */
export function outlines(parts, statuses = stack) {
  const most = Math.max(1, ...parts.map(({ counts }) => statuses.reduce((sum, status) => sum + (counts[status] ?? 0), 0)));
  const height = (/** @type {number} */ count) => 100 - (100 * count) / most;
  const below = parts.map(() => 0);
  return statuses.flatMap((status) => {
    if (!parts.some(({ counts }) => counts[status])) return [];
    const base = [...below];
    for (const [n, { counts }] of parts.entries()) below[n] += counts[status] ?? 0;
    const across = (/** @type {number} */ n, /** @type {number[]} */ levels) => [`${round(parts[n].start * 1000)},${round(height(levels[n]))}`, `${round(parts[n].end * 1000)},${round(height(levels[n]))}`];
    const top = parts.flatMap((_, n) => across(n, below));
    const bottom = parts.flatMap((_, n) => across(n, base)).reverse();
    return [{ status, path: `M${top.join("L")}L${bottom.join("L")}Z` }];
  });
}

/** @param {number} value */
const round = (value) => Math.round(value * 10) / 10;

/** When failures began to rise: after the last time that at most half as many had failed, at the foot of that rise.
 * @param {Part[]} parts
 * @returns {{ at: string, from: number, to: number } | undefined} undefined if nothing fails, or all that fails did before */
export function began(parts) {
  const errors = parts.map(({ counts }) => counts.error ?? 0);
  const to = errors[errors.length - 1] ?? 0;
  if (to === 0) return undefined;
  let last = errors.findLastIndex((count) => count <= to / 2);
  while (last > 0 && errors[last - 1] < errors[last]) last -= 1;
  return last < 0 ? undefined : { at: parts[last + 1].at, from: errors[last], to };
}

/** The part at a place between 0 and 1.
 * @param {Part[]} parts
 * @param {number} place */
export const partAt = (parts, place) => Math.max(0, parts.findLastIndex(({ start }) => start <= place));
