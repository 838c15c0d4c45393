// Error responses, in words.

/** The innermost reason of an error response, without prefixes and numbering.
 * @param {any} answer
 * @returns {string | undefined} */
export function reasonOf(answer) {
  let cause = answer?.error;
  while (cause?.caused_by) cause = cause.caused_by;
  const reason = cause?.reason ?? cause;
  if (typeof reason !== "string") return undefined;
  return reason
    .replace(/^Validation Failed: /, "")
    .replace(/(^|;)\s*\d+: /g, "$1")
    .replace(/;$/, "")
    .replace(/^InvalidIndexNameException\[(.*)\]$/, "$1");
}

/** The server has refused the request. */
export class Refusal extends Error {
  /** @param {number} status
   * @param {string} reason */
  constructor(status, reason) {
    super(reason);
    this.status = status;
  }
}

/** The server didn't respond, or can't now: retrying may help. */
export class Away extends Error {
  /** @param {string} reason
   * @param {{ retryAfter?: number, status?: number }} [more] `status` if there was a response, `retryAfter` in seconds */
  constructor(reason, { retryAfter, status } = {}) {
    super(reason);
    this.retryAfter = retryAfter || 0;
    this.status = status;
  }
}
