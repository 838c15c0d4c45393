import { send } from "../../edge/worker.mjs";
import { connectorPath, documents, numbers, sleep } from "../helpers.mjs";
import { serveWithKv } from "../workerd.mjs";

/**
 * As Kibana does, reads a document by a search after a refresh, changes one field and writes the whole document back,
 * while its status and its schedule are changed. No change may be lost. `naive`: how often the same is done by an
 * `_update` with all fields, which must lose status changes.
 */
export async function wholeDocuments({ tries = 1_000, connectors = 8, naive = Math.min(tries, 200) }) {
  const server = await serveWithKv();
  const problems = [];
  const ask = (method, path, body) => send(server.url(), method, path, body);
  const must = async (method, path, body) => {
    const { status, body: answer } = await ask(method, path, body);
    if (status >= 300) problems.push(`${method} ${path} answered ${status} ${JSON.stringify(answer)}`);
    return answer;
  };
  /** The number of lost status changes, schedules and field changes. */
  const race = async (name, count, putBack) => {
    const lost = { moves: 0, schedules: 0, changes: 0 };
    await must("PUT", connectorPath(name), { name });
    await must("PUT", `${connectorPath(name)}/_status`, { status: "needs_configuration" });
    await must("PUT", `${connectorPath(name)}/_status`, { status: "configured" });
    for (let n = 0; n < count; n += 1) {
      const to = n % 2 === 0 ? "connected" : "configured";
      const interval = `0 ${n % 60} 0 * * ?`;
      const move = async () => {
        await sleep(Math.random() * 4);
        await must("PUT", `${connectorPath(name)}/_status`, { status: to });
        await must("PUT", `${connectorPath(name)}/_scheduling`, { scheduling: { full: { enabled: n % 2 === 0, interval } } });
      };
      const change = async (moved) => {
        await must("POST", `${documents}/_refresh`);
        const { hits } = await must("POST", `${documents}/_search`, { query: { term: { _id: name } } });
        // The status change is either complete or still in progress.
        if (n % 3 === 0) await moved;
        else await sleep(Math.random() * 4);
        await putBack(name, { ...hits.hits[0]._source, api_key_id: `k-${n}` });
      };
      const moved = n % 3 === 0 ? sleep(Math.random() * 8).then(move) : move();
      await Promise.all([moved, change(moved)]);
      const { status, scheduling, api_key_id } = await must("GET", connectorPath(name));
      if (status !== to) lost.moves += 1;
      if (scheduling.full.interval !== interval) lost.schedules += 1;
      if (api_key_id !== `k-${n}`) lost.changes += 1;
      // The next round starts from this status.
      if (status !== to) await must("PUT", `${connectorPath(name)}/_status`, { status: to });
    }
    const { history } = await must("GET", `${connectorPath(name)}/_status?size=1000`);
    for (const { via, from, to } of history.filter(({ via }) => via === "_doc")) problems.push(`${name}: ${from} > ${to} via ${via}`);
    return lost;
  };
  const all = async (prefix, count, putBack) => {
    const lost = await Promise.all(numbers(connectors).map((n) => race(`${prefix}-${n}`, Math.ceil(count / connectors), putBack)));
    return lost.reduce((sum, one) => ({ moves: sum.moves + one.moves, schedules: sum.schedules + one.schedules, changes: sum.changes + one.changes }));
  };
  try {
    const whole = await all("whole", tries, (name, document) => must("PUT", `${documents}/_doc/${name}`, document));
    for (const [what, count] of Object.entries(whole)) if (count > 0) problems.push(`${count} ${what} lost`);
    const merged = await all("naive", naive, (name, doc) => must("POST", `${documents}/_update/${name}`, { doc }));
    if (merged.moves === 0) problems.push("the test shows nothing: an update with all fields lost no move");
    const figures =
      `wholeDocuments: ${tries} documents written back while status and schedule changed, ` +
      `${whole.moves} moves, ${whole.schedules} schedules and ${whole.changes} changes lost; by an update with all fields ${merged.moves} of ${naive} moves`;
    return { figures, problems };
  } finally {
    await server.close();
  }
}
