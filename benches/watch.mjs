// Watching: the delay from a change to its message, what watchers cost writers, and what an idle page costs. `npm run
// bench -- 0.125 --only watch`: an eighth of it, for a busy machine.

import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

import { address, watching } from "../tests/edge/watching.mjs";
import { send } from "../tests/edge/worker.mjs";
import { kvWorker, ours, serve } from "../tests/soak/workerd.mjs";
import { cpuSeconds } from "./load.mjs";

const CONNECTORS = 60;
const RATE = 20;
/** How often the client pings an idle socket, and how many messages are billed as one request. */
const PING_S = 50;
const MESSAGES_PER_REQUEST = 20;

const quantile = (numbers, share) => numbers.toSorted((a, b) => a - b)[Math.min(numbers.length - 1, Math.floor(numbers.length * share))];
const summary = (numbers) => ({ median: quantile(numbers, 0.5), p99: quantile(numbers, 0.99) });

/** Watchers of all connectors, opened in batches. */
async function crowd(url, count) {
  const watchers = [];
  while (watchers.length < count) {
    const some = Math.min(50, count - watchers.length);
    watchers.push(...(await Promise.all(Array.from({ length: some }, () => watching(url)))));
  }
  return watchers;
}

/** A watcher that discards its messages. */
function discardMessages(url) {
  const { hostname, port, pathname, search } = new URL(address(url).replace(/^ws/, "http"));
  const head = `GET ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${btoa("sixteen bytes...")}\r\n\r\n`;
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port, onread: { buffer: Buffer.alloc(4_096), callback: () => (resolve(), true) } });
    socket.on("connect", () => socket.write(head)).on("error", reject);
  });
}

/** Watchers in a separate thread that do as little as possible, so that their cost does not count as the server's. */
async function crowdApart(url, count) {
  const thread = new Worker(new URL(import.meta.url), { workerData: { watch: url, count } });
  await new Promise((resolve, reject) => thread.once("message", resolve).once("error", reject));
  return thread;
}
if (!isMainThread && workerData?.watch) {
  for (let n = 0; n < workerData.count; n += 1) await discardMessages(workerData.watch);
  parentPort.postMessage("all are there");
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
    // Each connector in turn, so that no move waits for the previous one.
    const move = async () => {
      const n = moves++;
      const status = Math.floor(n / CONNECTORS) % 2 ? "configured" : "error";
      const id = `watched-${n % CONNECTORS}`;
      const startedAt = performance.now();
      const { status: code } = await send(url, "PUT", `/_connector/${id}/_status`, { status });
      if (code !== 200) throw new Error(`a move answered ${code}`);
      return { id, status, startedAt, took: performance.now() - startedAt };
    };
    for (let n = 0; n < CONNECTORS; n += 1) await send(url, "PUT", `/_connector/watched-${n}`, {});
    for (let n = 0; n < CONNECTORS; n += 1) await move();

    /** The duration of moves at a steady rate. */
    const steady = async (seconds) => {
      const running = [];
      for (const end = performance.now() + seconds * 1_000; performance.now() < end; ) {
        running.push(move());
        await sleep(1_000 / RATE);
      }
      return (await Promise.all(running)).map(({ took }) => took);
    };

    // The delay until a change is listed, from the start of its request to the end of the first list that has it.
    const listed = [];
    for (let round = 0; round < Math.max(5, 40 * share); round += 1) {
      await sleep(1_000);
      const { id, status, startedAt } = await move();
      const shows = async () => (await send(url, "GET", "/_connector?size=100")).body.results.some((it) => it.id === id && it.status === status);
      while (!(await shows())) if (performance.now() - startedAt > 10_000) throw new Error("the list does not show it");
      listed.push(performance.now() - startedAt);
    }

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
        const { startedAt } = await move();
        const deadline = performance.now() + 10_000;
        const all = () => watchers.every(({ times }, n) => times.length > heard[n]);
        while (!all() && performance.now() < deadline) await sleep(5);
        if (!all()) throw new Error("not every watcher got the change");
        delays.push(...watchers.map(({ times }, n) => times[heard[n]] - startedAt));
      }
      arrivals.push({ watchers: count, ...summary(delays) });
      watchers.forEach(({ socket }) => socket.close());
      await sleep(2_000);
      if (count !== crowds.at(-1)) continue;
      writes.without.push(...before);
      const apart = await crowdApart(url, count);
      writes.with.push(...(await steady(Math.max(5, 15 * share))));
      await apart.terminate();
      await sleep(2_000);
      writes.without.push(...(await steady(Math.max(5, 15 * share))));
    }

    // Idle pages: the object is evicted after ten seconds, and pings do not wake it.
    const idlers = await crowd(url, 100);
    await sleep(12_000);
    const seconds = Math.max(10, 60 * share);
    const cpu = cpuSeconds(server.pid);
    for (const { socket } of idlers) socket.send("ping");
    await sleep(seconds * 1_000);
    const cpuMs = ((cpuSeconds(server.pid) - cpu) * 1_000) / idlers.length;
    idlers.forEach(({ socket }) => socket.close());
    return {
      listed: summary(listed),
      arrivals,
      writes: { rate: RATE, without: summary(writes.without), with: summary(writes.with) },
      idle: { requestsAnHour: 3_600 / PING_S / MESSAGES_PER_REQUEST, cpuMsAPing: cpuMs },
    };
  } finally {
    await server.kill();
  }
}
