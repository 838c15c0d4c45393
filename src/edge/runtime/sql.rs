//! An object's SQLite database.
//!
//! Bound here, because the `worker` crate has no `transactionSync`, and binds cursors without `catch`: an
//! exception while reading a row would pass through the module without dropping anything.

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

pub(crate) struct Row(JsValue);

impl Row {
    pub fn get<T: DeserializeOwned>(&self, column: &str) -> Result<T, JsError> {
        serde_wasm_bindgen::from_value(self.value(column)?).map_err(|error| misread(column, &error))
    }

    /// The raw value of a column.
    ///
    /// # Errors
    /// If there is no such column. Otherwise a misspelled name would be read as NULL.
    pub fn value(&self, column: &str) -> Result<JsValue, JsError> {
        let value = Reflect::get(&self.0, &column.into())?;
        if value.is_undefined() {
            Err(format!("there is no column [{column}]").into())
        } else {
            Ok(value)
        }
    }
}

fn misread(column: &str, error: &serde_wasm_bindgen::Error) -> JsError {
    format!("column [{column}]: {error}").into()
}

/// A type that is read from a row. Only its fields are deserialized with serde: deriving `Deserialize` for each
/// type would take ten times the code.
pub(crate) trait FromRow: Sized {
    fn from_row(row: &Row) -> Result<Self, JsError>;
}

/// Implements `FromRow`: fields are read from the columns with their names.
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

/// The database. Each write outside of a transaction is atomic by itself. All writes between two awaits become
/// durable together.
pub(crate) struct Database {
    storage: Storage,
    sql: Sql,
}

impl Database {
    pub(super) fn of(storage: DurableObjectStorage) -> Self {
        let storage: Storage = JsValue::from(storage).unchecked_into();
        Self { sql: storage.sql(), storage }
    }

    /// Runs `work` in a transaction, which is rolled back if it fails.
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

    /// Whether a table exists. A pragma reads no rows; a query of `sqlite_master` would read one for each table
    /// and index.
    pub fn has_table(&self, name: &str) -> Result<bool, JsError> {
        self.any(&format!("PRAGMA table_list({name})"), &[])
    }

    /// Runs a statement, or several without values. Returns the number of rows written, including those of
    /// indexes.
    pub fn execute(&self, statement: &str, values: &[SqlValue]) -> Result<u64, JsError> {
        Ok(self.cursor(statement, values)?.rows_written() as u64)
    }

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

    /// The first row of the result.
    pub fn row<T: FromRow>(
        &self,
        statement: &str,
        values: &[SqlValue],
    ) -> Result<Option<T>, JsError> {
        Ok(self.rows(statement, values)?.into_iter().next())
    }

    /// The first column of each row.
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

    /// The first column of the first row; `None` if there is no row or it is NULL. Runs the statement to its end.
    pub fn value<T: DeserializeOwned>(
        &self,
        statement: &str,
        values: &[SqlValue],
    ) -> Result<Option<T>, JsError> {
        let column: Vec<Option<T>> = self.column(statement, values)?;
        Ok(column.into_iter().next().flatten())
    }

    /// Whether the result has any row. Runs the statement to its end.
    pub fn any(&self, statement: &str, values: &[SqlValue]) -> Result<bool, JsError> {
        Ok(self.cursor(statement, values)?.to_array()?.length() > 0)
    }

    /// Reads rows one by one, until `take` returns false.
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

    /// Reads the first column of each row, until `take` returns false. The strings stay in JavaScript's memory.
    ///
    /// # Errors
    /// If the column is not a text.
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
        // These clones only copy handles.
        let values: Vec<JsValue> = values.iter().map(|value| value.0.clone()).collect();
        self.sql.exec(statement, &values)
    }
}

/// A bound value.
#[derive(Clone)]
pub(crate) struct SqlValue(JsValue);

impl SqlValue {
    pub const NULL: Self = Self(JsValue::NULL);

    /// The text, if the value is one.
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

// Times are within a few thousand years of 1970, so they are exact as JavaScript numbers.
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
