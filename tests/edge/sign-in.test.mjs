// People who sign in through Cloudflare Access.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, test } from "node:test";

import { behindAccess as signedIn } from "./signed-in.mjs";
import { watch, watching } from "./watching.mjs";
import { send, startWorker } from "./worker.mjs";

const files = [];
after(() => files.forEach((remove) => remove()));

/** Starts the Worker behind Access, signed in as `identity`. */
async function behindAccess(identity, vars) {
  const { options, remove } = signedIn(identity, vars);
  files.push(remove);
  return startWorker(options);
}

const ann = { email: "ann@example.com", name: "Ann" };
const manage = { ACCESS_PRIVILEGE: "manage_connector" };
const secret = randomBytes(32).toString("base64url");
const key = { authorization: `ApiKey ${Buffer.from(`k:${secret}`).toString("base64")}` };

test("a signed-in person can move a connector and is named in its history; keys still work", async () => {
  const worker = await behindAccess(ann, manage);
  try {
    const own = { origin: worker.url };
    const ask = (method, path, body, headers = {}) => send(worker.url, method, path, body, headers);
    const { status, body: who } = await ask("GET", "/_security/_authenticate");
    assert.equal(status, 200);
    assert.deepEqual([who.username, who.email, who.authentication_realm.name, who.privilege], [ann.email, ann.email, "_cloudflare_access", "manage_connector"]);

    assert.equal((await ask("PUT", "/_connector/c", {}, own)).status, 201);
    assert.equal((await ask("PUT", "/_connector/c/_status", { status: "error" }, own)).status, 200);
    const { body } = await ask("GET", "/_connector/c/_status");
    assert.deepEqual(body.history.map(({ to, by }) => [to, by]), [["error", ann.email], ["created", ann.email]]);

    // Browsers send the Access cookie with requests from any page.
    for (const [origin, site] of [["https://evil.example"], ["null"], [undefined], ["https://evil.example", "same-origin"], [`${worker.url}0`]]) {
      const headers = { ...(origin && { origin }), ...(site && { "sec-fetch-site": site }) };
      const answer = await ask("PUT", "/_connector/c/_status", { status: "configured" }, headers);
      assert.equal(answer.status, 403, `${origin}: ${JSON.stringify(answer.body)}`);
      assert.match(answer.body.error.reason, /ann@example\.com.*Origin/);
    }
    assert.equal((await ask("GET", "/_connector/c")).body.status, "error");

    // A key takes precedence over the signed-in person, even if it is invalid.
    const hash = createHash("sha256").update(secret).digest("base64");
    await (await worker.env()).API_KEYS.put("k", JSON.stringify({ name: "Key", secret_sha256: hash, privileges: ["manage_connector"], connectors: ["c"] }));
    assert.equal((await ask("PUT", "/_connector/c/_status", { status: "configured" }, key)).status, 200);
    assert.equal((await ask("GET", "/_connector/c/_status?size=1")).body.by, "k");
    assert.equal((await ask("GET", "/_connector/other", undefined, key)).status, 403);
    const wrong = { authorization: `ApiKey ${Buffer.from("k:wrong").toString("base64")}` };
    assert.equal((await ask("GET", "/_connector/c", undefined, wrong)).status, 401);
  } finally {
    await worker.close();
  }
});

test("a signed-in person can watch only from one of our own pages", async () => {
  const worker = await behindAccess(ann, manage);
  try {
    const { body } = await send(worker.url, "POST", "/_connector/_watch", undefined, { origin: worker.url });
    assert.equal(body.ticket, null, "a signed-in browser needs no ticket");
    const watcher = await watching(worker.url, {}, { headers: { origin: worker.url } });
    await send(worker.url, "PUT", "/_connector/seen", {}, { origin: worker.url });
    await watcher.change("seen");
    for (const origin of ["https://evil.example", undefined]) {
      const { closed, messages } = await watch(worker.url, {}, { headers: origin ? { origin } : {} });
      assert.ok(closed, `${origin} was let in`);
      assert.deepEqual(messages, []);
    }
    await watcher.close();
  } finally {
    await worker.close();
  }
});

// [identity, settings, status of a GET, of a PUT from our own page]
const table = {
  "without settings": [ann, {}, 401, 401],
  "ACCESS_PRIVILEGE is none": [ann, { ACCESS_PRIVILEGE: "none" }, 401, 401],
  "ACCESS_PRIVILEGE is unknown": [ann, { ACCESS_PRIVILEGE: "everything" }, 401, 401],
  "may read": [ann, { ACCESS_PRIVILEGE: "monitor_connector" }, 200, 403],
  "may write": [ann, manage, 200, 201],
  "a listed address": [ann, { ...manage, ACCESS_EMAILS: "bob@x.example, *@EXAMPLE.com" }, 200, 201],
  "an address that is not listed": [ann, { ...manage, ACCESS_EMAILS: "*@other.example" }, 403, 403],
  "a service token without an address": [{ common_name: "token.access" }, manage, 401, 401],
  "no identity": [undefined, manage, 401, 401],
};
for (const [what, [identity, vars, get, put]] of Object.entries(table)) {
  test(`${what}: GET is answered ${get} and PUT ${put}`, async () => {
    const worker = await behindAccess(identity, vars);
    try {
      const found = await send(worker.url, "GET", "/_connector");
      assert.equal(found.status, get, JSON.stringify(found.body));
      const written = await send(worker.url, "PUT", "/_connector/c", {}, { origin: worker.url });
      assert.equal(written.status, put, JSON.stringify(written.body));
    } finally {
      await worker.close();
    }
  });
}

test("without Access nobody is signed in, whatever headers the request has", async () => {
  const worker = await startWorker({ open: false, vars: manage });
  try {
    for (const headers of [{}, { "cf-access-authenticated-user-email": ann.email, "cf-access-jwt-assertion": "a.b.c", cookie: "CF_Authorization=a.b.c" }]) {
      assert.equal((await send(worker.url, "GET", "/_connector", undefined, headers)).status, 401);
    }
  } finally {
    await worker.close();
  }
});
