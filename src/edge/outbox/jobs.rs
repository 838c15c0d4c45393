//! The Directory as a consumer of what happens to sync jobs.

use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use worker::console_error;

use super::set_alarm;
use crate::document::Document;
use crate::edge::message::{self, FORMAT};
use crate::edge::objects::connector::{Object, Telling};
use crate::edge::runtime::{apply_jobs, describe, now_millis, timeout};
use crate::values::Time;

/// The first change is told at once, then what has gathered, this often.
const GAP_MS: u64 = 750;
/// How long to wait for the Directory.
const LIMIT: Duration = Duration::from_secs(1);
/// So many jobs are told at once.
const BATCH: usize = 50;

/// Tells what is untold, without regard to what is under way, and waits for it as long as callers
/// do. Versions see to it that what arrives late does no harm.
pub(super) async fn tell_and_wait(object: &Rc<Object>) {
    object.outbox.jobs.last.set(now_millis());
    let told = timeout(LIMIT, async {
        while object.has_untold_jobs() {
            // What fails is repeated by the alarm.
            if tell_once(object).await.is_err() {
                break;
            }
        }
    });
    told.await.unwrap_or_default();
}

/// Tells until the Directory is up to date, or fails.
pub(super) async fn tell(object: &Rc<Object>) {
    let pace = &object.outbox.jobs;
    if pace.running.replace(true) {
        return;
    }
    while object.has_untold_jobs() {
        pace.wait_for_turn(GAP_MS).await;
        pace.last.set(now_millis());
        if let Err(why) = tell_once(object).await {
            console_error!("the Directory cannot be told of sync jobs: {why}");
            set_alarm(object).await;
            break;
        }
    }
    pace.running.set(false);
}

async fn tell_once(object: &Rc<Object>) -> Result<(), String> {
    let mut tellings = object.untold_jobs(BATCH).map_err(|thrown| describe(&thrown))?;
    let mut with_document = false;
    while !tellings.is_empty() {
        let jobs: Vec<Value> =
            tellings.iter().map(|telling| entry(telling, with_document)).collect();
        let message = json!({ "format": FORMAT, "jobs": jobs }).to_string();
        let reply = match timeout(LIMIT, apply_jobs(&object.env, &message)).await {
            Some(Ok(reply)) => reply,
            Some(Err(thrown)) => return Err(describe(&thrown)),
            None => return Err(format!("no answer within {} ms", LIMIT.as_millis())),
        };
        let reply = message::parse(&reply).map_err(|_| "it is being updated")?;
        let results = reply.get("results").and_then(Value::as_array).cloned().unwrap_or_default();
        if results.len() != tellings.len() {
            return Err(format!("it answers {}", Value::from(results)));
        }
        let mut wanted = Vec::new();
        for (telling, result) in tellings.into_iter().zip(results) {
            match result.as_str() {
                Some("taken" | "seen" | "older") => object.job_told(&telling.id, telling.version),
                Some("document needed") if !with_document => wanted.push(telling),
                other => return Err(format!("it answers {other:?}")),
            }
        }
        tellings = wanted;
        with_document = true;
    }
    Ok(())
}

/// What searches filter and sort by, the version, and the document if it is to be told.
fn entry(telling: &Telling, with_document: bool) -> Value {
    let Telling { id, version, record, is_edited } = telling;
    let Some(record) = record else {
        return json!({
            "id": id,
            "version": version,
            "edited": version,
            "connector_id": null,
            "status": null,
            "job_type": null,
            "created_at": null,
            "last_seen": null,
            "seen": null,
        });
    };
    let job = &record.job;
    let text = |name| job.fields().get(name).and_then(Value::as_str);
    let millis = |name| text(name).and_then(Time::parse).map(Time::millis);
    let mut entry = json!({
        "id": id,
        "version": version,
        "edited": record.edited,
        "connector_id": job.connector_id(),
        "status": job.status().name(),
        "job_type": text("job_type"),
        "created_at": millis("created_at"),
        "last_seen": text("last_seen"),
        "seen": millis("last_seen"),
    });
    if let (true, Value::Object(entry)) = (*is_edited || with_document, &mut entry) {
        let document = job.to_json_without(&["status", "last_seen"]);
        entry.insert("document".to_owned(), document.into());
    }
    entry
}
