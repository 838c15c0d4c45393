//! Backup and restore of whole connectors: document, version, history and sync jobs. Deleted and erased
//! connectors are included, so that a restored service never reuses a version.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

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
/// The most ids of one page.
const IDS: usize = 1_000;
/// Versions that may have been used after the backup was made. Writes after a restore skip them, so that an
/// entity tag never identifies two different states.
const GAP: u64 = 1_000_000_000;
/// Far below the largest integer that JavaScript represents exactly.
const VERSION_LIMIT: u64 = 1 << 52;

/// The endpoint of a path.
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

/// A request for backup, restore, reindex or rewind.
#[derive(Clone, Debug)]
pub enum Backup {
    /// Lists the ids of connectors.
    Ids {
        /// Only ids after this one.
        after: String,
        /// At most this many.
        size: usize,
        /// Only those that changed, or whose sync jobs changed, after this sequence number of the Directory.
        changed_since: Option<u64>,
    },
    /// Records that a backup of all connectors is complete.
    Done {
        /// The number of connectors in it.
        connectors: u64,
        /// It contains every change made before this time.
        complete_until: Time,
    },
    /// Reads the state of a connector.
    Show {
        /// The connector.
        id: String,
        /// Only its sync jobs after this one; `None`: everything.
        after: Option<String>,
    },
    /// Restores the state of a connector.
    Restore {
        /// The connector.
        id: String,
        /// Whether an existing connector is overwritten.
        overwrite: bool,
        /// Which versions may be overwritten.
        precondition: Precondition,
        /// The state.
        saved: Box<Saved>,
    },
    /// Sends a connector and its jobs to the Directory again.
    Reindex {
        /// The connector.
        id: String,
    },
    /// Restores a connector's object to an earlier time.
    Rewind {
        /// The connector.
        id: String,
        /// That time.
        to: Time,
    },
}

impl Backup {
    /// The id of the connector; `None` for requests about all connectors.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Ids { .. } | Self::Done { .. } => None,
            Self::Show { id, .. }
            | Self::Restore { id, .. }
            | Self::Reindex { id }
            | Self::Rewind { id, .. } => Some(id),
        }
    }

    /// Its name in the log and its endpoint, if it changes a connector.
    pub fn name(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Ids { .. } | Self::Done { .. } | Self::Show { .. } => None,
            Self::Restore { .. } => Some(("restore", "_backup")),
            Self::Reindex { .. } => Some(("reindex", "_reindex")),
            Self::Rewind { .. } => Some(("rewind", "_rewind")),
        }
    }
}

/// A state to restore, or a part of it: jobs may follow in further requests.
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
    /// The indices that unfinished jobs may write to and that the connector itself no longer uses. No other
    /// connector may be using them.
    pub fn foreign_indices<'a>(
        &'a self,
        connector: Option<&'a Connector>,
    ) -> impl Iterator<Item = &'a str> {
        let jobs = self.jobs.iter().map(|saved| &saved.job).filter(|job| !job.has_ended());
        jobs.flat_map(move |job| job.foreign_indices(connector).filter_map(|(_, index)| index))
    }
}

/// A connector with its history.
#[derive(Clone, Debug)]
pub struct SavedConnector {
    /// The connector; `None` if it was erased.
    pub document: Option<Connector>,
    /// Its version.
    pub version: u64,
    /// The version of the last change to anything but the status and `last_seen`.
    pub edited: u64,
    /// Its status changes.
    pub history: Vec<SavedChange>,
    /// Its edits that did not change the status.
    pub edits: Vec<SavedEdit>,
}

/// A status change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedChange {
    /// The version of the connector after it.
    pub seq: u64,
    /// The status before; `None` at creation.
    pub from: Option<String>,
    /// The status after.
    pub to: String,
    /// The time.
    pub at: String,
    /// The endpoint.
    pub via: String,
    /// The id of the API key, or the person.
    pub by: Option<String>,
    /// The first line of the error.
    #[serde(default)]
    pub error: Option<String>,
    /// The id of the request in the log.
    pub request: Option<String>,
    /// The names of the changed fields.
    #[serde(default)]
    pub fields: Vec<String>,
}

impl SavedConnector {
    /// Every version up to this one may have been used.
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

/// The first item that occurs twice.
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

/// The response with the state of a connector; `None`: only with more of its jobs.
pub fn show_backup(id: &str, state: Option<&SavedState<'_>>, jobs: &SavedJobs) -> Response {
    #[derive(Serialize)]
    struct Body<'a> {
        format: u64,
        id: &'a str,
        #[serde(flatten)]
        state: Option<&'a SavedState<'a>>,
        #[serde(flatten)]
        jobs: &'a SavedJobs,
    }
    Response::json(200, &Body { format: FORMAT, id, state, jobs })
}

/// A connector with its history, as in the response.
#[derive(Serialize)]
pub struct SavedState<'a> {
    /// The version of the connector.
    pub version: u64,
    /// The version of the last change to anything but the status and `last_seen`.
    pub edited: u64,
    /// The connector; `None` if it was erased.
    pub document: Option<&'a json::Raw>,
    /// A JSON array of [`SavedChange`].
    pub history: Box<json::Raw>,
    /// A JSON array of [`SavedEdit`].
    pub edits: Box<json::Raw>,
}

/// Some of a connector's sync jobs, as in the response.
#[derive(Default, Serialize)]
pub struct SavedJobs {
    /// The jobs, ordered by id.
    pub jobs: Vec<SavedJobRow>,
    /// The id of the last of them, if there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A sync job, as in the response.
#[derive(Serialize)]
pub struct SavedJobRow {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: u64,
    /// The version of the last change to anything but `last_seen`.
    pub edited: u64,
    /// The job.
    pub document: Box<json::Raw>,
}

/// The response with a page of ids. `service`: the identity of this service. `seq`: the sequence number
/// of the Directory's last change.
pub fn show_ids(service: &str, seq: u64, ids: &[String], size: usize) -> Response {
    #[derive(Serialize)]
    struct Body<'a> {
        service: &'a str,
        seq: u64,
        ids: &'a [String],
        next: Option<&'a String>,
    }
    Response::json(200, &Body { service, seq, ids, next: ids.last().filter(|_| ids.len() == size) })
}

/// 400: this runtime has no point-in-time recovery; `wrangler dev` has none.
pub fn no_rewind(why: &str) -> ApiError {
    let reason = format!("the object cannot be rewound: {why}");
    Cause::new("unsupported_operation_exception", reason).into()
}

/// 400: the state needs more indices than one request may claim.
pub fn too_many_indices(id: &str, limit: usize) -> ApiError {
    let reason = format!(
        "[{id}] cannot be restored from this body: its unfinished sync jobs name more than [{limit}] \
         indices other than the connector's own"
    );
    Cause::illegal_argument(reason).into()
}

/// 409: the connector exists, and `overwrite` is not set.
pub fn already_there(id: &str) -> ApiError {
    let reason = format!(
        "connector [{id}] already exists, or existed before: use [overwrite=true] to overwrite it"
    );
    ApiError::of(409, Cause::new("resource_already_exists_exception", reason))
}
