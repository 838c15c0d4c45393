//! `POST /{index}/_update/{id}`: merges some fields into a document. `PUT /{index}/_doc/{id}`: takes a
//! document that comes back as a whole.

use serde_json::Value;

use super::{Index, PRIMARY_TERM, seq_no, written};
use crate::api::error::{ApiError, Cause};
use crate::api::query::Query;
use crate::api::read::{read_body, require_body, valid};
use crate::api::response::Response;
use crate::api::schema::{FieldType, ObjectSchema, field};
use crate::api::{Current, Request};
use crate::document::{Delta, Document, Fields, Patch};
use crate::past::{Past, are_alike};
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

/// Fields to merge into a document, and which version of it is meant.
#[derive(Clone, Debug)]
pub struct DocumentUpdate {
    doc: Fields,
    /// `if_seq_no`, `if_primary_term`
    condition: Option<(u64, u64)>,
    extent: Extent,
    refreshes: bool,
}

/// How much of a document somebody sends.
#[derive(Clone, Copy, Debug)]
enum Extent {
    /// The fields to change.
    Fields,
    /// All of it, changed or not. With what finds its changes ([`Before::changes`]): called through a pointer, so
    /// that the package's preview, which takes no whole documents, is without it.
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
        // The id is the document's name, not part of it.
        doc.shift_remove("id");
        Self::new(index, doc, problems, query, Extent::Fields, refreshes)
    }

    /// Reads the whole document of a connector.
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
        let extent =
            Extent::Whole(|before, doc, is_this_version| before.changes(doc, is_this_version));
        Self::new(Index::Connectors, doc, problems, query, extent, refreshes)
    }

    fn new(
        index: Index,
        doc: Fields,
        mut problems: Vec<String>,
        query: &mut Query,
        extent: Extent,
        refreshes: bool,
    ) -> Result<Self, ApiError> {
        let seq_no = number(query, "if_seq_no", "sequence numbers")?;
        let primary_term = number(query, "if_primary_term", "primary term")?.filter(|it| *it > 0);
        let condition = match (seq_no, primary_term) {
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
        Ok(Self { doc, condition, extent, refreshes })
    }

    /// Whether it is a document that comes back as a whole.
    pub fn is_whole(&self) -> bool {
        matches!(self.extent, Extent::Whole(_))
    }

    /// What the history calls it.
    pub fn name(&self) -> &'static str {
        match self.extent {
            Extent::Fields => "_update",
            Extent::Whole(_) => "_doc",
        }
    }

    /// Whether searches are to show it when it is acknowledged.
    pub fn refreshes(&self) -> bool {
        self.refreshes
    }

    /// The fields to merge.
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

/// Decides on an update: what becomes of the document, and what to answer.
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
        past: it.past,
        now,
    });
    decide_fields(index, id, update, before)
}

/// A document before an update.
struct Before<'a> {
    fields: &'a Fields,
    version: u64,
    past: Option<&'a Past>,
    now: Time,
}

impl Before<'_> {
    /// The fields of a document that came back as a whole which are to be changed: those that are neither as
    /// they are now nor as they were until lately. Whoever gives the sequence number of this version has seen
    /// no other one.
    fn changes(&self, doc: Fields, is_this_version: bool) -> Patch {
        let is_changed = |name: &str, value: &Value| {
            let current = self.fields.get(name).unwrap_or(&Value::Null);
            let time = |value: &Value| value.as_str().and_then(Time::parse);
            if are_alike(current, value) {
                return false;
            }
            // Nobody was seen less by having been seen later.
            if name == "last_seen" && time(value) <= time(current) {
                return false;
            }
            is_this_version || !self.past.is_some_and(|past| past.had(name, value, self.now))
        };
        let changed = doc.into_iter().filter(|(name, value)| is_changed(name, value));
        changed.fold(Patch::default(), |patch, (name, value)| patch.replace(&name, value))
    }
}

/// 400: connectors are not created as documents.
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
    let before = before.ok_or_else(|| match update.extent {
        Extent::Fields => ApiError::document_missing_in(index.name(), id),
        Extent::Whole(_) => {
            let reason =
                format!("[{id}]: document missing: [PUT /_connector/{id}] creates a connector");
            let cause = Cause::new("document_missing_exception", reason);
            ApiError::of(404, cause.in_index(index.name()))
        }
    })?;
    let version = before.version;
    let now = (seq_no(version), PRIMARY_TERM);
    if let Some(seen) = update.condition.filter(|seen| *seen != now) {
        return Err(conflict(index, id, seen, now));
    }
    let patch = match update.extent {
        Extent::Fields => Patch::merge(update.doc),
        Extent::Whole(changes) => changes(&before, update.doc, update.condition.is_some()),
    };
    let delta = patch.diff_fields(before.fields);
    let refreshes = update.refreshes;
    let response = match delta {
        Some(_) => written(200, index, id, version.saturating_add(1), "updated", refreshes),
        None => written(200, index, id, version, "noop", refreshes),
    };
    Ok((delta, response))
}

/// 409: the document has moved on since it was read.
fn conflict(index: Index, id: &str, seen: (u64, u64), now: (u64, u64)) -> ApiError {
    let reason = format!(
        "[{id}]: version conflict, required seqNo [{}], primary term [{}]. current document has \
         seqNo [{}] and primary term [{}]",
        seen.0, seen.1, now.0, now.1
    );
    let cause = Cause::new("version_conflict_engine_exception", reason);
    ApiError::of(409, cause.in_index(index.name()))
}
