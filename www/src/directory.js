// All connectors, as the list shows them. They are loaded a page at a time and picked from here, so
// that filtering and sorting ten thousand rows is instant; each tick asks for one page only.

import { send } from "./api.js";
import { isSilent } from "./parts.jsx";
import { readConnector } from "./read.js";
import { urgent } from "./status.jsx";

const PAGE = 1_000;
/** The server's lists reach no further. */
export const REACH = 10_000;
/** So many rows are on a page of the list. */
export const ROWS = 100;

const fields = ["id", "name", "description", "index_name", "service_type", "status", "since", "last_seen", "error"];
const query = ["count", ...fields.map((field) => `results.${field}`)].join(",");

const natural = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
const textOrder = (field) => (a, b) => natural.compare(a[field], b[field]);
const newestFirst = (field) => (a, b) => Date.parse(b[field]) - Date.parse(a[field]);

/** What rows can be sorted by. Rows without the field come last, in both directions. */
const orders = {
  urgency: { field: "status", compare: (a, b) => urgent.indexOf(a.status) - urgent.indexOf(b.status) },
  since: { field: "since", compare: newestFirst("since") },
  name: { field: "title", compare: textOrder("title") },
  type: { field: "service_type", compare: textOrder("service_type") },
  index: { field: "index_name", compare: textOrder("index_name") },
  seen: { field: "last_seen", compare: newestFirst("last_seen") },
};

/**
 * The list as far as it is known. `follow` brings in more, or what is new; `look` answers what a
 * view shows: `{ total, complete, loaded, count, byStatus, types, silent, from, rows, page, pages }`.
 */
export function openDirectory() {
  let pages = [];
  let turn = 0;
  let rows = [];
  let total;
  let shown;

  async function load(page, signal) {
    const path = `/_connector?from=${page * PAGE}&size=${PAGE}&filter_path=${query}`;
    const { body, etag, unchanged } = await send("GET", path, { seen: pages[page]?.etag, signal });
    if (unchanged) return false;
    total = body.count;
    const loaded = (body.results ?? []).map(readRow);
    pages[page] = { etag, rows: loaded, place: new Map(loaded.map(({ id }) => [id, page])) };
    pages = pages.slice(0, Math.max(1, Math.ceil(Math.min(total, REACH) / PAGE)));
    // Somebody may move from one page to the next between two requests.
    rows = [...new Map(pages.flatMap((page) => page.rows).map((row) => [row.id, row])).values()];
    return true;
  }

  const isComplete = () => total !== undefined && pages.length * PAGE >= Math.min(total, REACH);

  return {
    /** Loads what is missing, telling `changed` of each page; then refreshes one page a call: that
     * of the rows on the screen and the others by turns. */
    async follow(signal, changed) {
      while (!isComplete()) {
        await load(pages.length, signal);
        changed();
        if (isComplete()) return;
      }
      turn += 1;
      const visible = pages.findIndex((page) => page.place.has(shown));
      const page = turn % 2 && visible >= 0 ? visible : (turn >> 1) % pages.length;
      if (await load(page, signal)) changed();
    },

    look(view, now) {
      if (total === undefined) return undefined;
      const words = view.search.toLowerCase().split(/\s+/).filter(Boolean);
      const passes = {
        search: (row) => words.every((word) => row.haystack.includes(word)),
        status: ({ status }) => view.status.length === 0 || view.status.includes(status),
        type: (row) => !view.type || row.service_type === view.type,
        silent: (row) => !view.silent || isSilent(row.last_seen, now),
      };
      /** The rows that pass every filter but one. */
      const without = (left) => {
        const tests = Object.entries(passes).filter(([name]) => name !== left).map(([, test]) => test);
        return rows.filter((row) => tests.every((test) => test(row)));
      };
      const found = sort(without(), view);
      const lastPage = Math.max(1, Math.ceil(found.length / ROWS));
      const page = Math.min(Math.max(1, view.page), lastPage);
      const from = (page - 1) * ROWS;
      const visible = found.slice(from, from + ROWS);
      shown = visible[0]?.id;
      return {
        total,
        complete: isComplete(),
        loaded: rows.length,
        count: found.length,
        byStatus: countBy(without("status"), "status"),
        types: [...new Set(rows.map((row) => row.service_type).filter(Boolean))].sort(natural.compare),
        silent: without("silent").filter((row) => isSilent(row.last_seen, now)).length,
        from,
        rows: visible,
        page,
        pages: lastPage,
      };
    },
  };
}

function readRow(raw) {
  const row = readConnector(raw);
  row.title = row.name || row.id;
  row.haystack = fields.filter((field) => field !== "status").map((field) => row[field]).join("\n").toLowerCase();
  return row;
}

function sort(rows, { sort, down }) {
  const { field, compare } = orders[sort];
  const side = down ? -1 : 1;
  const byTitle = orders.name.compare;
  const has = (row) => Boolean(row[field]);
  // Within a status, what changed last comes first.
  const second = (a, b) => (sort === "urgency" && a.since && b.since ? orders.since.compare(a, b) : 0);
  return [...rows].sort((a, b) => {
    if (has(a) !== has(b)) return has(a) ? -1 : 1;
    return (has(a) && side * compare(a, b)) || second(a, b) || byTitle(a, b) || natural.compare(a.id, b.id);
  });
}

function countBy(rows, field) {
  const counts = {};
  for (const row of rows) counts[row[field]] = (counts[row[field]] ?? 0) + 1;
  return counts;
}
