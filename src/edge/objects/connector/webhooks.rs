//! The webhook tables of a connector's object. They are created when there is a target.

use crate::edge::runtime::{Database, JsError, from_row};
use crate::protocol::webhooks::PendingMessage;
use crate::webhook::{Change, ChangeRow, Delivery, Message, Progress};

/// `webhook_target`: each target's `Progress`, the number of messages given up (`given_up`), and how many of
/// them no message has reported as missing yet (`missed`). `webhook`: a message is pending while it has a
/// `next_at`; `outcome` is its final state. `made`, `next_at` and `tried_at` are in milliseconds since 1970.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS webhook_target (
        target TEXT PRIMARY KEY,
        seq INTEGER NOT NULL,
        failing INTEGER NOT NULL,
        quiet_until INTEGER NOT NULL,
        silent INTEGER,
        gone TEXT,
        missed INTEGER NOT NULL DEFAULT 0,
        given_up INTEGER NOT NULL DEFAULT 0
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
    );";

pub(in crate::edge) struct TargetRow {
    pub name: String,
    pub progress: Progress,
    /// The number of messages given up.
    pub given_up: u64,
}

from_row!(PendingMessage { n, id, kind, body, made, attempts, next_at, missed, missed_in_body });
from_row!(ChangeRow { seq, from, to, at, via });
from_row!(Delivery {
    id,
    target,
    kind,
    at,
    body,
    attempts,
    next_at,
    tried_at,
    status,
    error,
    outcome
});

/// The state of a message after an attempt to send it, or after a summary replaced it.
pub(in crate::edge) struct MessageState<'a> {
    pub n: u64,
    pub target: &'a str,
    pub attempts: usize,
    /// When it is retried.
    pub next_at: Option<u64>,
    /// `None`: a summary replaced it.
    pub tried_at: Option<u64>,
    pub status: Option<u16>,
    pub error: Option<&'a str>,
    /// The final state; `None`: the message is pending.
    pub outcome: Option<&'a str>,
}

/// The progress of each target; `None`: the tables do not exist.
pub(in crate::edge) fn targets(database: &Database) -> Result<Option<Vec<TargetRow>>, JsError> {
    struct Row {
        target: String,
        seq: u64,
        failing: u64,
        quiet_until: u64,
        silent: Option<u64>,
        gone: Option<String>,
        given_up: u64,
    }
    from_row!(Row { target, seq, failing, quiet_until, silent, gone, given_up });
    if !database.has_table("webhook_target")? {
        return Ok(None);
    }
    let rows: Vec<Row> = database.rows("SELECT * FROM webhook_target", &[])?;
    let read = |row: Row| {
        let Row { target: name, seq, failing, quiet_until, silent, gone, given_up } = row;
        let progress = Progress { seq, is_failing: failing == 1, quiet_until, silent, gone };
        TargetRow { name, progress, given_up }
    };
    Ok(Some(rows.into_iter().map(read).collect()))
}

/// The status changes after a version, oldest first.
pub(in crate::edge) fn changes_after(
    database: &Database,
    seq: u64,
) -> Result<Vec<Change>, JsError> {
    let sql = r#"SELECT seq, "from", "to", at, via FROM history WHERE seq > ? ORDER BY seq"#;
    let rows: Vec<ChangeRow> = database.rows(sql, &[seq.into()])?;
    Ok(rows.iter().filter_map(Change::from_row).collect())
}

/// Stores targets' progress and new messages atomically. If more than `limit` messages are pending for a
/// target, the oldest are given up, except one that is being sent. Returns how many were given up, by target.
pub(in crate::edge) fn collect(
    database: &Database,
    targets: &[(String, Progress)],
    messages: &[(&str, Message)],
    made: u64,
    limit: u64,
    is_sending: impl Fn(&str) -> bool,
) -> Result<Vec<(String, u64)>, JsError> {
    database.transaction(|| {
        database.execute(TABLES, &[])?;
        for (target, progress) in targets {
            let Progress { seq, is_failing, quiet_until, silent, gone } = progress;
            database.execute(
                "INSERT INTO webhook_target (target, seq, failing, quiet_until, silent, gone)
                 VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (target) DO UPDATE
                 SET seq = excluded.seq, failing = excluded.failing,
                 quiet_until = excluded.quiet_until, silent = excluded.silent, gone = excluded.gone",
                &[
                    target.into(),
                    (*seq).into(),
                    (*is_failing).into(),
                    (*quiet_until).into(),
                    (*silent).into(),
                    gone.as_ref().into(),
                ],
            )?;
        }
        let mut notified: Vec<&str> = Vec::new();
        for (target, message) in messages {
            let Message { id, kind, at, body } = message;
            database.execute(
                "INSERT INTO webhook (target, id, type, at, body, made, next_at)
                 VALUES (?, ?, ?, ?, ?, ?, ?)",
                &[
                    (*target).into(),
                    id.into(),
                    (*kind).into(),
                    at.into(),
                    body.into(),
                    made.into(),
                    made.into(),
                ],
            )?;
            if !notified.contains(target) {
                notified.push(target);
            }
        }
        // A target that fails for a long time must not fill the database.
        let mut given_up = Vec::new();
        for target in notified {
            let sql = "SELECT n FROM webhook WHERE target = ? AND next_at IS NOT NULL \
                       ORDER BY n DESC LIMIT -1 OFFSET ?";
            let mut numbers: Vec<u64> = database.column(sql, &[target.into(), limit.into()])?;
            if is_sending(target) {
                numbers.pop();
            }
            if numbers.is_empty() {
                continue;
            }
            count_given_up(database, target, &numbers)?;
            database.execute(
                "UPDATE webhook SET next_at = NULL, outcome = 'given_up',
                 error = coalesce(error, 'too many were waiting')
                 WHERE n IN (SELECT value FROM json_each(?))",
                &[array(&numbers).into()],
            )?;
            given_up.push((target.to_owned(), numbers.len() as u64));
        }
        Ok(given_up)
    })
}

