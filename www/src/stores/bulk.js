// An action on many connectors. There is one run at a time, and it continues whatever page is shown.

import { signal } from "@preact/signals";

import { inOrder } from "../../../scripts/in-order.mjs";
import { actions } from "../core/actions.js";
import { pathOf } from "../core/address.js";
import { send } from "./api.js";
import { startSync } from "./jobs.js";
import { restore } from "./restore.js";
import { select } from "./selection.js";
import { write } from "./writes.js";

/**
 * @typedef {import("../core/actions.js").Step} Step
 * @typedef {import("../core/actions.js").Item} Item
 * @typedef {import("../core/actions.js").ActionName} ActionName
 * @typedef {import("../core/writes.js").Outcome<any>} Outcome
 */

/** The number of connectors that are changed at once. */
const AT_ONCE = 6;

/** The run in progress, or the last one until it is dismissed.
 * @type {import("@preact/signals").Signal<{ action: ActionName, steps: Step[], isOver: boolean, undo?: () => void } | undefined>} */
export const run = signal(undefined);

/** @type {AbortController | undefined} */
let stop;

/** Starts nothing more; what has been started is finished. */
export const stopRun = () => stop?.abort();

export const dismissRun = () => (run.value = undefined);

/** Carries an action out on each of the items. Items that are done are no longer selected.
 * @param {ActionName} action
 * @param {Item[]} items */
export async function carryOutOn(action, items) {
  /** Connectors that left the status `error`.
   * @type {Map<string, Marked>} */
  const marked = new Map();
  /** @param {Item} item */
  const perform = (item) => (action === "connected" ? mark(item, marked) : changes[/** @type {Exclude<ActionName, "connected" | "unmark">} */ (action)](item));
  const done = await runOn(action, items, perform);
  const undoable = done.filter(({ id }) => marked.has(id));
  if (undoable.length === 0 || !run.peek()) return;
  const undo = () => void runOn("unmark", undoable, ({ id }) => unmark(id, /** @type {Marked} */ (marked.get(id))));
  run.value = { .../** @type {NonNullable<typeof run.value>} */ (run.peek()), undo };
}

/** Runs `perform` for each item that the action applies to, and shows the progress. Returns the items that are done.
 * @param {ActionName} action
 * @param {Item[]} items
 * @param {(item: Item) => Promise<Outcome>} perform */
async function runOn(action, items, perform) {
  if (run.peek() && !run.peek()?.isOver) return [];
  const { signal } = (stop = new AbortController());
  /** @type {Step[]} */
  const steps = items.map((item) => {
    const reason = actions[action].skip(item);
    return { item, state: reason ? "skipped" : "waiting", reason };
  });
  const show = (isOver = false) => (run.value = { action, steps: [...steps], isOver });
  show();
  /** @param {number} n */
  const take = async (n) => {
    const { item } = steps[n];
    steps[n] = { item, state: "running" };
    show();
    steps[n] = { item, ...(await perform(item).then(stepOf, ({ message }) => ({ state: "failed", reason: message }))) };
    if (steps[n].state === "done") select([item], false);
    show();
  };
  const waiting = [...steps.keys()].filter((n) => steps[n].state === "waiting");
  for await (const _ of inOrder(waiting, take, { atOnce: AT_ONCE, signal }));
  for (const [n, { item, state }] of steps.entries()) if (state === "waiting") steps[n] = { item, state: "skipped", reason: "Stopped before it started." };
  show(true);
  return steps.filter(({ state }) => state === "done").map(({ item }) => item);
}

/** @param {Outcome} outcome
 * @returns {Pick<Step, "state" | "reason">} */
function stepOf({ state, error }) {
  if (state === "updated" || state === "noop") return { state: "done" };
  if (state === "unknown") return { state: "unknown", reason: error?.message };
  return { state: "failed", reason: state === "overtaken" ? "Someone else has changed it since." : error?.message };
}

/** The part of a connector's state that its actions depend on. `changedIn` is the version of its last status change.
 * @typedef {{ etag: string, status?: string, since?: string, error?: string | null, changedIn?: number }} State */

/** @param {string} id
 * @returns {Promise<State>} */
async function read(id) {
  const { body, etag = "" } = await send("GET", `${pathOf(id)}/_status?size=1`);
  return { etag, status: body.status, since: body.since ?? undefined, error: body.error, changedIn: body.history?.[0]?.version };
}

/** Sends a write, on the condition that the connector still has the version of `state`.
 * @param {string} id
 * @param {string} method
 * @param {string} endpoint
 * @param {unknown} [body]
 * @returns {(state: State) => Promise<any>} */
const sender = (id, method, endpoint, body) => async ({ etag }) => (await send(method, pathOf(id) + endpoint, { body, ifMatch: etag })).body;

/** The error text of a connector before it was marked as connected, and the version in which it was marked.
 * @typedef {{ error: string, version: number }} Marked */

/** Marks a connector as connected if it still has the status that the list showed. It is read first: the list has only a
 * part of the error text, and undo needs all of it.
 * @param {Item} item
 * @param {Map<string, Marked>} marked gets what undo needs */
async function mark({ id, status, since }, marked) {
  const before = await read(id);
  const outcome = await write({
    latest: before,
    about: (now) => [now.status, now.since],
    base: [status, since],
    isDone: (now) => now.status === "connected" && !now.error,
    send: async (state) => {
      const answer = await sender(id, "PUT", "/_error", { error: null })(state);
      // A write adds one to the version that it was conditional on.
      if (status === "error" && state.error) marked.set(id, { error: state.error, version: Number(state.etag.slice(1, -1)) + 1 });
      return answer;
    },
    read: () => read(id),
    readsAfter: false,
  });
  return outcome;
}

/** Undoes `mark`, unless the status has changed again since.
 * @param {string} id
 * @param {Marked} marked */
const unmark = async (id, { error, version }) =>
  write({
    latest: await read(id),
    about: (now) => [now.status, now.changedIn, now.error ?? null],
    base: ["connected", version, null],
    isDone: (now) => now.status === "error" && now.error === error,
    send: sender(id, "PUT", "/_error", { error }),
    read: () => read(id),
    readsAfter: false,
  });

/** @type {Record<Exclude<ActionName, "connected" | "unmark">, (item: Item) => Promise<Outcome>>} */
const changes = {
  sync: ({ id }) => startSync(id, "full"),
  delete: ({ id, version, status, since }) =>
    write({
      latest: /** @type {State} */ ({ etag: `"${version}"`, status, since }),
      about: (now) => [now.status, now.since],
      base: [status, since],
      isDone: () => false,
      isRemoval: true,
      send: sender(id, "DELETE", ""),
      read: () => read(id),
    }),
  restore: ({ id }) => restore(id),
};
