//! The SQLite tables of a connector's object: one row for the connector, its history, and its sync jobs.
//!
//! A commit that changes only the status writes only a history row. If the newest history row has a higher
//! `seq` (the version it created) than the connector's row, the current status is taken from it. Writing the
//! document again would cost more than the rest of the commit.

use std::cell::OnceCell;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::jobs::JobRecord;
use crate::api::{
    Commit, Edit, SavedChange, SavedConnector, SavedEdit, SavedJob, SavedJobRow, SavedJobs,
    StatusChange, field_names,
};
use crate::connector::Connector;
use crate::directory::Event;
use crate::edge::runtime::{Database, JsError, SqlValue, from_row};
use crate::limits::AUDIT_PAGE;
use crate::protocol::claims::Successor;
use crate::protocol::jobs::Jobs;
use crate::protocol::outbox::{Cursors, Versions};
use crate::recent_values::RecentValues;
use crate::status::Status;
use crate::sync_job::SyncJob;
use crate::values::{Time, json};

/// A `document` of NULL is the tombstone of an erased connector. `edited`: the version of the last change
/// other than to status and last_seen. `kv` and `directory`: the versions that Workers KV and the
/// Directory have; `copied_at`: when Workers KV got its version (milliseconds since 1970). `floor`: versions
/// up to this one may have been used before the connector was restored from a backup. `recent_values`: recent values
/// of its fields ([`RecentValues`]). `pending_events`: events pending for the Directory's audit (JSON). `edits`: the number
/// of edits that changed no status. The table `edit` is a ring buffer of the last [`EDIT_LIMIT`] of them.
const TABLES: &str = r#"
  CREATE TABLE IF NOT EXISTS connector (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    document TEXT,
    version INTEGER NOT NULL,
    kv INTEGER NOT NULL,
    edited INTEGER NOT NULL,
    directory INTEGER NOT NULL,
    copied_at INTEGER NOT NULL,
    floor INTEGER NOT NULL,
    recent_values TEXT NOT NULL,
    pending_events TEXT NOT NULL,
    edits INTEGER NOT NULL
  );
  CREATE TABLE IF NOT EXISTS history (
    seq INTEGER PRIMARY KEY,
    "from" TEXT,
    "to" TEXT NOT NULL,
    at TEXT NOT NULL,
    via TEXT NOT NULL,
    by TEXT,
    error TEXT,
    request TEXT,
    fields TEXT NOT NULL
  );
  CREATE TABLE IF NOT EXISTS edit (
    place INTEGER PRIMARY KEY,
    version INTEGER NOT NULL,
    at TEXT NOT NULL,
    via TEXT NOT NULL,
    by TEXT,
    request TEXT,
    fields TEXT NOT NULL
  );
"#;

