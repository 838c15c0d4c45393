//! The messages between the Worker and its objects: JSON with named fields and a format number.
//!
//! During a rollout, a Worker of one version calls objects of another. A receiver never guesses at a message of an
//! unknown format: it answers 503 and writes nothing.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::now;
use crate::api::Request;
use crate::connector::Fields;
use crate::directory::{Entry, Event};
use crate::protocol::directory::{JobEntry, Outcome};
use crate::secrets::Secrets;
use crate::values::json::{self, Member, Members};

/// The format of all messages here.
pub(super) const FORMAT: u64 = 1;

/// The value of `secrets` if the caller may see secrets.
const SHOWN: &str = "shown";

/// A message of another format than [`FORMAT`].
#[derive(Debug)]
pub(super) struct UnknownFormat;

pub(super) fn parse(message: &str) -> Result<Fields, UnknownFormat> {
    let fields: Fields = json::parse_object(message).map_err(|_| UnknownFormat)?;
    match fields.get("format").and_then(Value::as_u64) {
        Some(FORMAT) => Ok(fields),
        _ => Err(UnknownFormat),
    }
}

/// Reads a message without building a map: calls `take` with each field.
///
/// # Errors
/// If it has another format. `take` may already have been called.
pub(super) fn read<'a>(
    message: &'a str,
    take: &mut dyn FnMut(&str, Member<'a>),
) -> Result<(), UnknownFormat> {
    let mut format = None;
    let read = json::for_each_member(message, &mut |name, value| match (name, value) {
        ("format", Member::Json(number)) => format = number.parse().ok(),
        (name, value) => take(name, value),
    });
    match (read, format) {
        (Ok(()), Some(FORMAT)) => Ok(()),
        _ => Err(UnknownFormat),
    }
}

/// `None` if the message has another format or cannot be deserialized.
pub(super) fn to_value<T: DeserializeOwned>(message: &str) -> Option<T> {
    read(message, &mut |_, _| {}).ok()?;
    serde_json::from_str(message).ok()
}

/// Fields with the format number.
#[derive(Serialize)]
pub(super) struct WithFormat<'a, T> {
    format: u64,
    #[serde(flatten)]
    fields: &'a T,
}

pub(super) fn with_format<T>(fields: &T) -> WithFormat<'_, T> {
    WithFormat { format: FORMAT, fields }
}

/// The JSON of a message with these fields.
pub(super) fn write<T: Serialize>(fields: &T) -> Result<String, String> {
    json::to_text(&with_format(fields))
}

/// A connector object's reply to the Directory.
#[derive(Serialize)]
pub(super) struct CurrentConnector<'a> {
    /// `None`: the connector never existed.
    pub entry: Option<WithFormat<'a, Entry<'a>>>,
    pub document: Option<String>,
    /// Whether a write is claiming the index in question.
    pub is_claiming: bool,
}

/// The Directory's reply to an entry.
#[derive(Serialize)]
pub(super) struct EntryReply<'a> {
    pub result: &'a str,
}

/// Entries of sync jobs.
#[derive(Serialize)]
pub(super) struct JobEntries<'a> {
    pub jobs: &'a [JobEntry],
}

/// The Directory's reply to entries of sync jobs.
#[derive(Serialize)]
pub(super) struct JobsReply<'a> {
    pub results: &'a [Outcome],
}

/// The Directory's reply to a claim; `None`: it can't read the claim.
#[derive(Serialize)]
pub(super) struct ClaimReply {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub granted: Option<bool>,
}

/// A connector object's reply to a flush.
#[derive(Serialize)]
pub(super) struct FlushReply {
    pub is_notified: bool,
}

/// Reports that a consumer lags, or no longer does.
#[derive(Serialize)]
pub(super) struct LagReport<'a> {
    pub id: Option<&'a str>,
    pub consumer: &'a str,
    pub since: Option<u64>,
    pub given_up: Option<u64>,
    pub gone: Option<&'a str>,
}

