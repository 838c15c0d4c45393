// Bulk actions. Each one says whether it applies to a connector, and is carried out connector by connector.

import { refusal } from "./jobs.js";

/**
 * @typedef {{ id: string, title: string, version: number, status: string, since?: string, error?: string, index_name?: string, service_type?: string }} Item
 *   a connector as a row of the list has it
 * @typedef {{ verb: string, done: (connectors: string) => string, about: string, isDangerous?: boolean, skip: (item: Item) => string | undefined }} Action
 *   `verb`: the button's label; `done`: the result, given "3 connectors"; `about`: what the action does, in a sentence;
 *   `skip(item)`: why the action doesn't apply to this connector
 */

/** @typedef {"sync" | "connected" | "unmark" | "delete" | "restore"} ActionName */

/** @type {Record<ActionName, Action>} */
export const actions = {
  sync: {
    verb: "Start a sync",
    done: (connectors) => `Sync requested for ${connectors}`,
    about: "Requests a full sync of each connector. The connector service starts them when it can.",
    skip: (item) => refusal(item, "full"),
  },
  connected: {
    verb: "Mark as connected",
    done: (connectors) => `${connectors} marked as connected`,
    about: "Removes each connector's error and moves it to Connected. If the cause persists, the connector service reports it again.",
    skip: ({ status, error }) =>
      status === "connected" && !error ? "Already connected, without an error." : ["configured", "connected", "error"].includes(status) ? undefined : "Needs to be configured first.",
  },
  unmark: {
    verb: "Undo",
    done: (connectors) => `${connectors} moved back to Error`,
    about: "Moves each connector back to Error, with its error text.",
    skip: () => undefined,
  },
  delete: {
    verb: "Delete",
    done: (connectors) => `${connectors} deleted`,
    about: "Deleted connectors disappear from lists and release their indices. You can restore them.",
    isDangerous: true,
    skip: () => undefined,
  },
  restore: {
    verb: "Restore",
    done: (connectors) => `${connectors} restored`,
    about: "Restored connectors are as they were before they were deleted.",
    skip: () => undefined,
  },
};

/**
 * The result for one of many: `skipped` if the action doesn't apply.
 * @typedef {{ item: Item, state: "waiting" | "running" | "done" | "skipped" | "failed" | "unknown", reason?: string }} Step
 */

/** How many steps are in which state.
 * @param {Step[]} steps */
export function tally(steps) {
  const counts = { waiting: 0, running: 0, done: 0, skipped: 0, failed: 0, unknown: 0 };
  for (const { state } of steps) counts[state] += 1;
  return counts;
}
