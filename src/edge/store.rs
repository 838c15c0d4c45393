//! What an object keeps in its own SQLite database.

use serde::Deserialize;
use wasm_bindgen::prelude::*;
use worker::{SqlStorage, SqlStorageValue, State};

use crate::api::StatusChange;
use crate::connector::Connector;

/// The newest changes of status that are kept.
const HISTORY_LIMIT: usize = 1_000;

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

#[wasm_bindgen]
extern "C" {
    type Storage;

    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    fn transaction_sync(
        this: &Storage,
        body: &mut dyn FnMut() -> Result<(), JsValue>,
    ) -> Result<JsValue, JsValue>;
}

/// The database of one connector's object.
pub struct Store {
    sql: SqlStorage,
    storage: Storage,
}

impl Store {
    /// The database of the object with that state.
    pub fn of(state: &State) -> Self {
        let storage = state.storage();
        let raw: &JsValue = storage.as_raw().as_ref();
        Self { sql: storage.sql(), storage: raw.clone().unchecked_into() }
    }

    /// The row, if there is one. A look at an empty object leaves it empty.
    ///
    /// # Errors
    /// If the database fails, or holds what this code did not write.
    pub fn read(&self) -> worker::Result<Option<Record>> {
        #[derive(Deserialize)]
        struct Row {
            id: String,
            document: Option<String>,
            version: u64,
            projected: u64,
        }
        if !self.has_tables()? {
            return Ok(None);
        }
        let query = "SELECT id, document, version, projected FROM connector";
        let Some(row) = self.sql.exec(query, None)?.to_array::<Row>()?.pop() else {
            return Ok(None);
        };
        let document = match row.document {
            Some(json) => {
                let connector = Connector::from_json(&json).map_err(worker::Error::RustError)?;
                Some((connector, json))
            }
            None => None,
        };
        let Row { id, version, projected, .. } = row;
        Ok(Some(Record { id, document, version, projected }))
    }

    fn has_tables(&self) -> worker::Result<bool> {
        #[derive(Deserialize)]
        struct Found {}
        let query = "SELECT 1 AS found FROM sqlite_master WHERE name = 'connector'";
        Ok(!self.sql.exec(query, None)?.to_array::<Found>()?.is_empty())
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
    ) -> worker::Result<()> {
        let write = || -> worker::Result<()> {
            if first {
                self.sql.exec(TABLES, None)?;
            }
            self.write_row(record)?;
            if record.document.is_none() {
                self.sql.exec("DELETE FROM history", None)?;
            }
            change.map_or(Ok(()), |change| self.write_change(change))
        };
        if !first && change.is_none() && record.document.is_some() {
            return write();
        }
        let mut body = || write().map_err(JsValue::from);
        self.storage.transaction_sync(&mut body)?;
        Ok(())
    }

    fn write_row(&self, record: &Record) -> worker::Result<()> {
        let json = record.document.as_ref().map(|(_, json)| json.as_str());
        self.sql.exec(
            "INSERT INTO connector (one, id, document, version, projected) \
             VALUES (1, ?, ?, ?, ?) ON CONFLICT (one) DO UPDATE SET \
             document = excluded.document, version = excluded.version",
            vec![
                record.id.as_str().into(),
                json.map_or(SqlStorageValue::Null, Into::into),
                integer(record.version),
                integer(record.projected),
            ],
        )?;
        Ok(())
    }

    fn write_change(&self, change: &StatusChange) -> worker::Result<()> {
        let text = |text: &Option<String>| match text {
            Some(text) => text.as_str().into(),
            None => SqlStorageValue::Null,
        };
        self.sql.exec(
            "INSERT INTO history (\"from\", \"to\", at, via, by) VALUES (?, ?, ?, ?, ?)",
            vec![
                text(&change.from),
                change.to.as_str().into(),
                change.at.as_str().into(),
                change.via.as_str().into(),
                text(&change.by),
            ],
        )?;
        self.sql.exec(
            "DELETE FROM history WHERE seq <= (SELECT max(seq) FROM history) - ?",
            vec![integer(HISTORY_LIMIT as u64)],
        )?;
        Ok(())
    }

    /// Notes which version Workers KV has.
    ///
    /// # Errors
    /// If the database fails.
    pub fn note_projected(&self, version: u64) -> worker::Result<()> {
        self.sql.exec("UPDATE connector SET projected = ?", vec![integer(version)])?;
        Ok(())
    }

    /// The newest changes of status, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub fn history(&self, size: usize) -> worker::Result<Vec<StatusChange>> {
        let size = size.min(HISTORY_LIMIT) as u64;
        self.sql
            .exec(
                "SELECT \"from\", \"to\", at, via, by FROM history ORDER BY seq DESC LIMIT ?",
                vec![integer(size)],
            )?
            .to_array()
    }
}

fn integer(number: u64) -> SqlStorageValue {
    SqlStorageValue::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}
