//! The sync jobs of a connector. They are stored in the connector's object, so their writes are serialized
//! with the connector's.

use worker::console_error;

use super::store::{self, JobRow};
use super::{Object, Record, Shared};
use crate::api::{
    self, ApiError, Commit, Current, Decision, Format, Index, Precondition, Request, Response,
    SyncJobCreation, SyncJobOperation, SyncJobWrite,
};
use crate::edge::message::Requester;
use crate::edge::runtime::{JsError, describe};
use crate::edge::{log, new_id, now, outbox};
use crate::protocol::jobs::{JobChange, JobUpdate, Jobs, PendingJob, Scope};
use crate::secrets::Secrets;
use crate::sync_job::{SyncJob, SyncJobId};
use crate::values::json;

/// A stored job.
pub(in crate::edge) struct JobRecord {
    pub job: SyncJob,
    pub version: u64,
    /// The version of the last change other than to `last_seen`.
    pub edited: u64,
    /// The document's JSON, without the id.
    pub json: String,
}

impl Object {
    pub(super) async fn carry_out_job(
        &self,
        id: &SyncJobId,
        operation: SyncJobOperation,
        request: &Request,
        requester: &Requester,
        secrets: Secrets,
        format: &Format,
    ) -> (Response, Option<String>) {
        // Imports contain no jobs, so there is nothing to adopt.
        if let Err(thrown) = self.read() {
            console_error!("sync job [{id}]: its database cannot be read: {}", describe(&thrown));
            return (format.failure(&ApiError::internal()), None);
        }
        let precondition = Precondition::of(request);
        let write = match operation {
            SyncJobOperation::Write(write) => {
                let written = self.write_job(id, write, &precondition, requester).await;
                return (format.result(written), None);
            }
            read => read,
        };
        let found = match self.job(id.as_str()) {
            Ok(found) => found,
            Err(error) => return (format.failure(&error), None),
        };
        let version = found.as_ref().map(|found| found.version);
        let found = found.as_ref().map(|found| (found.version, secrets.visible(&found.json)));
        let shown = match write {
            SyncJobOperation::Document => {
                Ok(api::show_document(Index::SyncJobs, id.as_str(), found))
            }
            _ => api::show_sync_job(id, found.map(|(_, document)| document)),
        };
        let etag = shown.as_ref().ok().zip(version);
        let etag = etag.map(|(shown, version)| api::etag_of(shown, version));
        if etag.as_deref().is_some_and(|tag| precondition.is_not_modified(tag)) {
            (Response::empty(304), etag)
        } else {
            (format.result(shown), etag)
        }
    }

    pub(super) async fn create_job(
        &self,
        connector: &str,
        creation: SyncJobCreation,
        requester: &Requester,
    ) -> Result<Response, ApiError> {
        self.load(connector).await?;
        let name = new_id().ok_or_else(ApiError::internal)?;
        let id = SyncJobId::new(&name, connector);
        let refreshes = creation.refreshes();
        let decision = self.with_record(|record| {
            let connector = record.and_then(Record::connector);
            api::create_sync_job(&id, creation, connector, now())
        })?;
        self.commit_job(&id, None, decision.commit, Scope::Edit, ("_create", requester))?;
        outbox::job_committed(&self.outbox).await;
        if refreshes && !outbox::flush(&self.outbox).await {
            return Ok(api::unrefreshed(decision.response));
        }
        Ok(decision.response)
    }

    async fn write_job(
        &self,
        id: &SyncJobId,
        write: SyncJobWrite,
        precondition: &Precondition,
        requester: &Requester,
    ) -> Result<Response, ApiError> {
        let refreshes = write.refreshes();
        let (response, scope) = self.decide_and_commit_job(id, write, precondition, requester)?;
        match scope {
            Scope::Nothing => {}
            Scope::Progress => outbox::seen(&self.outbox).await,
            Scope::Edit => outbox::job_committed(&self.outbox).await,
        }
        if refreshes && !outbox::flush(&self.outbox).await {
            return Err(ApiError::unrefreshed(id.as_str()));
        }
        Ok(response)
    }

