// The list of connectors. The server filters, sorts, counts and pages it.

import { signal } from "@preact/signals";

import { readConnector } from "../core/documents.js";
import { REACH, ROWS, summaryPath } from "../core/list.js";
import { isSilent } from "../core/time.js";
import { send } from "./api.js";
import { noteSilence, silentAfter } from "./silence.js";

/** Delays requests while the user types. */
const TYPING = 150;
/** By then the server's list has what this page has written. */
const WRITTEN_FOR = 3_000;

const natural = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/**
 * @typedef {import("../core/list.js").View} View
 * @typedef {Record<string, any> & { id: string, version: number, status: string, odd: string[], title: string, raw: Record<string, any> }} Row
 */

/** What this page has written, until the server's list is sure to have it.
 * @type {Map<string, { row: { id: string, version: number } & Record<string, any>, until: number }>} */
const written = new Map();
const writes = signal(0);

/** Notes the state of a connector after a write of this page.
 * @param {{ id: string, version: number } & Record<string, any>} row */
export function noteWrite(row) {
  written.set(row.id, { row, until: Date.now() + WRITTEN_FOR });
  writes.value += 1;
}

/** The page number of a view, within the server's limits.
 * @param {View} view */
const wanted = ({ page }) => Math.min(Math.max(1, page), REACH / ROWS);

/** @param {View} view
 * @param {number} page */
const pathOf = (view, page) => summaryPath(view, (page - 1) * ROWS, ROWS);

/** The newest list from the server: `load` requests a view, `look` returns it. */
export function openDirectory() {
  /** @type {import("@preact/signals").Signal<{ path: string, etag?: string, page: number, pages: number, answer: any, rows: Row[] } | undefined>} */
  const last = signal(undefined);
  let typed = "";

  /** @param {View} view
   * @param {number} page
   * @param {AbortSignal} signal
   * @returns {Promise<void>} */
  async function ask(view, page, signal) {
    const path = pathOf(view, page);
    const before = last.peek();
    const { body, etag, unchanged } = await send("GET", path, { seen: before?.path === path ? before.etag : undefined, signal });
    if (unchanged) return undefined;
    noteSilence(body.silent_after_seconds);
    const pages = Math.max(1, Math.ceil(Math.min(body.count, REACH) / ROWS));
    if (page > pages) return ask(view, pages, signal);
    last.value = { path, etag, page, pages, answer: body, rows: (body.results ?? []).map(readRow) };
    return undefined;
  }

  return {
    /** @param {View} view
     * @param {AbortSignal} signal */
    async load(view, signal) {
      const isTyping = typed !== view.search && last.peek();
      typed = view.search;
      if (isTyping) await new Promise((resolve) => setTimeout(resolve, TYPING));
      signal.throwIfAborted();
      await ask(view, wanted(view), signal);
    },

    /** Applies a change to the rows. Returns whether order or counts may have changed.
     * @param {import("./feed.js").WatchEvent} event */
    apply(event) {
      const before = last.peek();
      if (event.type !== "change" || !before) return false;
      const { id, version, connector, heartbeat } = event;
      if (!(version < (written.get(id)?.row.version ?? 0))) written.delete(id);
      const row = before.rows.find((row) => row.id === id);
      if (row && !before.path.includes("deleted=true")) {
        const rows = before.rows.flatMap((other) => (other !== row ? other : connector ? readRow({ ...row.raw, ...connector, version }) : []));
        last.value = { ...before, rows };
      }
      return !heartbeat || Boolean(row && isSilent(row.last_seen, Date.now(), silentAfter()));
    },

    /** @param {View} view */
    look(view) {
      writes.value;
      if (!last.value) return undefined;
      const { path, answer, rows, page, pages } = last.value;
      const now = Date.now();
      for (const [id, { until }] of written) if (until < now) written.delete(id);
      const shown = rows.map((row) => {
        const own = written.get(row.id);
        return own ? readRow({ ...row.raw, ...own.row }) : row;
      });
      return {
        total: /** @type {number} */ (answer.total),
        count: /** @type {number} */ (answer.count),
        byStatus: /** @type {Record<string, number>} */ (answer.by_status),
        types: Object.keys(answer.by_service_type).filter(Boolean).sort(natural.compare),
        silent: /** @type {number} */ (answer.silent),
        causes: /** @type {{ cause: string, count: number }[]} */ (answer.causes ?? []),
        from: (page - 1) * ROWS,
        rows: shown,
        page,
        pages,
        isCurrent: path === pathOf(view, Math.min(wanted(view), pages)),
      };
    },
  };
}

/** @typedef {NonNullable<ReturnType<ReturnType<typeof openDirectory>["look"]>>} Look */

/** @param {any} raw
 * @returns {Row} */
export function readRow(raw) {
  const row = /** @type {any} */ (readConnector(raw));
  return { ...row, raw, title: row.name || row.id };
}
