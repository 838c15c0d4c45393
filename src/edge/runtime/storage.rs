//! The storage of an object. The SQL is in the store.js beside each object, so that what goes
//! together crosses to JavaScript once.

use std::time::Duration;

use js_sys::{Array, Promise};
use serde_json::Value;
use wasm_bindgen::prelude::*;
use worker::worker_sys::DurableObjectState;
use worker::worker_sys::types::DurableObjectStorage;

use super::{Database, JsError, JsString, Sockets, SqlValue, await_promise, number};

#[wasm_bindgen(module = "/src/edge/objects/connector/store.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = read)]
    fn read_connector(storage: &DurableObjectStorage) -> Result<Option<String>, JsValue>;
    #[wasm_bindgen(catch, js_name = commit)]
    fn commit_connector(
        storage: &DurableObjectStorage,
        row: &str,
        document: Option<&str>,
        change: Option<&str>,
    ) -> Result<(), JsValue>;
    #[wasm_bindgen(catch, js_name = commitMove)]
    fn commit_move(
        storage: &DurableObjectStorage,
        version: f64,
        change: &str,
    ) -> Result<(), JsValue>;
    #[wasm_bindgen(catch, js_name = noteCursors)]
    fn note_cursors(
        storage: &DurableObjectStorage,
        kv: f64,
        directory: f64,
        copied_at: f64,
    ) -> Result<(), JsValue>;
    #[wasm_bindgen(catch, js_name = readJob)]
    fn read_job(storage: &DurableObjectStorage, id: &str) -> Result<Option<String>, JsValue>;
    #[wasm_bindgen(catch, js_name = commitJob)]
    fn commit_job(
        storage: &DurableObjectStorage,
        job: &str,
        document: Option<&str>,
    ) -> Result<(), JsValue>;
    #[wasm_bindgen(catch, js_name = untoldJobs)]
    fn untold_jobs(storage: &DurableObjectStorage) -> Result<String, JsValue>;
    #[wasm_bindgen(catch, js_name = noteUntoldJobs)]
    fn note_untold_jobs(storage: &DurableObjectStorage, ids: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(catch, js_name = restore)]
    fn restore_connector(
        storage: &DurableObjectStorage,
        row: &str,
        document: Option<&str>,
        history: &str,
        jobs: &str,
    ) -> Result<(), JsValue>;
    #[wasm_bindgen(catch, js_name = reindex)]
    fn reindex_connector(storage: &DurableObjectStorage, has_jobs: bool) -> Result<(), JsValue>;
    #[wasm_bindgen(catch, js_name = savedJobs)]
    fn saved_jobs(
        storage: &DurableObjectStorage,
        after: &str,
        limit: f64,
    ) -> Result<String, JsValue>;
    #[wasm_bindgen(catch, js_name = savedHistory)]
    fn saved_history(storage: &DurableObjectStorage) -> Result<String, JsValue>;
    #[wasm_bindgen(catch, js_name = history)]
    fn read_history(
        storage: &DurableObjectStorage,
        size: f64,
        before: Option<f64>,
    ) -> Result<String, JsValue>;
}

#[wasm_bindgen(module = "/src/edge/objects/directory/store.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = open)]
    fn open_directory(storage: &DurableObjectStorage) -> Result<(), JsValue>;
    #[wasm_bindgen(catch, js_name = apply)]
    fn apply_entries(
        storage: &DurableObjectStorage,
        entries: &str,
        document: Option<&JsString>,
        seq: f64,
    ) -> Result<String, JsValue>;
    #[wasm_bindgen(catch, js_name = applyJobs)]
    fn apply_jobs(storage: &DurableObjectStorage, jobs: &str) -> Result<String, JsValue>;
    #[wasm_bindgen(catch, js_name = page)]
    fn read_page(
        storage: &DurableObjectStorage,
        table: &str,
        head: &str,
        tail: &str,
        sql: &str,
        values: &str,
        limit: f64,
    ) -> Result<Array, JsValue>;
    #[wasm_bindgen(js_name = pageResponse)]
    fn page_response(head: &str, before: &str, items: &JsString, after: &str) -> JsString;
}

#[wasm_bindgen(module = "/src/edge/runtime/rewind.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn rewind(state: &DurableObjectState, to: f64) -> Result<Promise, JsValue>;
}

/// What the runtime gives an object.
pub(crate) struct State(worker::State);

impl Clone for State {
    fn clone(&self) -> Self {
        Self::of(self.raw())
    }
}

