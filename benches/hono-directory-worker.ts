// The second peer: the first, with its list in one SQLite object that is notified of each change, as well as that can
// be done in JavaScript. Slim rows with the indexes that lists need, separate documents, totals by trigger; creations
// wait for it, moves notify it afterwards, merged while a connector changes fast.

import { DurableObject } from "cloudflare:workers";

import { type Document, type Env as KvEnv, HonoConnector as KvConnector, api } from "./hono-worker";

interface Env extends KvEnv {
  DIRECTORY: DurableObjectNamespace<HonoDirectory>;
}

const NAME = "directory";
/** How often at most the list is notified about one connector, in milliseconds. */
const GAP = 750;

export class HonoConnector extends KvConnector<Env> {
  #newest: Document | undefined;
  #last = 0;

  protected override async changed(id: string, document: Document, isNew: boolean) {
    const isTelling = this.#newest !== undefined;
    this.#newest = document;
    if (isNew) await this.#updateList(id);
    else if (!isTelling) this.ctx.waitUntil(this.#tellInTime(id));
  }

  async #tellInTime(id: string) {
    const wait = this.#last + GAP - Date.now();
    if (wait > 0) await scheduler.wait(wait);
    await this.#updateList(id);
  }

  async #updateList(id: string) {
    const document = this.#newest;
    this.#newest = undefined;
    this.#last = Date.now();
    if (document) await this.env.DIRECTORY.getByName(NAME).apply([[id, document]]);
  }
}

const FILTERS = { status: "status", connector_name: "name", index_name: "index_name", service_type: "service_type" };

export class HonoDirectory extends DurableObject<Env> {
  #sql = this.ctx.storage.sql;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const order = "index_name IS NULL, index_name, id";
    this.#sql.exec(`
      CREATE TABLE IF NOT EXISTS entry (
        key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, index_name TEXT, name TEXT, service_type TEXT, status TEXT NOT NULL
      );
      CREATE INDEX IF NOT EXISTS in_order ON entry (${order});
      CREATE INDEX IF NOT EXISTS by_status ON entry (status, ${order});
      CREATE INDEX IF NOT EXISTS by_name ON entry (name, ${order});
      CREATE INDEX IF NOT EXISTS by_service_type ON entry (service_type, ${order});
      CREATE TABLE IF NOT EXISTS document (key INTEGER PRIMARY KEY, json TEXT NOT NULL);
      CREATE TABLE IF NOT EXISTS total (status TEXT, service_type TEXT, count INTEGER, PRIMARY KEY (status, service_type)) WITHOUT ROWID;
      CREATE TRIGGER IF NOT EXISTS comes AFTER INSERT ON entry BEGIN
        INSERT INTO total VALUES (NEW.status, coalesce(NEW.service_type, ''), 1) ON CONFLICT DO UPDATE SET count = count + 1;
      END;
      CREATE TRIGGER IF NOT EXISTS moves AFTER UPDATE OF status, service_type ON entry BEGIN
        UPDATE total SET count = count - 1 WHERE status = OLD.status AND service_type = coalesce(OLD.service_type, '');
        INSERT INTO total VALUES (NEW.status, coalesce(NEW.service_type, ''), 1) ON CONFLICT DO UPDATE SET count = count + 1;
      END;
    `);
  }

  async apply(connectors: [string, Document][]) {
    this.ctx.storage.transactionSync(() => {
      for (const [id, { status, ...document }] of connectors) {
        const { key } = this.#sql
          .exec<{ key: number }>(
            `INSERT INTO entry (id, index_name, name, service_type, status) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (id) DO UPDATE SET index_name = excluded.index_name, name = excluded.name,
             service_type = excluded.service_type, status = excluded.status RETURNING key`,
            id,
            (document.index_name as string | null) ?? null,
            (document.name as string | null) ?? null,
            (document.service_type as string | null) ?? null,
            status,
          )
          .one();
        this.#sql.exec("INSERT OR REPLACE INTO document VALUES (?, ?)", key, JSON.stringify(document));
      }
    });
  }

  async list(from: number, size: number, filters: [string, string][]) {
    const where = filters.length > 0 ? `WHERE ${filters.map(([column]) => `${column} = ?`).join(" AND ")}` : "";
    const values = filters.map(([, value]) => value);
    const isTotalled = filters.every(([column]) => column === "status" || column === "service_type");
    const counting = isTotalled ? `SELECT sum(count) AS count FROM total ${where}` : `SELECT count(*) AS count FROM entry ${where}`;
    const { count } = this.#sql.exec<{ count: number | null }>(counting, ...values).one();
    const rows = this.#sql.exec(
      `SELECT id, status, json FROM (SELECT key FROM entry ${where} ORDER BY index_name IS NULL, index_name, id LIMIT ? OFFSET ?)
       CROSS JOIN entry USING (key) CROSS JOIN document USING (key)`,
      ...values,
      size,
      from,
    );
    let results = "";
    for (const [id, status, json] of rows.raw<[string, string, string]>()) {
      results += `${results && ","}{"id":${JSON.stringify(id)},"status":"${status}",${json.slice(1)}`;
    }
    return `{"count":${count ?? 0},"results":[${results}]}`;
  }
}

const directory = (env: Env) => env.DIRECTORY.getByName(NAME);

const app = api<Env>(async (c) => {
  const filters = Object.entries(FILTERS).flatMap(([parameter, column]): [string, string][] => {
    const value = c.req.query(parameter);
    return value === undefined ? [] : [[column, value]];
  });
  const text = await directory(c.env).list(Number(c.req.query("from") ?? 0), Number(c.req.query("size") ?? 100), filters);
  return c.body(text, 200, { "Content-Type": "application/json" });
});

/** For the benchmark: imports many at once. */
app.post("/_import", async (c) => {
  await directory(c.env).apply(await c.req.json());
  return c.json({});
});

export default app;
