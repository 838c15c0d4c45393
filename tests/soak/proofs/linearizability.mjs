import { send } from "../../edge/worker.mjs";
import { missed, row, violation } from "../checker.mjs";
import { STATUSES, connectorPath, documents, now, numbers, percentile, pick } from "../helpers.mjs";
import { serveWithKv } from "../workerd.mjs";

/** The requests of each kind of operation, and what the checker gets from their responses. */
const KINDS = {
  create: { ask: (id) => ["PUT", connectorPath(id), {}], result: (body) => body.result },
  status: { ask: (id, status) => ["PUT", `${connectorPath(id)}/_status`, { status }], result: (body) => body.result },
  error: { ask: (id, error) => ["PUT", `${connectorPath(id)}/_error`, { error }], result: (body) => body.result },
  configuration: { ask: (id) => ["PUT", `${connectorPath(id)}/_configuration`, { configuration: {} }], result: (body) => body.result },
  delete: { ask: (id) => ["DELETE", connectorPath(id)], result: (body) => body.acknowledged },
  erase: { ask: (id) => ["DELETE", `${connectorPath(id)}?hard=true`], result: (body) => body.acknowledged },
  get: {
    ask: (id) => ["GET", connectorPath(id)],
    result: (body) => `${body.status} ${body.error === undefined ? "" : JSON.stringify(body.error)}`,
  },
  look: {
    ask: (id) => ["GET", `${connectorPath(id)}/_status?size=1`],
    result: (body) => `${body.status} ${row(body.history[0])}`,
  },
  document: {
    ask: (id) => ["GET", `${documents}/_doc/${id}`],
    result: ({ _seq_no, _source }) => ({ seqNo: _seq_no, status: _source.status }),
  },
  heartbeat: { ask: (id) => ["PUT", `${connectorPath(id)}/_check_in`], result: (body) => body.result },
  update: {
    ask: (id, { status, seqNo }) => ["POST", `${documents}/_update/${id}?if_seq_no=${seqNo}&if_primary_term=1`, { doc: { status } }],
    result: (body) => body.result,
  },
};

/** Mostly status changes; deletions are rare, so that there is something to move. */
function anyMove() {
  if (Math.random() < 0.05) return ["list"];
  if (Math.random() < 0.1) return ["search"];
  if (Math.random() < 0.1) return ["heartbeat"];
  const dice = Math.random();
  if (dice < 0.4) return ["status", pick(STATUSES)];
  if (dice < 0.45) return ["document"];
  if (dice < 0.55) return ["update", pick(STATUSES)];
  if (dice < 0.65) return ["error", pick([null, "broken", "out of order"])];
  if (dice < 0.73) return ["configuration"];
  if (dice < 0.83) return ["get"];
  if (dice < 0.93) return ["look"];
  if (dice < 0.97) return ["create"];
  return [dice < 0.985 ? "delete" : "erase"];
}

/**
 * Clients move connectors at random. One order must explain all responses, and acknowledged changes must be in every
 * later list. `worker`: a Worker other than ours, without documents; a round has this many `moves`.
 */
export async function linearizability({ worker, seconds = 60, clients = 32, connectors = 8, moves = 1_200 }) {
  const server = await serveWithKv({ worker });
  const problems = [];
  let asked = 0;
  let rounds = 0;
  let listed = 0;
  /** The number of updates with each result. */
  const updates = {};
  const latencies = [];
  const refreshes = [];
  try {
    const end = now() + seconds * 1000;
    do {
      rounds += 1;
      const operations = new Map(numbers(connectors).map((n) => [`c-${rounds}-${n}`, []]));
      const names = [...operations.keys()];
      const looks = new Map(names.map((name) => [name, []]));
      const list = async () => {
        const start = now();
        const { status, body } = await send(server.url(), "GET", "/_connector?size=1000");
        const end = now();
        if (status >= 500) problems.push(`a list answered ${status}`);
        if (status !== 200) return;
        listed += 1;
        const ids = new Set(body.results.map(({ id }) => id));
        for (const name of names) looks.get(name).push({ start, end, listed: ids.has(name) });
      };
      // One search finds all connectors; each is checked separately.
      const search = async () => {
        const start = now();
        const refreshed = await send(server.url(), "POST", `${documents}/_refresh`);
        const query = { ids: { values: names } };
        const { status, body } = await send(server.url(), "POST", `${documents}/_search`, { query, size: 100, seq_no_primary_term: true });
        const end = now();
        if (refreshed.status !== 200 || status !== 200) {
          problems.push(`a refresh answered ${refreshed.status}, the search after it ${status}`);
          return;
        }
        refreshes.push(end - start);
        const hits = new Map(body.hits.hits.map((hit) => [hit._id, hit]));
        for (const name of names) {
          const hit = hits.get(name);
          const result = hit ? { seqNo: hit._seq_no, status: hit._source.status, deleted: hit._source.deleted === true } : null;
          operations.get(name).push({ kind: "search", status, result, start, end });
        }
      };
      const perform = async (name, kind, value) => {
        if (kind === "list") return list();
        if (kind === "search" || kind === "heartbeat") {
          if (worker) return;
          if (kind === "search") return search();
        }
        const [method, path, body] = KINDS[kind].ask(name, value);
        const start = now();
        const answer = await send(server.url(), method, path, body);
        const end = now();
        asked += 1;
        latencies.push(end - start);
        if (answer.status >= 500) problems.push(`${kind} answered ${answer.status}`);
        const result = answer.status < 300 ? KINDS[kind].result(answer.body) : undefined;
        operations.get(name).push({ kind, value, status: answer.status, result, start, end });
        if (kind === "update") updates[answer.status] = (updates[answer.status] ?? 0) + 1;
        return result;
      };
      let left = moves;
      const client = async (n) => {
        const mine = names[n % connectors];
        // The version this client has seen; others move the connector meanwhile.
        let seen;
        while (left-- > 0) {
          const [kind, value] = anyMove();
          if (kind === "document" || kind === "update") {
            if (worker) continue;
            if (kind === "document" || !seen) seen = await perform(mine, "document");
            if (kind === "update" && seen) await perform(mine, kind, { status: value, seqNo: seen.seqNo });
          } else await perform(mine, kind, value);
        }
      };
      await Promise.all(names.map((name) => perform(name, "create")));
      await Promise.all(numbers(clients).map(client));
      for (const name of names) {
        // A final creation, so that there is a history.
        await perform(name, "create");
        const { body } = await send(server.url(), "GET", `/_connector/${name}/_status?size=1000`);
        const found = violation(operations.get(name), body.history.map(row).reverse());
        if (found) problems.push(`no order explains ${name}: ${JSON.stringify(found)}`);
        await list();
        const [late] = missed(operations.get(name), looks.get(name));
        if (late) problems.push(`a list lacks what was acknowledged of ${name}: ${JSON.stringify(late)}`);
      }
      // Lists must only have this round's connectors.
      for (const name of names) await send(server.url(), "DELETE", `/_connector/${name}?hard=true`);
    } while (now() < end);
  } finally {
    await server.close();
  }
  const figures =
    `linearizability: ${asked} operations of ${clients} clients on ${rounds * connectors} connectors ` +
    `in ${rounds} rounds, ${listed} lists, ${refreshes.length} searches after a refresh, ${updates[200] ?? 0} updates of documents and ${updates[409] ?? 0} with a sequence number of before, ` +
    `${problems.length} violations; ` +
    `answers in ${percentile(latencies, 0.5).toFixed(1)} ms (median), ${percentile(latencies, 0.99).toFixed(0)} ms (99 %)`;
  return { figures, problems };
}
