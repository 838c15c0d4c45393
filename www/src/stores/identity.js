// The visitor's identity, and what it is allowed to do.

import { computed, effect, signal } from "@preact/signals";

import { key, send } from "./api.js";

/**
 * @typedef {{ name?: string, isPerson?: boolean, privilege?: string, connectors?: string[] }} Identity
 *   a person has signed in without a key
 */

/** Incremented when the key changes, so that everything is loaded again. */
export const visitor = signal(0);

/** Undefined while unknown: then everything is offered, and the server decides.
 * @type {import("@preact/signals").Signal<Identity | undefined>} */
export const identity = signal(undefined);

/** @param {string} text
 * @param {boolean} remember */
export function enterKey(text, remember) {
  key.set(text, remember);
  visitor.value += 1;
}

export function forgetKey() {
  key.forget();
  visitor.value += 1;
}

effect(() => {
  visitor.value;
  const stop = new AbortController();
  identity.value = undefined;
  send("GET", "/_security/_authenticate", { signal: stop.signal }).then(
    ({ body }) => (identity.value = readIdentity(body)),
    ({ status }) => {
      if (!stop.signal.aborted && status !== 401 && key.get()) identity.value = { name: idOfKey() };
    },
  );
  return () => stop.abort();
});

/** @param {any} answer
 * @returns {Identity} */
function readIdentity({ api_key, email, username, authentication_type, privilege, connectors }) {
  const person = authentication_type === "anonymous" ? undefined : (email ?? username);
  return { name: api_key?.name ?? api_key?.id ?? person, isPerson: !api_key && Boolean(person), privilege, connectors };
}

/** The id patterns that the visitor is limited to; undefined without a limit. */
export const limits = computed(() => {
  const connectors = identity.value?.connectors;
  return connectors?.length && !connectors.includes("*") ? connectors : undefined;
});

/** The id in the encoded key. */
function idOfKey() {
  try {
    return atob(key.get()).split(":")[0];
  } catch {
    return "API key";
  }
}

/** Whether a pattern matches an id: `*` is any text, `?` one character.
 * @param {string} pattern
 * @param {string} id */
function covers(pattern, id) {
  const escaped = pattern.replace(/[\\^$.|+()[\]{}]/g, "\\$&");
  return new RegExp(`^${escaped.replaceAll("*", ".*").replaceAll("?", ".")}$`, "su").test(id);
}

/** Why the visitor can't change the connector `id`, or create connectors; undefined if nothing is known against it.
 * @param {string} [id] */
export function barredFrom(id) {
  if (!identity.value?.privilege) return undefined;
  const { name, isPerson, privilege, connectors } = identity.value;
  const who = isPerson ? `You (${name})` : `Your key “${name}”`;
  if (privilege !== "manage_connector") return name ? `${who} can only read.` : "Without a key you can only read.";
  if (id !== undefined && connectors?.length && !connectors.some((pattern) => covers(pattern, id))) {
    return isPerson ? `${who} can only change ${connectors.join(", ")}.` : `${who} only covers ${connectors.join(", ")}.`;
  }
  return undefined;
}
