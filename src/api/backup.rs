//! Backup: a connector as a whole - document, version, history, sync jobs - out of its object and back
//! in, and the ids of all there are. Deleted and erased ones too: a version is never given twice.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::audit::{SavedEdit, not_a_time};
use super::error::{ApiError, Cause};
use super::precondition::Precondition;
use super::query::Query;
use super::read::{checked, read_body_text, refuse_body};
use super::{Call, Request, Response};
use crate::connector::{Connector, Fields};
use crate::directory::Slim;
use crate::limits::AUDIT_PAGE;
use crate::status::Status;
use crate::sync_job::{SyncJob, SyncJobId};
use crate::values::{Time, json};

/// The format of a backup.
const FORMAT: u64 = 1;
/// So many ids at once.
const IDS: usize = 1_000;
/// Versions that may have been given between a backup and what made it necessary. What is written after
/// a restoration has a version past them: an entity tag that somebody has seen never comes again for
/// something else.
const GAP: u64 = 1_000_000_000;
/// Versions stay far below what JavaScript counts exactly.
const VERSION_LIMIT: u64 = 1 << 52;

/// What is asked for.
#[derive(Clone, Debug)]
pub enum BackupRoute {
    /// `GET /_connector/_backup`
    Ids,
    /// `POST /_connector/_backup`
    Done,
    /// `GET /_connector/{id}/_backup`
    Show(String),
    /// `PUT /_connector/{id}/_backup`
    Restore(String),
    /// `POST /_connector/{id}/_reindex`
    Reindex(String),
    /// `POST /_connector/{id}/_rewind`
    Rewind(String),
}

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Backup {
    /// Give the ids of connectors.
    Ids {
        /// Those behind this one.
        after: String,
        /// So many at most.
        size: usize,
        /// Only those that have changed, or whose sync jobs have, since the Directory was at this number.
        changed_since: Option<u64>,
    },
    /// Note that a backup of all connectors is complete.
    Done {
        /// How many connectors it has.
        connectors: u64,
        /// It has every change made before.
        complete_until: Time,
    },
    /// Give the state of a connector.
    Show {
        /// The connector.
        id: String,
        /// Only its sync jobs behind this one; `None`: from the start.
        after: Option<String>,
    },
    /// Put a connector's state back.
    Restore {
        /// The connector.
        id: String,
        /// Even over one that is there.
        overwrite: bool,
        /// Only over the version that the caller has seen.
        precondition: Precondition,
        /// What is put back.
        saved: Box<Saved>,
    },
    /// Tell the Directory of a connector and its jobs once more.
    Reindex {
        /// The connector.
        id: String,
    },
    /// Take a connector's object back to how it was.
    Rewind {
        /// The connector.
        id: String,
        /// When.
        to: Time,
    },
}

impl Backup {
    /// The connector that it concerns; `None`: all.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Ids { .. } | Self::Done { .. } => None,
            Self::Show { id, .. }
            | Self::Restore { id, .. }
            | Self::Reindex { id }
            | Self::Rewind { id, .. } => Some(id),
        }
    }

    /// What it is called in the log, and its endpoint, if it changes a connector.
    pub fn name(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Ids { .. } | Self::Done { .. } | Self::Show { .. } => None,
            Self::Restore { .. } => Some(("restore", "_backup")),
            Self::Reindex { .. } => Some(("reindex", "_reindex")),
            Self::Rewind { .. } => Some(("rewind", "_rewind")),
        }
    }
}

/// A state that is put back, or a part of one: jobs may come later.
#[derive(Clone, Debug, Default)]
pub struct Saved {
    /// The connector.
    pub connector: Option<SavedConnector>,
    /// Some of its sync jobs.
    pub jobs: Vec<SavedJob>,
}

/// A sync job.
#[derive(Clone, Debug)]
pub struct SavedJob {
    /// Its id.
    pub id: SyncJobId,
    /// Its version.
    pub version: u64,
    /// The version of the last change to anything but `last_seen`.
    pub edited: u64,
    /// The job.
    pub job: SyncJob,
}

