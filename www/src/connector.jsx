// One connector: what it is, where it is, and everything that can be done with it.

import { useEffect, useRef, useState } from "preact/hooks";

import { Barred, Forbidden, KeyForm, useBarred } from "./access.jsx";
import { Away, pathOf, send } from "./api.js";
import { AwayNotice } from "./away.jsx";
import { listAddress } from "./connectors.jsx";
import { noteWrite } from "./directory.js";
import { useFollow } from "./follow.js";
import { History } from "./history.jsx";
import { Ago, Callout, Copy, For, Heading, Icon, isSilent, LastSeen, noteSilence, Odd, Origin, Skeleton, useNow } from "./parts.jsx";
import { readConnector } from "./read.js";
import { go, href } from "./route.js";
import { Badge, label } from "./status.jsx";
import { Status } from "./transition.jsx";

/** A change made elsewhere between looking and writing is met this often before we give up. */
const ATTEMPTS = 4;

/** Loads a section when it is shown for the first time. */
function later(load) {
  let Section;
  return function Later(props) {
    const [state, setState] = useState({});
    useEffect(() => {
      if (!Section) load().then(({ default: loaded }) => setState({ loaded: (Section = loaded) }), (error) => setState({ error }));
    }, []);
    if (Section) return <Section {...props} />;
    if (state.error) return <Callout kind="warn" icon="away" title="This section could not be loaded. Reload the page to try again." />;
    return <Skeleton rows={3} />;
  };
}

/** The sections: their name in the address, their title, what shows them. */
const sections = [
  ["", "Status", Status],
  ["history", "History", History],
  ["configuration", "Configuration", later(() => import("./configuration.jsx"))],
  ["scheduling", "Scheduling", later(() => import("./scheduling.jsx"))],
  ["jobs", "Sync jobs", later(() => import("./jobs.jsx"))],
  ["notifications", "Notifications", later(() => import("./notifications.jsx"))],
  ["document", "Document", later(() => import("./document.jsx"))],
  ["settings", "Settings", later(() => import("./settings.jsx"))],
];

