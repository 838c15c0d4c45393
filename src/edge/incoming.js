// Reads a request for the module: what always goes together crosses together, and crosses once.

/** How much of a body that is too long is read, so that its sender comes to hear of it. */
const PATIENCE = 8;

const HEADERS = [
  "accept",
  "content-type",
  "if-match",
  "if-none-match",
  "authorization",
  "origin",
  "sec-fetch-site",
  "x-opaque-id",
  "cf-ray",
  "cf-connecting-ip",
  "access-control-request-method",
];

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
  const lines = [body.problem, body.bytes, method, url];
  lines.push(ANONYMOUS_PRIVILEGE, CORS_ORIGINS, WRITE_LIMIT !== undefined);
  for (const name of HEADERS) lines.push(headers.get(name));
  return [lines.join("\n"), body.text];
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
