// Sync rules decide which documents a connector syncs. A draft is edited and validated, and then becomes active.

import { equal } from "./writes.js";

/**
 * @typedef {{ id: string, field: string, rule: string, policy: string, value: string } & Record<string, any>} Rule
 * @typedef {{ rules: Rule[], snippet: any, state: string, errors: { ids: string[], messages: string[] }[] }} Part
 */

/** The rule for documents that no other rule matches. It is always the last one. */
export const LAST = "DEFAULT";

/** How a rule compares, in words. */
export const conditions = /** @type {[string, string][]} */ ([
  ["equals", "is"],
  ["contains", "contains"],
  ["starts_with", "starts with"],
  ["ends_with", "ends with"],
  [">", "is greater than"],
  ["<", "is less than"],
  ["regex", "matches"],
]);

/** @param {any} value */
const list = (value) => (Array.isArray(value) ? value.filter((item) => typeof item === "object" && item !== null) : []);
/** @param {any} value */
const text = (value) => (value === undefined || value === null ? "" : String(value));

/** The draft or the active rules of a document. An import may contain anything.
 * @param {any} doc
 * @param {"draft" | "active"} which
 * @returns {Part} */
export function partOf(doc, which) {
  const part = list(doc.filtering)[0]?.[which] ?? {};
  const rules = list(part.rules)
    .filter(({ id }) => id !== LAST)
    .map((rule) => ({ ...rule, id: text(rule.id), field: text(rule.field), rule: text(rule.rule), policy: text(rule.policy), value: text(rule.value) }));
  const errors = list(part.validation?.errors).map(({ ids, messages }) => ({ ids: (Array.isArray(ids) ? ids : []).map(String), messages: (Array.isArray(messages) ? messages : []).map(String) }));
  return { rules, snippet: part.advanced_snippet?.value ?? {}, state: text(part.validation?.state), errors };
}

/** Whether a connector service would treat both alike.
 * @param {Part} a
 * @param {Part} b */
export function isSame(a, b) {
  const bare = (/** @type {Part} */ { rules, snippet }) => [rules.map(({ field, rule, policy, value }) => [field, rule, policy, value]), snippet];
  return equal(bare(a), bare(b));
}

/** The advanced rules as text; empty if there are none.
 * @param {any} snippet */
export const snippetText = (snippet) => (snippet && Object.keys(snippet).length > 0 ? JSON.stringify(snippet, null, 2) : "");

/** @param {string} text
 * @returns {{ value: any } | { problem: string }} */
export function readSnippet(text) {
  if (text.trim() === "") return { value: {} };
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null ? { value } : { problem: "Must be a JSON object or list." };
  } catch (error) {
    return { problem: `Not JSON: ${/** @type {Error} */ (error).message}` };
  }
}

/** The request body for a draft. The server sets new times for changed rules.
 * @param {Rule[]} rules
 * @param {Rule[]} stored
 * @param {string} snippet */
export function requestOf(rules, stored, snippet) {
  const sent = rules.map((rule, order) => {
    const before = stored.find(({ id }) => id === rule.id);
    const { updated_at, ...fields } = rule;
    return { ...fields, order, ...(equal(before, rule) && updated_at && { updated_at }) };
  });
  const read = readSnippet(snippet);
  return { rules: sent, advanced_snippet: { value: "value" in read ? read.value : {} } };
}

/** What is wrong with rules.
 * @param {Rule[]} rules
 * @returns {string | undefined} */
export const problemOf = (rules) => {
  const n = rules.findIndex(({ field, value }) => field.trim() === "" || value === "");
  return n < 0 ? undefined : `Rule ${n + 1} needs a field and a value.`;
};
