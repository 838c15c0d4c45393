//! The messages that are sent to targets.

use base64ct::{Base64UrlUnpadded, Encoding};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Settings, Target};
use crate::connector::{Connector, next_moves};
use crate::directory::Slim;
use crate::directory::cause::{cause, message as error_message};
use crate::document::shortened;
use crate::status::Status;
use crate::values::{Time, json};

/// Longer reasons are cut.
const REASON_LIMIT: usize = 1_000;
/// The complement of what `encodeURIComponent` leaves unescaped.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// The reason in test messages.
const TEST_REASON: &str = "this is a test: no connector has changed";

/// The type of a message about one connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "&str", try_from = "String")]
pub enum EventType {
    /// The connector has failed.
    Error,
    /// It is connected again after a failure.
    Recovered,
    /// A user has to fill in its configuration.
    NeedsConfiguration,
    /// It hasn't checked in for a while.
    Silent,
    /// It has checked in again after a silence.
    SeenAgain,
    /// Its status has changed in any way.
    Status,
}

impl EventType {
    pub const ALL: [Self; 6] = [
        Self::Error,
        Self::Recovered,
        Self::NeedsConfiguration,
        Self::Silent,
        Self::SeenAgain,
        Self::Status,
    ];
    /// Sent unless a setting says otherwise.
    pub const DEFAULT: [Self; 5] =
        [Self::Error, Self::Recovered, Self::NeedsConfiguration, Self::Silent, Self::SeenAgain];

    /// The name in messages and settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "connector.error",
            Self::Recovered => "connector.recovered",
            Self::NeedsConfiguration => "connector.needs_configuration",
            Self::Silent => "connector.silent",
            Self::SeenAgain => "connector.seen_again",
            Self::Status => "connector.status",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name() == name)
    }

    /// Whether outages of this kind are summarized. Subscribers to all status changes get every one.
    pub fn is_summarized(self) -> bool {
        self != Self::Status
    }
}

impl From<EventType> for &str {
    fn from(event: EventType) -> Self {
        event.name()
    }
}

impl TryFrom<String> for EventType {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, &'static str> {
        Self::parse(&name).ok_or("no event")
    }
}

/// What a target is notified of: an event of one connector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    pub event: EventType,
    /// The time of the last change, as ISO-8601 in UTC.
    pub at: String,
    /// The version of the last change; for silence and its end, the time of the event.
    pub seq: u64,
    /// The status before the first change; `None`: there was none, or the status hasn't changed.
    pub from: Option<Status>,
    /// The status after the last change; `None`: it hasn't changed.
    pub to: Option<Status>,
    /// The number of status changes.
    pub changes: usize,
    /// For silence and its end: the last check-in before the silence, in milliseconds since 1970.
    pub seen: Option<u64>,
}

/// A message, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The same in each retry.
    pub id: String,
    pub kind: &'static str,
    pub at: String,
    /// JSON.
    pub body: String,
}

/// Makes a message of a notification. `connector` is the current document; `None`: it was erased.
pub fn compose(
    notification: &Notification,
    id: &str,
    connector: Option<&Connector>,
    target: &Target,
    settings: &Settings,
) -> Message {
    let Notification { event, at, seq, changes, seen, .. } = notification;
    let now = connector.map(Connector::status);
    let from = if notification.to.is_some() { notification.from } else { now };
    let to = notification.to.or(now);
    let reason = match (event, seen.map(Time::from_millis)) {
        (EventType::Silent, Some(seen)) => {
            let limit = duration(settings.silent_after_seconds());
            Some(format!("no check-in for {limit}: it was last seen at {seen}"))
        }
        (EventType::SeenAgain, Some(seen)) => {
            Some(format!("it has checked in again: it had not since {seen}"))
        }
        _ if to == Some(Status::Error) => {
            let error = connector.and_then(|connector| connector.text("error"));
            error
                .filter(|error| !error.is_empty())
                .map(|error| shortened(error, REASON_LIMIT).into_owned())
        }
        _ => None,
    };
    let is_error = to == Some(Status::Error) && seen.is_none();
    let cause =
        reason.as_deref().filter(|_| is_error).map(|error| cause(&Slim::of(error_message(error))));
    let since = match (event, seen) {
        (EventType::Silent, Some(seen)) => Time::from_millis(*seen).to_string(),
        _ => at.clone(),
    };
    let text = |name| connector.and_then(|connector| connector.text(name));
    let page = settings.console.as_ref().map(|console| {
        let id = utf8_percent_encode(id, COMPONENT);
        format!("{console}/#/{id}")
    });
    let data = json!({
        "id": id,
        "name": text("name"),
        "service_type": text("service_type"),
        "index_name": text("index_name"),
        "from": from.map(Status::name),
        "to": to.map(Status::name),
        "changes": changes,
        "reason": reason,
        "cause": cause,
        "since": since,
        "next": to.map(next_moves),
        "url": page,
        "list_url": list_url(settings, *event, cause.as_deref()),
    });
    let key = digest(&[&target.name, id, event.name(), &seq.to_string(), at]);
    message(format!("msg_{key}"), event.name(), at.clone(), data)
}

