// A watcher for tests: a WebSocket that records its messages.

import assert from "node:assert/strict";

import { until } from "../until.mjs";

/** The WebSocket address of a path. */
export const address = (url, query = {}) =>
  `${url.replace(/^http/, "ws")}/_connector/_watch?${new URLSearchParams(query)}`;

/** Opens a socket. Resolves with the first message, or with `closed` if there is none. */
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
    /** Waits for a change of that connector that satisfies `wished`. */
    change: (id, wished = () => true, seconds) =>
      until(() => watcher.changes().find((change) => change.id === id && wished(change)) ?? null, Boolean, seconds),
    /**
     * Waits until the socket is closed; returns code and reason. After the close frame nothing is received, but workerd
     * ends the TCP connection only when the object is evicted, after 10 s of idleness.
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

/** Opens a socket that must be accepted. */
export async function watching(...args) {
  const watcher = await watch(...args);
  assert.equal(watcher.closed, undefined, JSON.stringify(watcher.closed));
  return watcher;
}
