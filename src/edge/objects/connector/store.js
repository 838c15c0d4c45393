// What a connector's object keeps in its SQLite database: one row for the connector, and its history.
//
// A change of status alone writes only the history: the newest row there says where the connector
// is, if its `seq` - the version it made - is past that of the connector's row. To write the document
// again for every move would cost more than all the rest of the commit.

// A document of NULL is the tombstone of a connector that was erased. `edited` is the version of the last change
// to anything but status and last_seen. `projected` and `directory` are the versions that Workers KV and the
// Directory have, `copied_at` is when Workers KV got its (milliseconds since 1970). `floor`: versions up to here may
// have been given before the connector was put back from a backup.
const TABLES = `
  CREATE TABLE IF NOT EXISTS connector (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    document TEXT,
    version INTEGER NOT NULL,
    projected INTEGER NOT NULL,
    edited INTEGER NOT NULL DEFAULT 0,
    directory INTEGER NOT NULL DEFAULT 0,
    copied_at INTEGER NOT NULL DEFAULT 0,
    floor INTEGER NOT NULL DEFAULT 0
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
const ADDED = ["edited", "directory", "copied_at", "floor"];

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
      `SELECT id, document, version, edited, projected AS kv, directory, copied_at, floor, seq, "to", at FROM connector
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

/** Notes how far the outbox's consumers are, if that is not known: a row that is written is billed. */
export function noteCursors({ sql }, kv, directory, copiedAt) {
  sql.exec(
    `UPDATE connector SET projected = ?1, directory = ?2, copied_at = ?3
     WHERE (projected, directory, copied_at) IS NOT (?1, ?2, ?3)`,
    ...[kv, directory, copiedAt],
  );
}

/**
 * Puts a connector back: its row (JSON, without the document), its history and its jobs (JSON arrays) - all or nothing.
 * Everybody is told anew. `has_connector`: otherwise there are only jobs. `erases_jobs`: the jobs that are there go.
 */
export function restore(storage, row, document, history, jobs) {
  const { has_connector, erases_jobs, id, version, edited, floor } = JSON.parse(row);
  const saved = JSON.parse(jobs);
  storage.transactionSync(() => {
    const { sql } = storage;
    if (has_connector) {
      sql.exec(TABLES);
      sql.exec(
        `INSERT OR REPLACE INTO connector (one, id, document, version, projected, edited, floor) VALUES (1, ?, ?, ?, 0, ?, ?)`,
        id,
        document ?? null,
        version,
        edited,
        floor,
      );
      sql.exec("DELETE FROM history");
      for (const { seq, from = null, to, at, via, by = null } of JSON.parse(history)) {
        sql.exec("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?)", seq, from, to, at, via, by);
      }
    }
    if (saved.length > 0) sql.exec(JOB_TABLES);
    const known = new Map();
    if (erases_jobs) {
      for (const { id, version } of sql.exec("SELECT id, version FROM job")) known.set(id, version);
      sql.exec("INSERT OR REPLACE INTO job_untold SELECT id, version + 1 FROM job");
      sql.exec("DELETE FROM job");
    }
    for (const job of saved) {
      const version = Math.max(job.version, (known.get(job.id) ?? -1) + 1);
      const { rowsWritten } = sql.exec("INSERT OR IGNORE INTO job VALUES (?, ?, ?, ?)", job.id, job.document, version, job.edited);
      if (rowsWritten > 0) sql.exec("INSERT OR REPLACE INTO job_untold VALUES (?, ?)", job.id, version);
    }
  });
}

/** Has everybody told anew how the connector and its jobs are. */
export function reindex({ sql }, hasJobs) {
  sql.exec("UPDATE connector SET directory = 0");
  if (hasJobs) sql.exec("INSERT OR REPLACE INTO job_untold SELECT id, version FROM job");
}

/** Some of the jobs behind one, as members of JSON: `jobs`, and `next`, the last of them if there are more. */
export function savedJobs({ sql }, after, limit) {
  let text = "";
  let last;
  for (const { id, version, edited, document } of sql.exec("SELECT * FROM job WHERE id > ? ORDER BY id", after)) {
    if (text.length > limit) return `"jobs":[${text}],"next":${JSON.stringify(last)}`;
    text += `${text === "" ? "" : ","}{"id":${JSON.stringify(id)},"version":${version},"edited":${edited},"document":${document}}`;
    last = id;
  }
  return `"jobs":[${text}]`;
}

/** Changes of status as JSON, newest first; `version` is what the version that a change made is called. */
const changes = ({ sql }, version, size, before = Number.MAX_SAFE_INTEGER) => {
  const query = `SELECT seq AS ${version}, "from", "to", at, via, by FROM history WHERE seq < ? ORDER BY seq DESC LIMIT ?`;
  return JSON.stringify(sql.exec(query, before, Math.min(size, HISTORY_LIMIT)).toArray());
};

/** All changes of status that are kept, as backups have them. */
export const savedHistory = (storage) => changes(storage, "seq", HISTORY_LIMIT);

/** Changes of status; `before`: only those before that version. */
export const history = (storage, size, before) => changes(storage, "version", size, before);

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
