//! What was sent and what became of it, for people.

use serde::Deserialize;
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
    /// How many messages of this connector it will never get.
    pub given_up: u64,
}

/// A message as it is kept.
#[derive(Clone, Debug, Deserialize)]
pub struct Delivery {
    /// Its id.
    pub id: String,
    /// The setting that names its target.
    pub target: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// When what it says has happened.
    pub at: String,
    /// Its body.
    pub body: String,
    /// How often it was tried.
    pub attempts: u64,
    /// When it is tried again.
    pub next_at: Option<u64>,
    /// When it was last tried.
    pub tried_at: Option<u64>,
    /// The target's status code.
    pub status: Option<u16>,
    /// What went wrong.
    pub error: Option<String>,
    /// What became of it; `None`: it waits.
    pub outcome: Option<String>,
}

/// What was sent of a connector: `rows` are messages as they are kept, the newest first.
pub fn show(id: &str, settings: &Settings, targets: &[Entry<'_>], rows: &[Delivery]) -> Value {
    let target = |entry: &Entry<'_>| {
        let mut shown = describe(entry.target);
        shown.insert("waiting".to_owned(), entry.waiting.into());
        shown.insert("ended".to_owned(), entry.is_ended.into());
        shown.insert("given_up".to_owned(), entry.given_up.into());
        Value::Object(shown)
    };
    json!({
        "id": id,
        "targets": targets.iter().map(target).collect::<Vec<_>>(),
        "problems": sentences(settings),
        "silent_after_seconds": settings.silent_after_seconds(),
        "deliveries": rows.iter().map(delivery).collect::<Vec<_>>(),
    })
}

fn sentences(settings: &Settings) -> Vec<String> {
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
    let said = |name: &str| body.get("data").and_then(|data| data.get(name)).cloned();
    let time = |at: Option<u64>| at.map(|at| Time::from_millis(at).to_string());
    json!({
        "webhook_id": row.id,
        "target": row.target,
        "type": row.kind,
        "at": row.at,
        "from": said("from"),
        "to": said("to"),
        "changes": said("changes"),
        "reason": said("reason"),
        "missed": said("missed").unwrap_or_else(|| 0.into()),
        "state": row.outcome.as_deref().unwrap_or("waiting"),
        "attempts": row.attempts,
        "last_attempt": time(row.tried_at),
        "last_status": row.status,
        "last_error": row.error,
        "next_attempt": time(row.next_at),
    })
}

/// What came of a test of one target.
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

/// What came of a test of all targets.
pub fn test_results(settings: &Settings, targets: Vec<Value>) -> Value {
    let retries: Vec<_> = settings.retries_ms.iter().map(|delay| delay / 1_000).collect();
    json!({
        "targets": targets,
        "problems": sentences(settings),
        "silent_after_seconds": settings.silent_after_seconds(),
        "damping_seconds": settings.damping_ms / 1_000,
        "retry_seconds": retries,
        "limit": settings.single_limit,
        "limit_seconds": settings.single_window_ms / 1_000,
    })
}
