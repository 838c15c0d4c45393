// `npm start` in its own process, with empty storage.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { environment, root } from "../scripts/tools.mjs";

export const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** Starts it; `ready` resolves when it prints that it is ready, or exits. */
export function npmStart(port, ...args) {
  const folder = mkdtempSync(join(tmpdir(), "npm-start-"));
  const env = { ...environment, CONNECTOR_STATUS_BUILT: "1" };
  const all = ["scripts/start.mjs", "--port", String(port), "--persist-to", folder, "--inspector-port", "0", ...args];
  const child = spawn("node", all, { cwd: root, env, detached: true });
  let said = "";
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const ready = new Promise((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (data) => {
        said += data;
        if (said.includes("is ready on")) resolve();
      });
    }
    ended.then(resolve);
  });
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid,
    said: () => said,
    ready,
    ended,
    stop: async () => {
      // Ends its whole process group.
      if (child.exitCode === null) process.kill(-child.pid, "SIGTERM");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
