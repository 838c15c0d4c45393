// Work on many items, a bounded number at a time.

/**
 * Calls `act(item)` for each item, at most `atOnce` at a time, in order of the items. `act` must not throw. Stops
 * taking items when `signal` is aborted; what has begun is finished.
 * @template T
 * @param {readonly T[]} items
 * @param {(item: T) => Promise<void>} act
 * @param {{ atOnce: number, signal?: AbortSignal }} options
 */
export async function runAll(items, act, { atOnce, signal }) {
  const rest = items[Symbol.iterator]();
  const work = async () => {
    for (const item of rest) {
      if (signal?.aborted) return;
      await act(item);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}
