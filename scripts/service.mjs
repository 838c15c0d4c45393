// Requests from commands to the service: with the key in CONNECTOR_STATUS_API_KEY, and repeated while it is away.

import { setTimeout as sleep } from "node:timers/promises";

import { fail, Failure, UNREACHABLE } from "./command.mjs";

/** How often something is tried, and how long apart the first two tries are; each time twice as long. */
const TRIES = 8;
const PAUSE_MS = 250;
/** The first request finds out whether there is a service at all. */
const FIRST_TRIES = 4;
/** How long one try may take. */
const LIMIT_MS = 60_000;

/** The response's text, status and version. Fails if the service stays away, or does not let us in. */
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
      if (status === 401 || status === 403) fail(`${url} answers ${status}: ${reason(text)}\nPut a key into CONNECTOR_STATUS_API_KEY that has manage_connector for all connectors.`);
      if (status !== 429 && status < 500) return { status, text };
      why = `it answers ${status}: ${reason(text)}`;
    } catch (error) {
      if (error instanceof Failure) throw error;
      why = error.cause?.message || error.cause?.code || error.message;
    }
  }
  return fail(`${method} ${new URL(path, url)} has failed ${tries} times: ${why}`, UNREACHABLE);
}

/** The body of a response that has to be a success. */
export async function insist(url, method, path, body) {
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

/** What an error says. */
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

/** Which service this is, and the number of its last change: `{ service, seq }`. */
export async function identify(url) {
  const { status, text } = await ask(url, "GET", "/_connector/_backup?size=1", undefined, {}, FIRST_TRIES);
  const { service, seq } = status === 200 ? parse(url, text) : {};
  return typeof service === "string" ? { service, seq } : fail(`${url} is not this service, or an older version of it`);
}

/** The ids of all connectors behind one of them, deleted and erased ones too; or of those that changed since a number. */
export async function* ids(url, { after = "", changedSince } = {}) {
  for (let next = after; next !== null; ) {
    const page = await insist(url, "GET", `/_connector/_backup${query({ after: next, changed_since: changedSince })}`);
    yield* page.ids;
    next = page.next;
  }
}

/**
 * The state of a connector: `{ id, lines }`, a line of JSON for each part of it: its own and, with many sync jobs, more.
 * Or `{ id, problem }` if it cannot be read.
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

/** So many requests are under way at once. */
const WIDTH = 8;

/** Does `work` for each of `items`, some at a time, and gives what comes of it in their order. */
export async function* inOrder(items, work) {
  const running = [];
  for await (const item of items) {
    const promise = work(item);
    // Whoever waits for it in turn gets the error.
    promise.catch(() => {});
    running.push(promise);
    if (running.length >= WIDTH) yield await running.shift();
  }
  while (running.length > 0) yield await running.shift();
}

/** Says how far something is, at most once a second. */
export function progress(what) {
  let last = 0;
  return (count, isLast = false) => {
    if (!isLast && Date.now() - last < 1_000) return;
    last = Date.now();
    console.error(`${what}: ${count}`);
  };
}
