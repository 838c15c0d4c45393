import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";

import { send } from "../../edge/worker.mjs";
import { until } from "../../until.mjs";
import { answerInTime, now, numbers, pick, sleep } from "../helpers.mjs";
import { databases, faulty, inDatabases, rowOf, scratch, serveWithKv } from "../workerd.mjs";

/**
 * An index belongs to one connector: with many concurrent creations, late messages, and crashes in between. Only
 * half a millisecond lies between the grant of an index and its commit: if no kill has hit it yet, a few more are
 * tried.
 */
export async function claims({
  rounds = 20,
  kills = 20,
  tries = 60,
  atOnce = 50,
  width = 40,
  rivals = 5,
  lanes = 32,
  delays = [20, 300, 3_000],
  seconds = 12,
  refused = 300,
}) {
  const disk = mkdtempSync(join(scratch, "connector-status-disk-"));
  const server = await serveWithKv({ worker: faulty(), disk });
  const problems = [];
  let dead = 0;
  let leftBehind = 0;
  const ids = (index, count) => numbers(count).map((n) => `${index}-${n}`);
  const create = (index) => (id) =>
    send(server.url(), "PUT", `/_connector/${id}`, { index_name: index }).then(
      ({ status }) => status,
      () => "cut off",
    );
  const holders = async (index, all) => {
    const found = await Promise.all(all.map((id) => send(server.url(), "GET", `/_connector/${id}`)));
    return found.filter(({ body }) => body.index_name === index).length;
  };
  const raceForIndex = async (index, count) => {
    const answers = await Promise.all(ids(index, count).map(create(index)));
    const won = answers.filter((status) => status === 201 || status === 200).length;
    const held = await holders(index, ids(index, count));
    if (won !== 1 || held !== 1) problems.push(`${index}: ${won} creations succeeded, ${held} connectors hold it`);
  };
  const claimed = () =>
    inDatabases(disk, "Directory", (database) => database.prepare("SELECT id FROM claim").all()).flat();
  /** The number of indices granted to connectors that were killed before they committed. */
  const countLeftBehind = (since) => {
    const rows = inDatabases(disk, "ConnectorObject", (database) => rowOf(database, "connector")?.id, since);
    return claimed().filter(({ id }) => !rows.includes(id)).length;
  };
  const indices = (name) => numbers(width).map((n) => `${name}-${n}`);
  /** Creates rivals for every index until the process dies; reports each response. */
  const createUntilCutOff = (name, answered) => {
    const waiting = numbers(rivals).flatMap((n) => indices(name).map((index) => [index, `${index}-${n}`]));
    const lane = async () => {
      while (waiting.length > 0) {
        const [index, id] = waiting.shift();
        if ((await create(index)(id)) === "cut off") return void (dead += 1);
        answered();
      }
    };
    return Promise.all(numbers(lanes).map(lane));
  };
  let killed = 0;
  let changes = 0;
  try {
    for (let round = 0; round < rounds; round += 1) await raceForIndex(`index-${round}`, atOnce);
    await leavesNothingBehind();
    for (const delay of delays) await race(delay);
    while (killed < kills || (leftBehind === 0 && killed < tries)) {
      killed += 1;
      const name = `killed-${killed}`;
      const since = Date.now();
      // Kill after a few responses, so that other requests are in progress.
      let left = Math.ceil(Math.random() * width);
      await new Promise((enough) => {
        createUntilCutOff(name, () => --left === 0 && setTimeout(() => server.kill().then(enough), Math.random() * 3));
      });
      leftBehind += countLeftBehind(since);
      await server.restart();
      // The holder of the grant may have died before the commit: the name must be available again.
      for (const index of indices(name)) await raceForIndex(index, rivals);
    }
  } finally {
    await server.close();
    rmSync(disk, { recursive: true, force: true });
  }
  const figures =
    `claims: ${rounds} x ${atOnce} creations at once for one index, ${changes} grants with messages up to ` +
    `${delays.at(-1)} ms late, ${2 * refused} refused requests, ${killed} x ${width * rivals} for ${width} ` +
    `indices with SIGKILL in between (${dead} requests cut off, ${leftBehind} claims left behind): ` +
    `${problems.length} problems`;
  return { figures, problems };

  /** Refused requests leave neither claims nor databases; without the Directory the answer is 503. */
  async function leavesNothingBehind() {
    const strict = answerInTime(server, problems);
    await strict("refused", 201, "PUT", "/in-the-way", { index_name: "taken" });
    for (const n of numbers(refused)) {
      await Promise.all([
        strict("refused", 404, "PUT", `/nobody-${n}/_index_name`, { index_name: `refused-${n}` }),
        strict("refused", 400, "PUT", `/too-late-${n}`, { index_name: "taken" }),
      ]);
    }
    for (const mode of ["throw", "hang"]) {
      await server.faults({ mode });
      await strict(mode, 503, "PUT", `/unsaid-${mode}`, { index_name: `unsaid-${mode}` });
      await server.faults({ mode: "none" });
      await strict(mode, 404, "GET", `/unsaid-${mode}`);
      await strict(mode, 201, "PUT", `/said-${mode}`, { index_name: `unsaid-${mode}` });
    }
    await sleep(2_500);
    await server.kill();
    const isRefused = (id) => /^(nobody|too-late|unsaid)/.test(id);
    const objects = inDatabases(disk, "ConnectorObject", (database) => rowOf(database, "connector")?.id).filter(Boolean);
    const left = { claims: claimed().length, databases: objects.filter(isRefused).length };
    if (left.claims + left.databases > 0) problems.push(`refused requests left ${JSON.stringify(left)}`);
    await server.restart();
  }

  /**
   * Connectors repeatedly take an index and release it, in every possible way, alone and concurrently with another
   * request of the same connector. A connector certainly holds the index from the moment when none of its own requests
   * is in progress and it shows the index, until the request that releases it: never two at a time.
   */
  async function race(delay) {
    const all = numbers(width).map((n) => ({ index: `race-${delay}-${n}`, held: [] }));
    let until;
    const lane = async ({ index, held }, id) => {
      const ask = async (method, path, body, headers) => {
        const answer = await send(server.url(), method, path, body, headers);
        if (![200, 201, 400, 404, 412, 503].includes(answer.status)) problems.push(`${id}: ${method} ${path} answered ${answer.status}`);
        return answer;
      };
      const at = `/_connector/${id}`;
      const update = (doc) => ask("POST", `/.elastic-connectors/_update/${id}`, { doc });
      const restore = (index_name) =>
        ask("PUT", `${at}/_backup?overwrite=true`, { format: 1, id, version: 1, document: { status: "configured", index_name } });
      const rename = (index_name, headers) => ask("PUT", `${at}/_index_name`, { index_name }, headers);
      const takes = [
        () => rename(index),
        () => ask("PUT", at, { index_name: index }),
        () => update({ index_name: index }),
        () => update({ deleted: false }),
        () => ask("POST", `${at}/_restore`),
        () => update({ deleted: false, index_name: index }),
        () => restore(index),
      ];
      const gives = [
        () => rename(null),
        () => ask("DELETE", at),
        () => ask("DELETE", `${at}?hard=true`),
        () => update({ deleted: true }),
        () => update({ index_name: null }),
        () => restore(null),
      ];
      const twins = async () => {
        const { headers } = await ask("GET", at);
        const seen = { "if-match": headers.get("etag") ?? "none" };
        const answers = await Promise.all(numbers(3).map(() => rename(index, seen)));
        if (answers.filter(({ status }) => status === 200).length > 1) problems.push(`${id}: more than one of three with one If-Match`);
      };
      const turns = [
        () => pick(takes)(),
        () => Promise.all([pick(takes)(), pick(takes)()]),
        () => Promise.all([pick(takes)(), pick(gives)(), pick(takes)()]),
        twins,
      ];
      while (now() < until) {
        await pick(turns)();
        const from = now();
        const { body } = await ask("GET", `${at}?include_deleted=true`);
        if (Math.random() < 0.5) await sleep(Math.random() * delay);
        if (body.index_name === index && body.deleted !== true) {
          held.push({ id, from, to: now() });
          changes += 1;
          await pick(gives)();
        } else {
          await sleep(Math.random() * 20);
        }
      }
    };
    for (const { index } of all) await Promise.all(ids(index, 3).map((id) => send(server.url(), "PUT", `/_connector/${id}`, {})));
    await server.faults({ mode: "none", delay });
    until = now() + seconds * 1_000;
    await Promise.all(all.flatMap((one) => ids(one.index, 3).map((id) => lane(one, id))));
    await server.faults({ mode: "none" });
    for (const { index, held } of all) {
      held.sort((a, b) => a.from - b.from);
      for (const [n, { id, from }] of held.entries()) {
        const other = held.slice(0, n).find((before) => before.id !== id && before.to > from);
        if (other) problems.push(`${index}: ${id} was granted it while ${other.id} had it`);
      }
      const held_by = await holders(index, ids(index, 3));
      if (held_by > 1) problems.push(`${index}: ${held_by} hold it in the end`);
      const newcomer = await create(index)(`${index}-newcomer`);
      if (newcomer !== (held_by === 1 ? 400 : 201)) problems.push(`${index}: ${held_by} hold it, a newcomer gets ${newcomer}`);
    }
  }
}
