//! Backs up, restores, reindexes and rewinds a connector.

use worker::console_error;

use super::claim::OpenClaim;
use super::{Attempt, Loaded, Object, Record, store};
use crate::api::{
    self, ApiError, Backup, Commit, Precondition, Response, Saved, SavedConnector, SavedJobs,
    SavedState, already_there,
};
use crate::edge::message::Requester;
use crate::edge::runtime::{JsError, describe};
use crate::edge::{log, outbox};
use crate::limits::BODY_BYTES;
use crate::protocol::claims::Change;
use crate::values::json;

/// The approximate length of a page of jobs.
const JOBS_PAGE_BYTES: usize = BODY_BYTES;
/// How many indices a restore may claim: the connector's own, and those of jobs created while it had another.
const CLAIMS_PER_RESTORATION: usize = 10;

impl Object {
    pub(super) async fn carry_out_backup(
        &self,
        backup: Backup,
        requester: &Requester,
    ) -> Result<Response, ApiError> {
        let id = backup.id().unwrap_or_default();
        self.load(id).await?;
        match backup {
            Backup::Ids { .. } | Backup::Done { .. } => Err(ApiError::internal()),
            Backup::Show { id, after } => self.save(&id, after.as_deref()),
            Backup::Restore { id, overwrite, precondition, saved } => {
                self.restore(&id, overwrite, &precondition, *saved, requester).await
            }
            Backup::Reindex { id } => self.reindex(&id, requester).await,
            Backup::Rewind { id, to } => {
                let Some(to) = to.unix_millis() else {
                    return Err(api::no_rewind("that is before 1970"));
                };
                let impossible = |thrown: JsError| api::no_rewind(&describe(&thrown));
                let bookmark = self.state.bookmark(to).await.map_err(impossible)?;
                // A rewind loses what this object stores, so the Directory must record the event first.
                let event = requester.event("rewind", "_rewind", Some(&id));
                outbox::directory::audit(&self.outbox, &event).await.map_err(|why| {
                    console_error!("connector [{id}] is not taken back: {why}");
                    ApiError::unavailable("the Directory")
                })?;
                log::event(&event);
                self.state.rewind(bookmark).await.map_err(impossible)?;
                Ok(Response::json(200, &serde_json::json!({ "id": id, "result": "updated" })))
            }
        }
    }

    fn save(&self, id: &str, after: Option<&str>) -> Result<Response, ApiError> {
        let failed = |thrown: JsError| failed(id, "saved", &thrown);
        let jobs = if self.has_jobs() {
            store::saved_jobs(&self.database, after.unwrap_or_default(), JOBS_PAGE_BYTES)
                .map_err(failed)?
        } else {
            SavedJobs::default()
        };
        if after.is_some() {
            return Ok(api::show_backup(id, None, &jobs));
        }
        self.with_record(|record| {
            let record = record.ok_or_else(|| ApiError::not_found(id))?;
            let history = store::saved_history(&self.database).map_err(failed)?;
            let edits = store::saved_edits(&self.database).map_err(failed)?;
            let document = record.document.as_ref().map(|document| json::raw(document.json()?));
            let document = document.transpose().map_err(|problem| failed(problem.into()))?;
            let (version, edited) = (record.version, record.edited);
            let state = SavedState { version, edited, document, history, edits };
            Ok(api::show_backup(id, Some(&state), &jobs))
        })
    }

    async fn restore(
        &self,
        id: &str,
        overwrite: bool,
        precondition: &Precondition,
        saved: Saved,
        requester: &Requester,
    ) -> Result<Response, ApiError> {
        let mut claims: Vec<OpenClaim> = Vec::new();
        for _ in 0..CLAIMS_PER_RESTORATION {
            let attempt =
                self.commit_restoration(id, overwrite, precondition, &saved, &claims, requester)?;
            match attempt {
                Attempt::Claim(index) => claims.push(self.claim(id, index).await?),
                Attempt::Done(result) => {
                    outbox::restored(&self.outbox).await;
                    return Ok(Response::json(
                        200,
                        &serde_json::json!({ "id": id, "result": result }),
                    ));
                }
            }
        }
        Err(api::too_many_indices(id, CLAIMS_PER_RESTORATION))
    }

