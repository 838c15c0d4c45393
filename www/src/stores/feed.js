// Follows changes. One socket reports each change to the page, and data is loaded again only when a change concerns it,
// so an idle page costs nothing. Events are delivered once a frame.

import { batch, signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { connectorStatus } from "#connector-status/client";

import { fanOut } from "../core/fan-out.js";
import { Away } from "../core/reasons.js";
import { fetchInTime, key } from "./api.js";

/** @typedef {import("#connector-status/client").WatchEvent} WatchEvent */

const RETRY = 1_000;
const LONGEST_RETRY = 30_000;
/** After this time a returning user's page loads again: time alone changes silence, for example. */
const STALE_AFTER = 60_000;
/** In a hidden tab, which draws no frames, events are delivered after this time. */
const WITHOUT_FRAMES = 250;

/** The wait after a number of failures in a row.
 * @param {number} failures */
const pause = (failures) => Math.min(LONGEST_RETRY, RETRY * 2 ** (failures - 1));

/** @param {() => void} run */
function onceAFrame(run) {
  let isDue = true;
  const act = () => {
    if (isDue) run();
    isDue = false;
  };
  requestAnimationFrame(act);
  setTimeout(act, WITHOUT_FRAMES);
}

/** @type {ReturnType<typeof fanOut<WatchEvent>>} */
const events = fanOut({ schedule: onceAFrame, report: reportError, batch });

/** @type {{ key: string, stop: AbortController, lost?: { problem: Away, since: number }, isOver?: boolean } | undefined} */
let feed;

/** Watches for the whole page, with the current key. */
function connect() {
  feed?.stop.abort();
  /** @type {NonNullable<typeof feed>} */
  const mine = { key: key.get(), stop: new AbortController() };
  feed = mine;
  const { signal } = mine.stop;
  const client = connectorStatus({ url: "", apiKey: mine.key || undefined, fetch: fetchInTime });
  const run = async () => {
    for await (const event of client.watch({ signal })) {
      if (event.type === "lost") {
        const reason = /** @type {any} */ (event.error).reason;
        mine.lost = { problem: new Away(reason ?? "The server can't be reached."), since: Date.now() };
      }
      if (event.type === "resumed") mine.lost = undefined;
      events.emit(event);
    }
  };
  run().catch(({ status }) => {
    if (signal.aborted) return;
    mine.isOver = true;
    mine.lost = undefined;
    // Each view learns the reason from its next request.
    events.emit({ type: "reset" });
    const isRefused = status === 401 || status === 403;
    if (!isRefused) setTimeout(() => feed === mine && connect(), LONGEST_RETRY);
  });
}

/**
 * Why the data may be out of date, since when, and when the next attempt is due.
 * @typedef {{ problem?: Error & { status?: number }, since?: number, retryAt?: number }} Freshness
 */

/**
 * Calls `load(signal)` now, and again after events for which `needsReload(event)` returns true: at most once in `gap`
 * milliseconds, and only while the page is visible.
 * @param {{ load: (signal: AbortSignal) => Promise<unknown>, needsReload: (event: WatchEvent) => boolean, gap?: number }} what
 */
export function follow({ load, needsReload, gap = 0 }) {
  /** @type {import("@preact/signals").Signal<Freshness>} */
  const freshness = signal({});
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {AbortController | undefined} */
  let running;
  let failures = 0;
  let startedAt = 0;
  /** @type {number | undefined} */
  let since;
  /** When to load again. */
  let due = Infinity;

  function arm() {
    clearTimeout(timer);
    if (due === Infinity || running || feed?.lost || document.hidden) return;
    timer = setTimeout(look, Math.max(0, due - Date.now()));
  }

  async function look() {
    clearTimeout(timer);
    running?.abort();
    const mine = (running = new AbortController());
    startedAt = Date.now();
    due = Infinity;
    try {
      await load(mine.signal);
      if (mine.signal.aborted) return;
      failures = 0;
      since = Date.now();
      freshness.value = feed?.lost ?? {};
    } catch (problem) {
      if (mine.signal.aborted) return;
      if (problem instanceof Away) fail(problem);
      else freshness.value = { problem: /** @type {Error} */ (problem) };
    }
    running = undefined;
    arm();
  }

  /** @param {Away} problem */
  function fail(problem) {
    failures += 1;
    due = Date.now() + Math.max(pause(failures), problem.retryAfter * 1_000);
    freshness.value = feed?.lost ? { ...feed.lost, since } : { problem, since, retryAt: due };
  }

  /** @param {WatchEvent} event */
  function handle(event) {
    if (event.type === "lost") {
      if (feed?.lost) freshness.value = { ...feed.lost, since: since && feed.lost.since };
    } else if (event.type === "resumed") {
      failures = 0;
      if (due < Infinity) due = 0;
      freshness.value = {};
    } else if (event.type === "reset") {
      due = 0;
    } else if (needsReload(event) && failures === 0) {
      due = Math.min(due, startedAt + gap);
    }
  }

  const stopListening = events.listen((events) => {
    try {
      for (const event of events) handle(event);
    } finally {
      arm();
    }
  });

  function onShow() {
    if (due < Infinity || Date.now() - startedAt > STALE_AFTER) due = 0;
    arm();
  }

  if (!feed || feed.isOver || feed.key !== key.get()) connect();
  document.addEventListener("visibilitychange", onShow);
  look();
  return {
    freshness,
    refresh: () => void look(),
    /** Tries to reach the server now. */
    retry() {
      connect();
      look();
    },
    stop() {
      stopListening();
      clearTimeout(timer);
      running?.abort();
      document.removeEventListener("visibilitychange", onShow);
    },
  };
}

const never = signal(/** @type {Freshness} */ ({}));

/**
 * `follow` while a component is mounted. Starts over when `what` changes.
 * @param {(signal: AbortSignal) => Promise<unknown>} load
 * @param {string} what
 * @param {{ needsReload?: (event: WatchEvent) => boolean, gap?: number }} [options]
 */
export function useFollow(load, what, { needsReload = () => true, gap } = {}) {
  const latest = useRef({ load, needsReload });
  latest.current = { load, needsReload };
  const [following, setFollowing] = useState(/** @type {ReturnType<typeof follow> | undefined} */ (undefined));
  useEffect(() => {
    const mine = follow({ load: (signal) => latest.current.load(signal), needsReload: (event) => latest.current.needsReload(event), gap });
    setFollowing(mine);
    return mine.stop;
  }, [what]);
  const current = useRef(following);
  current.current = following;
  const { freshness } = following ?? { freshness: never };
  return { ...freshness.value, refresh: () => current.current?.refresh(), retry: () => current.current?.retry() };
}
