// Somebody who watches, for tests: a WebSocket and all that it was told.

import assert from "node:assert/strict";

import { until } from "../until.mjs";

/** The WebSocket address of a path. */
export const address = (url, query = {}) =>
  `${url.replace(/^http/, "ws")}/_connector/_watch?${new URLSearchParams(query)}`;

/** Watches; settles once the first message is there, or with `closed` if there is none. */
export async function watch(url, query = {}, { headers } = {}) {
  const socket = new WebSocket(address(url, query), { headers });
  const messages = [];
  const times = [];
  const watcher = {
    socket,
    messages,
    times,
    closed: undefined,
    /** All changes so far. */
    changes: () => messages.flatMap((message) => message.changes ?? []),
    /** The last sequence number. */
    seq: () => messages.findLast((message) => message.seq)?.seq,
    /** Waits for a change of that connector which is as wished. */
    change: (id, wished = () => true, seconds) =>
      until(() => watcher.changes().find((change) => change.id === id && wished(change)) ?? null, Boolean, seconds),
    /**
     * Waits until it is closed; gives code and reason. From the moment the server has closed it nothing is heard, but
     * workerd ends the connection beneath only when the object is put away, after 10 s of idleness.
     */
    end: async (seconds) => {
      await until(() => socket.readyState > WebSocket.OPEN, Boolean, seconds);
      await until(() => watcher.closed !== undefined, Boolean, 30);
      return watcher.closed;
    },
    close: async () => {
      socket.close();
      return watcher.end();
    },
  };
  await new Promise((resolve) => {
    socket.onmessage = ({ data }) => {
      times.push(performance.now());
      messages.push(data === "pong" ? { type: "pong" } : JSON.parse(data));
      resolve();
    };
    socket.onclose = ({ code, reason, wasClean }) => {
      watcher.closed = { code, reason, wasClean };
      resolve();
    };
  });
  return watcher;
}

/** Watches, and must get in. */
export async function watching(...args) {
  const watcher = await watch(...args);
  assert.equal(watcher.closed, undefined, JSON.stringify(watcher.closed));
  return watcher;
}
