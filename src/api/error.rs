//! Error responses in the formats of Elasticsearch.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::budget::OverBudget;
use crate::connector::DomainError;
use crate::limits::DOCUMENT_BYTES;
use crate::values::json;
use crate::values::sorted::sort;

/// An error response.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    /// HTTP status.
    pub status: u16,
    /// Its body.
    pub body: ErrorBody,
    /// The methods that the path supports, for 405.
    pub allow: Option<&'static str>,
}

/// The forms an error can take.
#[derive(Clone, Debug, PartialEq)]
pub enum ErrorBody {
    /// `{"error":{"root_cause":[..],"type":..,"reason":..},"status":N}`
    Envelope(Box<Cause>),
    /// `{"error":"...","status":N}`
    Sentence(String),
    /// `{"error":"..."}`: an unknown path.
    BareSentence(String),
}

/// What was wrong, and the error that caused it.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    kind: &'static str,
    reason: String,
    details: Vec<(&'static str, String)>,
    cause: Option<Box<Cause>>,
}

impl Cause {
    /// An error of that type.
    pub fn new(kind: &'static str, reason: impl Into<String>) -> Self {
        Self { kind, reason: reason.into(), details: Vec::new(), cause: None }
    }

    /// An error about an argument.
    pub fn illegal_argument(reason: impl Into<String>) -> Self {
        Self::new("illegal_argument_exception", reason)
    }

    /// Adds the error that caused this one.
    #[must_use]
    pub fn caused_by(mut self, cause: Self) -> Self {
        self.cause = Some(Box::new(cause));
        self
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.details.push((name, value.to_owned()));
        self
    }

    /// Adds the members of an error about a document of that index.
    #[must_use]
    pub fn in_index(self, index: &str) -> Self {
        self.with("index_uuid", "_na_").with("shard", "0").with("index", index)
    }

    /// The error shown as the root cause: for errors in nested objects, that of the innermost object.
    fn root(&self) -> &Self {
        match &self.cause {
            Some(cause) if cause.kind == "x_content_parse_exception" => cause.root(),
            _ => self,
        }
    }
}

/// A cause as a JSON object. In `root_cause`, causes stand without what caused them.
struct Shown<'a> {
    root: Option<&'a Cause>,
    cause: &'a Cause,
    caused_by: Option<&'a Cause>,
}

impl<'a> Shown<'a> {
    fn with_cause(cause: &'a Cause) -> Self {
        Self { root: None, cause, caused_by: cause.cause.as_deref() }
    }

    fn without_cause(cause: &'a Cause) -> Self {
        Self { root: None, cause, caused_by: None }
    }
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        if let Some(root) = self.root {
            members.serialize_entry("root_cause", &[Shown::without_cause(root)])?;
        }
        members.serialize_entry("type", self.cause.kind)?;
        members.serialize_entry("reason", &self.cause.reason)?;
        for (name, value) in &self.cause.details {
            members.serialize_entry(name, value)?;
        }
        if let Some(cause) = self.caused_by {
            members.serialize_entry("caused_by", &Shown::with_cause(cause))?;
        }
        members.end()
    }
}

/// The body of an error response.
#[derive(Serialize)]
struct Body<T> {
    error: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
}

/// The body of the response if a body can't be written as JSON.
pub(super) const UNWRITABLE: &str = r#"{"error":{"root_cause":[{"type":"internal_server_error","reason":"the response cannot be written as JSON"}],"type":"internal_server_error","reason":"the response cannot be written as JSON"},"status":500}"#;

/// 400, since most errors are in the request.
impl From<Cause> for ApiError {
    fn from(cause: Cause) -> Self {
        Self::of(400, cause)
    }
}

impl From<OverBudget> for ApiError {
    fn from(over: OverBudget) -> Self {
        Cause::illegal_argument(over.reason().to_owned()).into()
    }
}

impl From<DomainError> for ApiError {
    fn from(refusal: DomainError) -> Self {
        let reason = refusal.to_string();
        let cause = Cause::new("status_exception", &reason);
        match refusal {
            DomainError::Conflict(_) => cause.into(),
            DomainError::Transition(_) => {
                let kind = "connector_invalid_status_transition_exception";
                cause.caused_by(Cause::new(kind, reason)).into()
            }
        }
    }
}

