// "Mark as connected" on one connector's page.

import { toast } from "./toasts.js";

/** Removes the error text and moves the connector to Connected. If it was in Error, that can be undone.
 * @param {import("./connector.js").Connector} store
 * @param {string} name under which what becomes of it is kept
 * @param {{ done: unknown, undone: unknown }} [what] what this is called with it, and what taking it back is */
export async function markConnected(store, name, { done, undone } = { done: "connected", undone: "undo" }) {
  const seen = store.seen.peek();
  if (!seen) return;
  const { error } = seen.doc;
  const place = (/** @type {import("./connector.js").Seen} */ { view }) => [view.status, view.since];
  const { state } = await store.change({
    endpoint: "/_error",
    body: { error: null },
    name,
    what: done,
    about: place,
    base: place(seen),
    isDone: ({ view, doc }) => view.status === "connected" && !doc.error,
  });
  // The error text of a connector in another status can't be brought back: reporting an error moves it to Error.
  if (state !== "updated" || !error || seen.view.status !== "error") return;
  const after = store.seen.peek();
  if (!after) return;
  toast("Marked as connected.", {
    title: "Undo",
    act: () =>
      void store.change({
        endpoint: "/_error",
        body: { error },
        name,
        what: undone,
        about: place,
        base: place(after),
        isDone: ({ view, doc }) => view.status === "error" && doc.error === error,
      }),
  });
}
