// Which requests `npm start` accepts, and what it prints if it cannot start.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { after, before, test } from "node:test";

import { watch } from "../edge/watching.mjs";
import { send, startWorker } from "../edge/worker.mjs";
import { freePort, npmStart } from "../npm-start.mjs";

let service;
let port;
before(async () => {
  port = await freePort();
  service = npmStart(port);
  await service.ready;
  assert.match(service.said(), /is ready on/);
  assert.equal((await send(service.url, "PUT", "/_connector/kept", { name: "Kept" })).status, 201);
});
after(() => service?.stop());

/** Sends a raw request head; resolves to the response's status. */
const status = (port, path, headers) =>
  new Promise((resolve, reject) => {
    const lines = [`GET ${path} HTTP/1.1`, "Connection: close", ...headers];
    const socket = connect(port, "127.0.0.1", () => socket.write(`${lines.join("\r\n")}\r\n\r\n`));
    let answer = "";
    socket.setTimeout(30_000, () => socket.destroy(new Error(`${path}: no answer`)));
    socket.on("data", (data) => (answer += data));
    socket.on("error", reject);
    socket.on("close", () => resolve(Number(answer.split(" ")[1])));
  });

const backup = "/_connector/kept/_backup";

test("foreign host names, headers that change the URL, and wrangler's explorer are refused", async (t) => {
  const evil = `Host: evil.example:${port}`;
  const own = `Host: 127.0.0.1:${port}`;
  const meant = `http://127.0.0.1:${port}${backup}`;
  // [description, path, headers, status]
  const table = [
    ["this machine's name", backup, [own], 200],
    ["another name", backup, [evil], 421],
    ["another name, another URL", "/favicon.svg", [evil, `MF-Original-URL: ${meant}`], 400],
    ["another URL, spelled otherwise", "/favicon.svg", [evil, `mf-original-url: ${meant}`], 400],
    ["another URL, from this machine's name", backup, [own, `MF-Original-URL: ${meant}`], 400],
    ["another name, another protocol", backup, [evil, "X-Forwarded-Proto: http"], 421],
    ["an absolute URL", meant, [evil], 400],
    ["one of wrangler's own Workers", backup, [own, "MF-Route-Override: core:entry"], 400],
    ["the proxy's own header", backup, [own, "X-Connector-Status-Local-Proxy: guessed"], 400],
    ["wrangler's explorer", "/cdn-cgi/local/explorer/api", [own], 400],
    ["wrangler's explorer, by its old name", "/cdn-cgi/explorer/api", [own], 400],
    ["wrangler's explorer, behind dots", "/a/../cdn-cgi/local/explorer/api", [own], 400],
    ["wrangler's explorer, encoded", "/%63dn-cgi/local/explorer/api", [own], 400],
  ];
  for (const [what, path, headers, expected] of table) {
    await t.test(what, async () => assert.equal(await status(port, path, headers), expected));
  }
});

/** The ports that a process and its descendants listen on. */
function listening(pid) {
  const stat = (id) => readFileSync(`/proc/${id}/stat`, "utf8").split(") ")[1].split(" ");
  const group = readdirSync("/proc").filter((id) => {
    try {
      return /^\d+$/.test(id) && Number(stat(id)[2]) === pid;
    } catch {
      return false;
    }
  });
  const rows = readFileSync(`/proc/${group[0]}/net/tcp`, "utf8").split("\n").slice(1).map((row) => row.trim().split(/\s+/));
  return rows.filter((row) => row[3] === "0A").map((row) => ({ port: Number.parseInt(row[1].split(":")[1], 16), inode: row[9] }));
}

test("wrangler behind the proxy never answers direct requests, whatever their headers", { skip: process.platform !== "linux" }, async () => {
  const meant = `http://127.0.0.1:${port}${backup}`;
  for (const { port: inner } of listening(service.pid).filter((it) => it.port !== port)) {
    for (const headers of [[`Host: 127.0.0.1:${inner}`], ["Host: evil.example", `MF-Original-URL: ${meant}`]]) {
      const found = await status(inner, backup, headers).catch(() => "no HTTP");
      assert.notEqual(found, 200, `port ${inner}: ${headers}`);
    }
  }
  const worker = await startWorker({ vars: { LOCAL_PROXY_SECRET: "of a proxy" } });
  try {
    const get = async (headers) => (await send(worker.url, "GET", "/_connector", undefined, headers)).status;
    assert.equal(await get({}), 421);
    assert.equal(await get({ "mf-original-url": `${worker.url}/_connector` }), 421);
    assert.equal(await get({ "x-connector-status-local-proxy": "another" }), 421);
    assert.equal(await get({ "x-connector-status-local-proxy": "of a proxy" }), 200);
  } finally {
    await worker.close();
  }
});

test("the proxy passes bodies of any kind, refusals and sockets unchanged", async () => {
  const named = async (id, body, headers) => {
    const response = await fetch(`${service.url}/_connector/${id}`, { method: "PUT", body, duplex: "half", headers: { "content-type": "application/json", ...headers } });
    return [response.status, response.headers.get("x-elastic-product"), (await response.json()).result];
  };
  assert.deepEqual(await named("whole", '{"name":"Zoë 🦀"}'), [201, "Elasticsearch", "created"]);
  const pieces = ReadableStream.from([Buffer.from('{"name":'), Buffer.from('"In pieces"}')]);
  assert.deepEqual(await named("pieces", pieces), [201, "Elasticsearch", "created"]);
  assert.deepEqual(await named("none", undefined), [201, "Elasticsearch", "created"]);
  assert.equal((await send(service.url, "GET", "/_connector/whole")).body.name, "Zoë 🦀");
  assert.equal((await send(service.url, "PUT", "/_connector/whole/_name", "x".repeat(2 << 20))).status, 413);
  const watcher = await watch(service.url);
  assert.equal((await send(service.url, "PUT", "/_connector/watched", {})).status, 201);
  assert.equal((await watcher.change("watched")).connector.status, "created");
  await watcher.close();
});

test("a port in use is reported at once, and nothing is started", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => other.once("listening", resolve));
  for (const taken of [port, other.address().port]) {
    const second = npmStart(taken);
    const code = await second.ended;
    await second.stop();
    assert.equal(code, 1);
    assert.match(second.said(), new RegExp(`^cannot listen on http://127.0.0.1:${taken}: another program`, "m"));
    assert.doesNotMatch(second.said(), /ready/);
  }
  other.close();
  const nowhere = npmStart(await freePort(), "--ip", "203.0.113.7");
  assert.equal(await nowhere.ended, 1);
  assert.match(nowhere.said(), /no such address/);
  await nowhere.stop();
});
