// The list of all connectors.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { statuses } from "connector-status";

import { Forbidden, KeyForm } from "./access.jsx";
import { Away } from "./api.js";
import { AwayNotice } from "./away.jsx";
import { Create } from "./create.jsx";
import { openDirectory, REACH } from "./directory.js";
import { useFollow } from "./follow.js";
import { Callout, Copy, Heading, Icon, LastSeen, Shell, curl, useNow } from "./parts.jsx";
import { Badge, label } from "./status.jsx";

const ROWS = 50;

const columns = [
  ["name", "Name", (row) => (row.name || row.id).toLowerCase()],
  ["index", "Index", (row) => row.index_name ?? "\uffff"],
  ["type", "Type", (row) => row.service_type ?? "\uffff"],
  ["status", "Status", (row) => statuses.indexOf(row.status)],
  ["seen", "Last seen", (row) => -(Date.parse(row.last_seen) || 0)],
];

const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

// Kept while a connector is looked at, so that coming back is coming back.
let memory;
const blank = (visitor) => ({
  visitor,
  directory: openDirectory(),
  view: { search: "", status: "", type: "", sort: "name", down: false, page: 0 },
});

export function Connectors({ moved, visitor, onKey, onForget }) {
  if (memory?.visitor !== visitor) memory = blank(visitor);
  const { directory } = memory;
  const [view, setView] = useState(memory.view);
  const [, redraw] = useState(0);
  const [creating, setCreating] = useState(false);
  const search = useRef();
  const first = useRef();
  const now = useNow(15_000);
  const { problem, since, retryAt, refresh } = useFollow(
    (signal) => directory.follow(signal, first.current, () => redraw((n) => n + 1)),
    directory,
  );

  useEffect(() => {
    document.title = "Connectors";
    const slash = (event) => {
      if (event.key !== "/" || event.target.closest("input, select, textarea, dialog")) return;
      event.preventDefault();
      search.current?.focus();
    };
    addEventListener("keydown", slash);
    return () => removeEventListener("keydown", slash);
  }, []);

  const show = (change) => setView((memory.view = { ...view, page: 0, ...change }));
  const { rows } = directory;
  const found = useMemo(() => find(rows, view), [rows, view.search, view.type]);
  const sorted = useMemo(() => sort(found, view), [found, view.status, view.sort, view.down]);
  const types = useMemo(() => [...new Set(rows.map((row) => row.service_type).filter(Boolean))].sort(), [rows]);
  const pages = Math.max(1, Math.ceil(sorted.length / ROWS));
  const page = Math.min(view.page, pages - 1);
  const shown = sorted.slice(page * ROWS, (page + 1) * ROWS);
  first.current = shown[0]?.id;

  if (problem?.status === 401) return <KeyForm onKey={onKey} />;
  const known = directory.count !== undefined;
  return (
    <>
      <div class="title">
        <Heading focus={moved}>Connectors</Heading>
        {known && directory.count > 0 && (
          <button type="button" class="primary" onClick={() => setCreating(true)}>
            <Icon name="plus" /> New connector
          </button>
        )}
      </div>
      <Problem {...{ problem, since, retryAt, onRetry: refresh, onForget }} />
      {directory.count > REACH && (
        <Callout kind="note" title={`The first ${count(REACH)} of ${count(directory.count)} connectors are shown.`} />
      )}
      {known && directory.count === 0 && <Empty onCreate={() => setCreating(true)} />}
      {known && directory.count > 0 && (
        <section class="card list" aria-label="All connectors">
          <div class="tools">
            <label class="search">
              <Icon name="search" />
              <span class="hidden">Search</span>
              <input type="search" ref={search} value={view.search} placeholder="Search by name, id, index or type"
                onInput={(event) => show({ search: event.target.value })} />
              <kbd aria-hidden="true">/</kbd>
            </label>
            <label class="select">
              <span class="hidden">Type</span>
              <select value={view.type} onChange={(event) => show({ type: event.target.value })}>
                <option value="">All types</option>
                {types.map((type) => <option key={type} value={type}>{type}</option>)}
              </select>
            </label>
          </div>
          <div class="chips" role="group" aria-label="Filter by status">
            {["", ...statuses].map((status) => {
              const number = status ? found.filter((row) => row.status === status).length : found.length;
              return (
                <button key={status} type="button" class="chip" data-status={status || undefined}
                  aria-pressed={view.status === status} onClick={() => show({ status })}>
                  {status ? label(status) : "All"} <b>{count(number)}</b>
                </button>
              );
            })}
          </div>
          {shown.length > 0
            ? <Table {...{ shown, view, show, now }} />
            : <p class="nothing muted">No connector is like that. <button type="button" class="link" onClick={() => show({ search: "", status: "", type: "" })}>Show all</button></p>}
          <footer class="pages">
            <span class="muted" role="status">
              {directory.complete
                ? `${count(page * ROWS + Math.min(1, shown.length))}–${count(page * ROWS + shown.length)} of ${count(sorted.length)}`
                : `Loading: ${count(rows.length)} of ${count(Math.min(directory.count, REACH))}`}
            </span>
            {pages > 1 && (
              <nav aria-label="Pages">
                <button type="button" class="icon-only" aria-label="Previous page" disabled={page === 0}
                  onClick={() => show({ page: page - 1 })}><Icon name="back" /></button>
                <span>Page {page + 1} of {pages}</span>
                <button type="button" class="icon-only" aria-label="Next page" disabled={page === pages - 1}
                  onClick={() => show({ page: page + 1 })}><Icon name="right" /></button>
              </nav>
            )}
          </footer>
        </section>
      )}
      {!known && !problem && <Skeleton />}
      {creating && <Create onClose={() => setCreating(false)} />}
    </>
  );
}

