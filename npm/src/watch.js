// Watching for changes: over a WebSocket, or by polling where sockets are blocked.

import { ConnectorApiError } from "~error";

import { backoff, isRefusal, on, pause } from "./retry.js";

/** A connection that ended is opened again within this time. */
const RETRY = 1_000;
/** The polling interval where sockets are blocked; it grows while nothing happens. */
const ASK = 10_000;
const LONGEST_ASK = 60_000;
/** When sockets are tried again. */
const ANOTHER_CHANCE = 300_000;
/** How often a socket is checked. After this many silent checks it is pinged, or given up. */
const LOOK = 10_000;
const PING_AFTER = 5;
const GIVE_UP_AFTER = 7;

/** The messages of a socket, until it ends. */
async function* listen(socket, signal) {
  const messages = [];
  let isOver = false;
  let silence = 0;
  let wake;
  const end = () => {
    isOver = true;
    wake?.();
  };
  socket.onmessage = ({ data }) => {
    silence = 0;
    if (data === "pong") return;
    try {
      messages.push(JSON.parse(data));
      wake?.();
    } catch {
      // This isn't our server.
      end();
    }
  };
  socket.onclose = socket.onerror = end;
  signal?.addEventListener("abort", end);
  // A socket doesn't survive a change of network, even if it isn't closed yet.
  const stop = on(["online", "offline"], end);
  const timer = setInterval(() => {
    silence += 1;
    if (socket.readyState !== 1 || silence >= GIVE_UP_AFTER) end();
    else if (silence >= PING_AFTER) socket.send("ping");
  }, LOOK);
  try {
    for (;;) {
      signal?.throwIfAborted();
      if (messages.length > 0) yield messages.shift();
      else if (isOver) return;
      else await new Promise((resolve) => (wake = resolve));
    }
  } finally {
    clearInterval(timer);
    stop();
    signal?.removeEventListener("abort", end);
    socket.close();
  }
}

/**
 * Yields what happens from now on. `connect(since)` opens a socket, or returns `undefined` where there are none;
 * `ask(tag)` returns the entity tag of the current state, the same one if nothing has changed.
 * @returns {AsyncGenerator<any, never, undefined>}
 */
export async function* watch(connect, ask, signal) {
  let since;
  let tag;
  let isLost = false;
  let failures = 0;
  let blocked = 0;
  let socketsFrom = 0;
  let between = ASK;
  for (;;) {
    let wait;
    try {
      signal?.throwIfAborted();
      let heard = false;
      const isOffline = globalThis.navigator?.onLine === false;
      const socket = !isOffline && Date.now() >= socketsFrom && (await connect(since));
      if (socket) {
        for await (const { type, seq, changes, sync_jobs: jobs = [] } of listen(socket, signal)) {
          const isFirst = !heard;
          heard = true;
          failures = blocked = 0;
          if (isLost) yield { type: "resumed" };
          isLost = false;
          if (type === "reset") yield { type };
          else {
            for (const { seq, ...change } of changes)
              if (!(seq <= since)) yield { type: "change", ...change };
            for (const id of jobs) yield { type: "sync_jobs", id };
            // Missed changes of jobs aren't repeated.
            if (isFirst) yield { type: "sync_jobs" };
          }
          since = seq;
        }
      }
      if (!heard) {
        const now = await ask(tag);
        failures = 0;
        if (isLost) yield { type: "resumed" };
        isLost = false;
        between = now === tag ? Math.min(between * 1.5, LONGEST_ASK) : ASK;
        yield { type: now === tag ? "sync_jobs" : "reset" };
        tag = now;
        // The server is reachable, but its sockets aren't.
        if (socket) blocked += 1;
        if (blocked > 1) {
          blocked = 0;
          socketsFrom = Date.now() + ANOTHER_CHANCE;
        }
      }
      const again = heard || (socket && Date.now() >= socketsFrom);
      wait = again ? RETRY * Math.random() : between * (0.75 + Math.random() / 4);
    } catch (error) {
      signal?.throwIfAborted();
      // A refusal is final; other errors may be temporary.
      if (!(error instanceof ConnectorApiError) || isRefusal(error)) throw error;
      if (!isLost) yield { type: "lost", error };
      isLost = true;
      wait = backoff(failures);
      failures += 1;
    }
    await pause(wait, signal);
  }
}
