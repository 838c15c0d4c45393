// An action on many connectors: one run at a time. It goes on whatever page is shown.

import { signal } from "@preact/signals";

import { actions } from "../core/actions.js";
import { pathOf } from "../core/address.js";
import { runAll } from "../core/bounded.js";
import { send } from "./api.js";
import { startSync } from "./jobs.js";
import { restore } from "./restore.js";
import { select } from "./selection.js";
import { write } from "./writes.js";

/**
 * @typedef {import("../core/actions.js").Step} Step
 * @typedef {import("../core/actions.js").Item} Item
 * @typedef {import("../core/actions.js").ActionName} ActionName
 */

/** So many requests are under way at once. */
const AT_ONCE = 6;

/** The run that is under way, or the last one until it is dismissed.
 * @type {import("@preact/signals").Signal<{ action: ActionName, steps: Step[], isOver: boolean } | undefined>} */
export const run = signal(undefined);

/** @type {AbortController | undefined} */
let stop;

/** Begins nothing more; what has begun is finished. */
export const stopRun = () => stop?.abort();

export const dismissRun = () => (run.value = undefined);

/** Carries an action out with each of the items. What was done with is no longer selected.
 * @param {ActionName} action
 * @param {Item[]} items */
export async function carryOutOn(action, items) {
  if (run.peek() && !run.peek()?.isOver) return;
  stop = new AbortController();
  /** @type {Step[]} */
  const steps = items.map((item) => {
    const reason = actions[action].skip(item);
    return { item, state: reason ? "skipped" : "waiting", reason };
  });
  const show = (isOver = false) => (run.value = { action, steps: [...steps], isOver });
  show();
  const work = [...steps.keys()].filter((n) => steps[n].state === "waiting");
  await runAll(work, async (n) => {
    const { item } = steps[n];
    steps[n] = { item, state: "running" };
    show();
    try {
      const { state, error } = await deeds[action](item);
      if (state === "updated" || state === "noop") steps[n] = { item, state: "done" };
      else if (state === "unknown") steps[n] = { item, state: "unknown", reason: error?.message };
      else steps[n] = { item, state: "failed", reason: state === "overtaken" ? "Someone else changed it meanwhile." : error?.message };
    } catch (error) {
      steps[n] = { item, state: "failed", reason: /** @type {Error} */ (error).message };
    }
    if (steps[n].state === "done") select([item], false);
    show();
  }, { atOnce: AT_ONCE, signal: stop.signal });
  for (const [n, { item, state }] of steps.entries()) if (state === "waiting") steps[n] = { item, state: "skipped", reason: "Stopped before it was begun." };
  show(true);
}

/** What a connector is, as far as its actions depend on it.
 * @typedef {{ etag: string, status?: string, since?: string, error?: string | null }} State */

/** Changes one connector, if it still is as the list showed it.
 * @param {Item} item
 * @param {{ method: string, endpoint: string, body?: unknown, isDone?: (now: State) => boolean, isRemoval?: boolean }} change */
const change = ({ id, version, status, since }, { method, endpoint, body, isDone = () => false, isRemoval }) =>
  write({
    latest: /** @type {State} */ ({ etag: `"${version}"`, status, since }),
    about: (now) => [now.status, now.since],
    base: [status, since],
    isDone,
    isRemoval,
    send: async ({ etag }) => (await send(method, pathOf(id) + endpoint, { body, ifMatch: etag })).body,
    read: () => read(id),
  });

/** @param {string} id
 * @returns {Promise<State>} */
async function read(id) {
  const { body, etag = "" } = await send("GET", `${pathOf(id)}/_status?size=0`);
  return { etag, status: body.status, since: body.since ?? undefined, error: body.error };
}

/** @type {Record<ActionName, (item: Item) => Promise<import("../core/writes.js").Outcome<any>>>} */
const deeds = {
  sync: ({ id }) => startSync(id, "full"),
  connected: (item) =>
    change(item, { method: "PUT", endpoint: "/_error", body: { error: null }, isDone: ({ status, error }) => status === "connected" && !error }),
  delete: (item) => change(item, { method: "DELETE", endpoint: "", isRemoval: true }),
  restore: ({ id }) => restore(id),
};
