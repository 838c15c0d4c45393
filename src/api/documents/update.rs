//! `POST /{index}/_update/{id}` merges fields into a document. `PUT /{index}/_doc/{id}` takes a whole document
//! and applies only what its sender has changed.

use serde_json::Value;

use super::{Index, PRIMARY_TERM, seq_no, written};
use crate::api::error::{ApiError, Cause};
use crate::api::query::Query;
use crate::api::read::{read_body, require_body, valid};
use crate::api::response::Response;
use crate::api::schema::{FieldType, ObjectSchema, field};
use crate::api::{Current, Request};
use crate::document::{Delta, Document, Fields, Patch};
use crate::recent_values::{RecentValues, are_equivalent};
use crate::values::{IndexName, Time};

const DOC: &str = "doc";

static CONNECTOR_UPDATE: ObjectSchema = ObjectSchema {
    name: "UpdateRequest",
    fields: &[field(DOC, FieldType::OpenObject(&super::fields::CONNECTOR))],
};
static SYNC_JOB_UPDATE: ObjectSchema = ObjectSchema {
    name: "UpdateRequest",
    fields: &[field(DOC, FieldType::OpenObject(&super::fields::SYNC_JOB))],
};

/// An update of a document through the document API.
#[derive(Clone, Debug)]
pub struct DocumentUpdate {
    doc: Fields,
    /// `if_seq_no`, `if_primary_term`
    expected: Option<(u64, u64)>,
    content: Content,
    refreshes: bool,
}

/// What the body of an update contains.
#[derive(Clone, Copy, Debug)]
enum Content {
    /// The fields to change.
    Fields,
    /// The whole document. [`Before::changes`] is called through a pointer so that the npm package, which
    /// takes no whole documents, doesn't contain its code.
    Whole(fn(&Before<'_>, Fields, bool) -> Patch),
}

impl DocumentUpdate {
    pub(super) fn read(
        index: Index,
        request: &Request,
        query: &mut Query,
        refreshes: bool,
    ) -> Result<Self, ApiError> {
        let schema = match index {
            Index::Connectors => &CONNECTOR_UPDATE,
            Index::SyncJobs => &SYNC_JOB_UPDATE,
        };
        let mut body = read_body(request, schema)?;
        let mut problems = Vec::new();
        let mut doc = match body.shift_remove(DOC) {
            Some(Value::Object(doc)) => doc,
            _ => {
                problems.push("script or doc is missing".to_owned());
                Fields::new()
            }
        };
        // The id is not part of the document.
        doc.shift_remove("id");
        Self::new(index, doc, problems, query, Content::Fields, refreshes)
    }

    /// Parses the whole document of a connector.
    pub(super) fn read_whole(
        id: &str,
        request: &Request,
        query: &mut Query,
        refreshes: bool,
    ) -> Result<Self, ApiError> {
        let problem = match query.text("op_type").as_deref() {
            None | Some("index") => None,
            Some("create") => return Err(no_creation(id)),
            Some(other) => Some(format!("opType must be 'create' or 'index', found: [{other}]")),
        };
        require_body(request)?;
        let mut doc = super::fields::CONNECTOR.read_document(&request.body)?;
        doc.shift_remove("id");
        let problems = problem.into_iter().collect();
        let content = Content::Whole(|before, doc, is_current| before.changes(doc, is_current));
        Self::new(Index::Connectors, doc, problems, query, content, refreshes)
    }

    fn new(
        index: Index,
        doc: Fields,
        mut problems: Vec<String>,
        query: &mut Query,
        content: Content,
        refreshes: bool,
    ) -> Result<Self, ApiError> {
        let seq_no = number(query, "if_seq_no", "sequence numbers")?;
        let primary_term = number(query, "if_primary_term", "primary term")?.filter(|it| *it > 0);
        let expected = match (seq_no, primary_term) {
            (Some(seq_no), Some(primary_term)) => Some((seq_no, primary_term)),
            (Some(_), None) => {
                problems.push("ifSeqNo is set, but primary term is [0]".to_owned());
                None
            }
            (None, Some(primary_term)) => {
                let problem =
                    format!("ifSeqNo is unassigned, but primary term is [{primary_term}]");
                problems.push(problem);
                None
            }
            (None, None) => None,
        };
        let index_name = match index {
            Index::Connectors => doc.get("index_name").and_then(Value::as_str),
            Index::SyncJobs => None,
        };
        problems.extend(index_name.and_then(|name| IndexName::parse(name).err()));
        valid(&problems)?;
        Ok(Self { doc, expected, content, refreshes })
    }

    /// Whether the caller sent the whole document.
    pub fn is_whole(&self) -> bool {
        matches!(self.content, Content::Whole(_))
    }

    /// The name of the write in the history.
    pub fn name(&self) -> &'static str {
        match self.content {
            Content::Fields => "_update",
            Content::Whole(_) => "_doc",
        }
    }

    /// Whether searches must show the write before it is acknowledged.
    pub fn refreshes(&self) -> bool {
        self.refreshes
    }

    pub fn doc(&self) -> &Fields {
        &self.doc
    }
}

fn number(query: &mut Query, name: &'static str, what: &str) -> Result<Option<u64>, ApiError> {
    let Some(text) = query.text(name) else { return Ok(None) };
    let reason = match text.parse::<i64>() {
        Ok(number) => match u64::try_from(number) {
            Ok(number) => return Ok(Some(number)),
            Err(_) => format!("{what} must be non negative. got [{number}]."),
        },
        Err(_) => format!("Failed to parse long parameter [{name}] with value [{text}]"),
    };
    Err(Cause::illegal_argument(reason).into())
}

/// Decides on an update. Returns the changed fields, if any, and the response.
pub(in crate::api) fn decide<D: Document>(
    index: Index,
    id: &str,
    update: DocumentUpdate,
    before: Option<Current<'_, D>>,
    now: Time,
) -> Result<(Option<Delta>, Response), ApiError> {
    let before = before.map(|it| Before {
        fields: it.document.fields(),
        version: it.version,
        recent_values: it.recent_values,
        now,
    });
    decide_fields(index, id, update, before)
}

/// The document before an update.
struct Before<'a> {
    fields: &'a Fields,
    version: u64,
    recent_values: Option<&'a RecentValues>,
    now: Time,
}