    /// The result of a restore, given the connector's current state. `None`: this state was already restored,
    /// by an earlier attempt that was interrupted.
    fn check_restoration(
        &self,
        id: &str,
        overwrite: bool,
        precondition: &Precondition,
        saved: Option<&SavedConnector>,
    ) -> Result<Option<&'static str>, ApiError> {
        let current_version = self.with_record(|record| record.map(|record| record.version));
        precondition.check_restoration(id, current_version)?;
        let floor = self.with_record(|record| record.map(|record| record.floor));
        match (floor, saved) {
            (None, Some(_)) => Ok(Some("created")),
            (Some(_), Some(_)) if overwrite => Ok(Some("updated")),
            (Some(floor), Some(saved)) if floor == saved.floor() => Ok(None),
            (Some(_), Some(_)) => Err(already_there(id)),
            (Some(floor), None) if floor > 0 => Ok(None),
            (Some(_), None) => Err(already_there(id)),
            (None, None) => Err(ApiError::not_found(id)),
        }
    }

    /// Commits a restore, unless an index must be claimed first. Not an `async fn`, so that it cannot await.
    fn commit_restoration(
        &self,
        id: &str,
        overwrite: bool,
        precondition: &Precondition,
        saved: &Saved,
        claims: &[OpenClaim],
        requester: &Requester,
    ) -> Result<Attempt<&'static str>, ApiError> {
        self.read_row(id)?;
        let Saved { connector, jobs } = saved;
        let result = self.check_restoration(id, overwrite, precondition, connector.as_ref())?;
        let connector = connector.as_ref().filter(|_| result.is_some());
        let commit = connector.map(|saved| match &saved.document {
            Some(document) => Commit::Put(document.clone()),
            None => Commit::Erase,
        });
        let token = match self.claim_for(saved, commit.as_ref(), claims) {
            Ok(token) => token,
            Err(index) => return Ok(Attempt::Claim(index)),
        };
        let current_version = self.with_record(|record| record.map(Record::newest_version));
        let erases_jobs = connector.is_some() && current_version.is_some() && self.has_jobs();
        let mut restored = None;
        if let (Some(saved), Some(commit)) = (connector, commit) {
            // Overwriting a connector is a change like any other, with a new version.
            let (version, edited) = match current_version {
                Some(newest) => (newest.max(saved.version) + 1, newest.max(saved.version) + 1),
                None => (saved.version, saved.edited),
            };
            let mut event = requester.event("restore", "_backup", Some(id));
            event.version = Some(version);
            let pending_events = self.pending_events_with(event.clone());
            let before = match self.loaded.take() {
                Loaded::Found(record) => record.take_connector().1,
                Loaded::Unread | Loaded::Empty => None,
            };
            let succeeded = self.claims.borrow().succeed(before, commit, token.as_deref());
            let successor = match succeeded {
                Ok(successor) => successor,
                Err(index) => return Ok(Attempt::Claim(index)),
            };
            let floor = saved.floor().max(version);
            let (record, token) =
                Record::restored(id, successor, version, edited, floor, pending_events);
            restored = Some((record, saved, token, event));
        }
        let written = store::restore(
            &self.database,
            restored.as_ref().map(|(record, saved, ..)| (record, *saved)),
            jobs,
            erases_jobs,
        );
        // Read the row again, whether or not the restore was written.
        self.loaded.replace(Loaded::Unread);
        written.map_err(|thrown| failed(id, "put back", &thrown))?;
        if let Some((_, _, token, event)) = &restored {
            self.claims.borrow_mut().commit(token.as_deref());
            log::event(event);
        }
        self.read_row(id)?;
        if result.is_some() {
            outbox::webhook::restored(&self.outbox);
        }
        Ok(Attempt::Done(result.unwrap_or("noop")))
    }

    /// The token of the claim for the index that the restored connector takes, if any.
    ///
    /// # Errors
    /// The next index to claim, for the connector or its jobs.
    fn claim_for(
        &self,
        saved: &Saved,
        commit: Option<&Commit>,
        claims: &[OpenClaim],
    ) -> Result<Option<String>, String> {
        self.with_record(|record| {
            let current = record.and_then(Record::connector);
            let after = match commit {
                Some(Commit::Put(document)) => Some(document),
                Some(_) => None,
                None => current,
            };
            let taken = commit.and_then(|commit| commit.taken_index(current));
            let open = self.claims.borrow();
            let granted = |index| {
                let mut tokens = claims.iter().map(OpenClaim::token);
                tokens.find(|token| open.granted_index(token) == Some(index))
            };
            let mut needed = taken.into_iter().chain(saved.foreign_indices(after));
            match needed.find(|index| granted(index).is_none()) {
                Some(missing) => Err(missing.to_owned()),
                None => Ok(taken.and_then(granted).map(str::to_owned)),
            }
        })
    }

    async fn reindex(&self, id: &str, requester: &Requester) -> Result<Response, ApiError> {
        if self.with_record(|record| record.is_none()) {
            return Err(ApiError::not_found(id));
        }
        let failed = |thrown: JsError| failed(id, "sent to the Directory again", &thrown);
        let event = requester.event("reindex", "_reindex", Some(id));
        let pending_events = self.pending_events_with(event.clone());
        store::reindex(&self.database, &pending_events, self.has_jobs()).map_err(failed)?;
        self.change_record(|record| record.pending_events = pending_events);
        log::event(&event);
        if self.has_jobs() {
            self.reload_jobs();
        }
        outbox::force(&self.outbox);
        outbox::restored(&self.outbox).await;
        let (versions, cursors) = self.versions();
        if cursors.is_directory_pending(versions) {
            return Err(ApiError::unavailable("the Directory"));
        }
        Ok(Response::json(200, &serde_json::json!({ "id": id, "result": "updated" })))
    }
}

fn failed(id: &str, what: &str, thrown: &JsError) -> ApiError {
    console_error!("connector [{id}] cannot be {what}: {}", describe(thrown));
    ApiError::internal()
}
