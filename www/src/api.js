// Requests to the API beside this page.

const KEY = "api-key";

/** The API key, encoded; kept for this tab, or for this device if that was asked for. */
export const key = {
  get: () => sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY) ?? "",
  set(text, remember) {
    key.forget();
    (remember ? localStorage : sessionStorage).setItem(KEY, text);
  },
  forget() {
    sessionStorage.removeItem(KEY);
    localStorage.removeItem(KEY);
  },
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
 * Sends a request. Answers `{ body, text, etag, unchanged }`; `unchanged` where the server has nothing
 * newer than `seen`, an entity tag. `ifMatch`: the version that the change is meant for.
 * `ifNoneMatch`: `*` for what shall be created and never replaced. `patience`: for how many milliseconds to wait.
 * `apiKey`: a key to use instead of the one that is kept.
 */
export async function send(method, path, { body, seen, ifMatch, ifNoneMatch = seen, signal, patience: limit = 15_000, apiKey = key.get() } = {}) {
  const headers = { accept: "application/json" };
  if (apiKey) headers.authorization = `ApiKey ${apiKey}`;
  if (body) headers["content-type"] = "application/json";
  if (ifNoneMatch) headers["if-none-match"] = ifNoneMatch;
  if (ifMatch) headers["if-match"] = ifMatch;
  const patience = AbortSignal.timeout(limit);
  const response = await fetch(path, {
    method,
    headers,
    body: body && JSON.stringify(body),
    cache: "no-store",
    signal: signal ? AbortSignal.any([signal, patience]) : patience,
  }).catch((error) => {
    if (signal?.aborted) throw error;
    throw new Away(patience.aborted ? "The server doesn't answer." : "The server can't be reached.");
  });
  const text = await response.text().catch(() => "");
  const answer = parse(text);
  const etag = response.headers.get("etag") ?? undefined;
  if (response.status === 304) return { unchanged: true, etag };
  if (response.ok && answer) return { body: answer, text, etag };
  const reason = reasonOf(answer) ?? `HTTP ${response.status}`;
  if (response.status === 429 || response.status >= 500 || response.ok) {
    throw new Away(response.ok ? "The answer isn't readable." : reason, Number(response.headers.get("retry-after")));
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

/** What an error envelope says for people: the innermost reason, without frame and numbers. */
export function reasonOf(answer) {
  let cause = answer?.error;
  while (cause?.caused_by) cause = cause.caused_by;
  const reason = cause?.reason ?? cause;
  if (typeof reason !== "string") return undefined;
  return reason
    .replace(/^Validation Failed: /, "")
    .replace(/(^|;)\s*\d+: /g, "$1")
    .replace(/;$/, "")
    .replace(/^InvalidIndexNameException\[(.*)\]$/, "$1");
}
