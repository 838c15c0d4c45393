//! A connector's entry in the Directory: its slim row, beside its document.

use std::borrow::Cow;
use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize};

use super::Event;
use super::cause::message;
use super::sort_key;
use crate::connector::Connector;
use crate::document::Document;
use crate::limits::ROW_TEXT_BYTES;
use crate::status::Status;

/// A text in a slim row: the whole text, or the start of a longer one and `...`. Only [`Slim::of`] makes
/// one, so no row can have longer texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Slim<'a>(Cow<'a, str>);

impl<'a> Slim<'a> {
    /// Cuts long texts. Texts that were cut before stay unchanged.
    pub fn of(text: impl Into<Cow<'a, str>>) -> Self {
        let text = text.into();
        let end = text.ceil_char_boundary(ROW_TEXT_BYTES);
        match text.get(..end) {
            Some(start) if end < text.len() => Self(format!("{start}...").into()),
            _ => Self(text),
        }
    }
}

/// Whether a row's text may be cut. The document has the whole text.
pub fn may_be_cut(text: &str) -> bool {
    text.len() > ROW_TEXT_BYTES
}

impl Deref for Slim<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Slim<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::of)
    }
}

/// A connector's entry: what lists filter and sort by. Its object sends it to the Directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry<'a> {
    pub id: Cow<'a, str>,
    /// The connector's version; 0: imported, and its object hasn't confirmed it yet.
    pub version: u64,
    /// 0: not deleted, 1: soft-deleted, 2: erased.
    pub deleted: u64,
    pub status: Option<Slim<'a>>,
    /// When it got its current status.
    pub since: Option<Slim<'a>>,
    pub index_name: Option<Slim<'a>>,
    pub name: Option<Slim<'a>>,
    pub service_type: Option<Slim<'a>>,
    pub description: Option<Slim<'a>>,
    pub last_seen: Option<Slim<'a>>,
    /// The [message](super::cause::message) of its error.
    pub error: Option<Slim<'a>>,
    /// When it was last synced.
    pub last_synced: Option<Slim<'a>>,
    /// The status of its last sync.
    pub last_sync_status: Option<Slim<'a>>,
    /// The number of documents that its last sync indexed.
    pub last_indexed_document_count: Option<i64>,
    /// Claims of index names whose write this version or an earlier one contains: index and token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub committed_claims: Vec<(String, String)>,
    /// Events that are pending for the Directory's audit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audit: Vec<Event>,
    /// Replace the stored entry even if it has the same version.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_forced: bool,
    /// The number of the Directory's change that wrote the row. Set only by the Directory.
    #[serde(default, skip_serializing)]
    pub changed: u64,
}

impl<'a> Entry<'a> {
    pub fn of(id: &'a str, version: u64, since: Option<&'a str>, connector: &'a Connector) -> Self {
        let text = |name| connector.text(name).map(Slim::of);
        Self {
            id: id.into(),
            version,
            deleted: connector.is_deleted().into(),
            status: Some(Slim::of(connector.status().name())),
            since: since.map(Slim::of),
            index_name: text("index_name"),
            name: text("name"),
            service_type: text("service_type"),
            description: text("description"),
            last_seen: last_seen(connector).map(Slim::of),
            error: error(connector),
            last_synced: text("last_synced"),
            last_sync_status: text("last_sync_status"),
            last_indexed_document_count: connector
                .fields()
                .get("last_indexed_document_count")
                .and_then(serde_json::Value::as_i64),
            ..Self::default()
        }
    }

    pub fn erased(id: &'a str, version: u64) -> Self {
        Self { id: id.into(), version, deleted: 2, ..Self::default() }
    }

    /// The sort key by name.
    pub fn title(&self) -> String {
        sort_key(self.name.as_deref(), &self.id)
    }
}

/// `last_seen`, if the row has all of it, so that the document doesn't need it too. Imported documents
/// may have any text here.
fn last_seen(connector: &Connector) -> Option<&str> {
    connector.text("last_seen").filter(|text| !may_be_cut(text))
}

fn error(connector: &Connector) -> Option<Slim<'_>> {
    connector.text("error").map(|error| Slim::of(message(error)))
}

/// The error message for the history, if the status is `error`.
pub fn error_of(connector: &Connector) -> Option<String> {
    let error = error(connector).filter(|_| connector.status() == Status::Error)?;
    Some(error.to_string()).filter(|error| !error.is_empty())
}

/// The document as the Directory stores it: without the fields that the row has in full.
pub fn document_beside_entry(connector: &Connector) -> Result<String, String> {
    match last_seen(connector) {
        Some(_) => connector.to_json_without(&["status", "last_seen"]),
        None => connector.to_json_without(&["status"]),
    }
}
