//! What a connector's object keeps in its SQLite database: one row for the connector, its history, and
//! its sync jobs.
//!
//! A change of status alone writes only the history: the newest row there says where the connector is, if
//! its `seq` - the version it made - is past that of the connector's row. To write the document again for
//! every move would cost more than all the rest of the commit.

use std::cell::OnceCell;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::jobs::JobRecord;
use crate::api::{
    Commit, Edit, SavedChange, SavedConnector, SavedEdit, SavedJob, StatusChange, field_names,
};
use crate::connector::Connector;
use crate::directory::Event;
use crate::edge::runtime::{Database, JsError, SqlValue, from_row};
use crate::limits::AUDIT_PAGE;
use crate::past::Past;
use crate::protocol::claims::Successor;
use crate::protocol::jobs::Jobs;
use crate::protocol::outbox::{Cursors, Versions};
use crate::status::Status;
use crate::sync_job::SyncJob;
use crate::values::{Time, json};

/// A document of NULL is the tombstone of a connector that was erased. `edited`: the version of the last
/// change to anything but status and last_seen. `projected` and `directory`: the versions that Workers KV
/// and the Directory have; `copied_at`: when Workers KV got its (milliseconds since 1970). `floor`:
/// versions up to here may have been given before the connector was put back from a backup. `past`: what its
/// fields were until lately ([`Past`]). `untold`: events that the
/// Directory's audit has not been told of (JSON). `edits`: how many edits there were that changed no status: they are
/// kept in turn in so many rows of `edit` as [`EDIT_LIMIT`] says, the newest over the oldest.
const TABLES: &str = r#"
  CREATE TABLE IF NOT EXISTS connector (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    document TEXT,
    version INTEGER NOT NULL,
    projected INTEGER NOT NULL,
    edited INTEGER NOT NULL,
    directory INTEGER NOT NULL,
    copied_at INTEGER NOT NULL,
    floor INTEGER NOT NULL,
    past TEXT NOT NULL,
    untold TEXT NOT NULL,
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

/// Made with the first job. `edited`: the version of the last change to anything but last_seen. Which jobs
/// the Directory has not been told of stands in a table of its own: to look for them among all jobs that
/// ever were would cost more and more. A job that is in that table and not in the other was erased.
const JOB_TABLES: &str = "
  CREATE TABLE IF NOT EXISTS job (
    id TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    version INTEGER NOT NULL,
    edited INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS job_untold (id TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID;
";

/// The newest changes of status that are kept.
const HISTORY_LIMIT: usize = 1_000;
/// The newest edits that are kept.
const EDIT_LIMIT: u64 = AUDIT_PAGE as u64;
/// The newest statuses that a document which comes back as a whole may have shown.
const PAST_STATUSES: usize = 100;
/// How many versions pass between two looks whether there are more. What is shown is limited when it is
/// read.
const PRUNE_EVERY: u64 = 50;

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
    /// What its fields were until lately; its status, the history says.
    pub past: Past,
    /// How far the outbox's consumers are.
    pub cursors: Cursors,
    /// Events that the Directory has not been told of.
    pub untold: Events,
    /// How many edits there were that changed no status.
    pub edits: u64,
}

/// Events, the newest last.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::edge) struct Events(Vec<Event>);

impl Events {
    /// So many wait at most, while the Directory is away. The log has all.
    const LIMIT: usize = 100;

    /// Adds one.
    pub fn add(&mut self, event: Event) {
        if self.0.len() >= Self::LIMIT {
            self.0.remove(0);
        }
        self.0.push(event);
    }

    /// Takes those out that have been told, by whichever message.
    pub fn forget(&mut self, told: &[Event]) {
        self.0.retain(|event| !told.contains(event));
    }

    /// All of them.
    pub fn events(&self) -> &[Event] {
        &self.0
    }

    fn to_json(&self) -> Result<String, JsError> {
        Ok(json::to_text(self)?)
    }
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
            past: Past::default(),
            cursors: Cursors::default(),
            untold: Events::default(),
            edits: 0,
        }
    }

    /// Takes the connector out of it.
    pub fn take_connector(mut self) -> (Self, Option<Connector>) {
        let connector = self.document.take().map(|document| document.connector);
        (self, connector)
    }

    /// Notes that the next commit erases the connector.
    pub fn erased(&mut self, mut event: Event) {
        event.version = Some(self.newest_version() + 1);
        self.untold.add(event);
    }

    /// The row after a commit, and the claim of an index that the commit settles.
    #[must_use]
    pub fn followed_by(
        self,
        successor: Successor<Connector>,
        scope: WriteScope,
        edit: Option<&Edit>,
    ) -> (Self, Option<String>) {
        let (connector, claim) = successor.into_parts();
        let version = self.newest_version() + 1;
        let moved = edit.filter(|edit| edit.change.is_some());
        let since = moved.map(|edit| edit.at.clone()).or(self.since);
        let is_kept_apart = edit.is_some_and(|edit| edit.change.is_none());
        let record = Self {
            edited: if scope == WriteScope::Edit { version } else { self.edited },
            changed: if scope == WriteScope::Heartbeat { self.changed } else { version },
            since: since.filter(|_| connector.is_some()),
            document: connector.map(Document::from),
            version,
            edits: self.edits + u64::from(is_kept_apart),
            ..self
        };
        (record, claim)
    }

    /// The row of a connector that is put back, as it is written; and the claim that this settles. Nobody
    /// has been told of it.
    pub fn restored(
        id: &str,
        successor: Successor<Connector>,
        version: u64,
        edited: u64,
        floor: u64,
        untold: Events,
    ) -> (Self, Option<String>) {
        let (connector, claim) = successor.into_parts();
        let document = connector.map(Document::from);
        let empty = Self::empty(id);
        let record = Self { document, version, edited, changed: version, floor, untold, ..empty };
        (record, claim)
    }

    /// The connector, if it was not erased.
    pub fn connector(&self) -> Option<&Connector> {
        self.document.as_ref().map(|document| &document.connector)
    }

    /// The connector, if it was neither deleted nor erased.
    pub fn alive(&self) -> Option<&Connector> {
        self.connector().filter(|connector| !connector.is_deleted())
    }

    /// Its versions.
    pub fn versions(&self) -> Versions {
        Versions { version: self.version, edited: self.edited, changed: self.changed }
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

/// Reads the row, if there is one. Reading an empty object creates no tables.
///
/// # Errors
/// If the database fails, or holds what this code did not write.
pub(super) fn read(database: &Database) -> Result<Option<(Record, Jobs)>, JsError> {
    /// The connector's row, and the newest change of status.
    struct Row {
        id: String,
        document: Option<String>,
        version: u64,
        edited: u64,
        projected: u64,
        directory: u64,
        copied_at: u64,
        floor: u64,
        past: String,
        untold: String,
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
        projected,
        directory,
        copied_at,
        floor,
        past,
        untold,
        edits,
        seq,
        to,
        at
    });
    if !database.has_table("connector")? {
        return Ok(None);
    }
    let row = r#"SELECT id, document, version, edited, projected, directory, copied_at, floor, past, untold, edits,
                 seq, "to", at
                 FROM connector LEFT JOIN (SELECT seq, "to", at FROM history ORDER BY seq DESC LIMIT 1)"#;
    let Some(row) = database.row::<Row>(row, &[])? else { return Ok(None) };
    let newest = row.seq.unwrap_or_default();
    let moved = row.to.as_deref().filter(|_| newest > row.version).map(Status::parse);
    let document = match (row.document, moved) {
        (None, _) => None,
        (Some(_), Some(None)) => return Err("the history has an unknown status".into()),
        (Some(json), Some(Some(to))) => Some(Connector::from_json(&json)?.with_status(to).into()),
        // The text as it is stored: there is no need to make it again.
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
        past: serde_json::from_str(&row.past).map_err(|error| error.to_string())?,
        cursors: Cursors { kv: row.projected, copied_at: row.copied_at, directory: row.directory },
        untold: serde_json::from_str(&row.untold).map_err(|error| error.to_string())?,
        edits: row.edits,
    };
    Ok(Some((record, jobs)))
}

/// Writes what is new, all of it or nothing. An erased connector's history and edits are erased with it.
/// `erases_jobs`: the connector's jobs go with it too.
///
/// # Errors
/// If the database fails; then nothing was written.
pub(super) fn commit(
    database: &Database,
    record: &Record,
    edit: Option<&Edit>,
    scope: WriteScope,
    erases_jobs: bool,
) -> Result<(), JsError> {
    if let (WriteScope::Move, Some(edit)) = (scope, edit) {
        // Pruned first: should that fail, nothing was written.
        prune(database, record.version)?;
        return write_edit(database, record, edit);
    }
    database.transaction(|| {
        if record.version == 1 {
            database.execute(TABLES, &[])?;
        }
        write_record(database, record)?;
        if record.document.is_none() {
            forget_past(database)?;
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
    let Record { id, document, version, edited, floor, past, cursors, untold, edits, .. } = record;
    let past = json::to_text(past)?;
    let sql = "INSERT INTO connector (one, id, document, version, edited, projected, directory, copied_at, floor,
               past, untold, edits) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
               ON CONFLICT (one) DO UPDATE SET document = excluded.document, version = excluded.version,
               edited = excluded.edited, projected = excluded.projected, directory = excluded.directory,
               copied_at = excluded.copied_at, floor = excluded.floor, past = excluded.past,
               untold = excluded.untold, edits = excluded.edits";
    let values = [
        id.into(),
        document.as_ref().map(Document::json).into(),
        (*version).into(),
        (*edited).into(),
        cursors.kv.into(),
        cursors.directory.into(),
        cursors.copied_at.into(),
        (*floor).into(),
        past.into(),
        untold.to_json()?.into(),
        (*edits).into(),
    ];
    database.execute(sql, &values).map(drop)
}

/// Writes a row of the history if the status has changed, or else one of the edits.
fn write_edit(database: &Database, record: &Record, edit: &Edit) -> Result<(), JsError> {
    let Edit { at, via, by, request, fields, change } = edit;
    let common = [at.into(), (*via).into(), by.as_ref().into(), request.as_ref().into()];
    let fields = names(fields).into();
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

/// Writes the `n`th edit, over the one that has its place.
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

fn names(fields: &[String]) -> String {
    Value::from(field_names(fields)).to_string()
}

fn forget_past(database: &Database) -> Result<(), JsError> {
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

/// Notes how far the outbox's consumers are, unless it is noted already: a row that is written is billed.
pub(super) fn note_cursors(
    database: &Database,
    cursors: Cursors,
    untold: &Events,
) -> Result<(), JsError> {
    let sql = "UPDATE connector SET projected = ?1, directory = ?2, copied_at = ?3, untold = ?4
               WHERE (projected, directory, copied_at, untold) IS NOT (?1, ?2, ?3, ?4)";
    let Cursors { kv, copied_at, directory } = cursors;
    let untold = untold.to_json()?.into();
    database.execute(sql, &[kv.into(), directory.into(), copied_at.into(), untold]).map(drop)
}

/// Puts a connector back with its history and edits, and some of its jobs: all of it or nothing. Without a record
/// there are only jobs. `erases_jobs`: those that are there go.
///
/// # Errors
/// If the database fails; then nothing was written.
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
            forget_past(database)?;
            for SavedChange { seq, from, to, at, via, by, error, request, fields } in &saved.history
            {
                let (seq, from, to) = ((*seq).into(), from.as_ref().into(), to.into());
                let (by, error) = (by.as_ref().into(), error.as_ref().into());
                let (request, fields) = (request.as_ref().into(), names(fields).into());
                let values = [seq, from, to, at.into(), via.into(), by, error, request, fields];
                database.execute(INSERT_CHANGE, &values)?;
            }
            for (n, edit) in (1..).zip(&saved.edits) {
                let SavedEdit { version, at, via, by, request, fields } = edit;
                let common = [at.into(), via.into(), by.as_ref().into(), request.as_ref().into()];
                insert_edit(database, n, *version, common, names(fields).into())?;
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
            // A version is never given twice.
            let known = erased.iter().find(|job| job.id == id).map(|job| job.version + 1);
            let version = known.unwrap_or_default().max(saved.version);
            let document = saved.job.to_json().into();
            let values = [id.into(), document, version.into(), saved.edited.into()];
            let sql = "INSERT OR IGNORE INTO job VALUES (?, ?, ?, ?)";
            if database.execute(sql, &values)? > 0 {
                note_untold(database, id, version)?;
            }
        }
        Ok(())
    })
}

/// Has the Directory told once more how the connector and its jobs are, and of these events.
///
/// # Errors
/// If the database fails; then nothing was written.
pub(super) fn reindex(database: &Database, untold: &Events, has_jobs: bool) -> Result<(), JsError> {
    database.transaction(|| {
        let sql = "UPDATE connector SET directory = 0, untold = ?";
        database.execute(sql, &[untold.to_json()?.into()])?;
        if has_jobs {
            let sql = "INSERT OR REPLACE INTO job_untold SELECT id, version FROM job";
            database.execute(sql, &[])?;
        }
        Ok(())
    })
}

/// Changes of status as a JSON array, newest first; `before`: only those before that version. `is_saved`: as backups have
/// them.
fn changes(
    database: &Database,
    is_saved: bool,
    size: usize,
    before: Option<u64>,
) -> Result<String, JsError> {
    let members = r#"'from', "from", 'to', "to", 'at', at, 'via', via, 'by', by, 'error', error"#;
    let members = match is_saved {
        true => format!("'seq', seq, {members}, 'request', request, 'fields', json(fields)"),
        false => format!("'version', seq, {members}"),
    };
    let sql = format!(
        "SELECT json_group_array(json_object({members}))
         FROM (SELECT * FROM history WHERE seq < ? ORDER BY seq DESC LIMIT ?)"
    );
    let size = size.min(HISTORY_LIMIT);
    array(database, &sql, &[before.unwrap_or(NO_VERSION).into(), size.into()])
}

/// The JSON array that a statement makes.
fn array(database: &Database, sql: &str, values: &[SqlValue]) -> Result<String, JsError> {
    database.value(sql, values)?.ok_or_else(|| "the database answers nothing".into())
}

/// Past every version: as far as JavaScript counts exactly.
const NO_VERSION: u64 = 1 << 53;

/// Edits of any kind as a JSON array, the newest first; `before`: only those before that version.
pub(super) fn audit(
    database: &Database,
    size: usize,
    before: Option<u64>,
) -> Result<String, JsError> {
    let common = "'at', at, 'via', via, 'by', by, 'request', request, 'fields', json(fields)";
    let sql = format!(
        "SELECT json_group_array(json(item)) FROM (
           SELECT version, json_object('version', version, {common}) AS item FROM edit WHERE version < ?1
           UNION ALL
           SELECT seq, json_object('version', seq, {common}, 'from', \"from\", 'to', \"to\") FROM history
           WHERE seq < ?1 ORDER BY 1 DESC LIMIT ?2)"
    );
    let size = size.min(AUDIT_PAGE);
    array(database, &sql, &[before.unwrap_or(NO_VERSION).into(), size.into()])
}

/// All edits that are kept and that changed no status, as backups have them: a JSON array, the oldest first.
pub(super) fn saved_edits(database: &Database) -> Result<String, JsError> {
    let sql =
        "SELECT json_group_array(json_object('version', version, 'at', at, 'via', via, 'by', by,
                 'request', request, 'fields', json(fields)))
               FROM (SELECT * FROM edit ORDER BY version)";
    array(database, sql, &[])
}

