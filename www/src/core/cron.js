// The next runs of a Quartz cron expression, in UTC as in the connector service. Expressions must be valid: the package
// checks that.

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const LAST_YEAR = 2199;
const DAY = 86_400_000;
/** A leap day falls on a given weekday every 28 years, or 40 around 2100. */
const HORIZON = 41 * 366;

/** Whether a day matches. Months count from 0.
 * @typedef {(year: number, month: number, day: number) => boolean} IsDay */

/** The values that a field such as `1-5`, `0/15` or `MON,WED` names.
 * @param {string} field
 * @param {number} least
 * @param {number} most
 * @param {string[]} [names] */
function values(field, least, most, names = []) {
  const number = (/** @type {string} */ text) => (names.includes(text) ? names.indexOf(text) + least : Number(text));
  const found = new Set();
  for (const item of field.split(",")) {
    const [range, step] = item.split("/");
    let [from, to] = range.split("-").map(number);
    if (range === "*" || range === "" || range === "?") [from, to] = [least, most];
    to ??= step === undefined ? from : most;
    // A range may wrap around: 22-4.
    const length = to >= from ? to - from : to - from + most - least + 1;
    for (let n = 0; n <= length; n += Number(step ?? 1)) found.add(least + ((from - least + n) % (most - least + 1)));
  }
  return found;
}

/** @param {number} year
 * @param {number} month */
const lengthOf = (year, month) => new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
/** @param {number} year
 * @param {number} month
 * @param {number} day */
const weekdayOf = (year, month, day) => new Date(Date.UTC(year, month, day)).getUTCDay() + 1;

/** The weekday next to a day, in the same month.
 * @param {number} year
 * @param {number} month
 * @param {number} day */
function nearestWeekday(year, month, day) {
  const last = lengthOf(year, month);
  const weekday = weekdayOf(year, month, day);
  if (weekday === 1) return day === last ? day - 2 : day + 1;
  if (weekday === 7) return day === 1 ? day + 2 : day - 1;
  return day;
}

/** The days of the month that a field matches.
 * @param {string} field
 * @returns {IsDay} */
function dayOfMonth(field) {
  const special = field.match(/^(?:L(?:-(\d+))?|(\d+))(W)?$/);
  if (!special || (special[2] && !special[3])) {
    const days = values(field, 1, 31);
    return (year, month, day) => days.has(day);
  }
  const [, before, number, weekday] = special;
  return (year, month, day) => {
    const wanted = number ? Number(number) : lengthOf(year, month) - Number(before ?? 0);
    if (wanted < 1 || wanted > lengthOf(year, month)) return false;
    return day === (weekday ? nearestWeekday(year, month, wanted) : wanted);
  };
}

/** The days of the week that a field matches.
 * @param {string} field
 * @returns {IsDay} */
function dayOfWeek(field) {
  const one = (/** @type {string} */ text) => [...values(text, 1, 7, DAYS)][0];
  if (field === "L") return (year, month, day) => weekdayOf(year, month, day) === 7;
  const [, last] = field.match(/^(.+)L$/) ?? [];
  if (last) return (year, month, day) => weekdayOf(year, month, day) === one(last) && day + 7 > lengthOf(year, month);
  const [weekday, nth] = field.split("#");
  if (nth) return (year, month, day) => weekdayOf(year, month, day) === one(weekday) && Math.ceil(day / 7) === Number(nth);
  const days = values(field, 1, 7, DAYS);
  return (year, month, day) => days.has(weekdayOf(year, month, day));
}

/** The next `count` runs after `now`, in milliseconds since 1970; fewer if there are no more.
 * @param {string} expression
 * @param {number} now
 * @param {number} count
 * @returns {number[]} */
export function nextRuns(expression, now, count) {
  const [seconds, minutes, hours, monthDay, month, weekDay, year] = expression.toUpperCase().trim().split(/\s+/);
  const times = [...values(hours, 0, 23)].flatMap((h) =>
    [...values(minutes, 0, 59)].flatMap((m) => [...values(seconds, 0, 59)].map((s) => ((h * 60 + m) * 60 + s) * 1_000)))
    .sort((a, b) => a - b);
  const months = values(month, 1, 12, MONTHS);
  const years = year && year !== "*" ? values(year, 1970, LAST_YEAR) : undefined;
  const isDay = monthDay === "?" ? dayOfWeek(weekDay) : dayOfMonth(monthDay);
  const runs = [];
  const today = Math.floor(now / DAY) * DAY;
  const horizon = years ? Math.max(HORIZON, (Date.UTC(Math.max(...years) + 1, 0) - today) / DAY) : HORIZON;
  for (let n = 0; n < horizon && runs.length < count; n += 1) {
    const start = today + n * DAY;
    const date = new Date(start);
    const [y, m, d] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
    if ((years && !years.has(y)) || !months.has(m + 1) || !isDay(y, m, d)) continue;
    for (const time of times) {
      if (start + time > now && runs.length < count) runs.push(start + time);
    }
  }
  return runs;
}
