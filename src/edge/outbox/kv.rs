//! Workers KV as a consumer of the outbox: the copy of a connector that every location can read.

use std::rc::Rc;
use std::time::Duration;

use serde_json::json;

use super::consumer::Consumer;
use super::{Memory, Outbox};
use crate::edge::objects::connector::Shared;
use crate::edge::runtime::{JsError, Kv as Namespace, describe, now_millis, timeout};
use crate::edge::{KV, kv_key};
use crate::protocol::outbox::{Copied, Copy, KV_GAP_MS, Pace};

/// A write that takes longer counts as failed.
const WRITE_TIMEOUT: Duration = Duration::from_secs(2);

/// A version of a connector to copy.
struct Snapshot {
    id: String,
    document: Option<String>,
}

pub(super) struct Kv;

impl Consumer for Kv {
    const GAP_MS: u64 = KV_GAP_MS;

    fn pace(memory: &mut Memory) -> &mut Pace {
        &mut memory.kv
    }

    fn has_pending(outbox: &Outbox) -> bool {
        let (versions, cursors) = outbox.shared.versions();
        cursors.is_kv_pending(versions, now_millis())
    }

    async fn deliver(outbox: &Rc<Outbox>) -> Result<bool, String> {
        let shared = &outbox.shared;
        let Some(snapshot) = newest(shared).transpose()? else { return Ok(true) };
        let (versions, cursors) = shared.versions();
        let copy = Copy::begin(versions, cursors, now_millis());
        let written = write(shared, &snapshot, copy).await;
        note(outbox, &snapshot, copy, written)
    }
}

/// Records the result of a write. Returns `false` if a later write may have been overtaken.
fn note(
    outbox: &Outbox,
    snapshot: &Snapshot,
    copy: Copy,
    written: Result<(), JsError>,
) -> Result<bool, String> {
    let now = now_millis();
    // The interval starts at the end of the write: when it took effect is not known.
    outbox.remember(|memory| memory.kv.mark(now));
    if let Err(thrown) = written {
        outbox.remember(|memory| memory.copying.fail(now));
        let why = describe(&thrown);
        return Err(format!("connector [{}] cannot be copied to KV: {why}", snapshot.id));
    }
    let copied = outbox
        .shared
        .move_cursors(|cursors| outbox.remember(|memory| memory.copying.succeed(copy, cursors)));
    // A heartbeat sets no alarm that would store the cursors, and the object may be evicted before the next one.
    if copied == Some(Copied::Done) && !outbox.remember(|memory| memory.alarm.is_set()) {
        outbox.shared.store_cursors();
    }
    Ok(copied != Some(Copied::Doubtful))
}

fn newest(connector: &Shared) -> Option<Result<Snapshot, String>> {
    connector.with_record(|record| {
        record.map(|record| {
            let document = record.document.as_ref().map(|document| document.json()).transpose()?;
            Ok(Snapshot { id: record.id.clone(), document: document.map(str::to_owned) })
        })
    })
}

async fn write(connector: &Shared, snapshot: &Snapshot, copy: Copy) -> Result<(), JsError> {
    let kv = Namespace::of(&connector.env, KV)?;
    let key = kv_key(&snapshot.id);
    let metadata = json!({ "at": copy.begun, "version": copy.version });
    let write = async {
        match &snapshot.document {
            Some(json) => kv.put(&key, json, &metadata).await,
            None => kv.delete(&key).await,
        }
    };
    match timeout(WRITE_TIMEOUT, write).await {
        Some(written) => written,
        None => Err(format!("no answer within {} s", WRITE_TIMEOUT.as_secs()).into()),
    }
}
