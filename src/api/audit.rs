//! The audit: who changed what. A connector's object keeps its newest edits. The Directory keeps events
//! that erase a connector, or that concern all connectors. Only the names of changed fields are kept,
//! never their values.

use serde::{Deserialize, Serialize};

use super::error::ApiError;
use super::query::Query;
use super::response::Response;
use crate::directory::Event;
use crate::limits::{AUDIT_NAMES_BYTES, AUDIT_PAGE};
use crate::values::{Time, json};

/// A change of status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusChange {
    /// The status before; `None` at creation.
    pub from: Option<&'static str>,
    /// The status after.
    pub to: &'static str,
    /// The first line of the error, if the new status is `error`.
    pub error: Option<String>,
}

/// A write to a connector other than a heartbeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The time, as ISO 8601 in UTC.
    pub at: String,
    /// The endpoint.
    pub via: &'static str,
    /// The id of the API key, or the person; `None` for anonymous requests.
    pub by: Option<String>,
    /// The id of the request in the log.
    pub request: Option<String>,
    /// The names of the changed fields.
    pub fields: Vec<String>,
    /// The change of status that came with it.
    pub change: Option<StatusChange>,
}

/// An edit that did not change the status, as in backups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedEdit {
    /// The version of the connector after it.
    pub version: u64,
    /// The time.
    pub at: String,
    /// The endpoint.
    pub via: String,
    /// The id of the API key, or the person.
    pub by: Option<String>,
    /// The id of the request in the log.
    pub request: Option<String>,
    /// The names of the changed fields.
    #[serde(default)]
    pub fields: Vec<String>,
}

/// The names of fields to store: as many as fit, then `...`.
pub fn field_names(fields: &[String]) -> Vec<&str> {
    let mut room = AUDIT_NAMES_BYTES;
    let fits = |name: &&String| match room.checked_sub(name.len()) {
        Some(left) => {
            room = left;
            true
        }
        None => false,
    };
    let mut names: Vec<&str> = fields.iter().take_while(fits).map(String::as_str).collect();
    if names.len() < fields.len() {
        names.push("...");
    }
    names
}

/// A query of the audit of all connectors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Only events at this time or later.
    pub since: Option<Time>,
    /// Only events before this time.
    pub before: Option<Time>,
    /// Only events of this key or person.
    pub key: Option<String>,
    /// About how many events: a page always ends between two milliseconds.
    pub size: usize,
}

pub(super) fn read_query(query: &mut Query) -> Result<AuditQuery, ApiError> {
    let size = query.number("size", AUDIT_PAGE)?.clamp(1, AUDIT_PAGE);
    let key = query.text("key").filter(|key| !key.is_empty());
    let mut time = |name: &'static str| match query.text(name) {
        None => Ok(None),
        Some(text) => Time::parse(&text).map(Some).ok_or_else(|| not_a_time(name, &text)),
    };
    Ok(AuditQuery { since: time("since")?, before: time("before")?, key, size })
}

/// 400: a parameter is not a valid time.
pub(super) fn not_a_time(name: &str, text: &str) -> ApiError {
    let problem =
        format!("[{name}] is [{text}]: it must be an ISO 8601 time, such as 2026-11-25T08:30:00Z");
    ApiError::invalid(&[problem])
}

/// The response with the edits of a connector (a JSON array), the newest first.
pub fn show_audit(id: &str, edits: &json::Raw) -> Response {
    #[derive(Serialize)]
    struct Body<'a> {
        id: &'a str,
        audit: &'a json::Raw,
    }
    Response::json(200, &Body { id, audit: edits })
}

/// The response with events, the newest first. `next` is the value of `before` for the next page.
pub fn show_events(events: &[Event], size: usize) -> Response {
    #[derive(Serialize)]
    struct Body<'a> {
        audit: &'a [Event],
        next: Option<&'a str>,
    }
    let next = events.last().filter(|_| events.len() >= size).map(|event| event.at.as_str());
    Response::json(200, &Body { audit: events, next })
}
