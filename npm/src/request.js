// The only place that sends requests. Handles the key, errors and retries.

import { ConnectorApiError } from "~error";

import { pause } from "./retry.js";

/** How often a GET is retried, if the server says when. */
const RETRIES = 2;
/** The longest wait for one retry, in seconds. */
const LONGEST_WAIT = 30;

/**
 * Returns a function that sends requests to the server at `base`.
 * @param {string} base
 * @param {string | undefined} apiKey
 * @param {typeof globalThis.fetch} fetch
 */
export function requester(base, apiKey, fetch) {
  /** Sends a request once. Network failures become a `ConnectorApiError` with status 0. */
  async function send(path, init) {
    try {
      const response = await fetch(base + path, init);
      return { response, answer: parse(await response.text()) };
    } catch (cause) {
      init.signal?.throwIfAborted();
      throw new ConnectorApiError(0, undefined, "The server can't be reached.", { cause });
    }
  }

  /**
   * `query`: undefined parameters are left out, and lists are joined by commas.
   * @param {string} method
   * @param {string} path
   * @param {{ query?: Record<string, any>, body?: unknown, ifMatch?: string | null, ifNoneMatch?: string | null, signal?: AbortSignal }} [options]
   * @returns {Promise<{ body: any, etag: string | null }>}
   */
  return async function request(method, path, { query = {}, body, ifMatch, ifNoneMatch, signal } = {}) {
    const given = Object.entries(query).filter(([, value]) => value !== undefined);
    const search = new URLSearchParams(given).toString();
    /** @type {Record<string, string>} */
    const headers = { accept: "application/json" };
    if (apiKey !== undefined) headers.authorization = `ApiKey ${apiKey}`;
    if (body !== undefined) headers["content-type"] = "application/json";
    if (ifMatch) headers["if-match"] = ifMatch;
    if (ifNoneMatch) headers["if-none-match"] = ifNoneMatch;
    const init = { method, headers, body: body === undefined ? body : JSON.stringify(body), signal };
    for (let retries = 0; ; retries += 1) {
      const { response, answer } = await send(search ? `${path}?${search}` : path, init);
      const { status, headers } = response;
      if (response.ok && answer) return { body: answer, etag: headers.get("etag") };
      const wait = status === 503 || status === 429 ? Number(headers.get("retry-after")) : 0;
      // Never repeat a write: it may have been made although its response was lost.
      if (method !== "GET" || retries === RETRIES || !(wait > 0 && wait <= LONGEST_WAIT)) throw failure(response, answer?.error);
      await pause(wait * 1_000, signal);
    }
  };
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The error in an error response, of this server or another. */
function failure({ status, statusText }, error) {
  const reason = error?.reason ?? (typeof error === "string" ? error : statusText);
  return new ConnectorApiError(status, error?.type, reason || `HTTP ${status} without a readable answer`);
}
