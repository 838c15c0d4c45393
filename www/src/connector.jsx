// One connector: where it is, where it may go, how it got there.

import { useEffect, useRef, useState } from "preact/hooks";
import { isValidTransition } from "connector-status";
import { transitionOptions } from "connector-status/client";

import { Forbidden, KeyForm } from "./access.jsx";
import { Away, pathOf, send } from "./api.js";
import { AwayNotice } from "./away.jsx";
import { Diagram } from "./diagram.jsx";
import { useFollow } from "./follow.js";
import { Ago, Callout, Copy, Heading, Icon, LastSeen, Moment, Shell, curl, useNow } from "./parts.jsx";
import { Badge, capital, label, likely, StatusIcon, way } from "./status.jsx";

const fields = "name,index_name,service_type,description,language,is_native";
/** A change made elsewhere between looking and moving is met this often before we give up. */
const ATTEMPTS = 4;

const narrowScreen = matchMedia("(max-width: 720px)");

function useNarrow() {
  const [narrow, setNarrow] = useState(narrowScreen.matches);
  useEffect(() => {
    const change = () => setNarrow(narrowScreen.matches);
    narrowScreen.addEventListener("change", change);
    return () => narrowScreen.removeEventListener("change", change);
  }, []);
  return narrow;
}

export function Connector({ id, moved, onKey, onForget }) {
  const path = pathOf(id);
  const [seen, setSeen] = useState();
  const [elsewhere, setElsewhere] = useState();
  const [move, setMove] = useState();
  const [chosen, setChosen] = useState();
  const latest = useRef();
  const busy = useRef(false);
  const now = useNow(1_000);

  /** Asks for what is new; whatever changes without our doing is pointed out. */
  async function load(signal, own = false) {
    const { body: view, etag, unchanged } = await send("GET", `${path}/_status`, { seen: latest.current?.etag, signal });
    if (unchanged) return;
    const { body: about } = await send("GET", `${path}?filter_path=${fields}`, { signal });
    // What was asked before a move of ours and answered after it is of no use.
    if (busy.current && !own) return;
    const before = latest.current?.view;
    latest.current = { view, about, etag };
    setSeen(latest.current);
    return before && before.status !== view.status && { before: before.status, change: view.history[0], to: view.status };
  }

  const { problem, since, retryAt, refresh } = useFollow(async (signal) => {
    if (busy.current) return;
    const change = await load(signal);
    if (change) {
      setElsewhere(change);
      // A refusal stays: it may have come a moment before.
      setMove((move) => (move?.state === "refused" ? move : undefined));
      setChosen(undefined);
    }
  }, path);

  /** Moves the connector, if it still is where the visitor saw it. */
  async function go(to) {
    const { view: { status: from, since: fromSince } } = latest.current;
    busy.current = true;
    setElsewhere(undefined);
    setMove({ from, to, state: "pending" });
    try {
      setMove(await attempt(from, fromSince, to));
    } catch (error) {
      setMove({ from, to, state: "refused", error });
    } finally {
      busy.current = false;
      setChosen(undefined);
      refresh();
    }
  }

  async function attempt(from, fromSince, to) {
    for (let n = 1; ; n += 1) {
      try {
        const { body } = await send("PUT", `${path}/_status`, { body: { status: to }, ifMatch: latest.current.etag });
        await load(undefined, true).catch(() => {});
        return { from, to, state: body.result };
      } catch (error) {
        if (error.status !== 412 || n === ATTEMPTS) throw error;
        await load(undefined, true);
        const { view } = latest.current;
        // A heartbeat is no reason to stop; another status is.
        if (view.status !== from || view.since !== fromSince) {
          return { from, to, state: "overtaken", became: view.status, change: view.history[0] };
        }
      }
    }
  }

  const status = seen?.view.status;
  const name = seen?.about.name || id;
  useEffect(() => {
    document.title = status ? `${label(status)} · ${name}` : id;
  }, [status, name]);

  if (problem?.status === 401) return <KeyForm onKey={onKey} />;
  const gone = problem?.status === 404;
  return (
    <>
      <nav class="crumbs" aria-label="Where you are"><a href="#/"><Icon name="back" /> Connectors</a></nav>
      <div aria-live="polite">
        {problem instanceof Away && <AwayNotice {...{ problem, since, retryAt }} onRetry={refresh} />}
        {problem?.status === 403 && <Forbidden reason={problem.message} onForget={onForget} />}
        {problem && !(problem instanceof Away) && ![403, 404].includes(problem.status) && <Callout kind="bad" title={problem.message} />}
      </div>
      {gone && (
        <section class="card gate">
          <Heading focus={moved}>{seen ? "This connector has been deleted" : "There is no such connector"}</Heading>
          <p class="muted"><code>{id}</code></p>
          <a class="button" href="#/">Back to all connectors</a>
        </section>
      )}
      {seen && !gone && (
        <Page {...{ id, seen, now, elsewhere, move, chosen, moved, onForget }} away={problem instanceof Away}
          onChoose={setChosen} onGo={go} onDismiss={() => (setElsewhere(undefined), setMove(undefined))} />
      )}
      {!seen && !problem && <section class="card skeleton" aria-busy="true" aria-label="Loading"><div><i /></div><div><i /><i /></div><div><i /><i /></div></section>}
    </>
  );
}