impl ApiError {
    /// An error in Elasticsearch's envelope, with that status.
    pub fn of(status: u16, cause: Cause) -> Self {
        Self { status, body: ErrorBody::Envelope(Box::new(cause)), allow: None }
    }

    fn sentence(status: u16, sentence: String) -> Self {
        Self { status, body: ErrorBody::Sentence(sentence), allow: None }
    }

    /// 400: the problems of a request, numbered.
    pub fn invalid(problems: &[String]) -> Self {
        let numbered: String =
            (1..).zip(problems).map(|(n, problem)| format!(" {n}: {problem};")).collect();
        let reason = format!("Validation Failed:{numbered}");
        Cause::new("action_request_validation_exception", reason).into()
    }

    /// 404 from an endpoint that reads the connector first.
    pub fn not_found(id: &str) -> Self {
        let reason = format!("connector [{id}] not found");
        Self::of(404, Cause::new("resource_not_found_exception", reason))
    }

    /// 404 from an endpoint that updates without reading.
    pub fn document_missing(id: &str) -> Self {
        Self::document_missing_in(".elastic-connectors-v1", id)
    }

    /// 404 from an update of a document of that index.
    pub fn document_missing_in(index: &str, id: &str) -> Self {
        let cause = Cause::new("document_missing_exception", format!("[{id}]: document missing"));
        Self::of(404, cause.in_index(index))
    }

    /// 404: only a cluster could answer this request about the index, and there is none.
    pub fn index_not_found(index: &str) -> Self {
        let cause = Cause::new("index_not_found_exception", format!("no such index [{index}]"))
            .with("resource.type", "index_or_alias")
            .with("resource.id", index)
            .with("index_uuid", "_na_")
            .with("index", index);
        Self::of(404, cause)
    }

    /// 503: the write is stored, but searches may not show it yet.
    pub fn unrefreshed(id: &str) -> Self {
        let reason = format!("[{id}]: {}", super::documents::UNREFRESHED);
        Self::of(503, Cause::new("unavailable_exception", reason))
    }

    /// 400: another connector uses the index.
    pub fn index_in_use(index: &str) -> Self {
        DomainError::Conflict(format!("Index name [{index}] is used by another connector.")).into()
    }

    /// 412: `If-Match` or `If-None-Match` does not allow the connector's version.
    pub fn version_conflict(id: &str, what: &str) -> Self {
        let reason = format!("[{id}]: version conflict, {what}");
        Self::of(412, Cause::new("version_conflict_engine_exception", reason))
    }

    /// 405, with the methods that the path supports.
    pub fn wrong_method(target: &str, method: &str, allow: &'static str) -> Self {
        let sentence = format!(
            "Incorrect HTTP method for uri [{target}] and method [{method}], allowed: [{allow}]"
        );
        Self { allow: Some(allow), ..Self::sentence(405, sentence) }
    }

    /// 400: the path is unknown.
    pub fn no_handler(target: &str, method: &str) -> Self {
        let sentence = format!("no handler found for uri [{target}] and method [{method}]");
        Self { status: 400, body: ErrorBody::BareSentence(sentence), allow: None }
    }

    /// 406: the format of the body is not supported.
    pub fn unsupported_body(content_type: Option<&str>) -> Self {
        let sentence = match content_type {
            Some(given) => format!("Content-Type header [{given}] is not supported"),
            None => "Content-Type header is missing".to_owned(),
        };
        Self::sentence(406, sentence)
    }

    /// 413: the body is longer than that many bytes.
    pub fn too_long(limit: usize) -> Self {
        let reason = format!("entity content is too long: the limit is [{limit}] bytes");
        Self::of(413, Cause::new("content_too_long_exception", reason))
    }

    /// 413: with the change, the document would have that many bytes of JSON.
    pub fn document_too_long(noun: &str, id: &str, size: usize) -> Self {
        let reason = format!(
            "[{id}]: the {noun} would be too long: its JSON would have [{size}] bytes, the limit is \
             [{DOCUMENT_BYTES}]"
        );
        Self::of(413, Cause::new("content_too_long_exception", reason))
    }

    /// 400: the body is not UTF-8 from that byte on.
    pub fn not_utf8(offset: usize) -> Self {
        let message = format!("Invalid UTF-8 at byte {offset}");
        Cause::new("x_content_parse_exception", format!("[1:{}] {message}", offset + 1))
            .caused_by(Cause::new("json_parse_exception", message))
            .into()
    }