    /// Reads the job, decides, and commits. Not an `async fn`, so that it cannot await.
    fn decide_and_commit_job(
        &self,
        id: &SyncJobId,
        write: SyncJobWrite,
        precondition: &Precondition,
        requester: &Requester,
    ) -> Result<(Response, Scope), ApiError> {
        let via = write.name();
        let scope = match via {
            "_check_in" | "_stats" => Scope::Progress,
            _ => Scope::Edit,
        };
        let before = self.job(id.as_str())?;
        let current = before.as_ref().map(|before| Current {
            document: &before.job,
            version: before.version,
            recent_values: None,
        });
        let mut decision = self.with_record(|record| {
            let connector = record.and_then(Record::connector);
            api::decide_sync_job(id, write, precondition, current, connector, now())
        })?;
        if decision.off_protocol.is_some() && self.is_strict() {
            decision = decision.strict()?;
        }
        let Decision { commit, response, .. } = decision;
        Ok((response, self.commit_job(id, before, commit, scope, (via, requester))?))
    }

    /// Commits a job as the version after `before`.
    fn commit_job(
        &self,
        id: &SyncJobId,
        before: Option<JobRecord>,
        commit: Commit<SyncJob>,
        scope: Scope,
        (via, requester): (&str, &Requester),
    ) -> Result<Scope, ApiError> {
        if commit == Commit::Nothing {
            return Ok(Scope::Nothing);
        }
        let is_edit = match &commit {
            Commit::Patch(delta) => !delta.touches_only("last_seen"),
            _ => true,
        };
        let (versions, job) = match before {
            Some(before) => (Some((before.version, before.edited)), Some(before.job)),
            None => (None, None),
        };
        let fields = commit.fields();
        let job = commit.apply(job);
        let id = id.as_str();
        let mut jobs = self.jobs.borrow_mut();
        let change = JobChange { before: versions, is_edit, erases: job.is_none(), scope };
        let commit = jobs.commit(id, change);
        let (version, edited, is_pending) = (commit.version, commit.edited, commit.is_recorded);
        let row = JobRow { id, job: job.as_ref(), version, edited, is_pending };
        store::commit_job(&self.database, &row, !jobs.has_tables()).map_err(|thrown| {
            console_error!("sync job [{id}]: commit failed: {}", describe(&thrown));
            ApiError::internal()
        })?;
        if scope != Scope::Progress {
            log::job(id, via, requester, version, &fields);
        }
        jobs.committed(id, commit);
        Ok(scope)
    }
}

impl Shared {
    pub(super) fn job(&self, id: &str) -> Result<Option<JobRecord>, ApiError> {
        self.read_job(id).map_err(|thrown| {
            console_error!("sync job [{id}] cannot be read: {}", describe(&thrown));
            ApiError::internal()
        })
    }

    fn read_job(&self, id: &str) -> Result<Option<JobRecord>, JsError> {
        if self.has_jobs() { store::read_job(&self.database, id) } else { Ok(None) }
    }

    /// Whether the connector has ever had jobs.
    pub(super) fn has_jobs(&self) -> bool {
        self.jobs.borrow().has_tables()
    }

    /// Call after jobs were written in bulk.
    pub(super) fn reload_jobs(&self) {
        match store::pending_jobs(&self.database) {
            Ok(pending) => drop(self.jobs.replace(Jobs::with_pending(pending))),
            Err(thrown) => console_error!("jobs cannot be read: {}", describe(&thrown)),
        }
    }

    pub(in crate::edge) fn has_pending_jobs(&self) -> bool {
        self.jobs.borrow().has_pending()
    }

    /// The first pending jobs, as updates for the Directory.
    pub(in crate::edge) fn pending_jobs(
        &self,
        limit: usize,
    ) -> Result<Vec<JobUpdate<Option<JobRecord>>>, JsError> {
        let pending: Vec<_> = {
            let jobs = self.jobs.borrow();
            jobs.pending().take(limit).map(|(id, job)| (id.clone(), job)).collect()
        };
        let update = |(id, job): (String, PendingJob)| {
            let record = self.read_job(&id)?;
            let version = record.as_ref().map_or(job.version, |record| record.version);
            let is_open = record.as_ref().is_some_and(|record| !record.job.has_ended());
            Ok(JobUpdate { id, version, record, is_edited: job.is_edited, is_open })
        };
        pending.into_iter().map(update).collect()
    }

    /// Stores which jobs are still pending.
    pub(in crate::edge) fn store_pending_jobs(&self) {
        let ids = {
            let jobs = self.jobs.borrow();
            if !jobs.has_tables() {
                return;
            }
            let ids: Vec<&String> = jobs.pending().map(|(id, _)| id).collect();
            json::to_text(&ids).map_err(JsError::from)
        };
        let stored = ids.and_then(|ids| store::store_pending_jobs(&self.database, &ids));
        if let Err(thrown) = stored {
            console_error!("pending jobs cannot be stored: {}", describe(&thrown));
        }
    }
}
