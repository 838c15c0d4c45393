// The list of connectors, most urgent first.

import { useEffect, useRef, useState } from "preact/hooks";

import { addressOf, isFiltered, readView, REACH } from "../../core/list.js";
import { href } from "../../core/address.js";
import { Away } from "../../core/reasons.js";
import { typeName } from "../../core/service-types.js";
import { label, urgent } from "../../core/statuses.js";
import { isSilent, span } from "../../core/time.js";
import { byMinute } from "../../stores/clock.js";
import { useFollow } from "../../stores/feed.js";
import { barredFrom, limits } from "../../stores/identity.js";
import { listMemory } from "../../stores/list.js";
import { go } from "../../stores/route.js";
import { select, selectAll, selection } from "../../stores/selection.js";
import { silentAfter } from "../../stores/silence.js";
import { AwayNotice } from "../../ui/away.jsx";
import { Callout } from "../../ui/callout.jsx";
import { DataTable } from "../../ui/data-table.jsx";
import { Icon } from "../../ui/icons.jsx";
import { Forbidden } from "../../ui/outcome.jsx";
import { Copy, curl, Heading, Pages, Shell, Skeleton } from "../../ui/parts.jsx";
import { Type } from "../../ui/service-types.jsx";
import { Badge } from "../../ui/status.jsx";
import { Ago, For, LastSeen } from "../../ui/times.jsx";
import { later } from "../../ui/later.jsx";
import { KeyForm } from "../key.jsx";
import { SelectionBar } from "./bulk.jsx";
import { Create } from "./create.jsx";

const OverTime = later(() => import("./over-time.jsx"));

/** The least time between two loads of the list. Changes of its rows are shown at once. */
const GAP = 2_000;

/** @typedef {import("../../core/list.js").View} View */

/** @type {import("../../ui/data-table.jsx").Column[]} */
const columns = [
  { key: "state", title: "Status", name: "urgency", order: ["most urgent first", "least urgent first"], cell: (row) => <State row={row} /> },
  { key: "who", title: "Name", name: "name", order: ["A to Z", "Z to A"], cell: (row) => <Who row={row} /> },
  { key: "fault", title: "Error", cell: (row) => <Fault row={row} /> },
  { key: "sync", title: "Last sync", cell: (row) => <LastSync row={row} /> },
  { key: "type", title: "Type", name: "type", order: ["A to Z", "Z to A"], cell: ({ service_type }) => <Type type={service_type} /> },
  { key: "index", title: "Index", name: "index", order: ["A to Z", "Z to A"], cell: ({ index_name }) => <Word text={index_name} none="No index" /> },
  { key: "last", title: "Last seen", name: "seen", order: ["latest first", "longest ago first"], cell: ({ last_seen }) => <LastSeen at={last_seen} brief /> },
];

/** What the list can be sorted by, in words: the value in the address, and what it does. */
const orderings = [
  ["urgency", "Most urgent first"],
  ["urgency:desc", "Least urgent first"],
  ["since", "Newest change first"],
  ["since:desc", "Oldest change first"],
  ["name", "Name, A to Z"],
  ["name:desc", "Name, Z to A"],
  ["seen", "Seen last first"],
  ["seen:desc", "Not seen longest first"],
  ["type", "Type, A to Z"],
  ["type:desc", "Type, Z to A"],
  ["index", "Index, A to Z"],
  ["index:desc", "Index, Z to A"],
];

