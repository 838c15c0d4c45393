// Small parts that more than one page uses.

import { useEffect, useRef, useState } from "preact/hooks";

import { key } from "../stores/api.js";
import { Callout } from "./callout.jsx";
import { Icon } from "./icons.jsx";

/** A button that copies `text`.
 * @param {{ text: string, what: string, children?: any }} props */
export function Copy({ text, what, children }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    const timer = done ? setTimeout(() => setDone(false), 1_500) : undefined;
    return () => clearTimeout(timer);
  }, [done]);
  // The clipboard is available only on secure connections.
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

/** Lists fields with unexpected values. */
export const Odd = ({ odd }) => odd.length > 0 && (
  <Callout kind="warn" title={odd.length === 1 ? "1 field has an unexpected value" : `${odd.length} fields have unexpected values`}>
    <ul class="odd-list">{odd.map((sentence) => <li key={sentence}>{sentence}</li>)}</ul>
  </Callout>
);

/** A shell command, ready to copy. */
export const Shell = ({ title, line }) => (
  <figure class="shell">
    <figcaption>
      <span>{title}</span>
      <Copy text={line} what="the command">Copy</Copy>
    </figcaption>
    <pre tabIndex={0} aria-label={title}>{line}</pre>
  </figure>
);

/** The heading of a page. It takes the focus when the page is opened, as a page load would.
 * @param {{ children: any, focus?: boolean, title?: string }} props */
export function Heading({ children, focus, title }) {
  const heading = useRef(/** @type {any} */ (null));
  useEffect(() => {
    if (!focus) return;
    scrollTo(0, 0);
    heading.current.focus();
  }, []);
  return <h1 tabIndex={-1} ref={heading} title={title}>{children}</h1>;
}

/** A placeholder while data loads. */
export const Skeleton = ({ rows }) => (
  <section class="card skeleton" aria-busy="true" aria-label="Loading">
    {Array.from({ length: rows }, (_, n) => <div key={n}><i /><i /><i /></div>)}
  </section>
);

/** A request as a curl command. The key is a shell variable. */
export function curl(method, path, body) {
  const access = key.get() ? ['-H "Authorization: ApiKey $API_KEY"'] : [];
  const json = JSON.stringify(body).replaceAll("'", "'\\''");
  const parts = [`curl -X ${method} '${location.origin}${path}'`, ...access, "-H 'Content-Type: application/json'", `-d '${json}'`];
  return parts.join(" \\\n  ");
}

/** Paging controls; nothing if there is only one page. */
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

/** The API call and the key that made a change. */
export const Origin = ({ via, by }) => (via === "_import"
  ? <>imported</>
  : <>via API <code>{via}</code> · {by ? <>key <code>{by}</code></> : "anonymous"}</>);
