// Unsaved input. Drafts survive links and reloads of this tab. Secrets survive links only, because they aren't written
// to the browser's storage.

import { signal } from "@preact/signals";

const KEY = "drafts";

/**
 * @typedef {{ values: Record<string, any>, base: Record<string, any>, guard?: Record<string, any> }} Draft
 *   `values`: as typed; `base`: as stored when typing began; `guard`: stored secrets at that time
 */

/** @type {import("@preact/signals").Signal<Record<string, Draft>>} */
const drafts = signal(restore());

/** @returns {Record<string, Draft>} */
function restore() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
  } catch {
    return {};
  }
}

/** @param {string} name */
export const draftOf = (name) => drafts.value[name];

/** Whether closing the tab would lose input. */
export const hasDrafts = () => Object.keys(drafts.peek()).length > 0;

/** Whether there are drafts with this prefix.
 * @param {string} prefix */
export const hasDraftsOf = (prefix) => Object.keys(drafts.peek()).some((name) => name.startsWith(prefix));

/** Keeps a draft, or removes it. The values of `secrets` stay in memory.
 * @param {string} name
 * @param {Draft | undefined} draft
 * @param {string[]} [secrets] */
export function keepDraft(name, draft, secrets = []) {
  const { [name]: _, ...others } = drafts.peek();
  drafts.value = draft ? { ...others, [name]: draft } : others;
  const stored = restore();
  delete stored[name];
  const values = Object.fromEntries(Object.entries(draft?.values ?? {}).map(([field, value]) => [field, secrets.includes(field) ? draft?.base[field] : value]));
  const isDifferent = draft && Object.keys(values).some((field) => values[field] !== draft.base[field]);
  if (isDifferent) stored[name] = { values, base: draft.base };
  try {
    if (Object.keys(stored).length > 0) sessionStorage.setItem(KEY, JSON.stringify(stored));
    else sessionStorage.removeItem(KEY);
  } catch {
    // The storage is full: the draft lives as long as the page.
  }
}
