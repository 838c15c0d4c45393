// The sync jobs of a connector: shows their progress, starts and cancels them.

import { useState } from "preact/hooks";
import { explainTransition, isSyncJobStatus } from "#connector-status/sync-jobs";

import { href } from "../../core/address.js";
import { read } from "../../core/documents.js";
import { canceled, isRunning, jobFields, jobTypes, refusal } from "../../core/jobs.js";
import { label } from "../../core/statuses.js";
import { span } from "../../core/time.js";
import { send } from "../../stores/api.js";
import { bySecond } from "../../stores/clock.js";
import { useFollow } from "../../stores/feed.js";
import { cancelSync, JOBS_PATH, startSync } from "../../stores/jobs.js";
import { go } from "../../stores/route.js";
import { outcomeOf } from "../../stores/writes.js";
import { Icon } from "../../ui/icons.jsx";
import { Outcome } from "../../ui/outcome.jsx";
import { Copy, Pages, Skeleton } from "../../ui/parts.jsx";
import { Ago } from "../../ui/times.jsx";

const ROWS = 20;
/** The least time between two loads. */
const GAP = 500;

const shown = ["count", ...Object.keys(jobFields).map((field) => `results.${field}`)].join(",");

/** How a status looks: the colours of a connector's status, and a drawing. */
const looks = {
  pending: ["created", "clock"],
  in_progress: ["configured"],
  canceling: ["needs_configuration", "close"],
  canceled: ["created", "close"],
  suspended: ["needs_configuration", "pause"],
  completed: ["connected", "check"],
  error: ["error", "warning"],
};

