// The number of connectors with each status over time, to show when an incident began.

import { useState } from "preact/hooks";

import { began, hidesOthers, outlines, partAt, partsOf, spans, stack } from "../../core/over-time.js";
import { label } from "../../core/statuses.js";
import { send } from "../../stores/api.js";
import { useFollow } from "../../stores/feed.js";
import { Callout } from "../../ui/callout.jsx";
import { Ago, exactly } from "../../ui/times.jsx";

/** The server counts every five minutes. */
const GAP = 300_000;
/** The maximum number of rows in the table. */
const ROWS = 300;

const count = (number) => number.toLocaleString("en");
const words = ({ counts }) => stack.filter((status) => counts[status]).map((status) => `${count(counts[status])} ${label(status)}`).join(", ") || "no connectors";

/** @param {{ hours: string, now?: Record<string, number>, onHours: (hours: string) => void }} props `now`: how many there are */
export default function OverTime({ hours, now, onHours }) {
  const [timeline, setTimeline] = useState(/** @type {any} */ (undefined));
  const { problem } = useFollow(async (signal) => {
    const { body } = await send("GET", `/_connector/_timeline?hours=${hours}`, { signal });
    setTimeline({ ...body, hours });
  }, `timeline ${hours}`, { needsReload: (event) => event.type === "change" && !event.heartbeat, gap: GAP });
  const isCurrent = timeline?.hours === hours;
  return (
    <div class="over-time" role="region" aria-label="Statuses over time">
      <div class="over-time-head">
        <div class="spans" role="group" aria-label="Time shown">
          {spans.map(([value, title]) => <button key={value} type="button" class="chip" aria-pressed={value === hours} onClick={() => onHours(value)}>{title}</button>)}
        </div>
        {isCurrent && <Began parts={partsOf(timeline, now)} from={timeline.from} />}
      </div>
      {problem && !isCurrent && <Callout kind="warn" title={problem.message} />}
      {isCurrent ? <Picture key={hours} timeline={timeline} parts={partsOf(timeline, now)} /> : !problem && <div class="picture-place" aria-busy="true" />}
    </div>
  );
}

/** @param {any} props */
function Began({ parts, from }) {
  const start = began(parts);
  const failing = parts[parts.length - 1]?.counts.error ?? 0;
  if (start) return <p class="began"><strong>Failures rose from {count(start.from)} to {count(start.to)}</strong>, starting {exactly(start.at)} (<Ago at={start.at} />).</p>;
  if (failing > 0) return <p class="began muted">{failing === 1 ? "1 connector has" : `${count(failing)} connectors have`} been failing since before {exactly(from)}.</p>;
  return <p class="began muted">No connector is failing.</p>;
}

/** @param {any} props */
function Picture({ timeline, parts }) {
  const [place, setPlace] = useState(/** @type {number | undefined} */ (undefined));
  const [open, setOpen] = useState(false);
  const [withConnected, setWithConnected] = useState(() => !hidesOthers(parts));
  const drawn = withConnected ? stack : stack.filter((status) => status !== "connected");
  const last = parts.length - 1;
  const n = place === undefined ? last : Math.min(place, last);
  const part = parts[n];
  const present = stack.filter((status) => parts.some(({ counts }) => counts[status])).reverse();
  const text = `${n === 0 ? `Before ${exactly(parts[1]?.at ?? timeline.to)}` : exactly(part.at)}: ${words(part)}`;
  const point = (event) => {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    setPlace(partAt(parts, (event.clientX - left) / width));
  };
  const press = (event) => {
    const to = { ArrowLeft: n - 1, ArrowDown: n - 1, ArrowRight: n + 1, ArrowUp: n + 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    setPlace(Math.min(last, Math.max(0, to)));
  };
  return (
    <>
      <div class="picture" tabIndex={0} role="slider" aria-label="Connectors by status over time" aria-orientation="horizontal" aria-valuemin={0} aria-valuemax={last} aria-valuenow={n} aria-valuetext={text}
        onPointerMove={point} onPointerDown={point} onPointerLeave={() => setPlace(undefined)} onKeyDown={press} onBlur={() => setPlace(undefined)}>
        <svg viewBox="0 0 1000 100" preserveAspectRatio="none" aria-hidden="true">
          {outlines(parts, drawn).map(({ status, path }) => <path key={status} data-status={status} d={path} />)}
          {place !== undefined && <rect class="at" x={part.start * 1000} y="0" width={Math.max(2, (part.end - part.start) * 1000)} height="100" />}
        </svg>
      </div>
      <div class="picture-ends small muted" aria-hidden="true"><span><Ago at={timeline.from} /></span><span>now</span></div>
      <p class="reading small">
        <strong>{place === undefined ? "Now" : n === 0 ? "At first" : exactly(part.at)}</strong>
        {present.map((status) => <span key={status} data-status={status} class={drawn.includes(status) ? undefined : "left-out"}><i /> {label(status)} <b>{count(part.counts[status] ?? 0)}</b></span>)}
        <label class="check"><input type="checkbox" checked={withConnected} onChange={(event) => setWithConnected(event.currentTarget.checked)} /> Show connected</label>
      </p>
      <details class="small" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>As a table</summary>
        {open && (
          <div class="steps" tabIndex={0} role="region" aria-label="Each change of the numbers">
            <table>
              <thead><tr><th scope="col">From</th>{present.map((status) => <th key={status} scope="col">{label(status)}</th>)}</tr></thead>
              <tbody>
                {parts.slice(-ROWS).reverse().map((part) => (
                  <tr key={part.at}><th scope="row">{exactly(part.at)}</th>{present.map((status) => <td key={status}>{count(part.counts[status] ?? 0)}</td>)}</tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </details>
    </>
  );
}
