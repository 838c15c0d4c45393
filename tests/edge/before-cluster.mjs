// The Worker in front of a stand-in for a cluster, run without wrangler, which follows redirects and buffers bodies.

import { kvWorker, ours, serve } from "../soak/workerd.mjs";

export const OURS = `ApiKey ${Buffer.from("root:a secret of ours, not of the cluster").toString("base64")}`;

/** Starts the Worker. All its outgoing requests go to the cluster. */
export async function startBefore(cluster, vars = {}) {
  const ROOT_API_KEY = Buffer.from(OURS.split(" ")[1], "base64").toString();
  const server = await serve({
    workers: { it: ours({ vars: { ROOT_API_KEY, ...vars } }), kv: kvWorker },
    sockets: { it: "it", kv: "kv#control" },
    external: { internet: `127.0.0.1:${cluster.port}` },
  });
  return {
    url: server.url("it"),
    port: server.ports.it,
    pid: server.pid,
    log: server.log,
    close: server.kill,
    /** Keys by id, as stored in the namespace. */
    putKeys: (entries) => fetch(`${server.url("kv")}/load`, { method: "POST", body: JSON.stringify(entries) }),
  };
}
