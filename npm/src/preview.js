// The whole core, asked in the page.

import { initSync, preview as ask } from "glue";
import { fetchModule } from "module";

let loading;
let loaded = false;

export function load() {
  loading ??= start().catch((error) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function start() {
  initSync({ module: await fetchModule() });
  loaded = true;
}

export function preview(connector, { method, path, body }, { now = Date.now() } = {}) {
  if (!loaded) throw new Error("connector-status/preview: await load() first");
  if (typeof method !== "string" || typeof path !== "string") {
    throw new TypeError("a request has a method and a path");
  }
  const millis = new Date(now).getTime();
  if (Number.isNaN(millis)) throw new TypeError("[now] is no point in time");
  const text = typeof body === "string" ? body : (JSON.stringify(body) ?? "");
  const document = connector ? JSON.stringify(connector) : undefined;
  return ask(document, method, path, text, millis);
}
