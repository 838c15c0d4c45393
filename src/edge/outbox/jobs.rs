//! The Directory as a consumer of what happens to sync jobs.

use std::rc::Rc;
use std::time::Duration;

use super::consumer::Consumer;
use super::settle::{Searched, Tellings, UnderWay};
use super::{Memory, Outbox};
use crate::document::Document;
use crate::edge::message::{self, FORMAT};
use crate::edge::objects::connector::{JobRecord, Shared};
use crate::edge::runtime::{apply_jobs, describe, now_millis, timeout};
use crate::protocol::jobs::{JobNews, JobsTelling};
use crate::protocol::outbox::{DIRECTORY_GAP_MS, Pace};
use crate::protocol::refresh::Lease;
use crate::values::Time;
use serde_json::{Value, json};

/// How long to wait for the Directory.
const LIMIT: Duration = Duration::from_secs(1);
/// So many jobs are told at once.
const BATCH: usize = 50;

type Telling = JobsTelling<Option<JobRecord>>;

/// The Directory, as far as sync jobs are concerned.
pub(super) struct Jobs;

impl Consumer for Jobs {
    const GAP_MS: u64 = DIRECTORY_GAP_MS;

    fn pace(memory: &mut Memory) -> &mut Pace {
        &mut memory.jobs
    }

    fn is_behind(outbox: &Outbox) -> bool {
        outbox.shared.has_untold_jobs()
    }

    async fn tell(outbox: &Rc<Outbox>) -> Result<bool, String> {
        let failed = |why: String| format!("the Directory cannot be told of sync jobs: {why}");
        tell_once(outbox).await.map(|()| true).map_err(failed)
    }
}

impl Searched for Jobs {
    const TAKES_PARTS: bool = true;

    fn lease(memory: &mut Memory) -> &mut Lease {
        &mut memory.jobs_lease
    }

    fn tellings(outbox: &Outbox) -> &Rc<Tellings> {
        &outbox.jobs_tellings
    }
}

async fn tell_once(outbox: &Outbox) -> Result<(), String> {
    let connector = &outbox.shared;
    let news = connector.untold_jobs(BATCH).map_err(|thrown| describe(&thrown))?;
    let mut telling = JobsTelling::new(news);
    let sent_at = now_millis();
    let _under_way = UnderWay::begin(&outbox.jobs_tellings);
    while !telling.news.is_empty() {
        let answers = ask(connector, &telling).await?;
        let answers: Vec<&str> = answers.iter().filter_map(Value::as_str).collect();
        let told = telling.answered(&answers)?;
        for (id, version) in &told.jobs {
            connector.jobs.borrow_mut().told(id, *version);
        }
        if told.gives_lease {
            outbox.remember(|memory| memory.jobs_lease.renew(sent_at));
        }
    }
    Ok(())
}

async fn ask(connector: &Shared, telling: &Telling) -> Result<Vec<Value>, String> {
    let entry = |news| entry(news, telling.with_documents);
    let jobs: Vec<Value> = telling.news.iter().map(entry).collect();
    let message = json!({ "format": FORMAT, "jobs": jobs }).to_string();
    let reply = match timeout(LIMIT, apply_jobs(&connector.env, &message)).await {
        Some(Ok(reply)) => reply,
        Some(Err(thrown)) => return Err(describe(&thrown)),
        None => return Err(format!("no answer within {} ms", LIMIT.as_millis())),
    };
    let reply = message::parse(&reply).map_err(|_| "it is being updated")?;
    Ok(reply.get("results").and_then(Value::as_array).cloned().unwrap_or_default())
}

/// What searches filter and sort by, the version, and the document if it is to be told.
fn entry(news: &JobNews<Option<JobRecord>>, with_document: bool) -> Value {
    let JobNews { id, version, record, is_edited, .. } = news;
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