/// Created with the first job. `edited`: the version of the last change other than to last_seen.
/// `pending_job`: the jobs pending for the Directory, so that finding them does not read all jobs. A job that
/// is only in this table was erased.
const JOB_TABLES: &str = "
  CREATE TABLE IF NOT EXISTS job (
    id TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    version INTEGER NOT NULL,
    edited INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS pending_job (id TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID;
";

/// How many status changes are kept.
const HISTORY_LIMIT: usize = 1_000;
/// How many other edits are kept.
const EDIT_LIMIT: u64 = AUDIT_PAGE as u64;
/// How many recent statuses a client's copy of the whole document may still contain.
const RECENT_STATUSES: usize = 100;
/// The history is pruned every so many versions. Reads are limited separately.
const PRUNE_EVERY: u64 = 50;

/// The object's only row: a connector or its tombstone.
#[derive(Clone, Debug)]
pub(in crate::edge) struct Record {
    pub id: String,
    /// `None`: the connector was erased.
    pub document: Option<Document>,
    /// Counts the writes. Erasing a connector does not reset it.
    pub version: u64,
    /// The version of the last change other than to the status and `last_seen`.
    pub edited: u64,
    /// The version of the last change other than to `last_seen`.
    pub changed: u64,
    /// When the status was last changed.
    pub since: Option<String>,
    /// Versions up to this one may have been used before the connector was restored from a backup.
    pub floor: u64,
    /// Recent values of its fields. Recent statuses are in the history.
    pub recent_values: RecentValues,
    pub cursors: Cursors,
    /// Events pending for the Directory.
    pub pending_events: Events,
    /// The number of edits that changed no status.
    pub edits: u64,
}

/// Events, oldest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::edge) struct Events(Vec<Event>);

impl Events {
    /// How many are kept while the Directory is unavailable. All of them are in the log.
    const LIMIT: usize = 100;

    pub fn add(&mut self, event: Event) {
        if self.0.len() >= Self::LIMIT {
            self.0.remove(0);
        }
        self.0.push(event);
    }

    pub fn remove(&mut self, delivered: &[Event]) {
        self.0.retain(|event| !delivered.contains(event));
    }

    pub fn events(&self) -> &[Event] {
        &self.0
    }

    fn to_json(&self) -> Result<String, JsError> {
        Ok(json::to_text(self)?)
    }
}

/// What a commit changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::edge) enum WriteScope {
    /// Only the status.
    Move,
    /// Only `last_seen`.
    Heartbeat,
    /// Anything else, possibly with the status.
    Edit,
}

impl WriteScope {
    pub fn of(commit: &Commit) -> Self {
        match commit {
            Commit::Patch(delta) if delta.touches_only("status") => Self::Move,
            Commit::Patch(delta) if delta.touches_only("last_seen") => Self::Heartbeat,
            _ => Self::Edit,
        }
    }
}

impl Record {
    pub fn empty(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            document: None,
            version: 0,
            edited: 0,
            changed: 0,
            since: None,
            floor: 0,
            recent_values: RecentValues::default(),
            cursors: Cursors::default(),
            pending_events: Events::default(),
            edits: 0,
        }
    }

    pub fn take_connector(mut self) -> (Self, Option<Connector>) {
        let connector = self.document.take().map(|document| document.connector);
        (self, connector)
    }

    /// Adds the event of a commit that erases the connector.
    pub fn add_erase_event(&mut self, mut event: Event) {
        event.version = Some(self.newest_version() + 1);
        self.pending_events.add(event);
    }

    /// The row after a commit, and the token of the claim that it commits.
    #[must_use]
    pub fn followed_by(
        self,
        successor: Successor<Connector>,
        scope: WriteScope,
        edit: Option<&Edit>,
    ) -> (Self, Option<String>) {
        let (connector, claim) = successor.into_parts();
        let version = self.newest_version() + 1;
        let status_edit = edit.filter(|edit| edit.change.is_some());
        let since = status_edit.map(|edit| edit.at.clone()).or(self.since);
        let is_other_edit = edit.is_some_and(|edit| edit.change.is_none());
        let record = Self {
            edited: if scope == WriteScope::Edit { version } else { self.edited },
            changed: if scope == WriteScope::Heartbeat { self.changed } else { version },
            since: since.filter(|_| connector.is_some()),
            document: connector.map(Document::from),
            version,
            edits: self.edits + u64::from(is_other_edit),
            ..self
        };
        (record, claim)
    }

    /// The row of a restored connector, and the token of the claim that it commits. All consumers' cursors
    /// are 0.
    pub fn restored(
        id: &str,
        successor: Successor<Connector>,
        version: u64,
        edited: u64,
        floor: u64,
        pending_events: Events,
    ) -> (Self, Option<String>) {
        let (connector, claim) = successor.into_parts();
        let document = connector.map(Document::from);
        let record = Self {
            document,
            version,
            edited,
            changed: version,
            floor,
            pending_events,
            ..Self::empty(id)
        };
        (record, claim)
    }

    /// The connector, unless it was erased.
    pub fn connector(&self) -> Option<&Connector> {
        self.document.as_ref().map(|document| &document.connector)
    }

    /// The connector, unless it was deleted or erased.
    pub fn alive(&self) -> Option<&Connector> {
        self.connector().filter(|connector| !connector.is_deleted())
    }

    pub fn versions(&self) -> Versions {
        Versions { version: self.version, edited: self.edited, changed: self.changed }
    }

    /// The highest version that may have been used.
    pub fn newest_version(&self) -> u64 {
        self.version.max(self.floor)
    }
}

