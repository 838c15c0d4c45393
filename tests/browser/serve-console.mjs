// The console in front of a Worker in workerd alone: its files from disk, everything else from the Worker. Cloudflare
// does that in a deployment; wrangler does it in other tests, but cannot store many connectors quickly.

import { createReadStream, existsSync } from "node:fs";
import { createServer, request } from "node:http";
import { connect } from "node:net";
import { extname, join } from "node:path";

import { root } from "../../scripts/tools.mjs";

const dist = join(root, "www/dist");
const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".wasm": "application/wasm" };

/** Serves the console on its own port, in front of the Worker on `port`. */
export async function servePage(port) {
  const server = createServer((incoming, outgoing) => {
    const isPage = incoming.url === "/" && /html/.test(incoming.headers.accept);
    const file = join(dist, isPage ? "index.html" : new URL(incoming.url, "http://localhost").pathname);
    if (isPage || (incoming.url.startsWith("/assets/") && existsSync(file))) {
      outgoing.writeHead(200, { "content-type": types[extname(file)] });
      return createReadStream(file).pipe(outgoing);
    }
    const { method, url: path, headers } = incoming;
    const there = request({ host: "127.0.0.1", port, method, path, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers);
      answer.pipe(outgoing);
    });
    there.on("error", () => outgoing.destroy());
    return incoming.pipe(there);
  });
  server.on("upgrade", ({ method, url, rawHeaders }, near) => {
    const far = connect(port, "127.0.0.1");
    const lines = rawHeaders.flatMap((name, n) => (n % 2 ? [] : `${name}: ${rawHeaders[n + 1]}\r\n`));
    far.write(`${method} ${url} HTTP/1.1\r\n${lines.join("")}\r\n`);
    for (const [from, to] of [[near, far], [far, near]]) {
      from.pipe(to);
      from.on("error", () => to.destroy());
      from.on("close", () => to.destroy());
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