export function Connector({ id, query, moved, onKey, onForget }) {
  const path = pathOf(id);
  const [seen, setSeen] = useState();
  const [elsewhere, setElsewhere] = useState();
  const latest = useRef();
  const busy = useRef(false);
  const drafts = useRef({});
  const now = useNow(1_000);
  const barred = useBarred(id);
  const wanted = query.get("tab") ?? "";
  const [section, , Section] = sections.find(([name]) => name === wanted) ?? sections[0];

  function show(found) {
    latest.current = { ...found, doc: readConnector(found.raw) };
    setSeen(latest.current);
  }

  /** Takes a change that is known already; tells whether there is more to it. */
  function hear({ type, id: about, version, connector, heartbeat }) {
    if (type !== "change" || about !== id || !latest.current) return type === "change" && about === id;
    const { view, raw, etag } = latest.current;
    if (Number(etag.slice(1, -1)) >= version && connector) return false;
    // Where the text of the document is shown, it has to be asked for.
    if (!heartbeat || section === "document") return true;
    const { last_seen } = connector;
    show({ ...latest.current, view: { ...view, last_seen }, raw: { ...raw, last_seen }, etag: `"${version}"`, isOld: true });
    return false;
  }

  /** Asks for what is new; answers how the status was changed, if not by us. */
  async function load(signal, own = false) {
    const { body: view, etag, unchanged } = await send("GET", `${path}/_status`, { seen: latest.current?.etag, signal });
    if (unchanged) return undefined;
    if (view.silent_after_seconds) noteSilence(view.silent_after_seconds);
    const { body: raw, text } = await send("GET", path, { signal });
    // What was asked before a change of ours and answered after it is of no use.
    if (busy.current && !own) return undefined;
    const before = latest.current?.view;
    show({ view, raw, text, etag });
    return before && before.status !== view.status && { before: before.status, change: view.history[0], to: view.status };
  }

  const { problem, since, retryAt, refresh, retry } = useFollow(async (signal) => {
    if (busy.current) return;
    const change = await load(signal);
    if (change) setElsewhere(change);
  }, path, { hear });

  /** The list shows at once what was written here. */
  function note() {
    const { view, doc, etag } = latest.current;
    const { name, description, index_name, service_type } = doc;
    const { status, since, last_seen, error } = view;
    noteWrite({ id, version: Number(etag.slice(1, -1)), name, description, index_name, service_type, status, since, last_seen, error });
  }

  /**
   * Sends a change, unless what it is about - `about(latest)` - is no longer as it was when the
   * visitor decided, `base`. Other changes in between, such as a heartbeat, do not count. Answers
   * `{ state: "updated" | "noop" | "overtaken" }`.
   */
  async function change({ method = "PUT", endpoint, body, about, base }) {
    const isSame = () => JSON.stringify(about(latest.current)) === JSON.stringify(base);
    busy.current = true;
    setElsewhere(undefined);
    try {
      for (let n = 1; isSame(); n += 1) {
        try {
          const { body: answer } = await send(method, path + endpoint, { body, ifMatch: latest.current.etag });
          if (method !== "DELETE") await load(undefined, true).then(note, () => {});
          return { state: answer.result ?? "updated" };
        } catch (error) {
          if (error.status !== 412 || n === ATTEMPTS) throw error;
          await load(undefined, true);
        }
      }
      return { state: "overtaken", view: latest.current.view };
    } finally {
      busy.current = false;
      if (method !== "DELETE") refresh();
    }
  }

  const status = seen?.view.status;
  const name = seen?.doc.name || id;
  useEffect(() => {
    document.title = status ? `${label(status)} · ${name}` : id;
  }, [status, name]);
  useEffect(() => {
    const press = ({ key, target, defaultPrevented }) => {
      const isEditing = target.closest("dialog, input, textarea, select") || Object.values(drafts.current).some(Boolean);
      if (key === "Escape" && !defaultPrevented && !isEditing) go(listAddress());
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);

  if (problem?.status === 401) return <KeyForm onKey={onKey} />;
  const gone = problem?.status === 404;
  const away = problem instanceof Away;
  return (
    <>
      <nav class="crumbs" aria-label="Where you are"><a href={listAddress()}><Icon name="back" /> Connectors</a></nav>
      <div aria-live="polite">
        {away && <AwayNotice {...{ problem, since, retryAt }} onRetry={retry} />}
        {problem?.status === 403 && <Forbidden reason={problem.message} onForget={onForget} />}
        {problem && !away && ![403, 404].includes(problem.status) && <Callout kind="bad" title={problem.message} />}
      </div>
      {gone && (
        <section class="card gate">
          <Heading focus={moved}>{seen ? "This connector has been deleted" : "There is no such connector"}</Heading>
          <p class="muted"><code>{id}</code></p>
          <a class="button" href={listAddress()}>Back to all connectors</a>
        </section>
      )}
      {seen && !gone && (
        <>
          <Title {...{ id, seen, now, moved }} />
          <Tabs {...{ id, section }} />
          <Barred why={barred} />
          <Odd odd={seen.doc.odd} />
          <div aria-live="polite">
            {elsewhere && <Elsewhere {...elsewhere} now={now} onClose={() => setElsewhere(undefined)} />}
          </div>
          <div class="panel" key={section}>
            <Section {...{ id, path, seen, query, now, away, barred, change, refresh, onForget }} drafts={drafts.current} />
          </div>
        </>
      )}
      {!seen && !problem && <Skeleton rows={4} />}
    </>
  );
}

function Tabs({ id, section }) {
  const nav = useRef();
  useEffect(() => nav.current.querySelector("[aria-current]").scrollIntoView({ block: "nearest", inline: "center" }), [section]);
  return (
    <nav class="tabs" aria-label="Sections" ref={nav}>
      {sections.map(([name, title]) => (
        <a key={name} href={href(id, { tab: name })} aria-current={name === section ? "page" : undefined}>{title}</a>
      ))}
    </nav>
  );
}

const Title = ({ id, seen: { view, doc }, now, moved }) => (
  <div class="about">
    <div class="about-line">
      <Heading focus={moved} title={doc.name}>{doc.name || <span class="muted">Unnamed connector</span>}</Heading>
      <Badge status={view.status} large />
    </div>
    <div class="about-facts">
      <p class="id"><code title={id}>{id}</code><Copy text={id} what="the id" /></p>
      {view.since && <span>{label(view.status)} <For at={view.since} now={now} /></span>}
      <span>{doc.last_seen && !isSilent(doc.last_seen, now) && <span class="muted">Last seen </span>}<LastSeen at={doc.last_seen} now={now} /></span>
    </div>
  </div>
);

const Elsewhere = ({ before, to, change, now, onClose }) => (
  <Callout kind="note" title={`Changed elsewhere: ${label(before)} to ${label(to)}.`} onClose={onClose}>
    {change && <p><Ago at={change.at} now={now} />, <Origin {...change} /></p>}
  </Callout>
);
