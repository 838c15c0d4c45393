// The peer: the same endpoint for Workers with Hono, zod, a Durable Object and KV, as their documentation recommends.
// The object is the source of truth and is called by RPC; an alarm writes its copy to KV at most once a second, the
// limit for one key.

import { DurableObject } from "cloudflare:workers";
import { type Context, Hono } from "hono";
import { z } from "zod";

const TRANSITIONS: Record<string, readonly string[]> = {
  created: ["needs_configuration", "error"],
  needs_configuration: ["configured", "error"],
  configured: ["needs_configuration", "configured", "connected", "error"],
  connected: ["configured", "connected", "error"],
  error: ["configured", "connected", "error"],
};

const StatusBody = z.strictObject({
  status: z.enum(["created", "needs_configuration", "configured", "connected", "error"]),
});
const CreateBody = z.strictObject({
  name: z.string().optional(),
  description: z.string().optional(),
  index_name: z.string().nullish(),
  is_native: z.boolean().optional(),
  language: z.string().optional(),
  service_type: z.string().optional(),
});

export type Document = Record<string, unknown> & { status: string };
type Result =
  | { ok: true; result: "updated" | "noop" | "created" }
  | { ok: false; status: 400 | 404; type: string; reason: string };

export interface Env {
  CONNECTORS: KVNamespace;
  CONNECTOR: DurableObjectNamespace<HonoConnector>;
}

export class HonoConnector<E extends Env = Env> extends DurableObject<E> {
  #sql = this.ctx.storage.sql;
  #document: Document | undefined;
  #id = "";

