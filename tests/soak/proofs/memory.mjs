import { execFileSync } from "node:child_process";

import { send } from "../../edge/worker.mjs";
import { numbers } from "../helpers.mjs";
import { serveWithKv } from "../workerd.mjs";

/** Many requests must not make the isolate's memory grow. */
export async function memory({ requests = 100_000, clients = 16, slack = 1 }) {
  const server = await serveWithKv({ inspect: true });
  const problems = [];
  const resident = () =>
    Number(execFileSync("ps", ["-o", "rss=", "-p", String(server.pid())])) / 1024;
  const marks = [];
  /** The number of functions after the first requests and after the last. */
  const held = [];
  try {
    const names = numbers(clients).map((n) => `memory-${n}`);
    for (const name of names) {
      await send(server.url(), "PUT", `/_connector/${name}`, {});
      await send(server.url(), "PUT", `/_connector/${name}/_status`, { status: "error" });
    }
    const steps = 5;
    for (let step = 0; step < steps; step += 1) {
      let left = requests / steps;
      await Promise.all(
        names.map(async (name) => {
          for (let n = 0; left-- > 0; n += 1) {
            const path = `/_connector/${name}/_status`;
            const status = ["connected", "configured", "created"][n % 3];
            if (n % 4 === 3) await send(server.url(), "GET", `${path}?size=10`);
            else await send(server.url(), "PUT", path, { status });
          }
        }),
      );
      marks.push((await server.heap()) / 2 ** 20);
      if (step === 0 || step === steps - 1) held.push(await server.functions());
    }
    const growth = marks.at(-1) - marks[0];
    if (growth > slack) problems.push(`the isolate grew by ${growth.toFixed(2)} MiB`);
    // A leak of functions shows here long before it fills memory; a few dozen are created on first use.
    const left = held[1] - held[0];
    if (left > 100) problems.push(`${left} functions were left behind`);
  } finally {
    marks.resident = resident();
    await server.close();
  }
  const figures =
    `memory: ${requests} requests, the isolate at ${marks.map((mark) => mark.toFixed(2)).join(", ")} MiB ` +
    `after each fifth of them, functions from ${held.join(" to ")}, the process at ${marks.resident.toFixed(0)} MiB in the end`;
  return { figures, problems };
}
