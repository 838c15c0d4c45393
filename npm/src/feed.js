// One socket for all stores of a client.

const feeds = new WeakMap();

/** The feed of a client. It watches one connector if only that is observed, otherwise all. */
export function feedOf(client) {
  if (!feeds.has(client)) feeds.set(client, open(client));
  return feeds.get(client);
}

function open(client) {
  const views = new Set();
  /** What is being watched: `{ id, stop, isReady, lost }`. */
  let watching;

  /** Watches what is observed. Called once for all views that join or leave in one turn. */
  function adjust() {
    const ids = new Set([...views].map((view) => view.id));
    const [id] = ids.size === 1 ? ids : [];
    if (watching && ids.size > 0 && (watching.id === undefined || watching.id === id)) return;
    watching?.stop.abort();
    watching = undefined;
    if (ids.size > 0) run((watching = { id, stop: new AbortController(), isReady: false }));
  }

  async function run(mine) {
    const emit = (event) => {
      for (const { id, onEvent } of [...views]) if (id === undefined || event.id === undefined || event.id === id) onEvent(event);
    };
    try {
      for await (const event of client.watch({ id: mine.id, signal: mine.stop.signal })) {
        if (mine !== watching) return;
        if (event.type === "reset") mine.isReady = true;
        if (event.type === "lost") mine.lost = event;
        if (event.type === "resumed") mine.lost = undefined;
        emit(event);
      }
    } catch (error) {
      if (mine !== watching) return;
      emit({ type: "over", error });
      watching = undefined;
    }
  }

  return {
    /** Calls `onEvent` with events of the connector `id`, or of all, until `leave` is called. `isReady`: no event is missed from now on. */
    join(id, onEvent) {
      const view = { id, onEvent };
      views.add(view);
      queueMicrotask(adjust);
      if (watching?.lost) onEvent(watching.lost);
      return {
        isReady: Boolean(watching?.isReady && (watching.id === undefined || watching.id === id)),
        leave() {
          views.delete(view);
          queueMicrotask(adjust);
        },
      };
    },
  };
}
