// A load generator: as many connections as asked, one request at a time on each, kept alive.
// Requests are bytes made beforehand and answers are read only as far as needed, so that it takes
// little of the machine it shares with what it measures.

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

/** Where the answer at the start of `bytes` ends; -1 if there is more to come. */
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
  // All others are chunked.
  const last = bytes.indexOf(LAST_CHUNK, start);
  return last < 0 ? -1 : last + LAST_CHUNK.length;
}

/** Sends `count` requests, `next(n)` giving the bytes of the nth. Answers how many got which status. */
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

/** CPU time of all threads of a process so far, in seconds. To the nanosecond: `stat` counts in ticks of 10 ms. */
export function cpuSeconds(pid) {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "latin1").split(" ")[0]);
    } catch {
      // A thread that has just ended: workerd keeps those that do its work.
    }
  }
  return nanoseconds / 1e9;
}

/** Sends `count` requests and tells what they cost. */
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
