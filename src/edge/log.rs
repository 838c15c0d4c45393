//! The log: one line of JSON for each request that was refused, each write that succeeded (heartbeats apart), each
//! operation on everything, and each message that a webhook will not get.
//! No line holds a secret, a body or a query, and of what was written only the names of the fields.

use serde_json::Value;
use worker::console_log;

use super::message::Origin;
use super::now;
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

/// A write was committed: a `status` event if it changed the status, an `erase` if nothing is left, or else an `edit`.
pub(super) fn write(
    id: &str,
    endpoint: &str,
    origin: &Origin,
    version: u64,
    fields: &[String],
    change: Option<&StatusChange>,
) {
    let moved = change.map(|change| [("from", change.from.into()), ("to", change.to.into())]);
    let mut line = vec![("connector", id.into())];
    line.extend(moved.into_iter().flatten());
    line.push(("fields", fields.into()));
    line.push(("version", version.into()));
    let event = match change {
        Some(_) => "status",
        None if fields.is_empty() => "erase",
        None => "edit",
    };
    audit(event, endpoint, origin, line);
}

/// A sync job was written.
pub(super) fn job(id: &str, endpoint: &str, origin: &Origin, version: u64, fields: &[String]) {
    let line = vec![("job", id.into()), ("fields", fields.into()), ("version", version.into())];
    audit("sync_job", endpoint, origin, line);
}

/// Something was done that concerns a connector as a whole.
pub(super) fn whole(id: &str, event: &str, endpoint: &str, origin: &Origin) {
    audit(event, endpoint, origin, vec![("connector", id.into())]);
}

/// Everything was read, or taken up from Workers KV.
pub(super) fn all(event: &str, endpoint: &str, origin: &Origin, count: Option<usize>) {
    let count = count.map(|count| ("connectors", count.into()));
    audit(event, endpoint, origin, count.into_iter().collect());
}

/// Who did it through which endpoint, and when.
fn audit(event: &str, endpoint: &str, origin: &Origin, mut line: Vec<(&str, Value)>) {
    line.push(("via", endpoint.into()));
    line.push(("key", origin.by.as_deref().into()));
    line.push(("request", origin.request_id.as_deref().map(shortened).into()));
    line.push(("time", now().to_string().into()));
    print(event, &line);
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