#[derive(Clone, Debug)]
pub(in crate::edge) struct Document {
    pub connector: Connector,
    /// Made on first use: a status change does not write it.
    json: OnceCell<String>,
}

impl Document {
    /// The JSON, without the id.
    pub fn json(&self) -> Result<&str, String> {
        if let Some(json) = self.json.get() {
            return Ok(json);
        }
        let json = self.connector.to_json()?;
        Ok(self.json.get_or_init(|| json))
    }
}

impl From<Connector> for Document {
    fn from(connector: Connector) -> Self {
        Self { connector, json: OnceCell::new() }
    }
}

/// Reads the row, if there is one. Reading an empty object creates no tables.
pub(super) fn read(database: &Database) -> Result<Option<(Record, Jobs)>, JsError> {
    /// The connector's row joined with its newest history row.
    struct Row {
        id: String,
        document: Option<String>,
        version: u64,
        edited: u64,
        kv: u64,
        directory: u64,
        copied_at: u64,
        floor: u64,
        recent_values: String,
        pending_events: String,
        edits: u64,
        seq: Option<u64>,
        to: Option<String>,
        at: Option<String>,
    }
    from_row!(Row {
        id,
        document,
        version,
        edited,
        kv,
        directory,
        copied_at,
        floor,
        recent_values,
        pending_events,
        edits,
        seq,
        to,
        at
    });
    if !database.has_table("connector")? {
        return Ok(None);
    }
    let row = r#"SELECT id, document, version, edited, kv, directory, copied_at, floor, recent_values, pending_events, edits,
                 seq, "to", at
                 FROM connector LEFT JOIN (SELECT seq, "to", at FROM history ORDER BY seq DESC LIMIT 1)"#;
    let Some(row) = database.row::<Row>(row, &[])? else { return Ok(None) };
    let newest = row.seq.unwrap_or_default();
    let moved = row.to.as_deref().filter(|_| newest > row.version).map(Status::parse);
    let document = match (row.document, moved) {
        (None, _) => None,
        (Some(_), Some(None)) => return Err("the history has an unknown status".into()),
        (Some(json), Some(Some(to))) => Some(Connector::from_json(&json)?.with_status(to).into()),
        // The stored text is current: no need to serialize the connector again.
        (Some(json), None) => {
            Some(Document { connector: Connector::from_json(&json)?, json: json.into() })
        }
    };
    let jobs = if database.has_table("job")? {
        Jobs::with_pending(pending_jobs(database)?)
    } else {
        Jobs::default()
    };
    let record = Record {
        id: row.id,
        document,
        version: row.version.max(newest),
        edited: row.edited,
        changed: row.edited.max(newest),
        since: row.at,
        floor: row.floor,
        recent_values: serde_json::from_str(&row.recent_values)
            .map_err(|error| error.to_string())?,
        cursors: Cursors { kv: row.kv, copied_at: row.copied_at, directory: row.directory },
        pending_events: serde_json::from_str(&row.pending_events)
            .map_err(|error| error.to_string())?,
        edits: row.edits,
    };
    Ok(Some((record, jobs)))
}

