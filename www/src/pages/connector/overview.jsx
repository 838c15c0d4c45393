// The overview of a connector: what is wrong, what may help, and how it was before.

import { useEffect, useRef, useState } from "preact/hooks";

import { href } from "../../core/address.js";
import { read } from "../../core/documents.js";
import { jobFields, jobTypes, refusal } from "../../core/jobs.js";
import { bars, helpFor, lastWell, ribbon } from "../../core/overview.js";
import { typeName } from "../../core/service-types.js";
import { label } from "../../core/statuses.js";
import { ago, isSilent, span } from "../../core/time.js";
import { send } from "../../stores/api.js";
import { byMinute } from "../../stores/clock.js";
import { useFollow } from "../../stores/feed.js";
import { JOBS_PATH, startSync } from "../../stores/jobs.js";
import { markConnected } from "../../stores/mark.js";
import { silentAfter } from "../../stores/silence.js";
import { outcomeOf } from "../../stores/writes.js";
import { Callout } from "../../ui/callout.jsx";
import { Icon } from "../../ui/icons.jsx";
import { Outcome } from "../../ui/outcome.jsx";
import { Ago, exactly } from "../../ui/times.jsx";
import { Timeline } from "./history.jsx";

const RECENT = 5;
const SYNCS = 20;
const GAP = 2_000;
const shown = Object.keys(jobFields).map((field) => `results.${field}`).join(",");

export function Overview({ id, store, seen, away, barred }) {
  const { view, doc } = seen;
  const [jobs, setJobs] = useState(/** @type {any[] | undefined} */ (undefined));
  const path = `${JOBS_PATH}?${new URLSearchParams({ connector_id: id, size: String(SYNCS), filter_path: shown })}`;
  const { refresh } = useFollow(async (signal) => {
    const { body } = await send("GET", path, { signal });
    setJobs((body.results ?? []).map((raw) => read(raw, jobFields)));
  }, path, { needsReload: (event) => event.type === "sync_jobs" && (!event.id || event.id === id), gap: GAP });
  return (
    <div class="columns">
      <div class="column">
        <State {...{ id, store, seen, jobs, away, barred, refresh }} />
        <section class="card" aria-labelledby="syncs">
          <div class="section-head">
            <h2 id="syncs">Last sync</h2>
            <a class="small" href={href(id, { tab: "jobs" })}>All sync jobs</a>
          </div>
          <LastSync doc={doc} jobs={jobs} />
        </section>
        <section class="card" aria-labelledby="over-time">
          <div class="section-head">
            <h2 id="over-time">Status over time</h2>
            <a class="small" href={href(id, { tab: "status" })}>Change status by hand</a>
          </div>
          <Ribbon history={view.history} />
        </section>
      </div>
      <div class="column">
        <About doc={doc} />
        <section class="card" aria-labelledby="recent">
          <div class="section-head">
            <h2 id="recent">Recent changes</h2>
            <a class="small" href={href(id, { tab: "history" })}>All history</a>
          </div>
          <Timeline history={view.history.slice(0, RECENT)} />
        </section>
      </div>
    </div>
  );
}