impl Before<'_> {
    /// The fields that the sender of a whole document has changed. A field with a recent but outdated value
    /// doesn't count: the sender read the document before someone else changed that field. If the sender gave
    /// the current sequence number (`is_current`), every difference is a change.
    fn changes(&self, doc: Fields, is_current: bool) -> Patch {
        let is_changed = |name: &str, value: &Value| {
            let current = self.fields.get(name).unwrap_or(&Value::Null);
            let time = |value: &Value| value.as_str().and_then(Time::parse);
            if are_equivalent(current, value) {
                return false;
            }
            // `last_seen` never goes back.
            if name == "last_seen" && time(value) <= time(current) {
                return false;
            }
            is_current
                || !self.recent_values.is_some_and(|recent| recent.contains(name, value, self.now))
        };
        let changed = doc.into_iter().filter(|(name, value)| is_changed(name, value));
        changed.fold(Patch::default(), |patch, (name, value)| patch.replace(&name, value))
    }
}

/// 400: connectors can't be created through the document API.
pub(super) fn no_creation(id: &str) -> ApiError {
    let id = if id.is_empty() { "{id}" } else { id };
    let reason = format!(
        "a connector cannot be created as a document: create it with [PUT /_connector/{id}], change it with \
         [PUT /.elastic-connectors/_doc/{id}] or [POST /.elastic-connectors/_update/{id}]"
    );
    Cause::illegal_argument(reason).into()
}

fn decide_fields(
    index: Index,
    id: &str,
    update: DocumentUpdate,
    before: Option<Before<'_>>,
) -> Result<(Option<Delta>, Response), ApiError> {
    let before = before.ok_or_else(|| match update.content {
        Content::Fields => ApiError::document_missing_in(index.name(), id),
        Content::Whole(_) => {
            let reason =
                format!("[{id}]: document missing: [PUT /_connector/{id}] creates a connector");
            let cause = Cause::new("document_missing_exception", reason);
            ApiError::of(404, cause.in_index(index.name()))
        }
    })?;
    let version = before.version;
    let now = (seq_no(version), PRIMARY_TERM);
    if let Some(expected) = update.expected.filter(|expected| *expected != now) {
        return Err(conflict(index, id, expected, now));
    }
    let patch = match update.content {
        Content::Fields => Patch::merge(update.doc),
        Content::Whole(changes) => changes(&before, update.doc, update.expected.is_some()),
    };
    let delta = patch.diff_fields(before.fields);
    let refreshes = update.refreshes;
    let response = match delta {
        Some(_) => written(200, index, id, version.saturating_add(1), "updated", refreshes),
        None => written(200, index, id, version, "noop", refreshes),
    };
    Ok((delta, response))
}

/// 409: the document has changed since it was read.
fn conflict(index: Index, id: &str, expected: (u64, u64), now: (u64, u64)) -> ApiError {
    let reason = format!(
        "[{id}]: version conflict, required seqNo [{}], primary term [{}]. current document has \
         seqNo [{}] and primary term [{}]",
        expected.0, expected.1, now.0, now.1
    );
    let cause = Cause::new("version_conflict_engine_exception", reason);
    ApiError::of(409, cause.in_index(index.name()))
}
