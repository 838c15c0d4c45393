// Delivers events to many listeners in batches.

/**
 * @template E
 * @param {{ schedule: (run: () => void) => void, report: (error: unknown) => void, batch?: (run: () => void) => void }} how
 *   `schedule` calls `run` once, soon; `report` gets the error of a listener that throws, which doesn't stop the others
 */
export function fanOut({ schedule, report, batch = (run) => run() }) {
  /** @type {Set<(events: E[]) => void>} */
  const listeners = new Set();
  /** @type {E[]} */
  let pending = [];

  function deliver() {
    const events = pending;
    pending = [];
    batch(() => {
      for (const listener of [...listeners]) {
        try {
          listener(events);
        } catch (error) {
          report(error);
        }
      }
    });
  }

  return {
    /** @param {E} event */
    emit(event) {
      pending.push(event);
      if (pending.length === 1) schedule(deliver);
    },
    /** Returns a function that stops listening.
     * @param {(events: E[]) => void} listener */
    listen(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
