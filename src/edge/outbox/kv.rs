//! Workers KV as a consumer of the outbox: the copy of a connector that every location can read.
//!
//! A write that failed, or that nobody waited for to the end, may still be carried out later, over
//! a newer one. So for a while after a failure no write counts: the newest version is written again
//! and again, and whatever comes late is overwritten.

use std::rc::Rc;
use std::time::Duration;

use serde_json::json;
use worker::console_error;

use super::{Pace, set_alarm};
use crate::edge::objects::connector::{Object, Record};
use crate::edge::runtime::{JsError, Kv, describe, now_millis, timeout};
use crate::edge::{KV, kv_key};

/// Workers KV takes one write a second for a key.
const GAP_MS: u64 = 1_100;
/// A write that takes longer counts as failed.
const WRITE_LIMIT: Duration = Duration::from_secs(2);
/// How long a write that failed may still be carried out.
const LATE_WRITE_MS: u64 = 20_000;
/// Writes are dear: a heartbeat alone is copied only when the copy is this old. So the free plan's
/// 1,000 writes a day are enough for as many connectors as its other quotas are.
const HEARTBEAT_GAP_MS: u64 = 12 * 3_600_000;

/// A version of a connector, to be copied.
struct Copy {
    id: String,
    version: u64,
    document: Option<String>,
}

pub(super) fn is_behind(object: &Object) -> bool {
    let is_behind = |it: &Record| {
        it.cursors.kv < it.changed
            || (it.cursors.kv < it.version
                && now_millis().saturating_sub(it.cursors.copied_at) > HEARTBEAT_GAP_MS)
    };
    object.with_record(|record| record.is_some_and(is_behind))
}

/// A write may be under way of which nothing will be heard.
pub(super) fn suspect_late_write(object: &Object) {
    object.outbox.kv.last_failure.set(now_millis());
}

/// Copies until the copy is up to date, or a write fails or does not count.
pub(super) async fn tell(object: &Rc<Object>) {
    let pace = &object.outbox.kv;
    if pace.running.replace(true) {
        return;
    }
    while is_behind(object) {
        pace.wait_for_turn(GAP_MS).await;
        let Some(copy) = newest(object) else { break };
        let begun = now_millis();
        let written = write(object, &copy, begun).await;
        // From its end on: when it reached Workers KV is not known.
        pace.last.set(now_millis());
        if let Err(thrown) = written {
            suspect_late_write(object);
            let why = describe(&thrown);
            console_error!("connector [{}] cannot be copied to KV: {why}", copy.id);
            set_alarm(object).await;
            break;
        }
        if is_in_doubt(pace, begun) {
            set_alarm(object).await;
            break;
        }
        object.move_cursors(|cursors| {
            cursors.kv = copy.version;
            cursors.copied_at = begun;
        });
        // A heartbeat has no alarm to note it, and the next one may find the object put away.
        if !object.outbox.alarm_set.get() {
            object.note_cursors();
        }
    }
    pace.running.set(false);
}

fn is_in_doubt(pace: &Pace, at: u64) -> bool {
    at.saturating_sub(pace.last_failure.get()) < LATE_WRITE_MS
}

fn newest(object: &Object) -> Option<Copy> {
    object.with_record(|record| {
        record.map(|record| Copy {
            id: record.id.clone(),
            version: record.version,
            document: record.document.as_ref().map(|document| document.json().to_owned()),
        })
    })
}

async fn write(object: &Object, copy: &Copy, at: u64) -> Result<(), JsError> {
    let kv = Kv::of(&object.env, KV)?;
    let key = kv_key(&copy.id);
    let metadata = json!({ "at": at, "version": copy.version });
    let write = async {
        match &copy.document {
            Some(json) => kv.put(&key, json, &metadata).await,
            None => kv.delete(&key).await,
        }
    };
    match timeout(WRITE_LIMIT, write).await {
        Some(written) => written,
        None => Err(format!("no answer within {} s", WRITE_LIMIT.as_secs()).into()),
    }
}
