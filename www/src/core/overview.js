// The overview of one connector: what may help, when it was last connected, and its statuses over time.

/**
 * What may help, the most likely first: `configuration` to edit it, `sync` to try again, `service` to check the
 * connector service, `connected` to mark it as connected.
 * @typedef {"configuration" | "sync" | "service" | "connected"} Help
 */

/** Errors that a change of the configuration may fix. */
const ACCESS = /\b(401|403|unauthori[sz]ed|unauthenticated|forbidden|credentials?|passwords?|authenticat\w*|authori[sz]ation|token|permission|denied|invalid[_ ]grant|api[_ ]?key|secret|configuration|configured)\b/i;

/** @param {{ status: string, error?: string, isSilent: boolean, hasFields: boolean }} connector `hasFields`: there is a configuration to edit
 * @returns {Help[]} */
export function helpFor({ status, error = "", isSilent, hasFields }) {
  if (status === "needs_configuration") return hasFields ? ["configuration"] : ["service"];
  if (status === "created") return ["service"];
  if (isSilent) return status === "error" ? ["service", "connected"] : ["service"];
  if (status !== "error") return [];
  const isAccess = ACCESS.test(error) && hasFields;
  return isAccess ? ["configuration", "sync", "connected"] : hasFields ? ["sync", "configuration", "connected"] : ["sync", "connected"];
}

/**
 * @typedef {{ from: string | null, to: string, at: string, version: number, error?: string | null }} Change the newest come first
 */

/** When the connector was last connected; undefined if it is connected now, or never was.
 * @param {Change[]} history */
export function lastWell(history) {
  if (history[0]?.to === "connected") return undefined;
  return history.find(({ from }) => from === "connected")?.at;
}

const WEEK = 7 * 86_400_000;

/**
 * The statuses of the last week, or of as long as is known: parts of a line from 0 to 1, the oldest first.
 * @param {Change[]} history
 * @param {number} now
 */
export function ribbon(history, now) {
  const known = history.filter(({ at }) => !Number.isNaN(Date.parse(at)));
  const oldest = known[known.length - 1];
  if (!oldest) return { from: now, parts: [] };
  const from = Math.max(now - WEEK, Math.min(now - 1, Date.parse(oldest.at)));
  const place = (/** @type {number} */ time) => Math.min(1, Math.max(0, (time - from) / (now - from)));
  const parts = known
    .map(({ to, at, error }, n) => ({ status: to, at, error, start: place(Date.parse(at)), end: n === 0 ? 1 : place(Date.parse(known[n - 1].at)) }))
    .filter(({ start, end }) => end > 0 && end > start)
    .reverse();
  return { from, parts };
}

/**
 * The newest syncs as bars, the oldest first. A bar is as high as its documents, against the most of them.
 * @param {Record<string, any>[]} jobs the newest first
 * @param {number} count
 */
export function bars(jobs, count) {
  const shown = jobs.slice(0, count).reverse();
  const most = Math.max(1, ...shown.map(({ indexed_document_count: n = 0 }) => n));
  return shown.map((job) => ({
    job,
    height: Math.max(0.06, (job.indexed_document_count ?? 0) / most),
    took: job.started_at && (job.completed_at ?? job.canceled_at) ? Date.parse(job.completed_at ?? job.canceled_at) - Date.parse(job.started_at) : undefined,
  }));
}
