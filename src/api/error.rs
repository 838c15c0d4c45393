//! Errors as Elasticsearch's clients know them.

use serde_json::Value;

use crate::budget::OverBudget;
use crate::connector::DomainError;
use crate::limits::DOCUMENT_BYTES;
use crate::values::sorted::sort;

/// A request that is not carried out, and what its caller is told.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    /// HTTP status.
    pub status: u16,
    /// What the caller is told.
    pub body: ErrorBody,
    /// The methods that the path has, for 405.
    pub allow: Option<&'static str>,
}

/// The forms an error can take.
#[derive(Clone, Debug, PartialEq)]
pub enum ErrorBody {
    /// `{"error":{"root_cause":[..],"type":..,"reason":..},"status":N}`
    Envelope(Box<Cause>),
    /// `{"error":"...","status":N}`
    Sentence(String),
    /// `{"error":"..."}`: a path that nobody serves.
    BareSentence(String),
}

/// What was wrong, and what made it so.
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

    /// An argument that makes no sense.
    pub fn illegal_argument(reason: impl Into<String>) -> Self {
        Self::new("illegal_argument_exception", reason)
    }

    /// What made it so.
    #[must_use]
    pub fn caused_by(mut self, cause: Self) -> Self {
        self.cause = Some(Box::new(cause));
        self
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.details.push((name, value.to_owned()));
        self
    }

    /// About a document of that index.
    #[must_use]
    pub fn in_index(self, index: &str) -> Self {
        self.with("index_uuid", "_na_").with("shard", "0").with("index", index)
    }

    /// An error in an outer object that comes from an error in an inner one shows the inner one as
    /// its root.
    fn root(&self) -> &Self {
        match &self.cause {
            Some(cause) if cause.kind == "x_content_parse_exception" => cause.root(),
            _ => self,
        }
    }

    fn members(&self) -> String {
        let mut members = format!("\"type\":\"{}\",\"reason\":{}", self.kind, quoted(&self.reason));
        for (name, value) in &self.details {
            members.push_str(&format!(",\"{name}\":{}", quoted(value)));
        }
        members
    }

    fn members_with_causes(&self) -> String {
        match &self.cause {
            Some(cause) => {
                let inner = cause.members_with_causes();
                format!("{},\"caused_by\":{{{inner}}}", self.members())
            }
            None => self.members(),
        }
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Most errors are the caller's: 400.
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
    /// An envelope with that status.
    pub fn of(status: u16, cause: Cause) -> Self {
        Self { status, body: ErrorBody::Envelope(Box::new(cause)), allow: None }
    }

    fn sentence(status: u16, sentence: String) -> Self {
        Self { status, body: ErrorBody::Sentence(sentence), allow: None }
    }

    /// 400: problems with a request that could be read, numbered.
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

    /// 404: what is asked of that index only a cluster has, and there is none.
    pub fn index_not_found(index: &str) -> Self {
        let cause = Cause::new("index_not_found_exception", format!("no such index [{index}]"))
            .with("resource.type", "index_or_alias")
            .with("resource.id", index)
            .with("index_uuid", "_na_")
            .with("index", index);
        Self::of(404, cause)
    }

    /// 503: a write stands, but searches may not show it yet.
    pub fn unrefreshed(id: &str) -> Self {
        let reason = format!("[{id}]: {}", super::documents::UNREFRESHED);
        Self::of(503, Cause::new("unavailable_exception", reason))
    }

    /// 400: the index belongs to another connector.
    pub fn index_in_use(index: &str) -> Self {
        DomainError::Conflict(format!("Index name [{index}] is used by another connector.")).into()
    }

    /// 412: the connector is not at a version that the caller allows.
    pub fn version_conflict(id: &str, what: &str) -> Self {
        let reason = format!("[{id}]: version conflict, {what}");
        Self::of(412, Cause::new("version_conflict_engine_exception", reason))
    }

    /// 405, with the methods there are.
    pub fn wrong_method(target: &str, method: &str, allow: &'static str) -> Self {
        let sentence = format!(
            "Incorrect HTTP method for uri [{target}] and method [{method}], allowed: [{allow}]"
        );
        Self { allow: Some(allow), ..Self::sentence(405, sentence) }
    }

    /// 400: nobody serves this path.
    pub fn no_handler(target: &str, method: &str) -> Self {
        let sentence = format!("no handler found for uri [{target}] and method [{method}]");
        Self { status: 400, body: ErrorBody::BareSentence(sentence), allow: None }
    }

    /// 406: a body in a format that is not read here.
    pub fn unsupported_body(content_type: Option<&str>) -> Self {
        let sentence = match content_type {
            Some(given) => format!("Content-Type header [{given}] is not supported"),
            None => "Content-Type header is missing".to_owned(),
        };
        Self::sentence(406, sentence)
    }

    /// 413: more than a connector needs.
    pub fn too_long(limit: usize) -> Self {
        let reason = format!("entity content is too long: the limit is [{limit}] bytes");
        Self::of(413, Cause::new("content_too_long_exception", reason))
    }

    /// 413: a change after which a document would have that many bytes of JSON.
    pub fn document_too_long(noun: &str, id: &str, size: usize) -> Self {
        let reason = format!(
            "[{id}]: the {noun} would be too long: its JSON would have [{size}] bytes, the limit is \
             [{DOCUMENT_BYTES}]"
        );
        Self::of(413, Cause::new("content_too_long_exception", reason))
    }

    /// 400: a body that is not UTF-8, and at which byte.
    pub fn not_utf8(offset: usize) -> Self {
        let message = format!("Invalid UTF-8 at byte {offset}");
        Cause::new("x_content_parse_exception", format!("[1:{}] {message}", offset + 1))
            .caused_by(Cause::new("json_parse_exception", message))
            .into()
    }

    /// 400: a body that says it is compressed, and is not.
    pub fn not_gzip() -> Self {
        Cause::new(
            "parse_exception",
            "Content-Encoding is [gzip], but the request body is not valid gzip",
        )
        .into()
    }

    /// 415: a body that is compressed in a way that is not read here.
    pub fn unsupported_encoding(encoding: &str) -> Self {
        let reason =
            format!("Content-Encoding [{encoding}] is not supported: use [gzip], or leave it out");
        Self::of(415, Cause::new("unsupported_encoding_exception", reason))
    }

    /// 400: a page of a list that would be too large.
    pub fn list_too_large(limit: usize) -> Self {
        let reason = format!("the page is larger than [{limit}] bytes: ask for fewer with [size]");
        Cause::illegal_argument(reason).into()
    }

    /// 421: an anonymous request for a host that is not known to be this service.
    pub fn misdirected(host: &str) -> Self {
        let reason = format!(
            "[{host}] is not a known host name of this service, so requests to it need a key: \
             add it to the setting [ALLOWED_HOSTS], or send a key"
        );
        Self::of(421, Cause::new("misdirected_request_exception", reason))
    }

    /// 426: a request that only makes sense with a WebSocket.
    pub fn upgrade_required() -> Self {
        let reason = "this endpoint needs a WebSocket: send [Upgrade: websocket]";
        Self::of(426, Cause::new("upgrade_required_exception", reason))
    }

    /// 503: more sockets than one object can serve.
    pub fn too_many_watchers(limit: u32) -> Self {
        let reason =
            format!("the limit of [{limit}] open watch sockets is reached: try again later");
        Self::of(503, Cause::new("unavailable_exception", reason))
    }

    /// 429: one key or person watches in as many places as it can.
    pub fn too_many_watchers_of(who: &str, limit: u32) -> Self {
        let reason = format!(
            "[{who}] has [{limit}] watch sockets open, the limit for one key or person: close some, \
             or try again later"
        );
        Self::of(429, Cause::new("too_many_requests", reason))
    }

    /// 400: a body that ended before it was complete.
    pub fn cut_off() -> Self {
        Cause::new("parse_exception", "the request body ended before it was complete").into()
    }

    /// 500: a fault of ours; the details are in the log, not in the response.
    pub fn internal() -> Self {
        let reason = "the request could not be completed: see the Worker's log for the cause";
        Self::of(500, Cause::new("internal_server_error", reason))
    }

    /// 503: a part behind the Worker is away for the moment. Nothing was changed.
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
        let status = self.status;
        match &self.body {
            ErrorBody::Envelope(cause) => {
                let root = cause.root().members();
                let members = cause.members_with_causes();
                format!(
                    "{{\"error\":{{\"root_cause\":[{{{root}}}],{members}}},\"status\":{status}}}"
                )
            }
            ErrorBody::Sentence(error) => {
                format!("{{\"error\":{},\"status\":{status}}}", quoted(error))
            }
            ErrorBody::BareSentence(error) => format!("{{\"error\":{}}}", quoted(error)),
        }
    }
}

/// ` did you mean [x]?`, if there are names much like the given one.
pub fn did_you_mean<'a>(given: &str, names: impl Iterator<Item = &'a str>) -> String {
    // A name of less than half the length is not alike, and a key may be long.
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
