// Stores: one connector, or a list of them, kept up to date.

import { feedOf } from "./feed.js";
import { segment } from "./path.js";
import { backoff, isRefusal } from "./retry.js";

/** The first read waits this long for the feed, so that data isn't read twice. */
const PATIENCE = 300;
/** The least time between two reads of a list. */
const BETWEEN_LISTS = 1_000;

export function observe(client, id) {
  segment(id); // throws a TypeError for an invalid id before anything is sent
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
      // Changes that arrived during the request may be newer.
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
 * A store of what `read` returns. `heartbeat` and `change` apply an event of the feed to the value. After a change it is
 * read again, at most once in `between` milliseconds.
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
        // A listener that throws doesn't stop the others.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  /** Starts following; `close` stops it. */
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
        // Don't keep showing what was deleted or is no longer accessible.
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
      // If watching is refused, reading shows why.
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
