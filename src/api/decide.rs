//! Decides on a change: what is stored, and the response. Needs the document as it is now.

use super::documents::{self, Index};
use super::error::ApiError;
use super::response::Response;
use super::{Precondition, Write};
use crate::connector::{ChangeContext, Connector, Delta, DomainError, with_id};
use crate::document::Document;
use crate::limits::DOCUMENT_BYTES;
use crate::past::Past;
use crate::protocol::claims;
use crate::secrets::Visible;
use crate::status::Status;
use crate::values::Time;

/// What a change results in.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision<D = Connector> {
    /// What is to be stored.
    pub commit: Commit<D>,
    /// What the caller is told.
    pub response: Response,
    /// It moves the status where the protocol has no such move, as only an update of the document
    /// can: what a caller is told where that is not to be.
    pub off_protocol: Option<ApiError>,
}

impl<D> Decision<D> {
    pub(super) fn new(commit: Commit<D>, response: Response) -> Self {
        Self { commit, response, off_protocol: None }
    }

    /// The decision, if the document does not become too long by it. One that is too long already, as
    /// imported ones may be, may become shorter. A move does not write the document anew.
    ///
    /// # Errors
    /// 413 if it does.
    pub(super) fn within_limit(self, id: &str, before: Option<&D>) -> Result<Self, ApiError>
    where
        D: Document,
    {
        let (size, limit) = match (&self.commit, before) {
            (Commit::Put(document), _) => (document.size(), DOCUMENT_BYTES),
            (Commit::Patch(delta), Some(before)) if !delta.touches_only("status") => {
                (delta.size_after(before), DOCUMENT_BYTES.max(before.size()))
            }
            _ => return Ok(self),
        };
        match size <= limit {
            true => Ok(self),
            false => Err(ApiError::document_too_long(D::NOUN, id, size)),
        }
    }

    /// The decision where every move is to be one of the protocol.
    ///
    /// # Errors
    /// 400 if it is not.
    pub fn strict(self) -> Result<Self, ApiError> {
        self.off_protocol.map_or(Ok(Self { off_protocol: None, ..self }), Err)
    }
}

/// Whether a change of the field is more than a move or a heartbeat.
fn is_edit(name: &str) -> bool {
    !matches!(name, "status" | "last_seen")
}

/// What is to be stored.
#[derive(Clone, Debug, PartialEq)]
pub enum Commit<D = Connector> {
    /// Nothing.
    Nothing,
    /// This document.
    Put(D),
    /// These fields of the document that is there.
    Patch(Delta),
    /// That it is gone.
    Erase,
}

impl<D: Document> Commit<D> {
    /// The names of the fields that it writes; none if it erases the document.
    pub fn fields(&self) -> Vec<String> {
        match self {
            Self::Nothing | Self::Erase => Vec::new(),
            Self::Put(document) => document.fields().keys().cloned().collect(),
            Self::Patch(delta) => delta.fields().map(str::to_owned).collect(),
        }
    }

    /// The names of the fields that it gives another value, but for the status and when the document was
    /// last seen.
    pub fn changed_fields(&self, before: &D) -> Vec<String> {
        let names: Vec<&str> = match self {
            Self::Nothing | Self::Erase => Vec::new(),
            Self::Put(document) => {
                let (before, after) = (before.fields(), document.fields());
                let is_new = |name: &&String| !before.contains_key(*name);
                let gone = before.keys().filter(|name| before.get(*name) != after.get(*name));
                gone.chain(after.keys().filter(is_new)).map(String::as_str).collect()
            }
            Self::Patch(delta) => delta.fields().collect(),
        };
        names.into_iter().filter(|name| is_edit(name)).map(str::to_owned).collect()
    }

    /// The document as it is afterwards; `None` if there is none.
    pub fn apply(self, before: Option<D>) -> Option<D> {
        match self {
            Self::Nothing => before,
            Self::Put(document) => Some(document),
            Self::Patch(delta) => before.map(|document| delta.apply(document)),
            Self::Erase => None,
        }
    }
}

impl claims::Change<Connector> for Commit {
    fn taken_index<'a>(&'a self, before: Option<&'a Connector>) -> Option<&'a str> {
        match self {
            Self::Nothing | Self::Erase => None,
            Self::Put(after) => {
                let held = before.and_then(Connector::held_index);
                after.held_index().filter(|index| held != Some(index))
            }
            Self::Patch(delta) => before?.newly_held_index(delta),
        }
    }

