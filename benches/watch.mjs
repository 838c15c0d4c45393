// Watching: from a change to its message, what watchers cost those who write, and what an idle page costs.
// `node benches/watch.mjs 0.125`: an eighth of it, for a busy machine.

import { pathToFileURL } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";

import { watching } from "../tests/edge/watching.mjs";
import { send } from "../tests/edge/worker.mjs";
import { kvWorker, ours, serve } from "../tests/soak/workerd.mjs";
import { cpuSeconds } from "./load.mjs";

const CONNECTORS = 60;
const RATE = 20;
/** How often the client pings when nothing happens, and how many messages are billed as one request. */
const PING_S = 50;
const MESSAGES_PER_REQUEST = 20;

const quantile = (numbers, share) => numbers.toSorted((a, b) => a - b)[Math.min(numbers.length - 1, Math.floor(numbers.length * share))];
const summary = (numbers) => ({ median: quantile(numbers, 0.5), p99: quantile(numbers, 0.99) });

/** Watchers that hear of everything, opened some at a time. */
async function crowd(url, count) {
  const watchers = [];
  while (watchers.length < count) {
    const some = Math.min(50, count - watchers.length);
    watchers.push(...(await Promise.all(Array.from({ length: some }, () => watching(url)))));
  }
  return watchers;
}

export async function watchBench({ share = 1, crowds = [1, 100, 1_000] } = {}) {
  const server = await serve({
    workers: { it: ours({ kv: { CONNECTORS: "kv", API_KEYS: "kv" } }), kv: kvWorker },
    sockets: { it: "it" },
    quiet: true,
  });
  try {
    const url = server.url("it");
    let moves = 0;
    // Each connector in turn, so that no move waits for the one before.
    const move = async () => {
      const n = moves++;
      const status = Math.floor(n / CONNECTORS) % 2 ? "configured" : "error";
      const id = `watched-${n % CONNECTORS}`;
      const begun = performance.now();
      const { status: code } = await send(url, "PUT", `/_connector/${id}/_status`, { status });
      if (code !== 200) throw new Error(`a move answered ${code}`);
      return { id, begun, took: performance.now() - begun };
    };
    for (let n = 0; n < CONNECTORS; n += 1) await send(url, "PUT", `/_connector/watched-${n}`, {});
    for (let n = 0; n < CONNECTORS; n += 1) await move();

    /** How long moves take at a steady rate. */
    const steady = async (seconds) => {
      const running = [];
      for (const end = performance.now() + seconds * 1_000; performance.now() < end; ) {
        running.push(move());
        await sleep(1_000 / RATE);
      }
      return (await Promise.all(running)).map(({ took }) => took);
    };

    const arrivals = [];
    const writes = { without: [], with: [] };
    for (const count of crowds) {
      await steady(2);
      const before = await steady(Math.max(5, 15 * share));
      const watchers = await crowd(url, count);
      const delays = [];
      for (let round = 0; round < Math.max(5, 40 * share); round += 1) {
        await sleep(1_000);
        const heard = watchers.map(({ times }) => times.length);
        const { begun } = await move();
        const deadline = performance.now() + 10_000;
        const all = () => watchers.every(({ times }, n) => times.length > heard[n]);
        while (!all() && performance.now() < deadline) await sleep(5);
        if (!all()) throw new Error("not everybody was told");
        delays.push(...watchers.map(({ times }, n) => times[heard[n]] - begun));
      }
      arrivals.push({ watchers: count, ...summary(delays) });
      if (count === crowds.at(-1)) {
        writes.without.push(...before);
        writes.with.push(...(await steady(Math.max(5, 15 * share))));
        await Promise.all(watchers.map(({ socket }) => socket.close()));
        await sleep(2_000);
        writes.without.push(...(await steady(Math.max(5, 15 * share))));
      } else {
        watchers.forEach(({ socket }) => socket.close());
        await sleep(1_000);
      }
    }

    // Idle pages: the object is put away after ten seconds, and pings do not wake it.
    const idlers = await crowd(url, 100);
    await sleep(12_000);
    const seconds = Math.max(10, 60 * share);
    const cpu = cpuSeconds(server.pid);
    for (const { socket } of idlers) socket.send("ping");
    await sleep(seconds * 1_000);
    const cpuMs = ((cpuSeconds(server.pid) - cpu) * 1_000) / idlers.length;
    const told = idlers.reduce((sum, { messages }) => sum + messages.filter(({ type }) => type !== "pong").length - 1, 0);
    idlers.forEach(({ socket }) => socket.close());
    return {
      arrivals,
      writes: { without: summary(writes.without), with: summary(writes.with) },
      idle: { requestsAnHour: 3_600 / PING_S / MESSAGES_PER_REQUEST, cpuMsAPing: cpuMs, told },
    };
  } finally {
    await server.kill();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  console.log(JSON.stringify(await watchBench({ share: Number(process.argv[2] ?? 1) }), undefined, 2));
  process.exit(0);
}
