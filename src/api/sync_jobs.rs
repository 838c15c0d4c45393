//! `/_connector/_sync_job`: parses requests about sync jobs and decides on writes to them.

use serde_json::Value;

use super::decide::{acknowledged, result};
use super::documents::{self, DocumentUpdate, Index};
use super::endpoints::{SYNC_JOB_CREATION, SyncJobEndpoint, bare_id, sync_job_creation};
use super::error::{ApiError, Cause};
use super::query::Query;
use super::read::{id_problems, read_body, read_update, refuse_body, valid};
use super::response::Response;
use super::{Call, Commit, Current, Decision, Precondition, Request};
use crate::connector::{Connector, with_id};
use crate::document::{Delta, Fields};
use crate::secrets::Visible;
use crate::sync_job::{Creation, InvalidTransition, SyncJob, SyncJobId, SyncJobStatus};
use crate::values::Time;
use crate::values::json::Members;

/// An operation on one sync job.
#[derive(Clone, Debug)]
pub enum SyncJobOperation {
    Get,
    /// Return it as a document of its index.
    Document,
    Write(SyncJobWrite),
}

/// A write to one sync job.
#[derive(Clone, Debug)]
pub enum SyncJobWrite {
    Delete,
    Update(&'static SyncJobEndpoint, Fields),
    /// Update it through the document API.
    Document(DocumentUpdate),
}

impl SyncJobWrite {
    /// Whether searches must show the write before it is acknowledged.
    pub fn refreshes(&self) -> bool {
        matches!(self, Self::Document(update) if update.refreshes())
    }

    /// The name of the write in the history.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Delete => "_delete",
            Self::Update(endpoint, _) => endpoint.name,
            Self::Document(update) => update.name(),
        }
    }
}

/// The source of a new sync job.
#[derive(Clone, Debug, PartialEq)]
pub enum SyncJobCreation {
    /// The connector, whose current settings are copied.
    FromConnector(Creation),
    /// A document that Elastic's connector service writes to the index, and whether searches must show it
    /// before it is acknowledged.
    Document(SyncJob, bool),
}

impl SyncJobCreation {
    /// Whether searches must show the write before it is acknowledged.
    pub fn refreshes(&self) -> bool {
        matches!(self, Self::Document(_, true))
    }
}

