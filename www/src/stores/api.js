// Requests to the API that serves this page.

import { Away, reasonOf, Refusal } from "../core/reasons.js";

const KEY = "api-key";

/** The encoded API key. Kept for this tab, or for this device on request. */
export const key = {
  /** @returns {string} */
  get: () => sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY) ?? "",
  /** @param {string} text
   * @param {boolean} remember */
  set(text, remember) {
    key.forget();
    (remember ? localStorage : sessionStorage).setItem(KEY, text);
  },
  forget() {
    sessionStorage.removeItem(KEY);
    localStorage.removeItem(KEY);
  },
};

/** The timeout of a request, in milliseconds. */
const PATIENCE = 15_000;

/**
 * Sends a request. Answers `{ body, text, etag, unchanged }`; `unchanged` where the server has nothing newer than
 * `seen`, an entity tag. `ifMatch`: the version that the change is meant for. `ifNoneMatch`: `*` for what must be
 * created and never replaced. `patience`: how many milliseconds to wait for the answer. `apiKey`: a key to use instead
 * of the one that is kept.
 * @param {string} method
 * @param {string} path
 * @param {{ body?: unknown, seen?: string, ifMatch?: string, ifNoneMatch?: string, signal?: AbortSignal, patience?: number, apiKey?: string }} [options]
 * @returns {Promise<{ body?: any, text?: string, etag?: string, unchanged?: boolean }>}
 */
export async function send(method, path, { body, seen, ifMatch, ifNoneMatch = seen, signal, patience = PATIENCE, apiKey = key.get() } = {}) {
  /** @type {Record<string, string>} */
  const headers = { accept: "application/json" };
  if (apiKey) headers.authorization = `ApiKey ${apiKey}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  if (ifNoneMatch) headers["if-none-match"] = ifNoneMatch;
  if (ifMatch) headers["if-match"] = ifMatch;
  const end = AbortSignal.timeout(patience);
  const response = await fetch(path, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    cache: "no-store",
    signal: signal ? AbortSignal.any([signal, end]) : end,
  }).catch((error) => {
    if (signal?.aborted) throw error;
    throw new Away(end.aborted ? "The server doesn't answer." : "The server can't be reached.");
  });
  const text = await response.text().catch((error) => {
    if (signal?.aborted) throw error;
    return "";
  });
  const answer = parse(text);
  const etag = response.headers.get("etag") ?? undefined;
  if (response.status === 304) return { unchanged: true, etag };
  if (response.ok && answer) return { body: answer, text, etag };
  const reason = reasonOf(answer) ?? `HTTP ${response.status}`;
  if (response.status === 429 || response.status >= 500 || response.ok) {
    const retryAfter = Number(response.headers.get("retry-after"));
    throw new Away(response.ok ? "The response isn't readable." : reason, { retryAfter, status: response.status });
  }
  throw new Refusal(response.status, reason);
}

/** `fetch` for the package's client, with an end to waiting for the answer.
 * @type {typeof fetch} */
export const fetchInTime = (input, init) => {
  const end = AbortSignal.timeout(PATIENCE);
  return fetch(input, { ...init, signal: init?.signal ? AbortSignal.any([init.signal, end]) : end });
};

/** @param {string} text */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
