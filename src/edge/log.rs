//! The log: a line of JSON for each refused request, each successful write except heartbeats, each operation on a
//! whole connector or all connectors, and each webhook message that will not be delivered. Lines contain no
//! secrets, bodies or queries, and only the names of the fields that were written.

use serde_json::Value;
use worker::console_log;

use super::message::Requester;
use super::now;
use crate::api::{AuthError, Edit, Request, field_names};
use crate::directory::Event;

/// A request was not authenticated or authorized.
pub(super) fn refusal(denial: &AuthError, request: &Request, request_id: Option<&str>) {
    let path = request.target.split('?').next().unwrap_or_default();
    print(
        "refused",
        &[
            ("status", denial.failure.status.into()),
            ("why", denial.why.into()),
            ("key", denial.key.as_deref().into()),
            ("method", request.method.as_str().into()),
            ("path", truncated(path).into()),
            ("request", request_id.map(truncated).into()),
        ],
    );
}

/// A write was committed: a `status` event if it changed the status, otherwise an `edit`.
pub(super) fn write(id: &str, version: u64, edit: &Edit) {
    let change =
        edit.change.as_ref().map(|change| [("from", change.from.into()), ("to", change.to.into())]);
    let mut line = vec![("connector", id.into())];
    line.extend(change.into_iter().flatten());
    line.push(("fields", field_names(&edit.fields).into()));
    line.push(("version", version.into()));
    let event = if edit.change.is_some() { "status" } else { "edit" };
    let by = (edit.by.as_deref(), edit.request.as_deref());
    audit(event, edit.via, by, &edit.at, line);
}

/// A sync job was written.
pub(super) fn job(
    id: &str,
    endpoint: &str,
    requester: &Requester,
    version: u64,
    fields: &[String],
) {
    let fields = field_names(fields).into();
    let line = vec![("job", id.into()), ("fields", fields), ("version", version.into())];
    let by = (requester.by.as_deref(), requester.request_id.as_deref());
    audit("sync_job", endpoint, by, &now().to_string(), line);
}

/// A connector was erased, or there was an operation on a whole connector or all connectors.
pub(super) fn event(event: &Event) {
    let Event { at, event, connector, via, by, request, version, connectors } = event;
    let mut line: Vec<(&str, Value)> = Vec::new();
    line.extend(connector.as_deref().map(|id| ("connector", id.into())));
    line.extend(connectors.map(|count| ("connectors", count.into())));
    line.extend(version.map(|version| ("version", version.into())));
    audit(event, via, (by.as_deref(), request.as_deref()), at, line);
}

fn audit(
    event: &str,
    endpoint: &str,
    (by, request): (Option<&str>, Option<&str>),
    at: &str,
    mut line: Vec<(&str, Value)>,
) {
    line.push(("via", endpoint.into()));
    line.push(("key", by.into()));
    line.push(("request", request.into()));
    line.push(("time", at.into()));
    print(event, &line);
}

/// A message will not be delivered.
pub(super) fn webhook(id: &str, target: &str, message: &str, outcome: &str, why: &str) {
    print(
        "webhook",
        &[
            ("connector", id.into()),
            ("target", target.into()),
            ("message", message.into()),
            ("outcome", outcome.into()),
            ("why", truncated(why).into()),
        ],
    );
}

/// Some messages about a connector will not be delivered.
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

/// Prints JSON without building a map.
fn print(event: &str, fields: &[(&str, Value)]) {
    let fields: String =
        fields.iter().map(|(name, value)| format!(",\"{name}\":{value}")).collect();
    console_log!("{{\"event\":\"{event}\"{fields}}}");
}

/// Limits texts that clients choose.
pub(super) fn truncated(text: &str) -> &str {
    text.char_indices().nth(200).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}