impl Saved {
    /// The indices that jobs may still write to and that their connector, as it is then, does not hold:
    /// it had them when the jobs were made. No other connector may have them now.
    pub fn foreign_indices<'a>(
        &'a self,
        connector: Option<&'a Connector>,
    ) -> impl Iterator<Item = &'a str> {
        let jobs = self.jobs.iter().map(|saved| &saved.job).filter(|job| !job.has_ended());
        jobs.flat_map(move |job| job.foreign_indices(connector).filter_map(|(_, index)| index))
    }
}

/// A connector with its past.
#[derive(Clone, Debug)]
pub struct SavedConnector {
    /// `None`: it was erased.
    pub document: Option<Connector>,
    /// Its version.
    pub version: u64,
    /// The version of the last change to anything but the status and `last_seen`.
    pub edited: u64,
    /// Its changes of status.
    pub history: Vec<SavedChange>,
    /// Its edits that changed no status.
    pub edits: Vec<SavedEdit>,
}

/// A change of status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedChange {
    /// The version that it made.
    pub seq: u64,
    /// The status before; `None`: there was no connector.
    pub from: Option<String>,
    /// The status after.
    pub to: String,
    /// When.
    pub at: String,
    /// The endpoint.
    pub via: String,
    /// The id of the API key.
    pub by: Option<String>,
    /// What the error said.
    #[serde(default)]
    pub error: Option<String>,
    /// What the request is called in the log.
    pub request: Option<String>,
    /// The names of the fields that were written.
    #[serde(default)]
    pub fields: Vec<String>,
}

impl SavedConnector {
    /// Every version up to this one may have been given before.
    pub fn floor(&self) -> u64 {
        self.version + GAP
    }
}

pub(super) fn read(
    route: BackupRoute,
    request: &Request,
    path: &str,
    query: &mut Query,
) -> Result<Call, ApiError> {
    let backup = match route {
        BackupRoute::Restore(id) => {
            let overwrite = query.switch("overwrite")?;
            let id = checked(id)?;
            let saved = Saved::read(&id, read_body_text(request)?).map_err(|problem| {
                let reason = format!("[{id}] cannot be restored from this body: {problem}");
                ApiError::from(Cause::illegal_argument(reason))
            })?;
            let precondition = Precondition::of(request);
            let saved = Box::new(saved);
            return Ok(Call::Backup(Backup::Restore { id, overwrite, precondition, saved }));
        }
        BackupRoute::Ids => {
            let after = query.text("after").unwrap_or_default();
            let size = query.number("size", IDS)?.min(IDS);
            let changed_since = match query.text("changed_since") {
                Some(seq) => Some(read_seq(&seq)?),
                None => None,
            };
            Backup::Ids { after, size, changed_since }
        }
        BackupRoute::Done => {
            let connectors = query.long("connectors")?;
            let complete_until = read_time("complete_until", query)?;
            let connectors = connectors.ok_or_else(|| {
                ApiError::invalid(&[
                    "[connectors] is missing: it must be the number of connectors in the backup"
                        .to_owned(),
                ])
            })?;
            Backup::Done { connectors, complete_until }
        }
        BackupRoute::Show(id) => Backup::Show { id: checked(id)?, after: query.text("after") },
        BackupRoute::Rewind(id) => {
            let to = read_time("to", query)?;
            Backup::Rewind { id: checked(id)?, to }
        }
        BackupRoute::Reindex(id) => Backup::Reindex { id: checked(id)? },
    };
    refuse_body(request, path)?;
    Ok(Call::Backup(backup))
}

fn read_time(name: &'static str, query: &mut Query) -> Result<Time, ApiError> {
    let text = query.text(name).unwrap_or_default();
    Time::parse(&text).ok_or_else(|| not_a_time(name, &text))
}

