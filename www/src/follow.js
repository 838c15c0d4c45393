// Keeping up with what others do: one request a tick, while somebody looks.

import { useEffect, useRef, useState } from "preact/hooks";

const TICK = 1_000;
/** Who has not touched the page for a minute is asked for less often: every request is billed. */
const ACTIVE_FOR = 60_000;
const IDLE_TICK = 15_000;
const TOUCHES = ["pointermove", "keydown", "wheel"];
const LONGEST_PAUSE = 30_000;

/** How long to wait after so many failures in a row. */
const pause = (failures) => Math.min(LONGEST_PAUSE, TICK * 2 ** failures);

/**
 * Calls `load(signal)` now and every second while the page is visible and in use; less often while nobody
 * touches it or it fails. Starts anew when `what` changes. Answers `{ problem, since, retryAt, refresh }`:
 * the error if the last call failed, when the last one succeeded, when the next one is due.
 */
export function useFollow(load, what) {
  const [state, setState] = useState({});
  const latest = useRef(load);
  latest.current = load;
  const refresh = useRef(() => {});

  useEffect(() => {
    let timer;
    let running;
    let failures = 0;
    let since;
    let touched = Date.now();
    const isIdle = () => Date.now() - touched > ACTIVE_FOR;

    async function tick() {
      clearTimeout(timer);
      running?.abort();
      const mine = (running = new AbortController());
      try {
        await latest.current(mine.signal);
        if (mine.signal.aborted) return;
        if (failures > 0 || !since) setState({});
        failures = 0;
        since = Date.now();
        timer = setTimeout(tick, isIdle() ? IDLE_TICK : TICK);
      } catch (problem) {
        if (mine.signal.aborted) return;
        failures += 1;
        const wait = Math.max(pause(failures), (problem.retryAfter || 0) * 1_000);
        setState({ problem, since, retryAt: Date.now() + wait });
        timer = setTimeout(tick, wait);
      } finally {
        // Nobody looks: whoever comes back asks at once.
        if (document.hidden) clearTimeout(timer);
      }
    }

    const onTouch = () => {
      const wasIdle = isIdle();
      touched = Date.now();
      if (wasIdle && failures === 0) tick();
    };
    const onShow = () => (document.hidden ? clearTimeout(timer) : tick());
    refresh.current = tick;
    setState({});
    tick();
    document.addEventListener("visibilitychange", onShow);
    addEventListener("online", tick);
    for (const touch of TOUCHES) addEventListener(touch, onTouch, { passive: true });
    return () => {
      clearTimeout(timer);
      running.abort();
      document.removeEventListener("visibilitychange", onShow);
      removeEventListener("online", tick);
      for (const touch of TOUCHES) removeEventListener(touch, onTouch);
    };
  }, [what]);

  return { ...state, refresh: () => refresh.current() };
}
