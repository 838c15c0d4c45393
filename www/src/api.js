// Requests to the API beside this page.

const KEY = "api-key";

/** The API key, encoded; kept for this tab and no longer. */
export const key = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  set: (text) => sessionStorage.setItem(KEY, text),
  forget: () => sessionStorage.removeItem(KEY),
};

/** The server has answered, and the answer is no. */
export class Refusal extends Error {
  constructor(status, reason) {
    super(reason);
    this.status = status;
  }
}

/** The server has not answered, or cannot now: worth another try. */
export class Away extends Error {
  constructor(reason, retryAfter) {
    super(reason);
    this.retryAfter = retryAfter;
  }
}

/** The path of one connector. An apostrophe is legal in a path, but not in a line for a shell. */
export const pathOf = (id) => `/_connector/${encodeURIComponent(id).replaceAll("'", "%27")}`;

/**
 * Sends a request. Answers `{ body, etag, unchanged }`; `unchanged` where the server has nothing
 * newer than `seen`, an entity tag. `ifMatch`: the version that the change is meant for.
 */
export async function send(method, path, { body, seen, ifMatch, signal } = {}) {
  const headers = { accept: "application/json" };
  if (key.get()) headers.authorization = `ApiKey ${key.get()}`;
  if (body) headers["content-type"] = "application/json";
  if (seen) headers["if-none-match"] = seen;
  if (ifMatch) headers["if-match"] = ifMatch;
  const patience = AbortSignal.timeout(15_000);
  const response = await fetch(path, {
    method,
    headers,
    body: body && JSON.stringify(body),
    cache: "no-store",
    signal: signal ? AbortSignal.any([signal, patience]) : patience,
  }).catch((error) => {
    if (signal?.aborted) throw error;
    throw new Away(patience.aborted ? "The server does not answer." : "The server cannot be reached.");
  });
  const answer = await response.text().then(parse, () => undefined);
  const etag = response.headers.get("etag") ?? undefined;
  if (response.status === 304) return { unchanged: true, etag };
  if (response.ok && answer) return { body: answer, etag };
  const said = answer?.error?.reason ?? answer?.error;
  const reason = typeof said === "string" ? said : `HTTP ${response.status}`;
  if (response.status === 429 || response.status >= 500 || response.ok) {
    throw new Away(response.ok ? "The answer is not readable." : reason, Number(response.headers.get("retry-after")));
  }
  throw new Refusal(response.status, reason);
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
