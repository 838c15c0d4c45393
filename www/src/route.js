// The address: `#/` with what the list shows, `#/{id}` with what the connector's page shows.

import { useEffect, useState } from "preact/hooks";

const CHANGED = "routechange";

function read() {
  const [path, query] = location.hash.replace(/^#?\/?/, "").split("?", 2);
  let id = "";
  try {
    id = decodeURIComponent(path);
  } catch {
    // Not an address that this page makes.
  }
  return { id, query: new URLSearchParams(query) };
}

/** The address of a connector's page, or of the list. Parameters without a value are left out. */
export function href(id = "", parameters = {}) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value));
  return `#/${encodeURIComponent(id)}${query.size ? `?${query}` : ""}`;
}

/** Goes to an address. `replace`: without a step in the browser's history. */
export function go(address, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", address);
  dispatchEvent(new Event(CHANGED));
}

/** The present address as `{ id, query }`. */
export function useRoute() {
  const [route, setRoute] = useState(read);
  useEffect(() => {
    const change = () => setRoute(read());
    for (const event of [CHANGED, "hashchange", "popstate"]) addEventListener(event, change);
    return () => {
      for (const event of [CHANGED, "hashchange", "popstate"]) removeEventListener(event, change);
    };
  }, []);
  return route;
}