/// A notice to the Directory.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Notice<'a> {
    /// An isolate's counters.
    Counts { counts: &'a [super::metrics::Count] },
    /// An event for the audit.
    Audit { audit: &'a Event },
    /// Attempts to deliver webhook messages, and the type of a message that may be due.
    Attempts {
        id: Option<&'a str>,
        target: &'a str,
        event: Option<&'a str>,
        attempts: u64,
        failures: u64,
    },
}

/// The Directory's reply to a notice.
#[derive(Serialize)]
pub(super) struct NoticeReply {
    /// Whether a summary will name the connector.
    pub gathered: bool,
    /// How many connectors share the cause of its error.
    pub sharing: u64,
}

/// Takes a field that is a text.
pub(super) fn text(fields: &mut Fields, name: &str) -> Option<String> {
    match fields.get_mut(name).map(Value::take) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

/// Who made a request, and its id, for the history and the log.
#[derive(Clone, Debug, Default)]
pub(super) struct Requester {
    /// The id of the API key, or the signed-in user.
    pub by: Option<String>,
    pub request_id: Option<String>,
}

impl Requester {
    /// An audit event: a connector is erased, or an operation on a whole connector or all connectors.
    pub fn event(&self, event: &str, via: &str, connector: Option<&str>) -> Event {
        Event {
            at: now().to_string(),
            event: event.to_owned(),
            connector: connector.map(str::to_owned),
            via: via.to_owned(),
            by: self.by.clone(),
            request: self.request_id.clone(),
            ..Event::default()
        }
    }
}

/// An authorized request, for an object to carry out.
#[derive(Debug, Default)]
pub(super) struct Message {
    /// The connector's id; empty for the Directory.
    pub id: String,
    pub request: Request,
    /// Patterns of the connectors that the caller may see; `None`: all.
    pub patterns: Option<Vec<String>>,
    /// Whether the caller may see the secrets of documents.
    pub secrets: Secrets,
    pub requester: Requester,
    /// The client's `X-Opaque-Id`.
    pub opaque_id: Option<String>,
}

impl Message {
    /// The message without the body, which is passed separately.
    pub fn to_json(&self) -> Result<String, String> {
        let Self { id, request, patterns, secrets, requester, opaque_id } = self;
        let patterns = patterns.as_ref().map(json::to_text).transpose()?;
        write(&Members(&[
            ("id", Some(id.as_str())),
            ("method", Some(&request.method)),
            ("target", Some(&request.target)),
            ("content_type", request.content_type.as_deref()),
            ("accept", request.accept.as_deref()),
            ("if_match", request.if_match.as_deref()),
            ("if_none_match", request.if_none_match.as_deref()),
            ("patterns", patterns.as_deref()),
            ("secrets", (*secrets == Secrets::Shown).then_some(SHOWN)),
            ("by", requester.by.as_deref()),
            ("request_id", requester.request_id.as_deref()),
            ("opaque_id", opaque_id.as_deref()),
        ]))
    }

    pub fn parse(message: &str, body: Option<String>) -> Result<Self, UnknownFormat> {
        let mut this = Self::default();
        let mut is_readable = true;
        read(message, &mut |name, value| {
            let Self { id, request, patterns, secrets, requester, opaque_id } = &mut this;
            let value = value.into_text();
            match name {
                "id" => *id = value,
                "method" => request.method = value,
                "target" => request.target = value,
                "content_type" => request.content_type = Some(value),
                "accept" => request.accept = Some(value),
                "if_match" => request.if_match = Some(value),
                "if_none_match" => request.if_none_match = Some(value),
                "patterns" => {
                    *patterns = serde_json::from_str(&value).ok();
                    is_readable &= patterns.is_some();
                }
                "secrets" if value == SHOWN => *secrets = Secrets::Shown,
                "by" => requester.by = Some(value),
                "request_id" => requester.request_id = Some(value),
                "opaque_id" => *opaque_id = Some(value),
                _ => {}
            }
        })?;
        // Without patterns, the caller would see all connectors.
        if !is_readable {
            return Err(UnknownFormat);
        }
        this.request.body = body.unwrap_or_default();
        Ok(this)
    }
}
