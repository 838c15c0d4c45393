// Asking the service from a command: with the key of the environment, and again while it is away.

import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

/** How often something is tried, and how long apart the first two tries are; each time twice as long. */
const TRIES = 8;
const PAUSE_MS = 250;

export function fail(text) {
  console.error(text);
  process.exit(1);
}

/** What a command was given: its options, of which some are `needed`, and so many `names`. Without them, how it is used. */
export function readOptions(usage, options, { needed = ["url"], names = 0 } = {}) {
  try {
    const { values, positionals } = parseArgs({ allowPositionals: names > 0, options });
    const isWhole = needed.every((name) => values[name]) && positionals.length === names;
    return isWhole ? { ...values, names: positionals } : fail(usage);
  } catch (error) {
    return fail(`${error.message}\n\n${usage}`);
  }
}

/** The text of the response, and its status. Fails if the service stays away, or does not let us in. */
export async function ask(url, method, path, body) {
  const key = process.env.CONNECTOR_STATUS_API_KEY;
  const headers = {
    ...(key && { authorization: `ApiKey ${key}` }),
    ...(body !== undefined && { "content-type": "application/json" }),
  };
  let why;
  for (let n = 0; n < TRIES; n += 1) {
    if (n > 0) await sleep(PAUSE_MS * 2 ** (n - 1));
    try {
      const response = await fetch(new URL(path, url), { method, headers, body });
      const text = await response.text();
      const { status } = response;
      if (status === 401 || status === 403) fail(`${url} answers ${status}: ${reason(text)}\nA key goes into CONNECTOR_STATUS_API_KEY; it has to have manage_connector for all connectors.`);
      if (status !== 429 && status < 500) return { status, text };
      why = `it answers ${status}: ${reason(text)}`;
    } catch (error) {
      why = error.cause?.message ?? error.message;
    }
  }
  return fail(`${method} ${new URL(path, url)} has failed ${TRIES} times: ${why}`);
}

/** What a response says that has to be a good one. */
export async function insist(url, method, path, body) {
  const { status, text } = await ask(url, method, path, body);
  return status === 200 ? JSON.parse(text) : fail(`${method} ${new URL(path, url)} answers ${status}: ${reason(text)}`);
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

/** The ids of all connectors, deleted and erased ones too, behind one of them. */
export async function* ids(url, after = "") {
  for (let next = after; next !== null; ) {
    const page = await insist(url, "GET", `/_connector/_backup?after=${encodeURIComponent(next)}`);
    yield* page.ids;
    next = page.next;
  }
}

/**
 * The state of a connector, a line of JSON for each part of it: its own and, with many sync jobs, more. `after`: only
 * jobs behind that one. None if there is no such connector.
 */
export async function saved(url, id, after) {
  const lines = [];
  for (let next = after; ; ) {
    const query = next === undefined ? "" : `?after=${encodeURIComponent(next)}`;
    const { status, text } = await ask(url, "GET", `/_connector/${encodeURIComponent(id)}/_backup${query}`);
    // Taken up from Workers KV, but its object has not adopted it.
    if (status === 404) return lines;
    if (status !== 200) fail(`${url} answers ${status} about [${id}]: ${reason(text)}`);
    lines.push(text);
    ({ next } = JSON.parse(text));
    if (next === undefined) return lines;
  }
}

/** So many requests are under way at once. */
const WIDTH = 8;

/** Does `work` for each of `items`, some at a time, and gives what comes of it in their order. */
export async function* inOrder(items, work) {
  const running = [];
  for await (const item of items) {
    const promise = work(item);
    // Whoever waits for it in turn hears of it.
    promise.catch(() => {});
    running.push(promise);
    if (running.length >= WIDTH) yield await running.shift();
  }
  while (running.length > 0) yield await running.shift();
}

/** Tells how far something is, at most once a second. */
export function progress(what) {
  let last = 0;
  return (count, isLast = false) => {
    if (!isLast && Date.now() - last < 1_000) return;
    last = Date.now();
    console.error(`${what}: ${count}`);
  };
}
