//! What each update endpoint does to a sync job.

use serde_json::Value;

use super::{Fields, InvalidTransition, SyncJob, SyncJobStatus};
use crate::document::Patch;
use crate::values::Time;

/// The decision of an update endpoint: takes the current job, the fields of the request and the time,
/// and returns what to change.
pub type UpdateFn = fn(&SyncJob, Fields, Time) -> Result<Patch, InvalidTransition>;

/// `_cancel`: cancels a job that isn't running; asks the worker of a running one to stop.
pub fn cancel(before: &SyncJob, _: Fields, now: Time) -> Result<Patch, InvalidTransition> {
    let (to, stamps): (_, &[&str]) = match before.status() {
        SyncJobStatus::Pending | SyncJobStatus::Suspended => {
            (SyncJobStatus::Canceled, &["cancelation_requested_at", "canceled_at", "completed_at"])
        }
        _ => (SyncJobStatus::Canceling, &["cancelation_requested_at"]),
    };
    transition(before, to, timestamps(stamps, now))
}

/// `_check_in`: a heartbeat of its worker. Does not change the status.
pub fn check_in(_: &SyncJob, _: Fields, now: Time) -> Result<Patch, InvalidTransition> {
    Ok(Patch::merge(timestamps(&["last_seen"], now)))
}

/// `_claim`: a worker starts it. Allowed in any status, as in Elasticsearch: workers that compete for
/// jobs send `If-Match`.
pub fn claim(_: &SyncJob, mut fields: Fields, now: Time) -> Result<Patch, InvalidTransition> {
    if let Some(cursor) = fields.shift_remove("sync_cursor") {
        let connector = Fields::from_iter([("sync_cursor".to_owned(), cursor)]);
        fields.insert("connector".to_owned(), connector.into());
    }
    fields.extend(timestamps(&["last_seen", "started_at"], now));
    Ok(Patch::merge(fields).with_status(SyncJobStatus::InProgress))
}

/// `_complete`: the sync has succeeded. Elasticsearch has no such endpoint: the connector service
/// writes this to the index.
pub fn complete(before: &SyncJob, _: Fields, now: Time) -> Result<Patch, InvalidTransition> {
    transition(before, SyncJobStatus::Completed, timestamps(&["completed_at", "last_seen"], now))
}

/// `_error`: the sync has failed.
pub fn error(before: &SyncJob, fields: Fields, _: Time) -> Result<Patch, InvalidTransition> {
    transition(before, SyncJobStatus::Error, fields)
}

/// `_stats`: reports progress. Does not change the status.
pub fn stats(_: &SyncJob, mut fields: Fields, now: Time) -> Result<Patch, InvalidTransition> {
    if !fields.contains_key("last_seen") {
        fields.extend(timestamps(&["last_seen"], now));
    }
    Ok(Patch::merge(fields))
}

/// `_suspend`: its worker shuts down before the sync is done. Elasticsearch has no such endpoint: the
/// connector service writes this to the index.
pub fn suspend(before: &SyncJob, fields: Fields, _: Time) -> Result<Patch, InvalidTransition> {
    transition(before, SyncJobStatus::Suspended, fields)
}

fn transition(
    before: &SyncJob,
    to: SyncJobStatus,
    fields: Fields,
) -> Result<Patch, InvalidTransition> {
    match before.status().explain(to) {
        Some(error) => Err(error),
        None => Ok(Patch::merge(fields).with_status(to)),
    }
}

fn timestamps(names: &[&str], now: Time) -> Fields {
    let now = Value::from(now.to_string());
    let mut stamps = Fields::new();
    for name in names {
        stamps.insert((*name).to_owned(), now.clone());
    }
    stamps
}
