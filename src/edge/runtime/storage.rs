//! The storage of an object. The SQL is in the store.js beside each object, so that what goes
//! together crosses to JavaScript once.

use std::time::Duration;

use serde_json::Value;
use wasm_bindgen::prelude::*;
use worker::worker_sys::DurableObjectState;
use worker::worker_sys::types::DurableObjectStorage;

use super::{JsError, JsString, Sockets, number};

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
    #[wasm_bindgen(catch, js_name = history)]
    fn read_history(storage: &DurableObjectStorage, size: f64) -> Result<String, JsValue>;
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
    #[wasm_bindgen(catch, js_name = documents)]
    fn read_documents(
        storage: &DurableObjectStorage,
        table: &str,
        sql: &str,
        values: &str,
        limit: f64,
    ) -> Result<Option<String>, JsValue>;
    #[wasm_bindgen(catch)]
    fn query(storage: &DurableObjectStorage, sql: &str, values: &str) -> Result<String, JsValue>;
    #[wasm_bindgen(catch, js_name = page)]
    fn read_page(
        storage: &DurableObjectStorage,
        sql: &str,
        values: &str,
        limit: f64,
    ) -> Result<Option<JsString>, JsValue>;
    #[wasm_bindgen(js_name = listResponse)]
    fn list_response(head: &str, count: f64, results: &JsString) -> JsString;
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

    fn storage(&self) -> DurableObjectStorage {
        JsValue::from(self.0.storage().as_raw()).unchecked_into()
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

    /// The newest changes of status as JSON, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub fn history(&self, size: usize) -> Result<String, JsError> {
        read_history(&self.0, number(size as u64))
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

    /// The documents whose keys in the table a statement gives: see `documents` in store.js. `None` if
    /// that is more than `limit` characters.
    ///
    /// # Errors
    /// If the database fails.
    pub fn documents(
        &self,
        table: &str,
        sql: &str,
        values: &[Value],
        limit: usize,
    ) -> Result<Option<String>, JsError> {
        let values = serde_json::to_string(values).unwrap_or_default();
        read_documents(&self.0, table, sql, &values, number(limit as u64))
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
        let values = serde_json::to_string(values).unwrap_or_default();
        serde_json::from_str(&query(&self.0, sql, &values)?)
            .map_err(|error| error.to_string().into())
    }

    /// The connectors whose keys a statement gives, as JSON with commas between them. `None` if that
    /// is more than `limit` characters.
    ///
    /// # Errors
    /// If the database fails.
    pub fn page(
        &self,
        sql: &str,
        values: &[Value],
        limit: usize,
    ) -> Result<Option<JsString>, JsError> {
        let values = serde_json::to_string(values).unwrap_or_default();
        read_page(&self.0, sql, &values, number(limit as u64))
    }

    /// The text of a list's response, from its head: the connectors do not cross for it.
    pub fn response(head: &str, count: u64, results: &JsString) -> JsString {
        list_response(head, number(count), results)
    }
}
