// Times in words.

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const always = new Intl.RelativeTimeFormat("en", { numeric: "always" });

/** @type {[Intl.RelativeTimeFormatUnitSingular, number][]} */
const units = [["year", 31_557_600], ["month", 2_629_800], ["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];

/** How long ago: `[3, "hour"]`.
 * @param {string} at
 * @param {number} now
 * @returns {[number, Intl.RelativeTimeFormatUnitSingular]} */
export function distance(at, now) {
  const seconds = Math.max(0, (now - Date.parse(at)) / 1_000);
  const [unit, length] = units.find(([, length]) => seconds >= length) ?? units[units.length - 1];
  return [Math.floor(seconds / length), unit];
}

/** "3 hours ago", "yesterday".
 * @param {string} at
 * @param {number} now */
export function ago(at, now) {
  const [number, unit] = distance(at, now);
  return unit === "second" && number < 5 ? "just now" : relative.format(-number, unit);
}

/** How much time lies between: "3 hours".
 * @param {string} at
 * @param {number} now */
export function span(at, now) {
  const [number, unit] = distance(at, now);
  return `${number} ${unit}${number === 1 ? "" : "s"}`;
}

/** How far ahead: "in 3 hours".
 * @param {number} millis */
export function ahead(millis) {
  const seconds = Math.max(1, Math.round(millis / 1_000));
  const [unit, length] = units.find(([, length]) => seconds >= length) ?? units[units.length - 1];
  return always.format(Math.floor(seconds / length), unit);
}

/** Whether a connector was seen before, but not in the last `after` milliseconds.
 * @param {string | undefined} at
 * @param {number} now
 * @param {number} after */
export const isSilent = (at, now, after) => at !== undefined && now - Date.parse(at) >= after;
