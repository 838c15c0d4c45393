//! What the Directory takes up of what it is told of connectors and sync jobs, and what it writes then.
//!
//! Messages may be late, lost, doubled and out of order. Versions see to it that an older one never
//! takes the place of a newer one.

use serde::{Deserialize, Serialize};

use crate::directory::Entry;

/// What became of what the Directory was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was taken up.
    Taken,
    /// It was taken up; nothing but a heartbeat was new.
    Seen,
    /// As much is known already, or more.
    Older,
    /// It has to be told again, with the document.
    #[serde(rename = "document needed")]
    DocumentNeeded,
    /// Another connector has the index.
    #[serde(rename = "index in use")]
    IndexInUse,
}

impl Outcome {
    /// Its name in messages.
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

/// A value in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field<'a> {
    /// A text.
    Text(Option<&'a str>),
    /// A number.
    Number(Option<i64>),
}

/// A column and its value.
pub type Column<'a> = (&'static str, Field<'a>);

/// What is to be done about the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentIs {
    /// It stays as it is.
    Kept,
    /// The one that was told takes its place.
    Written,
    /// It is erased.
    Erased,
}

/// What is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write<'a> {
    /// The row that is there; `None`: a new one.
    pub key: Option<u64>,
    /// The columns that differ. Each costs a row in the indexes that it is in.
    pub columns: Vec<Column<'a>>,
    /// The document.
    pub document: DocumentIs,
    /// [`Outcome::Taken`] or [`Outcome::Seen`].
    pub outcome: Outcome,
}

/// What the Directory makes of what it is told: what to write, or why nothing is written.
pub type Verdict<'a> = Result<Write<'a>, Outcome>;

/// The row of a connector, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
pub struct KnownEntry {
    /// The key of the row.
    pub key: u64,
    /// The version that is known.
    pub version: u64,
    /// 0: no, 1: softly, 2: it was erased.
    pub deleted: u64,
    /// As in [`Entry`].
    pub index_name: Option<String>,
    /// As in [`Entry`].
    pub name: Option<String>,
    /// As in [`Entry`].
    pub service_type: Option<String>,
    /// As in [`Entry`].
    pub description: Option<String>,
    /// As in [`Entry`].
    pub status: Option<String>,
    /// As in [`Entry`].
    pub since: Option<String>,
    /// As in [`Entry`].
    pub error: Option<String>,
    /// As in [`Entry`].
    pub last_seen: Option<String>,
    /// As in [`Entry`].
    pub last_synced: Option<String>,
    /// As in [`Entry`].
    pub last_sync_status: Option<String>,
    /// As in [`Entry`].
    pub last_indexed_document_count: Option<i64>,
    /// What it is sorted by where names are sorted.
    pub title: Option<String>,
}

/// The columns of a [`KnownEntry`].
pub const ENTRY_COLUMNS: &str = "key, version, deleted, index_name, name, service_type, description, \
                                 status, since, error, last_seen, last_synced, last_sync_status, \
                                 last_indexed_document_count, title";

/// What the Directory has to know beside the row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Facts {
    /// Was the document told too?
    pub has_document: bool,
    /// Does another connector have the index? Asked of imports only.
    pub index_is_in_use: bool,
    /// Has the document that is there a `last_seen`? Asked of first heartbeats only.
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

/// Does the index have to be free? Connectors have claimed theirs before; imports have not.
pub fn needs_free_index<'a>(entry: &'a Entry<'_>) -> Option<&'a str> {
    entry.index_name.as_deref().filter(|_| entry.version == 0 && entry.deleted == 0)
}

/// Is it the first heartbeat that the Directory hears of? Then the document may still say something
/// else.
pub fn is_first_heartbeat(known: Option<&KnownEntry>, entry: &Entry<'_>) -> bool {
    known.is_some_and(|known| known.last_seen.is_none()) && entry.last_seen.is_some()
}

/// What to make of how a connector is, where that is what is known.
///
/// # Errors
/// Why nothing is written.
pub fn take_entry<'a>(
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
    let has_one = known.is_some_and(|known| known.deleted != 2);
    let is_contradicted = facts.document_has_last_seen && is_first_heartbeat(known, entry);
    if !is_erased && !facts.has_document && (!has_one || is_contradicted) {
        return Err(Outcome::DocumentNeeded);
    }
    let mut columns = connector_columns(entry, title).to_vec();
    if let Some(known) = known {
        let known = known.columns();
        columns.retain(|column| !known.contains(column));
    }
    let is_more = known.is_none()
        || facts.has_document
        || columns.iter().any(|(name, _)| *name != "last_seen");
    Ok(Write {
        key: known.map(|known| known.key),
        columns,
        document: match (is_erased, facts.has_document) {
            (true, _) => DocumentIs::Erased,
            (false, true) => DocumentIs::Written,
            (false, false) => DocumentIs::Kept,
        },
        outcome: if is_more { Outcome::Taken } else { Outcome::Seen },
    })
}

/// How a sync job is, as its connector's object tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct JobEntry {
    /// The job's id.
    pub id: String,
    /// Which of its versions this is.
    pub version: u64,
    /// The version of the last change to its document.
    pub edited: u64,
    /// The id of its connector.
    pub connector_id: Option<String>,
    /// The name of its status; `None`: it was erased.
    pub status: Option<String>,
    /// The name of its type.
    pub job_type: Option<String>,
    /// In milliseconds since 1970.
    pub created_at: Option<i64>,
    /// As the document says it.
    pub last_seen: Option<String>,
    /// The same in milliseconds since 1970.
    pub seen: Option<i64>,
    /// Its document, if it is new or was asked for.
    #[serde(default)]
    pub document: Option<String>,
}

/// The row of a sync job, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
pub struct KnownJob {
    /// The key of the row.
    pub key: u64,
    /// The version that is known.
    pub version: u64,
    /// As in [`JobEntry`].
    pub connector_id: Option<String>,
    /// As in [`JobEntry`].
    pub status: Option<String>,
    /// As in [`JobEntry`].
    pub job_type: Option<String>,
    /// As in [`JobEntry`].
    pub created_at: Option<i64>,
    /// As in [`JobEntry`].
    pub last_seen: Option<String>,
    /// As in [`JobEntry`].
    pub seen: Option<i64>,
}

/// The columns of a [`KnownJob`].
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

/// What to make of how a sync job is, where that is what is known.
///
/// # Errors
/// Why nothing is written.
pub fn take_job<'a>(known: Option<&KnownJob>, job: &'a JobEntry) -> Verdict<'a> {
    if known.is_some_and(|known| known.version >= job.version) {
        return Err(Outcome::Older);
    }
    let is_erased = job.status.is_none();
    // The document that is there is still the right one if it was not edited since.
    let has_it = known.is_some_and(|known| known.status.is_some() && known.version >= job.edited);
    if !is_erased && job.document.is_none() && !has_it {
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
            (true, _) => DocumentIs::Erased,
            (false, Some(_)) => DocumentIs::Written,
            (false, None) => DocumentIs::Kept,
        },
        outcome: if is_heartbeat { Outcome::Seen } else { Outcome::Taken },
    })
}
