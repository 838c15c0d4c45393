// The status of a connector, and changing it.

import { useEffect, useState } from "preact/hooks";
import { isValidTransition } from "#connector-status";
import { transitionOptions } from "#connector-status/client";

import { href, pathOf } from "../../core/address.js";
import { capital, isKnown, label, ownMove, way } from "../../core/statuses.js";
import { markConnected } from "../../stores/mark.js";
import { outcomeOf } from "../../stores/writes.js";
import { Callout } from "../../ui/callout.jsx";
import { Icon } from "../../ui/icons.jsx";
import { Outcome } from "../../ui/outcome.jsx";
import { curl, Origin, Shell } from "../../ui/parts.jsx";
import { StatusIcon } from "../../ui/status.jsx";
import { Diagram } from "./diagram.jsx";
import { Timeline } from "./history.jsx";

const RECENT = 5;

const narrowScreen = matchMedia("(max-width: 720px), (min-width: 1080px)");

/** Whether the diagram must be vertical. */
function useNarrow() {
  const [narrow, setNarrow] = useState(narrowScreen.matches);
  useEffect(() => {
    const change = () => setNarrow(narrowScreen.matches);
    narrowScreen.addEventListener("change", change);
    return () => narrowScreen.removeEventListener("change", change);
  }, []);
  return narrow;
}

/** The subject of a move: if it has changed, the move isn't made. */
const place = ({ view }) => [view.status, view.since];

export default function Status({ id, store, seen, away, barred }) {
  const { view, doc } = seen;
  const { status, history } = view;
  const key = `${id} status`;
  const outcome = outcomeOf(key);
  const [chosen, setChosen] = useState(/** @type {any} */ (undefined));
  const [reason, setReason] = useState("");
  const narrow = useNarrow();
  // A choice for another status doesn't apply to this one. The outcome of a move stays until the status changes again.
  const [at, setAt] = useState(view.since);
  if (at !== view.since) {
    setAt(view.since);
    setChosen(undefined);
    const { state, what } = outcome.peek() ?? {};
    if (state === "updated" && what.to !== status) outcome.value = undefined;
  }

  if (!isKnown(status)) return <Callout kind="warn" title={`Unknown status “${status}”. It can't be changed here.`} />;

  const wanted = chosen ?? ownMove(status);
  const aimed = wanted && isValidTransition(status, wanted) ? wanted : undefined;
  const pending = outcome.value?.state === "pending";
  const text = aimed === "error" ? reason.trim() : "";
  const onlyReason = aimed === "error" && status === "error";
  const isReady = Boolean(aimed) && (!onlyReason || text !== "");
  const request = text
    ? { endpoint: "/_error", body: { error: text } }
    : { endpoint: "/_status", body: { status: aimed } };

  /** Makes a move, if the status is still the one shown. */
  async function go(to, request) {
    const wantedError = request.body.error;
    const { state } = await store.change({
      ...request,
      name: key,
      what: { from: status, to },
      about: place,
      base: place(seen),
      isDone: ({ view, doc }) => view.status === to && (wantedError === undefined || (doc.error ?? null) === wantedError),
    });
    if (state !== "overtaken") setReason("");
    setChosen(undefined);
  }

  return (
    <div class="columns">
      <div class="column">
        {doc.error && <Fault {...{ path: store.path, doc, status, barred, away, pending }} onClear={() => markConnected(store, key, { done: { from: status, to: "connected" }, undone: { from: "connected", to: "error" } })} />}
        <section class="card change" aria-labelledby="next">
          <h2 id="next">Change status</h2>
          {outcome.value && !pending && <Moved key={`${outcome.value.what.to} ${outcome.value.state}`} outcome={outcome.value} onClose={() => (outcome.value = undefined)} />}
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
              <textarea id="reason" rows={2} value={reason} disabled={Boolean(barred)} aria-describedby="reason-hint" onInput={(event) => setReason(event.currentTarget.value)} />
              <small id="reason-hint" class="muted">Shown with the connector, until the error is cleared.</small>
            </div>
          )}
          <div class="submit">
            <button type="button" class="primary wide" disabled={!isReady || pending || away || Boolean(barred)}
              aria-describedby={barred ? "barred" : undefined} onClick={() => go(aimed, request)}>
              <Action {...{ move: outcome.value?.what, pending, aimed, onlyReason }} />
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
        <section class="card" aria-labelledby="recent">
          <div class="section-head">
            <h2 id="recent">Recent changes</h2>
            <a class="small" href={href(id, { tab: "history" })}>All history</a>
          </div>
          <Timeline history={history.slice(0, RECENT)} />
        </section>
      </div>
    </div>
  );
}

