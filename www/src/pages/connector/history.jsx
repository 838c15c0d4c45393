// The status history of a connector.

import { useRef, useState } from "preact/hooks";

import { label } from "../../core/statuses.js";
import { send } from "../../stores/api.js";
import { Icon } from "../../ui/icons.jsx";
import { Origin } from "../../ui/parts.jsx";
import { StatusIcon } from "../../ui/status.jsx";
import { Ago, Moment } from "../../ui/times.jsx";
import { Edits } from "./edits.jsx";

/** Changes in one response. */
const PAGE = 100;

/** Changes of status, the newest first. */
export const Timeline = ({ history }) => (
  <ol class="timeline">
    {history.map((change) => (
      <li key={change.version} data-status={change.to} tabIndex={-1}>
        <i class="dot"><StatusIcon status={change.to} /></i>
        <p class="step">
          {change.from && <>{label(change.from)} <Icon name="arrow" /></>} <strong>{label(change.to)}</strong>
        </p>
        <p class="small muted"><Ago at={change.at} /> · <Moment at={change.at} /></p>
        <p class="small muted"><Origin {...change} /></p>
        {change.error && <p class="why small">{change.error}</p>}
        {change.off_protocol && (
          <p class="small note">Not allowed by the Connector Protocol: the connector service wrote this status directly into the document.</p>
        )}
      </li>
    ))}
  </ol>
);

/** The whole history: the newest changes, and older ones on request. */
export function History({ id, store, seen: { view } }) {
  const loaded = useRef({ changes: new Map(), isComplete: view.history.length < PAGE });
  const section = useRef(/** @type {any} */ (null));
  const [state, setState] = useState(/** @type {any} */ ({}));
  const { changes } = loaded.current;
  // After a long absence there may be a gap between what was known and what is new.
  if (changes.size > 0 && !view.history.some(({ version }) => changes.has(version))) {
    changes.clear();
    loaded.current.isComplete = view.history.length < PAGE;
  }
  for (const change of view.history) changes.set(change.version, change);
  const history = [...changes.values()].sort((a, b) => b.version - a.version);

  async function more() {
    setState({ pending: true });
    try {
      const before = history.at(-1).version;
      const { body } = await send("GET", `${store.path}/_status?size=${PAGE}&before=${before}&filter_path=history`);
      const older = body.history ?? [];
      for (const change of older) changes.set(change.version, change);
      loaded.current.isComplete = older.length < PAGE;
      setState({});
      // The focus moves to the first new entry.
      requestAnimationFrame(() => section.current?.querySelectorAll(".timeline li")[history.length]?.focus());
    } catch (problem) {
      setState({ problem });
    }
  }

  const { isComplete } = loaded.current;
  return (
    <>
      <section class="card history" aria-labelledby="history" ref={section}>
        <div class="section-head">
          <h2 id="history">History</h2>
          <span class="muted small">{count(history.length)}{isComplete ? "" : ", the newest"}</span>
        </div>
        <Timeline history={history} />
        {isComplete
          ? history.at(-1)?.from && <p class="end muted small">Older changes aren't kept.</p>
          : (
            <div class="end">
              {state.problem && <p class="problem" role="alert">Older changes couldn't be loaded: {state.problem.message}</p>}
              <button type="button" disabled={state.pending} onClick={more}>
                {state.pending ? <><i class="spinner" /> Loading…</> : "Show older changes"}
              </button>
            </div>
          )}
      </section>
      <Edits id={id} store={store} />
    </>
  );
}

const count = (number) => (number === 1 ? "1 change" : `${number.toLocaleString("en")} changes`);