impl State {
    /// From the argument of an object's constructor.
    pub fn of(state: DurableObjectState) -> Self {
        Self(state.into())
    }

    fn raw(&self) -> DurableObjectState {
        JsValue::from(self.0.as_raw()).unchecked_into()
    }

    /// Goes on with some work after the answer.
    pub fn wait_until(&self, work: impl Future<Output = ()> + 'static) {
        self.0.wait_until(work);
    }

    /// Sets the alarm.
    ///
    /// # Errors
    /// If the storage fails.
    pub async fn set_alarm(&self, after: Duration) -> Result<(), String> {
        self.0.storage().set_alarm(after).await.map_err(|error| error.to_string())
    }

    /// Takes the object's storage back to how it was at a time, in milliseconds since 1970, and starts
    /// the object anew right after the answer.
    ///
    /// # Errors
    /// If the runtime cannot, or not that far.
    pub async fn rewind(&self, to: u64) -> Result<(), JsError> {
        await_promise(rewind(&self.raw(), number(to))).await.map(drop)
    }

    /// When the alarm is set for, in milliseconds since 1970.
    ///
    /// # Errors
    /// If the storage fails.
    pub async fn alarm(&self) -> Result<Option<u64>, String> {
        let alarm = self.0.storage().get_alarm().await.map_err(|error| error.to_string())?;
        Ok(alarm.and_then(|at| u64::try_from(at).ok()))
    }

    fn storage(&self) -> DurableObjectStorage {
        JsValue::from(self.0.storage().as_raw()).unchecked_into()
    }

    /// The object's SQLite database.
    pub fn database(&self) -> Database {
        Database::of(self.storage())
    }

    /// The object's WebSockets.
    pub fn sockets(&self) -> Sockets {
        Sockets::of(self.raw())
    }

    /// A connector's storage.
    pub fn connector_store(&self) -> ConnectorStore {
        ConnectorStore(self.storage())
    }

    /// The Directory's storage.
    pub fn directory_store(&self) -> DirectoryStore {
        DirectoryStore(self.storage())
    }
}

/// The SQLite database of a connector: see its store.js.
pub(crate) struct ConnectorStore(DurableObjectStorage);

impl ConnectorStore {
    /// The row as JSON, if there is one.
    ///
    /// # Errors
    /// If the database fails.
    pub fn read(&self) -> Result<Option<String>, JsError> {
        read_connector(&self.0)
    }

    /// Writes a row, and a change of status if there was one: both or neither.
    ///
    /// # Errors
    /// If the database fails; then nothing was written.
    pub fn commit(
        &self,
        row: &str,
        document: Option<&str>,
        change: Option<&str>,
    ) -> Result<(), JsError> {
        commit_connector(&self.0, row, document, change)
    }

    /// Writes a change of nothing but the status.
    ///
    /// # Errors
    /// If the database fails; then nothing was written.
    pub fn commit_move(&self, version: u64, change: &str) -> Result<(), JsError> {
        commit_move(&self.0, number(version), change)
    }

    /// Notes how far the outbox's consumers are.
    ///
    /// # Errors
    /// If the database fails.
    pub fn note_cursors(&self, kv: u64, directory: u64, copied_at: u64) -> Result<(), JsError> {
        note_cursors(&self.0, number(kv), number(directory), number(copied_at))
    }

    /// The row of a job as JSON, if there is one.
    ///
    /// # Errors
    /// If the database fails.
    pub fn read_job(&self, id: &str) -> Result<Option<String>, JsError> {
        read_job(&self.0, id)
    }

    /// Writes the row of a job, or erases it.
    ///
    /// # Errors
    /// If the database fails; then nothing was written.
    pub fn commit_job(&self, job: &str, document: Option<&str>) -> Result<(), JsError> {
        commit_job(&self.0, job, document)
    }

    /// The jobs that the Directory has not been told of, as JSON.
    ///
    /// # Errors
    /// If the database fails.
    pub fn untold_jobs(&self) -> Result<String, JsError> {
        untold_jobs(&self.0)
    }

    /// Notes which jobs the Directory has still not been told of.
    ///
    /// # Errors
    /// If the database fails.
    pub fn note_untold_jobs(&self, ids: &str) -> Result<(), JsError> {
        note_untold_jobs(&self.0, ids)
    }