/// Test messages: one for each event that the target subscribes to, about a connector that doesn't exist.
pub fn test_messages(target: &Target, settings: &Settings, nonce: &str, now: Time) -> Vec<Message> {
    let message = |(n, event): (usize, &EventType)| {
        test_message(*event, settings, &format!("{nonce}{n}"), now)
    };
    target.events.iter().enumerate().map(message).collect()
}

fn test_message(event: EventType, settings: &Settings, nonce: &str, now: Time) -> Message {
    let (from, to) = match event {
        EventType::Recovered => (Status::Error, Status::Connected),
        EventType::NeedsConfiguration => (Status::Created, Status::NeedsConfiguration),
        EventType::Silent | EventType::SeenAgain => (Status::Connected, Status::Connected),
        EventType::Error | EventType::Status => (Status::Connected, Status::Error),
    };
    let at = now.to_string();
    let cause = (to == Status::Error).then_some(TEST_REASON);
    let data = json!({
        "id": "webhook-test",
        "name": "Test of the webhook",
        "service_type": null,
        "index_name": null,
        "from": from.name(),
        "to": to.name(),
        "changes": usize::from(from != to),
        "reason": TEST_REASON,
        "cause": cause,
        "since": at,
        "next": next_moves(to),
        "url": settings.console,
        "list_url": list_url(settings, event, cause),
        "test": true,
    });
    let sharing = cause.map(|_| ("sharing", Value::from(1)));
    let data = with_members(data, sharing.into_iter());
    message(format!("msg_test_{nonce}"), event.name(), at, data)
}

/// The same event of many connectors within a short time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    pub event: EventType,
    /// The start, in milliseconds since 1970.
    pub since: u64,
    /// The number of connectors, which `connectors` may not list in full.
    pub count: u64,
    /// Id and name of each, up to a limit.
    pub connectors: Vec<(String, Option<String>)>,
    /// The most frequent causes of failures, with the number of connectors that share each.
    pub causes: Vec<(String, u64)>,
    /// The number of summaries given up before this one.
    pub missed: u64,
}

/// The type of summaries.
const SUMMARY: &str = "connector.summary";

/// Makes a message of a summary.
pub fn summarize(summary: &Summary, target: &Target, settings: &Settings, now: u64) -> Message {
    let Summary { event, since, count, .. } = summary;
    let since = Time::from_millis(*since).to_string();
    let at = Time::from_millis(now).to_string();
    let key = digest(&[&target.name, SUMMARY, event.name(), &since, &at, &count.to_string()]);
    message(format!("msg_{key}"), SUMMARY, at, summary_data(summary, settings, false))
}

fn summary_data(summary: &Summary, settings: &Settings, is_test: bool) -> Value {
    let Summary { event, since, count, connectors, causes, missed } = summary;
    let connector = |(id, name): &(String, Option<String>)| json!({ "id": id, "name": name });
    let cause = |(cause, count): &(String, u64)| json!({ "cause": cause, "count": count });
    // If all have failed for one cause, link to the list of connectors with that cause.
    let shared =
        causes.iter().find(|(_, sharing)| sharing == count).map(|(cause, _)| cause.as_str());
    let data = json!({
        "event": event.name(),
        "count": count,
        "connectors": connectors.iter().map(connector).collect::<Vec<_>>(),
        "causes": causes.iter().map(cause).collect::<Vec<_>>(),
        "since": Time::from_millis(*since).to_string(),
        "url": list_url(settings, *event, shared),
    });
    let missed = (*missed > 0).then(|| ("missed", Value::from(*missed)));
    let test = is_test.then(|| ("test", Value::from(true)));
    with_members(data, missed.into_iter().chain(test))
}

