// One connector as its page shows it.

import { signal } from "@preact/signals";

import { pathOf } from "../core/address.js";
import { readConnector } from "../core/documents.js";
import { send } from "./api.js";
import { noteWrite } from "./directory.js";
import { noteSilence } from "./silence.js";
import { write } from "./writes.js";

/**
 * @typedef {Record<string, any>} Document
 * @typedef {{ status: string, since?: string, history: any[] } & Record<string, any>} View as `_status` answers
 * @typedef {{ view: View, raw: Document, text: string, doc: Document, etag: string }} Seen
 * @typedef {{ before: string, to: string, change?: any }} Elsewhere a change of the status that this page has not made
 */

/** @type {Map<string, Connector>} */
const stores = new Map();

/** The store of a connector. It is kept, so that a write that is under way ends well whatever is looked at.
 * @param {string} id */
export function connectorStore(id) {
  let store = stores.get(id);
  if (!store) stores.set(id, (store = openConnector(id)));
  return store;
}

/** Forgets everything: for another visitor. */
export const forgetConnectors = () => stores.clear();

/** @typedef {ReturnType<typeof openConnector>} Connector */

/** @param {string} id */
function openConnector(id) {
  const path = pathOf(id);
  /** @type {import("@preact/signals").Signal<Seen | undefined>} */
  const seen = signal(undefined);
  /** A heartbeat changes this alone, so only what shows it is drawn anew.
   * @type {import("@preact/signals").Signal<string | undefined>} */
  const lastSeen = signal(undefined);
  /** Is the text of the document older than what is known of it? */
  const isTextOld = signal(false);
  /** @type {import("@preact/signals").Signal<Elsewhere | undefined>} */
  const elsewhere = signal(undefined);
  /** Counts looks that were put off because of a change of this page, and are due now. */
  const overdue = signal(0);
  let etag = "";
  let writing = 0;
  let isPutOff = false;

  const versionOf = () => Number(etag.slice(1, -1));

  /** Asks for what is stored now; answers the status before and after, if it is another.
   * @param {AbortSignal} [signal]
   * @param {boolean} [own] on behalf of a change that this page makes
   * @returns {Promise<Elsewhere | undefined>} */
  async function load(signal, own = false) {
    const { body: view, etag: tag = "", unchanged } = await send("GET", `${path}/_status`, { seen: seen.peek() && etag, signal });
    if (unchanged) return undefined;
    noteSilence(view.silent_after_seconds);
    const { body: raw, text = "" } = await send("GET", path, { signal });
    // What was asked before a change of ours and answered after it is of no use.
    if (writing > 0 && !own) {
      isPutOff = true;
      return undefined;
    }
    const before = seen.peek()?.view;
    etag = tag;
    const doc = readConnector(raw);
    seen.value = { view, raw, text, doc, etag };
    lastSeen.value = doc.last_seen;
    isTextOld.value = false;
    return before && before.status !== view.status ? { before: before.status, change: view.history[0], to: view.status } : undefined;
  }

  /** What is known, for a change. */
  const latest = () => ({ .../** @type {Seen} */ (seen.peek()), etag });

  return {
    id,
    path,
    seen,
    lastSeen,
    isTextOld,
    elsewhere,
    overdue,

    /** Looks whether there is something new.
     * @param {AbortSignal} signal */
    async load(signal) {
      if (writing > 0) {
        isPutOff = true;
        return;
      }
      const change = await load(signal);
      if (change) elsewhere.value = change;
    },

    /** Takes a change that is known already; tells whether there is more to it.
     * @param {import("./feed.js").WatchEvent} event */
    hear(event) {
      if (event.type !== "change" || event.id !== id) return false;
      const { version, connector, heartbeat } = event;
      if (!seen.peek()) return true;
      if (versionOf() >= version && connector) return false;
      if (!heartbeat || !connector) return true;
      etag = `"${version}"`;
      lastSeen.value = connector.last_seen ?? undefined;
      isTextOld.value = true;
      return false;
    },

    /**
     * Makes a change, unless what it is about - `about(latest)` - is no longer as it was when the visitor decided,
     * `base`. Other changes in between, such as a heartbeat, do not count. `isDone(latest)`: is all as wanted?
     * @param {{ method?: string, endpoint: string, body?: unknown, about: (latest: Seen) => unknown, base: unknown,
     *   isDone: (latest: Seen) => boolean, name?: string, what?: unknown }} change
     */
    async change({ method = "PUT", endpoint, body, about, base, isDone, name, what }) {
      const isRemoval = method === "DELETE";
      writing += 1;
      elsewhere.value = undefined;
      try {
        const done = await write({
          latest: latest(),
          about,
          base,
          isDone,
          isRemoval,
          send: async ({ etag }) => (await send(method, path + endpoint, { body, ifMatch: etag })).body,
          read: async () => (await load(undefined, true), latest()),
        }, { name, what });
        if (done.state === "updated" && !isRemoval) note();
        return done;
      } finally {
        writing -= 1;
        if (writing === 0 && isPutOff && !isRemoval) overdue.value += 1;
        if (writing === 0) isPutOff = false;
      }
    },
  };

  /** The list shows at once what was written here. */
  function note() {
    const { view, doc } = latest();
    const { name, description, index_name, service_type, last_synced, last_sync_status, last_indexed_document_count } = doc;
    const { status, since, last_seen, error } = view;
    noteWrite({ id, version: versionOf(), name, description, index_name, service_type, status, since, last_seen, error, last_synced, last_sync_status, last_indexed_document_count });
  }
}