function Page({ id, seen, now, elsewhere, move, chosen, moved, away, onChoose, onGo, onDismiss, onForget }) {
  const { view, about } = seen;
  const { status, history } = view;
  const narrow = useNarrow();
  const wanted = chosen ?? likely(status, history);
  const pending = move?.state === "pending";
  const aimed = wanted && isValidTransition(status, wanted) ? wanted : undefined;
  return (
    <>
      <div class="title about">
        <div class="grow">
          <Heading focus={moved}>{about.name || <span class="muted">Unnamed connector</span>}</Heading>
          <p class="id"><code>{id}</code><Copy text={id} what="the id" /></p>
        </div>
        <Badge status={status} large />
      </div>
      <dl class="facts card">
        <div><dt>Index</dt><dd>{about.index_name ? <code>{about.index_name}</code> : <span class="muted">None</span>}</dd></div>
        <div><dt>Type</dt><dd>{about.service_type ? <code>{about.service_type}</code> : <span class="muted">None</span>}</dd></div>
        <div><dt>Status since</dt><dd>{view.since ? <Ago at={view.since} now={now} /> : <span class="muted">Unknown</span>}</dd></div>
        <div><dt>Last seen</dt><dd><LastSeen at={view.last_seen} now={now} /></dd></div>
        {about.description && <div class="long"><dt>Description</dt><dd>{about.description}</dd></div>}
      </dl>
      {view.error && <Fault {...{ id, status, error: view.error }} />}
      <section class="card" aria-labelledby="where">
        <h2 id="where">Where it is</h2>
        <Diagram {...{ status, history, aimed, narrow }} onAim={onChoose} />
      </section>
      <div class="columns">
        <section class="card" aria-labelledby="next">
          <h2 id="next">What comes next</h2>
          <div class="outcome" aria-live="polite">
            {elsewhere && <Elsewhere {...elsewhere} now={now} onClose={onDismiss} />}
            {move && !pending && <Outcome {...move} onClose={onDismiss} onForget={onForget} />}
          </div>
          <ul class="options">
            {transitionOptions(status).map((option) => (
              <Option key={option.status} {...option} from={status} aimed={aimed === option.status} pending={pending}
                onChoose={() => onChoose(option.status)} />
            ))}
          </ul>
          <div class="submit">
            <button type="button" class="primary wide" disabled={!aimed || pending || away} onClick={() => onGo(aimed)}>
              {pending ? <><i class="spinner" /> Moving to {label(move.to)}…</> : aimed ? <>Move to {label(aimed)} <Icon name="arrow" /></> : "Choose a status above"}
            </button>
            {away && <p class="muted small">Moving has to wait until the server is back.</p>}
          </div>
          {aimed && <Shell title="The same from a shell" line={curl("PUT", `${pathOf(id)}/_status`, { status: aimed })} />}
        </section>
        <History {...{ history, now }} />
      </div>
    </>
  );
}

