//! An object's SQLite database.
//!
//! The `worker` crate has no `transactionSync`, and it binds cursors without `catch`: an error that a row
//! throws would pass through the module without dropping anything. So both are bound here.

use js_sys::{Array, JsString};
use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::*;
use worker::worker_sys::types::DurableObjectStorage;

use super::{JsError, number};

#[wasm_bindgen]
extern "C" {
    type Storage;
    #[wasm_bindgen(method, getter)]
    fn sql(this: &Storage) -> Sql;
    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    fn transaction_sync(
        this: &Storage,
        work: &mut dyn FnMut() -> Result<(), JsValue>,
    ) -> Result<(), JsValue>;

    type Sql;
    #[wasm_bindgen(method, catch, variadic)]
    fn exec(this: &Sql, statement: &str, values: &[JsValue]) -> Result<Cursor, JsValue>;

    type Cursor;
    #[wasm_bindgen(method, catch, js_name = toArray)]
    fn to_array(this: &Cursor) -> Result<Array, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn raw(this: &Cursor) -> Result<RawRows, JsValue>;
    #[wasm_bindgen(method, getter, js_name = rowsWritten)]
    fn rows_written(this: &Cursor) -> f64;

    type RawRows;
    #[wasm_bindgen(method, catch)]
    fn next(this: &RawRows) -> Result<Step, JsValue>;
    type Step;
    #[wasm_bindgen(method, getter)]
    fn value(this: &Step) -> Option<Array>;
}

/// The database. Writes outside of a transaction are atomic each for itself; all writes between two
/// awaits become durable together.
pub(crate) struct Database {
    storage: Storage,
    sql: Sql,
}

impl Database {
    pub(super) fn of(storage: DurableObjectStorage) -> Self {
        let storage: Storage = JsValue::from(storage).unchecked_into();
        Self { sql: storage.sql(), storage }
    }

    /// Does some work in one transaction: if it fails, nothing of it is kept.
    ///
    /// # Errors
    /// That of the work, or the database's.
    pub fn transaction<T>(&self, work: impl FnOnce() -> Result<T, JsError>) -> Result<T, JsError> {
        let mut work = Some(work);
        let mut done = None;
        self.storage.transaction_sync(&mut || {
            if let Some(work) = work.take() {
                done = Some(work()?);
            }
            Ok(())
        })?;
        done.ok_or_else(|| "the transaction was not run".into())
    }

    /// Whether there is such a table. A pragma reads no row, unlike a query of `sqlite_master`, which reads one
    /// for each table and index.
    pub fn has_table(&self, name: &str) -> Result<bool, JsError> {
        let found = self.cursor(&format!("PRAGMA table_list({name})"), &[])?.to_array()?;
        Ok(found.length() > 0)
    }

    /// Runs a statement, or several without values. Returns how many rows were written, those of indexes
    /// included.
    pub fn execute(&self, statement: &str, values: &[SqlValue]) -> Result<u64, JsError> {
        Ok(self.cursor(statement, values)?.rows_written() as u64)
    }

    /// The rows that a statement gives.
    ///
    /// # Errors
    /// If the database fails, or a row is no `T`.
    pub fn rows<T: DeserializeOwned>(
        &self,
        statement: &str,
        values: &[SqlValue],
    ) -> Result<Vec<T>, JsError> {
        let rows = self.cursor(statement, values)?.to_array()?;
        rows.iter().map(|row| serde_wasm_bindgen::from_value(row).map_err(JsError::from)).collect()
    }

    /// The first row that a statement gives.
    ///
    /// # Errors
    /// If the database fails, or the row is no `T`.
    pub fn row<T: DeserializeOwned>(
        &self,
        statement: &str,
        values: &[SqlValue],
    ) -> Result<Option<T>, JsError> {
        Ok(self.rows(statement, values)?.into_iter().next())
    }

    /// Gives rows one by one, each as a tuple of its columns, until `take` returns false.
    ///
    /// # Errors
    /// If the database fails, or a row is no `T`.
    pub fn each<T: DeserializeOwned>(
        &self,
        statement: &str,
        values: &[SqlValue],
        take: &mut dyn FnMut(T) -> bool,
    ) -> Result<(), JsError> {
        let rows = self.cursor(statement, values)?.raw()?;
        while let Some(row) = rows.next()?.value() {
            if !take(serde_wasm_bindgen::from_value(row.into())?) {
                break;
            }
        }
        Ok(())
    }

    /// The first column of each row, as JavaScript texts that need not be copied into the module. Rows are
    /// read one by one, until `take` returns false.
    ///
    /// # Errors
    /// If the database fails, or the column is no text.
    pub fn texts(
        &self,
        statement: &str,
        values: &[SqlValue],
        take: &mut dyn FnMut(JsString) -> bool,
    ) -> Result<(), JsError> {
        let rows = self.cursor(statement, values)?.raw()?;
        while let Some(row) = rows.next()?.value() {
            if !take(row.get(0).dyn_into()?) {
                break;
            }
        }
        Ok(())
    }

    fn cursor(&self, statement: &str, values: &[SqlValue]) -> Result<Cursor, JsError> {
        // `SqlValue` is a `JsValue` and nothing else; the copies are handles.
        let values: Vec<JsValue> = values.iter().map(|value| value.0.clone()).collect();
        self.sql.exec(statement, &values)
    }
}

/// A value that is bound to a statement.
#[derive(Clone)]
pub(crate) struct SqlValue(JsValue);

impl SqlValue {
    /// NULL.
    pub const NULL: Self = Self(JsValue::NULL);

    /// The text, if it is one.
    pub fn to_text(&self) -> Option<String> {
        self.0.as_string()
    }
}

impl From<&str> for SqlValue {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<&String> for SqlValue {
    fn from(text: &String) -> Self {
        Self(text.into())
    }
}

impl From<String> for SqlValue {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&JsString> for SqlValue {
    fn from(text: &JsString) -> Self {
        Self(text.into())
    }
}

impl From<u64> for SqlValue {
    fn from(value: u64) -> Self {
        Self(number(value).into())
    }
}

// Times are within a few thousand years of 1970: exact as numbers of JavaScript.
#[allow(clippy::cast_precision_loss)]
impl From<i64> for SqlValue {
    fn from(value: i64) -> Self {
        Self((value as f64).into())
    }
}

impl From<usize> for SqlValue {
    fn from(value: usize) -> Self {
        (value as u64).into()
    }
}

impl From<bool> for SqlValue {
    fn from(value: bool) -> Self {
        u64::from(value).into()
    }
}

impl<T: Into<Self>> From<Option<T>> for SqlValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::NULL, T::into)
    }
}