/// All changes of status that are kept, as backups have them: a JSON array.
pub(super) fn saved_history(database: &Database) -> Result<String, JsError> {
    changes(database, true, HISTORY_LIMIT, None)
}

/// Changes of status, newest first; `before`: only those before that version.
pub(super) fn history(
    database: &Database,
    size: usize,
    before: Option<u64>,
) -> Result<Vec<Value>, JsError> {
    Ok(json::parse_array(&changes(database, false, size, before)?)?)
}

/// Notes which statuses the connector had until lately.
pub(super) fn past_statuses(database: &Database, past: &mut Past) -> Result<(), JsError> {
    /// A status, and when it was left.
    struct Row {
        from: Option<String>,
        at: String,
    }
    from_row!(Row { from, at });
    let sql = r#"SELECT "from", at FROM history ORDER BY seq DESC LIMIT ?"#;
    for Row { from, at } in database.rows::<Row>(sql, &[PAST_STATUSES.into()])? {
        if let (Some(from), Some(until)) = (from, Time::parse(&at)) {
            past.note_value("status", &from.into(), until);
        }
    }
    Ok(())
}

/// A job, if there is one. There must be tables of jobs.
///
/// # Errors
/// If the database fails, or holds what this code did not write.
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

/// What there is to write of a job.
pub(super) struct JobRow<'a> {
    /// Its id.
    pub id: &'a str,
    /// The job; `None`: it is erased.
    pub job: Option<&'a SyncJob>,
    /// Its version.
    pub version: u64,
    /// The version of the last change to anything but `last_seen`.
    pub edited: u64,
    /// Is it to be noted that the Directory has not been told of it?
    pub is_untold: bool,
}

