// What an object keeps in its own SQLite database: one row for the connector, and its history.
//
// A change of status alone writes only the history: the newest row there says where the connector
// is, if its `seq` - the version it made - is past that of the connector's row. To write the document
// again for every move would cost more than all the rest of the commit.

// A document of NULL is the tombstone of a connector that was erased.
const TABLES = `
  CREATE TABLE IF NOT EXISTS connector (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    document TEXT,
    version INTEGER NOT NULL,
    projected INTEGER NOT NULL
  );
  CREATE TABLE IF NOT EXISTS history (
    seq INTEGER PRIMARY KEY,
    "from" TEXT,
    "to" TEXT NOT NULL,
    at TEXT NOT NULL,
    via TEXT NOT NULL,
    by TEXT
  );
`;

/** The newest changes of status that are kept. */
const HISTORY_LIMIT = 1_000;
/** How many versions pass between two looks whether there are more. */
const PRUNE_EVERY = 50;

/** The row as JSON, if there is one. A look at an empty object leaves it empty. */
export function read({ sql }) {
  const tables = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'connector'").toArray();
  if (tables.length === 0) return undefined;
  const [row] = sql
    .exec(
      `SELECT id, document, coalesce(seq, version) AS version, projected, "to" AS moved FROM connector
       LEFT JOIN (SELECT seq, "to" FROM history ORDER BY seq DESC LIMIT 1) ON seq > version`,
    )
    .toArray();
  return row && JSON.stringify(row);
}

/** Makes the tables of an empty object, and writes its first row as `commit` does. */
export function commitFirst(storage, ...row) {
  storage.transactionSync(() => {
    storage.sql.exec(TABLES);
    write(storage.sql, ...row);
  });
}

/**
 * Writes the row, and the change of status if there was one (its fields a line each), both or
 * neither. An erased connector's history is erased with it.
 */
export function commit(storage, ...row) {
  storage.transactionSync(() => write(storage.sql, ...row));
}

function write(sql, id, document, version, projected, change) {
  sql.exec(
    `INSERT INTO connector (one, id, document, version, projected) VALUES (1, ?, ?, ?, ?)
     ON CONFLICT (one) DO UPDATE SET document = excluded.document, version = excluded.version`,
    id,
    document ?? null,
    version,
    projected,
  );
  if (document === undefined) sql.exec("DELETE FROM history");
  prune(sql, version);
  if (change !== undefined) record(sql, version, change);
}

/** Writes a change of nothing but the status. Pruned first: should that fail, nothing was written. */
export function commitMove({ sql }, version, change) {
  prune(sql, version);
  record(sql, version, change);
}

function record(sql, version, change) {
  const [from, to, at, via, by] = change.split("\n");
  sql.exec(
    `INSERT INTO history (seq, "from", "to", at, via, by) VALUES (?, ?, ?, ?, ?, ?)`,
    version,
    from || null,
    to,
    at,
    via,
    by || null,
  );
}

/** Now and then is often enough: what is shown is limited when it is read. */
function prune(sql, version) {
  if (version % PRUNE_EVERY !== 0) return;
  sql.exec(
    "DELETE FROM history WHERE seq <= (SELECT seq FROM history ORDER BY seq DESC LIMIT 1 OFFSET ?)",
    HISTORY_LIMIT,
  );
}

/** Notes which version Workers KV has. */
export function noteProjected({ sql }, version) {
  sql.exec("UPDATE connector SET projected = ?", version);
}

/** The newest changes of status as JSON, newest first. */
export function history({ sql }, size) {
  const query = `SELECT "from", "to", at, via, by FROM history ORDER BY seq DESC LIMIT ?`;
  return JSON.stringify(sql.exec(query, Math.min(size, HISTORY_LIMIT)).toArray());
}
