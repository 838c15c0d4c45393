// The command line as its own process, against the real Worker.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";

import { must, startWorker } from "../edge/worker.mjs";
import { printer } from "../../npm/src/cli/print.js";
import { ours, scratch, serveWithKv } from "../soak/workerd.mjs";
import { until } from "../until.mjs";
import { dist, example, protocol, statuses } from "./package.mjs";
import { startProxy } from "./proxy.mjs";

const program = join(dist, "cli.js");
const children = new Set();

/** Starts a command; `output()` is what it has printed so far, `ended` resolves to its exit code and output. */
function start(args, env = {}) {
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env.PATH, NODE_OPTIONS: process.env.NODE_OPTIONS, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.add(child);
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"]) child[name].on("data", (data) => (output[name] += data));
  const ended = new Promise((resolve) =>
    child.on("close", (code) => {
      children.delete(child);
      resolve({ code, ...output });
    }),
  );
  return { child, output, ended };
}
const run = (args, env) => start(args, env).ended;
after(() => children.forEach((child) => child.kill()));

suite("the command line and the edge", () => {
  let worker;
  let env;
  before(async () => {
    worker = await startWorker();
    env = { CONNECTOR_STATUS_URL: worker.url };
  });
  after(() => worker.close());

  const put = (path, body) => must(worker.url, "PUT", `/_connector/${path}`, body);
  const move = (id, status) => put(`${id}/_status`, { status });
  const ok = async (...args) => {
    const { code, stdout, stderr } = await run(args, env);
    assert.deepEqual([code, stderr], [0, ""], stdout);
    return stdout;
  };
  const json = async (...args) => (await ok(...args, "--json")).trim().split("\n").filter(Boolean).map((line) => JSON.parse(line));

  test("list prints tabs for programs, a JSON document per line with --json, applies filters and reads all pages", async () => {
    const ids = Array.from({ length: 103 }, (_, i) => `many-${String(i).padStart(3, "0")}`);
    await Promise.all(ids.map((id) => put(id, { service_type: "many", name: `Number ${id}` })));
    await move("many-007", "error");
    await put("many-007/_error", { error: "no route\t\u001b[31mto host\u009b2J\nwhatever follows" });
    // The summary has the error's message in one line.
    await until(() => ok("list", "--type", "many", "--status", "error"), (lines) => lines.includes("route"));
    const lines = (await ok("list", "--type", "many")).trimEnd().split("\n");
    assert.equal(lines.length, 103);
    const [status, id, name, type, since, error] = lines[0].split("\t");
    assert.deepEqual([status, id, name, type, error], ["error", "many-007", "Number many-007", "many", "no route [31mto host 2J"]);
    assert.ok(Date.parse(since));
    const rows = await json("list", "--type", "many");
    assert.deepEqual(rows.map(({ id }) => id).sort(), ids);
    assert.equal(rows[0].error, "no route\t\u001b[31mto host\u009b2J");
    assert.ok(!/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/.test(await ok("list", "--type", "many", "--json")), "control characters are escaped");
    assert.equal(await ok("list", "--query", "nothing is called so"), "");
  });

  test("get prints the document", async () => {
    await put("got", { name: "Got", index_name: "search-got" });
    const [connector] = await json("get", "got");
    assert.deepEqual(connector, await must(worker.url, "GET", "/_connector/got"));
    assert.match(await ok("get", "got"), /^id\tgot\nname\tGot\nstatus\tcreated\n/);
    const { code, stdout, stderr } = await run(["get", "nobody"], env);
    assert.deepEqual([code, stdout, stderr], [1, "", "connector [nobody] not found (404)\n"]);
  });

  test("next prints the allowed moves, and why the others are not", async () => {
    await put("moved");
    const options = await json("next", "moved");
    assert.deepEqual(options.map(({ status }) => status), statuses);
    for (const { status, allowed } of options) assert.equal(allowed, protocol.created.includes(status));
    assert.match(await ok("next", "moved"), /^connected\tno\tInvalid transition attempt from \[created\]/m);
  });

  test("move checks before it sends, and says which moves are allowed", async () => {
    await put("mover");
    assert.equal(await ok("move", "mover", "needs_configuration"), "mover is needs_configuration now.\n");
    const refused = await run(["move", "mover", "connected"], env);
    assert.deepEqual([refused.code, refused.stdout], [1, ""]);
    assert.equal(refused.stderr, "Not allowed: from needs_configuration to connected. Allowed: configured, error.\n");
    await ok("move", "mover", "error");
    assert.deepEqual(await json("move", "mover", "error"), [{ id: "mover", status: "error", result: "noop" }]);
    assert.equal(await ok("move", "mover", "error"), "mover is error already.\n");
  });

  test("error reports an error and clears it", async () => {
    await put("failing");
    assert.equal(await ok("error", "failing", "--", "-1 is not a port"), "failing is in error now.\n");
    const { status, error } = await must(worker.url, "GET", "/_connector/failing");
    assert.deepEqual([status, error], ["error", "-1 is not a port"]);
    assert.equal(await ok("error", "failing", "--clear"), "failing has no error now.\n");
    assert.equal((await must(worker.url, "GET", "/_connector/failing")).status, "connected");
  });

  test("sync prints the id of the job", async () => {
    await put("synced", { index_name: "search-cli-synced", service_type: "mysql" });
    const id = (await ok("sync", "synced", "--type", "access_control")).trim();
    assert.equal((await must(worker.url, "GET", `/_connector/_sync_job/${encodeURIComponent(id)}`)).job_type, "access_control");
    await put("unready");
    const refused = await run(["sync", "unready"], env);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /no index attached/);
  });

  test("watch prints changes as they arrive", async () => {
    await put("seen");
    const [one, all] = [start(["watch", "seen"], env), start(["watch", "--json"], env)];
    await until(() => all.output.stdout, (text) => text.includes('{"type":"reset"}'));
    // In its human-readable form it prints nothing until something happens.
    await until(async () => {
      await move("seen", "error");
      await move("seen", "configured");
      return one.output.stdout;
    }, (text) => /^\S+Z\tseen\tconfigured$/m.test(text));
    await until(() => all.output.stdout, (text) => /"type":"change".*"id":"seen"/.test(text));
    for (const line of all.output.stdout.trim().split("\n")) JSON.parse(line);
    for (const { child, ended } of [one, all]) {
      child.kill();
      await ended;
    }
  });

  test("wait returns once the connector has the status", async () => {
    await put("awaited");
    const waiting = start(["wait", "awaited", "connected", "--timeout", "1m"], env);
    for (const status of ["error", "configured", "connected"]) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      assert.equal(waiting.child.exitCode, null);
      await move("awaited", status);
    }
    const { code, stdout, stderr } = await waiting.ended;
    assert.deepEqual([code, stdout, stderr], [0, "awaited is connected.\n", ""]);
    assert.deepEqual(await json("wait", "awaited", "connected"), [{ id: "awaited", status: "connected" }]);
  });

  test("wait gives up after its timeout, or when the connector is deleted", async () => {
    await Promise.all([put("idle"), put("gone")]);
    // Long enough for the first response on a busy machine.
    const giveUp = run(["wait", "idle", "connected", "--timeout", "12s"], env);
    const waiting = start(["wait", "gone", "connected"], env);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await must(worker.url, "DELETE", "/_connector/gone");
    const { code, stderr } = await waiting.ended;
    assert.deepEqual([code, stderr], [1, "connector [gone] not found (404)\n"]);
    const late = await giveUp;
    assert.deepEqual([late.code, late.stdout, late.stderr], [4, "", "idle is still created after 12s.\n"]);
    assert.equal((await run(["wait", "nobody", "connected"], env)).code, 1);
  });

  test("the README's commands work", async () => {
    const connected = must(worker.url, "PUT", "/_connector/my-connector").then(() => move("my-connector", "needs_configuration"));
    await connected;
    const commands = example("The command line", "sh").split("\n").filter((line) => line.startsWith("npx"));
    assert.equal(commands.length, 4);
    for (const line of commands) {
      const [, , ...args] = line.replace(/ *(#|&&).*$/, "").split(" ");
      if (args[0] === "wait") await move("my-connector", "connected");
      await ok(...args);
    }
  });
});