/// Writes a commit atomically. Erasing a connector also erases its history and edits; with `erases_jobs`, its
/// jobs are erased too.
pub(super) fn commit(
    database: &Database,
    record: &Record,
    edit: Option<&Edit>,
    scope: WriteScope,
    erases_jobs: bool,
) -> Result<(), JsError> {
    if let (WriteScope::Move, Some(edit)) = (scope, edit) {
        // Prune first: if that fails, nothing was written.
        prune(database, record.version)?;
        return write_edit(database, record, edit);
    }
    database.transaction(|| {
        if record.version == 1 {
            database.execute(TABLES, &[])?;
        }
        write_record(database, record)?;
        if record.document.is_none() {
            delete_history(database)?;
        }
        if erases_jobs {
            erase_jobs(database)?;
        }
        prune(database, record.version)?;
        match edit {
            Some(edit) => write_edit(database, record, edit),
            None => Ok(()),
        }
    })
}

fn write_record(database: &Database, record: &Record) -> Result<(), JsError> {
    let Record {
        id,
        document,
        version,
        edited,
        floor,
        recent_values,
        cursors,
        pending_events,
        edits,
        ..
    } = record;
    let recent_values = json::to_text(recent_values)?;
    let sql = "INSERT INTO connector (one, id, document, version, edited, kv, directory, copied_at, floor,
               recent_values, pending_events, edits) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
               ON CONFLICT (one) DO UPDATE SET document = excluded.document, version = excluded.version,
               edited = excluded.edited, kv = excluded.kv, directory = excluded.directory,
               copied_at = excluded.copied_at, floor = excluded.floor, recent_values = excluded.recent_values,
               pending_events = excluded.pending_events, edits = excluded.edits";
    let values = [
        id.into(),
        document.as_ref().map(Document::json).transpose()?.into(),
        (*version).into(),
        (*edited).into(),
        cursors.kv.into(),
        cursors.directory.into(),
        cursors.copied_at.into(),
        (*floor).into(),
        recent_values.into(),
        pending_events.to_json()?.into(),
        (*edits).into(),
    ];
    database.execute(sql, &values).map(drop)
}

/// Writes a history row if the status has changed, otherwise a row of `edit`.
fn write_edit(database: &Database, record: &Record, edit: &Edit) -> Result<(), JsError> {
    let Edit { at, via, by, request, fields, change } = edit;
    let common = [at.into(), (*via).into(), by.as_ref().into(), request.as_ref().into()];
    let fields = fields_json(fields).into();
    match change {
        Some(StatusChange { from, to, error }) => {
            let [at, via, by, request] = common;
            let version = record.version.into();
            let values = [
                version,
                (*from).into(),
                (*to).into(),
                at,
                via,
                by,
                error.as_ref().into(),
                request,
                fields,
            ];
            database.execute(INSERT_CHANGE, &values).map(drop)
        }
        None => insert_edit(database, record.edits, record.version, common, fields),
    }
}

/// Writes the `n`th edit, replacing the one that has its place in the ring buffer.
fn insert_edit(
    database: &Database,
    n: u64,
    version: u64,
    [at, via, by, request]: [SqlValue; 4],
    fields: SqlValue,
) -> Result<(), JsError> {
    let sql = "INSERT INTO edit VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (place) DO UPDATE
               SET version = excluded.version, at = excluded.at, via = excluded.via, by = excluded.by,
               request = excluded.request, fields = excluded.fields";
    let place = (n % EDIT_LIMIT).into();
    database.execute(sql, &[place, version.into(), at, via, by, request, fields]).map(drop)
}

fn fields_json(fields: &[String]) -> String {
    Value::from(field_names(fields)).to_string()
}

fn delete_history(database: &Database) -> Result<(), JsError> {
    database.execute("DELETE FROM history", &[])?;
    database.execute("DELETE FROM edit", &[]).map(drop)
}

const INSERT_CHANGE: &str = r#"INSERT INTO history (seq, "from", "to", at, via, by, error, request, fields) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"#;

fn prune(database: &Database, version: u64) -> Result<(), JsError> {
    if !version.is_multiple_of(PRUNE_EVERY) {
        return Ok(());
    }
    let sql = "DELETE FROM history
               WHERE seq <= (SELECT seq FROM history ORDER BY seq DESC LIMIT 1 OFFSET ?)";
    database.execute(sql, &[HISTORY_LIMIT.into()]).map(drop)
}