/** What is wrong, and what to try first. */
function State({ id, store, seen, jobs, away, barred, refresh }) {
  const { view, doc } = seen;
  const { status, history } = view;
  const outcome = outcomeOf(`${id} overview`);
  const at = store.lastSeen.value;
  const silent = isSilent(at, byMinute(), silentAfter());
  const help = helpFor({ status, error: doc.error, isSilent: silent, hasFields: Object.keys(doc.configuration ?? {}).length > 0 });
  const well = lastWell(history);
  const disabled = Boolean(barred) || away || outcome.value?.state === "pending";
  const says = {
    updated: outcome.value?.what === "sync" ? "Sync requested." : outcome.value?.what === "undo" ? "Undone: the error is back." : "Marked as connected.",
    refused: outcome.value?.what === "sync" ? "Couldn't request a sync." : "Couldn't mark it as connected.",
  };
  const sync = () => startSync(id, "full", { known: jobs?.map((job) => job.id), name: `${id} overview`, what: "sync" }).then(refresh);
  /** @type {Record<string, (first: boolean) => any>} */
  const actions = {
    configuration: (first) => <a key="configuration" class={`button ${first ? "primary" : ""}`} href={href(id, { tab: "configuration" })}>{status === "needs_configuration" ? "Fill in the configuration" : "Edit the configuration"}</a>,
    sync: (first) => <button key="sync" type="button" class={first ? "primary" : undefined} disabled={disabled || Boolean(refusal(doc, "full"))} title={refusal(doc, "full")} onClick={sync}><Icon name="play" /> Start a sync</button>,
    service: () => <p key="service" class="grow">{silent ? "Check that the connector service is running and can reach this server." : "Check that the connector service is running and set up for this connector."}</p>,
    connected: (first) => <button key="connected" type="button" class={first ? "primary" : undefined} disabled={disabled} onClick={() => markConnected(store, `${id} overview`)}>Mark as connected</button>,
  };
  const [kind, title] = titleOf({ status, silent, at });
  return (
    <section class="card state-card" aria-label="Current state">
      <Outcome outcome={outcome.value} says={says} onClose={() => (outcome.value = undefined)} />
      <Callout kind={kind} icon={silent && status !== "error" ? "clock" : undefined} title={title}>
        {status === "error" && doc.error && <FullText text={doc.error} />}
        {status === "error" && silent && <p>Silent for {span(at, byMinute())}. The connector service may be down.</p>}
        {well && <p class="small">Last connected <Ago at={well} />.</p>}
        {status === "connected" && doc.error && <p class="small">Earlier error: {doc.error.split("\n")[0]}</p>}
        {help.length > 0 && <div class="help">{help.map((name, n) => actions[name](n === 0))}</div>}
        {help.includes("connected") && <p class="small muted">Mark as connected removes the error text and moves the connector to Connected. You can undo it.</p>}
      </Callout>
    </section>
  );
}

/** @returns {["good" | "note" | "warn" | "bad", string]} */
function titleOf({ status, silent, at }) {
  if (status === "error") return ["bad", "The connector has reported an error"];
  if (silent) return ["warn", `${label(status)}, but silent for ${span(at, byMinute())}`];
  if (status === "needs_configuration") return ["warn", "Waiting for its configuration"];
  if (status === "created") return ["note", "Waiting for the connector service to pick it up"];
  if (status === "configured") return ["note", "Configured. Waiting for the connector service to connect"];
  if (status === "connected") return ["good", "Connected"];
  return ["warn", `Unknown status “${status}”`];
}

/** A text that is folded if it is long. */
export function FullText({ text }) {
  const element = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [isLong, setLong] = useState(false);
  const [open, setOpen] = useState(false);
  useEffect(() => {
    const { scrollHeight = 0, clientHeight = 0 } = element.current ?? {};
    if (!open) setLong(scrollHeight > clientHeight + 1);
  }, [text]);
  return (
    <>
      <div class={`full-text ${open ? "open" : ""}`} ref={element} tabIndex={0} role="region" aria-label="Error text">{text}</div>
      {isLong && <button type="button" class="link small" aria-expanded={open} onClick={() => setOpen(!open)}>{open ? "Show less" : "Show more"}</button>}
    </>
  );
}

/** The height of the tallest bar. */
const HIGH = 46;
const WIDE = 13;
const colours = { completed: "connected", error: "error", canceled: "created", suspended: "needs_configuration", canceling: "needs_configuration", pending: "created", in_progress: "configured" };
const number = (value) => (value ?? 0).toLocaleString();

