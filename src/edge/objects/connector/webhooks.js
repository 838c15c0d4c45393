// What a connector's object keeps of webhooks, in tables that are made when there is a target.

// How far each target is: see Progress in src/webhook/collect.rs. A message waits as long as it has a `next_at`;
// then `outcome` says what became of it. `made`, `next_at` and `tried_at` are milliseconds since 1970.
const TABLES = `
  CREATE TABLE IF NOT EXISTS webhook_target (
    target TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,
    failing INTEGER NOT NULL,
    quiet_until INTEGER NOT NULL DEFAULT 0,
    silent INTEGER,
    gone TEXT
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS webhook (
    n INTEGER PRIMARY KEY,
    target TEXT NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    at TEXT NOT NULL,
    body TEXT NOT NULL,
    made INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER,
    tried_at INTEGER,
    status INTEGER,
    error TEXT,
    outcome TEXT
  );
`;

/** How far each target is, as JSON; nothing if there are no tables. */
export function targets({ sql }) {
  const [table] = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'webhook_target'").toArray();
  return table && JSON.stringify(sql.exec("SELECT * FROM webhook_target").toArray());
}

/** The changes of status after a version as JSON, the oldest first. */
export function changesAfter({ sql }, seq) {
  return JSON.stringify(sql.exec(`SELECT seq, "from", "to", at, via FROM history WHERE seq > ? ORDER BY seq`, seq).toArray());
}

/** Notes how far targets are, and the messages that they are to be sent (both JSON): all of it or nothing. */
export function collect(storage, targets, messages, limit) {
  storage.transactionSync(() => {
    const { sql } = storage;
    sql.exec(TABLES);
    for (const { target, seq, failing, quiet_until, silent, gone } of JSON.parse(targets)) {
      sql.exec(
        `INSERT INTO webhook_target VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (target) DO UPDATE
         SET seq = excluded.seq, failing = excluded.failing, quiet_until = excluded.quiet_until,
         silent = excluded.silent, gone = excluded.gone`,
        ...[target, seq, failing, quiet_until, silent, gone],
      );
    }
    for (const { target, id, type, at, body, made } of JSON.parse(messages)) {
      sql.exec(
        "INSERT INTO webhook (target, id, type, at, body, made, next_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        ...[target, id, type, at, body, made, made],
      );
      // A target that is away for long does not fill the database.
      sql.exec(
        `UPDATE webhook SET next_at = NULL, outcome = 'given_up', error = coalesce(error, 'too many were waiting')
         WHERE n IN (SELECT n FROM webhook WHERE target = ? AND next_at IS NOT NULL ORDER BY n DESC LIMIT -1 OFFSET ?)`,
        ...[target, limit],
      );
    }
  });
}

/** The message that a target is to be sent next, as JSON. */
export function next({ sql }, target) {
  const [row] = sql.exec("SELECT * FROM webhook WHERE target = ? AND next_at IS NOT NULL ORDER BY n LIMIT 1", target).toArray();
  return row && JSON.stringify(row);
}

/** Notes what became of an attempt (JSON). Of messages that wait no longer, the newest `kept` stay. */
export function settle(storage, attempt, kept) {
  const { n, attempts, next_at, tried_at, status, error, outcome } = JSON.parse(attempt);
  storage.transactionSync(() => {
    const { sql } = storage;
    sql.exec(
      "UPDATE webhook SET attempts = ?, next_at = ?, tried_at = ?, status = ?, error = ?, outcome = ? WHERE n = ?",
      ...[attempts, next_at, tried_at, status, error, outcome, n],
    );
    if (next_at === null) {
      sql.exec(
        `DELETE FROM webhook WHERE n IN
         (SELECT n FROM webhook WHERE next_at IS NULL ORDER BY n DESC LIMIT -1 OFFSET ?)`,
        kept,
      );
    }
  });
}

/** Ends what waits for a target whose URL of that fingerprint has answered 410. */
export function end(storage, target, gone) {
  storage.transactionSync(() => {
    const { sql } = storage;
    sql.exec("UPDATE webhook_target SET gone = ? WHERE target = ?", gone, target);
    sql.exec("UPDATE webhook SET next_at = NULL, outcome = 'ended' WHERE target = ? AND next_at IS NOT NULL", target);
  });
}

/** The newest messages as JSON, newest first. */
export function newest({ sql }, size) {
  return JSON.stringify(sql.exec("SELECT * FROM webhook ORDER BY n DESC LIMIT ?", size).toArray());
}

/** How many messages wait for each target, as JSON. */
export function waiting({ sql }) {
  const rows = sql.exec("SELECT target, count(*) AS count FROM webhook WHERE next_at IS NOT NULL GROUP BY target");
  return JSON.stringify(Object.fromEntries(rows.toArray().map(({ target, count }) => [target, count])));
}
