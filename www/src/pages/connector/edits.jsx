// The audit of a connector: all changes except heartbeats, with the changed fields.

import { useState } from "preact/hooks";

import { label } from "../../core/statuses.js";
import { send } from "../../stores/api.js";
import { useFollow } from "../../stores/feed.js";
import { Icon } from "../../ui/icons.jsx";
import { Origin, Skeleton } from "../../ui/parts.jsx";
import { Ago } from "../../ui/times.jsx";

/** Edits in one response. */
const PAGE = 50;
const GAP = 2_000;

/** The known edits merged with a page; only the page, if there may be a gap between them. */
function merged(known, page) {
  const isJoined = known.some(({ version }) => page.some((edit) => edit.version === version));
  const all = new Map([...(isJoined ? known : []), ...page].map((edit) => [edit.version, edit]));
  return [...all.values()].sort((a, b) => b.version - a.version);
}

export function Edits({ id, store }) {
  const [{ edits, isComplete }, setFound] = useState(/** @type {any} */ ({}));
  const [state, setState] = useState(/** @type {any} */ ({}));
  const look = (query) => send("GET", `${store.path}/_audit?size=${PAGE}${query}`);
  const { problem } = useFollow(async () => {
    const { body: { audit } } = await look("");
    setFound(({ edits: known = [], isComplete }) => {
      const now = merged(known, audit);
      return { edits: now, isComplete: now.length > audit.length ? isComplete : audit.length < PAGE };
    });
  }, id, { needsReload: (event) => event.type === "change" && event.id === id && !event.heartbeat, gap: GAP });

  async function more() {
    setState({ pending: true });
    try {
      const { body: { audit } } = await look(`&before=${edits.at(-1).version}`);
      setFound(({ edits: known }) => ({ edits: [...known, ...audit], isComplete: audit.length < PAGE }));
      setState({});
    } catch (problem) {
      setState({ problem });
    }
  }

  return (
    <section class="card edits" aria-labelledby="edits">
      <h2 id="edits">Who changed what</h2>
      <p class="muted small">All changes except heartbeats, with the changed fields. The newest 1,000 are kept.</p>
      {!edits && (problem ? <p class="problem" role="alert">The edits couldn't be loaded: {problem.message}</p> : <Skeleton rows={3} />)}
      <ol>
        {edits?.map(({ version, at, via, by, fields, from, to }) => (
          <li key={version} class="edit">
            <span>
              {to && <>{from && <>{label(from)} <Icon name="arrow" /> </>}<strong>{label(to)}</strong> · </>}
              <code>{fields.join(", ")}</code>
            </span>
            <span class="muted small"><Ago at={at} /></span>
            <span class="muted small"><Origin {...{ via, by }} /></span>
          </li>
        ))}
      </ol>
      {edits && !isComplete && (
        <div class="end">
          {state.problem && <p class="problem" role="alert">Older edits couldn't be loaded: {state.problem.message}</p>}
          <button type="button" disabled={state.pending} onClick={more}>
            {state.pending ? <><i class="spinner" /> Loading…</> : "Show older edits"}
          </button>
        </div>
      )}
    </section>
  );
}
