// Crossing from WebAssembly to JavaScript costs more than what is done there, so what is always
// asked for together crosses together. Header values hold no line feed: one text has them all.

const HEADERS = [
  "accept",
  "content-type",
  "content-length",
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

/** Method, URL, the two settings that every request needs, then the headers: a line each. */
export function head(request, env) {
  const lines = [request.method, request.url, env.ANONYMOUS_PRIVILEGE, env.CORS_ORIGINS];
  for (const name of HEADERS) lines.push(request.headers.get(name));
  return lines.join("\n");
}

/** Headers from a text of names and values, a line each. */
export function headers(lines) {
  const headers = new Headers();
  const texts = lines.split("\n");
  for (let n = 0; n + 1 < texts.length; n += 2) headers.append(texts[n], texts[n + 1]);
  return headers;
}

/** A response with those headers. */
export function respond(status, body, lines) {
  return new Response(body, { status, headers: headers(lines) });
}

/** Sends a text to an object; a promise of its response. */
export function send(env, objects, name, body) {
  return env[objects].getByName(name).fetch("http://object/", { method: "POST", body });
}
