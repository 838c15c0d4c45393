// What a page shows, kept up to date: one connector, or a list of them.

import { feedOf } from "./feed.js";
import { segment } from "./path.js";
import { backoff, isRefusal } from "./retry.js";

/** Nothing that is about to come from the feed is read before: a page's first read comes once it watches. */
const PATIENCE = 300;
/** A list is read no more often than this. */
const BETWEEN_LISTS = 1_000;

export function observe(client, id) {
  segment(id); // a TypeError for what is no id, before anything is sent
  return store(client, id, {
    read: (signal) => client.status(id, { size: 0, signal }),
    heartbeat: (value, { connector }) => ({ ...value, last_seen: connector.last_seen }),
  });
}

export function observeList(client, filter = {}) {
  return store(client, undefined, {
    between: BETWEEN_LISTS,
    async read(signal, known) {
      const value = await client.summary({ ...filter, signal });
      // What came while the server was answering may be newer.
      const newer = new Map(known?.results.map((row) => [row.id, row]));
      const results = value.results.map((row) => (newer.get(row.id)?.version > row.version ? newer.get(row.id) : row));
      return { ...value, results };
    },
    heartbeat: patch,
    change: patch,
  });
}

/** A list with the row of a change in its place. */
function patch(value, { id, version, connector }) {
  if (!value.results.some((row) => row.id === id)) return value;
  const replaced = (row) => (row.id !== id ? row : connector && { ...row, ...connector, version });
  return { ...value, results: value.results.map(replaced).filter(Boolean) };
}

/**
 * A store of what `read` gives. `heartbeat` and `change` say what becomes of the value by an event of the feed; after a
 * change it is read again, at most once in `between` milliseconds.
 */
function store(client, id, { read, heartbeat, change = (value) => value, between = 0 }) {
  const listeners = new Set();
  let value;
  let readError;
  let feedError;
  let isOver = false;
  /** @type {Readonly<{ value: any, loading: boolean, error: any, reconnecting: boolean }>} */
  let snapshot = Object.freeze({ value, loading: true, error: undefined, reconnecting: false });
  let close = () => {};

  function publish() {
    const error = feedError ?? readError;
    const reconnecting = error !== undefined && !isOver && !isRefusal(error);
    const next = { value, loading: value === undefined && !error, error, reconnecting };
    if (Object.keys(next).every((name) => next[name] === snapshot[name])) return;
    snapshot = Object.freeze(next);
    for (const listener of [...listeners]) {
      try {
        listener(snapshot);
      } catch (error) {
        // One listener's mistake is not the others' loss.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  /** Begins to follow; `close` ends it. */
  function open() {
    const stop = new AbortController();
    const { signal } = stop;
    let timer;
    let isReading = false;
    let isStale = false;
    let failures = 0;
    let last = -Infinity;
    feedError = readError = undefined;
    isOver = false;

    const readIn = (ms) => {
      clearTimeout(timer);
      timer = setTimeout(readNow, ms);
    };

    async function readNow() {
      clearTimeout(timer);
      if (isReading) {
        isStale = true;
        return;
      }
      isReading = true;
      isStale = false;
      last = Date.now();
      let wait;
      try {
        const found = await read(signal, value);
        if (signal.aborted) return;
        [value, readError, failures] = [found, undefined, 0];
      } catch (error) {
        if (signal.aborted) return;
        readError = error;
        // What is not there, or not for this key, is not shown any more.
        if (isRefusal(error)) value = undefined;
        else wait = backoff(failures);
        failures += 1;
      }
      isReading = false;
      publish();
      if (isStale) readSoon();
      else if (wait) readIn(wait);
    }

    const readSoon = () => readIn(Math.max(0, last + between - Date.now()));

    const { leave, isReady } = feedOf(client).join(id, (event) => {
      if (event.type === "lost") feedError = event.error;
      if (event.type === "over") [feedError, isOver] = [event.error, true];
      if (event.type === "resumed") feedError = undefined;
      if (event.type === "change" && value) value = (event.heartbeat ? heartbeat : change)(value, event);
      publish();
      // A page that is told that it may not watch is told why by what it reads.
      const isNews = event.type === "change" && !event.heartbeat;
      if (isNews) readSoon();
      else if (event.type === "reset" || event.type === "over" || (event.type === "resumed" && readError)) readNow();
    });
    readIn(isReady ? 0 : PATIENCE);

    close = () => {
      close = () => {};
      clearTimeout(timer);
      stop.abort();
      leave();
    };
  }

  return {
    get: () => snapshot,
    get error() {
      return snapshot.error;
    },
    subscribe(listener) {
      const entry = (snapshot) => listener(snapshot);
      listeners.add(entry);
      if (listeners.size === 1) open();
      listener(snapshot);
      return () => {
        if (listeners.delete(entry) && listeners.size === 0) close();
      };
    },
    close() {
      listeners.clear();
      close();
    },
  };
}
