// The notice that the server can't be reached.

import { bySecond } from "../stores/clock.js";
import { Callout } from "./callout.jsx";
import { Ago } from "./times.jsx";

/** Since when the server can't be reached, and when the next attempt is due. */
export function AwayNotice({ problem, since, retryAt, onRetry }) {
  const now = bySecond();
  const wait = retryAt ? Math.max(0, Math.ceil((retryAt - now) / 1_000)) : 0;
  return (
    <Callout kind="warn" icon="away" title={problem.message}>
      <p>
        {since ? <>Showing data from <Ago at={new Date(since).toISOString()} />. </> : null}
        <span aria-hidden="true">{wait > 0 ? `Trying again in ${wait} s.` : "Trying again…"} </span>
        <button type="button" class="link" onClick={onRetry}>Try now</button>
      </p>
    </Callout>
  );
}
