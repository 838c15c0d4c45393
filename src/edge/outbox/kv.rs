//! Workers KV as a consumer of the outbox: the copy of a connector that every location can read.
//!
//! A write that failed, or that nobody waited for to the end, may still be carried out later, over
//! a newer one. So for a while after a failure no write counts: the newest version is written again
//! and again, and whatever comes late is overwritten.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use serde_json::json;

use super::Outbox;
use super::consumer::{Consumer, Pace, Told};
use crate::edge::objects::connector::{Record, Shared};
use crate::edge::runtime::{JsError, Kv as Namespace, describe, now_millis, timeout};
use crate::edge::{KV, kv_key};

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

/// What is remembered of copying.
#[derive(Default)]
pub(super) struct Copying {
    pub pace: Pace,
    /// When a write last failed that may still be carried out.
    late_write: Cell<u64>,
}

impl Copying {
    /// Notes that a write may be under way of which nothing will be heard.
    pub fn suspect_late_write(&self) {
        self.late_write.set(now_millis());
    }

    fn is_in_doubt(&self, at: u64) -> bool {
        at.saturating_sub(self.late_write.get()) < LATE_WRITE_MS
    }
}

/// Workers KV.
pub(super) struct Kv;

impl Consumer for Kv {
    /// Workers KV takes one write a second for a key.
    const GAP_MS: u64 = 1_100;

    fn pace(outbox: &Outbox) -> &Pace {
        &outbox.kv.pace
    }

    fn is_behind(connector: &Shared) -> bool {
        let is_behind = |it: &Record| {
            it.cursors.kv < it.changed
                || (it.cursors.kv < it.version
                    && now_millis().saturating_sub(it.cursors.copied_at) > HEARTBEAT_GAP_MS)
        };
        connector.with_record(|record| record.is_some_and(is_behind))
    }

    async fn tell(outbox: &Rc<Outbox>) -> Result<Told, String> {
        let shared = &outbox.shared;
        let Some(copy) = newest(shared) else { return Ok(Told::Done) };
        let begun = now_millis();
        let written = write(shared, &copy, begun).await;
        // From its end on: when it reached Workers KV is not known.
        outbox.kv.pace.mark();
        if let Err(thrown) = written {
            outbox.kv.suspect_late_write();
            let why = describe(&thrown);
            return Err(format!("connector [{}] cannot be copied to KV: {why}", copy.id));
        }
        if outbox.kv.is_in_doubt(begun) {
            return Ok(Told::Doubtful);
        }
        shared.move_cursors(|cursors| {
            cursors.kv = copy.version;
            cursors.copied_at = begun;
        });
        // A heartbeat has no alarm to note it, and the next one may find the object put away.
        if !outbox.alarm_set.get() {
            shared.note_cursors();
        }
        Ok(Told::Done)
    }
}

fn newest(connector: &Shared) -> Option<Copy> {
    connector.with_record(|record| {
        record.map(|record| Copy {
            id: record.id.clone(),
            version: record.version,
            document: record.document.as_ref().map(|document| document.json().to_owned()),
        })
    })
}

async fn write(connector: &Shared, copy: &Copy, at: u64) -> Result<(), JsError> {
    let kv = Namespace::of(&connector.env, KV)?;
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
