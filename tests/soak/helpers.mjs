// Helpers for the proofs.

import { isDeepStrictEqual } from "node:util";

import { send } from "../edge/worker.mjs";

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const now = () => performance.now();
export const numbers = (count) => Array.from({ length: count }, (_, n) => n);
export const pick = (items) => items[Math.floor(Math.random() * items.length)];
export const percentile = (values, share) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0;

export const STATUSES = ["created", "needs_configuration", "configured", "connected", "error"];

export const connectorPath = (id) => `/_connector/${id}`;
export const documents = "/.elastic-connectors";

/** The time until `differing` finds nothing, in ms; `null` if longer than `limit`. */
export async function converges(differing, limit) {
  const start = now();
  for (;;) {
    if ((await differing()).length === 0) return now() - start;
    if (now() - start > limit) return null;
    await sleep(100);
  }
}

/** The connectors as their objects return them, as text; `undefined`: erased. */
export const shown = (server, names) =>
  Promise.all(
    names.map(async (name) => {
      const answer = await fetch(`${server.url()}/_connector/${name}?include_deleted=true`);
      const text = await answer.text();
      return answer.status === 404 ? undefined : text;
    }),
  );

/** The time until every copy in KV equals its object. */
export const copiesEqual = (server, names, limit) =>
  converges(async () => {
    const texts = await shown(server, names);
    const { entries } = await server.kv("state");
    return names.filter((name, n) => entries[`c:${name}`] !== texts[n]?.replace(`{"id":"${name}",`, "{"));
  }, limit);

/** The time until the list has every connector as its object has it. */
export const listEquals = (server, names, limit) =>
  converges(async () => {
    const texts = await shown(server, names);
    const { status, body } = await send(server.url(), "GET", "/_connector?include_deleted=true&size=1000");
    if (status !== 200) return names;
    const listed = new Map(body.results.map((connector) => [connector.id, connector]));
    return names.filter((name, n) => !isDeepStrictEqual(listed.get(name), texts[n] && JSON.parse(texts[n])));
  }, limit);

/** Sends requests that must be answered as expected and in time; records the slowest of each mode. */
export function answerInTime(server, problems, limit = 2_000) {
  const slowest = {};
  const ask = async (mode, expected, method, path, body) => {
    const start = now();
    const answer = await send(server.url(), method, `/_connector${path}`, body);
    const took = now() - start;
    ask.count += 1;
    slowest[mode] = Math.max(slowest[mode] ?? 0, took);
    if (took > limit) problems.push(`${mode}: ${method} ${path} took ${took.toFixed(0)} ms`);
    if (answer.status !== expected) {
      problems.push(`${mode}: ${method} ${path} answered ${answer.status} ${JSON.stringify(answer.body)}`);
    }
    return answer;
  };
  return Object.assign(ask, { count: 0, slowest });
}
