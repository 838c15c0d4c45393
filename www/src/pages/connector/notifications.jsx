// The webhooks of a connector: endpoints, deliveries, and a test.

import { useEffect, useState } from "preact/hooks";

import { Refusal } from "../../core/reasons.js";
import { label } from "../../core/statuses.js";
import { ahead } from "../../core/time.js";
import { send } from "../../stores/api.js";
import { bySecond } from "../../stores/clock.js";
import { useFollow } from "../../stores/feed.js";
import { barredFrom, limits } from "../../stores/identity.js";
import { Callout } from "../../ui/callout.jsx";
import { Icon } from "../../ui/icons.jsx";
import { Forbidden } from "../../ui/outcome.jsx";
import { Skeleton } from "../../ui/parts.jsx";
import { Ago } from "../../ui/times.jsx";

const GAP = 2_000;
/** The least time between two checks of a pending message. */
const LEAST_WAIT = 3_000;
const MINUTE = 60_000;

const states = {
  waiting: ["needs_configuration", "clock", "Pending"],
  delivered: ["connected", "check", "Delivered"],
  given_up: ["error", "warning", "Failed"],
  ended: ["created", "close", "Disabled"],
  summarized: ["connected", "check", "In a summary"],
};

export default function Notifications({ id, store, away }) {
  const [found, setFound] = useState(/** @type {any} */ (undefined));
  const { problem, refresh } = useFollow(async (signal) => {
    const { body } = await send("GET", `${store.path}/_webhook?size=50`, { signal });
    setFound(body);
  }, id, { needsReload: (event) => event.type === "change" && event.id === id && !event.heartbeat, gap: GAP });

  // There is no event for a delivery.
  const dues = (found?.deliveries ?? []).filter(({ state }) => state === "waiting").map(({ next_attempt }) => Date.parse(next_attempt) || 0);
  const due = dues.length > 0 ? Math.min(...dues) : undefined;
  useEffect(() => {
    if (due === undefined || away) return undefined;
    const timer = setTimeout(refresh, Math.max(LEAST_WAIT, due - Date.now() + LEAST_WAIT));
    return () => clearTimeout(timer);
  }, [found, away]);

  if (problem instanceof Refusal && problem.status !== 403) return <None />;
  if (problem?.status === 403) return <Forbidden reason={problem.message} />;
  if (!found) return away || problem ? null : <Skeleton rows={3} />;
  const { targets, problems, deliveries } = found;
  if (targets.length + problems.length + deliveries.length === 0) return <None />;
  return (
    <>
      <section class="card targets" aria-labelledby="targets">
        <h2 id="targets">Endpoints</h2>
        {problems.map((sentence) => <Callout key={sentence} kind="warn" title={sentence} />)}
        {targets.length > 0 && (
          <ul>
            {targets.map(({ target, host, events, waiting, ended }) => (
              <li key={target} class="target">
                <div><strong>{host}</strong> <span class="muted small">{target}</span></div>
                <p class="muted small">{events.join(", ")}</p>
                {ended
                  ? <p class="small problem">Disabled: the endpoint returned 410 Gone.</p>
                  : waiting > 0 && <p class="small note">{waiting === 1 ? "1 message pending" : `${waiting} messages pending`}.</p>}
              </li>
            ))}
          </ul>
        )}
        {targets.length > 0 && <Test away={away} />}
      </section>
      <section class="card deliveries" aria-labelledby="deliveries">
        <h2 id="deliveries">Deliveries</h2>
        {deliveries.length === 0
          ? <p class="nothing muted">No deliveries for this connector yet.</p>
          : <ol>{deliveries.map((delivery) => <Delivery key={`${delivery.webhook_id} ${delivery.target}`} {...{ delivery, targets }} />)}</ol>}
      </section>
    </>
  );
}

const None = () => (
  <section class="card empty">
    <h2>No webhooks configured</h2>
    <p class="muted">To be notified of failures, set <code>WEBHOOK_URL</code> and <code>WEBHOOK_SECRET</code> on the server.</p>
  </section>
);

function Delivery({ delivery, targets }) {
  const { target, type, at, from, to, changes, reason, state, attempts, last_attempt, last_error, next_attempt } = delivery;
  const [colours, icon, title] = states[state] ?? ["created", "info", label(state)];
  const host = targets.find((it) => it.target === target)?.host ?? target;
  return (
    <li class="delivery">
      <span class="badge" data-status={colours}><Icon name={icon} />{title}</span>
      <div class="what">
        <strong>{type}</strong>
        <span class="muted small">
          <Ago at={at} />
          {to && <> · {from && <>{label(from)} <Icon name="arrow" /> </>}{label(to)}</>}
          {changes > 1 && <> · {changes} changes in one message</>}
        </span>
      </div>
      <p class="small">
        <span class="muted">to</span> {host}
        {attempts > 0 && <span class="muted"> · {attempts === 1 ? "1 attempt" : `${attempts} attempts`}{last_attempt && <>, the last <Ago at={last_attempt} /></>}</span>}
        {state === "waiting" && next_attempt && <Again at={Date.parse(next_attempt)} />}
      </p>
      {last_error && state !== "delivered" && <p class="why problem">{last_error}</p>}
      {reason && <p class="why muted">{reason}</p>}
    </li>
  );
}

function Again({ at }) {
  const now = bySecond();
  return at > now ? <span class="muted"> · retry {ahead(at - now > MINUTE ? Math.ceil((at - now) / MINUTE) * MINUTE : at - now)}</span> : null;
}

/** Sends a test event to every endpoint, and shows the responses. */
function Test({ away }) {
  const [state, setState] = useState(/** @type {any} */ ({}));
  const barred = barredFrom() ?? (limits.value && "A test needs a key for all connectors.");
  const test = async () => {
    setState({ pending: true });
    try {
      const { body } = await send("POST", "/_connector/_webhook/_test", { patience: 40_000 });
      setState({ results: body.targets });
    } catch (error) {
      setState({ error });
    }
  };
  return (
    <div class="test">
      <div class="submit-line">
        <button type="button" disabled={Boolean(barred) || away || state.pending} aria-describedby="test-hint" onClick={test}>
          {state.pending ? <><i class="spinner" /> Sending…</> : "Send a test event"}
        </button>
        <p id="test-hint" class="small muted">{barred ?? "Sends every endpoint a test message for each event it receives. This can take 30 seconds."}</p>
      </div>
      {state.error?.status === 403 && <Forbidden reason={state.error.message} />}
      {state.error && state.error.status !== 403 && <Callout kind="bad" title="Nothing was sent." focus onClose={() => setState({})}><p>{state.error.message}</p></Callout>}
      {state.results && (
        <Callout kind={state.results.every(({ delivered }) => delivered) ? "good" : "warn"} focus onClose={() => setState({})}
          title={state.results.every(({ delivered }) => delivered) ? "Test delivered." : "The test failed for some endpoints."}>
          <ul>
            {state.results.map(({ target, type, host, delivered, status, took_ms, error }) => (
              <li key={`${target} ${type}`}>{host}: {delivered ? `answered ${status} after ${took_ms} ms` : (error ?? `answered ${status}`)} <span class="muted">({type})</span></li>
            ))}
          </ul>
        </Callout>
      )}
    </div>
  );
}
