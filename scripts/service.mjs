// Requests from commands to the service: with the key in CONNECTOR_STATUS_API_KEY, and retried while it is unreachable.

import { setTimeout as sleep } from "node:timers/promises";

import { fail, Failure, UNREACHABLE } from "./command.mjs";
import { inOrder as concurrently } from "./in-order.mjs";

/** The number of attempts, and the first delay between them, which doubles each time. */
const TRIES = 8;
const PAUSE_MS = 250;
/** The first request fails faster: there may be no service at that address. */
const FIRST_TRIES = 4;
/** How long one attempt may take. */
const LIMIT_MS = 60_000;

/** The response's text, status and version. Fails if the service remains unreachable or rejects the key. */
export async function ask(url, method, path, body, more = {}, tries = TRIES) {
  const key = process.env.CONNECTOR_STATUS_API_KEY;
  const headers = {
    ...(key && { authorization: `ApiKey ${key}` }),
    ...(body !== undefined && { "content-type": "application/json" }),
    ...more,
  };
  let why;
  for (let n = 0; n < tries; n += 1) {
    if (n > 0) await sleep(PAUSE_MS * 2 ** (n - 1));
    try {
      const response = await fetch(new URL(path, url), { method, headers, body, signal: AbortSignal.timeout(LIMIT_MS) });
      const text = await response.text();
      const { status } = response;
      if (status === 401 || status === 403) fail(`${url} answers ${status}: ${reason(text)}\nSet CONNECTOR_STATUS_API_KEY to a key that has manage_connector for all connectors.`);
      if (status !== 429 && status < 500) return { status, text };
      why = `it answers ${status}: ${reason(text)}`;
    } catch (error) {
      if (error instanceof Failure) throw error;
      why = error.cause?.message || error.cause?.code || error.message;
    }
  }
  return fail(`${method} ${new URL(path, url)} failed ${tries} times: ${why}`, UNREACHABLE);
}

/** The body of a response, which must be successful. */
export async function askOrFail(url, method, path, body) {
  const { status, text } = await ask(url, method, path, body);
  return status === 200 ? parse(url, text) : fail(`${method} ${new URL(path, url)} answers ${status}: ${reason(text)}`);
}

function parse(url, text) {
  try {
    return JSON.parse(text);
  } catch {
    return fail(`${url} does not answer with JSON: is this service there?`);
  }
}

/** The reason in an error response. */
export function reason(text) {
  try {
    const { error } = JSON.parse(text);
    return error.reason ?? error;
  } catch {
    return text.slice(0, 300);
  }
}

const query = (fields) => {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
};

/** The identity of the service and its last sequence number: `{ service, seq }`. */
export async function identify(url) {
  const { status, text } = await ask(url, "GET", "/_connector/_backup?size=0", undefined, {}, FIRST_TRIES);
  const { service, seq } = status === 200 ? parse(url, text) : {};
  return typeof service === "string" ? { service, seq } : fail(`${url} is not this service, or an older version of it`);
}

/**
 * The ids of all connectors after an id, including deleted and erased ones; or of those changed since a sequence
 * number.
 * @param {string} url
 * @param {{ after?: string, changedSince?: number }} [options]
 * @returns {AsyncGenerator<string>}
 */
export async function* ids(url, { after = "", changedSince } = {}) {
  for (let next = after; next !== null; ) {
    const page = await askOrFail(url, "GET", `/_connector/_backup${query({ after: next, changed_since: changedSince })}`);
    yield* page.ids;
    next = page.next;
  }
}

/**
 * The state of a connector: `{ id, lines }`, one line of JSON for each part; connectors with many sync jobs have
 * several. Or `{ id, problem }` if it cannot be read.
 */
export async function saved(url, id) {
  const lines = [];
  for (let after; ; ) {
    const { status, text } = await ask(url, "GET", `/_connector/${encodeURIComponent(id)}/_backup${query({ after })}`);
    if (status !== 200) return { id, problem: `it answers ${status}: ${reason(text)}` };
    lines.push(text);
    ({ next: after } = parse(url, text));
    if (after === undefined) return { id, lines };
  }
}

/** The number of concurrent requests. */
const WIDTH = 8;

/** Runs `work` for each of `items` concurrently, and yields the results in the order of the items. */
export const inOrder = (items, work) => concurrently(items, work, { atOnce: WIDTH });

/** Prints the progress, at most once a second. */
export function progress(what) {
  let last = 0;
  return (count, isLast = false) => {
    if (!isLast && Date.now() - last < 1_000) return;
    last = Date.now();
    console.error(`${what}: ${count}`);
  };
}
