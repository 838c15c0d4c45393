// Reads a request for the module: what always goes together crosses together, and crosses once.

/** How much of a body that is too long is read, so that its sender comes to hear of it. */
const PATIENCE = 8;

const NONE = { text: "", bytes: 0, problem: "" };
const CUT_OFF = { ...NONE, problem: "cut off" };
const TOO_LONG = { ...NONE, problem: "too long" };

/**
 * The head of a request and its body, of no more than `limit` bytes. The head is what there is to
 * say of the body, method, URL, the settings that every request needs and the headers, a line each:
 * none of them holds a line feed.
 */
export async function incoming(request, env, limit) {
  const { method, url, headers } = request;
  const announced = headers.get("content-length");
  let body = NONE;
  if (hasBody(request, announced)) {
    try {
      // Bytes would be safer to judge, but their buffers cost a twentieth of the whole request.
      const isShort = announced !== null && Number(announced) <= limit;
      body = isShort
        ? { text: await request.text(), bytes: announced, problem: "" }
        : await readPieces(request.body, limit);
    } catch {
      body = CUT_OFF;
    }
  }
  const { ANONYMOUS_PRIVILEGE, CORS_ORIGINS, WRITE_LIMIT } = env;
  const reads = method === "GET" || method === "HEAD";
  // Each look at a header costs: none is asked for where it cannot matter.
  const head = [
    body.problem,
    body.bytes,
    method,
    url,
    ANONYMOUS_PRIVILEGE,
    CORS_ORIGINS,
    WRITE_LIMIT !== undefined,
    headers.get("accept"),
    body === NONE ? null : headers.get("content-type"),
    reads ? null : headers.get("if-match"),
    headers.get("if-none-match"),
    headers.get("authorization"),
    CORS_ORIGINS ? headers.get("origin") : null,
    reads ? null : headers.get("sec-fetch-site"),
    headers.get("x-opaque-id"),
    headers.get("cf-ray"),
    WRITE_LIMIT === undefined ? null : headers.get("cf-connecting-ip"),
    method === "OPTIONS" ? headers.get("access-control-request-method") : null,
  ];
  return [head.join("\n"), body.text];
}

/** To look at the stream costs more than to look at a header. */
const hasBody = (request, announced) =>
  announced === null ? request.body !== null : announced !== "0";

async function readPieces(stream, limit) {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const piece of stream) {
    bytes += piece.byteLength;
    if (bytes <= limit) text += decoder.decode(piece, { stream: true });
    if (bytes > limit * PATIENCE) break;
  }
  return bytes > limit ? TOO_LONG : { text: text + decoder.decode(), bytes, problem: "" };
}