test("wait continues when the server goes away and comes back", async (t) => {
  const disk = mkdtempSync(join(scratch, "connector-status-disk-"));
  t.after(() => rmSync(disk, { recursive: true, force: true }));
  const server = await serveWithKv({ disk, worker: ours({ vars: { ANONYMOUS_PRIVILEGE: "manage_connector" } }) });
  t.after(() => server.close());
  const proxy = await startProxy(() => server.port());
  t.after(() => proxy.close());
  await must(server.url(), "PUT", "/_connector/away");
  // The command is ready once it has a socket and has read the status, at most half a second after the socket opens.
  let hasSocket = false;
  proxy.refuses = (text) => {
    hasSocket ||= /upgrade: websocket/i.test(text);
    return false;
  };
  const waiting = start(["wait", "away", "error", "--timeout", "2m", "--url", proxy.url]);
  await until(() => hasSocket);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  await server.kill();
  await until(() => waiting.output.stderr, (text) => text.includes("can't be reached"));
  await server.restart();
  await must(server.url(), "PUT", "/_connector/away/_status", { status: "error" });
  const { code, stdout, stderr } = await waiting.ended;
  assert.deepEqual([code, stdout], [0, "away is error.\n"]);
  assert.deepEqual(stderr.trim().split("\n"), ["The server can't be reached. Trying again until it can.", "The server is back."]);
});

