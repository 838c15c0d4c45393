//! The messages between the Worker and its objects: JSON with named fields and a format number.
//!
//! During a rollout, a Worker of one version calls objects of another. A receiver never guesses at a message of an
//! unknown format: it answers 503 and writes nothing.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::now;
use crate::api::{ApiError, Request};
use crate::directory::{Entry, Event};
use crate::protocol::directory::JobEntry;
use crate::secrets::Secrets;
use crate::values::json::{self, Member, Members};

/// The format of all messages here.
pub(super) const FORMAT: u64 = 1;

/// The value of `secrets` if the caller may see secrets.
const SHOWN: &str = "shown";

/// A message of another format than [`FORMAT`].
#[derive(Debug)]
pub(super) struct UnknownFormat;

impl From<UnknownFormat> for ApiError {
    fn from(_: UnknownFormat) -> Self {
        Self::unavailable("a part of this service that is being updated")
    }
}

/// Reads a message.
///
/// # Errors
/// If it has another format, or a field is missing.
pub(super) fn read<'a, T: Deserialize<'a>>(message: &'a str) -> Result<T, UnknownFormat> {
    read_members(message, &mut |_, _| {})?;
    serde_json::from_str(message).map_err(|_| UnknownFormat)
}

/// Reads a message field by field.
///
/// # Errors
/// If it has another format. `take` may already have been called.
fn read_members<'a>(
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

/// Fields with the format number.
#[derive(Serialize)]
struct WithFormat<'a, T> {
    format: u64,
    #[serde(flatten)]
    fields: &'a T,
}

/// The JSON of a message with these fields.
pub(super) fn write<T: Serialize>(fields: &T) -> Result<String, String> {
    json::to_text(&WithFormat { format: FORMAT, fields })
}

/// A connector object's reply to the Directory.
#[derive(Serialize, Deserialize)]
pub(super) struct CurrentConnector<'a> {
    /// `None`: the connector never existed.
    pub entry: Option<Entry<'a>>,
    pub document: Option<String>,
    /// Whether a write is claiming the index in question.
    pub is_claiming: bool,
}

/// The Directory's reply to an entry.
#[derive(Serialize, Deserialize)]
pub(super) struct EntryReply<'a> {
    /// What was done with it: see [`crate::protocol::directory::Outcome`].
    pub result: Cow<'a, str>,
}

/// Entries of sync jobs.
#[derive(Serialize, Deserialize)]
pub(super) struct JobEntries<'a> {
    pub jobs: Cow<'a, [JobEntry]>,
}

/// The Directory's reply to entries of sync jobs.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct JobsReply<'a> {
    /// What was done with each of them.
    pub results: Vec<Cow<'a, str>>,
}

/// The Directory's reply to a claim; `None`: it can't read the claim.
#[derive(Serialize, Deserialize)]
pub(super) struct ClaimReply {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub granted: Option<bool>,
}

/// A connector object's reply to a flush.
#[derive(Serialize, Deserialize)]
pub(super) struct FlushReply {
    pub is_notified: bool,
}

/// Reports that a consumer lags, or no longer does.
#[derive(Serialize, Deserialize)]
pub(super) struct LagReport<'a> {
    /// The connector's id.
    pub id: Cow<'a, str>,
    pub consumer: Cow<'a, str>,
    pub since: Option<u64>,
    pub given_up: Option<u64>,
    pub gone: Option<Cow<'a, str>>,
}

/// A message with a notice to the Directory.
#[derive(Serialize, Deserialize)]
pub(super) struct NoticeMessage<'a> {
    pub notice: Notice<'a>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Notice<'a> {
    /// An isolate's counters.
    Counts(Cow<'a, [super::metrics::Count]>),
    /// An event for the audit.
    Audit(Cow<'a, Event>),
    Attempts(Attempts<'a>),
}

impl Notice<'_> {
    pub fn into_json(self) -> Result<String, String> {
        write(&NoticeMessage { notice: self })
    }
}

/// Attempts to deliver webhook messages, and the type of a message that may be due.
#[derive(Serialize, Deserialize)]
pub(super) struct Attempts<'a> {
    /// The connector's id.
    pub id: Cow<'a, str>,
    pub target: Cow<'a, str>,
    pub event: Option<Cow<'a, str>>,
    pub attempts: u64,
    pub failures: u64,
}

/// The Directory's reply to a notice.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct NoticeReply {
    /// Whether a summary will name the connector.
    pub gathered: bool,
    /// How many connectors share the cause of its error.
    pub sharing: u64,
}

/// Who made a request, and its id, for the history and the log.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
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
        read_members(message, &mut |name, value| {
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
