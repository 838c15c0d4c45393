// Keeping up with what others do. One socket tells the page of each change; what is shown is asked for
// anew only when the change is about it. So a page costs nothing while nothing happens.

import { useEffect, useRef, useState } from "preact/hooks";
import { connectorStatus } from "connector-status/client";

import { Away, key } from "./api.js";

const RETRY = 1_000;
const LONGEST_RETRY = 30_000;
/** Who comes back after so long is shown what time alone has changed: silence, for example. */
const STALE_AFTER = 60_000;

/** How long to wait after so many failures in a row. */
const pause = (failures) => Math.min(LONGEST_RETRY, RETRY * 2 ** (failures - 1));

const views = new Set();
let feed;

/** Hears of changes for all views of the page, with the key as it is now. */
function follow() {
  feed?.stop.abort();
  const mine = { key: key.get(), stop: new AbortController() };
  feed = mine;
  const tell = (event) => views.forEach((view) => view(event));
  const { signal } = mine.stop;
  const run = async () => {
    for await (const event of connectorStatus({ url: "", apiKey: mine.key || undefined }).watch({ signal })) {
      if (event.type === "lost") mine.lost = { problem: new Away(event.error.reason ?? "The server can't be reached."), since: Date.now() };
      if (event.type === "resumed") mine.lost = undefined;
      tell(event);
    }
  };
  run().catch(({ status }) => {
    if (signal.aborted) return;
    mine.isOver = true;
    mine.lost = undefined;
    // Why that is so, each view hears when it asks.
    tell({ type: "reset" });
    const isRefused = status === 401 || status === 403;
    if (!isRefused) setTimeout(() => feed === mine && follow(), LONGEST_RETRY);
  });
}

/**
 * Calls `load(signal)` now, and again when `hear(event)` says of a change that it is about what is shown: at
 * most once in `gap` milliseconds, and only while somebody looks. Starts anew when `what` changes. Events are those of
 * the package's `watch()`. Answers `{ problem, since, retryAt, refresh, retry }`: why what is shown may be out of
 * date, since when, and when the next try is due.
 */
export function useFollow(load, what, { hear = () => true, gap = 0 } = {}) {
  const [state, setState] = useState({});
  const latest = useRef();
  latest.current = { load, hear };
  const refresh = useRef(() => {});

  useEffect(() => {
    let timer;
    let running;
    let failures = 0;
    let startedAt = 0;
    let since;
    /** When to look again. */
    let due = Infinity;

    function arm() {
      clearTimeout(timer);
      if (due === Infinity || running || feed.lost || document.hidden) return;
      timer = setTimeout(look, Math.max(0, due - Date.now()));
    }

    async function look() {
      clearTimeout(timer);
      running?.abort();
      const mine = (running = new AbortController());
      startedAt = Date.now();
      due = Infinity;
      try {
        await latest.current.load(mine.signal);
        if (mine.signal.aborted) return;
        failures = 0;
        since = Date.now();
        setState(feed.lost ?? {});
      } catch (problem) {
        if (mine.signal.aborted) return;
        if (problem instanceof Away) fail(problem);
        else setState({ problem });
      }
      running = undefined;
      arm();
    }

    function fail(problem) {
      failures += 1;
      due = Date.now() + Math.max(pause(failures), (problem.retryAfter || 0) * 1_000);
      setState(feed.lost ? { ...feed.lost, since } : { problem, since, retryAt: due });
    }

    function onEvent(event) {
      if (event.type === "lost") {
        setState({ ...feed.lost, since: since && feed.lost.since });
      } else if (event.type === "resumed") {
        failures = 0;
        if (due < Infinity) due = 0;
        setState({});
      } else if (event.type === "reset") {
        due = 0;
      } else if (latest.current.hear(event) && failures === 0) {
        due = Math.min(due, startedAt + gap);
      }
      arm();
    }

    function onShow() {
      if (due < Infinity || Date.now() - startedAt > STALE_AFTER) due = 0;
      arm();
    }

    refresh.current = look;
    views.add(onEvent);
    if (!feed || feed.isOver || feed.key !== key.get()) follow();
    setState({});
    look();
    document.addEventListener("visibilitychange", onShow);
    return () => {
      views.delete(onEvent);
      clearTimeout(timer);
      running?.abort();
      document.removeEventListener("visibilitychange", onShow);
    };
  }, [what]);

  const retry = () => {
    follow();
    refresh.current();
  };
  return { ...state, refresh: () => refresh.current(), retry };
}
