//! What an object keeps in its own SQLite database. The SQL is in store.js, so that a commit
//! crosses to JavaScript once.

use std::cell::OnceCell;

use serde_json::Value;
use wasm_bindgen::prelude::*;

use super::runtime::{JsError, Storage};
use crate::api::StatusChange;
use crate::connector::{Connector, Fields};
use crate::status::Status;

#[wasm_bindgen(module = "/src/edge/store.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn read(storage: &Storage) -> Result<Option<String>, JsValue>;
    #[wasm_bindgen(catch)]
    fn commit(
        storage: &Storage,
        id: &str,
        document: Option<&str>,
        version: f64,
        projected: f64,
        change: Option<&str>,
    ) -> Result<(), JsValue>;
    #[wasm_bindgen(catch, js_name = commitFirst)]
    fn commit_first(
        storage: &Storage,
        id: &str,
        document: Option<&str>,
        version: f64,
        projected: f64,
        change: Option<&str>,
    ) -> Result<(), JsValue>;
    #[wasm_bindgen(catch, js_name = commitMove)]
    fn commit_move(storage: &Storage, version: f64, change: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(catch, js_name = noteProjected)]
    fn note_projected(storage: &Storage, version: f64) -> Result<(), JsValue>;
    #[wasm_bindgen(catch)]
    fn history(storage: &Storage, size: f64) -> Result<String, JsValue>;
}

/// The one row of an object: a connector, or the tombstone of one.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its id.
    pub id: String,
    /// The connector; `None`: it was erased.
    pub document: Option<Document>,
    /// Counts the writes; it goes on counting after a connector was erased.
    pub version: u64,
    /// The version that Workers KV has.
    pub projected: u64,
}

impl Record {
    /// The first of an object.
    pub fn first(id: &str, connector: Option<Connector>) -> Self {
        let document = connector.map(Document::from);
        Self { id: id.to_owned(), document, version: 1, projected: 0 }
    }

    /// The one that follows it.
    #[must_use]
    pub fn followed_by(self, change: impl FnOnce(Option<Connector>) -> Option<Connector>) -> Self {
        let before = self.document.map(|document| document.connector);
        let document = change(before).map(Document::from);
        Self { document, version: self.version + 1, ..self }
    }

    /// The connector, if it was not erased.
    pub fn connector(&self) -> Option<&Connector> {
        self.document.as_ref().map(|document| &document.connector)
    }
}

/// A connector and its JSON.
#[derive(Clone, Debug)]
pub struct Document {
    /// The connector.
    pub connector: Connector,
    /// Made when it is first asked for: a move need not write it.
    json: OnceCell<String>,
}

impl Document {
    /// The JSON, without the id.
    pub fn json(&self) -> &str {
        self.json.get_or_init(|| self.connector.to_json())
    }
}

impl From<Connector> for Document {
    fn from(connector: Connector) -> Self {
        Self { connector, json: OnceCell::new() }
    }
}

/// What a commit has to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteScope {
    /// All of it: the object was empty.
    First,
    /// The connector, and the change of status if there was one.
    Row,
    /// The change of status, which is the only change.
    Move,
}

/// The database of one connector's object.
pub struct Store(Storage);

impl Store {
    /// The database in that storage.
    pub fn of(storage: Storage) -> Self {
        Self(storage)
    }

    /// The row, if there is one.
    ///
    /// # Errors
    /// If the database fails, or holds what this code did not write.
    pub fn read(&self) -> Result<Option<Record>, JsError> {
        let Some(row) = read(&self.0)? else { return Ok(None) };
        let row: Fields = parse(&row)?;
        let text = |name| row.get(name).and_then(Value::as_str).map(str::to_owned);
        let number = |name| row.get(name).and_then(Value::as_u64).unwrap_or_default();
        let moved = text("moved").and_then(|status| Status::parse(&status));
        let document = match text("document") {
            Some(json) => {
                let connector = Connector::from_json(&json)?;
                Some(match moved {
                    Some(to) => connector.moved(to).into(),
                    // The text as it is stored: made anew, long fractions could look different.
                    None => Document { connector, json: json.into() },
                })
            }
            None => None,
        };
        Ok(Some(Record {
            id: text("id").unwrap_or_default(),
            document,
            version: number("version"),
            projected: number("projected"),
        }))
    }

    /// Writes what is new, all of it or nothing.
    ///
    /// # Errors
    /// If the database fails; then nothing was written.
    pub fn commit(
        &self,
        record: &Record,
        change: Option<&StatusChange>,
        extent: WriteScope,
    ) -> Result<(), JsError> {
        let lines = change.map(|change| {
            let by = change.by.as_deref().unwrap_or_default();
            [change.from.unwrap_or_default(), change.to, &change.at, change.via, by].join("\n")
        });
        let write = match (extent, &lines) {
            (WriteScope::Move, Some(change)) => {
                return commit_move(&self.0, number(record.version), change);
            }
            (WriteScope::First, _) => commit_first,
            (WriteScope::Row | WriteScope::Move, _) => commit,
        };
        write(
            &self.0,
            &record.id,
            record.document.as_ref().map(Document::json),
            number(record.version),
            number(record.projected),
            lines.as_deref(),
        )
    }

    /// Notes which version Workers KV has.
    ///
    /// # Errors
    /// If the database fails.
    pub fn note_projected(&self, version: u64) -> Result<(), JsError> {
        note_projected(&self.0, number(version))
    }

    /// The newest changes of status, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub fn history(&self, size: usize) -> Result<Vec<Value>, JsError> {
        parse(&history(&self.0, number(size as u64))?)
    }
}

fn parse<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, JsError> {
    serde_json::from_str(json).map_err(|error| error.to_string().into())
}

// Numbers of JavaScript are exact up to 2^53; versions and limits stay far below.
#[allow(clippy::cast_precision_loss)]
fn number(number: u64) -> f64 {
    number as f64
}
