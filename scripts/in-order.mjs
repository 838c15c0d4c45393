// Concurrent work on many items. Commands and the console share it.

/** This many results for each concurrent call are held back while an earlier one is still missing. */
const HELD = 50;

/**
 * Calls `work(item)` for each item, at most `atOnce` calls at a time, and yields the results in the order of the items.
 * A slow call doesn't keep later ones from starting. Once `signal` is aborted no call is started; those in progress
 * are finished.
 * @template T, R
 * @param {Iterable<T> | AsyncIterable<T>} items
 * @param {(item: T) => Promise<R>} work
 * @param {{ atOnce: number, signal?: AbortSignal }} options
 * @returns {AsyncGenerator<R, void, undefined>}
 */
export async function* inOrder(items, work, { atOnce, signal }) {
  /** Calls whose results have not been yielded, oldest first.
   * @type {{ result: Promise<R>, isDone: boolean }[]} */
  const calls = [];
  const running = new Set();
  for await (const item of items) {
    if (signal?.aborted) break;
    const call = { result: work(item), isDone: false };
    // The consumer gets the error when it reaches this result.
    const done = call.result.catch(() => {}).then(() => {
      call.isDone = true;
      running.delete(done);
    });
    calls.push(call);
    running.add(done);
    while (running.size >= atOnce) await Promise.race(running);
    for (let [first] = calls; first && (first.isDone || calls.length >= HELD * atOnce); [first] = calls) {
      yield await first.result;
      calls.shift();
    }
  }
  for (const { result } of calls) yield await result;
}
