// The lower bound: a Worker that does the I/O of the same requests and almost nothing else. It trusts every caller: no
// validation, no useful errors, no history, no filters.

import { DurableObject } from "cloudflare:workers";

const NEXT = {
  created: ["needs_configuration", "error"],
  needs_configuration: ["configured", "error"],
  configured: ["needs_configuration", "configured", "connected", "error"],
  connected: ["configured", "connected", "error"],
  error: ["configured", "connected", "error"],
};

const json = (status, body) => new Response(body, { status, headers: { "content-type": "application/json" } });

export class BareConnector extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    this.sql = ctx.storage.sql;
    this.sql.exec("CREATE TABLE IF NOT EXISTS connector (one INTEGER PRIMARY KEY, id TEXT, document TEXT)");
    const [row] = this.sql.exec("SELECT id, document FROM connector").toArray();
    this.id = row?.id;
    this.document = row && JSON.parse(row.document);
    this.alarmSet = false;
  }

  save(id, document) {
    this.id = id;
    this.document = document;
    this.sql.exec("INSERT OR REPLACE INTO connector (one, id, document) VALUES (1, ?, ?)", id, JSON.stringify(document));
    if (this.alarmSet) return;
    this.alarmSet = true;
    this.ctx.storage.setAlarm(Date.now() + 1_000);
  }

  async alarm() {
    this.alarmSet = false;
    await this.env.CONNECTORS.put(`c:${this.id}`, JSON.stringify(this.document), { metadata: {} });
  }

  create(id, document) {
    this.save(id, document);
  }

  move(to) {
    if (!NEXT[this.document.status].includes(to)) return "refused";
    if (this.document.status === to) return "noop";
    this.save(this.id, { ...this.document, status: to });
    return "updated";
  }

  read() {
    return JSON.stringify({ id: this.id, ...this.document });
  }
}

export default {
  async fetch(request, env) {
    const { url } = request;
    const [, , id, action] = url.slice(url.indexOf("/", 8)).split("?")[0].split("/");
    if (id === undefined) {
      const { keys } = await env.CONNECTORS.list({ prefix: "c:" });
      const documents = await env.CONNECTORS.get(keys.slice(0, 100).map((key) => key.name), "text");
      const results = [...documents].map(([key, text]) => `{"id":"${key.slice(2)}",${text.slice(1)}`);
      return json(200, `{"count":${keys.length},"results":[${results.join(",")}]}`);
    }
    const object = env.CONNECTOR.getByName(id);
    if (request.method === "GET") return json(200, await object.read());
    const body = await request.json();
    if (action === undefined) {
      // The caller sends the whole document.
      await object.create(id, body);
      return json(201, `{"id":"${id}","result":"created"}`);
    }
    const result = await object.move(body.status);
    return json(result === "refused" ? 400 : 200, `{"result":"${result}"}`);
  },
};
