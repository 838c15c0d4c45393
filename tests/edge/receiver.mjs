// A webhook receiver on this machine. It accepts only messages that the library `standardwebhooks` verifies.

import { randomBytes } from "node:crypto";
import { createServer } from "node:http";

import { Webhook } from "standardwebhooks";

export const newSecret = () => `whsec_${randomBytes(32).toString("base64")}`;

/** Ways to respond, each `(response, request)`. */
export const answers = {
  ok: (response) => response.writeHead(204).end(),
  error: (response) => response.writeHead(500).end("no"),
  hang: () => {},
  close: (response) => response.destroy(),
  redirect: (response) => response.writeHead(302, { location: "/elsewhere" }).end(),
  gone: (response) => response.writeHead(410).end(),
};

/**
 * Starts a receiver. `answer(n)` names the response to request number n. `got` has the received messages in order: `{
 * id, type, data, timestamp, path, at, answered }`, with `at` by this process's clock.
 */
export async function startReceiver({ secret = newSecret(), answer = () => "ok" } = {}) {
  const webhook = new Webhook(secret);
  const got = [];
  const refused = [];
  let how = answer;
  const server = createServer(async (request, response) => {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    const body = Buffer.concat(pieces).toString();
    const at = Date.now();
    try {
      const { type, timestamp, data } = webhook.verify(body, request.headers);
      const answered = how(got.length);
      got.push({ id: request.headers["webhook-id"], sent: Number(request.headers["webhook-timestamp"]), type, timestamp, data, path: request.url, at, answered });
      answers[answered](response, request);
    } catch (error) {
      refused.push(String(error));
      response.writeHead(401).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/hook?token=of-the-url`,
    host: `127.0.0.1:${server.address().port}`,
    secret,
    got,
    refused,
    /** The accepted messages without repetitions, each as it first arrived. */
    taken: () => [...new Map(got.filter(({ answered }) => answered === "ok").reverse().map((one) => [one.id, one])).values()].reverse(),
    answerWith: (next) => (how = next),
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}

/** The Worker's settings for some receivers. */
export function settingsFor(receivers, more = {}) {
  const settings = receivers.flatMap(({ url, secret }, n) => {
    const number = n === 0 ? "" : `_${n + 1}`;
    return [[`WEBHOOK_URL${number}`, url], [`WEBHOOK_SECRET${number}`, secret]];
  });
  return { ...Object.fromEntries(settings), ...more };
}
