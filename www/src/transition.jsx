// The status of a connector: what is wrong, where it is, and the move to make.

import { useEffect, useState } from "preact/hooks";
import { isValidTransition } from "connector-status";
import { transitionOptions } from "connector-status/client";

import { Forbidden } from "./access.jsx";
import { pathOf } from "./api.js";
import { Diagram } from "./diagram.jsx";
import { Timeline } from "./history.jsx";
import { Ago, Callout, Icon, Origin, Shell, curl } from "./parts.jsx";
import { href } from "./route.js";
import { capital, isKnown, label, ownMove, StatusIcon, way } from "./status.jsx";

const RECENT = 5;

const narrowScreen = matchMedia("(max-width: 720px), (min-width: 1080px)");

/** Is there no room for the diagram to lie down? */
function useNarrow() {
  const [narrow, setNarrow] = useState(narrowScreen.matches);
  useEffect(() => {
    const change = () => setNarrow(narrowScreen.matches);
    narrowScreen.addEventListener("change", change);
    return () => narrowScreen.removeEventListener("change", change);
  }, []);
  return narrow;
}

/** What a move is about: if it is no longer so, nobody meant it. */
const place = ({ view }) => [view.status, view.since];

export function Status({ id, path, seen, now, away, barred, change, onForget }) {
  const { view, doc } = seen;
  const { status, history } = view;
  const [chosen, setChosen] = useState();
  const [reason, setReason] = useState("");
  const [move, setMove] = useState();
  const narrow = useNarrow();
  // What was chosen for another status is not meant for this one; what came of a move stays until it is.
  const [at, setAt] = useState(view.since);
  if (at !== view.since) {
    setAt(view.since);
    setChosen(undefined);
    if (move?.state === "updated" && move.to !== status) setMove(undefined);
  }

  if (!isKnown(status)) return <Callout kind="warn" title={`The protocol knows no status “${status}”, so it can't be changed here.`} />;

  const wanted = chosen ?? ownMove(status);
  const aimed = wanted && isValidTransition(status, wanted) ? wanted : undefined;
  const pending = move?.state === "pending";
  const text = aimed === "error" ? reason.trim() : "";
  const onlyReason = aimed === "error" && status === "error";
  const isReady = Boolean(aimed) && (!onlyReason || text !== "");
  const request = text
    ? { endpoint: "/_error", body: { error: text } }
    : { endpoint: "/_status", body: { status: aimed } };

  /** Makes a move, if the connector still is where the visitor saw it. */
  async function go(to, request) {
    const base = place(seen);
    setMove({ from: status, to, state: "pending" });
    try {
      const { state, view } = await change({ ...request, about: place, base });
      setMove({ from: status, to, state, view });
      if (state !== "overtaken") setReason("");
    } catch (error) {
      setMove({ from: status, to, state: "refused", error });
    }
    setChosen(undefined);
  }

  return (
    <div class="columns">
      <div class="column">
        {doc.error && <Fault {...{ path, doc, status, barred, away, pending }} onClear={() => go("connected", { endpoint: "/_error", body: { error: null } })} />}
        <section class="card change" aria-labelledby="next">
          <h2 id="next">Change status</h2>
          {move && !pending && <Outcome key={`${move.to} ${move.state}`} {...move} onClose={() => setMove(undefined)} onForget={onForget} />}
          <Advice {...{ id, status, doc }} />
          <ul class="options">
            {transitionOptions(status).map((option) => (
              <Option key={option.status} {...option} from={status} aimed={aimed === option.status}
                disabled={pending || Boolean(barred)} onChoose={() => setChosen(option.status)} />
            ))}
          </ul>
          {aimed === "error" && (
            <div class="field">
              <label for="reason">Reason{!onlyReason && <span class="muted"> (optional)</span>}</label>
              <textarea id="reason" rows={2} value={reason} disabled={Boolean(barred)} aria-describedby="reason-hint" onInput={(event) => setReason(event.target.value)} />
              <small id="reason-hint" class="muted">Shown with the connector, until the error is cleared.</small>
            </div>
          )}
          <div class="submit">
            <button type="button" class="primary wide" disabled={!isReady || pending || away || Boolean(barred)}
              aria-describedby={barred ? "barred" : undefined} onClick={() => go(aimed, request)}>
              <Action {...{ move, pending, aimed, onlyReason }} />
            </button>
            {away && <p class="muted small">You can change status once the server is reachable.</p>}
          </div>
          {isReady && <Shell title="The same from a shell" line={curl("PUT", pathOf(id) + request.endpoint, request.body)} />}
        </section>
      </div>
      <div class="column">
        <section class="card" aria-labelledby="where">
          <h2 id="where">Current status</h2>
          <Diagram {...{ status, history, aimed, narrow }} onAim={barred ? () => {} : setChosen} />
        </section>
        <About {...{ doc, now }} />
        <section class="card" aria-labelledby="recent">
          <div class="section-head">
            <h2 id="recent">Recent changes</h2>
            <a class="small" href={href(id, { tab: "history" })}>All history</a>
          </div>
          <Timeline history={history.slice(0, RECENT)} now={now} />
        </section>
      </div>
    </div>
  );
}

