// The cost of forwarding a request to a cluster, compared with a Worker that only forwards.

import { createServer } from "node:http";

import { kvWorker, ours, serve } from "../tests/soak/workerd.mjs";
import { measureRows } from "./edge.mjs";
import { request } from "./load.mjs";

const hits = { hits: { hits: Array.from({ length: 10 }, (_, n) => ({ _id: `document-${n}`, _source: { title: `Title ${n}` } })) } };
const lines = Array.from({ length: 100 }, (_, n) => ({ index: { _id: `document-${n}` }, title: `Title ${n}`, body: "x".repeat(100) }));
const [search, bulk] = [
  request("POST", "/search-orders/_search", { query: { match: { title: "a title that somebody looks for" } } }),
  request("POST", "/_bulk", lines),
];
const rows = [
  { label: "POST `_search`, 1 kB back", count: 400, next: () => search },
  { label: "POST `_bulk` of 17 kB, 1 kB back", count: 400, next: () => bulk },
];

/** A cluster that gives every request the same response. */
async function startCluster() {
  const answer = JSON.stringify(hits);
  const server = createServer((incoming, response) => {
    incoming.resume().on("end", () => {
      response.writeHead(200, { "content-type": "application/json", "content-length": answer.length });
      response.end(answer);
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

/** The cost of each row: `{ label, ours, bare }`, medians of `runs`. */
export async function through({ runs = 5, share = 1 } = {}) {
  const cluster = await startCluster();
  const vars = { ORIGIN: `http://127.0.0.1:${cluster.address().port}` };
  const workers = {
    ours: ours({ vars }),
    bare: { modules: ["benches/forward-worker.mjs"], vars },
    kv: kvWorker,
  };
  const server = await serve({ workers, sockets: { ours: "ours", bare: "bare" }, quiet: true });
  try {
    return await measureRows({ ours: server, bare: server }, rows, runs, share);
  } finally {
    await server.kill();
    cluster.closeAllConnections();
    cluster.close();
  }
}
