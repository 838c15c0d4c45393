//! The log: one line of JSON for everybody who was not let in, for every change of status, and for
//! every message that a webhook will not get.
//! No line holds a secret, a body or a query.

use serde_json::Value;
use worker::console_log;

use crate::api::{AuthError, Request, StatusChange};

/// Somebody was not let in.
pub(super) fn refusal(denial: &AuthError, request: &Request, request_id: Option<&str>) {
    let path = request.target.split('?').next().unwrap_or_default();
    print(
        "refused",
        &[
            ("status", denial.failure.status.into()),
            ("why", denial.why.into()),
            ("key", denial.key.as_deref().into()),
            ("method", request.method.as_str().into()),
            ("path", shortened(path).into()),
            ("request", request_id.map(shortened).into()),
        ],
    );
}

/// A change of status was committed.
pub(super) fn status_change(id: &str, change: &StatusChange, request_id: Option<&str>) {
    print(
        "status",
        &[
            ("connector", id.into()),
            ("from", change.from.into()),
            ("to", change.to.into()),
            ("via", change.via.into()),
            ("key", change.by.as_deref().into()),
            ("request", request_id.map(shortened).into()),
        ],
    );
}

/// A webhook will not get a message.
pub(super) fn webhook(id: &str, target: &str, message: &str, became: &str, why: &str) {
    print(
        "webhook",
        &[
            ("connector", id.into()),
            ("target", target.into()),
            ("message", message.into()),
            ("outcome", became.into()),
            ("why", shortened(why).into()),
        ],
    );
}

/// A webhook will not get some of the messages about a connector.
pub(super) fn webhooks_given_up(id: &str, target: &str, count: u64, why: &str) {
    print(
        "webhook",
        &[
            ("connector", id.into()),
            ("target", target.into()),
            ("outcome", "given_up".into()),
            ("count", count.into()),
            ("why", why.into()),
        ],
    );
}

/// Prints JSON, without a map in between.
fn print(event: &str, fields: &[(&str, Value)]) {
    let fields: String =
        fields.iter().map(|(name, value)| format!(",\"{name}\":{value}")).collect();
    console_log!("{{\"event\":\"{event}\"{fields}}}");
}

/// Callers choose these texts; the log need not hold all of them.
fn shortened(text: &str) -> &str {
    text.char_indices().nth(200).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}
