// A load generator: a number of keep-alive connections with one request at a time on each. Requests are prepared bytes
// and responses are parsed only as far as needed, to take little CPU from the server on the same machine.

import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";

const HEAD_END = Buffer.from("\r\n\r\n");
const LAST_CHUNK = Buffer.from("0\r\n\r\n");

/** The bytes of a request. */
export function request(method, path, body, headers = {}) {
  const content = body === undefined ? "" : JSON.stringify(body);
  const lines = [
    `${method} ${path} HTTP/1.1`,
    "Host: localhost",
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(body === undefined
      ? []
      : ["Content-Type: application/json", `Content-Length: ${Buffer.byteLength(content)}`]),
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n${content}`);
}

/** The end of the response at the start of `bytes`; -1 if it is incomplete. */
function answerEnd(bytes) {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) return -1;
  const start = headEnd + HEAD_END.length;
  const head = bytes.latin1Slice(0, headEnd);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head);
  if (length) {
    const end = start + Number(length[1]);
    return bytes.length >= end ? end : -1;
  }
  // All other responses are chunked.
  const last = bytes.indexOf(LAST_CHUNK, start);
  return last < 0 ? -1 : last + LAST_CHUNK.length;
}

/**
 * Sends `count` requests, where `next(n)` returns the bytes of the nth. Resolves to the number of responses by status.
 */
function drive({ port, connections, count, next }) {
  const statuses = {};
  let sent = 0;
  const one = () =>
    new Promise((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1", noDelay: true });
      let rest = Buffer.alloc(0);
      const ask = () => {
        if (sent === count) return socket.end(resolve);
        socket.write(next(sent++));
      };
      socket.on("connect", ask);
      socket.on("error", reject);
      socket.on("data", (data) => {
        rest = rest.length > 0 ? Buffer.concat([rest, data]) : data;
        const end = answerEnd(rest);
        if (end < 0) return;
        const status = rest.latin1Slice(9, 12);
        statuses[status] = (statuses[status] ?? 0) + 1;
        rest = Buffer.alloc(0);
        ask();
      });
    });
  return Promise.all(Array.from({ length: connections }, one)).then(() => statuses);
}

/** CPU time of all threads of a process so far, in seconds. In nanoseconds: `stat` counts ticks of 10 ms. */
export function cpuSeconds(pid) {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "latin1").split(" ")[0]);
    } catch {
      // The thread has just ended. workerd's worker threads stay.
    }
  }
  return nanoseconds / 1e9;
}

/** Sends `count` requests and returns what they cost. */
export async function measure({ pid, port, connections = 16, count, next, expect = "200" }) {
  const cpu = cpuSeconds(pid);
  const start = performance.now();
  const statuses = await drive({ port, connections, count, next });
  const seconds = (performance.now() - start) / 1000;
  if (statuses[expect] !== count) {
    throw new Error(`not all answers were ${expect}: ${JSON.stringify(statuses)}`);
  }
  return {
    rate: count / seconds,
    micros: ((cpuSeconds(pid) - cpu) / count) * 1e6,
  };
}
