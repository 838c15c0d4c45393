// What is said while the server cannot be reached.

import { Ago, Callout, useNow } from "./parts.jsx";

/** The server is away: since when, and when it is tried again. */
export function AwayNotice({ problem, since, retryAt, onRetry }) {
  const now = useNow(500);
  const wait = retryAt ? Math.max(0, Math.ceil((retryAt - now) / 1_000)) : 0;
  return (
    <Callout kind="warn" icon="away" title={problem.message}>
      <p>
        {since ? <>What you see is from <Ago at={new Date(since).toISOString()} now={now} />. </> : null}
        <span aria-hidden="true">{wait > 0 ? `Trying again in ${wait} s.` : "Trying again…"} </span>
        <button type="button" class="link" onClick={onRetry}>Try now</button>
      </p>
    </Callout>
  );
}
