//! An object's SQLite database.
//!
//! The `worker` crate has no `transactionSync`, and it binds cursors without `catch`: an error that a row
//! throws would pass through the module without dropping anything. So both are bound here.

use js_sys::{Array, JsString, Reflect};
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
    fn next(this: &Cursor) -> Result<Step, JsValue>;
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
    #[wasm_bindgen(method, getter, js_name = value)]
    fn row(this: &Step) -> Option<js_sys::Object>;
}

/// A row, by the names of its columns.
pub(crate) struct Row(JsValue);

impl Row {
    /// The value in a column.
    ///
    /// # Errors
    /// If it is no `T`, or there is no such column.
    pub fn get<T: DeserializeOwned>(&self, column: &str) -> Result<T, JsError> {
        serde_wasm_bindgen::from_value(self.value(column)?).map_err(|error| misread(column, &error))
    }

    /// The value in a column, as it is.
    ///
    /// # Errors
    /// If there is no such column: read as NULL, a typing error would go unnoticed.
    pub fn value(&self, column: &str) -> Result<JsValue, JsError> {
        let value = Reflect::get(&self.0, &column.into())?;
        match value.is_undefined() {
            true => Err(format!("there is no column [{column}]").into()),
            false => Ok(value),
        }
    }
}

fn misread(column: &str, error: &serde_wasm_bindgen::Error) -> JsError {
    format!("column [{column}]: {error}").into()
}

/// What a row is read into. A reader that serde derives for each of these types would take ten times the
/// code: serde-wasm-bindgen reads their fields.
pub(crate) trait FromRow: Sized {
    /// Reads a row.
    fn from_row(row: &Row) -> Result<Self, JsError>;
}

/// Has a type's fields read from the columns of the same names.
macro_rules! from_row {
    ($type:ident { $($column:ident),+ }) => {
        impl $crate::edge::runtime::FromRow for $type {
            fn from_row(
                row: &$crate::edge::runtime::Row,
            ) -> Result<Self, $crate::edge::runtime::JsError> {
                Ok(Self { $($column: row.get(stringify!($column))?),+ })
            }
        }
    };
}
pub(crate) use from_row;

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
        self.any(&format!("PRAGMA table_list({name})"), &[])
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
    pub fn rows<T: FromRow>(
        &self,
        statement: &str,
        values: &[SqlValue],
    ) -> Result<Vec<T>, JsError> {
        let mut rows = Vec::new();
        self.read(statement, values, &mut |row| {
            rows.push(T::from_row(row)?);
            Ok(())
        })?;
        Ok(rows)
    }

    /// The first row that a statement gives.
    ///
    /// # Errors
    /// If the database fails, or the row is no `T`.
    pub fn row<T: FromRow>(
        &self,
        statement: &str,
        values: &[SqlValue],
    ) -> Result<Option<T>, JsError> {
        Ok(self.rows(statement, values)?.into_iter().next())
    }

    /// The first column of all rows that a statement gives.
    ///
    /// # Errors
    /// If the database fails, or the column is no `T`.
    pub fn column<T: DeserializeOwned>(
        &self,
        statement: &str,
        values: &[SqlValue],
    ) -> Result<Vec<T>, JsError> {
        let mut column = Vec::new();
        let rows = self.cursor(statement, values)?.raw()?;
        while let Some(row) = rows.next()?.value() {
            column.push(serde_wasm_bindgen::from_value(row.get(0))?);
        }
        Ok(column)
    }

    /// The first column of the first row that a statement gives: none if there is no row, or NULL in it. The
    /// statement is run to its end.
    ///
    /// # Errors
    /// If the database fails, or the column is no `T`.
    pub fn value<T: DeserializeOwned>(
        &self,
        statement: &str,
        values: &[SqlValue],
    ) -> Result<Option<T>, JsError> {
        let column: Vec<Option<T>> = self.column(statement, values)?;
        Ok(column.into_iter().next().flatten())
    }

    /// Whether a statement gives any row. It is run to its end.
    pub fn any(&self, statement: &str, values: &[SqlValue]) -> Result<bool, JsError> {
        Ok(self.cursor(statement, values)?.to_array()?.length() > 0)
    }

    /// Gives rows one by one, until `take` returns false.
    ///
    /// # Errors
    /// If the database fails, or a row is no `T`.
    pub fn each<T: FromRow>(
        &self,
        statement: &str,
        values: &[SqlValue],
        take: &mut dyn FnMut(T) -> bool,
    ) -> Result<(), JsError> {
        let rows = self.cursor(statement, values)?;
        while let Some(row) = rows.next()?.row() {
            if !take(T::from_row(&Row(row.into()))?) {
                break;
            }
        }
        Ok(())
    }

    fn read(
        &self,
        statement: &str,
        values: &[SqlValue],
        take: &mut dyn FnMut(&Row) -> Result<(), JsError>,
    ) -> Result<(), JsError> {
        let rows = self.cursor(statement, values)?.to_array()?;
        rows.iter().try_for_each(|row| take(&Row(row)))
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