suite("the command line without a server", () => {
  const commands = ["list", "get", "next", "move", "error", "watch", "wait", "sync"];

  test("--help lists every command, and each command's help has a valid example", async () => {
    const { code, stdout } = await run(["--help"]);
    assert.equal(code, 0);
    for (const name of commands) {
      assert.match(stdout, new RegExp(`^  ${name}\\b`, "m"));
      const help = await run([name, "--help"]);
      assert.deepEqual([help.code, help.stderr], [0, ""]);
      assert.match(help.stdout, new RegExp(`^Usage: connector-status ${name}\\b`));
      assert.match(help.stdout, new RegExp(`^Example:\\n  connector-status ${name}\\b`, "m"));
    }
    assert.match((await run(["--version"])).stdout, /^\d+\.\d+\.\d+\n$/);
  });

  const wrong = [
    [[], "Choose a command: list, get, next, move, error, watch, wait, sync."],
    [["frobnicate"], "There is no command [frobnicate]: use one of list, get, next, move, error, watch, wait, sync."],
    [["constructor"], "There is no command [constructor]"],
    [["list", "--frobnicate"], "Unknown option '--frobnicate'"],
    [["list", "more"], "[more] is an unexpected argument."],
    [["list", "--status", "broken"], "[broken] is not a status: use one of created, "],
    [["get", "--silent", "a"], "Unknown option '--silent'"],
    [["move", "a"], "STATUS is missing."],
    [["move", "a", "b"], "[b] is not a status"],
    [["move", "..", "error"], "[..] is not a connector id"],
    [["error", "a"], "TEXT is missing."],
    [["error", "a", ""], "TEXT is empty"],
    [["wait", "a", "connected", "--timeout", "soon"], "[soon] is not a time"],
    [["wait", "a", "connected", "--timeout", "600h"], "[600h] is not a time"],
    [["sync", "a", "--type", "half"], "[half] is not a type of sync job"],
    [["list", "--url", "localhost:8787"], "[localhost:8787] is not a URL"],
    [["list", "--url"], "Option '--url <value>' argument missing"],
  ];
  for (const [args, said] of wrong) {
    test(`wrong usage is reported: ${args.join(" ")}`, async () => {
      const { code, stdout, stderr } = await run(args, { CONNECTOR_STATUS_URL: "http://127.0.0.1:1" });
      assert.deepEqual([code, stdout], [2, ""], stderr);
      assert.ok(stderr.startsWith(said), stderr);
      assert.equal(stderr.trimEnd().split("\n").length, 2, "one line about the mistake and one about --help");
    });
  }

  /** A server that gives every request this response. */
  async function answering(t, status, body = "{}") {
    const seen = [];
    const server = createServer((request, response) => {
      seen.push(request.headers);
      response.writeHead(status, { "content-type": "application/json" }).end(body);
    });
    await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
    t.after(() => server.close());
    return { url: `http://127.0.0.1:${server.address().port}`, seen };
  }

  test("an unreachable server is exit code 3, for every command", async () => {
    const args = { move: ["a", "error"], error: ["a", "x"], wait: ["a", "error"], list: [], watch: [] };
    for (const name of commands) {
      const { code, stderr } = await run([name, ...(args[name] ?? ["a"])], { CONNECTOR_STATUS_URL: "http://127.0.0.1:1" });
      assert.equal(code, 3, `${name}: ${stderr}`);
      assert.match(stderr, /^http:\/\/127\.0\.0\.1:1 can't be reached: /);
    }
  });

  test("a failing server counts as unreachable, a refusal does not", async (t) => {
    const reason = '{"error":{"type":"x","reason":"why"}}';
    for (const [status, code, said] of [[503, 3, "why (503)\n"], [401, 1, "why (401) Set CONNECTOR_STATUS_API_KEY.\n"], [403, 1, "why (403)\n"]]) {
      const { url } = await answering(t, status, reason);
      const found = await run(["get", "a", "--url", url]);
      assert.deepEqual([found.code, found.stderr], [code, said]);
    }
  });

  test("the key is sent; a key among the arguments causes a warning and is never printed", async (t) => {
    const { url, seen } = await answering(t, 200, '{"id":"a"}');
    const quiet = await run(["get", "a", "--url", url], { CONNECTOR_STATUS_API_KEY: "c2VjcmV0" });
    const loud = await run(["--api-key", "c2VjcmV0", "get", "a", "--url", url]);
    assert.deepEqual(seen.map(({ authorization }) => authorization), ["ApiKey c2VjcmV0", "ApiKey c2VjcmV0"]);
    assert.equal(quiet.stderr, "");
    assert.match(loud.stderr, /Set CONNECTOR_STATUS_API_KEY instead\.\n$/);
    for (const { stdout, stderr } of [quiet, loud]) assert.ok(!(stdout + stderr).includes("c2VjcmV0"));
  });
});

test("a terminal gets a table of its width, with colour unless NO_COLOR is set", () => {
  const rows = [
    { status: "error", id: "a", since: "2026-11-29T16:40:20.123Z", error: `${"long ".repeat(40)}` },
    { status: "connected", id: "longer\u001b[2J", since: null, error: null },
  ];
  const columns = { status: (row) => row.status, id: (row) => row.id, since: (row) => row.since, error: (row) => row.error };
  const shown = (env) => {
    let text = "";
    printer({ isTTY: true, columns: 70, write: (more) => (text += more) }, {}, env).table(rows, columns, { cut: true });
    return text;
  };
  const plain = shown({ NO_COLOR: "1" });
  const lines = plain.trimEnd().split("\n");
  assert.equal(lines[0], "status     id          since                error");
  assert.match(lines[1], /^error      a           2026-11-29 16:40:20  long long .*…$/);
  assert.equal(lines[2], "connected  longer [2J");
  assert.ok(lines.every((line) => line.length <= 70), plain);
  const coloured = shown({});
  assert.match(coloured, /\u001b\[31merror {4}\u001b\[0m/);
  assert.equal(coloured.replaceAll(/\u001b\[\d+m/g, ""), plain);
  assert.equal(shown({ TERM: "dumb" }), plain);
  let fields = "";
  printer({ isTTY: true, write: (more) => (fields += more) }, {}, { NO_COLOR: "1" }).fields({}, { id: "a", status: "error", error: null });
  assert.equal(fields, "id      a\nstatus  error\n");
});
