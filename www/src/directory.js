// All connectors, loaded a page at a time: filtering and sorting ten thousand rows here is
// instant, and each tick asks for one page only.

import { send } from "./api.js";

const PAGE = 1_000;
/** The server's lists reach no further. */
export const REACH = 10_000;

const fields = ["id", "name", "index_name", "service_type", "status", "last_seen", "error"];
const query = ["count", ...fields.map((field) => `results.${field}`)].join(",");

/** The list as far as it is known; `load` brings in more, or what is new. */
export function openDirectory() {
  let pages = [];
  let turn = 0;

  async function load(page, signal) {
    const path = `/_connector?from=${page * PAGE}&size=${PAGE}&filter_path=${query}`;
    const { body, etag, unchanged } = await send("GET", path, { seen: pages[page]?.etag, signal });
    if (unchanged) return false;
    directory.count = body.count;
    const rows = body.results ?? [];
    pages[page] = { etag, rows, place: new Map(rows.map(({ id }) => [id, page])) };
    pages = pages.slice(0, Math.max(1, Math.ceil(Math.min(body.count, REACH) / PAGE)));
    // Somebody may move from one page to the next between two requests.
    directory.rows = [...new Map(pages.flatMap((page) => page.rows).map((row) => [row.id, row])).values()];
    return true;
  }

  const directory = {
    rows: [],
    count: undefined,
    /** Is every page there? */
    get complete() {
      return directory.count !== undefined && pages.length * PAGE >= Math.min(directory.count, REACH);
    },
    /** Loads what is missing, telling `changed` of each page; then refreshes one page a call: that
     * of the row `shown` and the others by turns. */
    async follow(signal, shown, changed) {
      while (!directory.complete) {
        await load(pages.length, signal);
        changed();
        if (directory.complete) return;
      }
      turn += 1;
      const visible = pages.findIndex((page) => page.place.has(shown));
      const page = turn % 2 && visible >= 0 ? visible : (turn >> 1) % pages.length;
      if (await load(page, signal)) changed();
    },
  };
  return directory;
}
