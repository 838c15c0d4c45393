//! What a connector's object keeps: its row, and how that follows from the one before.

use std::cell::OnceCell;

use serde_json::{Value, json};

use super::jobs::Jobs;
use crate::api::{Commit, StatusChange};
use crate::connector::{Connector, Fields};
use crate::edge::runtime::{ConnectorStore, JsError};
use crate::status::Status;
use crate::values::json;

/// The one row of an object: a connector, or the tombstone of one.
#[derive(Clone, Debug)]
pub(in crate::edge) struct Record {
    /// The connector's id.
    pub id: String,
    /// The connector; `None`: it was erased.
    pub document: Option<Document>,
    /// Counts the writes; it goes on counting after a connector was erased.
    pub version: u64,
    /// The version of the last change to anything but the status and `last_seen`.
    pub edited: u64,
    /// The version of the last change to anything but `last_seen`.
    pub changed: u64,
    /// When the status was last changed.
    pub since: Option<String>,
    /// Versions up to this one may have been given before the connector was put back from a backup.
    pub floor: u64,
    /// How far the outbox's consumers are.
    pub cursors: Cursors,
}

/// The versions that the outbox's consumers have.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::edge) struct Cursors {
    /// Workers KV.
    pub kv: u64,
    /// When it got it, in milliseconds since 1970.
    pub copied_at: u64,
    /// The Directory.
    pub directory: u64,
}

/// What a commit has to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::edge) enum WriteScope {
    /// The change of status, which is the only change.
    Move,
    /// `last_seen`, which is the only change.
    Heartbeat,
    /// The connector, and the change of status if there was one.
    Edit,
}

impl WriteScope {
    /// Of a commit that is to be written.
    pub fn of(commit: &Commit) -> Self {
        match commit {
            Commit::Patch(delta) if delta.touches_only("status") => Self::Move,
            Commit::Patch(delta) if delta.touches_only("last_seen") => Self::Heartbeat,
            _ => Self::Edit,
        }
    }
}

impl Record {
    /// The row of an object that has none yet.
    pub fn empty(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            document: None,
            version: 0,
            edited: 0,
            changed: 0,
            since: None,
            floor: 0,
            cursors: Cursors::default(),
        }
    }

    /// Takes the connector out of it.
    pub fn take_connector(mut self) -> (Self, Option<Connector>) {
        let connector = self.document.take().map(|document| document.connector);
        (self, connector)
    }

    /// The row after a commit.
    #[must_use]
    pub fn followed_by(
        self,
        connector: Option<Connector>,
        scope: WriteScope,
        change: Option<&StatusChange>,
    ) -> Self {
        let version = self.newest_version() + 1;
        let since = change.map(|change| change.at.clone()).or(self.since);
        Self {
            edited: if scope == WriteScope::Edit { version } else { self.edited },
            changed: if scope == WriteScope::Heartbeat { self.changed } else { version },
            since: since.filter(|_| connector.is_some()),
            document: connector.map(Document::from),
            version,
            ..self
        }
    }

    /// The connector, if it was not erased.
    pub fn connector(&self) -> Option<&Connector> {
        self.document.as_ref().map(|document| &document.connector)
    }

    /// The connector, if it was neither deleted nor erased.
    pub fn alive(&self) -> Option<&Connector> {
        self.connector().filter(|connector| !connector.is_deleted())
    }

    /// The newest version that there may have been.
    pub fn newest_version(&self) -> u64 {
        self.version.max(self.floor)
    }
}

/// A connector and its JSON.
#[derive(Clone, Debug)]
pub(in crate::edge) struct Document {
    /// The connector.
    pub connector: Connector,
    /// Made when it is first asked for: a move need not write it.
    json: OnceCell<String>,
}

impl Document {
    /// The JSON, without the id.
    pub fn json(&self) -> &str {
        self.json.get_or_init(|| self.connector.to_json())
    }
}

impl From<Connector> for Document {
    fn from(connector: Connector) -> Self {
        Self { connector, json: OnceCell::new() }
    }
}

/// Reads the row, if there is one.
///
/// # Errors
/// If the database fails, or holds what this code did not write.
pub(super) fn read(store: &ConnectorStore) -> Result<Option<(Record, Jobs)>, JsError> {
    let Some(row) = store.read()? else { return Ok(None) };
    let row: Fields = json::parse_object(&row)?;
    let text = |name| row.get(name).and_then(Value::as_str);
    let number = |name| row.get(name).and_then(Value::as_u64).unwrap_or_default();
    let (stored, newest) = (number("version"), number("seq"));
    let moved = text("to").and_then(Status::parse).filter(|_| newest > stored);
    let document = match text("document") {
        Some(json) => {
            let connector = Connector::from_json(json)?;
            Some(match moved {
                Some(to) => connector.moved(to).into(),
                // The text as it is stored: there is no need to make it anew.
                None => Document { connector, json: json.to_owned().into() },
            })
        }
        None => None,
    };
    // Rows of the first version do not say when they were edited.
    let edited = Some(number("edited")).filter(|edited| *edited > 0).unwrap_or(stored);
    let jobs = match row.get("has_jobs") {
        Some(Value::Bool(true)) => Jobs::read(store)?,
        _ => Jobs::default(),
    };
    let record = Record {
        id: text("id").unwrap_or_default().to_owned(),
        document,
        version: stored.max(newest),
        edited,
        changed: edited.max(newest),
        since: text("at").map(str::to_owned),
        floor: number("floor"),
        cursors: Cursors {
            kv: number("kv"),
            copied_at: number("copied_at"),
            directory: number("directory"),
        },
    };
    Ok(Some((record, jobs)))
}

/// Writes what is new, all of it or nothing. `erases_jobs`: the connector's jobs go with it.
///
/// # Errors
/// If the database fails; then nothing was written.
pub(super) fn commit(
    store: &ConnectorStore,
    record: &Record,
    change: Option<&StatusChange>,
    scope: WriteScope,
    erases_jobs: bool,
) -> Result<(), JsError> {
    let change = change.map(|change| serde_json::to_string(change).unwrap_or_default());
    if let (WriteScope::Move, Some(change)) = (scope, &change) {
        return store.commit_move(record.version, change);
    }
    let Cursors { kv, copied_at, directory } = record.cursors;
    let row = json!({
        "is_first": record.version == 1,
        "erases_jobs": erases_jobs,
        "id": record.id,
        "version": record.version,
        "edited": record.edited,
        "kv": kv,
        "directory": directory,
        "copied_at": copied_at,
    });
    let document = record.document.as_ref().map(Document::json);
    store.commit(&row.to_string(), document, change.as_deref())
}
