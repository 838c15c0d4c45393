/** An id, encoded for a path. */
export function segment(id, what = "connector") {
  // These would change the path.
  if (typeof id !== "string" || /^\.{0,2}$/.test(id)) {
    throw new TypeError(`[${String(id)}] is not a ${what} id`);
  }
  return encodeURIComponent(id);
}
