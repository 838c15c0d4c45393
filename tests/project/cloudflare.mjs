// A stand-in for the parts of Cloudflare's API that a deployment uses: one account with Workers, KV namespaces and
// secrets, in memory.

import { createServer } from "node:http";

const error = (status, code, message) => ({ status, errors: [{ code, message }] });

/**
 * Starts it. `onPut` gets bulk writes. `accounts` and `subdomain` belong to the account; `token`: the only accepted
 * one. `requests` lists the requests, as `METHOD /path`.
 */
export async function startCloudflare({ accounts = [{ id: "acc1", name: "Ada's account" }], subdomain = "ada", token = "t", onPut } = {}) {
  const state = { workers: {}, namespaces: [], values: {}, metadata: {}, requests: [], unknown: [], subdomain, refuse: undefined };
  let ids = 0;

  const worker = (name) => state.workers[name];
  const settings = (name) =>
    worker(name)
      ? { result: { bindings: worker(name).bindings, compatibility_date: "2026-11-01", tags: [], usage_model: "standard" } }
      : error(404, 10007, "This Worker does not exist on your account.");

  /** An upload's bindings are in a part called `metadata`. */
  async function upload(name, request) {
    const { bindings = [] } = JSON.parse(await (await request.formData()).get("metadata"));
    const old = worker(name)?.bindings ?? [];
    const isKept = (binding) => binding?.type === "secret_text" && !bindings.some(({ name }) => name === binding.name);
    const inherited = bindings.map((binding) => (binding.type === "inherit" ? old.find(({ name }) => name === binding.name) : binding));
    state.workers[name] = { bindings: [...inherited, ...old.filter(isKept)], version: `version-${++ids}` };
    return { result: { id: name, etag: "e", deployment_id: "d", startup_time_ms: 3, pipeline_hash: "h", mutable_pipeline_id: "m", tag: "tag", entry_point: "worker.js" } };
  }

  const routes = [
    ["GET", "/user", () => ({ result: { id: "user1", email: "ada@example.org" } })],
    ["GET", "/user/tokens/verify", () => ({ result: { id: "token1", status: "active" } })],
    ["GET", "/accounts", () => ({ result: accounts })],
    ["GET", "/memberships", () => ({ result: accounts.map((account) => ({ id: `m-${account.id}`, account, roles: [] })) })],
    ["GET", "/accounts/:a/workers/subdomain", () => (state.subdomain ? { result: { subdomain: state.subdomain } } : error(404, 10007, "no subdomain"))],
    ["GET", "/accounts/:a/workers/services/:w", ({ w }) => (worker(w) ? { result: { id: w, default_environment: { environment: "production", script: { last_deployed_from: "wrangler", tag: "tag" } } } } : error(404, 10090, "This Worker does not exist on your account."))],
    ["GET", "/accounts/:a/workers/scripts/:w/settings", ({ w }) => settings(w)],
    ["GET", "/accounts/:a/workers/scripts/:w/deployments", ({ w }) => (worker(w) ? { result: { deployments: [{ id: "d1", source: "wrangler", strategy: "percentage", author_email: "ada@example.org", created_on: "2026-11-01T00:00:00Z", annotations: {}, versions: [{ version_id: worker(w).version, percentage: 100 }] }] } } : error(404, 10007, "This Worker does not exist on your account."))],
    ["GET", "/accounts/:a/workers/scripts/:w/versions/:v", ({ w, v }) => ({ result: { id: v, number: 1, metadata: { created_on: "2026-11-01T00:00:00Z", modified_on: "2026-11-01T00:00:00Z", source: "wrangler" }, resources: { bindings: worker(w).bindings, script: { etag: "e", handlers: ["fetch"] }, script_runtime: { compatibility_date: "2026-11-01", usage_model: "standard" } } } })],
    ["POST", "/accounts/:a/workers/scripts/:w/assets-upload-session", async (_, request) => {
      const { manifest } = await request.json();
      return { result: { jwt: token, buckets: [Object.values(manifest).map(({ hash }) => hash)] } };
    }],
    ["POST", "/accounts/:a/workers/assets/upload", () => ({ status: 201, result: { jwt: token } })],
    ["PUT", "/accounts/:a/workers/scripts/:w", ({ w }, request) => upload(w, request)],
    ["GET", "/accounts/:a/workers/workers/:w", ({ w }) => ({ result: { id: w, name: w, subdomain: { enabled: false, previews_enabled: false } } })],
    ["POST", "/accounts/:a/workers/scripts/:w/subdomain", async (_, request) => ({ result: await request.json() })],
    ["GET", "/accounts/:a/storage/kv/namespaces", () => ({ result: state.namespaces })],
    ["POST", "/accounts/:a/storage/kv/namespaces", async (_, request) => {
      const { title } = await request.json();
      if (state.namespaces.some((namespace) => namespace.title === title)) return error(400, 10014, "create namespace: A namespace with this account ID and title already exists");
      state.namespaces.push({ id: `${++ids}`.padStart(32, "0"), title });
      return { result: state.namespaces.at(-1) };
    }],
    ["GET", "/accounts/:a/workers/scripts/:w/secrets", ({ w }) => (worker(w) ? { result: worker(w).bindings.filter(({ type }) => type === "secret_text").map(({ name, type }) => ({ name, type })) } : error(404, 10007, "This Worker does not exist on your account."))],
    ["GET", "/accounts/:a/storage/kv/namespaces/:n/keys", ({ n }) => ({ result: Object.keys(state.values).filter((key) => key.startsWith(`${n}/`)).map((key) => ({ name: key.slice(n.length + 1), metadata: state.metadata[key] })) })],
    ["POST", "/accounts/:a/storage/kv/namespaces/:n/bulk/get", async ({ n }, request) => {
      const { keys } = await request.json();
      return { result: { values: Object.fromEntries(keys.map((key) => [key, state.values[`${n}/${key}`] ?? null])) } };
    }],
    ["PUT", "/accounts/:a/storage/kv/namespaces/:n/bulk", async ({ n }, request) => {
      const pairs = await request.json();
      for (const { key, value } of pairs) {
        state.values[`${n}/${key}`] = value;
        await onPut?.(n, key, value);
      }
      return { result: { successful_key_count: pairs.length, unsuccessful_keys: [] } };
    }],
    ["DELETE", "/accounts/:a/storage/kv/namespaces/:n/values/:k", ({ n, k }) => {
      delete state.values[`${n}/${decodeURIComponent(k)}`];
      return {};
    }],
    ["PUT", "/accounts/:a/storage/kv/namespaces/:n/values/:k", async ({ n, k }, request) => {
      const type = request.headers.get("content-type") ?? "";
      state.values[`${n}/${k}`] = type.includes("form-data") ? (await request.formData()).get("value") : await request.text();
      return {};
    }],
    ["PUT", "/accounts/:a/workers/scripts/:w/secrets", async ({ w }, request) => {
      const { name, text, type } = await request.json();
      worker(w).bindings = [...worker(w).bindings.filter((binding) => binding.name !== name), { name, type, text }];
      return { result: { name, type } };
    }],
  ];

  const server = createServer(async (incoming, outgoing) => {
    const chunks = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const { pathname } = new URL(incoming.url, "http://localhost");
    const path = pathname.replace("/client/v4", "");
    state.requests.push(`${incoming.method} ${path}`);
    const init = { method: incoming.method, headers: incoming.headers };
    if (!["GET", "HEAD"].includes(incoming.method)) init.body = Buffer.concat(chunks);
    let answer;
    if (incoming.headers.authorization !== `Bearer ${token}`) answer = error(401, 10000, "Authentication error");
    answer ??= state.refuse?.[`${incoming.method} ${path}`];
    for (const [method, pattern, handle] of answer ? [] : routes) {
      const found = new RegExp(`^${pattern.replaceAll(/:(\w)/g, "(?<$1>[^/]+)")}$`).exec(path);
      if (found && method === incoming.method) answer = await handle(found.groups ?? {}, new Request("http://localhost/", init));
    }
    if (!answer) state.unknown.push(`${incoming.method} ${path}`);
    const { status = 200, result = null, errors = [] } = answer ?? error(404, 7003, `Could not route to ${path}`);
    outgoing.writeHead(status, { "content-type": "application/json" });
    outgoing.end(JSON.stringify({ success: errors.length === 0, errors, messages: [], result, result_info: { page: 1, per_page: 100, count: 1, total_count: 1, total_pages: 1 } }));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    state,
    bindings: (name) => Object.fromEntries(state.workers[name].bindings.map((binding) => [binding.name, binding])),
    url: `http://127.0.0.1:${server.address().port}/client/v4`,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}
