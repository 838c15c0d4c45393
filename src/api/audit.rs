//! Who changed what. A connector keeps its newest edits beside its history; what erases a connector, or concerns one as
//! a whole or all of them, is kept by the Directory. Of what was written only the names of the fields are kept.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::ApiError;
use super::query::Query;
use super::response::Response;
use crate::directory::Event;
use crate::limits::{AUDIT_NAMES_BYTES, AUDIT_PAGE};
use crate::values::Time;

/// A change of status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusChange {
    /// The status before; `None` at creation.
    pub from: Option<&'static str>,
    /// The status after.
    pub to: &'static str,
    /// What the error said in a line, if the status is `error` from here on.
    pub error: Option<String>,
}

/// A write of a connector that is more than a heartbeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// When, as ISO-8601 in UTC.
    pub at: String,
    /// The endpoint that made it.
    pub via: &'static str,
    /// The id of the API key, or the person, that asked for it; `None` where none was needed.
    pub by: Option<String>,
    /// What the request is called in the log.
    pub request: Option<String>,
    /// The names of the fields that were written.
    pub fields: Vec<String>,
    /// Whether it changed the status, too.
    pub change: Option<StatusChange>,
}

/// An edit that changed no status, as backups have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedEdit {
    /// The version that it made.
    pub version: u64,
    /// When.
    pub at: String,
    /// The endpoint.
    pub via: String,
    /// Who.
    pub by: Option<String>,
    /// What the request is called in the log.
    pub request: Option<String>,
    /// The names of the fields.
    #[serde(default)]
    pub fields: Vec<String>,
}

/// The names of fields as they are kept: as many as fit.
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

/// What is asked of the audit of all connectors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Only what happened then or later.
    pub since: Option<Time>,
    /// Only what happened before.
    pub before: Option<Time>,
    /// Only what this key or person did.
    pub key: Option<String>,
    /// About how many events: those of the same millisecond are not torn apart.
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

/// The response with the edits of a connector, the newest first.
pub fn show_audit(id: &str, edits: &str) -> Response {
    Response::text(200, format!("{{\"id\":{},\"audit\":{edits}}}", Value::from(id)))
}

/// The response with events, the newest first. `next`: what to ask for `before` to have older ones.
pub fn show_events(events: &[Event], size: usize) -> Response {
    let next = events.last().filter(|_| events.len() >= size).map(|event| event.at.as_str());
    Response::json(200, &json!({ "audit": events, "next": next }))
}
