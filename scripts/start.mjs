// `npm start`: sets up what is missing, then runs the service on this machine.
// Arguments go to `wrangler dev`: npm start -- --port 8799

import { build, setup } from "./setup.mjs";
import { root, start, step } from "./tools.mjs";

const args = process.argv.slice(2);
if (args.includes("--help") || args.includes("-h")) {
  console.log(`Usage: npm start -- [--port 8787] [--ip 127.0.0.1] [other options of wrangler dev]

Sets up what is missing, builds the Worker and serves it on this machine, with the console.`);
  process.exit(0);
}
const given = (name) => {
  const at = args.findIndex((arg) => arg === `--${name}` || arg.startsWith(`--${name}=`));
  return at < 0 ? undefined : (args[at].split("=")[1] ?? args[at + 1]);
};
const ip = given("ip") ?? "127.0.0.1";
const port = given("port") ?? "8787";
const origin = `http://${ip}:${port}`;

await setup();
await build();
step("starting the Worker");

const defaults = ["--ip", ip, "--port", port].filter((_, i) => !given(i < 2 ? "ip" : "port"));
// On this machine, and only as long as this runs, nobody needs a key.
const setting = args.find((arg) => arg.startsWith("ANONYMOUS_PRIVILEGE:"));
const isLocal = /^(127\.|localhost$|::1$)/.test(ip);
const privilege = setting?.split(":")[1] ?? (isLocal ? "manage_connector" : "none");
const access = ["--var", `ANONYMOUS_PRIVILEGE:${privilege}`, "--var", `ALLOWED_HOSTS:${ip}`];
const wrangler = start("wrangler", ["dev", ...access, ...defaults, ...args], { cwd: root });
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => wrangler.kill(signal));
wrangler.on("exit", (code) => process.exit(code ?? 0));

const deadline = Date.now() + 15 * 60_000;
const isUp = () =>
  fetch(origin, { method: "HEAD" }).then(
    (response) => response.status === 200 || response.status === 401,
    () => false,
  );
while (!(await isUp())) {
  if (Date.now() > deadline) {
    console.error(`nothing answers on ${origin}; the lines above say why`);
    wrangler.kill();
    break;
  }
  await new Promise((resolve) => setTimeout(resolve, 250));
}
console.log(`
connector-status is ready on ${origin}
Without a key, callers have the privilege ${privilege} - for this run only: deployed, it lets
nobody in without a key (npm run key, SECURITY.md).
What it keeps is under .wrangler/; stop it with Ctrl-C. Try:

  curl -X PUT ${origin}/_connector/my-connector \\
    -H 'Content-Type: application/json' -d '{"name":"My Connector"}'
  curl ${origin}/_connector/my-connector/_status?pretty
`);