    fn apply(self, before: Option<Connector>) -> Option<Connector> {
        Self::apply(self, before)
    }
}

/// A document as it is now, a soft-deleted connector too.
#[derive(Debug)]
pub struct Current<'a, D = Connector> {
    /// The document.
    pub document: &'a D,
    /// Its version.
    pub version: u64,
    /// What its fields were until lately, as far as that is known.
    pub past: Option<&'a Past>,
}

/// Decides on a change: what to store and how to respond. `before` is `None` if there is no such
/// connector.
///
/// # Errors
/// 412 if the precondition does not hold, 404 if there is no such connector, 400 or 409 if the change
/// does not fit it, 413 if it would become too long. Nothing is to be stored.
pub fn decide(
    id: &str,
    write: &Write,
    precondition: &Precondition,
    before: Option<Current<'_>>,
    now: Time,
) -> Result<Decision, ApiError> {
    precondition.check(id, before.as_ref())?;
    let found = before.as_ref().map(|current| current.document);
    let alive = found.filter(|connector| !connector.is_deleted());
    let decision = match write {
        Write::Create(creation) => {
            let (status, result) =
                if before.is_some() { (200, "updated") } else { (201, "created") };
            let response =
                Response::json(status, &serde_json::json!({ "id": id, "result": result }));
            Decision::new(Commit::Put(creation.clone().connector(now)), response)
        }
        Write::Delete { hard: true, .. } => {
            found.ok_or_else(|| ApiError::not_found(id))?;
            Decision::new(Commit::Erase, acknowledged())
        }
        Write::Delete { hard: false, .. } => {
            let connector = alive.ok_or_else(|| ApiError::not_found(id))?;
            let commit = connector.soft_delete().map_or(Commit::Nothing, Commit::Patch);
            Decision::new(commit, acknowledged())
        }
        Write::Restore => {
            let connector = found.ok_or_else(|| ApiError::not_found(id))?;
            match connector.restore() {
                Some(delta) => Decision::new(Commit::Patch(delta), result("updated")),
                None => Decision::new(Commit::Nothing, result("noop")),
            }
        }
        Write::Update(endpoint, fields) => {
            let connector = match (endpoint.reads_first)(fields) {
                true => alive.ok_or_else(|| ApiError::not_found(id))?,
                false => found.ok_or_else(|| ApiError::document_missing(id))?,
            };
            let context = ChangeContext { id, now };
            let patch = (endpoint.update)(connector, fields.clone(), context)?;
            match patch.diff(connector) {
                Some(delta) => Decision::new(Commit::Patch(delta), result("updated")),
                None => Decision::new(Commit::Nothing, result("noop")),
            }
        }
        Write::Document(update) => {
            let (delta, response) =
                documents::decide_update(Index::Connectors, id, update.clone(), before, now)?;
            let to = delta.as_ref().and_then(|delta| Status::parse(delta.status()?));
            let refused = found.zip(to).and_then(|(connector, to)| connector.status().explain(to));
            Decision {
                commit: delta.map_or(Commit::Nothing, Commit::Patch),
                response,
                off_protocol: refused.map(|refusal| DomainError::Transition(refusal).into()),
            }
        }
    };
    decision.within_limit(id, found)
}

/// The response to `GET /_connector/{id}`. `found` is the connector and its JSON, without its id.
///
/// # Errors
/// 404 if there is none, or it is soft-deleted and those were not asked for.
pub fn show(
    id: &str,
    include_deleted: bool,
    found: Option<(&Connector, Visible<'_>)>,
) -> Result<Response, ApiError> {
    match found {
        Some((connector, document)) if include_deleted || !connector.is_deleted() => {
            Ok(Response::of_document(&document, with_id(id, document.json())))
        }
        _ => Err(ApiError::not_found(id)),
    }
}

pub(super) fn result(result: &str) -> Response {
    Response::text(200, format!("{{\"result\":\"{result}\"}}"))
}

pub(super) fn acknowledged() -> Response {
    Response::text(200, "{\"acknowledged\":true}".to_owned())
}