const Option = ({ status, from, allowed, reason, when, aimed, pending, onChoose }) => (
  <li class={`option ${aimed ? "aimed" : ""}`} data-status={status}>
    <button type="button" aria-pressed={allowed ? aimed : undefined} disabled={!allowed || pending}
      aria-describedby={`about-${status}`} onClick={onChoose}>
      <StatusIcon status={status} />
      <span>{label(status)}</span>
      {status === from && <small>now</small>}
    </button>
    <p id={`about-${status}`} class="small muted">
      {allowed ? `${capital(when)}.` : <Barred {...{ from, status, reason, when }} />}
    </p>
  </li>
);

function Barred({ from, status, reason, when }) {
  const steps = way(from, status);
  return (
    <span title={reason}>
      {steps
        ? <>Not from {label(from)}. First {steps.slice(0, -1).map(label).join(", then ")}.</>
        : <>Not possible: {when}.</>}
    </span>
  );
}

const Outcome = ({ from, to, state, error, became, change, onClose, onForget }) => {
  if (state === "updated") return <Callout kind="good" title={`Moved from ${label(from)} to ${label(to)}.`} onClose={onClose} />;
  if (state === "noop") return <Callout kind="note" title={`It was ${label(to)} already. Nothing has changed.`} onClose={onClose} />;
  if (state === "overtaken") {
    return (
      <Callout kind="warn" title="Somebody was faster, so nothing was overwritten." onClose={onClose}>
        <p>You asked for {label(to)} when it was {label(from)}. Meanwhile it became {label(became)}
          {change && <>, {origin(change)}</>}. Look again, then decide.</p>
      </Callout>
    );
  }
  if (error.status === 403) return <Forbidden reason={error.message} onForget={onForget} />;
  return (
    <Callout kind="bad" title={`It could not be moved to ${label(to)}.`} onClose={onClose}>
      <p>{error.message}</p>
    </Callout>
  );
};

const Elsewhere = ({ before, to, change, now, onClose }) => (
  <Callout kind="note" title={`Changed elsewhere: ${label(before)} to ${label(to)}.`} onClose={onClose}>
    {change && <p><Ago at={change.at} now={now} />, {origin(change)}</p>}
  </Callout>
);

const Fault = ({ id, status, error }) => (
  <Callout kind={status === "error" ? "bad" : "warn"} title={status === "error" ? "The connector has reported an error" : "An error that was reported earlier"}>
    <p class="fault-text">{error}</p>
    <p class="small muted">The text stays, whatever the status, until the connector service reports that all is well; that also makes it {label("connected")}.</p>
    <Shell title="Report that all is well" line={curl("PUT", `${pathOf(id)}/_error`, { error: null })} />
  </Callout>
);

const SHOWN = 10;

function History({ history, now }) {
  const [all, setAll] = useState(false);
  return (
    <section class="card" aria-labelledby="history">
      <h2 id="history">How it got here</h2>
      <ol class="timeline">
        {history.slice(0, all ? undefined : SHOWN).map((change, n) => (
          <li key={`${change.at} ${history.length - n}`} data-status={change.to}>
            <i class="dot"><StatusIcon status={change.to} /></i>
            <div>
              <p class="step">
                {change.from ? <>{label(change.from)} <Icon name="arrow" /> <strong>{label(change.to)}</strong></> : <strong>{label(change.to)}</strong>}
              </p>
              <p class="small muted"><Ago at={change.at} now={now} /> · <Moment at={change.at} /></p>
              <p class="small muted">{origin(change)}</p>
            </div>
          </li>
        ))}
      </ol>
      {!all && history.length > SHOWN && (
        <button type="button" class="quiet" onClick={() => setAll(true)}>Show all {history.length}</button>
      )}
    </section>
  );
}

/** By which call, by whom. */
const origin = ({ via, by }) => {
  if (via === "_import") return "through an import";
  return <>through <code>{via}</code>, {by ? <>with the key <code>{by}</code></> : "without a key"}</>;
};