/** The button's label. */
function Action({ move, pending, aimed, onlyReason }) {
  if (pending) return <><i class="spinner" /> {move.from === move.to ? "Saving" : `Moving to ${label(move.to)}`}…</>;
  if (onlyReason) return "Save reason";
  return aimed ? <>Move to {label(aimed)} <Icon name="arrow" /></> : "Choose a status";
}

/** Advice, if the next step isn't one of the buttons. */
function Advice({ id, status, doc }) {
  if (status === "needs_configuration" && Object.keys(doc.configuration ?? {}).length > 0) {
    return <p class="advice">Next: <a href={href(id, { tab: "configuration" })}>fill in the configuration</a>. Saving it also moves the connector to Configured.</p>;
  }
  if (status === "connected") return <p class="advice">No move is needed.</p>;
  if (ownMove(status)) return null;
  return <p class="advice">The next move is the connector service's to make. Choose one only if the service can't.</p>;
}

/** @param {any} props */
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

/** @param {any} option */
function about({ status, from, allowed, who, when }) {
  if (status === from) {
    if (!allowed) return "The current status.";
    return `The current status. ${status === "error" ? "Only the reason can change." : "Moving to it again changes nothing."}`;
  }
  if (allowed) return `Set by ${when.replace(",", "")}.`;
  const steps = way(from, status)?.slice(0, -1).map(label);
  if (!steps) return who === "nobody" ? "The initial status. You can't return to it." : `${capital(when)}.`;
  return `Not available yet: move to ${steps.length > 1 ? steps.join(", then ") : `${steps[0]} first`}.`;
}

function Moved({ outcome, onClose }) {
  const { what: { from, to }, latest } = outcome;
  const now = latest?.view;
  const says = {
    updated: from === to ? "Saved." : `Moved from ${label(from)} to ${label(to)}.`,
    noop: `The status was already ${label(to)}. Nothing changed.`,
    overtaken: "Someone changed this connector first, so your change wasn't applied. Review the new status and try again.",
    refused: from === to ? "Couldn't save." : `Couldn't move to ${label(to)}.`,
    more: now && (
      <p>You asked for {label(to)} when it was {label(from)}. It is now {label(now.status)}
        {now.history[0] && <>, <Origin {...now.history[0]} /></>}.</p>
    ),
  };
  return <Outcome {...{ outcome, says, onClose }} />;
}

const Fault = ({ path, doc, status, barred, away, pending, onClear }) => {
  const current = status === "error";
  return (
    <Callout kind={current ? "bad" : "warn"} title={current ? "The connector has reported an error" : "An earlier error"}>
      <div class="fault-text" tabIndex={0} role="region" aria-label="Error text">{doc.error}</div>
      <div class="callout-action">
        <button type="button" disabled={Boolean(barred) || away || pending} onClick={onClear}>Mark as connected</button>
        <p class="small muted">Removes the text{status === "connected" ? "." : ` and moves the connector to ${label("connected")}.`}{current && " You can undo it."}</p>
        <details>
          <summary class="small">From a shell</summary>
          <Shell title="The same from a shell" line={curl("PUT", `${path}/_error`, { error: null })} />
        </details>
      </div>
    </Callout>
  );
};
