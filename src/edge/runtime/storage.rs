//! A Durable Object's state and storage.

use std::pin::Pin;
use std::time::Duration;

use wasm_bindgen::prelude::*;
use worker::worker_sys::DurableObjectState;
use worker::worker_sys::types::DurableObjectStorage;

use super::rewind::{Bookmark, bookmark, rewind};
use super::{Database, JsError, Sockets};

pub(crate) struct State(worker::State);

impl Clone for State {
    fn clone(&self) -> Self {
        Self::of(self.raw())
    }
}

impl State {
    pub fn of(state: DurableObjectState) -> Self {
        Self(state.into())
    }

    fn raw(&self) -> DurableObjectState {
        JsValue::from(self.0.as_raw()).unchecked_into()
    }

    /// Continues work after the response.
    pub fn wait_until(&self, work: impl Future<Output = ()> + 'static) {
        let work: Pin<Box<dyn Future<Output = ()>>> = Box::pin(work);
        self.0.wait_until(work);
    }

    pub async fn set_alarm(&self, after: Duration) -> Result<(), String> {
        self.0.storage().set_alarm(after).await.map_err(|error| error.to_string())
    }

    /// Restores the object's storage, and restarts the object right after the response.
    pub async fn rewind(&self, to: Bookmark) -> Result<(), JsError> {
        rewind(self.raw(), to).await
    }

    /// The bookmark for a time in milliseconds since 1970.
    ///
    /// # Errors
    /// If the runtime does not support bookmarks, or has none for that time.
    pub async fn bookmark(&self, at: u64) -> Result<Bookmark, JsError> {
        bookmark(&self.raw(), at).await
    }

    /// The time of the alarm, in milliseconds since 1970.
    pub async fn alarm(&self) -> Result<Option<u64>, String> {
        let alarm = self.0.storage().get_alarm().await.map_err(|error| error.to_string())?;
        Ok(alarm.and_then(|at| u64::try_from(at).ok()))
    }

    fn storage(&self) -> DurableObjectStorage {
        JsValue::from(self.0.storage().as_raw()).unchecked_into()
    }

    pub fn database(&self) -> Database {
        Database::of(self.storage())
    }

    pub fn sockets(&self) -> Sockets {
        Sockets::of(self.raw())
    }
}
