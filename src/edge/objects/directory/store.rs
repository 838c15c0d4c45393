//! What the Directory keeps in its SQLite database: a slim row for each connector with what lists filter
//! and sort by, its document in a table of its own, totals, and index names that are claimed. Sync jobs
//! likewise.
//!
//! What changes often - the status and when the connector was last seen - stands in the slim row alone,
//! so that neither a move nor a heartbeat writes a document again.

use std::cell::Cell;
use std::slice;

use serde::de::DeserializeOwned;
use serde_json::Value;
use wasm_bindgen::prelude::*;

use super::timeline;
use crate::api::AuditQuery;
use crate::directory::{Entry, Event};
use crate::edge::outbox::CONSUMERS;
use crate::edge::runtime::{
    Database, FromRow, JsError, JsString, Row, SqlValue, State, from_row, now_millis,
};
use crate::protocol::directory::{
    DocumentAction, ENTRY_COLUMNS, Facts, Field, JOB_COLUMNS, JobEntry, KnownEntry, KnownJob,
    Outcome, Write, apply_entry, apply_job, is_first_heartbeat, needs_free_index,
};
use crate::secrets::{Secrets, mask};
use crate::values::Time;

/// `deleted`: 0 no, 1 soft, 2 erased: a row that remembers the version, so that no older entry brings it
/// back. `version` 0: taken up from Workers KV, its object has not been asked yet. `seq`: the change of
/// the Directory that wrote the row; `changed`: the last one that was more than a heartbeat. `title`: what
/// names are sorted by. A name that is claimed is not committed yet.
///
/// Of a job, `last_seen` is what the document says, `seen` the same in milliseconds since 1970, as is
/// `created_at`. A job without a status was erased: its row remembers the version. `seq`: the number of the
/// Directory's last change when the row was written, so that a backup finds what has changed while it ran.
///
/// `masked`: the document without its secrets, if it has some: what those are shown, and search in, who may
/// only read.
///
/// `notified_at`: when the row was written, in milliseconds since 1970. No index has it: a heartbeat would write
/// that too.
///
/// `ticket`: those that were used to watch, until they are out of date. `behind`: consumers of outboxes
/// that are late, and since when in milliseconds since 1970, as the connectors' objects report it. `audit`: what erased
/// a connector, or concerned one as a whole or all of them (then `connector` is empty), for a year; `by` and
/// `request` are empty if there was none.
const TABLES: &str = "
  CREATE TABLE entry (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    index_name TEXT,
    name TEXT,
    service_type TEXT,
    description TEXT,
    status TEXT,
    since TEXT,
    deleted INTEGER NOT NULL,
    last_seen TEXT,
    error TEXT,
    last_synced TEXT,
    last_sync_status TEXT,
    last_indexed_document_count INTEGER,
    version INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    title TEXT NOT NULL,
    notified_at INTEGER NOT NULL
  );
  CREATE INDEX entry_in_order ON entry (deleted, index_name IS NULL, index_name, id);
  CREATE INDEX entry_by_status ON entry (deleted, status, index_name IS NULL, index_name, id);
  CREATE INDEX entry_by_service_type ON entry (deleted, service_type, index_name IS NULL, index_name, id);
  CREATE INDEX entry_by_name ON entry (deleted, name, index_name IS NULL, index_name, id);
  CREATE INDEX entry_by_change ON entry (changed);
  CREATE INDEX entry_by_urgency ON entry (deleted, status, since DESC, title, id);
  CREATE INDEX entry_by_title ON entry (deleted, title, id);
  CREATE TABLE document (key INTEGER PRIMARY KEY, json TEXT NOT NULL, masked TEXT);
  CREATE VIEW masked_document AS SELECT key, coalesce(masked, json) AS json FROM document;
  CREATE TABLE total (
    deleted INTEGER NOT NULL,
    status TEXT NOT NULL,
    service_type TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (deleted, status, service_type)
  ) WITHOUT ROWID;
  CREATE TRIGGER entry_comes AFTER INSERT ON entry BEGIN
    INSERT INTO total VALUES (NEW.deleted, coalesce(NEW.status, ''), coalesce(NEW.service_type, ''), 1)
    ON CONFLICT DO UPDATE SET count = count + 1;
  END;
  CREATE TRIGGER entry_goes AFTER DELETE ON entry BEGIN
    INSERT INTO total VALUES (OLD.deleted, coalesce(OLD.status, ''), coalesce(OLD.service_type, ''), -1)
    ON CONFLICT DO UPDATE SET count = count - 1;
  END;
  CREATE TRIGGER entry_moves AFTER UPDATE OF deleted, status, service_type ON entry BEGIN
    INSERT INTO total VALUES (OLD.deleted, coalesce(OLD.status, ''), coalesce(OLD.service_type, ''), -1)
    ON CONFLICT DO UPDATE SET count = count - 1;
    INSERT INTO total VALUES (NEW.deleted, coalesce(NEW.status, ''), coalesce(NEW.service_type, ''), 1)
    ON CONFLICT DO UPDATE SET count = count + 1;
  END;
  CREATE TABLE claim (
    index_name TEXT NOT NULL,
    id TEXT NOT NULL,
    token TEXT NOT NULL,
    PRIMARY KEY (index_name, token)
  ) WITHOUT ROWID;
  CREATE TABLE job (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    connector_id TEXT,
    status TEXT,
    job_type TEXT,
    created_at INTEGER,
    last_seen TEXT,
    seen INTEGER,
    version INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    notified_at INTEGER NOT NULL
  );
  CREATE INDEX job_in_order ON job (created_at IS NULL, created_at DESC, id) WHERE status IS NOT NULL;
  CREATE INDEX job_by_status ON job (status, created_at IS NULL, created_at DESC, id);
  CREATE INDEX job_by_connector ON job (connector_id, created_at IS NULL, created_at DESC, id);
  CREATE TABLE job_document (key INTEGER PRIMARY KEY, json TEXT NOT NULL, masked TEXT);
  CREATE VIEW masked_job_document AS SELECT key, coalesce(masked, json) AS json FROM job_document;
  CREATE TABLE ticket (nonce TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE lag (id TEXT NOT NULL, consumer TEXT NOT NULL, since INTEGER NOT NULL, PRIMARY KEY (id, consumer))
  WITHOUT ROWID;
  CREATE INDEX lag_by_age ON lag (consumer, since);
  CREATE TABLE audit (
    at TEXT NOT NULL,
    connector TEXT NOT NULL,
    event TEXT NOT NULL,
    by TEXT NOT NULL,
    request TEXT NOT NULL,
    via TEXT NOT NULL,
    version INTEGER,
    connectors INTEGER,
    PRIMARY KEY (at, connector, event, by, request)
  ) WITHOUT ROWID;
  CREATE TABLE setting (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
";

/// How long the audit keeps an event: a year.
const AUDIT_MS: u64 = 366 * 24 * 60 * 60_000;

/// The SQLite database of the Directory.
pub(super) struct Store {
    database: Database,
    /// Whether a page was too long for one text of SQLite. From then on pages are read row by row, because a
    /// failed read is paid for too.
    reads_by_row: Cell<bool>,
}

/// A stored value of the Directory itself.
pub(super) struct Setting {
    pub name: String,
    pub value: u64,
}
from_row!(Setting { name, value });
from_row!(Event { at, event, connector, via, by, request, version, connectors });

impl Store {
    pub fn of(state: &State) -> Self {
        Self { database: state.database(), reads_by_row: Cell::default() }
    }

    /// Creates the tables if needed; returns the settings.
    pub fn open(&self) -> Result<Vec<Setting>, JsError> {
        if !self.database.has_table("setting")? {
            self.database.transaction(|| {
                self.database.execute(TABLES, &[])?;
                self.database.execute(&timeline::tables(), &[])
            })?;
        }
        self.database.rows("SELECT name, value FROM setting", &[])
    }

    pub fn set(&self, name: &str, value: u64) -> Result<(), JsError> {
        let sql = "INSERT OR REPLACE INTO setting VALUES (?, ?)";
        self.database.execute(sql, &[name.into(), value.into()]).map(drop)
    }

    /// Stores events, each once even if it is delivered again. Deletes a few expired ones.
    pub fn audit(&self, events: &[Event]) -> Result<(), JsError> {
        let year = Time::from_millis(now_millis().saturating_sub(AUDIT_MS)).to_string();
        for Event { at, event, connector, via, by, request, version, connectors } in events {
            let text = |text: &Option<String>| text.as_deref().unwrap_or_default().into();
            let values = [
                at.into(),
                text(connector),
                event.into(),
                text(by),
                text(request),
                via.into(),
                (*version).into(),
                (*connectors).into(),
            ];
            let sql = "INSERT OR IGNORE INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
            self.database.execute(sql, &values)?;
            let sql = "DELETE FROM audit WHERE at < ? AND at <= (SELECT max(at) FROM
                       (SELECT at FROM audit ORDER BY at LIMIT 2))";
            self.database.execute(sql, &[year.as_str().into()])?;
        }
        Ok(())
    }

    /// Events, the newest first.
    pub fn events(&self, query: &AuditQuery) -> Result<Vec<Event>, JsError> {
        let text = |time: Option<Time>| time.map(|time| time.to_string());
        let since = text(query.since).unwrap_or_default();
        // Past every year that has four digits.
        let before = text(query.before).unwrap_or_else(|| ":".to_owned());
        let of_key = if query.key.is_some() { "AND by = ?3" } else { "" };
        let within = format!("FROM audit WHERE at >= ?1 AND at < ?2 {of_key}");
        // Those of the same millisecond as the last one stay together: the next page begins before.
        let sql = format!(
            "SELECT at, event, nullif(connector, '') AS connector, via, nullif(by, '') AS by,
               nullif(request, '') AS request, version, connectors
             {within} AND at >= coalesce((SELECT at {within} ORDER BY at DESC LIMIT 1 OFFSET {}), '')
             ORDER BY at DESC, connector, event",
            query.size.saturating_sub(1)
        );
        let mut values: Vec<SqlValue> = vec![since.into(), before.into()];
        values.extend(query.key.as_ref().map(SqlValue::from));
        self.database.rows(&sql, &values)
    }

    /// Applies entries, each with its document if it was sent, in one transaction; returns each outcome.
    pub fn take(
        &self,
        entries: &[(&Entry<'_>, Option<SqlValue>)],
        seq: u64,
    ) -> Result<Vec<Outcome>, JsError> {
        self.database.transaction(|| {
            let take = |(entry, document): &(&Entry<'_>, _)| {
                self.take_one(entry, Option::as_ref(document), seq)
            };
            entries.iter().map(take).collect()
        })
    }

    fn take_one(
        &self,
        entry: &Entry<'_>,
        document: Option<&SqlValue>,
        seq: u64,
    ) -> Result<Outcome, JsError> {
        let id = SqlValue::from(&*entry.id);
        // The sender does not trust the Directory's copy: replace it.
        if entry.is_forced {
            self.database.execute("DELETE FROM lag WHERE id = ?", slice::from_ref(&id))?;
        }
        let sql = format!("SELECT json_array({ENTRY_COLUMNS}) FROM entry WHERE id = ?");
        let known: Option<KnownEntry> = self.json(&sql, slice::from_ref(&id))?;
        let mut facts = Facts { has_document: document.is_some(), ..Facts::default() };
        if let Some(index) = needs_free_index(entry) {
            facts.index_is_in_use = self.is_in_use(index)?;
        }
        if let (Some(known), None, true) =
            (&known, document, is_first_heartbeat(known.as_ref(), entry))
        {
            facts.document_has_last_seen = self.has_last_seen(known.key)?;
        }
        let title = entry.title();
        let verdict = apply_entry(known.as_ref(), entry, &title, facts);
        self.audit(&entry.audit)?;
        let outcome = match verdict {
            Ok(write) => {
                let notified_at = now_millis();
                let mut numbers =
                    vec![("version", entry.version), ("seq", seq), ("notified_at", notified_at)];
                if write.outcome == Outcome::Taken {
                    numbers.push(("changed", seq));
                }
                self.write("entry", &id, &write, &numbers, document)?;
                write.outcome
            }
            Err(outcome) => outcome,
        };
        if matches!(outcome, Outcome::Taken | Outcome::Seen | Outcome::Older) {
            // Claims whose write is in the entry, or in a newer one.
            for (index, token) in &entry.committed_claims {
                let sql = "DELETE FROM claim WHERE index_name = ? AND token = ?";
                self.database.execute(sql, &[index.into(), token.into()])?;
            }
        }
        Ok(outcome)
    }

    /// The connectors that may have pending changes: those with a delivery since then, and those that lag. Reads
    /// the rows of all connectors and of all unfinished jobs.
    pub fn notified_since(&self, time: u64, statuses: &Value) -> Result<Vec<String>, JsError> {
        let sql = "SELECT id FROM entry WHERE notified_at > ?1 UNION \
                   SELECT connector_id FROM job WHERE status IN (SELECT value FROM json_each(?2)) \
                   AND notified_at > ?1 AND connector_id IS NOT NULL";
        self.column(sql, &[time.into(), statuses.to_string().into()])
    }

    /// The connectors that are reported as lagging.
    pub fn lagging(&self) -> Result<Vec<String>, JsError> {
        self.column("SELECT id FROM lag WHERE consumer = ?", &[CONSUMERS[0].into()])
    }

    fn is_in_use(&self, index: &str) -> Result<bool, JsError> {
        let sql = "SELECT 1 FROM entry WHERE deleted = 0 AND (index_name IS NULL) = 0 AND index_name = ? \
                   UNION ALL SELECT 1 FROM claim WHERE index_name = ? LIMIT 1";
        self.database.any(sql, &[index.into(), index.into()])
    }

    fn has_last_seen(&self, key: u64) -> Result<bool, JsError> {
        let sql =
            "SELECT 1 FROM document WHERE key = ? AND json_type(json, '$.last_seen') IS NOT NULL";
        self.database.any(sql, &[key.into()])
    }

    /// Applies jobs in one transaction; returns each outcome.
    pub fn take_jobs(&self, jobs: &[JobEntry], seq: u64) -> Result<Vec<Outcome>, JsError> {
        self.database.transaction(|| jobs.iter().map(|job| self.take_job(job, seq)).collect())
    }

    fn take_job(&self, job: &JobEntry, seq: u64) -> Result<Outcome, JsError> {
        let id = SqlValue::from(&job.id);
        let sql = format!("SELECT json_array({JOB_COLUMNS}) FROM job WHERE id = ?");
        let known: Option<KnownJob> = self.json(&sql, slice::from_ref(&id))?;
        let write = match apply_job(known.as_ref(), job) {
            Ok(write) => write,
            Err(outcome) => return Ok(outcome),
        };
        let document = job.document.as_ref().map(SqlValue::from);
        self.write(
            "job",
            &id,
            &write,
            &[("version", job.version), ("seq", seq), ("notified_at", now_millis())],
            document.as_ref(),
        )?;
        Ok(write.outcome)
    }

    /// Writes a row of `entry` or `job`, and its document.
    fn write(
        &self,
        table: &str,
        id: &SqlValue,
        Write { key, columns, document: is, .. }: &Write<'_>,
        numbers: &[(&'static str, u64)],
        document: Option<&SqlValue>,
    ) -> Result<(), JsError> {
        let mut names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        let mut values: Vec<SqlValue> = columns.iter().map(|(_, field)| bound(field)).collect();
        for (name, number) in numbers {
            names.push(name);
            values.push((*number).into());
        }
        let key = match key {
            Some(key) => {
                values.push((*key).into());
                let set: Vec<String> = names.iter().map(|name| format!("{name} = ?")).collect();
                let sql = format!("UPDATE {table} SET {} WHERE key = ?", set.join(", "));
                self.database.execute(&sql, &values)?;
                *key
            }
            None => {
                names.push("id");
                values.push(id.clone());
                let places = vec!["?"; names.len()].join(", ");
                let names = names.join(", ");
                let sql = format!(
                    "INSERT INTO {table} ({names}) VALUES ({places}) RETURNING json_array(key)"
                );
                let inserted: Option<(u64,)> = self.json(&sql, &values)?;
                inserted.ok_or("a new row has no key")?.0
            }
        };
        let documents = documents_of(table, Secrets::Shown);
        match (is, document) {
            (DocumentAction::Erase, _) => {
                self.database
                    .execute(&format!("DELETE FROM {documents} WHERE key = ?"), &[key.into()])?;
            }
            (DocumentAction::Write, Some(document)) => {
                let masked = document.to_text().as_deref().and_then(mask).into();
                let sql = format!("INSERT OR REPLACE INTO {documents} VALUES (?, ?, ?)");
                self.database.execute(&sql, &[key.into(), document.clone(), masked])?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The rows that a statement gives.
    pub fn rows<T: FromRow>(&self, sql: &str, values: &[Value]) -> Result<Vec<T>, JsError> {
        self.database.rows(sql, &bind(values))
    }

    /// The first column of all rows that a statement gives.
    pub fn column<T: DeserializeOwned>(
        &self,
        sql: &str,
        values: &[Value],
    ) -> Result<Vec<T>, JsError> {
        self.database.column(sql, &bind(values))
    }

    /// The first column of the first row that a statement gives: none if there is no row, or NULL in it.
    pub fn value<T: DeserializeOwned>(
        &self,
        sql: &str,
        values: &[Value],
    ) -> Result<Option<T>, JsError> {
        self.database.value(sql, &bind(values))
    }

    /// Whether a statement gives any row. It is run to its end.
    pub fn any(&self, sql: &str, values: &[Value]) -> Result<bool, JsError> {
        self.database.any(sql, &bind(values))
    }

    /// Runs a statement; returns how many rows were written, including index rows.
    pub fn execute(&self, sql: &str, values: &[Value]) -> Result<u64, JsError> {
        self.database.execute(sql, &bind(values))
    }

    /// The first column of the one row that a statement gives, if any, which is JSON.
    pub fn json<T: DeserializeOwned>(
        &self,
        sql: &str,
        values: &[SqlValue],
    ) -> Result<Option<T>, JsError> {
        let mut text = None;
        // Read to its end: what a statement writes it has written then.
        self.database.texts(sql, values, &mut |found| {
            text = Some(String::from(found));
            true
        })?;
        let parse =
            |text: String| serde_json::from_str(&text).map_err(|error| error.to_string().into());
        text.map(parse).transpose()
    }

    /// The first column of each row, until `take` returns false.
    pub fn texts(
        &self,
        sql: &str,
        values: &[Value],
        take: &mut dyn FnMut(String) -> bool,
    ) -> Result<(), JsError> {
        self.database.texts(sql, &bind(values), &mut |text| take(text.into()))
    }

    /// The documents whose keys in `entry` or `job` a statement gives, as JSON with commas between them:
    /// how many, and the text. `None` if it is more than `limit` characters. `head` is an expression for
    /// what stands before the members of a document, `tail` what stands after the document.
    pub fn page(
        &self,
        table: &str,
        secrets: Secrets,
        [head, tail]: [&str; 2],
        keys: &str,
        values: &[Value],
        limit: usize,
    ) -> Result<Option<(usize, JsString)>, JsError> {
        let values = bind(values);
        let item = match tail {
            "" => format!("{head} || {MEMBERS}"),
            tail => format!("{head} || {MEMBERS} || '{}'", tail.replace('\'', "''")),
        };
        if !self.reads_by_row.get() {
            match self
                .whole_page(&select(table, secrets, &format!("{item} AS item"), keys), &values)
            {
                Ok(page) => return Ok(page.filter(|(_, items)| items.length() as usize <= limit)),
                // SQLite's texts have a limit of their own.
                Err(_) => self.reads_by_row.set(true),
            }
        }
        let mut count = 0;
        let mut items = JsString::from("");
        let mut fits = true;
        self.database.texts(&select(table, secrets, &item, keys), &values, &mut |item| {
            if count > 0 {
                items = items.concat(&",".into());
            }
            items = items.concat(&item.into());
            count += 1;
            fits = items.length() as usize <= limit;
            fits
        })?;
        Ok(fits.then_some((count, items)))
    }

    /// A page that SQLite makes into one text.
    fn whole_page(
        &self,
        items: &str,
        values: &[SqlValue],
    ) -> Result<Option<(usize, JsString)>, JsError> {
        struct Whole {
            count: usize,
            items: JsValue,
        }
        impl FromRow for Whole {
            fn from_row(row: &Row) -> Result<Self, JsError> {
                Ok(Self { count: row.get("count")?, items: row.value("items")? })
            }
        }
        let sql = format!(
            "SELECT count(*) AS count, coalesce(group_concat(item), '') AS items FROM ({items})"
        );
        let whole = self.database.row::<Whole>(&sql, values)?;
        Ok(whole.map(|Whole { count, items }| (count, items.unchecked_into())))
    }
}

/// An expression for the members of a document and its end, with those that change often put back. `ltrim`, because
/// `substr` counts the characters of the whole text, which takes half of a list's time in SQLite.
const MEMBERS: &str = "'\"status\":\"' || status || '\"' \
    || CASE WHEN last_seen IS NULL THEN '' ELSE ',\"last_seen\":' || json_quote(last_seen) END \
    || CASE json WHEN '{}' THEN '}' ELSE ',' || ltrim(json, '{') END";

/// An expression for each of the documents whose keys a statement gives, in its order.
fn select(table: &str, secrets: Secrets, expression: &str, keys: &str) -> String {
    let documents = documents_of(table, secrets);
    format!(
        "SELECT {expression} FROM ({keys}) CROSS JOIN {table} USING (key) CROSS JOIN {documents} USING (key)"
    )
}

/// Where the documents of `entry` or `job` are, as a caller may see them.
pub(super) fn documents_of(table: &str, secrets: Secrets) -> &'static str {
    match (table, secrets) {
        ("job", Secrets::Shown) => "job_document",
        ("job", Secrets::Masked) => "masked_job_document",
        (_, Secrets::Shown) => "document",
        (_, Secrets::Masked) => "masked_document",
    }
}

fn bound(field: &Field<'_>) -> SqlValue {
    match *field {
        Field::Text(text) => text.into(),
        Field::Number(number) => number.into(),
    }
}

fn bind(values: &[Value]) -> Vec<SqlValue> {
    let bind = |value: &Value| match value {
        Value::String(text) => text.into(),
        Value::Number(number) => number.as_i64().into(),
        // Nothing else is bound.
        _ => SqlValue::NULL,
    };
    values.iter().map(bind).collect()
}
