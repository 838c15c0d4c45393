// Stands before `wrangler dev`, which takes headers from outside that only its own parts should send: MF-Original-URL
// says what was asked, whatever the real Host is. A page whose own name leads to this machine could read everything by
// it. So only this proxy is let through to the Worker, and it refuses such headers.

import { createServer, request as ask } from "node:http";

/** How the Worker tells requests that came through the proxy: see src/edge/settings.rs. */
export const SECRET_HEADER = "x-connector-status-local-proxy";
export const SECRET_SETTING = "LOCAL_PROXY_SECRET";

/** Why a request is not sent on; undefined if it is. */
function refusal({ url, rawHeaders }) {
  const names = rawHeaders.filter((_, n) => n % 2 === 0).map((name) => name.toLowerCase());
  const own = names.find((name) => name.startsWith("mf-") || name === SECRET_HEADER);
  if (own) return `the header [${own}] is not taken from outside`;
  // Targets may be whole URLs (RFC 9112, 3.2.2), which would be one more way to name a host.
  if (!url.startsWith("/")) return "the request target must begin with [/]";
  // As whoever is behind reads it: with dots resolved and backslashes turned.
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
 * Listens on an address; sends what comes in on to `port` of this machine, with the secret. Rejected if the address
 * cannot be had. `server.close()` ends it.
 */
export function startLocalProxy({ address, port, secret, to }) {
  const options = ({ method, url, headers, rawHeaders }) => {
    const hasBody = headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
    // Else Node would announce a body that never comes.
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
    // Whoever has answered already need not read on.
    upstream.on("error", (error) => {
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
    const headOf = ({ statusCode, statusMessage, rawHeaders }) => {
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
    // Not let in: the answer is one like any other. Its body is passed on until it ends.
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
