// The list of connectors, as the server's summary has it: filtered, sorted, counted and cut into pages there.

import { send } from "./api.js";
import { isSilent, noteSilence } from "./parts.jsx";
import { readConnector } from "./read.js";

/** So many rows are on a page of the list. */
export const ROWS = 100;
/** The server's lists reach no further. */
export const REACH = 10_000;
/** Who types is not answered letter by letter. */
const TYPING = 150;
/** What this page has written is in the server's list by then. */
const WRITTEN_FOR = 3_000;

/** What the list can be sorted by: what the server calls it, and which way comes first. */
export const orders = {
  urgency: ["urgency", "asc"],
  since: ["since", "desc"],
  name: ["name", "asc"],
  type: ["service_type", "asc"],
  index: ["index_name", "asc"],
  seen: ["last_seen", "desc"],
};

const natural = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** What this page has written, until the list is sure to know it. */
const written = new Map();

/** Notes how a connector is after a change of this page: `{ id, version, ...fields }`. */
export const noteWrite = (row) => written.set(row.id, { row, until: Date.now() + WRITTEN_FOR });

/** The page that a view is for, as far as there can be one. */
const wanted = ({ page }) => Math.min(Math.max(1, page), REACH / ROWS);

function pathOf({ search, status, type, silent, sort, down }, page) {
  const [field, first] = orders[sort];
  const direction = down ? (first === "asc" ? "desc" : "asc") : first;
  const query = new URLSearchParams({ sort: `${field}:${direction}`, from: (page - 1) * ROWS, size: ROWS });
  for (const [name, value] of Object.entries({ query: search.trim(), status: status.join(","), service_type: type, silent: silent && "true" })) {
    if (value) query.set(name, value);
  }
  return `/_connector/_summary?${query}`;
}

/**
 * The list as it was shown last. `load` asks for what a view shows, `look` answers the last answer:
 * `{ total, count, byStatus, types, silent, from, rows, page, pages, isCurrent }`.
 */
export function openDirectory() {
  let last;
  let typed = "";

  async function ask(view, page, signal) {
    const path = pathOf(view, page);
    const { body, etag, unchanged } = await send("GET", path, { seen: last?.path === path ? last.etag : undefined, signal });
    if (unchanged) return;
    if (body.silent_after_seconds) noteSilence(body.silent_after_seconds);
    const pages = Math.max(1, Math.ceil(Math.min(body.count, REACH) / ROWS));
    if (page > pages) return ask(view, pages, signal);
    last = { path, etag, page, pages, answer: body, rows: (body.results ?? []).map(readRow) };
  }

  return {
    async load(view, signal) {
      const isTyping = typed !== view.search && last;
      typed = view.search;
      if (isTyping) await new Promise((resolve) => setTimeout(resolve, TYPING));
      signal.throwIfAborted();
      await ask(view, wanted(view), signal);
    },

    /** Takes a change into the rows; tells whether the order or the counts may be others now. */
    hear({ type, id, version, connector, heartbeat }, now) {
      if (type !== "change" || !last) return false;
      if (!(version < written.get(id)?.row.version)) written.delete(id);
      const row = last.rows.find((row) => row.id === id);
      if (row) last.rows = last.rows.flatMap((other) => (other !== row ? other : connector ? readRow({ ...row.raw, ...connector }) : []));
      return !heartbeat || Boolean(row && isSilent(row.last_seen, now));
    },

    look(view, now) {
      if (!last) return undefined;
      const { path, answer, rows, page, pages } = last;
      for (const [id, { until }] of written) if (until < now) written.delete(id);
      const shown = rows.map((row) => (written.has(row.id) ? readRow({ ...row.raw, ...written.get(row.id).row }) : row));
      return {
        total: answer.total,
        count: answer.count,
        byStatus: answer.by_status,
        types: Object.keys(answer.by_service_type).filter(Boolean).sort(natural.compare),
        silent: answer.silent,
        from: (page - 1) * ROWS,
        rows: shown,
        page,
        pages,
        isCurrent: path === pathOf(view, Math.min(wanted(view), pages)),
      };
    },
  };
}

function readRow(raw) {
  const row = readConnector(raw);
  return { ...row, raw, title: row.name || row.id };
}