/// Stores cursors and pending events, if they have changed: written rows are billed.
pub(super) fn store_cursors(
    database: &Database,
    cursors: Cursors,
    pending_events: &Events,
) -> Result<(), JsError> {
    let sql = "UPDATE connector SET kv = ?1, directory = ?2, copied_at = ?3, pending_events = ?4
               WHERE (kv, directory, copied_at, pending_events) IS NOT (?1, ?2, ?3, ?4)";
    let Cursors { kv, copied_at, directory } = cursors;
    let events = pending_events.to_json()?.into();
    database.execute(sql, &[kv.into(), directory.into(), copied_at.into(), events]).map(drop)
}

/// Restores a connector with its history and edits, and some of its jobs, atomically. Without a record,
/// restores only jobs. `erases_jobs`: existing jobs are erased first.
pub(super) fn restore(
    database: &Database,
    restored: Option<(&Record, &SavedConnector)>,
    jobs: &[SavedJob],
    erases_jobs: bool,
) -> Result<(), JsError> {
    database.transaction(|| {
        if let Some((record, saved)) = restored {
            database.execute(TABLES, &[])?;
            let edits = saved.edits.len() as u64;
            write_record(database, &Record { edits, ..record.clone() })?;
            delete_history(database)?;
            for SavedChange { seq, from, to, at, via, by, error, request, fields } in &saved.history
            {
                let (seq, from, to) = ((*seq).into(), from.as_ref().into(), to.into());
                let (by, error) = (by.as_ref().into(), error.as_ref().into());
                let (request, fields) = (request.as_ref().into(), fields_json(fields).into());
                let values = [seq, from, to, at.into(), via.into(), by, error, request, fields];
                database.execute(INSERT_CHANGE, &values)?;
            }
            for (n, edit) in (1..).zip(&saved.edits) {
                let SavedEdit { version, at, via, by, request, fields } = edit;
                let common = [at.into(), via.into(), by.as_ref().into(), request.as_ref().into()];
                insert_edit(database, n, *version, common, fields_json(fields).into())?;
            }
        }
        if !jobs.is_empty() {
            database.execute(JOB_TABLES, &[])?;
        }
        let mut erased: Vec<JobVersion> = Vec::new();
        if erases_jobs {
            erased = database.rows("SELECT id, version FROM job", &[])?;
            erase_jobs(database)?;
        }
        for saved in jobs {
            let id = saved.id.as_str();
            // Versions are never reused.
            let known = erased.iter().find(|job| job.id == id).map(|job| job.version + 1);
            let version = known.unwrap_or_default().max(saved.version);
            let document = saved.job.to_json()?.into();
            let values = [id.into(), document, version.into(), saved.edited.into()];
            let sql = "INSERT OR IGNORE INTO job VALUES (?, ?, ?, ?)";
            if database.execute(sql, &values)? > 0 {
                insert_pending_job(database, id, version)?;
            }
        }
        Ok(())
    })
}

/// Marks the connector and its jobs as pending for the Directory again.
pub(super) fn reindex(
    database: &Database,
    pending_events: &Events,
    has_jobs: bool,
) -> Result<(), JsError> {
    database.transaction(|| {
        let sql = "UPDATE connector SET directory = 0, pending_events = ?";
        database.execute(sql, &[pending_events.to_json()?.into()])?;
        if has_jobs {
            let sql = "INSERT OR REPLACE INTO pending_job SELECT id, version FROM job";
            database.execute(sql, &[])?;
        }
        Ok(())
    })
}

