//! What an object keeps in its own SQLite database.

use serde_json::Value;
use wasm_bindgen::JsValue;

use super::runtime::{Sql, Storage, Thrown};
use crate::api::StatusChange;
use crate::connector::Connector;

/// The newest changes of status that are kept.
const HISTORY_LIMIT: u64 = 1_000;
/// How many versions pass between two looks whether there are more.
const PRUNE_EVERY: u64 = 50;

// A document of NULL is the tombstone of a connector that was erased.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS connector (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        id TEXT NOT NULL,
        document TEXT,
        version INTEGER NOT NULL,
        projected INTEGER NOT NULL
    );
    CREATE TABLE IF NOT EXISTS history (
        seq INTEGER PRIMARY KEY,
        \"from\" TEXT,
        \"to\" TEXT NOT NULL,
        at TEXT NOT NULL,
        via TEXT NOT NULL,
        by TEXT
    );
";

/// The one row of an object: a connector, or the tombstone of one.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its id.
    pub id: String,
    /// The connector and its JSON; `None`: it was erased.
    pub document: Option<(Connector, String)>,
    /// Counts the writes; it goes on counting after a connector was erased.
    pub version: u64,
    /// The version that Workers KV has.
    pub projected: u64,
}

impl Record {
    /// The connector, if it was not erased.
    pub fn connector(&self) -> Option<&Connector> {
        self.document.as_ref().map(|(connector, _)| connector)
    }
}

/// The database of one connector's object.
pub struct Store {
    sql: Sql,
    storage: Storage,
}

impl Store {
    /// The database in that storage.
    pub fn of(storage: Storage) -> Self {
        Self { sql: storage.sql(), storage }
    }

    /// The row, if there is one. A look at an empty object leaves it empty.
    ///
    /// # Errors
    /// If the database fails, or holds what this code did not write.
    pub fn read(&self) -> Result<Option<Record>, Thrown> {
        let tables = "SELECT 1 FROM sqlite_master WHERE name = 'connector'";
        if self.rows(tables, &[])?.is_empty() {
            return Ok(None);
        }
        let query = "SELECT id, document, version, projected FROM connector";
        let Some(row) = self.rows(query, &[])?.pop() else { return Ok(None) };
        let text = |name| row.get(name).and_then(Value::as_str).map(str::to_owned);
        let number = |name| row.get(name).and_then(Value::as_u64).unwrap_or_default();
        let document = match text("document") {
            Some(json) => Some((Connector::from_json(&json)?, json)),
            None => None,
        };
        Ok(Some(Record {
            id: text("id").unwrap_or_default(),
            document,
            version: number("version"),
            projected: number("projected"),
        }))
    }

    /// Writes the row, and the change of status if there was one, both or neither. An erased
    /// connector's history is erased with it. `first`: the object was empty before.
    ///
    /// # Errors
    /// If the database fails; then nothing was written.
    pub fn commit(
        &self,
        record: &Record,
        change: Option<&StatusChange>,
        first: bool,
    ) -> Result<(), Thrown> {
        let mut write = || -> Result<(), Thrown> {
            if first {
                self.exec(TABLES, &[])?;
            }
            self.write_row(record)?;
            if record.document.is_none() {
                self.exec("DELETE FROM history", &[])?;
            }
            let Some(change) = change else { return Ok(()) };
            self.write_change(change)?;
            // Now and then is often enough: what is shown is limited when it is read.
            if record.version.is_multiple_of(PRUNE_EVERY) { self.prune_history() } else { Ok(()) }
        };
        // One statement needs no transaction around it.
        if !first && change.is_none() && record.document.is_some() {
            return write();
        }
        self.storage.transaction_sync(&mut write).map(|_| ())
    }

    fn write_row(&self, record: &Record) -> Result<(), Thrown> {
        self.exec(
            "INSERT INTO connector (one, id, document, version, projected) \
             VALUES (1, ?, ?, ?, ?) ON CONFLICT (one) DO UPDATE SET \
             document = excluded.document, version = excluded.version",
            &[
                record.id.as_str().into(),
                or_null(record.document.as_ref().map(|(_, json)| json.as_str())),
                number(record.version),
                number(record.projected),
            ],
        )
    }

    fn write_change(&self, change: &StatusChange) -> Result<(), Thrown> {
        self.exec(
            "INSERT INTO history (\"from\", \"to\", at, via, by) VALUES (?, ?, ?, ?, ?)",
            &[
                or_null(change.from),
                change.to.into(),
                change.at.as_str().into(),
                change.via.into(),
                or_null(change.by.as_deref()),
            ],
        )
    }

    fn prune_history(&self) -> Result<(), Thrown> {
        self.exec(
            "DELETE FROM history WHERE seq <= (SELECT max(seq) FROM history) - ?",
            &[number(HISTORY_LIMIT)],
        )
    }

    /// Notes which version Workers KV has.
    ///
    /// # Errors
    /// If the database fails.
    pub fn note_projected(&self, version: u64) -> Result<(), Thrown> {
        self.exec("UPDATE connector SET projected = ?", &[number(version)])
    }

    /// The newest changes of status, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub fn history(&self, size: u64) -> Result<Vec<Value>, Thrown> {
        self.rows(
            "SELECT \"from\", \"to\", at, via, by FROM history ORDER BY seq DESC LIMIT ?",
            &[number(size.min(HISTORY_LIMIT))],
        )
    }

    fn exec(&self, query: &str, bindings: &[JsValue]) -> Result<(), Thrown> {
        self.sql.exec(query, &bindings.iter().collect()).map(|_| ())
    }

    fn rows(&self, query: &str, bindings: &[JsValue]) -> Result<Vec<Value>, Thrown> {
        self.sql.exec(query, &bindings.iter().collect())?.rows()
    }
}

fn or_null(text: Option<&str>) -> JsValue {
    text.map_or(JsValue::NULL, Into::into)
}

// Numbers of JavaScript are exact up to 2^53; versions and limits stay far below.
#[allow(clippy::cast_precision_loss)]
fn number(number: u64) -> JsValue {
    JsValue::from_f64(number as f64)
}
