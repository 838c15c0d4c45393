//! The storage of an object. The SQL is in the store.js beside each object, so that what goes
//! together crosses to JavaScript once.

use std::time::Duration;

use wasm_bindgen::prelude::*;
use worker::worker_sys::DurableObjectState;
use worker::worker_sys::types::DurableObjectStorage;

use super::rewind::rewind;
use super::{Database, JsError, Sockets, number};

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
        rewind(self.raw(), to).await
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