function LastSync({ doc, jobs }) {
  const newest = jobs?.[0];
  const drawn = bars(jobs ?? [], SYNCS);
  const words = ({ job, took }) =>
    [label(job.status), jobTypes[job.job_type]?.[0], `${number(job.indexed_document_count)} documents`, took !== undefined && took >= 0 && `took ${took < 1_000 ? "less than a second" : span(new Date(0).toISOString(), took)}`, job.created_at && ago(job.created_at, byMinute())].filter(Boolean).join(", ");
  if (jobs && jobs.length === 0 && !doc.last_synced && !doc.last_sync_status) return <p class="muted">Nothing has been synced yet.</p>;
  return (
    <>
      {newest
        ? <p>{words(drawn[drawn.length - 1])}</p>
        : (doc.last_synced || doc.last_sync_status) && (
          <p>
            {doc.last_sync_status && label(doc.last_sync_status)}{doc.last_synced && <>, <Ago at={doc.last_synced} /></>}
            {doc.last_indexed_document_count !== undefined && <>, {number(doc.last_indexed_document_count)} documents</>}
          </p>
        )}
      {newest?.error && <FullText text={newest.error} />}
      {!newest && doc.last_sync_error && <FullText text={doc.last_sync_error} />}
      {drawn.length > 1 && (
        <figure class="bars">
          <svg viewBox={`0 0 ${SYNCS * WIDE} ${HIGH}`} width={SYNCS * WIDE} height={HIGH} role="img" aria-label={`The last ${drawn.length} syncs, by documents and result`}>
            {drawn.map(({ job, height, took }, n) => (
              <rect key={job.id} data-status={colours[job.status]} x={n * WIDE} y={HIGH * (1 - height)} width={WIDE - 3} height={HIGH * height} rx="2">
                <title>{words({ job, took })}</title>
              </rect>
            ))}
          </svg>
          <figcaption class="small muted">The last {drawn.length} syncs: height is documents, colour is the result</figcaption>
          <ol class="hidden">{drawn.map((bar) => <li key={bar.job.id}>{words(bar)}</li>)}</ol>
        </figure>
      )}
    </>
  );
}

function Ribbon({ history }) {
  const now = byMinute();
  const { from, parts } = ribbon(history, now);
  if (parts.length === 0) return <p class="muted">No history yet.</p>;
  const began = new Date(from).toISOString();
  const present = [...new Set(parts.map(({ status }) => status))];
  return (
    <figure class="ribbon">
      <svg viewBox="0 0 1000 26" preserveAspectRatio="none" role="img" aria-label={`Statuses since ${exactly(began)}`}>
        {parts.map(({ status, at, start, end, error }) => (
          <rect key={at} data-status={status} x={start * 1000} y="0" width={Math.max(2, (end - start) * 1000)} height="26">
            <title>{[`${label(status)} from ${exactly(at)}`, error].filter(Boolean).join(": ")}</title>
          </rect>
        ))}
      </svg>
      <div class="ribbon-ends small muted" aria-hidden="true"><span>{ago(began, now)}</span><span>now</span></div>
      <figcaption class="ribbon-legend small">{present.map((status) => <span key={status} data-status={status}><i /> {label(status)}</span>)}</figcaption>
      <ol class="hidden">{parts.map(({ status, at, error }) => <li key={at}>{label(status)} from {exactly(at)}{error && `: ${error}`}</li>)}</ol>
    </figure>
  );
}

const About = ({ doc }) => (
  <section class="card" aria-labelledby="about">
    <h2 id="about">About</h2>
    <dl class="facts">
      <div><dt>Index</dt><dd>{doc.index_name ? <code>{doc.index_name}</code> : <span class="muted">None</span>}</dd></div>
      <div><dt>Type</dt><dd>{doc.service_type ? <span title={doc.service_type}>{typeName(doc.service_type)}</span> : <span class="muted">None</span>}</dd></div>
      {doc.is_native && <div><dt>Managed by</dt><dd>Elastic</dd></div>}
      {doc.description && <div class="long"><dt>Description</dt><dd>{doc.description}</dd></div>}
    </dl>
  </section>
);
