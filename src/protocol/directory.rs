//! How the Directory applies entries of connectors and sync jobs.
//!
//! Messages may be late, lost, duplicated or out of order. Versions ensure that an older entry never
//! replaces a newer one.

use serde::{Deserialize, Serialize};

use crate::directory::Entry;

/// What the Directory did with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Applied.
    Taken,
    /// Applied; it differed only by a heartbeat.
    Seen,
    /// Not applied: the Directory has this version, or a newer one.
    Older,
    /// It must be sent again, with the document.
    DocumentNeeded,
    /// Another connector has the index.
    IndexInUse,
}

impl Outcome {
    pub fn name(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Seen => "seen",
            Self::Older => "older",
            Self::DocumentNeeded => "document needed",
            Self::IndexInUse => "index in use",
        }
    }
}

/// A column's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field<'a> {
    Text(Option<&'a str>),
    Number(Option<i64>),
}

/// A column and its value.
pub type Column<'a> = (&'static str, Field<'a>);

/// What to do with the stored document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentAction {
    Keep,
    /// Replace it with the one in the message.
    Write,
    Erase,
}

/// What to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write<'a> {
    /// The key of the existing row; `None`: insert one.
    pub key: Option<u64>,
    /// Only the columns that differ: each one costs a row in every index that contains it.
    pub columns: Vec<Column<'a>>,
    pub document: DocumentAction,
    /// [`Outcome::Taken`] or [`Outcome::Seen`].
    pub outcome: Outcome,
}

/// What to write, or why nothing is written.
pub type Verdict<'a> = Result<Write<'a>, Outcome>;

/// A connector's row, in the order of [`ENTRY_COLUMNS`]. The fields are those of [`Entry`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
pub struct KnownEntry {
    pub key: u64,
    pub version: u64,
    /// 0: no; 1: soft-deleted; 2: erased.
    pub deleted: u64,
    pub index_name: Option<String>,
    pub name: Option<String>,
    pub service_type: Option<String>,
    pub description: Option<String>,
    pub status: Option<String>,
    pub since: Option<String>,
    pub error: Option<String>,
    pub last_seen: Option<String>,
    pub last_synced: Option<String>,
    pub last_sync_status: Option<String>,
    pub last_indexed_document_count: Option<i64>,
    /// The sort key for names.
    pub title: Option<String>,
}

pub const ENTRY_COLUMNS: &str = "key, version, deleted, index_name, name, service_type, description, \
                                 status, since, error, last_seen, last_synced, last_sync_status, \
                                 last_indexed_document_count, title";

/// What the decision depends on besides the row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Facts {
    /// The message contains the document.
    pub has_document: bool,
    /// Another connector has the index. Only looked up for imports.
    pub index_is_in_use: bool,
    /// The stored document has a `last_seen`. Only looked up for first heartbeats.
    pub document_has_last_seen: bool,
}

fn connector_columns<'a>(entry: &'a Entry<'_>, title: &'a str) -> [Column<'a>; 13] {
    let deleted = i64::try_from(entry.deleted).ok();
    [
        ("index_name", Field::Text(entry.index_name.as_deref())),
        ("name", Field::Text(entry.name.as_deref())),
        ("service_type", Field::Text(entry.service_type.as_deref())),
        ("description", Field::Text(entry.description.as_deref())),
        ("status", Field::Text(entry.status.as_deref())),
        ("since", Field::Text(entry.since.as_deref())),
        ("deleted", Field::Number(deleted)),
        ("error", Field::Text(entry.error.as_deref())),
        ("last_seen", Field::Text(entry.last_seen.as_deref())),
        ("last_synced", Field::Text(entry.last_synced.as_deref())),
        ("last_sync_status", Field::Text(entry.last_sync_status.as_deref())),
        ("last_indexed_document_count", Field::Number(entry.last_indexed_document_count)),
        ("title", Field::Text(Some(title))),
    ]
}

impl KnownEntry {
    fn columns(&self) -> [Column<'_>; 13] {
        [
            ("index_name", Field::Text(self.index_name.as_deref())),
            ("name", Field::Text(self.name.as_deref())),
            ("service_type", Field::Text(self.service_type.as_deref())),
            ("description", Field::Text(self.description.as_deref())),
            ("status", Field::Text(self.status.as_deref())),
            ("since", Field::Text(self.since.as_deref())),
            ("deleted", Field::Number(i64::try_from(self.deleted).ok())),
            ("error", Field::Text(self.error.as_deref())),
            ("last_seen", Field::Text(self.last_seen.as_deref())),
            ("last_synced", Field::Text(self.last_synced.as_deref())),
            ("last_sync_status", Field::Text(self.last_sync_status.as_deref())),
            ("last_indexed_document_count", Field::Number(self.last_indexed_document_count)),
            ("title", Field::Text(self.title.as_deref())),
        ]
    }
}

/// The index that must be free: that of an import, since connectors have claimed theirs before.
pub fn needs_free_index<'a>(entry: &'a Entry<'_>) -> Option<&'a str> {
    entry.index_name.as_deref().filter(|_| entry.version == 0 && entry.deleted == 0)
}

