//! `POST /{index}/_update/{id}`: merges some fields into a document.

use serde_json::Value;

use super::{Index, PRIMARY_TERM, seq_no, written};
use crate::api::error::{ApiError, Cause};
use crate::api::query::Query;
use crate::api::response::Response;
use crate::api::schema::{FieldType, ObjectSchema, field};
use crate::api::{Current, Request, read_body, valid};
use crate::document::{Delta, Document, Fields, Patch};
use crate::values::IndexName;

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
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentUpdate {
    doc: Fields,
    /// `if_seq_no`, `if_primary_term`
    condition: Option<(u64, u64)>,
}

impl DocumentUpdate {
    pub(super) fn read(
        index: Index,
        request: &Request,
        query: &mut Query,
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
        Ok(Self { doc, condition })
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
) -> Result<(Option<Delta>, Response), ApiError> {
    let before = before.map(|Current { document, version }| (document.fields(), version));
    decide_fields(index, id, update, before)
}

fn decide_fields(
    index: Index,
    id: &str,
    update: DocumentUpdate,
    before: Option<(&Fields, u64)>,
) -> Result<(Option<Delta>, Response), ApiError> {
    let (fields, version) =
        before.ok_or_else(|| ApiError::document_missing_in(index.name(), id))?;
    let now = (seq_no(version), PRIMARY_TERM);
    if let Some(seen) = update.condition.filter(|seen| *seen != now) {
        return Err(conflict(index, id, seen, now));
    }
    let delta = Patch::merge(update.doc).diff_fields(fields);
    let response = match delta {
        Some(_) => written(200, index, id, version.saturating_add(1), "updated"),
        None => written(200, index, id, version, "noop"),
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
