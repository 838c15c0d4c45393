// How a connector came to its status.

import { useEffect, useState } from "preact/hooks";

import { send } from "./api.js";
import { Ago, Icon, Moment, Origin, Pages } from "./parts.jsx";
import { go, href } from "./route.js";
import { label, StatusIcon } from "./status.jsx";

/** So many changes come with each look; the server keeps at most KEPT. */
const RECENT = 100;
const KEPT = 1_000;
const SHOWN = 50;

/** Changes of status, the newest first. */
export const Timeline = ({ history, now }) => (
  <ol class="timeline">
    {history.map((change, n) => (
      <li key={`${change.at} ${history.length - n}`} data-status={change.to}>
        <i class="dot"><StatusIcon status={change.to} /></i>
        <p class="step">
          {change.from && <>{label(change.from)} <Icon name="arrow" /></>} <strong>{label(change.to)}</strong>
        </p>
        <p class="small muted"><Ago at={change.at} now={now} /> · <Moment at={change.at} /></p>
        <p class="small muted"><Origin {...change} /></p>
      </li>
    ))}
  </ol>
);

/** All of them, a page at a time. */
export function History({ id, path, seen: { view }, query, now }) {
  const [all, setAll] = useState();
  const [problem, setProblem] = useState();
  const isShort = view.history.length < RECENT;
  useEffect(() => {
    if (isShort) return undefined;
    const stop = new AbortController();
    send("GET", `${path}/_status?size=${KEPT}&filter_path=history`, { signal: stop.signal }).then(
      ({ body }) => setAll(body.history) ?? setProblem(undefined),
      (error) => stop.signal.aborted || setProblem(error),
    );
    return () => stop.abort();
  }, [isShort, view.history[0]?.at]);

  const history = isShort ? view.history : (all ?? view.history);
  const pages = Math.max(1, Math.ceil(history.length / SHOWN));
  const page = Math.min(Math.max(1, Number.parseInt(query.get("page"), 10) || 1), pages);
  const turn = (page) => {
    go(href(id, { tab: "history", page: page > 1 && page }));
    document.querySelector(".panel h2").scrollIntoView({ block: "nearest" });
    document.querySelector(".panel h2").focus();
  };
  return (
    <section class="card history" aria-labelledby="history">
      <div class="section-head">
        <h2 id="history" tabIndex={-1}>History</h2>
        <span class="muted small">{history.length === 1 ? "1 change" : `${history.length.toLocaleString("en")} changes`}{history.length >= KEPT && ", the newest that are kept"}</span>
      </div>
      {problem && <p class="problem">Older changes could not be loaded: {problem.message}</p>}
      <Timeline history={history.slice((page - 1) * SHOWN, page * SHOWN)} now={now} />
      <Pages {...{ page, pages }} onTurn={turn} />
    </section>
  );
}
