/** An id as it stands in a path. */
export function segment(id, what = "connector") {
  // These would name another path than was meant.
  if (typeof id !== "string" || /^\.{0,2}$/.test(id)) {
    throw new TypeError(`[${String(id)}] is not a ${what} id`);
  }
  return encodeURIComponent(id);
}
