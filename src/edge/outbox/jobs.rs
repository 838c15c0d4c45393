//! The Directory as a consumer of sync job changes.

use std::borrow::Cow;
use std::rc::Rc;
use std::time::Duration;

use super::consumer::Consumer;
use super::settle::{InFlight, InFlightGuard, Searched};
use super::{Memory, Outbox};
use crate::document::Document;
use crate::edge::message::{self, JobEntries, JobsReply};
use crate::edge::objects::connector::{JobRecord, Shared};
use crate::edge::runtime::{apply_jobs, describe, now_millis, timeout};
use crate::protocol::directory::JobEntry;
use crate::protocol::jobs::{JobUpdate, JobsUpdate};
use crate::protocol::outbox::{DIRECTORY_GAP_MS, Pace};
use crate::protocol::refresh::Lease;
use crate::values::Time;
use serde_json::Value;

/// How long to wait for the Directory.
const TIMEOUT: Duration = Duration::from_secs(1);
/// The most jobs in one message.
const BATCH: usize = 50;

type Update = JobsUpdate<Option<JobRecord>>;

pub(super) struct Jobs;

impl Consumer for Jobs {
    const GAP_MS: u64 = DIRECTORY_GAP_MS;

    fn pace(memory: &mut Memory) -> &mut Pace {
        &mut memory.jobs
    }

    fn has_pending(outbox: &Outbox) -> bool {
        outbox.shared.has_pending_jobs()
    }

    async fn deliver(outbox: &Rc<Outbox>) -> Result<bool, String> {
        let failed = |why: String| format!("the Directory cannot be notified of sync jobs: {why}");
        deliver_once(outbox).await.map(|()| true).map_err(failed)
    }
}

impl Searched for Jobs {
    const SENDS_IN_PARTS: bool = true;

    fn lease(memory: &mut Memory) -> &mut Lease {
        &mut memory.jobs_lease
    }

    fn in_flight(outbox: &Outbox) -> &Rc<InFlight> {
        &outbox.jobs_in_flight
    }
}

async fn deliver_once(outbox: &Outbox) -> Result<(), String> {
    let connector = &outbox.shared;
    let news = connector.pending_jobs(BATCH).map_err(|thrown| describe(&thrown))?;
    let mut update = JobsUpdate::new(news);
    let sent_at = now_millis();
    let _guard = InFlightGuard::begin(&outbox.jobs_in_flight);
    while !update.jobs.is_empty() {
        let answers = send(connector, &update).await?;
        let answers: Vec<&str> = answers.iter().map(String::as_str).collect();
        let told = update.answered(&answers)?;
        for (id, version) in &told.jobs {
            connector.jobs.borrow_mut().acknowledge(id, *version);
        }
        if told.gives_lease {
            outbox.remember(|memory| memory.jobs_lease.renew(sent_at));
        }
    }
    Ok(())
}

async fn send(connector: &Shared, update: &Update) -> Result<Vec<String>, String> {
    let jobs = update.jobs.iter().map(|news| entry(news, update.with_documents));
    let jobs = jobs.collect::<Result<Vec<JobEntry>, String>>()?;
    let message = message::write(&JobEntries { jobs: jobs.into() })?;
    let reply = match timeout(TIMEOUT, apply_jobs(&connector.env, &message)).await {
        Some(Ok(reply)) => reply,
        Some(Err(thrown)) => return Err(describe(&thrown)),
        None => return Err(format!("no answer within {} ms", TIMEOUT.as_millis())),
    };
    let JobsReply { results } = message::read(&reply).map_err(|_| "it is being updated")?;
    Ok(results.into_iter().map(Cow::into_owned).collect())
}

/// The fields that searches filter and sort by, the version, and the document if it has to be sent.
fn entry(news: &JobUpdate<Option<JobRecord>>, with_document: bool) -> Result<JobEntry, String> {
    let JobUpdate { id, version, record, is_edited, .. } = news;
    let erased =
        JobEntry { id: id.clone(), version: *version, edited: *version, ..JobEntry::default() };
    let Some(JobRecord { job, edited, .. }) = record else { return Ok(erased) };
    let text = |name| job.fields().get(name).and_then(Value::as_str);
    let millis = |name| text(name).and_then(Time::parse).map(Time::millis);
    let is_sent = *is_edited || with_document;
    let document = is_sent.then(|| job.to_json_without(&["status", "last_seen"])).transpose()?;
    Ok(JobEntry {
        edited: *edited,
        connector_id: job.connector_id().map(str::to_owned),
        status: Some(job.status().name().to_owned()),
        job_type: text("job_type").map(str::to_owned),
        created_at: millis("created_at"),
        last_seen: text("last_seen").map(str::to_owned),
        seen: millis("last_seen"),
        document,
        ..erased
    })
}