/// Counts messages that are given up, and those that they would have reported as missing.
fn count_given_up(database: &Database, target: &str, numbers: &[u64]) -> Result<(), JsError> {
    let sql = "UPDATE webhook_target SET given_up = given_up + json_array_length(?1),
               missed = missed + json_array_length(?1) +
                   (SELECT coalesce(sum(body ->> '$.data.missed'), 0) FROM webhook
                    WHERE n IN (SELECT value FROM json_each(?1)))
               WHERE target = ?2";
    database.execute(sql, &[array(numbers).into(), target.into()]).map(drop)
}

fn array(numbers: &[u64]) -> String {
    let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
    format!("[{}]", numbers.join(","))
}

/// Writes the number of missing messages into a message's body. Returns the body.
pub(in crate::edge) fn report_missed(
    database: &Database,
    target: &str,
    message: &PendingMessage,
) -> Result<String, JsError> {
    database.transaction(|| {
        let sql = "UPDATE webhook SET body = json_set(body, '$.data.missed', ?) WHERE n = ? RETURNING body";
        let body = database.value(sql, &[message.missed.into(), message.n.into()])?;
        let sql = "UPDATE webhook_target SET missed = 0 WHERE target = ?";
        database.execute(sql, &[target.into()])?;
        body.ok_or_else(|| "the message is gone".into())
    })
}

/// Stores the body that a message was sent with.
pub(in crate::edge) fn store_body(database: &Database, n: u64, body: &str) -> Result<(), JsError> {
    database.execute("UPDATE webhook SET body = ? WHERE n = ?", &[body.into(), n.into()]).map(drop)
}

/// The next message to send to a target.
pub(in crate::edge) fn next(
    database: &Database,
    target: &str,
) -> Result<Option<PendingMessage>, JsError> {
    let sql = "SELECT n, id, type AS kind, body, made, attempts, next_at, missed,
               coalesce(body ->> '$.data.missed', 0) AS missed_in_body
               FROM webhook JOIN webhook_target USING (target)
               WHERE target = ? AND next_at IS NOT NULL ORDER BY n LIMIT 1";
    database.row(sql, &[target.into()])
}

/// Stores the state of a message. Keeps only the newest `kept` messages that are no longer pending.
pub(in crate::edge) fn store_state(
    database: &Database,
    state: &MessageState<'_>,
    kept: u64,
) -> Result<(), JsError> {
    let MessageState { n, target, attempts, next_at, tried_at, status, error, outcome } = *state;
    database.transaction(|| {
        if outcome == Some("given_up") {
            count_given_up(database, target, &[n])?;
        }
        database.execute(
            "UPDATE webhook SET attempts = ?, next_at = ?, tried_at = ?, status = ?, error = ?,
             outcome = ? WHERE n = ?",
            &[
                attempts.into(),
                next_at.into(),
                tried_at.into(),
                status.map(u64::from).into(),
                error.into(),
                outcome.into(),
                n.into(),
            ],
        )?;
        if next_at.is_none() {
            let sql = "DELETE FROM webhook WHERE n IN (SELECT n FROM webhook
                       WHERE next_at IS NULL ORDER BY n DESC LIMIT -1 OFFSET ?)";
            database.execute(sql, &[kept.into()])?;
        }
        Ok(())
    })
}

/// Records that a target returned 410, and ends its pending messages. `gone`: the fingerprint of its URL.
pub(in crate::edge) fn end_target(
    database: &Database,
    target: &str,
    gone: &str,
) -> Result<(), JsError> {
    database.transaction(|| {
        let sql = "UPDATE webhook_target SET gone = ? WHERE target = ?";
        database.execute(sql, &[gone.into(), target.into()])?;
        let sql = "UPDATE webhook SET next_at = NULL, outcome = 'ended'
                   WHERE target = ? AND next_at IS NOT NULL";
        database.execute(sql, &[target.into()]).map(drop)
    })
}

/// Messages, newest first.
pub(in crate::edge) fn newest(database: &Database, size: usize) -> Result<Vec<Delivery>, JsError> {
    database.rows("SELECT *, type AS kind FROM webhook ORDER BY n DESC LIMIT ?", &[size.into()])
}

/// The number of pending messages of each target.
pub(in crate::edge) fn pending_counts(database: &Database) -> Result<Vec<(String, u64)>, JsError> {
    struct Row {
        target: String,
        count: u64,
    }
    from_row!(Row { target, count });
    let sql = "SELECT target, count(*) AS count FROM webhook WHERE next_at IS NOT NULL \
               GROUP BY target";
    let rows: Vec<Row> = database.rows(sql, &[])?;
    Ok(rows.into_iter().map(|row| (row.target, row.count)).collect())
}
