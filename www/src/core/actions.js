// What can be done with many connectors at once. Each action says of one connector whether it makes sense, and is
// carried out one connector at a time.

import { refusal } from "./jobs.js";

/**
 * @typedef {{ id: string, title: string, version: number, status: string, since?: string, error?: string, index_name?: string, service_type?: string }} Item
 *   a connector as a row of the list has it
 * @typedef {{ verb: string, done: string, about: string, isDangerous?: boolean, skip: (item: Item) => string | undefined }} Action
 *   `verb`: what the button says; `done`: what is said of those it was done with; `about`: what it does, in a sentence;
 *   `skip(item)`: why there is nothing to do with this one
 */

/** @typedef {"sync" | "connected" | "delete" | "restore"} ActionName */

/** @type {Record<ActionName, Action>} */
export const actions = {
  sync: {
    verb: "Start a sync",
    done: "sync requested",
    about: "Requests a full sync of each. The connector service starts them as it can.",
    skip: (item) => refusal(item, "full"),
  },
  connected: {
    verb: "Mark as connected",
    done: "marked as connected",
    about: "Removes the error of each and moves it to Connected. If the cause is still there, the connector service reports it again.",
    skip: ({ status, error }) =>
      status === "connected" && !error ? "It is connected, without an error." : ["configured", "connected", "error"].includes(status) ? undefined : "It has to be configured first.",
  },
  delete: {
    verb: "Delete",
    done: "deleted",
    about: "They disappear from lists, and their indices are free for others. They can be restored.",
    isDangerous: true,
    skip: () => undefined,
  },
  restore: {
    verb: "Restore",
    done: "restored",
    about: "They come back to the list as they were.",
    skip: () => undefined,
  },
};

/**
 * What became of one of many: `skipped` where there was nothing to do.
 * @typedef {{ item: Item, state: "waiting" | "running" | "done" | "skipped" | "failed" | "unknown", reason?: string }} Step
 */

/** How many steps are in which state.
 * @param {Step[]} steps */
export function tally(steps) {
  const counts = { waiting: 0, running: 0, done: 0, skipped: 0, failed: 0, unknown: 0 };
  for (const { state } of steps) counts[state] += 1;
  return counts;
}
