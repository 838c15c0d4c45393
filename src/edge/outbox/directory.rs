//! The Directory as a consumer of the outbox.

use std::rc::Rc;
use std::time::Duration;

use super::Outbox;
use super::consumer::{Consumer, Pace, Told};
use crate::directory::{Entry, document_beside_entry};
use crate::edge::message::{self, with_format};
use crate::edge::objects::connector::{Record, Shared};
use crate::edge::runtime::{apply_entry, describe, timeout};

/// How long to wait for the Directory.
const LIMIT: Duration = Duration::from_secs(1);

/// Lists show these changes at once, as in Elasticsearch: their callers wait for the Directory.
const AWAITED: [&str; 9] = [
    "_create",
    "_delete",
    "_restore",
    "_configuration",
    "_native",
    "_index_name",
    "_name",
    "_service_type",
    "_update",
];

/// Whether callers of that endpoint wait for the Directory.
pub(super) fn is_awaited(via: &str) -> bool {
    AWAITED.contains(&via)
}

/// The Directory.
pub(super) struct Directory;

impl Consumer for Directory {
    /// The first change is told at once, then what has gathered, this often. So a list is less than a
    /// second behind, however often a connector changes.
    const GAP_MS: u64 = 750;

    fn pace(outbox: &Outbox) -> &Pace {
        &outbox.directory
    }

    fn is_behind(connector: &Shared) -> bool {
        connector.is_directory_behind()
    }

    async fn tell(outbox: &Rc<Outbox>) -> Result<Told, String> {
        let failed = |why: String| format!("the Directory cannot be told: {why}");
        tell_once(outbox).await.map(|()| Told::Done).map_err(failed)
    }
}

/// Tells the newest version, without regard to what is under way, and waits for it as long as
/// callers do. Versions see to it that what arrives late does no harm.
pub(super) async fn tell_and_wait(outbox: &Rc<Outbox>) {
    outbox.directory.mark();
    // What fails is repeated by the alarm.
    drop(tell_once(outbox).await);
}

async fn tell_once(outbox: &Outbox) -> Result<(), String> {
    let shared = &outbox.shared;
    let settled = shared.claims.borrow().settled().to_vec();
    let newest = shared.with_record(|record| {
        let it = record?;
        let anew = outbox.is_forced.get();
        let entry = message(&Entry { settled: settled.clone(), anew, ..entry(it) });
        Some((it.version, entry, it.edited > it.cursors.directory))
    });
    let Some((version, entry, is_edited)) = newest else { return Ok(()) };
    let entry = entry?;
    let mut with_document = is_edited;
    loop {
        let document = match with_document {
            true => shared.with_record(|record| record.and_then(document)),
            false => None,
        };
        let told = apply_entry(&shared.env, &entry, document.as_deref());
        let reply = match timeout(LIMIT, told).await {
            Some(Ok(reply)) => reply,
            Some(Err(thrown)) => return Err(describe(&thrown)),
            None => return Err(format!("no answer within {} ms", LIMIT.as_millis())),
        };
        let mut result = String::new();
        let read = message::read(&reply, &mut |_, value| result = value.into_text());
        read.map_err(|_| "it is being updated")?;
        match result.as_str() {
            "taken" | "seen" | "older" => break,
            "document needed" if !with_document => with_document = true,
            other => return Err(format!("it answers [{other}]")),
        }
    }
    outbox.is_forced.set(false);
    shared.claims.borrow_mut().told(&settled);
    shared.move_cursors(|cursors| cursors.directory = cursors.directory.max(version));
    Ok(())
}

/// An entry as it is told.
///
/// # Errors
/// If it is no JSON, which it always is.
pub(in crate::edge) fn message(entry: &Entry<'_>) -> Result<String, String> {
    let entry = serde_json::to_string(entry).map_err(|error| error.to_string())?;
    Ok(with_format(&entry))
}

/// What lists filter and sort by, and the version.
pub(in crate::edge) fn entry(record: &Record) -> Entry<'_> {
    match record.connector() {
        Some(it) => Entry::of(&record.id, record.version, record.since.as_deref(), it),
        None => Entry::erased(&record.id, record.version),
    }
}

/// The document as the Directory keeps it.
pub(in crate::edge) fn document(record: &Record) -> Option<String> {
    record.connector().map(document_beside_entry)
}
