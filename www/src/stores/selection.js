// The selected connectors, for bulk actions.

import { effect, signal } from "@preact/signals";

import { REACH, summaryPath } from "../core/list.js";
import { send } from "./api.js";
import { readRow } from "./directory.js";
import { visitor } from "./identity.js";

/** @typedef {import("../core/actions.js").Item} Item */

/** The selected connectors by their ids.
 * @type {import("@preact/signals").Signal<Map<string, Item>>} */
export const selection = signal(new Map());

effect(() => {
  visitor.value;
  selection.value = new Map();
});

/** @param {Item[]} items
 * @param {boolean} on */
export function select(items, on) {
  const next = new Map(selection.peek());
  for (const item of items) {
    if (on) next.set(item.id, item);
    else next.delete(item.id);
  }
  selection.value = next;
}

export const clearSelection = () => (selection.value = new Map());

/** Selects all that a view matches, within the server's limit.
 * @param {import("../core/list.js").View} view
 * @param {number} count how many there are */
export async function selectAll(view, count) {
  const { body } = await send("GET", summaryPath(view, 0, Math.min(count, REACH)), { patience: 60_000 });
  select((body.results ?? []).map(readRow), true);
}