export default function Jobs({ id, seen, query, away, barred }) {
  const [found, setFound] = useState(/** @type {any} */ (undefined));
  const outcome = outcomeOf(`${id} jobs`);
  const page = Math.max(1, Number.parseInt(query.get("page"), 10) || 1);
  const from = (page - 1) * ROWS;
  const path = `${JOBS_PATH}?${new URLSearchParams({ connector_id: id, from: String(from), size: String(ROWS), filter_path: shown })}`;
  const { problem, refresh } = useFollow(async (signal) => {
    const { body } = await send("GET", path, { signal });
    setFound({ path, count: body.count, jobs: (body.results ?? []).map((raw) => read(raw, jobFields)) });
  }, path, { needsReload: (event) => event.type === "sync_jobs" && (!event.id || event.id === id), gap: GAP });

  const jobs = found?.jobs ?? [];
  const name = `${id} jobs`;
  const start = (type) =>
    startSync(id, type, { known: jobs.map((job) => job.id), name, what: { job: "start", done: `${jobTypes[type][0]} sync requested.` } }).then(refresh);
  const cancel = (job) =>
    cancelSync(job, { name, what: { job: job.id, done: canceled(job.status) === "canceled" ? "The sync was canceled." : "The connector service has been asked to stop the sync." } }).then(refresh);

  const { state, what } = outcome.value ?? {};
  const pending = state === "pending" && what.job;
  const disabled = Boolean(barred) || away || Boolean(pending);
  return (
    <>
      <Start {...{ seen, disabled, barred, jobs }} pending={pending === "start"} onStart={start} />
      <section class="card jobs" aria-labelledby="jobs">
        <div class="section-head">
          <h2 id="jobs" tabIndex={-1}>Sync jobs</h2>
          {found?.count > 0 && <span class="muted small">{found.count === 1 ? "1 job" : `${found.count.toLocaleString("en")} jobs`}</span>}
        </div>
        <div aria-live="polite">
          <Outcome outcome={outcome.value} says={{ updated: what?.done, refused: "Nothing was changed." }} onClose={() => (outcome.value = undefined)} />
          {problem && !away && <p class="problem">Sync jobs couldn't be loaded: {problem.message}</p>}
        </div>
        {!found && !problem && <Skeleton rows={3} />}
        {found && jobs.length === 0 && (
          <p class="nothing muted">{found.count > 0 ? "There are no jobs on this page." : "Nothing has been synced yet."}</p>
        )}
        {jobs.length > 0 && (
          <ol>
            {jobs.map((job) => <Job key={job.id} {...{ job, disabled }} pending={pending === job.id} onCancel={() => cancel(job)} />)}
          </ol>
        )}
        <Pages page={page} pages={Math.ceil((found?.count ?? 0) / ROWS)} onTurn={(page) => {
          go(href(id, { tab: "jobs", page: page > 1 && page }));
          document.getElementById("jobs")?.focus();
        }} />
      </section>
    </>
  );
}

/** The form that starts a sync. */
function Start({ seen: { doc, view }, jobs, disabled, barred, pending, onStart }) {
  const [type, setType] = useState("full");
  const reason = refusal(doc, type);
  const same = jobs.find(({ status, job_type }) => job_type === type && isRunning(status));
  const waits = view.status === "created" || view.status === "needs_configuration";
  const submit = (event) => {
    event.preventDefault();
    if (!reason) onStart(type);
  };
  return (
    <form class="card start" aria-labelledby="start-sync" onSubmit={submit} noValidate>
      <h2 id="start-sync">Start a sync</h2>
      <div class="start-line">
        <div class="select">
          <select aria-label="What to sync" aria-describedby="start-hint" value={type} disabled={disabled} onChange={(event) => setType(event.currentTarget.value)}>
            {Object.entries(jobTypes).map(([name, [title]]) => <option key={name} value={name}>{title}</option>)}
          </select>
        </div>
        <button class="primary" disabled={disabled || Boolean(reason)} aria-describedby={barred ? "barred" : "start-hint"}>
          {pending ? <><i class="spinner" /> Starting…</> : <><Icon name="play" /> Start sync</>}
        </button>
        <p id="start-hint" class={`small ${reason ? "problem" : "muted"}`}>
          {reason ?? [
            jobTypes[type][1],
            same && `A job of this type is already ${label(same.status).toLowerCase()}.`,
            waits && "The connector service starts it once the connector is configured.",
          ].filter(Boolean).join(" ")}
        </p>
      </div>
    </form>
  );
}

function Job({ job, disabled, pending, onCancel }) {
  const { id, status, job_type, trigger_method, created_at, worker_hostname, error } = job;
  const isKnown = isSyncJobStatus(status);
  const ended = job.canceled_at ?? job.completed_at;
  const runs = isRunning(status);
  const reason = isKnown ? explainTransition(status, canceled(status)) : undefined;
  return (
    <li class="job" data-job={status}>
      <JobBadge status={status} />
      <div class="what">
        <strong>{jobTypes[job_type]?.[0] ?? label(job_type ?? "unknown")}</strong>
        <span class="muted small">{trigger_method === "scheduled" ? "Scheduled" : "On demand"}{created_at && <> · <Ago at={created_at} /></>}</span>
      </div>
      <div class="when small">
        {status === "pending" && <span class="muted">Waiting for the connector service</span>}
        {job.started_at && (runs || ended) && <span>{runs ? <>Running for <Running since={job.started_at} /></> : <>Took {duration(job.started_at, Date.parse(ended))}</>}</span>}
        {worker_hostname && <span class="muted clip" title={worker_hostname}>{worker_hostname}</span>}
      </div>
      {job.started_at ? <Counts job={job} /> : <span />}
      <div class="act">
        <Copy text={id} what="the id of the job" />
        {runs && (
          <button type="button" disabled={disabled || Boolean(reason)} title={reason} onClick={onCancel}>
            {pending ? <><i class="spinner" /> Canceling…</> : status === "canceling" ? "Canceling…" : "Cancel"}
          </button>
        )}
      </div>
      {error && <Failure error={error} />}
    </li>
  );
}

const Running = ({ since }) => <>{duration(since, bySecond())}</>;

const duration = (from, to) => (to - Date.parse(from) < 1_000 ? "less than a second" : span(from, to));

const JobBadge = ({ status }) => {
  const [colours, icon] = looks[status] ?? ["created", "info"];
  return <span class="badge" data-status={colours}>{icon ? <Icon name={icon} /> : <i class="spinner" />}{label(status)}</span>;
};

const number = (value) => (value ?? 0).toLocaleString("en");

const Counts = ({ job: { indexed_document_count, deleted_document_count, indexed_document_volume } }) => (
  <dl class="counts small">
    <div><dt>Indexed</dt><dd>{number(indexed_document_count)}</dd></div>
    <div><dt>Deleted</dt><dd>{number(deleted_document_count)}</dd></div>
    <div><dt>Size</dt><dd>{size(indexed_document_volume ?? 0)}</dd></div>
  </dl>
);

const sizes = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

/** Bytes for people. */
function size(bytes) {
  const step = Math.min(sizes.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  if (bytes === 0) return "0 bytes";
  return (bytes / 1_000 ** step).toLocaleString("en", { style: "unit", unit: sizes[step], maximumFractionDigits: step && 1 });
}

const BRIEF = 240;

/** A job's error, folded if it is long. */
const Failure = ({ error }) => (error.length <= BRIEF
  ? <p class="why problem">{error}</p>
  : (
    <details class="why problem">
      <summary>{error.slice(0, BRIEF)}…</summary>
      <p>{error}</p>
    </details>
  ));
