// When to retry, and waiting for it.

/** Whether the server has refused the request, so that retrying can't help. */
export const isRefusal = ({ status }) => status >= 400 && status < 500 && status !== 408 && status !== 429;

/** Adds a listener to the page's events, if there is a page. Returns a function that removes it. */
export function on(events, listener) {
  for (const event of events) globalThis.addEventListener?.(event, listener);
  return () => {
    for (const event of events) globalThis.removeEventListener?.(event, listener);
  };
}

/** Waits; ends early when the page comes back online. */
export function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const abort = () => done(() => reject(signal.reason));
    const timer = setTimeout(() => done(resolve), ms);
    const stop = on(["online"], () => done(resolve));
    function done(settle) {
      clearTimeout(timer);
      stop();
      signal?.removeEventListener("abort", abort);
      settle();
    }
    signal?.addEventListener("abort", abort);
    if (signal?.aborted) abort();
  });
}

const FIRST = 1_000;
const LONGEST = 30_000;

/** The wait after a number of failures in a row. Random, so that clients don't all return at once. */
export const backoff = (failures) => Math.min(FIRST * 2 ** failures, LONGEST) * (0.5 + Math.random() / 2);
