// What an error response says for people.

/** The innermost reason of an error envelope, without frame and numbers.
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

/** The server has answered, and the answer is no. */
export class Refusal extends Error {
  /** @param {number} status
   * @param {string} reason */
  constructor(status, reason) {
    super(reason);
    this.status = status;
  }
}

/** The server has not answered, or cannot now: worth another try. */
export class Away extends Error {
  /** @param {string} reason
   * @param {{ retryAfter?: number, status?: number }} [more] `status` where there was an answer, `retryAfter` in seconds */
  constructor(reason, { retryAfter, status } = {}) {
    super(reason);
    this.retryAfter = retryAfter || 0;
    this.status = status;
  }
}
