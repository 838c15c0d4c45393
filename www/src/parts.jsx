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
  pause: "M6 3.5v9M10 3.5v9",
  play: "M5 3.2l7.5 4.8L5 12.8z",
  lock: "M4 7.5h8v6H4zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5",
  system: "M2.5 3h11v8h-11zM6 13.5h4M8 11v2.5",
  light: "M8 5.2a2.8 2.8 0 1 1 0 5.6a2.8 2.8 0 0 1 0-5.6M8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M12.6 3.4l-.9.9M4.3 11.7l-.9.9",
  dark: "M13.2 9.6A5.6 5.6 0 1 1 6.4 2.8a4.6 4.6 0 0 0 6.8 6.8z",
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

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const exact = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium" });
const units = [["year", 31_557_600], ["month", 2_629_800], ["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];

/** How long ago: `[3, "hour"]`. */
function distance(at, now) {
  const seconds = Math.max(0, (now - Date.parse(at)) / 1_000);
  const [unit, length] = units.find(([, length]) => seconds >= length) ?? units.at(-1);
  return [Math.floor(seconds / length), unit];
}

export function ago(at, now) {
  const [number, unit] = distance(at, now);
  return unit === "second" && number < 5 ? "just now" : relative.format(-number, unit);
}

/** How much time lies between: "3 hours". */
export function span(at, now) {
  const [number, unit] = distance(at, now);
  return `${number} ${unit}${number === 1 ? "" : "s"}`;
}

/** Since when, as the time that has passed. */
export const For = ({ at, now }) => <time dateTime={at} title={`Since ${exact.format(new Date(at))}`}>for {span(at, now)}</time>;

/** A moment of the past, as far from now as it is. */
export const Ago = ({ at, now }) => (
  <time dateTime={at} title={exact.format(new Date(at))}>
    {ago(at, now)}
  </time>
);

/** A moment of the past as clock and calendar have it. */
export const Moment = ({ at }) => <time dateTime={at}>{exact.format(new Date(at))}</time>;

/** A connector that was not seen for so long is probably not there, in milliseconds. It is a setting of the server. */
let silence = 15 * 60_000;

/** Notes the setting: whoever reads a list or a connector is told. */
export const noteSilence = (seconds) => {
  silence = seconds * 1_000;
};

/** Has the connector service been there once, and not for a while? */
export const isSilent = (at, now) => Boolean(at) && now - Date.parse(at) >= silence;

/** How long that while is: `15 minutes`. */
export const silenceText = () => span(new Date(0), silence);

/** When a connector service last looked after its connector. */
export function LastSeen({ at, now }) {
  if (!at) return <span class="seen muted">Never seen</span>;
  if (!isSilent(at, now)) return <span class="seen"><Ago at={at} now={now} /></span>;
  const [number, unit] = distance(at, now);
  const yesterday = unit === "day" && number === 1;
  return (
    <span class="seen stale">
      <Icon name="clock" />
      <time dateTime={at} title={exact.format(new Date(at))}>
        {yesterday ? "Not seen since yesterday" : `Not seen for ${span(at, now)}`}
      </time>
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

/** Something to be noticed. `focus`: it takes the focus, so that whoever acted hears what came of it. */
export function Callout({ kind, icon, title, children, onClose, role, focus }) {
  const element = useRef();
  useEffect(() => {
    if (focus) element.current.focus();
  }, []);
  return (
    <div class="callout" data-kind={kind} role={role} ref={element} tabIndex={focus ? -1 : undefined}>
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
}

/** Names the fields that are not what they should be. */
export const Odd = ({ odd }) => odd.length > 0 && (
  <Callout kind="warn" title={odd.length === 1 ? "One field isn't what it should be" : `${odd.length} fields aren't what they should be`}>
    <ul class="odd-list">{odd.map((sentence) => <li key={sentence}>{sentence}</li>)}</ul>
  </Callout>
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
export function Heading({ children, focus, title }) {
  const heading = useRef();
  useEffect(() => {
    if (!focus) return;
    scrollTo(0, 0);
    heading.current.focus();
  }, []);
  return <h1 tabIndex={-1} ref={heading} title={title}>{children}</h1>;
}

/** What one has to wait for. */
export const Skeleton = ({ rows }) => (
  <section class="card skeleton" aria-busy="true" aria-label="Loading">
    {Array.from({ length: rows }, (_, n) => <div key={n}><i /><i /><i /></div>)}
  </section>
);

/** A request as a line for a shell. Its key, if it needs one, is the reader's own. */
export function curl(method, path, body) {
  const access = key.get() ? ['-H "Authorization: ApiKey $API_KEY"'] : [];
  const json = JSON.stringify(body).replaceAll("'", "'\\''");
  const parts = [`curl -X ${method} '${location.origin}${path}'`, ...access, "-H 'Content-Type: application/json'", `-d '${json}'`];
  return parts.join(" \\\n  ");
}

/** The way through the pages of a list; nothing where there is one only. */
export const Pages = ({ page, pages, onTurn }) => pages > 1 && (
  <nav class="turn" aria-label="Pages">
    <button type="button" class="icon-only" aria-label="Previous page" disabled={page === 1} onClick={() => onTurn(page - 1)}>
      <Icon name="back" />
    </button>
    <span>Page {page} of {pages}</span>
    <button type="button" class="icon-only" aria-label="Next page" disabled={page === pages} onClick={() => onTurn(page + 1)}>
      <Icon name="right" />
    </button>
  </nav>
);

/** By which call, by whom. */
export const Origin = ({ via, by }) => (via === "_import"
  ? <>imported</>
  : <>via API <code>{via}</code> · {by ? <>key <code>{by}</code></> : "anonymous"}</>);
