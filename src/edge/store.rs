//! What an object keeps in its own SQLite database. The SQL is in store.js, so that a commit
//! crosses to JavaScript once.

use serde_json::Value;
use wasm_bindgen::prelude::*;

use super::runtime::{Storage, Thrown};
use crate::api::StatusChange;
use crate::connector::{Connector, Fields};

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
    pub fn read(&self) -> Result<Option<Record>, Thrown> {
        let Some(row) = read(&self.0)? else { return Ok(None) };
        let row: Fields = parse(&row)?;
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

    /// Writes the row, and the change of status if there was one, both or neither. `first`: the
    /// object was empty before.
    ///
    /// # Errors
    /// If the database fails; then nothing was written.
    pub fn commit(
        &self,
        record: &Record,
        change: Option<&StatusChange>,
        first: bool,
    ) -> Result<(), Thrown> {
        let lines = change.map(|change| {
            let by = change.by.as_deref().unwrap_or_default();
            [change.from.unwrap_or_default(), change.to, &change.at, change.via, by].join("\n")
        });
        let write = if first { commit_first } else { commit };
        write(
            &self.0,
            &record.id,
            record.document.as_ref().map(|(_, json)| json.as_str()),
            number(record.version),
            number(record.projected),
            lines.as_deref(),
        )
    }

    /// Notes which version Workers KV has.
    ///
    /// # Errors
    /// If the database fails.
    pub fn note_projected(&self, version: u64) -> Result<(), Thrown> {
        note_projected(&self.0, number(version))
    }

    /// The newest changes of status, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub fn history(&self, size: usize) -> Result<Vec<Value>, Thrown> {
        parse(&history(&self.0, number(size as u64))?)
    }
}

fn parse<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, Thrown> {
    serde_json::from_str(json).map_err(|error| error.to_string().into())
}

// Numbers of JavaScript are exact up to 2^53; versions and limits stay far below.
#[allow(clippy::cast_precision_loss)]
fn number(number: u64) -> f64 {
    number as f64
}