    /// 400: `Content-Encoding` is gzip, but the body is not.
    pub fn not_gzip() -> Self {
        Cause::new(
            "parse_exception",
            "Content-Encoding is [gzip], but the request body is not valid gzip",
        )
        .into()
    }

    /// 415: the compression of the body is not supported.
    pub fn unsupported_encoding(encoding: &str) -> Self {
        let reason =
            format!("Content-Encoding [{encoding}] is not supported: use [gzip], or leave it out");
        Self::of(415, Cause::new("unsupported_encoding_exception", reason))
    }

    /// 400: the page of a list would be longer than that many bytes.
    pub fn list_too_large(limit: usize) -> Self {
        let reason = format!("the page is larger than [{limit}] bytes: ask for fewer with [size]");
        Cause::illegal_argument(reason).into()
    }

    /// 421: an anonymous request, for a host that is not in `ALLOWED_HOSTS`.
    pub fn misdirected(host: &str) -> Self {
        let reason = format!(
            "[{host}] is not a known host name of this service, so requests to it need a key: \
             add it to the setting [ALLOWED_HOSTS], or send a key"
        );
        Self::of(421, Cause::new("misdirected_request_exception", reason))
    }

    /// 426: the request must be the handshake of a WebSocket.
    pub fn upgrade_required() -> Self {
        let reason = "this endpoint needs a WebSocket: send [Upgrade: websocket]";
        Self::of(426, Cause::new("upgrade_required_exception", reason))
    }

    /// 503: that many sockets are open, the limit of one object.
    pub fn too_many_watchers(limit: u32) -> Self {
        let reason =
            format!("the limit of [{limit}] open watch sockets is reached: try again later");
        Self::of(503, Cause::new("unavailable_exception", reason))
    }

    /// 429: a key or person has that many sockets open, its limit.
    pub fn too_many_watchers_of(who: &str, limit: u32) -> Self {
        let reason = format!(
            "[{who}] has [{limit}] watch sockets open, the limit for one key or person: close some, \
             or try again later"
        );
        Self::of(429, Cause::new("too_many_requests", reason))
    }

    /// 400: the body ended before it was complete.
    pub fn cut_off() -> Self {
        Cause::new("parse_exception", "the request body ended before it was complete").into()
    }

    /// 500; the log has the details.
    pub fn internal() -> Self {
        let reason = "the request could not be completed: see the Worker's log for the cause";
        Self::of(500, Cause::new("internal_server_error", reason))
    }

    /// 503: a part of the service does not answer. Nothing was changed.
    pub fn unavailable(part: &str) -> Self {
        let reason = format!("{part} cannot be reached at the moment: try again");
        Self::of(503, Cause::new("unavailable_exception", reason))
    }

    /// Whether it was found in validation or later, and so after the parameters.
    pub(super) fn is_late(&self) -> bool {
        matches!(&self.body, ErrorBody::Envelope(cause)
            if self.status == 404 || cause.kind == "action_request_validation_exception")
    }

    /// The body of the response.
    pub fn to_json(&self) -> String {
        let status = Some(self.status);
        let body = match &self.body {
            ErrorBody::Envelope(cause) => {
                let root = Some(cause.root());
                let error = Shown { root, ..Shown::with_cause(cause) };
                json::to_text(&Body { error, status })
            }
            ErrorBody::Sentence(error) => json::to_text(&Body { error, status }),
            ErrorBody::BareSentence(error) => json::to_text(&Body { error, status: None }),
        };
        body.unwrap_or_else(|_| UNWRITABLE.to_owned())
    }
}

/// ` did you mean [x]?`, if some names are similar to the given one; otherwise empty.
pub fn did_you_mean<'a>(given: &str, names: impl Iterator<Item = &'a str>) -> String {
    // Keys may be long: names of less than half the length aren't compared.
    let length = given.chars().count();
    let mut alike: Vec<(f64, &str)> = names
        .filter(|name| length < 2 * name.len())
        .map(|name| (strsim::normalized_levenshtein(given, name), name))
        .filter(|(score, _)| *score > 0.5)
        .collect();
    sort(&mut alike, &mut |a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let names: Vec<_> = alike.into_iter().map(|(_, name)| name).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => format!(" did you mean [{one}]?"),
        several => format!(" did you mean any of [{}]?", several.join(", ")),
    }
}
