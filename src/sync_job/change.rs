//! What each update does to a job.

use serde_json::Value;

use super::{Fields, InvalidTransition, SyncJob, SyncJobStatus};
use crate::document::Patch;
use crate::values::Time;

/// What an update of one job asks for: computes, from the job as it is, the fields of the request
/// and the time, what shall be different.
pub type Change = fn(&SyncJob, Fields, Time) -> Result<Patch, InvalidTransition>;

/// `_cancel`: a job that is not running is canceled at once, a running one has to stop first.
///
/// # Errors
/// If it is over already, or about to stop.
pub fn cancel(before: &SyncJob, _: Fields, now: Time) -> Result<Patch, InvalidTransition> {
    let (to, stamps): (_, &[&str]) = match before.status() {
        SyncJobStatus::Pending | SyncJobStatus::Suspended => {
            (SyncJobStatus::Canceled, &["cancelation_requested_at", "canceled_at", "completed_at"])
        }
        _ => (SyncJobStatus::Canceling, &["cancelation_requested_at"]),
    };
    moved(before, to, stamped(stamps, now))
}

/// `_check_in`: a worker still carries it out. Status is not touched.
pub fn check_in(_: &SyncJob, _: Fields, now: Time) -> Result<Patch, InvalidTransition> {
    Ok(Patch::merging(stamped(&["last_seen"], now)))
}

/// `_claim`: a worker takes it, whatever its status, as upstream. `If-Match` guards against others.
pub fn claim(_: &SyncJob, mut fields: Fields, now: Time) -> Result<Patch, InvalidTransition> {
    if let Some(cursor) = fields.shift_remove("sync_cursor") {
        let connector = Fields::from_iter([("sync_cursor".to_owned(), cursor)]);
        fields.insert("connector".to_owned(), connector.into());
    }
    fields.extend(stamped(&["last_seen", "started_at"], now));
    Ok(Patch::merging(fields).with_status(SyncJobStatus::InProgress))
}

/// `_complete`: everything is synced. Upstream has no such endpoint: its service writes this into the
/// index.
///
/// # Errors
/// If it is not running.
pub fn complete(before: &SyncJob, _: Fields, now: Time) -> Result<Patch, InvalidTransition> {
    moved(before, SyncJobStatus::Completed, stamped(&["completed_at", "last_seen"], now))
}

/// `_error`: it has failed.
///
/// # Errors
/// If it is not running.
pub fn error(before: &SyncJob, fields: Fields, _: Time) -> Result<Patch, InvalidTransition> {
    moved(before, SyncJobStatus::Error, fields)
}

/// `_stats`: how far it is. Status is not touched.
pub fn stats(_: &SyncJob, mut fields: Fields, now: Time) -> Result<Patch, InvalidTransition> {
    if !fields.contains_key("last_seen") {
        fields.extend(stamped(&["last_seen"], now));
    }
    Ok(Patch::merging(fields))
}

/// `_suspend`: its worker shuts down before it is done. Upstream has no such endpoint: its service
/// writes this into the index.
///
/// # Errors
/// If it is not running.
pub fn suspend(before: &SyncJob, fields: Fields, _: Time) -> Result<Patch, InvalidTransition> {
    moved(before, SyncJobStatus::Suspended, fields)
}

fn moved(before: &SyncJob, to: SyncJobStatus, fields: Fields) -> Result<Patch, InvalidTransition> {
    match before.status().explain(to) {
        Some(transition) => Err(transition),
        None => Ok(Patch::merging(fields).with_status(to)),
    }
}

fn stamped(names: &[&str], now: Time) -> Fields {
    let now = Value::from(now.to_string());
    let mut stamps = Fields::new();
    for name in names {
        stamps.insert((*name).to_owned(), now.clone());
    }
    stamps
}