/// Status changes as a JSON array, newest first. `before`: only those before this version. `is_saved`: in the
/// format of backups.
fn changes(
    database: &Database,
    is_saved: bool,
    size: usize,
    before: Option<u64>,
) -> Result<String, JsError> {
    let members = r#"'from', "from", 'to', "to", 'at', at, 'via', via, 'by', by, 'error', error"#;
    let members = if is_saved {
        format!("'seq', seq, {members}, 'request', request, 'fields', json(fields)")
    } else {
        format!("'version', seq, {members}")
    };
    let sql = format!(
        "SELECT json_group_array(json_object({members}))
         FROM (SELECT * FROM history WHERE seq < ? ORDER BY seq DESC LIMIT ?)"
    );
    let size = size.min(HISTORY_LIMIT);
    array(database, &sql, &[before.unwrap_or(NO_VERSION).into(), size.into()])
}

/// Runs a statement that returns one JSON array.
fn array(database: &Database, sql: &str, values: &[SqlValue]) -> Result<String, JsError> {
    database.value(sql, values)?.ok_or_else(|| "the database returned no array".into())
}

/// Higher than any version: the limit of exact integers in JavaScript.
const NO_VERSION: u64 = 1 << 53;

/// Edits and status changes as a JSON array, newest first. `before`: only those before this version.
pub(super) fn audit(
    database: &Database,
    size: usize,
    before: Option<u64>,
) -> Result<Box<json::Raw>, JsError> {
    let common = "'at', at, 'via', via, 'by', by, 'request', request, 'fields', json(fields)";
    let sql = format!(
        "SELECT json_group_array(json(item)) FROM (
           SELECT version, json_object('version', version, {common}) AS item FROM edit WHERE version < ?1
           UNION ALL
           SELECT seq, json_object('version', seq, {common}, 'from', \"from\", 'to', \"to\") FROM history
           WHERE seq < ?1 ORDER BY 1 DESC LIMIT ?2)"
    );
    let size = size.min(AUDIT_PAGE);
    Ok(json::into_raw(array(database, &sql, &[before.unwrap_or(NO_VERSION).into(), size.into()])?)?)
}

/// The edits that changed no status, in the format of backups: a JSON array, oldest first.
pub(super) fn saved_edits(database: &Database) -> Result<Box<json::Raw>, JsError> {
    let sql =
        "SELECT json_group_array(json_object('version', version, 'at', at, 'via', via, 'by', by,
                 'request', request, 'fields', json(fields)))
               FROM (SELECT * FROM edit ORDER BY version)";
    Ok(json::into_raw(array(database, sql, &[])?)?)
}

/// The status changes, in the format of backups: a JSON array.
pub(super) fn saved_history(database: &Database) -> Result<Box<json::Raw>, JsError> {
    Ok(json::into_raw(changes(database, true, HISTORY_LIMIT, None)?)?)
}

/// Status changes, newest first. `before`: only those before this version.
pub(super) fn history(
    database: &Database,
    size: usize,
    before: Option<u64>,
) -> Result<Vec<Value>, JsError> {
    Ok(json::parse_array(&changes(database, false, size, before)?)?)
}

/// Adds the connector's recent statuses, which the history has.
pub(super) fn add_recent_statuses(
    database: &Database,
    recent: &mut RecentValues,
) -> Result<(), JsError> {
    /// A status, and when it changed to another one.
    struct Row {
        from: Option<String>,
        at: String,
    }
    from_row!(Row { from, at });
    let sql = r#"SELECT "from", at FROM history ORDER BY seq DESC LIMIT ?"#;
    for Row { from, at } in database.rows::<Row>(sql, &[RECENT_STATUSES.into()])? {
        if let (Some(from), Some(until)) = (from, Time::parse(&at)) {
            recent.record_value("status", &from.into(), until);
        }
    }
    Ok(())
}

/// Reads a job. The tables of jobs must exist.
pub(super) fn read_job(database: &Database, id: &str) -> Result<Option<JobRecord>, JsError> {
    struct Row {
        document: String,
        version: u64,
        edited: u64,
    }
    from_row!(Row { document, version, edited });
    let sql = "SELECT document, version, edited FROM job WHERE id = ?";
    let Some(row) = database.row::<Row>(sql, &[id.into()])? else { return Ok(None) };
    let Row { document: json, version, edited } = row;
    Ok(Some(JobRecord { job: SyncJob::from_json(&json)?, version, edited, json }))
}