/// Whether this is the connector's first heartbeat in the Directory. If so, the stored document may still
/// contradict it.
pub fn is_first_heartbeat(known: Option<&KnownEntry>, entry: &Entry<'_>) -> bool {
    known.is_some_and(|known| known.last_seen.is_none()) && entry.last_seen.is_some()
}

/// Applies a connector's entry to its row.
pub fn apply_entry<'a>(
    known: Option<&KnownEntry>,
    entry: &'a Entry<'_>,
    title: &'a str,
    facts: Facts,
) -> Verdict<'a> {
    let is_older = |known: &KnownEntry| {
        known.version > entry.version || (known.version == entry.version && !entry.is_forced)
    };
    if known.is_some_and(is_older) {
        return Err(Outcome::Older);
    }
    if needs_free_index(entry).is_some() && facts.index_is_in_use {
        return Err(Outcome::IndexInUse);
    }
    let is_erased = entry.deleted == 2;
    let exists = known.is_some_and(|known| known.deleted != 2);
    let is_contradicted = facts.document_has_last_seen && is_first_heartbeat(known, entry);
    if !is_erased && !facts.has_document && (!exists || is_contradicted) {
        return Err(Outcome::DocumentNeeded);
    }
    let mut columns = connector_columns(entry, title).to_vec();
    if let Some(known) = known {
        let known = known.columns();
        columns.retain(|column| !known.contains(column));
    }
    let is_change = known.is_none()
        || facts.has_document
        || columns.iter().any(|(name, _)| *name != "last_seen");
    Ok(Write {
        key: known.map(|known| known.key),
        columns,
        document: match (is_erased, facts.has_document) {
            (true, _) => DocumentAction::Erase,
            (false, true) => DocumentAction::Write,
            (false, false) => DocumentAction::Keep,
        },
        outcome: if is_change { Outcome::Taken } else { Outcome::Seen },
    })
}

/// A sync job's entry, as its connector's object sends it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct JobEntry {
    pub id: String,
    pub version: u64,
    /// The version of the last change to its document.
    pub edited: u64,
    pub connector_id: Option<String>,
    /// `None`: the job was erased.
    pub status: Option<String>,
    pub job_type: Option<String>,
    /// In milliseconds since 1970.
    pub created_at: Option<i64>,
    /// As in the document.
    pub last_seen: Option<String>,
    /// The same in milliseconds since 1970.
    pub seen: Option<i64>,
    /// The document, if it was edited or asked for.
    #[serde(default)]
    pub document: Option<String>,
}

/// A sync job's row, in the order of [`JOB_COLUMNS`]. The fields are those of [`JobEntry`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
pub struct KnownJob {
    pub key: u64,
    pub version: u64,
    pub connector_id: Option<String>,
    pub status: Option<String>,
    pub job_type: Option<String>,
    pub created_at: Option<i64>,
    pub last_seen: Option<String>,
    pub seen: Option<i64>,
}

pub const JOB_COLUMNS: &str =
    "key, version, connector_id, status, job_type, created_at, last_seen, seen";

impl JobEntry {
    fn columns(&self) -> [Column<'_>; 6] {
        [
            ("connector_id", Field::Text(self.connector_id.as_deref())),
            ("status", Field::Text(self.status.as_deref())),
            ("job_type", Field::Text(self.job_type.as_deref())),
            ("created_at", Field::Number(self.created_at)),
            ("last_seen", Field::Text(self.last_seen.as_deref())),
            ("seen", Field::Number(self.seen)),
        ]
    }
}

impl KnownJob {
    fn columns(&self) -> [Column<'_>; 6] {
        [
            ("connector_id", Field::Text(self.connector_id.as_deref())),
            ("status", Field::Text(self.status.as_deref())),
            ("job_type", Field::Text(self.job_type.as_deref())),
            ("created_at", Field::Number(self.created_at)),
            ("last_seen", Field::Text(self.last_seen.as_deref())),
            ("seen", Field::Number(self.seen)),
        ]
    }
}

/// Applies a sync job's entry to its row.
pub fn apply_job<'a>(known: Option<&KnownJob>, job: &'a JobEntry) -> Verdict<'a> {
    if known.is_some_and(|known| known.version >= job.version) {
        return Err(Outcome::Older);
    }
    let is_erased = job.status.is_none();
    // The stored document is current unless it was edited since.
    let has_current_document =
        known.is_some_and(|known| known.status.is_some() && known.version >= job.edited);
    if !is_erased && job.document.is_none() && !has_current_document {
        return Err(Outcome::DocumentNeeded);
    }
    let mut columns = job.columns().to_vec();
    if let Some(known) = known {
        let known = known.columns();
        columns.retain(|column| !known.contains(column));
    }
    let is_heartbeat =
        known.is_some() && columns.iter().all(|(name, _)| matches!(*name, "last_seen" | "seen"));
    Ok(Write {
        key: known.map(|known| known.key),
        columns,
        document: match (is_erased, &job.document) {
            (true, _) => DocumentAction::Erase,
            (false, Some(_)) => DocumentAction::Write,
            (false, None) => DocumentAction::Keep,
        },
        outcome: if is_heartbeat { Outcome::Seen } else { Outcome::Taken },
    })
}
