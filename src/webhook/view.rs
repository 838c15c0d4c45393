//! Responses about webhooks: targets, deliveries and tests.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Message, Reply, Settings, Target};
use crate::document::Fields;
use crate::values::{Time, json as text};

/// The state of a target with regard to one connector.
#[derive(Clone, Copy, Debug)]
pub struct TargetStatus<'a> {
    pub target: &'a Target,
    /// The number of pending messages.
    pub waiting: u64,
    /// Whether it returned 410.
    pub is_ended: bool,
    /// The number of messages given up.
    pub given_up: u64,
}

/// A message and its state, as stored.
#[derive(Clone, Debug, Deserialize)]
pub struct Delivery {
    pub id: String,
    /// The name of its target.
    pub target: String,
    #[serde(rename = "type")]
    pub kind: String,
    /// The time of the event.
    pub at: String,
    pub body: String,
    pub attempts: u64,
    /// When the next attempt is due, in milliseconds since 1970.
    pub next_at: Option<u64>,
    /// When the last attempt began, in milliseconds since 1970.
    pub tried_at: Option<u64>,
    /// The status code of the last response.
    pub status: Option<u16>,
    /// The error message of the last attempt.
    pub error: Option<String>,
    /// The final state; `None`: it is pending.
    pub outcome: Option<String>,
}

/// The response about a connector's webhooks. `rows`: the newest first.
pub fn show(
    id: &str,
    settings: &Settings,
    targets: &[TargetStatus<'_>],
    rows: &[Delivery],
) -> Value {
    let target = |status: &TargetStatus<'_>| {
        let mut shown = describe(status.target);
        shown.insert("waiting".to_owned(), status.waiting.into());
        shown.insert("ended".to_owned(), status.is_ended.into());
        shown.insert("given_up".to_owned(), status.given_up.into());
        Value::Object(shown)
    };
    json!({
        "id": id,
        "targets": targets.iter().map(target).collect::<Vec<_>>(),
        "problems": problems(settings),
        "silent_after_seconds": settings.silent_after_seconds(),
        "deliveries": rows.iter().map(delivery).collect::<Vec<_>>(),
    })
}

fn problems(settings: &Settings) -> Vec<String> {
    settings.problems.iter().map(ToString::to_string).collect()
}

fn describe(target: &Target) -> Fields {
    let events: Vec<_> = target.events.iter().map(|event| event.name()).collect();
    Fields::from_iter([
        ("target".to_owned(), target.name.clone().into()),
        ("host".to_owned(), target.address.host().into()),
        ("events".to_owned(), events.into()),
    ])
}

fn delivery(row: &Delivery) -> Value {
    let body = text::parse_object(&row.body).unwrap_or_default();
    let field = |name: &str| body.get("data").and_then(|data| data.get(name)).cloned();
    let time = |at: Option<u64>| at.map(|at| Time::from_millis(at).to_string());
    json!({
        "webhook_id": row.id,
        "target": row.target,
        "type": row.kind,
        "at": row.at,
        "from": field("from"),
        "to": field("to"),
        "changes": field("changes"),
        "reason": field("reason"),
        "missed": field("missed").unwrap_or_else(|| 0.into()),
        "state": row.outcome.as_deref().unwrap_or("waiting"),
        "attempts": row.attempts,
        "last_attempt": time(row.tried_at),
        "last_status": row.status,
        "last_error": row.error,
        "next_attempt": time(row.next_at),
    })
}

/// The result of one test message.
pub fn test_result(target: &Target, message: &Message, reply: &Reply) -> Value {
    let problem = reply.problem();
    let mut shown = describe(target);
    shown.extend([
        ("type".to_owned(), message.kind.into()),
        ("webhook_id".to_owned(), message.id.clone().into()),
        ("sent".to_owned(), text::parse(&message.body).unwrap_or_default()),
        ("delivered".to_owned(), problem.is_none().into()),
        ("status".to_owned(), reply.status.into()),
        ("took_ms".to_owned(), reply.took_ms.into()),
        ("error".to_owned(), problem.into()),
    ]);
    shown.into()
}

/// The response to a test of all targets.
pub fn test_results(settings: &Settings, targets: Vec<Value>) -> Value {
    let retries: Vec<_> = settings.retries_ms.iter().map(|delay| delay / 1_000).collect();
    json!({
        "targets": targets,
        "problems": problems(settings),
        "silent_after_seconds": settings.silent_after_seconds(),
        "damping_seconds": settings.damping_ms / 1_000,
        "retry_seconds": retries,
        "limit": settings.single_limit,
        "limit_seconds": settings.single_window_ms / 1_000,
    })
}
