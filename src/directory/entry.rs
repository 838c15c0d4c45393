//! What the Directory keeps of a connector beside its document: a slim row.

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

/// A text in a slim row: the whole text, or the start of a longer one and `...`. There is no other way
/// to make one than [`Slim::of`], so no row has longer texts, whoever made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Slim<'a>(Cow<'a, str>);

impl<'a> Slim<'a> {
    /// The text, shortened if it is long. What has been shortened already stays as it is.
    pub fn of(text: impl Into<Cow<'a, str>>) -> Self {
        let text = text.into();
        let end = text.ceil_char_boundary(ROW_TEXT_BYTES);
        match text.get(..end) {
            Some(start) if end < text.len() => Self(format!("{start}...").into()),
            _ => Self(text),
        }
    }
}

/// May the text in a row be the start of a longer one? The document has it whole.
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

/// What lists filter and sort by, as a connector's object tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry<'a> {
    /// The connector's id.
    pub id: Cow<'a, str>,
    /// Which of its versions this is; 0: its object has not been asked yet.
    pub version: u64,
    /// 0: no, 1: softly, 2: it was erased.
    pub deleted: u64,
    /// The name of its status.
    pub status: Option<Slim<'a>>,
    /// When it took its status.
    pub since: Option<Slim<'a>>,
    /// The index it is attached to.
    pub index_name: Option<Slim<'a>>,
    /// Its name for people.
    pub name: Option<Slim<'a>>,
    /// What it connects to.
    pub service_type: Option<Slim<'a>>,
    /// What it is for.
    pub description: Option<Slim<'a>>,
    /// When it was last seen.
    pub last_seen: Option<Slim<'a>>,
    /// What its error says.
    pub error: Option<Slim<'a>>,
    /// When it was last synced.
    pub last_synced: Option<Slim<'a>>,
    /// The name of the status that its last sync has, or had at its end.
    pub last_sync_status: Option<Slim<'a>>,
    /// How many documents its last sync has indexed.
    pub last_indexed_document_count: Option<i64>,
    /// Claims of index names whose write is in this version, or in an earlier one: index and token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settled: Vec<(String, String)>,
    /// What the audit of all connectors has not been told of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audit: Vec<Event>,
    /// Is it to be taken even if that version is known already?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub anew: bool,
    /// The change of the Directory that wrote it. Only the Directory's own rows have one.
    #[serde(default, skip_serializing)]
    pub changed: u64,
}

impl<'a> Entry<'a> {
    /// The entry of a connector as it is in one of its versions.
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

    /// The entry of a connector that was erased.
    pub fn erased(id: &'a str, version: u64) -> Self {
        Self { id: id.into(), version, deleted: 2, ..Self::default() }
    }

    /// What it is sorted by where names are sorted.
    pub fn title(&self) -> String {
        sort_key(self.name.as_deref(), &self.id)
    }
}

/// When it was last seen, if that is in the row alone: whatever else was imported stays in the document.
fn last_seen(connector: &Connector) -> Option<&str> {
    connector.text("last_seen").filter(|text| !may_be_cut(text))
}

/// What a connector's error says, as rows have it.
fn error(connector: &Connector) -> Option<Slim<'_>> {
    connector.text("error").map(|error| Slim::of(message(error)))
}

/// What the error of a connector says that is at `error`, for its history.
pub fn error_of(connector: &Connector) -> Option<String> {
    let error = error(connector).filter(|_| connector.status() == Status::Error)?;
    Some(error.to_string()).filter(|error| !error.is_empty())
}

/// The document as the Directory keeps it: without what is in the row alone.
pub fn document_beside_entry(connector: &Connector) -> String {
    match last_seen(connector) {
        Some(_) => connector.to_json_without(&["status", "last_seen"]),
        None => connector.to_json_without(&["status"]),
    }
}
