// One connector, for its page.

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

/** The store of a connector. It is kept, so that a write can finish while another page is shown.
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
  /** A heartbeat changes only this, so only its component is redrawn.
   * @type {import("@preact/signals").Signal<string | undefined>} */
  const lastSeen = signal(undefined);
  /** Whether a heartbeat has come since the document was loaded. */
  const isTextOld = signal(false);
  /** @type {import("@preact/signals").Signal<Elsewhere | undefined>} */
  const elsewhere = signal(undefined);
  /** Incremented when a load that was postponed by a write is due. */
  const overdue = signal(0);
  let etag = "";
  let writing = 0;
  let isPutOff = false;

  const versionOf = () => Number(etag.slice(1, -1));

  /** Loads the stored state. Returns the status before and after, if it has changed.
   * @param {AbortSignal} [signal]
   * @param {boolean} [own] on behalf of a change that this page makes
   * @returns {Promise<Elsewhere | undefined>} */
  async function load(signal, own = false) {
    const { body: view, etag: tag = "", unchanged } = await send("GET", `${path}/_status`, { seen: seen.peek() && etag, signal });
    if (unchanged) return undefined;
    noteSilence(view.silent_after_seconds);
    const { body: raw, text = "" } = await send("GET", path, { signal });
    // A response that a write of ours has overtaken is out of date.
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

    /** Loads what is new.
     * @param {AbortSignal} signal */
    async load(signal) {
      if (writing > 0) {
        isPutOff = true;
        return;
      }
      const change = await load(signal);
      if (change) elsewhere.value = change;
    },

    /** Applies an event. Returns whether more has to be loaded.
     * @param {import("./feed.js").WatchEvent} event */
    apply(event) {
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
     * Makes a write, unless its subject, `about(latest)`, is no longer `base`, its value when the user decided. Other
     * changes in between, such as a heartbeat, don't matter. `isDone(latest)`: whether everything is as wanted.
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

  /** Makes the list show at once what was written here. */
  function note() {
    const { view, doc } = latest();
    const { name, description, index_name, service_type, last_synced, last_sync_status, last_indexed_document_count } = doc;
    const { status, since, last_seen, error } = view;
    noteWrite({ id, version: versionOf(), name, description, index_name, service_type, status, since, last_seen, error, last_synced, last_sync_status, last_indexed_document_count });
  }
}