/** @param {{ query: URLSearchParams, moved: boolean }} props */
export function Connectors({ query, moved }) {
  const memory = listMemory();
  const { directory } = memory;
  const [creating, setCreating] = useState(false);
  const search = useRef(/** @type {HTMLInputElement | null} */ (null));
  const table = useRef(/** @type {HTMLElement | null} */ (null));
  const barred = barredFrom();
  const view = readView(query);
  memory.address = addressOf(view);
  const { problem, since, retryAt, retry } = useFollow((signal) => directory.load(view, signal), memory.address, {
    needsReload: (event) => directory.apply(event),
    gap: GAP,
  });
  const seen = directory.look(view);

  useEffect(() => {
    document.title = "Connectors";
    /** @param {KeyboardEvent} event */
    const press = (event) => onPress(event, search.current);
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);

  // Returning from a connector puts the focus on its row.
  const [back] = useState(moved && memory.left);
  const ready = Boolean(seen);
  useEffect(() => {
    if (ready && back) /** @type {HTMLElement | null} */ (document.querySelector(`tr[data-id="${CSS.escape(back)}"] a`))?.focus();
  }, [ready]);

  /** @param {Partial<View>} change
   * @param {{ replace?: boolean }} [options] */
  const show = (change, options) => go(addressOf({ ...view, page: 1, ...change }), options);
  /** @param {number} page */
  const turn = (page) => {
    show({ page });
    table.current?.querySelector("table")?.scrollIntoView({ block: "start" });
    table.current?.focus();
  };

  if (problem?.status === 401) return <KeyForm />;
  return (
    <div class="page list-page">
      <div class="list-head">
        <Heading focus={moved && !back}>Connectors</Heading>
        {seen && seen.total > 0 && (
          <>
            <label class="search">
              <Icon name="search" />
              <span class="hidden">Search</span>
              <input type="search" ref={search} value={view.search} placeholder="Search names, ids, errors…"
                onInput={(event) => show({ search: event.currentTarget.value }, { replace: true })} />
              <kbd aria-hidden="true">/</kbd>
            </label>
            <div class="select">
              <select aria-label="Type" value={view.type} onChange={(event) => show({ type: event.currentTarget.value })}>
                <option value="">All types</option>
                {[...new Set([view.type, ...seen.types])].filter(Boolean).map((type) => <option key={type} value={type}>{typeName(type)}</option>)}
              </select>
            </div>
            <div class="select">
              <select aria-label="Sort" value={`${view.sort}${view.down ? ":desc" : ""}`} onChange={(event) => {
                const [sort, direction] = event.currentTarget.value.split(":");
                show({ sort, down: direction === "desc" });
              }}>
                {orderings.map(([value, title]) => <option key={value} value={value}>{title}</option>)}
              </select>
            </div>
            <button type="button" class="primary" disabled={Boolean(barred)} title={barred} onClick={() => setCreating(true)}>
              <Icon name="plus" /> New connector
            </button>
          </>
        )}
      </div>
      <Problem {...{ problem, since, retryAt }} onRetry={retry} />
      {seen && <ServiceDown seen={seen} view={view} show={show} />}
      {seen?.total === 0 && <Empty {...{ barred }} onCreate={() => setCreating(true)} />}
      {seen && seen.total > 0 && (
        <section class="card list" aria-label="All connectors" aria-busy={!seen.isCurrent} ref={table} tabIndex={-1}>
          <Filters {...{ seen, view, show }} />
          {view.over && !limits.value && <OverTime hours={view.over} now={isFiltered(view) ? undefined : seen.byStatus} onHours={(over) => show({ over }, { replace: true })} />}
          <Causes {...{ seen, view, show }} />
          <SelectionBar offered={["sync", "connected", "delete"]} total={seen.count} all={() => selectAll(view, seen.count)} />
          {seen.rows.length > 0
            ? <DataTable class="connectors" columns={columns} rows={seen.rows} sort={view.sort} down={view.down} onSort={(sort, down) => show({ sort, down })}
                selected={selection.value} onSelect={select} />
            : seen.isCurrent && (
              <p class="nothing muted">No connectors match these filters.{" "}
                <button type="button" class="link" onClick={() => show({ search: "", status: [], type: "", silent: false, cause: "" })}>Clear filters</button></p>
            )}
          {seen.count > 0 && (
            <footer class="pages">
              <span class="muted" role="status">
                {`${count(seen.from + Math.min(1, seen.rows.length))}–${count(seen.from + seen.rows.length)} of ${count(seen.count)}`}
                {seen.count > REACH && `. Pages show the first ${count(REACH)}. To see others, filter or reverse the order.`}
              </span>
              <Pages page={seen.page} pages={seen.pages} onTurn={turn} />
            </footer>
          )}
        </section>
      )}
      {!seen && !problem && <Skeleton rows={8} />}
      {creating && <Create types={seen?.types ?? []} onClose={() => setCreating(false)} />}
    </div>
  );
}

/** `/` searches, the arrows move between rows, Escape leaves the search. */
function onPress(event, search) {
  const { target, key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || target.closest("dialog")) return;
  if (key === "/" && !target.closest("input, select, textarea")) {
    event.preventDefault();
    search?.focus();
    search?.select();
  }
  if (key === "Escape" && target === search && search.value === "") search.blur();
  if (key !== "ArrowDown" && key !== "ArrowUp") return;
  const links = [...document.querySelectorAll(".who a")];
  const place = links.indexOf(target);
  if (place < 0 && target !== search) return;
  event.preventDefault();
  const next = key === "ArrowDown" ? place + 1 : place - 1;
  /** @type {HTMLElement | undefined} */ (links[next] ?? (next < 0 ? search : links.at(-1)))?.focus();
}

const Problem = ({ problem, since, retryAt, onRetry }) => (
  <div aria-live="polite">
    {problem instanceof Away && <AwayNotice {...{ problem, since, retryAt, onRetry }} />}
    {problem?.status === 403 && <Forbidden reason={problem.message} />}
    {problem && !(problem instanceof Away) && problem.status !== 403 && <Callout kind="bad" title={problem.message} />}
  </div>
);

function Filters({ seen, view, show }) {
  const all = Object.values(seen.byStatus).reduce((sum, number) => sum + number, 0);
  /** @param {string} status */
  const toggle = (status) => (view.status.includes(status) ? view.status.filter((other) => other !== status) : [...view.status, status]);
  return (
    <div class="chips" role="group" aria-label="Filters">
      <button type="button" class="chip" aria-pressed={view.status.length === 0} onClick={() => show({ status: [] })}>All <b>{count(all)}</b></button>
      {urgent.flatMap((status) => [
        <button key={status} type="button" class="chip" data-status={status} data-none={seen.byStatus[status] ? undefined : ""} aria-pressed={view.status.includes(status)} onClick={() => show({ status: toggle(status) })}>
          {label(status)} <b>{count(seen.byStatus[status] ?? 0)}</b>
        </button>,
        // Silence is second in the order of urgency.
        status === "error" && (
          <button key="silent" type="button" class="chip" aria-pressed={view.silent} onClick={() => show({ silent: !view.silent })}
            title={`Seen before, but not in the last ${span(new Date(0).toISOString(), silentAfter())}`}>
            <Icon name="clock" /> Silent <b>{count(seen.silent)}</b>
          </button>
        ),
      ])}
      {!limits.value && (
        <button type="button" class="chip apart" aria-pressed={Boolean(view.over)} onClick={() => show({ over: view.over ? "" : "24", page: view.page }, { replace: true })}>
          <Icon name="chart" /> Over time
        </button>
      )}
    </div>
  );
}

/** The number of causes that are shown at first. */
const CAUSES = 4;

/** Causes of errors, with counts. */
function Causes({ seen: { causes }, view, show }) {
  const [all, setAll] = useState(false);
  if (causes.length === 0 && !view.cause) return null;
  const known = causes.some(({ cause }) => cause === view.cause) || !view.cause ? causes : [{ cause: view.cause, count: 0 }, ...causes];
  const shown = all ? known : known.filter(({ cause }, n) => n < CAUSES || cause === view.cause);
  return (
    <div class="causes" role="group" aria-label="Causes of errors">
      {shown.map(({ cause, count: number }) => (
        <button key={cause} type="button" class="cause" aria-pressed={cause === view.cause} title={cause} onClick={() => show({ cause: cause === view.cause ? "" : cause })}>
          <b>{count(number)} ×</b> <span class="clip">{cause}</span>
        </button>
      ))}
      {known.length > shown.length && <button type="button" class="link small" onClick={() => setAll(true)}>{known.length - shown.length} more causes</button>}
      {all && known.length > CAUSES && <button type="button" class="link small" onClick={() => setAll(false)}>Fewer causes</button>}
    </div>
  );
}

/** If most connectors are silent, the connector service has probably failed, not the connectors. */
function ServiceDown({ seen, view, show }) {
  const working = (seen.byStatus.connected ?? 0) + (seen.byStatus.configured ?? 0) + (seen.byStatus.error ?? 0);
  if (isFiltered(view) || seen.silent < 3 || seen.silent <= working / 2) return null;
  return (
    <Callout kind="warn" icon="clock" title={`${count(seen.silent)} of ${count(seen.total)} connectors are silent. Is the connector service down?`}>
      <p>They have sent no heartbeat for {span(new Date(0).toISOString(), silentAfter())} or more. Check that the service is running and can reach this server.{" "}
        <button type="button" class="link" onClick={() => show({ silent: true })}>Show silent connectors</button></p>
    </Callout>
  );
}

/** The status and since when. If a connector that should be working is silent, it says that instead. */
function State({ row: { status, since, last_seen } }) {
  const silent = (status === "connected" || status === "configured") && isSilent(last_seen, byMinute(), silentAfter());
  return (
    <>
      <Badge status={status} silent={silent} />
      <span class="since small muted">{silent ? `silent for ${span(last_seen, byMinute())}` : since && <For at={since} />}</span>
    </>
  );
}

const Who = ({ row }) => (
  <>
    <span class="name">
      <a href={href(row.id)} title={row.title} onClick={() => (listMemory().left = row.id)}>{row.name || <span class="muted">Unnamed</span>}</a>
      {row.odd.length > 0 && <span class="odd" title={row.odd.join("\n")}>invalid data</span>}
    </span>
    <span class="id"><code title={row.id}>{row.id}</code><Copy text={row.id} what={`the id ${row.id}`} /></span>
  </>
);

const Fault = ({ row: { error, status } }) => (error
  ? <span class={`fault-line ${status === "error" ? "" : "earlier"}`} title={error}>{status !== "error" && <span>Earlier: </span>}{error}</span>
  : null);

/** The last sync: when and how it ended, and with how many documents. */
function LastSync({ row: { last_synced, last_sync_status, last_indexed_document_count } }) {
  if (!last_synced && !last_sync_status) return <span class="muted">Not synced yet</span>;
  const status = last_sync_status ?? "completed";
  return (
    <>
      <span>{last_synced ? <Ago at={last_synced} /> : label(status)}</span>
      <span class="small muted">
        {status !== "completed" && last_synced && <><span class="sync-result" data-status={status === "error" ? "error" : "needs_configuration"}>{label(status)}</span>{last_indexed_document_count !== undefined && " · "}</>}
        {last_indexed_document_count !== undefined && `${count(last_indexed_document_count)} ${last_indexed_document_count === 1 ? "document" : "documents"}`}
      </span>
    </>
  );
}

const Word = ({ text, none }) => (text ? <code title={text}>{text}</code> : <span class="muted">{none}</span>);

const Empty = ({ barred, onCreate }) => (
  <section class="card empty">
    <svg viewBox="0 0 220 60" width="220" height="60" aria-hidden="true">
      <path d="M51 30h38M131 30h38" />
      <circle cx="30" cy="30" r="15" /><circle cx="110" cy="30" r="15" /><circle class="last" cx="190" cy="30" r="15" />
      <path class="tick" d="M183 30l5 5l9-10" />
    </svg>
    <h2>No connectors yet</h2>
    <p class="muted">A connector brings the content of another system into an index. Create one and follow it from its first step to <em>connected</em>.</p>
    <button type="button" class="primary" disabled={Boolean(barred)} onClick={onCreate}><Icon name="plus" /> Create your first connector</button>
    {barred && <p class="muted small">{barred}</p>}
    <Shell title="The same from a shell" line={curl("PUT", "/_connector/my-connector", { name: "My connector" })} />
  </section>
);

const count = (number) => number.toLocaleString("en");
