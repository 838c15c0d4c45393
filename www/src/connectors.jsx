// The list of all connectors, for triage: what needs somebody comes first.

import { useEffect, useRef, useState } from "preact/hooks";

import { Forbidden, KeyForm, useBarred } from "./access.jsx";
import { Away } from "./api.js";
import { AwayNotice } from "./away.jsx";
import { Create } from "./create.jsx";
import { openDirectory, orders, REACH } from "./directory.js";
import { useFollow } from "./follow.js";
import { Ago, Callout, Copy, Heading, Icon, LastSeen, Pages, Shell, Skeleton, curl, silenceText, useNow } from "./parts.jsx";
import { go, href } from "./route.js";
import { Badge, label, urgent } from "./status.jsx";

/** At most so often the list is asked for anew; what has changed in its rows is shown at once. */
const GAP = 2_000;

/** The columns: by what they are sorted, and their title. */
const columns = [
  ["urgency", "Status"],
  ["since", "Since"],
  ["name", "Name"],
  [undefined, "Error"],
  ["type", "Type"],
  ["index", "Index"],
  ["seen", "Last seen"],
];

/** What the address says the list shall show. */
function readView(query) {
  const [sort, direction] = (query.get("sort") ?? "").split(":");
  return {
    search: query.get("query") ?? "",
    status: (query.get("status") ?? "").split(",").filter((status) => urgent.includes(status)),
    type: query.get("type") ?? "",
    silent: query.get("silent") === "true",
    sort: sort in orders ? sort : "urgency",
    down: direction === "desc",
    page: Number.parseInt(query.get("page"), 10) || 1,
  };
}

const addressOf = ({ search, status, type, silent, sort, down, page }) =>
  href("", {
    query: search,
    status: status.join(","),
    type,
    silent: silent && "true",
    sort: (sort !== "urgency" || down) && `${sort}${down ? ":desc" : ""}`,
    page: page > 1 && page,
  });

// Kept while a connector is looked at, so that coming back is coming back.
let memory = {};
let announced;

/** The address of the list as it was left. */
export const listAddress = () => memory.address ?? href();

/** Says something on top of the list, the next time it is shown. */
export const announce = (title) => (announced = title);

export function Connectors({ query, moved, visitor, onKey, onForget }) {
  if (memory.visitor !== visitor) memory = { visitor, directory: openDirectory() };
  const { directory } = memory;
  const [, redraw] = useState(0);
  const [creating, setCreating] = useState(false);
  const [notice, setNotice] = useState(announced);
  const search = useRef();
  const table = useRef();
  const now = useNow(15_000);
  const barred = useBarred();
  const view = readView(query);
  memory.address = addressOf(view);
  announced = undefined;
  const draw = () => redraw((n) => n + 1);
  const { problem, since, retryAt, retry } = useFollow((signal) => directory.load(view, signal).then(draw), memory.address, {
    hear(event) {
      draw();
      return directory.hear(event, now);
    },
    gap: GAP,
  });
  const seen = directory.look(view, now);

  useEffect(() => {
    document.title = "Connectors";
    const press = (event) => onPress(event, search.current);
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);

  // Who comes back from a connector goes on where it was left.
  const [back] = useState(moved && memory.left);
  const ready = Boolean(seen);
  useEffect(() => {
    if (ready && back) document.querySelector(`tr[data-id="${CSS.escape(back)}"] a`)?.focus();
  }, [ready]);

  const show = (change, options) => go(addressOf({ ...view, page: 1, ...change }), options);
  const turn = (page) => {
    show({ page });
    table.current.querySelector("table").scrollIntoView({ block: "start" });
    table.current.focus();
  };

  if (problem?.status === 401) return <KeyForm onKey={onKey} />;
  const create = (
    <button type="button" class="primary" disabled={Boolean(barred)} title={barred} onClick={() => setCreating(true)}>
      <Icon name="plus" /> New connector
    </button>
  );
  return (
    <>
      <div class="list-head">
        <Heading focus={moved && !back && !notice}>Connectors</Heading>
        {seen?.total > 0 && (
          <>
            <label class="search">
              <Icon name="search" />
              <span class="hidden">Search</span>
              <input type="search" ref={search} value={view.search} placeholder="Search names, ids, errors…"
                onInput={(event) => show({ search: event.target.value }, { replace: true })} />
              <kbd aria-hidden="true">/</kbd>
            </label>
            <label class="select">
              <span class="hidden">Type</span>
              <select value={view.type} onChange={(event) => show({ type: event.target.value })}>
                <option value="">All types</option>
                {[...new Set([view.type, ...seen.types])].filter(Boolean).map((type) => <option key={type} value={type}>{type}</option>)}
              </select>
            </label>
            {create}
          </>
        )}
      </div>
      {notice && <Callout kind="good" title={notice} focus onClose={() => setNotice(undefined)} />}
      <Problem {...{ problem, since, retryAt, onRetry: retry, onForget }} />
      {seen?.total === 0 && <Empty {...{ barred }} onCreate={() => setCreating(true)} />}
      {seen?.total > 0 && (
        <section class="card list" aria-label="All connectors" aria-busy={!seen.isCurrent} ref={table} tabIndex={-1}>
          <Filters {...{ seen, view, show }} />
          {seen.rows.length > 0
            ? <Table {...{ seen, view, show, now }} />
            : seen.isCurrent && (
              <p class="nothing muted">No connectors match these filters.{" "}
                <button type="button" class="link" onClick={() => show({ search: "", status: [], type: "", silent: false })}>Clear filters</button></p>
            )}
          <footer class="pages">
            <span class="muted" role="status">
              {`${count(seen.from + Math.min(1, seen.rows.length))}–${count(seen.from + seen.rows.length)} of ${count(seen.count)}`}
              {seen.count > REACH && `. Pages reach the first ${count(REACH)}: filter, or sort the other way, to see the others.`}
            </span>
            <Pages page={seen.page} pages={seen.pages} onTurn={turn} />
          </footer>
        </section>
      )}
      {!seen && !problem && <Skeleton rows={8} />}
      {creating && <Create types={seen?.types ?? []} onClose={() => setCreating(false)} />}
    </>
  );
}

/** `/` searches; the arrows go through the rows; Escape gives up the search. */
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
  (links[next] ?? (next < 0 ? search : links.at(-1)))?.focus();
}