/// The URL of the console's list of connectors with this event, and with this cause if there is one.
fn list_url(settings: &Settings, event: EventType, cause: Option<&str>) -> Option<String> {
    let console = settings.console.as_ref()?;
    let filter = match (event, cause) {
        (EventType::Error | EventType::Status, Some(cause)) => {
            format!("?cause={}", utf8_percent_encode(cause, COMPONENT))
        }
        (EventType::Error, None) => "?status=error".to_owned(),
        (EventType::NeedsConfiguration, _) => "?status=needs_configuration".to_owned(),
        (EventType::Silent, _) => "?silent=true".to_owned(),
        (EventType::Recovered | EventType::SeenAgain | EventType::Status, _) => String::new(),
    };
    Some(format!("{console}/#/{filter}"))
}

/// Adds to the body of a message how many failed connectors share the cause, including this one.
pub fn with_sharing(body: &str, sharing: u64) -> Option<String> {
    let mut body = json::parse(body).ok()?;
    body.get_mut("data")?.as_object_mut()?.insert("sharing".to_owned(), sharing.into());
    Some(body.to_string())
}

fn with_members(mut data: Value, more: impl Iterator<Item = (&'static str, Value)>) -> Value {
    if let Value::Object(data) = &mut data {
        data.extend(more.map(|(name, value)| (name.to_owned(), value)));
    }
    data
}

/// Notifies a target that another one has returned 410.
pub fn target_ended(to: &Target, ended: &Target, now: u64) -> Message {
    let data = json!({
        "target": ended.name,
        "host": ended.address.host(),
        "reason": "it has answered 410: of the connectors of which it has, it gets nothing more \
                   until its URL is changed",
    });
    about_webhooks("webhook.ended", to, &ended.fingerprint, data, now)
}

/// Notifies a target that webhook settings are invalid.
pub fn misconfigured(to: &Target, settings: &Settings, now: u64) -> Message {
    let problems: Vec<String> = settings.problems.iter().map(ToString::to_string).collect();
    let names: Vec<&str> = settings.problems.iter().map(|it| it.setting.as_str()).collect();
    let key = problems.join("\n");
    let data = json!({ "settings": names, "problems": problems });
    about_webhooks("webhook.misconfigured", to, &key, data, now)
}

fn about_webhooks(kind: &'static str, to: &Target, key: &str, data: Value, now: u64) -> Message {
    let at = Time::from_millis(now).to_string();
    let key = digest(&[&to.name, kind, key, &at]);
    message(format!("msg_{key}"), kind, at, data)
}

/// A test summary. `None`: the target subscribes to no event that is summarized.
pub fn test_summary(
    target: &Target,
    settings: &Settings,
    nonce: &str,
    now: u64,
) -> Option<Message> {
    let event = *target.events.iter().find(|event| event.is_summarized())?;
    let summary = Summary {
        event,
        since: now,
        count: 2,
        connectors: ["webhook-test-1", "webhook-test-2"]
            .map(|id| (id.to_owned(), Some("Test of the webhook".to_owned())))
            .to_vec(),
        causes: vec![(TEST_REASON.to_owned(), 2)],
        missed: 0,
    };
    let data = summary_data(&summary, settings, true);
    let at = Time::from_millis(now).to_string();
    Some(message(format!("msg_test_{nonce}s"), SUMMARY, at, data))
}

fn message(id: String, kind: &'static str, at: String, data: Value) -> Message {
    let body = json!({ "type": kind, "timestamp": at, "data": data }).to_string();
    Message { id, kind, at, body }
}

/// A hash of some texts, in 24 characters.
pub(super) fn digest(texts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(text.len().to_be_bytes());
        hash.update(text);
    }
    let hash = hash.finalize();
    Base64UrlUnpadded::encode_string(hash.get(..18).unwrap_or(&hash))
}

fn duration(seconds: u64) -> String {
    let (count, unit) = match seconds {
        s if s % 3_600 == 0 => (s / 3_600, "hour"),
        s if s % 60 == 0 => (s / 60, "minute"),
        s => (s, "second"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}
