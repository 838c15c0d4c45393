import { send } from "../../edge/worker.mjs";
import { until } from "../../until.mjs";
import { answerInTime, copiesEqual, now, numbers, sleep } from "../helpers.mjs";
import { serveWithKv } from "../workerd.mjs";

/** A Directory that has never read Workers KV cannot answer, and must say so in time, while KV hangs. */
async function beforeTheFirstScan(problems) {
  const server = await serveWithKv();
  const inTime = answerInTime(server, problems, 11_000);
  try {
    await server.kv("faults", { mode: "hang" });
    await Promise.all([
      inTime("first list", 503, "GET", ""),
      inTime("first claim", 503, "PUT", "/claims", { index_name: "an-index" }),
      inTime("no claim", 201, "PUT", "/claims-not", {}),
    ]);
    await server.kv("faults", { mode: "none" });
    await until(() => send(server.url(), "GET", "/_connector"), ({ status }) => status === 200, 12);
  } finally {
    await server.close();
  }
}

/** KV refuses, fails, hangs, or writes late. No request may fail, and copies must be equal afterwards. */
export async function kvFaults({ seconds = 8, connectors = 8, modes = ["429", "500", "hang", "late", "late-500"] }) {
  const server = await serveWithKv();
  const problems = [];
  const healing = {};
  const strict = answerInTime(server, problems);
  let writes = 0;
  // The first list and the first claim need Workers KV.
  const first = modes.includes("hang") ? beforeTheFirstScan(problems) : undefined;
  try {
    await send(server.url(), "GET", "/_connector");
    for (const mode of modes) {
      const names = numbers(connectors).map((n) => `${mode}-${n}`);
      const ask = (expected, method, path, body) => strict(mode, expected, method, `/${path}`, body);
      await server.kv("watch", {});
      for (const name of names) {
        await ask(201, "PUT", name, {});
        await ask(200, "PUT", `${name}/_status`, { status: "needs_configuration" });
        await ask(200, "PUT", `${name}/_status`, { status: "configured" });
      }
      await sleep(1_200);
      await server.kv("faults", { mode, delay: 4_000 });
      await strict(mode, 200, "GET", "");
      // Meanwhile one is erased, one hidden, and one recreated with an index.
      await ask(201, "PUT", `${mode}-new`, { index_name: `index-${mode}` });
      const end = now() + seconds * 1000;
      let turn = 0;
      while (now() < end) {
        turn += 1;
        const status = turn % 2 ? "connected" : "configured";
        const moved = turn < 6 ? names : names.slice(2);
        await Promise.all(moved.map((name) => ask(200, "PUT", `${name}/_status`, { status })));
        if (turn === 5) {
          await ask(200, "DELETE", `${names[0]}?hard=true`);
          await ask(200, "DELETE", names[1]);
        }
        await sleep(200 + Math.random() * 500);
      }
      await server.kv("faults", { mode: "none" });
      // KV has recovered only when it has carried out all pending writes.
      await until(() => server.kv("state"), ({ pending }) => pending === 0, 30);
      const took = await copiesEqual(server, [...names, `${mode}-new`], 5_000);
      if (took === null) problems.push(`${mode}: copies differ 5 s after KV recovered`);
      healing[mode] = took ?? Infinity;
      await sleep(1_000);
      if ((await copiesEqual(server, [...names, `${mode}-new`], 0)) === null) {
        problems.push(`${mode}: copies differ again`);
      }
      const { arrivals } = await server.kv("state");
      const last = new Map();
      writes += arrivals.length;
      for (const { key, at } of arrivals) {
        const gap = at - (last.get(key) ?? -Infinity);
        if (gap < 1_000) problems.push(`${mode}: ${key} written twice within ${gap} ms`);
        last.set(key, at);
      }
      const listed = (await send(server.url(), "GET", "/_connector")).body.results.map(({ id }) => id);
      for (const gone of names.slice(0, 2)) if (listed.includes(gone)) problems.push(`${mode}: ${gone} came back`);
    }
    await first;
  } finally {
    await server.close();
  }
  const each = modes.map(
    (mode) => `${mode} ${strict.slowest[mode].toFixed(0)} ms / ${(healing[mode] / 1000).toFixed(1)} s`,
  );
  const figures =
    `KV faults: ${strict.count} requests, ${writes} copies written, ${problems.length} problems; ` +
    `slowest answer / copies equal after: ${each.join(", ")}`;
  return { figures, problems };
}
