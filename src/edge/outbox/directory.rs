//! The Directory as a consumer of the outbox.

use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use worker::console_error;

use super::set_alarm;
use crate::document::Document;
use crate::edge::message::{self, FORMAT};
use crate::edge::objects::connector::{Object, Record};
use crate::edge::runtime::{apply_entry, describe, now_millis, timeout};

/// The first change is told at once, then what has gathered, this often. So a list is less than a
/// second behind, however often a connector changes.
const GAP_MS: u64 = 750;
/// How long to wait for the Directory.
const LIMIT: Duration = Duration::from_secs(1);
/// A longer error is shortened in the list.
const ERROR_LIMIT: usize = 300;

/// Lists show these changes at once, as in Elasticsearch: their callers wait for the Directory.
const AWAITED: [&str; 8] = [
    "_create",
    "_delete",
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

pub(super) fn is_behind(object: &Object) -> bool {
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
    let newest = object.with_record(|record| {
        record.map(|it| (it.version, entry(it), it.edited > it.cursors.directory))
    });
    let Some((version, mut entry, is_edited)) = newest else { return Ok(()) };
    let settled = object.settled.borrow().clone();
    if let (Some(fields), false) = (entry.as_object_mut(), settled.is_empty()) {
        fields.insert("settled".to_owned(), json!(settled));
    }
    let entry = entry.to_string();
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
        let reply = message::parse(&reply).map_err(|_| "it is being updated")?;
        match reply.get("result").and_then(Value::as_str) {
            Some("taken" | "seen" | "older") => break,
            Some("document needed") if !with_document => with_document = true,
            other => return Err(format!("it answers {other:?}")),
        }
    }
    object.settled.borrow_mut().retain(|claim| !settled.contains(claim));
    object.move_cursors(|cursors| cursors.directory = cursors.directory.max(version));
    Ok(())
}

/// What lists filter and sort by, and the version.
pub(in crate::edge) fn entry(record: &Record) -> Value {
    let connector = record.connector();
    let text = |name| connector.and_then(|connector| connector.text(name));
    let deleted = match connector {
        None => 2,
        Some(connector) => u8::from(connector.is_deleted()),
    };
    json!({
        "format": FORMAT,
        "id": record.id,
        "version": record.version,
        "deleted": deleted,
        "status": connector.map(|connector| connector.status().name()),
        "since": record.since,
        "index_name": text("index_name"),
        "name": text("name"),
        "service_type": text("service_type"),
        "description": text("description"),
        "last_seen": text("last_seen"),
        "error": text("error").map(shortened),
    })
}

/// The document as the Directory keeps it.
pub(in crate::edge) fn document(record: &Record) -> Option<String> {
    record.connector().map(|connector| connector.to_json_without(&["status", "last_seen"]))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(ERROR_LIMIT).and_then(|(end, _)| text.get(..end)) {
        Some(start) => format!("{start}..."),
        None => text.to_owned(),
    }
}