/// A job to write.
pub(super) struct JobRow<'a> {
    pub id: &'a str,
    /// `None`: the job is erased.
    pub job: Option<&'a SyncJob>,
    pub version: u64,
    /// The version of the last change other than to `last_seen`.
    pub edited: u64,
    /// Whether to record it as pending for the Directory.
    pub is_pending: bool,
}

/// Writes or erases a job. `is_first`: the tables of jobs do not exist yet.
pub(super) fn commit_job(
    database: &Database,
    row: &JobRow<'_>,
    is_first: bool,
) -> Result<(), JsError> {
    let JobRow { id, job, version, edited, is_pending } = *row;
    database.transaction(|| {
        if is_first {
            database.execute(JOB_TABLES, &[])?;
        }
        match job {
            Some(job) => {
                let sql = "INSERT INTO job VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE
                           SET document = excluded.document, version = excluded.version,
                           edited = excluded.edited";
                let values = [id.into(), job.to_json()?.into(), version.into(), edited.into()];
                database.execute(sql, &values)?;
            }
            None => drop(database.execute("DELETE FROM job WHERE id = ?", &[id.into()])?),
        }
        if is_pending { insert_pending_job(database, id, version) } else { Ok(()) }
    })
}

fn insert_pending_job(database: &Database, id: &str, version: u64) -> Result<(), JsError> {
    let sql = "INSERT OR REPLACE INTO pending_job VALUES (?, ?)";
    database.execute(sql, &[id.into(), version.into()]).map(drop)
}

struct JobVersion {
    id: String,
    version: u64,
}
from_row!(JobVersion { id, version });

fn erase_jobs(database: &Database) -> Result<(), JsError> {
    let sql = "INSERT OR REPLACE INTO pending_job SELECT id, version + 1 FROM job";
    database.execute(sql, &[])?;
    database.execute("DELETE FROM job", &[]).map(drop)
}

/// The jobs pending for the Directory. The tables of jobs must exist.
pub(super) fn pending_jobs(
    database: &Database,
) -> Result<impl Iterator<Item = (String, u64)>, JsError> {
    let rows: Vec<JobVersion> = database.rows("SELECT id, version FROM pending_job", &[])?;
    Ok(rows.into_iter().map(|job| (job.id, job.version)))
}

/// Stores which jobs (a JSON array of ids) are still pending for the Directory.
pub(super) fn store_pending_jobs(database: &Database, ids: &str) -> Result<(), JsError> {
    let sql = "DELETE FROM pending_job WHERE id NOT IN (SELECT value FROM json_each(?))";
    database.execute(sql, &[ids.into()]).map(drop)
}

/// About how many bytes a job takes in a response beside its id and document.
const JOB_FRAME_BYTES: usize = 64;

/// A page of jobs after the given id, of about `limit` bytes. The tables of jobs must exist.
pub(super) fn saved_jobs(
    database: &Database,
    after: &str,
    limit: usize,
) -> Result<SavedJobs, JsError> {
    struct Row {
        id: String,
        version: u64,
        edited: u64,
        document: String,
    }
    from_row!(Row { id, version, edited, document });
    let mut page = SavedJobs::default();
    let mut size = 0;
    let mut invalid = None;
    let sql = "SELECT id, version, edited, document FROM job WHERE id > ? ORDER BY id";
    let mut take = |Row { id, version, edited, document }: Row| {
        if size > limit {
            page.next = page.jobs.last().map(|last| last.id.clone());
            return false;
        }
        size += id.len() + document.len() + JOB_FRAME_BYTES;
        match json::into_raw(document) {
            Ok(document) => page.jobs.push(SavedJobRow { id, version, edited, document }),
            Err(problem) => invalid = Some(problem),
        }
        invalid.is_none()
    };
    database.each(sql, &[after.into()], &mut take)?;
    invalid.map_or(Ok(page), |problem| Err(problem.into()))
}
