// The caller is authenticated from the request's head, before any of its body is read.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { after, before, test } from "node:test";

import { ours, serveWithKv } from "../soak/workerd.mjs";

const secret = "a secret of a test of identities";
const bearing = (id, secret) => `Authorization: ApiKey ${btoa(`${id}:${secret}`)}`;
const record = (more) =>
  JSON.stringify({ name: "Key", secret_sha256: createHash("sha256").update(secret).digest("base64"), ...more });

/** The deadline for a response that needs no body. */
const DEADLINE_MS = 10_000;

let closed;
let open;
before(async () => {
  closed = await serveWithKv({ worker: ours({ vars: { CORS_ORIGINS: "https://console.example" } }) });
  open = await serveWithKv();
  await closed.kv("load", [
    ["reader", record({ privileges: ["monitor_connector"] })],
    ["team", record({ privileges: ["manage_connector"], connectors: ["team-a-*"] })],
    ["writer", record({ privileges: ["manage_connector"] })],
  ]);
});
after(async () => {
  await closed?.close();
  await open?.close();
});

/**
 * Sends a head and, if `pour` is set, an endless body. Resolves to what came back, up to the end of the response's
 * head, and how many bytes of the body were accepted.
 */
function ask(server, lines, { pour = false } = {}) {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port(), "127.0.0.1", () => socket.write(`${lines.join("\r\n")}\r\n\r\n`));
    const piece = Buffer.concat([Buffer.from("10000\r\n"), Buffer.alloc(1 << 16, 0x20), Buffer.from("\r\n")]);
    let answer = "";
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no answer within ${DEADLINE_MS} ms: ${answer}`));
    }, DEADLINE_MS);
    const more = () => {
      while (!socket.destroyed && socket.write(piece)) if (socket.bytesWritten > 256 << 20) return;
    };
    if (pour) {
      socket.on("drain", more);
      socket.on("connect", more);
    }
    const done = () => {
      clearTimeout(timer);
      const { bytesWritten } = socket;
      socket.destroy();
      resolve({ status: Number(/^HTTP\/1.1 (\d+)/.exec(answer)?.[1]), answer, bytesWritten });
    };
    socket.on("data", (data) => {
      answer += data.toString("latin1");
      if (answer.includes("\r\n\r\n")) done();
    });
    // Everything received before a reset counts.
    socket.on("error", () => {});
    socket.on("close", done);
  });
}

const chunked = "Transfer-Encoding: chunked";
const local = "Host: localhost";
const backup = "PUT /_connector/team-b-1/_backup HTTP/1.1";
const status = "PUT /_connector/team-b-1/_status HTTP/1.1";

// [description, server, lines of the head, status]
const refused = () => [
  ["no credentials", closed, [backup, local, chunked], 401],
  ["no credentials, with Content-Length", closed, [backup, local, "Content-Length: 8000000"], 401],
  ["no credentials, with Expect: 100-continue", closed, [backup, local, "Content-Length: 8000000", "Expect: 100-continue"], 401],
  ["no credentials, compressed", closed, [backup, local, chunked, "Content-Encoding: gzip"], 401],
  ["no credentials, an unsupported encoding", closed, [backup, local, chunked, "Content-Encoding: br"], 401],
  ["no credentials, an unknown path", closed, ["POST /nowhere HTTP/1.1", local, chunked], 401],
  ["no credentials, a GET with a body", closed, ["GET /_connector HTTP/1.1", local, chunked], 401],
  ["a wrong secret", closed, [status, local, chunked, bearing("writer", "another")], 401],
  ["an unknown key", closed, [status, local, chunked, bearing("nobody", secret)], 401],
  ["a key that only reads", closed, [status, local, chunked, bearing("reader", secret)], 403],
  ["a key that only reads, a backup", closed, [backup, local, chunked, bearing("reader", secret)], 403],
  ["a key of other connectors", closed, [status, local, chunked, bearing("team", secret)], 403],
  ["a key of other connectors, with Expect: 100-continue", closed, [status, local, "Content-Length: 1000", "Expect: 100-continue", bearing("team", secret)], 403],
  ["a key of other connectors, a document", closed, ["POST /.elastic-connectors/_update/team-b-1 HTTP/1.1", local, chunked, bearing("team", secret)], 403],
  ["a key of other connectors, one of their jobs", closed, ["PUT /_connector/_sync_job/j.team-b-1/_error HTTP/1.1", local, chunked, bearing("team", secret)], 403],
  ["a key of other connectors, a generated id", closed, ["POST /_connector HTTP/1.1", local, chunked, bearing("team", secret)], 403],
  ["a foreign host name", open, [status, "Host: evil.example", chunked], 421],
  ["a page of another site", open, [status, local, chunked, "Origin: https://evil.example"], 401],
];

test("an unauthorized request is answered from its head alone", async (t) => {
  for (const [what, server, lines, expected] of refused()) {
    await t.test(what, async () => {
      const { status, answer } = await ask(server, lines);
      assert.equal(status, expected, answer);
      assert.doesNotMatch(answer, /100 Continue/i);
    });
  }
  const { answer } = await ask(closed, [status, local, chunked, "Origin: https://console.example"]);
  assert.match(answer, /^HTTP\/1.1 401[^]*access-control-allow-origin: https:\/\/console.example/i, "allowed pages can read the response");
});

test("for an authorized request the body is read, and decides what it may touch", async () => {
  // The body names the job's connector, so it must be read.
  const job = '{"id":"team-b-1"}';
  const lines = (body) => ["POST /_connector/_sync_job HTTP/1.1", local, "Content-Type: application/json", `Content-Length: ${body.length}`, bearing("team", secret)];
  const { status, answer } = await ask(closed, [...lines(job), "", job]);
  assert.equal(status, 403, answer);
  const { status: bad } = await ask(closed, [...lines("{"), "", "{"]);
  assert.equal(bad, 400);
  const welcome = await ask(closed, [...lines("{}").slice(0, -2), "Content-Length: 2", "Expect: 100-continue", bearing("writer", secret)]);
  assert.match(welcome.answer, /^HTTP\/1.1 100/);
});

test("bodies of unauthorized callers are neither read nor buffered", { skip: process.platform !== "linux" }, async (t) => {
  const memory = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${closed.pid()}/status`, "utf8"))[1]) / 1024;
  await ask(closed, [backup, local, chunked], { pour: true });
  const before = memory();
  const answers = await Promise.all(Array.from({ length: 16 }, () => ask(closed, [backup, local, chunked], { pour: true })));
  const grown = memory() - before;
  t.diagnostic(`memory grew by ${grown.toFixed(1)} MiB`);
  // A client that keeps sending may see the connection close before it reads the response.
  for (const { status, bytesWritten } of answers) {
    assert.ok(status === 401 || Number.isNaN(status), `${status}`);
    assert.ok(bytesWritten < 64 << 20, `${bytesWritten} bytes were taken`);
  }
  assert.ok(grown < 16, `memory grew by ${grown.toFixed(1)} MiB`);
});