    /// Puts a connector and its jobs back: see store.js.
    ///
    /// # Errors
    /// If the database fails; then nothing was written.
    pub fn restore(
        &self,
        row: &str,
        document: Option<&str>,
        history: &str,
        jobs: &str,
    ) -> Result<(), JsError> {
        restore_connector(&self.0, row, document, history, jobs)
    }

    /// Has the Directory told anew.
    ///
    /// # Errors
    /// If the database fails; then nothing was written.
    pub fn reindex(&self, has_jobs: bool) -> Result<(), JsError> {
        reindex_connector(&self.0, has_jobs)
    }

    /// Some of the jobs behind one, as members of JSON.
    ///
    /// # Errors
    /// If the database fails.
    pub fn saved_jobs(&self, after: &str, limit: usize) -> Result<String, JsError> {
        saved_jobs(&self.0, after, number(limit as u64))
    }

    /// The history with its versions, as JSON.
    ///
    /// # Errors
    /// If the database fails.
    pub fn saved_history(&self) -> Result<String, JsError> {
        saved_history(&self.0)
    }

    /// Changes of status as JSON, newest first; `before`: only those before that version.
    ///
    /// # Errors
    /// If the database fails.
    pub fn history(&self, size: usize, before: Option<u64>) -> Result<String, JsError> {
        read_history(&self.0, number(size as u64), before.map(number))
    }
}

/// The SQLite database of the Directory: see its store.js.
pub(crate) struct DirectoryStore(DurableObjectStorage);

impl DirectoryStore {
    /// Makes the tables if there are none.
    ///
    /// # Errors
    /// If the database fails.
    pub fn open(&self) -> Result<(), JsError> {
        open_directory(&self.0)
    }

    /// Takes up entries (a JSON array), each with its document in it or, of a single one, beside it;
    /// gives the outcomes as a JSON array.
    ///
    /// # Errors
    /// If the database fails; then nothing was written.
    pub fn apply(
        &self,
        entries: &str,
        document: Option<&JsString>,
        seq: u64,
    ) -> Result<String, JsError> {
        apply_entries(&self.0, entries, document, number(seq))
    }

    /// Takes up jobs (a JSON array); gives the outcomes as a JSON array.
    ///
    /// # Errors
    /// If the database fails; then nothing was written.
    pub fn apply_jobs(&self, jobs: &str) -> Result<String, JsError> {
        apply_jobs(&self.0, jobs)
    }

    /// The rows that a statement gives.
    ///
    /// # Errors
    /// If the database fails, or a row is not as `T`.
    pub fn rows<T: serde::de::DeserializeOwned>(
        &self,
        sql: &str,
        values: &[Value],
    ) -> Result<Vec<T>, JsError> {
        Database::of(self.0.clone().unchecked_into()).rows(sql, &bound(values))
    }

    /// The documents whose keys in the table a statement gives, and how many: see `page` in store.js.
    /// `None` if they are more than `limit` characters.
    ///
    /// # Errors
    /// If the database fails.
    pub fn page(
        &self,
        table: &str,
        [head, tail]: [&str; 2],
        sql: &str,
        values: &[Value],
        limit: usize,
    ) -> Result<Option<(usize, JsString)>, JsError> {
        let values = serde_json::to_string(values).unwrap_or_default();
        let found = read_page(&self.0, table, head, tail, sql, &values, number(limit as u64))?;
        let count = found.get(0).as_f64().unwrap_or_default();
        Ok(found.get(1).dyn_into().ok().map(|items| (count as usize, items)))
    }
}

/// Values to bind to a statement.
pub(crate) fn bound(values: &[Value]) -> Vec<SqlValue> {
    let bound = |value: &Value| match value {
        Value::String(text) => text.into(),
        Value::Number(number) => number.as_i64().into(),
        Value::Bool(it) => (*it).into(),
        _ => SqlValue::NULL,
    };
    values.iter().map(bound).collect()
}

/// A page of documents with what stands around it. The documents stay on the side of JavaScript: there
/// may be megabytes of them.
pub(crate) struct Page {
    /// What stands before them.
    pub before: String,
    /// The documents.
    pub items: JsString,
    /// What stands after them.
    pub after: &'static str,
}

impl Page {
    /// The text of the response that begins with a head.
    pub fn after_head(&self, head: &str) -> JsString {
        page_response(head, &self.before, &self.items, self.after)
    }

    /// The page as text.
    pub fn into_text(self) -> String {
        // Put together on the other side, so that there are not two of it here.
        String::from(self.after_head(""))
    }
}
