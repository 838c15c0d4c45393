//! The copy of a connector in Workers KV.
//!
//! Decision after the commit, and never by a caller's leave: one write in flight per object, at
//! most one a second, the newest version only. An alarm, set with the commit, repeats what failed
//! and what a crash cut short.
//!
//! A write that failed, or that nobody waited for to the end, may still be carried out later, over
//! a newer one. So for a while after a failure no write counts: the newest version is written again
//! and again, and whatever comes late is overwritten.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use wasm_bindgen::JsValue;
use worker::console_error;

use super::object::Object;
use super::runtime::{JsError, describe, from_json};
use super::task::{sleep, start, wait, within};
use super::{kv, kv_key, now_millis};
use crate::directory::Entry;

/// Workers KV takes one write a second for a key.
const GAP_MS: u64 = 1_100;
/// A write that takes longer counts as failed.
const WRITE_LIMIT: Duration = Duration::from_secs(2);
/// How long a write that failed may still be carried out.
const DOUBT_MS: u64 = 20_000;
/// When the alarm looks whether the copy is up to date.
const ALARM_AFTER_MS: u64 = 2_000;

/// How far the copying is.
#[derive(Default)]
pub(super) struct Projection {
    running: Cell<bool>,
    alarm_set: Cell<bool>,
    last_write: Cell<u64>,
    last_failure: Cell<u64>,
}

impl Projection {
    /// To be called when the alarm has gone off.
    pub(super) fn alarm_rang(&self) {
        self.alarm_set.set(false);
    }

    /// A write may be under way of which nothing will be heard.
    pub(super) fn doubt(&self) {
        self.last_failure.set(now_millis());
    }

    fn is_in_doubt(&self, at: u64) -> bool {
        at.saturating_sub(self.last_failure.get()) < DOUBT_MS
    }
}

/// A version of a connector, to be copied.
struct Copy {
    id: String,
    version: u64,
    document: Option<(String, Value)>,
}

impl Object {
    /// Is the copy older than the connector?
    pub(super) fn is_outdated(&self) -> bool {
        self.with_record(|record| record.is_some_and(|record| record.version != record.projected))
    }

    /// Starts the copying, and sets the alarm. To be called right after a commit: then the alarm
    /// is stored with it.
    pub(super) async fn project_soon(self: &Rc<Self>) {
        self.project_later().await;
        if !self.projection.running.get() {
            let this = self.clone();
            let work = start(async move {
                this.project().await;
                Ok(JsValue::NULL)
            });
            if let Ok(work) = work {
                self.state.wait_until(&work);
            }
        }
    }

    /// Sets the alarm.
    pub(super) async fn project_later(&self) {
        if !self.projection.alarm_set.replace(true) {
            let at = (now_millis() + ALARM_AFTER_MS) as f64;
            if let Err(thrown) = wait(self.state.storage().set_alarm(at)).await {
                self.projection.alarm_set.set(false);
                console_error!("the alarm cannot be set: {}", describe(&thrown));
            }
        }
    }

    /// Copies until the copy is up to date, or a write fails or does not count.
    pub(super) async fn project(&self) {
        if self.projection.running.replace(true) {
            return;
        }
        while self.is_outdated() {
            self.wait_for_turn().await;
            let Some(copy) = self.newest() else { break };
            let begun = now_millis();
            if let Err(thrown) = self.write_copy(&copy).await {
                self.projection.doubt();
                let why = describe(&thrown);
                console_error!("connector [{}] cannot be copied to KV: {why}", copy.id);
                break;
            }
            if self.projection.is_in_doubt(begun) {
                break;
            }
            self.note_projected(copy.version);
        }
        self.projection.running.set(false);
    }

    async fn wait_for_turn(&self) {
        let since = now_millis().saturating_sub(self.projection.last_write.get());
        if since < GAP_MS {
            sleep(Duration::from_millis(GAP_MS - since)).await;
        }
    }

    fn newest(&self) -> Option<Copy> {
        self.with_record(|record| {
            record.map(|record| Copy {
                id: record.id.clone(),
                version: record.version,
                document: record
                    .document
                    .as_ref()
                    .map(|it| (it.json().to_owned(), Entry::of(&it.connector).to_metadata())),
            })
        })
    }

    async fn write_copy(&self, copy: &Copy) -> Result<(), JsError> {
        let kv = kv(&self.env)?;
        let key = kv_key(&copy.id);
        let write = match &copy.document {
            Some((json, entry)) => {
                let options = from_json(&json!({ "metadata": entry }))?;
                kv.put(&key, json, &options)
            }
            None => kv.delete(&key),
        };
        let written = within(WRITE_LIMIT, wait(write)).await;
        // From its end on: when it reached Workers KV is not known.
        self.projection.last_write.set(now_millis());
        match written {
            Some(written) => written.map(|_| ()),
            None => Err(format!("no answer within {} s", WRITE_LIMIT.as_secs()).into()),
        }
    }
}
