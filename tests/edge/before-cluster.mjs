// The Worker before a stand-in for a cluster, without what wrangler puts before and behind it: that follows
// redirects and holds bodies back.

import { kvWorker, ours, serve } from "../soak/workerd.mjs";

export const OURS = `ApiKey ${Buffer.from("root:a secret of ours, not of the cluster").toString("base64")}`;

/** Starts it. Whatever it asks elsewhere is asked of the cluster. */
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
    /** Keys by their ids, as the namespace holds them. */
    putKeys: (entries) => fetch(`${server.url("kv")}/load`, { method: "POST", body: JSON.stringify(entries) }),
  };
}
