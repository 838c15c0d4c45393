import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";

import { settingsFor, startReceiver } from "../../edge/receiver.mjs";
import { send } from "../../edge/worker.mjs";
import { until } from "../../until.mjs";
import { now, numbers, percentile, pick, sleep } from "../helpers.mjs";
import { ours, scratch, serveWithKv } from "../workerd.mjs";

/**
 * All connectors fail within a second, repeatedly, while one endpoint answers at random, one always hangs, and the
 * process is killed. Then they move one after the other, each compared with one of a Worker without webhooks. `slack`:
 * how many times as long a write may take.
 */
export async function webhooks({ connectors = 1_000, rounds = 6, kills = 4, clients = 16, pairs = 2, slack = 1.1 }) {
  const problems = [];
  const disk = mkdtempSync(join(scratch, "connector-status-disk-"));
  let isHealed = false;
  const moody = await startReceiver({
    answer: () => (isHealed ? "ok" : pick(["ok", "ok", "ok", "error", "close", "redirect"])),
  });
  const steady = await startReceiver();
  const hanging = await startReceiver({ answer: () => "hang" });
  const receivers = [moody, steady, hanging];
  const settings = settingsFor(receivers, {
    WEBHOOK_EVENTS: "connector.status",
    WEBHOOK_EVENTS_2: "connector.error,connector.recovered",
    WEBHOOK_DAMPING_SECONDS: "0",
    // Each message counts here, so none is summarized.
    WEBHOOK_LIMIT: "1000",
    WEBHOOK_LIMIT_SECONDS: "1",
    WEBHOOK_RETRY_SECONDS: Array(40).fill("1").join(),
  });
  const plain = await serveWithKv();
  const withWebhooks = await serveWithKv({ worker: ours({ vars: { ANONYMOUS_PRIVILEGE: "manage_connector", ...settings } }), disk });
  const names = numbers(connectors).map((n) => `hook-${n}`);
  /** The duration of one request. */
  const put = async (server, name, path, body) => {
    const startedAt = now();
    const { status } = await send(server.url(), "PUT", `/_connector/${name}${path}`, body);
    if (status >= 300) problems.push(`${name}${path} answered ${status}`);
    return now() - startedAt;
  };
  const burst = async (server, path, body) => {
    const left = [...names];
    const startedAt = now();
    await Promise.all(
      numbers(clients).map(async () => {
        for (let name = left.pop(); name !== undefined; name = left.pop()) await put(server, name, path, body);
      }),
    );
    return now() - startedAt;
  };
  const expected = ["created"];
  /** Waits until all messages were accepted. */
  const allDelivered = async () => {
    await until(() => steady.taken().length, (taken) => taken >= connectors * (expected.length - 1), 120);
    await until(() => moody.taken().length, (taken) => taken >= connectors * expected.length, 120);
  };
  const times = new Map([[plain, []], [withWebhooks, []]]);
  let longest = 0;
  let died = 0;
  try {
    for (const server of [plain, withWebhooks]) await burst(server, "", {});
    for (let round = 0; round < rounds + pairs; round += 1) {
      await allDelivered();
      await sleep(1_000);
      isHealed = round >= rounds;
      const status = expected.at(-1) === "error" ? "connected" : "error";
      expected.push(status);
      if (round < rounds) {
        longest = Math.max(longest, await burst(withWebhooks, "/_status", { status }));
        if (died < kills) {
          await sleep(1_800 + Math.random() * 1_500);
          await withWebhooks.kill();
          await withWebhooks.restart();
          died += 1;
        }
        continue;
      }
      // The other Worker's connectors start from the same status.
      if (round === rounds && status === "connected") await burst(plain, "/_status", { status: "error" });
      for (const [n, name] of names.entries()) {
        // Load both objects, since pending messages keep the first one awake.
        for (const server of [plain, withWebhooks]) await send(server.url(), "GET", `/_connector/${name}`);
        for (const server of n % 2 ? [withWebhooks, plain] : [plain, withWebhooks]) {
          times.get(server).push(await put(server, name, "/_status", { status }));
        }
        await sleep(15);
      }
    }
    await allDelivered();
    await sleep(4_000);
    for (const [receiver, inOrder] of [[moody, expected], [steady, expected.slice(1)]]) {
      const bodies = new Map();
      const byConnector = new Map(names.map((name) => [name, []]));
      for (const { id, data } of receiver.got) {
        if (bodies.has(id) && !isDeepStrictEqual(bodies.get(id), data)) problems.push(`${id} was sent with two different bodies`);
        bodies.set(id, data);
      }
      for (const { data } of receiver.taken()) byConnector.get(data.id).push(data.to);
      for (const [name, statuses] of byConnector) {
        if (!isDeepStrictEqual(statuses, inOrder)) problems.push(`${name}: ${statuses} instead of ${inOrder}`);
      }
    }
    if (hanging.got.length === 0) problems.push("nothing reached the endpoint that hangs");
    for (const { refused } of receivers) problems.push(...refused);
  } finally {
    await Promise.all([plain.close(), withWebhooks.close()]);
    await Promise.all(receivers.map((receiver) => receiver.close()));
    rmSync(disk, { recursive: true, force: true });
  }
  const [without, withThem] = [plain, withWebhooks].map((server) => [0.5, 0.9].map((share) => percentile(times.get(server), share)));
  const ratios = withThem.map((value, n) => value / without[n]);
  if (ratios[0] > slack) problems.push(`a write takes ${ratios[0].toFixed(2)} times as long`);
  const taken = moody.taken().length + steady.taken().length;
  const repeated = moody.got.length + steady.got.length - taken;
  const figures =
    `webhooks: ${connectors} connectors changed ${rounds} times at once, within ${(longest / 1_000).toFixed(1)} s, with ${died} kills; ` +
    `${taken} messages accepted, ${repeated} further attempts, all in order; ` +
    `a write took ${withThem[0].toFixed(2)} ms beside ${without[0].toFixed(2)} without webhooks (median, ${ratios[0].toFixed(2)}), ` +
    `${withThem[1].toFixed(2)} beside ${without[1].toFixed(2)} (90 %, ${ratios[1].toFixed(2)}); ${problems.length} problems`;
  return { figures, problems };
}
