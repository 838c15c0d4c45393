// Events for many listeners, handed over together: what arrives between two turns is one turn's work.

/**
 * @template E
 * @param {{ schedule: (run: () => void) => void, report: (error: unknown) => void, batch?: (run: () => void) => void }} how
 *   `schedule` calls `run` once, soon; `report` is told of a listener that throws, the others hear all the same
 */
export function fanOut({ schedule, report, batch = (run) => run() }) {
  /** @type {Set<(events: E[]) => void>} */
  const listeners = new Set();
  /** @type {E[]} */
  let waiting = [];

  function hand() {
    const events = waiting;
    waiting = [];
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
    tell(event) {
      waiting.push(event);
      if (waiting.length === 1) schedule(hand);
    },
    /** Answers how to stop listening.
     * @param {(events: E[]) => void} listener */
    listen(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
