//! What was sent and what became of it, for people.

use serde_json::{Value, json};

use super::{Message, Reply, Settings, Target};
use crate::document::Fields;
use crate::values::{Time, json as text};

/// How a target stands with one connector.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The target.
    pub target: &'a Target,
    /// How many messages it is still to be sent.
    pub waiting: u64,
    /// Has it answered 410?
    pub is_ended: bool,
}

/// What was sent of a connector: `rows` are messages as they are kept, the newest first.
pub fn show(id: &str, settings: &Settings, targets: &[Entry<'_>], rows: &[Value]) -> Value {
    let target = |entry: &Entry<'_>| {
        let mut shown = describe(entry.target);
        shown.insert("waiting".to_owned(), entry.waiting.into());
        shown.insert("ended".to_owned(), entry.is_ended.into());
        Value::Object(shown)
    };
    json!({
        "id": id,
        "targets": targets.iter().map(target).collect::<Vec<_>>(),
        "problems": settings.problems,
        "silent_after_seconds": settings.silent_after_seconds(),
        "deliveries": rows.iter().map(delivery).collect::<Vec<_>>(),
    })
}

fn describe(target: &Target) -> Fields {
    let events: Vec<_> = target.events.iter().map(|event| event.name()).collect();
    Fields::from_iter([
        ("target".to_owned(), target.name.clone().into()),
        ("host".to_owned(), target.host.clone().into()),
        ("events".to_owned(), events.into()),
    ])
}

fn delivery(row: &Value) -> Value {
    let body = row.get("body").and_then(Value::as_str).unwrap_or_default();
    let body = text::parse_object(body).unwrap_or_default();
    let said = |name: &str| body.get("data").and_then(|data| data.get(name)).cloned();
    let time =
        |name| row.get(name).and_then(Value::as_u64).map(|at| Time::from_millis(at).to_string());
    let kept = |name: &str| row.get(name).cloned();
    json!({
        "webhook_id": kept("id"),
        "target": kept("target"),
        "type": kept("type"),
        "at": kept("at"),
        "from": said("from"),
        "to": said("to"),
        "changes": said("changes"),
        "reason": said("reason"),
        "state": kept("outcome").filter(|outcome| !outcome.is_null()).unwrap_or("waiting".into()),
        "attempts": kept("attempts"),
        "last_attempt": time("tried_at"),
        "last_status": kept("status"),
        "last_error": kept("error"),
        "next_attempt": time("next_at"),
    })
}

/// What came of a test of one target.
pub fn test_result(target: &Target, message: &Message, reply: &Reply) -> Value {
    let problem = reply.problem();
    let mut shown = describe(target);
    shown.extend([
        ("type".to_owned(), message.event.name().into()),
        ("webhook_id".to_owned(), message.id.clone().into()),
        ("delivered".to_owned(), problem.is_none().into()),
        ("status".to_owned(), reply.status.into()),
        ("took_ms".to_owned(), reply.took_ms.into()),
        ("error".to_owned(), problem.into()),
    ]);
    shown.into()
}

/// What came of a test of all targets.
pub fn test_results(settings: &Settings, targets: Vec<Value>) -> Value {
    let retries: Vec<_> = settings.retries_ms.iter().map(|delay| delay / 1_000).collect();
    json!({
        "targets": targets,
        "problems": settings.problems,
        "silent_after_seconds": settings.silent_after_seconds(),
        "damping_seconds": settings.damping_ms / 1_000,
        "retry_seconds": retries,
    })
}
