//! The Directory as a consumer of what happens to sync jobs.

use std::rc::Rc;
use std::time::Duration;

use super::Outbox;
use super::consumer::{Consumer, Pace, Told};
use crate::document::Document;
use crate::edge::message::{self, FORMAT};
use crate::edge::objects::connector::{JobNews, Shared};
use crate::edge::runtime::{apply_jobs, describe, timeout};
use crate::values::Time;
use serde_json::{Value, json};

/// How long to wait for the Directory.
const LIMIT: Duration = Duration::from_secs(1);
/// So many jobs are told at once.
const BATCH: usize = 50;

/// The Directory, as far as sync jobs are concerned.
pub(super) struct Jobs;

impl Consumer for Jobs {
    /// The first change is told at once, then what has gathered, this often.
    const GAP_MS: u64 = 750;

    fn pace(outbox: &Outbox) -> &Pace {
        &outbox.jobs
    }

    fn is_behind(connector: &Shared) -> bool {
        connector.has_untold_jobs()
    }

    async fn tell(outbox: &Rc<Outbox>) -> Result<Told, String> {
        let failed = |why: String| format!("the Directory cannot be told of sync jobs: {why}");
        tell_once(&outbox.shared).await.map(|()| Told::Done).map_err(failed)
    }
}

/// Tells what is untold, without regard to what is under way, and waits for it as long as callers
/// do. Versions see to it that what arrives late does no harm.
pub(super) async fn tell_and_wait(outbox: &Rc<Outbox>) {
    outbox.jobs.mark();
    let told = timeout(LIMIT, async {
        // What fails is repeated by the alarm.
        while outbox.shared.has_untold_jobs() && tell_once(&outbox.shared).await.is_ok() {}
    });
    told.await.unwrap_or_default();
}

async fn tell_once(connector: &Shared) -> Result<(), String> {
    let mut all_news = connector.untold_jobs(BATCH).map_err(|thrown| describe(&thrown))?;
    let mut with_document = false;
    while !all_news.is_empty() {
        let jobs: Vec<Value> = all_news.iter().map(|news| entry(news, with_document)).collect();
        let message = json!({ "format": FORMAT, "jobs": jobs }).to_string();
        let reply = match timeout(LIMIT, apply_jobs(&connector.env, &message)).await {
            Some(Ok(reply)) => reply,
            Some(Err(thrown)) => return Err(describe(&thrown)),
            None => return Err(format!("no answer within {} ms", LIMIT.as_millis())),
        };
        let reply = message::parse(&reply).map_err(|_| "it is being updated")?;
        let results = reply.get("results").and_then(Value::as_array).cloned().unwrap_or_default();
        if results.len() != all_news.len() {
            return Err(format!("it answers {}", Value::from(results)));
        }
        let mut wanted = Vec::new();
        for (news, result) in all_news.into_iter().zip(results) {
            match result.as_str() {
                Some("taken" | "seen" | "older") => connector.job_told(&news.id, news.version),
                Some("document needed") if !with_document => wanted.push(news),
                other => return Err(format!("it answers {other:?}")),
            }
        }
        all_news = wanted;
        with_document = true;
    }
    Ok(())
}

/// What searches filter and sort by, the version, and the document if it is to be told.
fn entry(news: &JobNews, with_document: bool) -> Value {
    let JobNews { id, version, record, is_edited } = news;
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
