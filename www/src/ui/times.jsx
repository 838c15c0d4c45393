// Times. Each component reads the clock itself, so that a tick redraws nothing else.

import { ago, distance, isSilent, span } from "../core/time.js";
import { byMinute, nowFor } from "../stores/clock.js";
import { silentAfter } from "../stores/silence.js";
import { Icon } from "./icons.jsx";

// In the visitor's locale and time zone, which is named.
const exact = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric", hour: "numeric", minute: "2-digit", second: "2-digit", timeZoneName: "short" });

/** @param {string} at */
export const exactly = (at) => exact.format(new Date(at));

/** The time since a moment.
 * @param {{ at: string }} props */
export const For = ({ at }) => <time dateTime={at} title={`Since ${exactly(at)}`}>for {span(at, nowFor(at))}</time>;

/** A moment in the past, relative to now.
 * @param {{ at: string }} props */
export const Ago = ({ at }) => <time dateTime={at} title={exactly(at)}>{ago(at, nowFor(at))}</time>;

/** A moment in the past as date and time.
 * @param {{ at: string }} props */
export const Moment = ({ at }) => <time dateTime={at}>{exactly(at)}</time>;

/** When the connector service was last seen.
 * @param {{ at?: string, intro?: string, brief?: boolean }} props `intro` precedes the time, unless the connector is
 *   silent; `brief`: the column says already that this is when it was last seen */
export function LastSeen({ at, intro, brief }) {
  if (!at) return <span class="seen muted">Never seen</span>;
  const now = byMinute();
  if (!isSilent(at, now, silentAfter())) return <span class="seen">{intro && <span class="muted">{intro} </span>}<Ago at={at} /></span>;
  const [number, unit] = distance(at, now);
  const yesterday = unit === "day" && number === 1;
  return (
    <span class="seen stale">
      <Icon name="clock" />
      <time dateTime={at} title={exactly(at)}>{brief ? ago(at, now) : yesterday ? "Not seen since yesterday" : `Not seen for ${span(at, now)}`}</time>
    </span>
  );
}
