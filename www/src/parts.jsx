// Small parts that more than one page uses.

import { useEffect, useRef, useState } from "preact/hooks";

import { key } from "./api.js";

const drawings = {
  copy: "M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z",
  check: "M3 8.5l3.2 3.2L13 4.5",
  search: "M7 2.5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 0 1 0-9M10.4 10.4l3.1 3.1",
  plus: "M8 3v10M3 8h10",
  back: "M9.5 3.5L5 8l4.5 4.5",
  right: "M6.5 3.5L11 8l-4.5 4.5",
  arrow: "M2.5 8h10.5M9 4l4 4l-4 4",
  clock: "M8 2.2a5.8 5.8 0 1 1 0 11.6A5.8 5.8 0 0 1 8 2.2M8 4.8V8l2.2 1.6",
  away: "M2 2l12 12M4.6 6.6A6 6 0 0 0 2.5 8.2M8 5.5c2.2 0 4.2.9 5.5 2.6M6 9.8a3 3 0 0 1 4 .2M8 12.8v.1",
  key: "M5.5 7.5a3 3 0 1 1 0 6a3 3 0 0 1 0-6M7.7 8.3L13.5 2.5M11 5l2 2",
  info: "M8 2.2a5.8 5.8 0 1 1 0 11.6A5.8 5.8 0 0 1 8 2.2M8 7.4v3.6M8 5v.1",
  warning: "M8 2.3l6 10.9H2zM8 6.4v3.2M8 11.4v.1",
  close: "M4 4l8 8M12 4l-8 8",
  lock: "M4 7.5h8v6H4zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5",
};

export const Icon = ({ name }) => (
  <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
    <path d={drawings[name]} />
  </svg>
);

/** The time, anew every so many milliseconds. */
export function useNow(every) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  // A timer lags behind; nothing has happened in the future.
  return Math.max(now, Date.now());
}

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "long" });
const exact = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium" });
const units = [["year", 31_557_600], ["month", 2_629_800], ["day", 86_400], ["hour", 3_600], ["minute", 60]];

export function ago(at, now) {
  const seconds = Math.max(0, (now - Date.parse(at)) / 1_000);
  const [unit, length] = units.find(([, length]) => seconds >= length) ?? ["second", 1];
  return seconds < 5 ? "just now" : relative.format(-Math.floor(seconds / length), unit);
}

/** A moment of the past, as far from now as it is. */
export const Ago = ({ at, now }) => (
  <time dateTime={at} title={exact.format(new Date(at))}>
    {ago(at, now)}
  </time>
);

/** A moment of the past as clock and calendar have it. */
export const Moment = ({ at }) => <time dateTime={at}>{exact.format(new Date(at))}</time>;

/** A connector that was not seen for so long is probably not there. */
const STALE = 30 * 60_000;

/** When a connector service last looked after its connector. */
export function LastSeen({ at, now }) {
  if (!at) return <span class="seen muted">Never</span>;
  if (now - Date.parse(at) < STALE) return <span class="seen"><Ago at={at} now={now} /></span>;
  return (
    <span class="seen stale">
      <Icon name="clock" />
      <span>Silent, last seen <Ago at={at} now={now} /></span>
    </span>
  );
}

/** Copies `text`; says so. */
export function Copy({ text, what, children }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    const timer = done && setTimeout(() => setDone(false), 1_500);
    return () => clearTimeout(timer);
  }, [done]);
  // Browsers give pages the clipboard only where the connection is secure.
  if (!navigator.clipboard) return null;
  const copy = () => navigator.clipboard.writeText(text).then(() => setDone(true), () => {});
  return (
    <button type="button" class="copy" onClick={copy} aria-label={`Copy ${what}`} title={`Copy ${what}`}>
      <Icon name={done ? "check" : "copy"} />
      {children && <span>{done ? "Copied" : children}</span>}
      <span class="hidden" role="status">{done ? "Copied" : ""}</span>
    </button>
  );
}

/** Something to be noticed. */
export const Callout = ({ kind, icon, title, children, onClose, role }) => (
  <div class="callout" data-kind={kind} role={role}>
    <Icon name={icon ?? (kind === "good" ? "check" : kind === "note" ? "info" : "warning")} />
    <div class="grow">
      <strong>{title}</strong>
      {children}
    </div>
    {onClose && (
      <button type="button" class="quiet icon-only" aria-label="Dismiss" onClick={onClose}>
        <Icon name="close" />
      </button>
    )}
  </div>
);

/** A line for a shell, ready to be copied. */
export const Shell = ({ title, line }) => (
  <figure class="shell">
    <figcaption>
      <span>{title}</span>
      <Copy text={line} what="the command">Copy</Copy>
    </figcaption>
    <pre tabIndex={0} aria-label={title}>{line}</pre>
  </figure>
);

/** The heading of a page. It takes the focus when the page is opened, as a page load would. */
export function Heading({ children, focus }) {
  const heading = useRef();
  useEffect(() => focus && heading.current.focus(), []);
  return <h1 tabIndex={-1} ref={heading}>{children}</h1>;
}

/** A request as a line for a shell. Its key, if it needs one, is the reader's own. */
export function curl(method, path, body) {
  const access = key.get() ? ['-H "Authorization: ApiKey $API_KEY"'] : [];
  const json = JSON.stringify(body).replaceAll("'", "'\\''");
  const parts = [`curl -X ${method} '${location.origin}${path}'`, ...access, "-H 'Content-Type: application/json'", `-d '${json}'`];
  return parts.join(" \\\n  ");
}
