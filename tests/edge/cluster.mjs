// A stand-in for the cluster behind the Worker. It records the requests that reach it, and knows three users.

import { createServer } from "node:http";
import { gzipSync } from "node:zlib";

export const USER = `Basic ${Buffer.from("elastic:changeme").toString("base64")}`;
export const READER = `ApiKey ${Buffer.from("r1:secret-of-the-reader").toString("base64")}`;
export const UNPRIVILEGED = `ApiKey ${Buffer.from("n1:secret-of-nobody").toString("base64")}`;

const people = {
  [USER]: { who: { username: "elastic" }, manage: true, monitor: true },
  [READER]: { who: { username: "owner", api_key: { id: "r1", name: "reader" } }, manage: false, monitor: true },
  [UNPRIVILEGED]: { who: { username: "owner", api_key: { id: "n1", name: "nobody" } }, manage: false, monitor: false },
};

/** Starts it. `paths` has handlers `(request, response, body)` by path. */
export async function startCluster(paths = {}) {
  const seen = [];
  const json = (response, status, body) => {
    response.writeHead(status, { "content-type": "application/json", "x-elastic-product": "Elasticsearch" });
    response.end(JSON.stringify(body));
  };
  const server = createServer(async (request, response) => {
    const path = request.url.split("?")[0];
    const seenOne = { method: request.method, url: request.url, headers: request.headers };
    seen.push(seenOne);
    if (paths[path]?.raw) return paths[path].raw(request, response);
    let size = 0;
    const pieces = [];
    for await (const piece of request) {
      size += piece.length;
      if (size < 1 << 20) pieces.push(piece);
    }
    seenOne.size = size;
    const text = Buffer.concat(pieces).toString();
    seenOne.body = text;
    const person = people[request.headers.authorization];
    if (paths[path]) return paths[path](request, response, text);
    if (!person) return json(response, 401, { error: { type: "security_exception", reason: "no" }, status: 401 });
    if (path === "/") return json(response, 200, { name: "node-1", cluster_name: "real", version: { number: "9.7.1", build_flavor: "default" }, tagline: "You Know, for Search" });
    if (path === "/_security/_authenticate") return json(response, 200, { ...person.who, roles: ["superuser"] });
    if (path === "/_security/user/_has_privileges") {
      return json(response, 200, { username: "x", cluster: { manage_connector: person.manage, monitor_connector: person.monitor } });
    }
    return json(response, 200, { took: 1, path });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    seen,
    /** The requests that reached a path. */
    to: (path) => seen.filter(({ url }) => url.split("?")[0] === path),
    stop: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
    start: () => new Promise((resolve) => server.listen(port, "127.0.0.1", resolve)),
    gzip: gzipSync,
  };
}
