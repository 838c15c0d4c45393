//! The Directory as a consumer of the outbox.

use std::rc::Rc;
use std::time::Duration;

use worker::console_error;

use super::set_alarm;
use crate::directory::{Entry, document_beside_entry};
use crate::edge::message::{self, with_format};
use crate::edge::objects::connector::{Object, Record};
use crate::edge::runtime::{apply_entry, describe, now_millis, timeout};

/// The first change is told at once, then what has gathered, this often. So a list is less than a
/// second behind, however often a connector changes.
const GAP_MS: u64 = 750;
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

pub(in crate::edge) fn is_behind(object: &Object) -> bool {
    object.with_record(|record| record.is_some_and(|it| it.cursors.directory < it.version))
}

/// Tells the newest version, without regard to what is under way, and waits for it as long as
/// callers do. Versions see to it that what arrives late does no harm.
pub(super) async fn tell_and_wait(object: &Rc<Object>) {
    object.outbox.directory.last.set(now_millis());
    // What fails is repeated by the alarm.
    drop(tell_once(object).await);
}

/// Tells until the Directory is up to date, or fails.
pub(super) async fn tell(object: &Rc<Object>) {
    let pace = &object.outbox.directory;
    if pace.running.replace(true) {
        return;
    }
    while is_behind(object) {
        pace.wait_for_turn(GAP_MS).await;
        pace.last.set(now_millis());
        if let Err(why) = tell_once(object).await {
            console_error!("the Directory cannot be told: {why}");
            set_alarm(object).await;
            break;
        }
    }
    pace.running.set(false);
}

async fn tell_once(object: &Rc<Object>) -> Result<(), String> {
    let settled = object.claims.borrow().settled().to_vec();
    let newest = object.with_record(|record| {
        let it = record?;
        let anew = object.outbox.is_anew.get();
        let entry = message(&Entry { settled: settled.clone(), anew, ..entry(it) });
        Some((it.version, entry, it.edited > it.cursors.directory))
    });
    let Some((version, entry, is_edited)) = newest else { return Ok(()) };
    let mut with_document = is_edited;
    loop {
        let document = match with_document {
            true => object.with_record(|record| record.and_then(document)),
            false => None,
        };
        let told = apply_entry(&object.env, &entry, document.as_deref());
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
    object.outbox.is_anew.set(false);
    object.claims.borrow_mut().told(&settled);
    object.move_cursors(|cursors| cursors.directory = cursors.directory.max(version));
    Ok(())
}

/// An entry as it is told.
pub(in crate::edge) fn message(entry: &Entry<'_>) -> String {
    with_format(&serde_json::to_string(entry).unwrap_or_default())
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
