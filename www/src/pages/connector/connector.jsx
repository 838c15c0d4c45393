// The page of a connector.

import { useEffect, useRef, useState } from "preact/hooks";

import { href } from "../../core/address.js";
import { Away } from "../../core/reasons.js";
import { label } from "../../core/statuses.js";
import { send } from "../../stores/api.js";
import { connectorStore } from "../../stores/connector.js";
import { useFollow } from "../../stores/feed.js";
import { barredFrom } from "../../stores/identity.js";
import { listAddress } from "../../stores/list.js";
import { undelete } from "../../stores/restore.js";
import { go } from "../../stores/route.js";
import { forgetOutcomes } from "../../stores/writes.js";
import { AwayNotice } from "../../ui/away.jsx";
import { Barred } from "../../ui/barred.jsx";
import { Boundary } from "../../ui/boundary.jsx";
import { Callout } from "../../ui/callout.jsx";
import { Icon } from "../../ui/icons.jsx";
import { later } from "../../ui/later.jsx";
import { Forbidden } from "../../ui/outcome.jsx";
import { Copy, Heading, Odd, Origin, Skeleton } from "../../ui/parts.jsx";
import { Badge } from "../../ui/status.jsx";
import { Ago, For, LastSeen } from "../../ui/times.jsx";
import { KeyForm } from "../key.jsx";
import { History } from "./history.jsx";
import { Overview } from "./overview.jsx";

/** The sections: their name in the address, their title, what shows them.
 * @type {[string, string, any][]} */
const sections = [
  ["", "Overview", Overview],
  ["status", "Status", later(() => import("./status.jsx"))],
  ["history", "History", History],
  ["configuration", "Configuration", later(() => import("./configuration.jsx"))],
  ["scheduling", "Scheduling", later(() => import("./scheduling.jsx"))],
  ["filtering", "Sync rules", later(() => import("./filtering.jsx"))],
  ["jobs", "Sync jobs", later(() => import("./jobs.jsx"))],
  ["notifications", "Notifications", later(() => import("./notifications.jsx"))],
  ["document", "Document", later(() => import("./document.jsx"))],
  ["settings", "Settings", later(() => import("./settings.jsx"))],
];

/** @param {{ id: string, query: URLSearchParams, moved: boolean }} props */
export default function Connector({ id, query, moved }) {
  const store = connectorStore(id);
  const barred = barredFrom(id);
  const wanted = query.get("tab") ?? "";
  const [section, , Section] = sections.find(([name]) => name === wanted) ?? sections[0];
  const { problem, since, retryAt, refresh, retry } = useFollow((signal) => store.load(signal), id, { needsReload: (event) => store.apply(event) });
  const seen = store.seen.value;
  const overdue = store.overdue.value;
  useEffect(() => {
    if (overdue > 0) refresh();
  }, [overdue]);

  const status = seen?.view.status;
  const name = seen?.doc.name || id;
  useEffect(() => {
    document.title = status ? `${label(status)} · ${name}` : id;
  }, [status, name]);
  useEffect(() => {
    /** @param {KeyboardEvent} event */
    const press = ({ key, target, defaultPrevented }) => {
      const isEditing = /** @type {Element} */ (target).closest("dialog, input, textarea, select");
      if (key === "Escape" && !defaultPrevented && !isEditing) go(listAddress());
    };
    addEventListener("keydown", press);
    return () => {
      removeEventListener("keydown", press);
      // Outcomes are shown until the user leaves the connector.
      forgetOutcomes(`${id} `);
    };
  }, []);

  if (problem?.status === 401) return <KeyForm />;
  const gone = problem?.status === 404;
  const away = problem instanceof Away;
  return (
    <div class="page connector-page">
      <nav class="crumbs" aria-label="Where you are"><a href={listAddress()}><Icon name="back" /> Connectors</a></nav>
      <div aria-live="polite">
        {away && <AwayNotice {...{ problem, since, retryAt }} onRetry={retry} />}
        {problem?.status === 403 && <Forbidden reason={problem.message} />}
        {problem && !away && ![403, 404].includes(problem.status ?? 0) && <Callout kind="bad" title={problem.message} />}
      </div>
      {gone && <Gone {...{ id, store, seen, moved, barred, refresh }} />}
      {seen && !gone && (
        <>
          <Title {...{ store, seen, moved }} />
          <Tabs {...{ id, section }} />
          <Barred why={barred} />
          <Odd odd={seen.doc.odd} />
          <div aria-live="polite">
            <Elsewhere store={store} />
          </div>
          <div class="panel" key={section}>
            <Boundary><Section {...{ id, store, seen, query, away, barred, refresh }} /></Boundary>
          </div>
        </>
      )}
      {!seen && !problem && <Skeleton rows={4} />}
    </div>
  );
}

/** The connector doesn't exist, or was deleted and can be restored. */
function Gone({ id, store, seen, moved, barred, refresh }) {
  const [deleted, setDeleted] = useState(/** @type {{ name?: string } | undefined} */ (undefined));
  useEffect(() => {
    const stop = new AbortController();
    send("GET", `${store.path}?include_deleted=true`, { signal: stop.signal }).then(({ body }) => setDeleted(body), () => {});
    return () => stop.abort();
  }, []);
  const name = deleted?.name || id;
  return (
    <section class="card gate">
      <Heading focus={moved}>{seen || deleted ? "This connector has been deleted" : "Connector not found"}</Heading>
      <p class="muted"><code>{id}</code></p>
      {deleted && (
        <button type="button" class="primary" disabled={Boolean(barred)} title={barred} onClick={() => undelete(id, name).then(refresh)}>Restore connector</button>
      )}
      <a class="button" href={listAddress()}>Back to all connectors</a>
    </section>
  );
}

function Tabs({ id, section }) {
  const nav = useRef(/** @type {any} */ (null));
  useEffect(() => nav.current.querySelector("[aria-current]").scrollIntoView({ block: "nearest", inline: "center" }), [section]);
  return (
    <nav class="tabs" aria-label="Sections" ref={nav}>
      {sections.map(([name, title]) => (
        <a key={name} href={href(id, { tab: name })} aria-current={name === section ? "page" : undefined}>{title}</a>
      ))}
    </nav>
  );
}

const Title = ({ store, seen: { view, doc }, moved }) => (
  <div class="about">
    <div class="about-line">
      <Heading focus={moved} title={doc.name}>{doc.name || <span class="muted">Unnamed connector</span>}</Heading>
      <Badge status={view.status} large />
    </div>
    <div class="about-facts">
      <p class="id"><code title={store.id}>{store.id}</code><Copy text={store.id} what="the id" /></p>
      {view.since && <span>{label(view.status)} <For at={view.since} /></span>}
      <span><Seen store={store} /></span>
    </div>
  </div>
);

/** Heartbeats draw this alone. */
const Seen = ({ store }) => <LastSeen at={store.lastSeen.value} intro="Last seen" />;

function Elsewhere({ store }) {
  const { before, to, change } = store.elsewhere.value ?? {};
  if (!before) return null;
  return (
    <Callout kind="note" title={`Changed elsewhere: ${label(before)} to ${label(to)}.`} onClose={() => (store.elsewhere.value = undefined)}>
      {change && <p><Ago at={change.at} />, <Origin {...change} /></p>}
    </Callout>
  );
}