/// Writes a job, or erases it. `is_first`: there are no tables of jobs yet.
///
/// # Errors
/// If the database fails; then nothing was written.
pub(super) fn commit_job(
    database: &Database,
    row: &JobRow<'_>,
    is_first: bool,
) -> Result<(), JsError> {
    let JobRow { id, job, version, edited, is_untold } = *row;
    database.transaction(|| {
        if is_first {
            database.execute(JOB_TABLES, &[])?;
        }
        match job {
            Some(job) => {
                let sql = "INSERT INTO job VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE
                           SET document = excluded.document, version = excluded.version,
                           edited = excluded.edited";
                let values = [id.into(), job.to_json().into(), version.into(), edited.into()];
                database.execute(sql, &values)?;
            }
            None => drop(database.execute("DELETE FROM job WHERE id = ?", &[id.into()])?),
        }
        if is_untold { note_untold(database, id, version) } else { Ok(()) }
    })
}

fn note_untold(database: &Database, id: &str, version: u64) -> Result<(), JsError> {
    let sql = "INSERT OR REPLACE INTO job_untold VALUES (?, ?)";
    database.execute(sql, &[id.into(), version.into()]).map(drop)
}

/// The version of a job.
struct JobVersion {
    id: String,
    version: u64,
}
from_row!(JobVersion { id, version });

