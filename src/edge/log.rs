//! The log: one line of JSON for everybody who was not let in, and for every change of status.
//! No line holds a secret, a body or a query.

use serde_json::json;
use worker::console_log;

use crate::api::{Denial, Request, StatusChange};

/// Somebody was not let in.
pub(super) fn refusal(denial: &Denial, request: &Request, request_id: Option<&str>) {
    let line = json!({
        "event": "refused",
        "status": denial.failure.status,
        "why": denial.why,
        "key": denial.key,
        "method": request.method,
        "path": shortened(request.target.split('?').next().unwrap_or_default()),
        "request": request_id.map(shortened),
    });
    console_log!("{line}");
}

/// A change of status was committed.
pub(super) fn status_change(id: &str, change: &StatusChange, request_id: Option<&str>) {
    let line = json!({
        "event": "status",
        "connector": id,
        "from": change.from,
        "to": change.to,
        "via": change.via,
        "key": change.by,
        "request": request_id.map(shortened),
    });
    console_log!("{line}");
}

/// Callers choose these texts; the log need not hold all of them.
fn shortened(text: &str) -> String {
    text.chars().take(200).collect()
}