const Problem = ({ problem, since, retryAt, onRetry, onForget }) => (
  <div aria-live="polite">
    {problem instanceof Away && <AwayNotice {...{ problem, since, retryAt, onRetry }} />}
    {problem?.status === 403 && <Forbidden reason={problem.message} onForget={onForget} />}
    {problem && !(problem instanceof Away) && problem.status !== 403 && <Callout kind="bad" title={problem.message} />}
  </div>
);

function Filters({ seen, view, show }) {
  const all = Object.values(seen.byStatus).reduce((sum, number) => sum + number, 0);
  const chips = [[undefined, "All", all], ...urgent.map((status) => [status, label(status), seen.byStatus[status] ?? 0])];
  return (
    <div class="chips" role="group" aria-label="Filters">
      {chips.map(([status, title, number]) => {
        const pressed = status ? view.status.includes(status) : view.status.length === 0;
        return (
          <button key={title} type="button" class="chip" data-status={status} aria-pressed={pressed}
            onClick={() => show({ status: status && !pressed ? [status] : [] })}>
            {title} <b>{count(number)}</b>
          </button>
        );
      })}
      <button type="button" class="chip apart" aria-pressed={view.silent} onClick={() => show({ silent: !view.silent })}
        title={`Seen before, but not in the last ${silenceText()}`}>
        <Icon name="clock" /> Silent <b>{count(seen.silent)}</b>
      </button>
    </div>
  );
}

function Table({ seen, view, show, now }) {
  return (
    // The roles are said again because narrow screens lay the table out as cards.
    <table role="table">
      <thead role="rowgroup">
        <tr role="row">
          {columns.map(([name, title]) => {
            const active = name && view.sort === name;
            return (
              <th key={title} role="columnheader" scope="col" class={`of-${name ?? "error"}`} aria-sort={active ? (view.down ? "descending" : "ascending") : undefined}>
                {name
                  ? (
                    <button type="button" onClick={() => show({ sort: name, down: active && !view.down })}>
                      {title}<span class="order" aria-hidden="true">{active ? (view.down ? "↓" : "↑") : ""}</span>
                    </button>
                  )
                  : title}
              </th>
            );
          })}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {seen.rows.map((row) => (
          <tr key={row.id} role="row" data-id={row.id}>
            <td role="cell" class="state"><Badge status={row.status} /></td>
            <td role="cell" class="since">{row.since && <Ago at={row.since} now={now} />}</td>
            <td role="cell" class="who">
              <a href={href(row.id)} title={row.title} onClick={() => (memory.left = row.id)}>{row.name || <span class="muted">Unnamed</span>}</a>
              <span class="id"><code title={row.id}>{row.id}</code><Copy text={row.id} what={`the id ${row.id}`} /></span>
              {row.odd.length > 0 && <span class="odd" title={row.odd.join("\n")}>odd</span>}
            </td>
            <td role="cell" class="fault" data-earlier={row.error && row.status !== "error" ? "" : undefined} title={row.error}>
              {row.error && row.status !== "error" && <span>Earlier: </span>}{row.error}
            </td>
            <td role="cell" class="type">{row.service_type ? <code title={row.service_type}>{row.service_type}</code> : <span class="muted">No type</span>}</td>
            <td role="cell" class="index">{row.index_name ? <code title={row.index_name}>{row.index_name}</code> : <span class="muted">No index</span>}</td>
            <td role="cell" class="last"><LastSeen at={row.last_seen} now={now} /></td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

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