fn erase_jobs(database: &Database) -> Result<(), JsError> {
    let sql = "INSERT OR REPLACE INTO job_untold SELECT id, version + 1 FROM job";
    database.execute(sql, &[])?;
    database.execute("DELETE FROM job", &[]).map(drop)
}

/// The jobs that the Directory has not been told of. There must be tables of jobs.
pub(super) fn pending_jobs(
    database: &Database,
) -> Result<impl Iterator<Item = (String, u64)>, JsError> {
    let rows: Vec<JobVersion> = database.rows("SELECT id, version FROM job_untold", &[])?;
    Ok(rows.into_iter().map(|job| (job.id, job.version)))
}

/// Notes which jobs (a JSON array of ids) the Directory has still not been told of.
pub(super) fn store_pending_jobs(database: &Database, ids: &str) -> Result<(), JsError> {
    let sql = "DELETE FROM job_untold WHERE id NOT IN (SELECT value FROM json_each(?))";
    database.execute(sql, &[ids.into()]).map(drop)
}

/// Some of the jobs behind one, as members of JSON: `jobs`, and `next`, the last of them if there are more.
/// There must be tables of jobs.
pub(super) fn saved_jobs(
    database: &Database,
    after: &str,
    limit: usize,
) -> Result<String, JsError> {
    struct Row {
        id: String,
        version: u64,
        edited: u64,
        document: String,
    }
    from_row!(Row { id, version, edited, document });
    let mut jobs = String::new();
    let mut last: Option<String> = None;
    let mut next = None;
    let sql = "SELECT id, version, edited, document FROM job WHERE id > ? ORDER BY id";
    let mut take = |Row { id, version, edited, document }: Row| {
        if jobs.len() > limit {
            next = last.take();
            return false;
        }
        let comma = if jobs.is_empty() { "" } else { "," };
        let name = Value::from(id.as_str());
        jobs.push_str(&format!(
            "{comma}{{\"id\":{name},\"version\":{version},\"edited\":{edited},\"document\":{document}}}"
        ));
        last = Some(id);
        true
    };
    database.each(sql, &[after.into()], &mut take)?;
    let next = next.map(|id| format!(",\"next\":{}", Value::from(id)));
    Ok(format!("\"jobs\":[{jobs}]{}", next.unwrap_or_default()))
}
