//! What the Worker and its objects tell each other: JSON with named fields and a format number.
//!
//! During a rollout a Worker of one version talks to objects of another. A message of a format that
//! the receiver does not know is never guessed at: it is answered 503, and nothing is written.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::now;
use crate::api::Request;
use crate::connector::Fields;
use crate::directory::Event;
use crate::secrets::Secrets;
use crate::values::json::{self, Member};

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

/// The JSON of an object as a message.
pub(super) fn with_format(object: &str) -> String {
    let members = object.strip_prefix('{').unwrap_or_default();
    format!("{{\"format\":{FORMAT},{members}")
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
    pub fn to_json(&self) -> String {
        let Self { id, request, patterns, secrets, origin, opaque_id } = self;
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
            ("secrets", (*secrets == Secrets::Shown).then_some(SHOWN)),
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
        let mut this = Self::default();
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
                // What may be seen is not guessed at: patterns that cannot be read cover nothing.
                "patterns" => *patterns = Some(serde_json::from_str(&value).unwrap_or_default()),
                "secrets" if value == SHOWN => *secrets = Secrets::Shown,
                "by" => origin.by = Some(value),
                "request_id" => origin.request_id = Some(value),
                "opaque_id" => *opaque_id = Some(value),
                _ => {}
            }
        })?;
        this.request.body = body.unwrap_or_default();
        Ok(this)
    }
}
