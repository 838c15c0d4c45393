// Addresses of pages. A page of one connector is `#/{id}`, percent-encoded. Pages about all connectors begin with
// `@`, which an encoded id never contains, so no id can collide with them.

/**
 * @typedef {{ page: "list" | "connector" | "fleet", id: string, name: string, query: URLSearchParams }} Address
 *   `id` for a connector's page, `name` for a page about all connectors.
 */

/** The page that a fragment such as `#/my-connector?tab=history` names.
 * @param {string} fragment
 * @returns {Address} */
export function parseAddress(fragment) {
  const [path, search] = fragment.replace(/^#?\/?/, "").split("?", 2);
  const query = new URLSearchParams(search);
  if (path.startsWith("@")) return { page: "fleet", id: "", name: path.slice(1), query };
  let id = "";
  try {
    id = decodeURIComponent(path);
  } catch {
    // Not one of the console's addresses.
  }
  return { page: id ? "connector" : "list", id, name: "", query };
}

/** Parameters without a value are left out.
 * @param {Record<string, unknown>} parameters */
function search(parameters) {
  const pairs = Object.entries(parameters).flatMap(([name, value]) => (value ? [[name, String(value)]] : []));
  const query = new URLSearchParams(pairs);
  return query.size ? `?${query}` : "";
}

/** The address of a connector's page, or of the list.
 * @param {string} [id]
 * @param {Record<string, unknown>} [parameters] */
export const href = (id = "", parameters = {}) => `#/${encodeURIComponent(id)}${search(parameters)}`;

/** The address of a page about all connectors.
 * @param {string} name
 * @param {Record<string, unknown>} [parameters] */
export const fleetHref = (name, parameters = {}) => `#/@${name}${search(parameters)}`;

/** The API path of one connector. An apostrophe is legal in a path, but not in a shell command.
 * @param {string} id */
export const pathOf = (id) => `/_connector/${encodeURIComponent(id).replaceAll("'", "%27")}`;
