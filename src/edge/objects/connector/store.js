// What a connector's object keeps in its SQLite database: one row for the connector, and its history.
//
// A change of status alone writes only the history: the newest row there says where the connector
// is, if its `seq` - the version it made - is past that of the connector's row. To write the document
// again for every move would cost more than all the rest of the commit.

// A document of NULL is the tombstone of a connector that was erased. `edited` is the version of the last change
// to anything but status and last_seen. `projected` and `directory` are the versions that Workers KV and the
// Directory have, `copied_at` is when Workers KV got its (milliseconds since 1970).
const TABLES = `
  CREATE TABLE IF NOT EXISTS connector (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    document TEXT,
    version INTEGER NOT NULL,
    projected INTEGER NOT NULL,
    edited INTEGER NOT NULL DEFAULT 0,
    directory INTEGER NOT NULL DEFAULT 0,
    copied_at INTEGER NOT NULL DEFAULT 0
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

// Made with the first job. `edited` is the version of the last change to anything but last_seen. Who has not been
// told yet stands in a table of its own: to look for it among all jobs that ever were would cost more and more. A job
// that is untold and not there was erased.
const JOB_TABLES = `
  CREATE TABLE IF NOT EXISTS job (
    id TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    version INTEGER NOT NULL,
    edited INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS job_untold (id TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID;
`;

/** What tables of the first version lack. */
const ADDED = ["edited", "directory", "copied_at"];

/** The newest changes of status that are kept. */
const HISTORY_LIMIT = 1_000;
/** How many versions pass between two looks whether there are more. */
const PRUNE_EVERY = 50;

/** The row and the newest change of status as JSON, if there is a row. A look at an empty object leaves it empty. */
export function read({ sql }) {
  const tables = sql.exec("SELECT name, sql FROM sqlite_master WHERE name IN ('connector', 'job')").toArray();
  const table = tables.find(({ name }) => name === "connector");
  if (table === undefined) return undefined;
  for (const column of ADDED) {
    if (!table.sql.includes(column)) sql.exec(`ALTER TABLE connector ADD COLUMN ${column} INTEGER NOT NULL DEFAULT 0`);
  }
  const [row] = sql
    .exec(
      `SELECT id, document, version, edited, projected AS kv, directory, copied_at, seq, "to", at FROM connector
       LEFT JOIN (SELECT seq, "to", at FROM history ORDER BY seq DESC LIMIT 1)`,
    )
    .toArray();
  return row && JSON.stringify({ ...row, has_jobs: tables.length > 1 });
}

/**
 * Writes the row (JSON, without the document), and the change of status if there was one (JSON): both or neither.
 * An erased connector's history is erased with it, its jobs are if that is asked for.
 */
export function commit(storage, row, document, change) {
  const { is_first, erases_jobs, id, version, edited, kv, directory, copied_at } = JSON.parse(row);
  storage.transactionSync(() => {
    const { sql } = storage;
    if (is_first) sql.exec(TABLES);
    sql.exec(
      `INSERT INTO connector (one, id, document, version, edited, projected, directory, copied_at)
       VALUES (1, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (one) DO UPDATE SET document = excluded.document, version = excluded.version,
       edited = excluded.edited, projected = excluded.projected, directory = excluded.directory,
       copied_at = excluded.copied_at`,
      id,
      document ?? null,
      version,
      edited,
      kv,
      directory,
      copied_at,
    );
    if (document === undefined) sql.exec("DELETE FROM history");
    if (erases_jobs) {
      sql.exec("INSERT OR REPLACE INTO job_untold SELECT id, version + 1 FROM job");
      sql.exec("DELETE FROM job");
    }
    prune(sql, version);
    if (change !== undefined) record(sql, version, change);
  });
}

/** Writes a change of nothing but the status. Pruned first: should that fail, nothing was written. */
export function commitMove({ sql }, version, change) {
  prune(sql, version);
  record(sql, version, change);
}

function record(sql, version, change) {
  const { from, to, at, via, by } = JSON.parse(change);
  sql.exec(`INSERT INTO history (seq, "from", "to", at, via, by) VALUES (?, ?, ?, ?, ?, ?)`, version, from, to, at, via, by);
}

/** Now and then is often enough: what is shown is limited when it is read. */
function prune(sql, version) {
  if (version % PRUNE_EVERY !== 0) return;
  sql.exec(
    "DELETE FROM history WHERE seq <= (SELECT seq FROM history ORDER BY seq DESC LIMIT 1 OFFSET ?)",
    HISTORY_LIMIT,
  );
}

/** Notes how far the outbox's consumers are. */
export function noteCursors({ sql }, kv, directory, copiedAt) {
  sql.exec("UPDATE connector SET projected = ?, directory = ?, copied_at = ?", kv, directory, copiedAt);
}

/** The newest changes of status as JSON, newest first. */
export function history({ sql }, size) {
  const query = `SELECT "from", "to", at, via, by FROM history ORDER BY seq DESC LIMIT ?`;
  return JSON.stringify(sql.exec(query, Math.min(size, HISTORY_LIMIT)).toArray());
}

/** A job's row as JSON, if there is one. */
export function readJob({ sql }, id) {
  const [row] = sql.exec("SELECT document, version, edited FROM job WHERE id = ?", id).toArray();
  return row && JSON.stringify(row);
}

/** Writes a job (JSON, without the document), or erases it if there is no document, and that it is untold. */
export function commitJob(storage, job, document) {
  const { is_first, id, version, edited, is_untold } = JSON.parse(job);
  storage.transactionSync(() => {
    const { sql } = storage;
    if (is_first) sql.exec(JOB_TABLES);
    if (document === undefined) sql.exec("DELETE FROM job WHERE id = ?", id);
    else {
      sql.exec(
        `INSERT INTO job VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE
         SET document = excluded.document, version = excluded.version, edited = excluded.edited`,
        id,
        document,
        version,
        edited,
      );
    }
    if (is_untold) sql.exec("INSERT OR REPLACE INTO job_untold VALUES (?, ?)", id, version);
  });
}

/** The jobs that are untold, as JSON. */
export const untoldJobs = ({ sql }) => JSON.stringify(sql.exec("SELECT id, version FROM job_untold").toArray());

/** Notes which jobs (a JSON array of ids) are untold still. */
export function noteUntoldJobs({ sql }, ids) {
  sql.exec("DELETE FROM job_untold WHERE id NOT IN (SELECT value FROM json_each(?))", ids);
}