  constructor(ctx: DurableObjectState, env: E) {
    super(ctx, env);
    this.#sql.exec(
      "CREATE TABLE IF NOT EXISTS connector (one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL, document TEXT NOT NULL)",
    );
    this.#sql.exec(
      "CREATE TABLE IF NOT EXISTS history (seq INTEGER PRIMARY KEY, previous TEXT, next TEXT NOT NULL, at TEXT NOT NULL)",
    );
    const row = this.#sql.exec<{ id: string; document: string }>("SELECT id, document FROM connector").toArray()[0];
    if (row) {
      this.#id = row.id;
      this.#document = JSON.parse(row.document);
    }
  }

  #save(document: Document, previous: string | null) {
    this.ctx.storage.transactionSync(() => {
      this.#sql.exec(
        "INSERT INTO connector (one, id, document) VALUES (1, ?, ?) ON CONFLICT (one) DO UPDATE SET document = excluded.document",
        this.#id,
        JSON.stringify(document),
      );
      this.#sql.exec(
        "INSERT INTO history (previous, next, at) VALUES (?, ?, ?)",
        previous,
        document.status,
        new Date().toISOString(),
      );
      this.#sql.exec("DELETE FROM history WHERE seq <= (SELECT max(seq) FROM history) - 1000");
    });
    this.#document = document;
  }

  async #copySoon() {
    if ((await this.ctx.storage.getAlarm()) === null) {
      await this.ctx.storage.setAlarm(Date.now() + 1_000);
    }
  }

  async alarm() {
    if (!this.#document) return;
    const { status, name, index_name, service_type } = this.#document;
    await this.env.CONNECTORS.put(`c:${this.#id}`, JSON.stringify(this.#document), {
      metadata: { status, name, index_name, service_type },
    });
  }

  /** Subclasses can do more after a commit. */
  protected async changed(_id: string, _document: Document, _isNew: boolean) {}

  async create(id: string, body: z.infer<typeof CreateBody>): Promise<Result> {
    const existed = this.#document !== undefined;
    this.#id = id;
    const now = new Date().toISOString();
    const rules = {
      advanced_snippet: { created_at: now, updated_at: now, value: {} },
      rules: [{ created_at: now, field: "_", id: "DEFAULT", order: 0, policy: "include", rule: "regex", updated_at: now, value: ".*" }],
      validation: { errors: [], state: "valid" },
    };
    const off = { enabled: false, interval: "0 0 0 * * ?" };
    const document = {
      configuration: {},
      custom_scheduling: {},
      filtering: [{ active: rules, domain: "DEFAULT", draft: rules }],
      is_native: false,
      name: "",
      scheduling: { access_control: off, full: off, incremental: off },
      ...body,
      status: body.is_native ? "needs_configuration" : "created",
      sync_now: false,
      deleted: false,
    };
    this.#save(document, null);
    await this.#copySoon();
    await this.changed(id, document, true);
    return { ok: true, result: existed ? "updated" : "created" };
  }

  async setStatus(to: string): Promise<Result> {
    const document = this.#document;
    if (!document) {
      return { ok: false, status: 404, type: "resource_not_found_exception", reason: "connector not found" };
    }
    if (!TRANSITIONS[document.status]?.includes(to)) {
      return {
        ok: false,
        status: 400,
        type: "status_exception",
        reason: `Invalid transition attempt from [${document.status}] to [${to}]. Such a status transition is not supported by the Connector Protocol.`,
      };
    }
    if (document.status === to) return { ok: true, result: "noop" };
    const after = { ...document, status: to };
    this.#save(after, document.status);
    await this.#copySoon();
    await this.changed(this.#id, after, false);
    return { ok: true, result: "updated" };
  }

  async read(): Promise<string | null> {
    return this.#document ? JSON.stringify({ id: this.#id, ...this.#document }) : null;
  }
}

const failure = (status: number, type: string, reason: string) => ({
  error: { root_cause: [{ type, reason }], type, reason },
  status,
});

/** The API. Peers differ in how they list. */
export function api<E extends Env>(list: (c: Context<{ Bindings: E }>) => Promise<Response>) {
  const app = new Hono<{ Bindings: E }>();

  app.use(async (c, next) => {
    await next();
    c.header("X-Elastic-Product", "Elasticsearch");
  });

  app.onError((_, c) => c.json(failure(400, "x_content_parse_exception", "malformed JSON"), 400));

  app.put("/_connector/:id", async (c) => {
    const body = CreateBody.safeParse(await c.req.json());
    if (!body.success) return c.json(failure(400, "x_content_parse_exception", body.error.message), 400);
    const id = c.req.param("id");
    const result = await c.env.CONNECTOR.getByName(id).create(id, body.data);
    if (!result.ok) return c.json(failure(result.status, result.type, result.reason), result.status);
    return c.json({ id, result: result.result }, result.result === "created" ? 201 : 200);
  });

  app.put("/_connector/:id/_status", async (c) => {
    const body = StatusBody.safeParse(await c.req.json());
    if (!body.success) return c.json(failure(400, "x_content_parse_exception", body.error.message), 400);
    const result = await c.env.CONNECTOR.getByName(c.req.param("id")).setStatus(body.data.status);
    if (!result.ok) return c.json(failure(result.status, result.type, result.reason), result.status);
    return c.json({ result: result.result });
  });

  app.get("/_connector/:id", async (c) => {
    const id = c.req.param("id");
    const document = await c.env.CONNECTOR.getByName(id).read();
    if (document === null) {
      return c.json(failure(404, "resource_not_found_exception", `connector [${id}] not found`), 404);
    }
    return c.body(document, 200, { "Content-Type": "application/json" });
  });

  app.get("/_connector", list);

  return app;
}

/** The obvious implementation: list the copies in KV. */
async function listFromKv(c: Context<{ Bindings: Env }>) {
  const from = Number(c.req.query("from") ?? 0);
  const size = Number(c.req.query("size") ?? 100);
  const keys: KVNamespaceListKey<{ index_name?: string }>[] = [];
  let cursor: string | undefined;
  do {
    const page = await c.env.CONNECTORS.list<{ index_name?: string }>({ prefix: "c:", cursor });
    keys.push(...page.keys);
    cursor = page.list_complete ? undefined : page.cursor;
  } while (cursor);
  const order = (key: (typeof keys)[number]) => key.metadata?.index_name ?? "\uffff";
  keys.sort((a, b) => (order(a) < order(b) ? -1 : order(a) > order(b) ? 1 : a.name < b.name ? -1 : 1));
  const shown = keys.slice(from, from + size).map((key) => key.name);
  const results: unknown[] = [];
  for (let at = 0; at < shown.length; at += 100) {
    const documents = await c.env.CONNECTORS.get<Document>(shown.slice(at, at + 100), "json");
    for (const [key, document] of documents) if (document) results.push({ id: key.slice(2), ...document });
  }
  return c.json({ count: keys.length, results });
}

export default api(listFromKv);
