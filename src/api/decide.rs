//! Decides what a write stores and how it is answered, given the current document.

use serde_json::json;

use super::documents::{self, Index};
use super::error::ApiError;
use super::response::Response;
use super::{Precondition, Write};
use crate::connector::{ChangeContext, Connector, Delta, DomainError, with_id};
use crate::document::Document;
use crate::limits::DOCUMENT_BYTES;
use crate::protocol::claims;
use crate::recent_values::RecentValues;
use crate::secrets::Visible;
use crate::status::Status;
use crate::values::Time;
use crate::values::json::Members;

/// The result of a write.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision<D = Connector> {
    pub commit: Commit<D>,
    pub response: Response,
    /// Set if the write is a status transition that the protocol doesn't allow. Only document updates can
    /// make one. This is the error to return where they aren't permitted either.
    pub off_protocol: Option<ApiError>,
}

impl<D> Decision<D> {
    pub(super) fn new(commit: Commit<D>, response: Response) -> Self {
        Self { commit, response, off_protocol: None }
    }

    /// Rejects a write that makes the document too long, with 413. A document that is too long already (it
    /// was imported) may still shrink. Status changes always pass: they don't rewrite the document.
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
        if size <= limit { Ok(self) } else { Err(ApiError::document_too_long(D::NOUN, id, size)) }
    }

    /// Rejects a status transition that the protocol doesn't allow, with 400.
    pub fn strict(self) -> Result<Self, ApiError> {
        self.off_protocol.map_or(Ok(Self { off_protocol: None, ..self }), Err)
    }
}

/// Whether changing this field counts as an edit: status changes and heartbeats don't.
fn is_edit(name: &str) -> bool {
    !matches!(name, "status" | "last_seen")
}

/// What a write stores.
#[derive(Clone, Debug, PartialEq)]
pub enum Commit<D = Connector> {
    Nothing,
    /// Replace the document, or create it.
    Put(D),
    /// Change these fields of the existing document.
    Patch(Delta),
    /// Erase the document.
    Erase,
}

impl<D: Document> Commit<D> {
    /// The names of the fields that are written. Empty if the document is erased.
    pub fn fields(&self) -> Vec<String> {
        match self {
            Self::Nothing | Self::Erase => Vec::new(),
            Self::Put(document) => document.fields().keys().cloned().collect(),
            Self::Patch(delta) => delta.fields().map(str::to_owned).collect(),
        }
    }

    /// The names of the fields whose values change, except `status` and `last_seen`.
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

    /// The resulting document. `None` if there is none.
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

/// The current document, even if it is soft-deleted.
#[derive(Debug)]
pub struct Current<'a, D = Connector> {
    pub document: &'a D,
    pub version: u64,
    /// The recent values of its fields, if they are still known.
    pub recent_values: Option<&'a RecentValues>,
}

/// Decides on a write to a connector. `before` is `None` if the connector doesn't exist.
///
/// # Errors
/// 412 if the precondition doesn't hold, 404 if the connector doesn't exist, 400 or 409 if the write is
/// not legal in its current state, 413 if it would become too long.
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
            let connector = if (endpoint.reads_first)(fields) {
                alive.ok_or_else(|| ApiError::not_found(id))?
            } else {
                found.ok_or_else(|| ApiError::document_missing(id))?
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

/// The response to `GET /_connector/{id}`. `found` is the connector and its JSON without the id. A
/// soft-deleted connector is not found unless `include_deleted` is set.
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
    Response::json(200, &Members(&[("result", Some(result))]))
}

pub(super) fn acknowledged() -> Response {
    Response::json(200, &json!({ "acknowledged": true }))
}
