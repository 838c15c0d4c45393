//! What the Worker and its objects tell each other: JSON with named fields and a format number.
//!
//! During a rollout a Worker of one version talks to objects of another. A message of a format that
//! the receiver does not know is never guessed at: it is answered 503, and nothing is written.

use serde_json::Value;

use crate::api::Request;
use crate::connector::Fields;
use crate::values::json;

/// The format of all messages here.
pub(super) const FORMAT: u64 = 1;

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

/// A message with those fields; what is `None` is left out.
pub(super) fn write<'a>(fields: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> String {
    let mut message = format!("{{\"format\":{FORMAT}");
    for (name, value) in fields {
        if let Some(value) = value {
            message.push_str(",\"");
            message.push_str(name);
            message.push_str("\":");
            message.push_str(&serde_json::to_string(value).unwrap_or_default());
        }
    }
    message.push('}');
    message
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
    /// The id of the API key that came with it.
    pub by: Option<String>,
    /// What the request is called in the log.
    pub request_id: Option<String>,
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
    /// Where it comes from.
    pub origin: Origin,
    /// The caller's name for the request, for the response.
    pub opaque_id: Option<String>,
}

impl Message {
    /// All of it but the body, which is handed over beside it.
    pub fn to_json(&self) -> String {
        let Self { id, request, patterns, origin, opaque_id } = self;
        let patterns = patterns.as_ref().map(|all| serde_json::to_string(all).unwrap_or_default());
        write([
            ("id", Some(id.as_str())),
            ("method", Some(&request.method)),
            ("target", Some(&request.target)),
            ("content_type", request.content_type.as_deref()),
            ("accept", request.accept.as_deref()),
            ("if_match", request.if_match.as_deref()),
            ("if_none_match", request.if_none_match.as_deref()),
            ("patterns", patterns.as_deref()),
            ("by", origin.by.as_deref()),
            ("request_id", origin.request_id.as_deref()),
            ("opaque_id", opaque_id.as_deref()),
        ])
    }

    /// Reads a message and its body.
    ///
    /// # Errors
    /// If it is of another format.
    pub fn parse(message: &str, body: Option<String>) -> Result<Self, UnknownFormat> {
        let mut fields = parse(message)?;
        let mut given = |name| text(&mut fields, name);
        Ok(Self {
            id: given("id").unwrap_or_default(),
            request: Request {
                method: given("method").unwrap_or_default(),
                target: given("target").unwrap_or_default(),
                body: body.unwrap_or_default(),
                content_type: given("content_type"),
                accept: given("accept"),
                if_match: given("if_match"),
                if_none_match: given("if_none_match"),
            },
            patterns: given("patterns").and_then(|all| serde_json::from_str(&all).ok()),
            origin: Origin { by: given("by"), request_id: given("request_id") },
            opaque_id: given("opaque_id"),
        })
    }
}