#[derive(Clone, Debug)]
pub enum SyncJobRoute {
    /// `GET /_connector/_sync_job`
    List,
    /// `POST /_connector/_sync_job`
    Create,
    /// `GET /_connector/_sync_job/{id}`
    Get(String),
    /// `DELETE /_connector/_sync_job/{id}`
    Delete(String),
    /// `PUT /_connector/_sync_job/{id}/_...`
    Update(String, &'static SyncJobEndpoint),
}

pub(super) fn read(
    route: SyncJobRoute,
    request: &Request,
    path: &str,
    query: &mut Query,
) -> Result<Call, ApiError> {
    match route {
        SyncJobRoute::List => {
            let list = documents::list_of_sync_jobs(query)?;
            refuse_body(request, path)?;
            Ok(Call::Search(Box::new(list)))
        }
        SyncJobRoute::Create => {
            let fields = read_body(request, &SYNC_JOB_CREATION)?;
            let (connector, creation) = sync_job_creation(&fields)?;
            valid(&match connector.as_str() {
                "" => vec!["[id] of the connector cannot be null or empty".to_owned()],
                id => id_problems(id),
            })?;
            Ok(Call::CreateSyncJob(connector, SyncJobCreation::FromConnector(creation)))
        }
        SyncJobRoute::Get(id) => {
            refuse_body(request, path)?;
            Ok(Call::SyncJob(parse_id(&id, Vec::new(), bare_id)?, SyncJobOperation::Get))
        }
        SyncJobRoute::Delete(id) => {
            refuse_body(request, path)?;
            let write = SyncJobOperation::Write(SyncJobWrite::Delete);
            Ok(Call::SyncJob(parse_id(&id, Vec::new(), bare_id)?, write))
        }
        SyncJobRoute::Update(id, endpoint) => {
            let fields = read_update(request, path, endpoint.body.as_ref())?;
            let id = parse_id(&id, (endpoint.validate)(&fields), endpoint.missing)?;
            let write = SyncJobWrite::Update(endpoint, fields);
            Ok(Call::SyncJob(id, SyncJobOperation::Write(write)))
        }
    }
}

/// Parses a job's id, unless there are other `problems`. An id that no job can have is a `missing` job.
fn parse_id(
    id: &str,
    mut problems: Vec<String>,
    missing: fn(&str) -> ApiError,
) -> Result<SyncJobId, ApiError> {
    if id.is_empty() {
        let empty = "[connector_sync_job_id] of the connector sync job cannot be null or empty.";
        problems.insert(0, empty.to_owned());
    }
    valid(&problems)?;
    SyncJobId::parse(id).ok_or_else(|| missing(id))
}

/// Decides on a new job. `connector` is the job's connector, even if it is soft-deleted.
///
/// # Errors
/// 404 if the connector doesn't exist, 400 if it isn't ready to sync.
pub fn create_sync_job(
    id: &SyncJobId,
    creation: SyncJobCreation,
    connector: Option<&Connector>,
    now: Time,
) -> Result<Decision<SyncJob>, ApiError> {
    let connector = connector.ok_or_else(|| no_such_connector(id.connector()))?;
    let (job, response) = match creation {
        SyncJobCreation::FromConnector(creation) => {
            let response = Response::json(201, &Members(&[("id", Some(id.as_str()))]));
            (creation.job(id.connector(), connector, now)?, response)
        }
        SyncJobCreation::Document(job, refreshes) => {
            check_connector(id, None, &job, Some(connector))?;
            (job, documents::written(201, Index::SyncJobs, id.as_str(), 1, "created", refreshes))
        }
    };
    Decision::new(Commit::Put(job), response).within_limit(id.as_str(), None)
}

/// Decides on a write to a job. `before` is `None` if the job doesn't exist.
///
/// # Errors
/// 412 if the precondition doesn't hold, 404 if the job doesn't exist, 400 or 409 if the write is not legal
/// in its current state.
pub fn decide_sync_job(
    id: &SyncJobId,
    write: SyncJobWrite,
    precondition: &Precondition,
    before: Option<Current<'_, SyncJob>>,
    connector: Option<&Connector>,
    now: Time,
) -> Result<Decision<SyncJob>, ApiError> {
    let text = id.as_str();
    precondition.check(text, before.as_ref())?;
    let job = before.as_ref().map(|current| current.document);
    let decision = match write {
        SyncJobWrite::Delete => {
            job.ok_or_else(|| bare_id(text))?;
            Decision::new(Commit::Erase, acknowledged())
        }
        SyncJobWrite::Update(endpoint, fields) => {
            let job = job.ok_or_else(|| (endpoint.missing)(text))?;
            let patch = (endpoint.update)(job, fields, now)?;
            match patch.diff(job) {
                Some(delta) => Decision::new(Commit::Patch(delta), result("updated")),
                None => Decision::new(Commit::Nothing, result("noop")),
            }
        }
        SyncJobWrite::Document(update) => {
            let (delta, response) =
                documents::decide_update(Index::SyncJobs, text, update, before, now)?;
            let to = delta.as_ref().and_then(|delta| SyncJobStatus::parse(delta.status()?));
            let refused = job.zip(to).and_then(|(job, to)| job.status().explain(to));
            Decision {
                commit: delta.map_or(Commit::Nothing, Commit::Patch),
                response,
                off_protocol: refused.map(ApiError::from),
            }
        }
    };
    if let (Some(job), Commit::Patch(delta)) = (job, &decision.commit)
        && may_change_index(job, delta)
    {
        check_connector(id, Some(job), &delta.clone().apply(job.clone()), connector)?;
    }
    decision.within_limit(text, job)
}

/// Whether a job may write to another index after this update: because its document names another one, or
/// because a job that has ended may run again.
fn may_change_index(before: &SyncJob, delta: &Delta) -> bool {
    (before.has_ended() && delta.status().is_some())
        || delta.fields().any(|name| name.starts_with("connector"))
}

/// Checks that a job belongs to its connector and writes only to that connector's index. Until it ends, a
/// job may keep the index it was created with, even if the connector has another one by now.
fn check_connector(
    id: &SyncJobId,
    before: Option<&SyncJob>,
    after: &SyncJob,
    connector: Option<&Connector>,
) -> Result<(), ApiError> {
    let refused = |reason: String| Err(Cause::illegal_argument(reason).into());
    if let Some(other) = after.connector_member("id").find(|other| **other != id.connector()) {
        return refused(format!(
            "[connector.id] of sync job [{id}] is [{}] and cannot become {other}",
            id.connector()
        ));
    }
    let running = before.filter(|before| !before.has_ended() || after.has_ended());
    let is_unchanged = |index: &Value| {
        running.is_some_and(|before| before.connector_member("index_name").any(|own| own == index))
    };
    let mut foreign = after.foreign_indices(connector).map(|(written, _)| written);
    let Some(index) = foreign.find(|index| !is_unchanged(index)) else { return Ok(()) };
    let own = connector.and_then(Connector::held_index);
    refused(match own {
        Some(own) => format!(
            "[connector.index_name] of sync job [{id}] is {index}: it must be [{own}], the index of \
             its connector, or [.search-acl-filter-{own}]"
        ),
        None => format!(
            "[connector.index_name] of sync job [{id}] is {index}, but its connector has no index"
        ),
    })
}

/// The response to `GET /_connector/_sync_job/{id}`. `found` is the job's JSON without the id.
pub fn show_sync_job(id: &SyncJobId, found: Option<Visible<'_>>) -> Result<Response, ApiError> {
    let found = found.ok_or_else(|| bare_id(id.as_str()))?;
    Ok(Response::of_document(&found, with_id(id.as_str(), found.json())))
}

fn no_such_connector(id: &str) -> ApiError {
    let reason = format!("Connector with id '{id}' does not exist.");
    ApiError::of(404, Cause::new("resource_not_found_exception", reason))
}

impl From<InvalidTransition> for ApiError {
    fn from(refusal: InvalidTransition) -> Self {
        let reason = refusal.to_string();
        let kind = "connector_sync_job_invalid_status_transition_exception";
        Cause::new("status_exception", &reason).caused_by(Cause::new(kind, reason)).into()
    }
}