fn read_seq(text: &str) -> Result<u64, ApiError> {
    let problem = || {
        format!(
            "[changed_since] is [{text}]: it must be the [seq] of an earlier [GET /_connector/_backup]"
        )
    };
    text.parse()
        .ok()
        .filter(|seq| *seq <= VERSION_LIMIT)
        .ok_or_else(|| ApiError::invalid(&[problem()]))
}

impl Saved {
    fn read(id: &str, body: &str) -> Result<Self, String> {
        let mut body = json::parse_object(body)?;
        match body.get("format").and_then(Value::as_u64) {
            Some(FORMAT) => {}
            _ => return Err(format!("[format] must be {FORMAT}")),
        }
        if body.get("id").and_then(Value::as_str) != Some(id) {
            return Err(format!("[id] must be [{id}], as in the path"));
        }
        let mut list = |name: &str| match body.get_mut(name).map(Value::take) {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) => Ok(list),
            Some(_) => Err(format!("[{name}] must be an array")),
        };
        let history = list("history")?;
        let edits = list("edits")?;
        let jobs = list("jobs")?.into_iter().map(|job| saved_job(id, job));
        let jobs = jobs.collect::<Result<Vec<_>, _>>()?;
        if let Some(id) = repeated(jobs.iter().map(|job| job.id.as_str().into())) {
            return Err(format!("[jobs] contains job [{id}] twice"));
        }
        if !body.contains_key("version") {
            return Ok(Self { connector: None, jobs });
        }
        let version = version(&body, "version", VERSION_LIMIT)?;
        let edited = version_or(&body, "edited", version)?;
        let history = history.into_iter().map(|change| saved_change(change, version));
        let history = history.collect::<Result<Vec<_>, _>>()?;
        if let Some(seq) = repeated(history.iter().map(|change| change.seq.to_string().into())) {
            return Err(format!("[history] contains two changes with [seq] {seq}"));
        }
        let edits = edits.into_iter().map(|edit| saved_edit(edit, version));
        let edits = edits.collect::<Result<Vec<_>, _>>()?;
        if edits.len() > AUDIT_PAGE {
            return Err(format!("[edits] must have at most {AUDIT_PAGE} entries"));
        }
        if let Some(version) = repeated(edits.iter().map(|edit| edit.version.to_string().into())) {
            return Err(format!("[edits] contains two edits with [version] {version}"));
        }
        let document = match body.get_mut("document").map(Value::take) {
            Some(Value::Object(document)) => Some(Connector::from_fields(document)?),
            Some(Value::Null) => None,
            _ => return Err("[document] must be an object or null".to_owned()),
        };
        let connector = SavedConnector { document, version, edited, history, edits };
        Ok(Self { connector: Some(connector), jobs })
    }
}

/// One that comes a second time.
fn repeated<'a>(all: impl Iterator<Item = Cow<'a, str>>) -> Option<Cow<'a, str>> {
    let mut seen = BTreeSet::new();
    all.into_iter().find(|one| !seen.insert(one.clone()))
}

fn version(fields: &Fields, name: &str, limit: u64) -> Result<u64, String> {
    let version = fields.get(name).and_then(Value::as_u64);
    version
        .filter(|version| (1..=limit).contains(version))
        .ok_or_else(|| format!("[{name}] must be between 1 and {limit}"))
}

fn version_or(fields: &Fields, name: &str, default: u64) -> Result<u64, String> {
    if fields.contains_key(name) { version(fields, name, default) } else { Ok(default) }
}

fn saved_change(change: Value, newest: u64) -> Result<SavedChange, String> {
    let is_known = |status: &String| Status::parse(status).is_some();
    let is_sound = |saved: &SavedChange| {
        (1..=newest).contains(&saved.seq)
            && is_known(&saved.to)
            && saved.from.as_ref().is_none_or(is_known)
    };
    let saved = SavedChange::deserialize(&change).ok().filter(is_sound).map(|saved| SavedChange {
        error: saved.error.map(|error| Slim::of(error).to_string()),
        ..saved
    });
    saved.ok_or_else(|| format!("[history] contains an invalid change: {change}"))
}

