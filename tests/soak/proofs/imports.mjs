import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { send } from "../../edge/worker.mjs";
import { until } from "../../until.mjs";
import { documents, now, numbers, sleep } from "../helpers.mjs";
import { databases, scratch, serveWithKv } from "../workerd.mjs";

/** Documents in Workers KV are imported while the process dies repeatedly: all of them, once. */
export async function imports({ count = 10_000, kills = 8 }) {
  const disk = mkdtempSync(join(scratch, "connector-status-disk-"));
  const server = await serveWithKv({ disk });
  const problems = [];
  const names = numbers(count).map((n) => `import-${n}`);
  // Every hundredth wants the previous one's index.
  const isRival = (n) => n % 100 === 99;
  const load = (some) =>
    server.kv(
      "load",
      some.map((n) => [
        `c:${names[n]}`,
        JSON.stringify({ ...document, name: `Connector ${n}`, index_name: `index-${isRival(n) ? n - 1 : n}` }),
      ]),
    );
  let document;
  const list = (from, size) => send(server.url(), "GET", `/_connector?from=${from}&size=${size}`);
  const all = async () => {
    const found = [];
    for (let from = 0; from < 10_000; from += 1_000) {
      const { status, body } = await list(from, 1_000);
      if (status !== 200) throw new Error(`a list answered ${status}`);
      found.push(...body.results);
      if (body.count <= from + 1_000) break;
    }
    return found;
  };
  const erased = new Set();
  /** Erased connectors whose deletion was acknowledged. For others, the retry after a crash was answered 404. */
  const acknowledged = new Set();
  const moved = new Set();
  /** Retries until there is a response, however often the process dies, for a minute at most. */
  const untilAnswered = async (method, path, body, accepted) => {
    const end = now() + 60_000;
    for (;;) {
      const status = await send(server.url(), method, `/_connector/${path}`, body).then(({ status }) => status, () => 0);
      if (accepted.includes(status)) return status;
      const isOver = (status >= 400 && status !== 503) || now() > end;
      if (isOver) return void problems.push(`${method} ${path} answered ${status}`);
      await sleep(100);
    }
  };
  try {
    await send(server.url(), "PUT", "/_connector/sample", {});
    const { id, ...sample } = (await send(server.url(), "GET", "/_connector/sample")).body;
    document = { ...sample, status: "configured" };
    await send(server.url(), "DELETE", "/_connector/sample?hard=true");
    for (let from = 0; from < count; from += 2_000) await load(numbers(count).slice(from, from + 2_000));
    const touch = async () => {
      for (const n of numbers(10)) {
        const [gone, used] = [n * 7 + 1, n * 7 + 2];
        const status = await untilAnswered("DELETE", `${names[gone]}?hard=true`, undefined, [200, 404]);
        erased.add(gone);
        if (status === 200) acknowledged.add(gone);
        await untilAnswered("PUT", `${names[used]}/_status`, { status: "error" }, [200]);
        moved.add(used);
      }
    };
    const touched = touch();
    for (let n = 0; n < kills; n += 1) {
      list(0, 10).catch(() => {});
      await sleep(100 + Math.random() * Math.min(1_000, count / 5));
      await server.kill();
      await server.restart();
    }
    await touched;
    const began = now();
    await until(() => list(0, 1).catch(() => ({})), ({ status }) => status === 200, 60);
    const took = now() - began;
    await compare();

    // Copies of erased connectors reappear, as after a late write, and one key gets a new document.
    await server.kill();
    await load([...erased]);
    await server.kv("load", [["c:new", JSON.stringify(document)]]);
    for (const file of databases(disk, "Directory")) {
      const database = new DatabaseSync(file);
      database.exec("UPDATE setting SET value = 1 WHERE name = 'looked_at'");
      database.close();
    }
    await server.restart();
    const total = count - erased.size - rivals().length + 1;
    // On failure go on: `compare` names the connectors that are missing or should be.
    await until(async () => (await list(0, 1)).body.count, (found) => found === total, 30).catch((error) => problems.push(error.message));
    await compare(["new"]);
    for (const n of erased) {
      const { status } = await send(server.url(), "GET", `/_connector/${names[n]}`);
      if (status !== 404) problems.push(`${names[n]} came back: ${status}`);
    }
    const figures =
      `imports: ${count} documents imported, ${kills} times SIGKILL in between, ${erased.size} erased and ` +
      `${moved.size} moved meanwhile, ${rivals().length} with an index in use: ${problems.length} problems; ` +
      `the first list after the last kill took ${(took / 1000).toFixed(1)} s`;
    return { figures, problems };
  } finally {
    await server.close();
    rmSync(disk, { recursive: true, force: true });
  }

  /** Pairs of connectors of which only one can be imported. */
  function rivals() {
    return numbers(count).filter((n) => isRival(n) && !erased.has(n) && !erased.has(n - 1));
  }

  async function compare(more = []) {
    const idsOf = (some) => new Set(Array.from(some, (n) => names[n]));
    const [gone, erasedIds, movedIds] = [acknowledged, erased, moved].map(idsOf);
    const isPending = ({ id, status }) => erasedIds.has(id) || (movedIds.has(id) && status !== "error");
    const end = now() + 5_000;
    let found = await all();
    // No list may have a connector whose deletion was acknowledged. Other changes may take a second.
    for (const { id } of found) if (gone.has(id)) problems.push(`${id} is listed, though its deletion was acknowledged`);
    while (found.some(isPending) && now() < end) {
      await sleep(100);
      found = await all();
    }
    const byId = new Map(found.map((connector) => [connector.id, connector]));
    if (byId.size !== found.length) problems.push(`${found.length - byId.size} are listed twice`);
    for (const n of numbers(count)) {
      const there = byId.get(names[n]);
      if (erased.has(n) && there) problems.push(`${names[n]} is listed, though erased`);
      if (erased.has(n) || (isRival(n) && !there) || (isRival(n + 1) && !there)) continue;
      if (!there) problems.push(`${names[n]} is missing`);
      else if (moved.has(n) && there.status !== "error") problems.push(`${names[n]} is ${there.status}`);
    }
    for (const n of rivals()) {
      const listed = [n - 1, n].filter((one) => byId.has(names[one])).length;
      if (listed !== 1) problems.push(`index-${n - 1}: ${listed} connectors are listed with it`);
    }
    for (const name of more) if (!byId.has(name)) problems.push(`${name} is missing`);
  }
}
