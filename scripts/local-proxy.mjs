// A proxy in front of `wrangler dev`. wrangler trusts the MF-Original-URL header from anyone, so a web page could use
// DNS rebinding to pose as a local client and read everything. The proxy rejects such headers, and the Worker accepts
// only requests that come through it.

import { createServer, request as ask } from "node:http";

/** Marks requests that came through the proxy (see src/edge/settings.rs). */
export const SECRET_HEADER = "x-connector-status-local-proxy";
export const SECRET_SETTING = "LOCAL_PROXY_SECRET";

/** Why a request is rejected; undefined if it is forwarded. */
function refusal(/** @type {import("node:http").IncomingMessage} */ { url, rawHeaders }) {
  const names = rawHeaders.filter((_, n) => n % 2 === 0).map((name) => name.toLowerCase());
  const own = names.find((name) => name.startsWith("mf-") || name === SECRET_HEADER);
  if (own) return `the header [${own}] is not taken from outside`;
  // Absolute URLs (RFC 9112, 3.2.2) would be another way to name a host.
  if (!url.startsWith("/")) return "the request target must begin with [/]";
  // The path as the server behind reads it: dots resolved, backslashes turned.
  const { pathname } = new URL(url, "http://localhost");
  if (/^\/+(cdn-cgi|__cf_local)(\/|$)/i.test(decoded(pathname))) return "wrangler's own pages are not served";
  return undefined;
}

function decoded(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/**
 * Listens on an address and forwards requests, with the secret, to `port` on this machine. Rejects if the address is
 * not available. `server.close()` stops it.
 */
export function startLocalProxy({ address, port, secret, to }) {
  const options = (/** @type {import("node:http").IncomingMessage} */ { method, url, headers, rawHeaders }) => {
    const hasBody = headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
    // Otherwise Node would announce a body that never comes.
    const length = hasBody || !["PUT", "POST", "PATCH"].includes(method) ? [] : ["content-length", "0"];
    return { host: "127.0.0.1", port: to, method, path: url, headers: [...rawHeaders, ...length, SECRET_HEADER, secret] };
  };
  const answer = (response, status, reason) => {
    const body = JSON.stringify({ error: { type: "local_proxy_exception", reason }, status });
    response.writeHead(status, { "content-type": "application/json", connection: "close" });
    response.end(body);
  };
  const handle = (request, response) => {
    const refused = refusal(request);
    if (refused) return answer(response, 400, refused);
    const upstream = ask(options(request));
    upstream.on("continue", () => response.writeContinue());
    upstream.on("response", (reply) => {
      response.writeHead(reply.statusCode, reply.statusMessage, reply.rawHeaders);
      response.flushHeaders();
      reply.pipe(response);
      reply.on("aborted", () => response.destroy());
    });
    // After the response the server need not read the rest of the request.
    upstream.on("error", (/** @type {NodeJS.ErrnoException} */ error) => {
      if (!response.headersSent) answer(response, 503, `the Worker does not answer yet, or no longer: ${error.code ?? error.message}`);
    });
    response.on("close", () => response.writableFinished || upstream.destroy());
    upstream.flushHeaders();
    request.pipe(upstream);
  };
  const server = createServer({ requestTimeout: 0, headersTimeout: 60_000 }, handle);
  server.on("checkContinue", handle);
  server.on("upgrade", (request, socket, head) => {
    socket.on("error", () => socket.destroy());
    const refused = refusal(request);
    if (refused) return socket.end(`HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n${refused}\n`);
    const upstream = ask(options(request));
    const headOf = (/** @type {Pick<import("node:http").IncomingMessage, "statusCode" | "statusMessage" | "rawHeaders">} */ { statusCode, statusMessage, rawHeaders }) => {
      const lines = rawHeaders.flatMap((name, n) => (n % 2 === 0 ? [`${name}: ${rawHeaders[n + 1]}`] : []));
      return `HTTP/1.1 ${statusCode} ${statusMessage}\r\n${lines.join("\r\n")}\r\n\r\n`;
    };
    upstream.on("upgrade", (reply, other, rest) => {
      socket.write(headOf(reply));
      socket.write(rest);
      other.write(head);
      other.on("error", () => socket.destroy());
      other.on("close", () => socket.destroy());
      socket.on("close", () => other.destroy());
      other.pipe(socket).pipe(other);
    });
    // The upgrade was rejected: forward the response like any other, until its body ends.
    upstream.on("response", (reply) => {
      const rawHeaders = reply.rawHeaders.filter((_, n) => !/^(transfer-encoding|connection)$/i.test(reply.rawHeaders[n - (n % 2)]));
      socket.write(headOf({ statusCode: reply.statusCode, statusMessage: reply.statusMessage, rawHeaders: [...rawHeaders, "connection", "close"] }));
      reply.pipe(socket);
    });
    upstream.on("error", () => socket.destroy());
    upstream.end();
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, () => resolve(server));
  });
}
