import { connect } from "node:net";

import { send } from "../../edge/worker.mjs";
import { numbers, pick } from "../helpers.mjs";
import { serveWithKv } from "../workerd.mjs";

const SOUND = [
  ["PUT", "/_status", { status: "configured" }],
  ["PUT", "/_error", { error: "out of order" }],
  ["PUT", "/_configuration", { configuration: { host: { label: "Host", type: "str", value: "a" } } }],
  ["PUT", "", { name: "A", description: "B", is_native: false, service_type: "c" }],
  ["PUT", "/_check_in", undefined],
];

/** Ways to damage a body or its headers. */
const MUTATIONS = {
  "cut off": (text) => [text.slice(0, Math.floor(Math.random() * text.length))],
  "bits flipped": (text) => {
    const bytes = Buffer.from(text);
    for (let n = 0; n <= Math.random() * 3; n += 1) {
      bytes[Math.floor(Math.random() * bytes.length)] ^= 1 << Math.floor(Math.random() * 8);
    }
    return [bytes];
  },
  oversized: (text) => [text + " ".repeat((1 << 20) + Math.floor(Math.random() * 1_000))],
  deep: (text) => {
    const depth = 100 + Math.floor(Math.random() * 20_000);
    return [text.replace(/:.*/s, `:${pick(["[", '{"a":'])}`.replace(/:(.*)/s, (_, open) => `:${open.repeat(depth)}`))];
  },
  "wrong types": (text) => [
    text.replace(/:("[^"]*"|\w+)/, `:${pick(["0", "-1e999", "[]", "{}", "null", "true", '[{"a":1}]', '"\\ud800"'])}`),
  ],
  "wrong media type": (text) => [text, pick(["text/plain", "application/cbor", "a/b/c", "application/json;charset=", ";"])],
  twice: (text) => [text.replace("{", `{${text.slice(1, -1)},`)],
  garbage: () => [Buffer.from(numbers(64).map(() => Math.floor(Math.random() * 256)))],
};

/** Mutated requests: no 5xx, no panic, and a refused request changes nothing. */
export async function badInput({ requests = 10_000, lanes = 16 }) {
  const server = await serveWithKv();
  const problems = [];
  const statuses = {};
  let left = requests;
  const count = (status) => (statuses[status] = (statuses[status] ?? 0) + 1);
  const lane = async (n) => {
    const path = `/_connector/bad-${n}`;
    const url = server.url();
    const stored = async () => (await fetch(url + path)).text();
    await send(url, "PUT", path, { name: "A" });
    let document = await stored();
    while (left-- > 0) {
      const [method, action, body] = pick(SOUND);
      const kind = pick(Object.keys(MUTATIONS));
      const [bytes, type] = MUTATIONS[kind](body === undefined ? '{"a":1}' : JSON.stringify(body));
      const headers = type ? { "content-type": type } : {};
      const answer = await send(url, method, path + action, bytes, headers);
      count(answer.status);
      if (answer.status >= 500) {
        problems.push(`${kind} ${method} ${action}: ${answer.status} for ${String(bytes).slice(0, 200)}`);
      }
      const after = await stored();
      const mayChange = answer.status < 300 && answer.body.result !== "noop";
      if (after !== document && !mayChange) problems.push(`${kind} ${action}: ${answer.status}, yet a change`);
      document = after;
      // Sometimes the client disconnects in the middle of a body.
      if (Math.random() < 0.02) {
        await new Promise((resolve) => {
          const socket = connect(server.port(), "127.0.0.1", () => {
            socket.write(
              `PUT ${path}/_status HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{"status":`,
              () => socket.destroy(),
            );
          });
          socket.on("close", resolve);
          socket.on("error", () => {});
        });
      }
    }
  };
  try {
    await Promise.all(numbers(lanes).map(lane));
    const bad = /panicked|RuntimeError|Critical|unreachable|Reinitializing/.exec(server.log());
    if (bad) problems.push(`the log says: ${server.log().slice(bad.index, bad.index + 300)}`);
  } finally {
    await server.close();
  }
  const answers = Object.entries(statuses).map(([status, times]) => `${times} x ${status}`);
  return { figures: `bad input: ${requests} mutated requests, answers ${answers.join(", ")}; ${problems.length} problems`, problems };
}