const Problem = ({ problem, since, retryAt, onRetry, onForget }) => (
  <div aria-live="polite">
    {problem instanceof Away && <AwayNotice {...{ problem, since, retryAt, onRetry }} />}
    {problem?.status === 403 && <Forbidden reason={problem.message} onForget={onForget} />}
    {problem && !(problem instanceof Away) && problem.status !== 403 && <Callout kind="bad" title={problem.message} />}
  </div>
);

const Table = ({ shown, view, show, now }) => (
  // The roles are said again because narrow screens lay the table out as cards.
  <table role="table">
    <thead role="rowgroup">
      <tr role="row">
        {columns.map(([name, title]) => {
          const active = view.sort === name;
          return (
            <th key={name} role="columnheader" scope="col" aria-sort={active ? (view.down ? "descending" : "ascending") : undefined}>
              <button type="button" onClick={() => show({ sort: name, down: active && !view.down })}>
                {title}<span class="order" aria-hidden="true">{active ? (view.down ? "↓" : "↑") : ""}</span>
              </button>
            </th>
          );
        })}
      </tr>
    </thead>
    <tbody role="rowgroup">
      {shown.map((row) => (
        <tr key={row.id} role="row" data-id={row.id}>
          <td role="cell" class="who">
            <a href={`#/${encodeURIComponent(row.id)}`}>{row.name || <span class="muted">Unnamed</span>}</a>
            <span class="id"><code>{row.id}</code><Copy text={row.id} what={`the id ${row.id}`} /></span>
          </td>
          <td role="cell" data-title="Index">{row.index_name ? <code>{row.index_name}</code> : <span class="muted">None</span>}</td>
          <td role="cell" data-title="Type">{row.service_type ? <code>{row.service_type}</code> : <span class="muted">None</span>}</td>
          <td role="cell" class="state">
            <Badge status={row.status} />
            {row.error && <span class="fault" title={row.error}>{row.error}</span>}
          </td>
          <td role="cell" data-title="Last seen"><LastSeen at={row.last_seen} now={now} /></td>
        </tr>
      ))}
    </tbody>
  </table>
);

const Empty = ({ onCreate }) => (
  <section class="card empty">
    <svg viewBox="0 0 220 60" width="220" height="60" aria-hidden="true">
      <path d="M51 30h38M131 30h38" />
      <circle cx="30" cy="30" r="15" /><circle cx="110" cy="30" r="15" /><circle class="last" cx="190" cy="30" r="15" />
      <path class="tick" d="M183 30l5 5l9-10" />
    </svg>
    <h2>No connectors yet</h2>
    <p class="muted">A connector brings the content of another system into an index. Create one and follow it from its first step to <em>connected</em>.</p>
    <button type="button" class="primary" onClick={onCreate}><Icon name="plus" /> Create your first connector</button>
    <Shell title="The same from a shell" line={curl("PUT", "/_connector/my-connector", { name: "My connector" })} />
  </section>
);

const Skeleton = () => (
  <section class="card skeleton" aria-busy="true" aria-label="Loading">
    {Array.from({ length: 6 }, (_, n) => <div key={n}><i /><i /><i /></div>)}
  </section>
);

const count = (number) => number.toLocaleString("en");

function find(rows, { search, type }) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter((row) => {
    if (type && row.service_type !== type) return false;
    const text = [row.name, row.id, row.index_name, row.service_type].join("\n").toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

function sort(rows, { status, sort, down }) {
  const [, , value] = columns.find(([name]) => name === sort);
  const side = down ? -1 : 1;
  return rows
    .filter((row) => !status || row.status === status)
    .map((row) => [value(row), row])
    .sort(([a, { id: x }], [b, { id: y }]) => side * compare(a, b) || compare(x, y))
    .map(([, row]) => row);
}
