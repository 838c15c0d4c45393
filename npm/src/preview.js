// The server's logic in the page. `load` fetches it, so bundlers keep it out of the first download.

let ask;
let loading;

export function load() {
  loading ??= start().catch((error) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function start() {
  const { compile, initSync, preview } = await import("~preview-core");
  initSync({ module: await compile() });
  ask = preview;
}

export function preview(connector, { method, path, body }, { now = Date.now() } = {}) {
  if (!ask) throw new Error("connector-status/preview: await load() first");
  if (typeof method !== "string" || typeof path !== "string") {
    throw new TypeError("a request needs a method and a path, both strings");
  }
  const millis = new Date(now).getTime();
  if (Number.isNaN(millis)) throw new TypeError("[now] is not a point in time");
  const text = typeof body === "string" ? body : (JSON.stringify(body) ?? "");
  const document = connector ? JSON.stringify(connector) : undefined;
  const said = ask(document, method, path, text, millis);
  return { status: said.status, body: parse(said.body), connector: parse(said.connector) };
}

const parse = (text) => (text === undefined ? null : JSON.parse(text));
