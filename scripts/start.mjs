// `npm start`: installs what is missing, then runs the service on this machine. Arguments are passed to `wrangler dev`:
// npm start -- --port 8799

import { randomBytes } from "node:crypto";
import { createServer } from "node:net";
import { createInterface } from "node:readline";

import { SECRET_SETTING, startLocalProxy } from "./local-proxy.mjs";
import { build, setup } from "./setup.mjs";
import { environment, root, start, step } from "./tools.mjs";

const args = process.argv.slice(2);
if (args.includes("--help") || args.includes("-h")) {
  console.log(`Usage: npm start -- [--port 8787] [--ip 127.0.0.1] [other options of wrangler dev]

Sets up what is missing, builds the Worker and serves it on this machine, with the console.`);
  process.exit(0);
}
/** Removes an option from the arguments and returns its value. */
const take = (name) => {
  const at = args.findIndex((arg) => arg === `--${name}` || arg.startsWith(`--${name}=`));
  if (at < 0) return undefined;
  const [, value] = args[at].split("=");
  return value === undefined ? args.splice(at, 2)[1] : (args.splice(at, 1), value);
};
const ip = take("ip") ?? "127.0.0.1";
const port = Number(take("port") ?? 8787);
const origin = `http://${ip.includes(":") ? `[${ip}]` : ip}:${port}`;

/** A free port on this machine. */
const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });

const secret = randomBytes(32).toString("base64url");
const inner = await freePort();
// Take the address first: another server on it must not be mistaken for this service.
await startLocalProxy({ address: ip, port, secret, to: inner }).catch((error) => {
  const why = {
    EADDRINUSE: `another program uses the port, perhaps another npm start. Stop it, or choose another port (npm start -- --port ${port + 1})`,
    EADDRNOTAVAIL: "this machine has no such address",
    EACCES: "ports below 1024 need special permissions. Choose another port",
  };
  console.error(`cannot listen on ${origin}: ${why[error.code] ?? error.message}`);
  process.exit(1);
});

await setup();
await build();
step("starting the Worker");

// On this machine requests need no key while this runs.
const setting = args.find((arg) => arg.startsWith("ANONYMOUS_PRIVILEGE:"));
const isLocal = /^(127\.|localhost$|::1$)/.test(ip);
const privilege = setting?.split(":")[1] ?? (isLocal ? "manage_connector" : "none");
const settings = { ANONYMOUS_PRIVILEGE: privilege, ALLOWED_HOSTS: ip, [SECRET_SETTING]: secret };
const vars = Object.entries(settings).flatMap(([name, value]) => ["--var", `${name}:${value}`]);
const address = ["--ip", "127.0.0.1", "--port", String(inner), "--show-interactive-dev-session", "false"];
// wrangler's explorer would show the stored data to anyone who can reach it.
const env = { ...environment, X_LOCAL_EXPLORER: "false", FORCE_COLOR: process.stdout.isTTY ? "1" : "0" };
const wrangler = start("wrangler", ["dev", ...vars, ...address, ...args], { env, stdio: ["inherit", "pipe", "inherit"] });
// Hide wrangler's own address, which rejects direct requests.
createInterface(wrangler.stdout).on("line", (line) => /Ready on http/.test(line) || console.log(line));
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) process.on(signal, () => wrangler.kill(signal));
wrangler.on("exit", (code) => process.exit(code ?? 0));

const deadline = Date.now() + 15 * 60_000;
// A server that listens on all addresses is checked at the loopback address.
const here = origin.replace("0.0.0.0", "127.0.0.1").replace("[::]", "[::1]");
const isUp = () =>
  fetch(here, { method: "HEAD" }).then(
    (response) => response.status === 200 || response.status === 401,
    () => false,
  );
while (!(await isUp())) {
  if (Date.now() > deadline) {
    console.error(`nothing answers on ${origin}; the lines above say why`);
    wrangler.kill();
    process.exit(1);
  }
  await new Promise((resolve) => setTimeout(resolve, 250));
}
console.log(`
connector-status is ready on ${origin}
Open ${origin}/ in a browser for the console.
Requests without a key have the privilege ${privilege}, for this run only. A deployed
Worker rejects requests without a key (npm run key, SECURITY.md).
Data is kept in .wrangler/. Press Ctrl-C to stop. Try:

  curl -X PUT ${origin}/_connector/my-connector \\
    -H 'Content-Type: application/json' -d '{"name":"My Connector"}'
  curl ${origin}/_connector/my-connector/_status?pretty
`);
