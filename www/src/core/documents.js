// Reads documents. An import may contain anything: a field of an unexpected type is converted if possible, and reported
// in `odd`.

/** @param {any} value */
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
/** @param {any} value */
const isDate = (value) => typeof value === "string" && /^\d{4}-\d\d-\d\d/.test(value) && !Number.isNaN(Date.parse(value));

/** @type {Record<string, { is: (value: any) => boolean, noun: string, from: (value: any) => any }>} */
const types = {
  text: { is: (value) => typeof value === "string", noun: "text", from: (value) => (isObject(value) || Array.isArray(value) ? undefined : String(value)) },
  date: { is: isDate, noun: "a date", from: () => undefined },
  number: { is: Number.isFinite, noun: "a number", from: () => undefined },
  flag: { is: (value) => typeof value === "boolean", noun: "true or false", from: () => undefined },
  object: { is: isObject, noun: "an object", from: () => ({}) },
  list: { is: Array.isArray, noun: "a list", from: () => [] },
};

const connector = {
  name: "text",
  description: "text",
  index_name: "text",
  service_type: "text",
  language: "text",
  error: "text",
  is_native: "flag",
  since: "date",
  last_seen: "date",
  last_synced: "date",
  last_sync_status: "text",
  last_sync_error: "text",
  last_indexed_document_count: "number",
  last_deleted_document_count: "number",
  configuration: "object",
  scheduling: "object",
};

/**
 * A connector, or a row of a list. Absent and null are the same.
 * @typedef {{ name?: string, description?: string, index_name?: string, service_type?: string, language?: string, error?: string,
 *   is_native?: boolean, since?: string, last_seen?: string, last_synced?: string, last_sync_status?: string, last_sync_error?: string,
 *   last_indexed_document_count?: number, configuration?: Record<string, any>, scheduling?: Record<string, any>,
 *   odd: string[] } & Record<string, any>} Connector
 */

/** @param {Record<string, any>} raw
 * @returns {Connector} */
export const readConnector = (raw) => read(raw, connector);

/** An object whose fields have the `wanted` types; `prefix` goes before their names in `odd`.
 * @param {Record<string, any>} raw
 * @param {Record<string, string>} wanted
 * @returns {Record<string, any> & { odd: string[] }} */
export function read(raw, wanted, prefix = "") {
  /** @type {string[]} */
  const odd = [];
  /** @type {Record<string, any> & { odd: string[] }} */
  const fields = { ...raw, odd };
  for (const [field, type] of Object.entries(wanted)) {
    const value = raw[field] ?? undefined;
    const { is, noun, from } = types[type];
    fields[field] = value === undefined || is(value) ? value : from(value);
    if (fields[field] !== value) odd.push(`[${prefix}${field}] is ${brief(value)}, not ${noun}.`);
  }
  return fields;
}

/** The objects of an object, each read.
 * @param {Record<string, any> | undefined} objects
 * @param {Record<string, string>} wanted
 * @param {string} prefix */
export function readAll(objects, wanted, prefix) {
  /** @type {string[]} */
  const odd = [];
  /** @type {[string, Record<string, any>][]} */
  const entries = [];
  for (const [name, raw] of Object.entries(objects ?? {})) {
    if (!isObject(raw)) {
      odd.push(`[${prefix}${name}] is ${brief(raw)}, not an object.`);
      continue;
    }
    const entry = read(raw, wanted, `${prefix}${name}.`);
    odd.push(...entry.odd);
    entries.push([name, entry]);
  }
  return { entries, odd };
}

/** @param {unknown} value */
function brief(value) {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