/** What the button does, or is doing. */
function Action({ move, pending, aimed, onlyReason }) {
  if (pending) return <><i class="spinner" /> {move.from === move.to ? "Saving" : `Moving to ${label(move.to)}`}…</>;
  if (onlyReason) return "Save reason";
  return aimed ? <>Move to {label(aimed)} <Icon name="arrow" /></> : "Choose a status";
}

/** What to do, where the next step is not one of the buttons below. */
function Advice({ id, status, doc }) {
  if (status === "needs_configuration" && Object.keys(doc.configuration ?? {}).length > 0) {
    return <p class="advice">Next: <a href={href(id, { tab: "configuration" })}>fill in the configuration</a>. Saving it also moves the connector to Configured.</p>;
  }
  if (status === "connected") return <p class="advice">No move is needed.</p>;
  if (ownMove(status)) return null;
  return <p class="advice">The next move is the connector service's to make. Choose one only if the service can't.</p>;
}

const Option = ({ status, from, allowed, reason, who, when, aimed, disabled, onChoose }) => (
  <li class={`option ${aimed ? "aimed" : ""}`} data-status={status}>
    <button type="button" aria-pressed={allowed ? aimed : undefined} disabled={!allowed || disabled}
      aria-describedby={`about-${status}`} onClick={onChoose}>
      <StatusIcon status={status} />
      <span>{label(status)}</span>
      {status === from && <small>Current</small>}
    </button>
    <p id={`about-${status}`} class="small muted" title={reason}>{about({ status, from, allowed, who, when })}</p>
  </li>
);

function about({ status, from, allowed, when }) {
  if (status === from) {
    if (!allowed) return "The current status.";
    return `The current status. ${status === "error" ? "Only the reason can change." : "Moving there again changes nothing."}`;
  }
  if (allowed) return `Set by ${when.replace(",", "")}.`;
  const steps = way(from, status)?.slice(0, -1).map(label);
  if (!steps) return `${capital(when)}.`;
  return `Not available yet: move to ${steps.length > 1 ? steps.join(", then ") : `${steps[0]} first`}.`;
}

const Outcome = ({ from, to, state, error, view, onClose, onForget }) => {
  if (state === "updated") {
    return from === to
      ? <Callout kind="good" title="Saved." focus onClose={onClose} />
      : <Callout kind="good" title={`Moved from ${label(from)} to ${label(to)}.`} focus onClose={onClose} />;
  }
  if (state === "noop") return <Callout kind="note" title={`It was ${label(to)} already. Nothing has changed.`} focus onClose={onClose} />;
  if (state === "overtaken") {
    return (
      <Callout kind="warn" title="Someone changed this connector first, so your change wasn't applied. Review the new status and try again." focus onClose={onClose}>
        <p>You asked for {label(to)} when it was {label(from)}. It is now {label(view.status)}
          {view.history[0] && <>, <Origin {...view.history[0]} /></>}.</p>
      </Callout>
    );
  }
  if (error.status === 403) return <Forbidden reason={error.message} onForget={onForget} />;
  return (
    <Callout kind="bad" title={from === to ? "It could not be saved." : `It could not be moved to ${label(to)}.`} focus onClose={onClose}>
      <p>{error.message}</p>
    </Callout>
  );
};

const Fault = ({ path, doc, status, barred, away, pending, onClear }) => {
  const current = status === "error";
  return (
    <Callout kind={current ? "bad" : "warn"} title={current ? "The connector has reported an error" : "An earlier error"}>
      <div class="fault-text" tabIndex={0} role="region" aria-label="Error text">{doc.error}</div>
      <div class="callout-action">
        <button type="button" disabled={Boolean(barred) || away || pending} onClick={onClear}>Clear error</button>
        <p class="small muted">Removes the text{status === "connected" ? "." : ` and moves the connector to ${label("connected")}.`}</p>
        <details>
          <summary class="small">From a shell</summary>
          <Shell title="Clear the error" line={curl("PUT", `${path}/_error`, { error: null })} />
        </details>
      </div>
    </Callout>
  );
};

const About = ({ doc, now }) => (
  <section class="card" aria-labelledby="about">
    <h2 id="about">About</h2>
    <dl class="facts">
      <div><dt>Index</dt><dd>{doc.index_name ? <code>{doc.index_name}</code> : <span class="muted">None</span>}</dd></div>
      <div><dt>Type</dt><dd>{doc.service_type ? <code>{doc.service_type}</code> : <span class="muted">None</span>}</dd></div>
      {doc.is_native && <div><dt>Managed by</dt><dd>Elastic</dd></div>}
      {(doc.last_synced || doc.last_sync_status) && (
        <div>
          <dt>Last sync</dt>
          <dd>
            {doc.last_sync_status && label(doc.last_sync_status)}{doc.last_sync_status && doc.last_synced && ", "}
            {doc.last_synced && <Ago at={doc.last_synced} now={now} />}
            {doc.last_indexed_document_count !== undefined && <>, {doc.last_indexed_document_count.toLocaleString("en")} documents</>}
          </dd>
        </div>
      )}
      {doc.last_sync_error && <div class="long"><dt>Last sync error</dt><dd class="problem">{doc.last_sync_error}</dd></div>}
      {doc.description && <div class="long"><dt>Description</dt><dd>{doc.description}</dd></div>}
    </dl>
  </section>
);
