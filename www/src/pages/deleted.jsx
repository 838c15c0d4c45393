// The list of deleted connectors, which can be restored.

import { useEffect, useMemo } from "preact/hooks";

import { fleetHref } from "../core/address.js";
import { readView } from "../core/list.js";
import { Away } from "../core/reasons.js";
import { openDirectory } from "../stores/directory.js";
import { useFollow } from "../stores/feed.js";
import { barredFrom } from "../stores/identity.js";
import { listAddress } from "../stores/list.js";
import { undelete } from "../stores/restore.js";
import { go } from "../stores/route.js";
import { clearSelection, select, selectAll, selection } from "../stores/selection.js";
import { AwayNotice } from "../ui/away.jsx";
import { Callout } from "../ui/callout.jsx";
import { DataTable } from "../ui/data-table.jsx";
import { Icon } from "../ui/icons.jsx";
import { Forbidden } from "../ui/outcome.jsx";
import { Copy, Heading, Pages, Skeleton } from "../ui/parts.jsx";
import { Type } from "../ui/service-types.jsx";
import { KeyForm } from "./key.jsx";
import { SelectionBar } from "./list/bulk.jsx";

const GAP = 2_000;

const Index = ({ name }) => (name ? <code title={name}>{name}</code> : <span class="muted">No index</span>);

/** @type {import("../ui/data-table.jsx").Column[]} */
const columns = [
  {
    key: "who", title: "Name", name: "name", order: ["A to Z", "Z to A"],
    cell: (row) => (
      <>
        <span class="name"><strong>{row.name || <span class="muted">Unnamed</span>}</strong></span>
        <span class="id"><code title={row.id}>{row.id}</code><Copy text={row.id} what={`the id ${row.id}`} /></span>
      </>
    ),
  },
  { key: "type", title: "Type", name: "type", order: ["A to Z", "Z to A"], cell: ({ service_type }) => <Type type={service_type} /> },
  { key: "index", title: "Index", name: "index", order: ["A to Z", "Z to A"], cell: ({ index_name }) => <Index name={index_name} /> },
  { key: "restore", title: <span class="hidden">Restore</span>, cell: (row) => <Restore row={row} /> },
];

function Restore({ row: { id, title } }) {
  const barred = barredFrom(id);
  return <button type="button" disabled={Boolean(barred)} title={barred} aria-label={`Restore ${title}`} onClick={() => undelete(id, title)}>Restore</button>;
}

/** @param {{ query: URLSearchParams, moved: boolean }} props */
export default function Deleted({ query, moved }) {
  const directory = useMemo(openDirectory, []);
  const view = { ...readView(query), deleted: true, status: [], type: "", silent: false, cause: "" };
  if (view.sort === "urgency") view.sort = "name";
  const address = (change) => {
    const { search, sort, down, page } = { ...view, page: 1, ...change };
    return fleetHref("deleted", { query: search, sort: (sort !== "name" || down) && `${sort}${down ? ":desc" : ""}`, page: page > 1 && page });
  };
  const { problem, since, retryAt, retry } = useFollow((signal) => directory.load(view, signal), address(view), { needsReload: (event) => directory.apply(event), gap: GAP });
  const seen = directory.look(view);
  useEffect(() => {
    document.title = "Deleted connectors";
    // A selection of another list doesn't apply here.
    clearSelection();
    return clearSelection;
  }, []);

  if (problem?.status === 401) return <KeyForm />;
  return (
    <div class="page list-page deleted-page">
      <nav class="crumbs" aria-label="Where you are"><a href={listAddress()}><Icon name="back" /> Connectors</a></nav>
      <div class="list-head">
        <Heading focus={moved}>Deleted connectors</Heading>
        {seen && seen.total > 0 && (
          <label class="search">
            <Icon name="search" />
            <span class="hidden">Search</span>
            <input type="search" value={view.search} placeholder="Search names and ids…" onInput={(event) => go(address({ search: event.currentTarget.value }), { replace: true })} />
          </label>
        )}
      </div>
      <div aria-live="polite">
        {problem instanceof Away && <AwayNotice {...{ problem, since, retryAt }} onRetry={retry} />}
        {problem?.status === 403 && <Forbidden reason={problem.message} />}
        {problem && !(problem instanceof Away) && problem.status !== 403 && <Callout kind="bad" title={problem.message} />}
      </div>
      {!seen && !problem && <Skeleton rows={5} />}
      {seen?.total === 0 && (
        <section class="card empty">
          <h2>No deleted connectors</h2>
          <p class="muted">Deleted connectors are listed here and can be restored, unless they were erased.</p>
          <a class="button" href={listAddress()}>Back to all connectors</a>
        </section>
      )}
      {seen && seen.total > 0 && (
        <section class="card list" aria-label="Deleted connectors" aria-busy={!seen.isCurrent}>
          <p class="list-note muted small">Deleted connectors keep their document, history and sync jobs. You can restore one unless another connector has taken its index.</p>
          <SelectionBar offered={["restore"]} total={seen.count} all={() => selectAll(view, seen.count)} />
          {seen.rows.length > 0
            ? <DataTable class="connectors" columns={columns} rows={seen.rows} sort={view.sort} down={view.down} onSort={(sort, down) => go(address({ sort, down }))}
                selected={selection.value} onSelect={select} />
            : <p class="nothing muted">No deleted connectors match. <button type="button" class="link" onClick={() => go(address({ search: "" }))}>Clear the search</button></p>}
          {seen.pages > 1 && (
            <footer class="pages">
              <span class="muted">{seen.count.toLocaleString("en")} deleted</span>
              <Pages page={seen.page} pages={seen.pages} onTurn={(page) => go(address({ page }))} />
            </footer>
          )}
        </section>
      )}
    </div>
  );
}
