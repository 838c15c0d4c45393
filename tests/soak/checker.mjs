// Checks linearizability: is there one order of all requests to a connector that explains every response?
//
// The search is Wing and Gong's: any request that began before every unplaced one had ended may come next. Visited
// pairs of placed requests and state are remembered, so that no dead end is searched twice. The order must also match
// the history table.

import { protocol } from "../protocol.mjs";

const NOTHING = { exists: false, deleted: false, status: "", error: "", changes: 0, erased: 0, last: "", version: 0 };

/** `from > to via`: a row of the history. */
export const row = ({ from, to, via }) => `${from ?? "-"} > ${to} ${via}`;

/**
 * The state after `operation`, if its response fits the state before; otherwise `null`. An operation is `{ kind, value,
 * status, result, start, end }`.
 */
function after(state, { kind, value, status, result }) {
  const alive = state.exists && !state.deleted;
  const moved = (to, via, rest) => {
    const change = to !== state.status || via === "_create";
    const from = state.exists ? state.status : null;
    return {
      ...state,
      ...rest,
      version: state.version + 1,
      status: to,
      changes: state.changes + (change ? 1 : 0),
      last: change ? row({ from, to, via }) : state.last,
    };
  };
  const answered = (code, text, next) => (status === code && result === text ? next : null);
  const refused = (code) => (status === code ? state : null);
  switch (kind) {
    case "create":
      return answered(
        state.exists ? 200 : 201,
        state.exists ? "updated" : "created",
        moved("created", "_create", { exists: true, deleted: false, error: "" }),
      );
    case "status":
      if (!alive) return refused(404);
      if (!protocol[state.status].includes(value)) return refused(400);
      if (value === state.status) return answered(200, "noop", state);
      return answered(200, "updated", moved(value, "_status"));
    case "error": {
      if (!state.exists) return refused(404);
      const to = value === null ? "connected" : "error";
      const error = JSON.stringify(value);
      if (to === state.status && error === state.error) return answered(200, "noop", state);
      return answered(200, "updated", moved(to, "_error", { error }));
    }
    case "configuration":
      if (!alive) return refused(404);
      return answered(200, "updated", moved("configured", "_configuration"));
    case "delete":
      return alive ? answered(200, true, { ...state, deleted: true, version: state.version + 1 }) : refused(404);
    case "erase":
      if (!state.exists) return refused(404);
      return answered(200, true, { ...NOTHING, erased: state.erased + 1, version: state.version + 1 });
    case "get":
      return alive ? answered(200, `${state.status} ${state.error}`, state) : refused(404);
    case "look":
      return alive ? answered(200, `${state.status} ${state.last}`, state) : refused(404);
    case "document":
      if (!state.exists) return refused(404);
      return status === 200 && result.seqNo === state.version - 1 && result.status === state.status ? state : null;
    case "heartbeat":
      if (!state.exists) return refused(404);
      // Two heartbeats within a millisecond count as one.
      return result === "noop" ? answered(200, "noop", state) : answered(200, "updated", { ...state, version: state.version + 1 });
    // A search after a refresh. It starts when the refresh is requested.
    case "search":
      if (!state.exists) return status === 200 && result === null ? state : null;
      return status === 200 &&
        result !== null &&
        result.seqNo === state.version - 1 &&
        result.status === state.status &&
        result.deleted === state.deleted
        ? state
        : null;
    case "update":
      if (!state.exists) return refused(404);
      if (value.seqNo !== state.version - 1) return refused(409);
      if (value.status === state.status) return answered(200, "noop", state);
      return answered(200, "updated", moved(value.status, "_update"));
    default:
      throw new Error(`unknown kind ${kind}`);
  }
}

/**
 * Checks one connector. `history`: the rows of its table at the end, oldest first, since it was last erased. Returns
 * `null`, or the operations for which no order was found.
 */
export function violation(operations, history) {
  const all = [...operations].sort((a, b) => a.start - b.start);
  const count = all.length;
  const erasures = all.filter(({ kind, status }) => kind === "erase" && status === 200).length;
  const placed = new Uint8Array(count);
  const seen = new Set();
  let furthest = 0;

  const matchesHistory = (state) =>
    state.erased < erasures || state.changes === 0 || history[state.changes - 1] === state.last;

  const search = (from, state) => {
    let first = from;
    while (first < count && placed[first]) first += 1;
    furthest = Math.max(furthest, first);
    if (first === count) return state.changes === history.length;
    let ended = Infinity;
    let key = `${first}|`;
    for (let n = first; n < count && all[n].start <= all[first].end; n += 1) {
      if (placed[n]) key += `${n},`;
      else if (all[n].start <= ended) ended = Math.min(ended, all[n].end);
    }
    key += Object.values(state).join("|");
    if (seen.has(key)) return false;
    seen.add(key);
    for (let n = first; n < count && all[n].start <= ended; n += 1) {
      if (placed[n]) continue;
      const next = after(state, all[n]);
      if (next === null || !matchesHistory(next)) continue;
      placed[n] = 1;
      if (search(first, next)) return true;
      placed[n] = 0;
    }
    return false;
  };
  return search(0, NOTHING) ? null : all.slice(Math.max(0, furthest - 3), furthest + 6);
}

/** A write that took this long may have been answered without the Directory: callers wait one second for it. */
const AWAITED_MS = 950;

/**
 * Finds lists that lack an acknowledged change of one connector. A look is `{ start, end, listed }`: a list, and
 * whether it has the connector. This must be the result of a creation or deletion that no later one had certainly
 * undone when the list began.
 */
export function missed(operations, looks) {
  const of = (...kinds) =>
    operations
      .filter(({ kind, status }) => kinds.includes(kind) && status < 300)
      .map(({ start, end }) => ({ start, end: end - start < AWAITED_MS ? end : Infinity }));
  const created = of("create");
  const deleted = of("delete", "erase");
  const never = { start: -Infinity, end: -Infinity };
  return looks.filter(({ start, end, listed }) => {
    const [makers, undoers] = listed ? [created, deleted] : [[never, ...deleted], created];
    const isUndone = (maker) => undoers.some((undoer) => maker.end < undoer.start && undoer.end < start);
    return !makers.some((maker) => maker.start <= end && !isUndone(maker));
  });
}
