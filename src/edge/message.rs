//! What the Worker and its objects tell each other: JSON with named fields and a format number.
//!
//! During a rollout a Worker of one version talks to objects of another. A message of a format that
//! the receiver does not know is never guessed at: it is answered 503, and nothing is written.

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

/// What a message says if the caller is shown secrets.
const SHOWN: &str = "shown";

/// A message of another format than [`FORMAT`].
#[derive(Debug)]
pub(super) struct UnknownFormat;

/// The fields of a message.
///
/// # Errors
/// If it is of another format.
pub(super) fn parse(message: &str) -> Result<Fields, UnknownFormat> {
    let fields: Fields = json::parse_object(message).map_err(|_| UnknownFormat)?;
    match fields.get("format").and_then(Value::as_u64) {
        Some(FORMAT) => Ok(fields),
        _ => Err(UnknownFormat),
    }
}

/// Reads a message without a map in between: `take` is given its fields one after the other.
///
/// # Errors
/// If it is of another format. Fields may have been given before that is seen.
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

/// A message as a value; `None` if it is of another format, or another message.
pub(super) fn to_value<T: DeserializeOwned>(message: &str) -> Option<T> {
    read(message, &mut |_, _| {}).ok()?;
    serde_json::from_str(message).ok()
}

/// Fields with the format in front.
#[derive(Serialize)]
pub(super) struct WithFormat<'a, T> {
    format: u64,
    #[serde(flatten)]
    fields: &'a T,
}

/// These fields with the format in front.
pub(super) fn with_format<T>(fields: &T) -> WithFormat<'_, T> {
    WithFormat { format: FORMAT, fields }
}

/// The JSON of a message with these fields.
pub(super) fn write<T: Serialize>(fields: &T) -> Result<String, String> {
    json::to_text(&with_format(fields))
}

/// A connector as its object has it, when the Directory asks.
#[derive(Serialize)]
pub(super) struct CurrentConnector<'a> {
    /// `None`: there never was such a connector.
    pub entry: Option<WithFormat<'a, Entry<'a>>>,
    pub document: Option<String>,
    /// Whether it is about to take the index that was asked about.
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

/// A connector object's reply when it is asked to send what it holds.
#[derive(Serialize)]
pub(super) struct FlushReply {
    pub is_told: bool,
}

/// That a consumer lags, or no longer does.
#[derive(Serialize)]
pub(super) struct LagReport<'a> {
    pub id: Option<&'a str>,
    pub consumer: &'a str,
    pub since: Option<u64>,
    pub given_up: Option<u64>,
    pub gone: Option<&'a str>,
}

/// What the Directory is notified of.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Notice<'a> {
    /// What an isolate has counted.
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

/// A field that is a text.
pub(super) fn text(fields: &mut Fields, name: &str) -> Option<String> {
    match fields.get_mut(name).map(Value::take) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

/// Where a request comes from, for the history and the log.
#[derive(Clone, Debug, Default)]
pub(super) struct Origin {
    /// The id of the API key that came with it, or who has signed in.
    pub by: Option<String>,
    /// What the request is called in the log.
    pub request_id: Option<String>,
}

impl Origin {
    /// What is kept of something that erases a connector, or concerns one as a whole or all of them.
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

/// A request that has been found sound, for an object to carry out.
#[derive(Debug, Default)]
pub(super) struct Message {
    /// The connector's id; empty for the Directory.
    pub id: String,
    /// The request.
    pub request: Request,
    /// Patterns of the connectors that the caller may see; `None`: all.
    pub patterns: Option<Vec<String>>,
    /// Whether the caller is shown the secrets of documents.
    pub secrets: Secrets,
    /// Where it comes from.
    pub origin: Origin,
    /// The caller's name for the request, for the response.
    pub opaque_id: Option<String>,
}

impl Message {
    /// All of it but the body, which is handed over beside it.
    pub fn to_json(&self) -> Result<String, String> {
        let Self { id, request, patterns, secrets, origin, opaque_id } = self;
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
            ("by", origin.by.as_deref()),
            ("request_id", origin.request_id.as_deref()),
            ("opaque_id", opaque_id.as_deref()),
        ]))
    }

    /// Reads a message and its body.
    ///
    /// # Errors
    /// If it is of another format.
    pub fn parse(message: &str, body: Option<String>) -> Result<Self, UnknownFormat> {
        let mut this = Self::default();
        let mut is_readable = true;
        read(message, &mut |name, value| {
            let Self { id, request, patterns, secrets, origin, opaque_id } = &mut this;
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
                "by" => origin.by = Some(value),
                "request_id" => origin.request_id = Some(value),
                "opaque_id" => *opaque_id = Some(value),
                _ => {}
            }
        })?;
        // Without its patterns, the request would see every connector.
        if !is_readable {
            return Err(UnknownFormat);
        }
        this.request.body = body.unwrap_or_default();
        Ok(this)
    }
}