fn saved_edit(edit: Value, newest: u64) -> Result<SavedEdit, String> {
    let saved = SavedEdit::deserialize(&edit).ok();
    let saved = saved.filter(|saved| (1..=newest).contains(&saved.version));
    saved.ok_or_else(|| format!("[edits] contains an invalid edit: {edit}"))
}

fn saved_job(connector: &str, job: Value) -> Result<SavedJob, String> {
    let Value::Object(mut job) = job else { return Err("[jobs] must contain only objects".into()) };
    let id = job.get("id").and_then(Value::as_str).and_then(SyncJobId::parse);
    let Some(id) = id.filter(|id| id.connector() == connector) else {
        return Err("[jobs] contains a job whose [id] does not belong to this connector".to_owned());
    };
    let version = version(&job, "version", VERSION_LIMIT)?;
    let edited = version_or(&job, "edited", version)?;
    let job = match job.get_mut("document").map(Value::take) {
        Some(Value::Object(document)) => SyncJob::from_fields(document)?,
        _ => return Err(format!("[document] of job [{id}] must be an object")),
    };
    if let Some(other) = job.connector_member("id").find(|other| **other != connector) {
        return Err(format!("[connector.id] of job [{id}] is {other}: it must be [{connector}]"));
    }
    if let Some(index) = job.connector_member("index_name").find(|index| !index.is_string()) {
        return Err(format!(
            "[connector.index_name] of job [{id}] is {index}: it must be a string"
        ));
    }
    Ok(SavedJob { id, version, edited, job })
}

/// The response with the state of a connector. `connector`: its version, the version of its last edit,
/// its JSON, and its history and its edits as JSON; absent where only more jobs are asked for. `jobs`: members
/// `jobs` and `next` as JSON.
pub fn show_backup(
    id: &str,
    connector: Option<(u64, u64, Option<&str>, [&str; 2])>,
    jobs: &str,
) -> Response {
    let mut body = format!("{{\"format\":{FORMAT},\"id\":{}", Value::from(id));
    if let Some((version, edited, document, [history, edits])) = connector {
        let document = document.unwrap_or("null");
        body.push_str(&format!(
            ",\"version\":{version},\"edited\":{edited},\"document\":{document},\
             \"history\":{history},\"edits\":{edits}"
        ));
    }
    body.push_str(&format!(",{jobs}}}"));
    Response::text(200, body)
}

/// The response with a page of ids. `service`: which service this is. `seq`: the number of the
/// Directory's last change.
pub fn show_ids(service: &str, seq: u64, ids: &[String], size: usize) -> Response {
    let next = ids.last().filter(|_| ids.len() == size);
    Response::json(200, &json!({ "service": service, "seq": seq, "ids": ids, "next": next }))
}

/// 400: the runtime cannot go back in time, as that on one's own machine cannot.
pub fn no_rewind(why: &str) -> ApiError {
    let reason = format!("the object cannot be rewound: {why}");
    Cause::new("unsupported_operation_exception", reason).into()
}

/// 400: a restoration that needs more indices than one request claims.
pub fn too_many_indices(id: &str, limit: usize) -> ApiError {
    let reason = format!(
        "[{id}] cannot be restored from this body: its unfinished sync jobs name more than [{limit}] \
         indices other than the connector's own"
    );
    Cause::illegal_argument(reason).into()
}

/// 409: there is a connector, and nobody said to overwrite it.
pub fn already_there(id: &str) -> ApiError {
    let reason = format!(
        "connector [{id}] already exists, or existed before: use [overwrite=true] to overwrite it"
    );
    ApiError::of(409, Cause::new("resource_already_exists_exception", reason))
}
