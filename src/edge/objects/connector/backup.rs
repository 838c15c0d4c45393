//! The connector as a whole, out of its object and back in.

use std::rc::Rc;

use serde_json::{Value, json};
use worker::console_error;

use super::{Loaded, Object, Record, Unavailable};
use crate::api::{self, ApiError, Backup, Response, Saved, SavedConnector, already_there};
use crate::connector::Connector;
use crate::edge::outbox;
use crate::edge::runtime::{JsError, describe};
use crate::limits::BODY_BYTES;

/// Jobs are given in parts of about this many characters.
const PART: usize = BODY_BYTES;

impl Object {
    /// Saves the connector, puts it back, or has the Directory told anew.
    pub(super) async fn carry_out_backup(
        self: &Rc<Self>,
        backup: Backup,
    ) -> Result<Response, ApiError> {
        let id = backup.id().unwrap_or_default();
        self.load(id).await.map_err(|Unavailable| ApiError::unavailable("Workers KV"))?;
        match backup {
            Backup::Ids { .. } => Err(ApiError::internal()),
            Backup::Show { id, after } => self.save(&id, after.as_deref()),
            Backup::Restore { id, overwrite, saved } => self.restore(&id, overwrite, *saved).await,
            Backup::Reindex { id } => self.reindex(&id).await,
            Backup::Rewind { id, to } => {
                match self.state.rewind(to.unix_millis().unwrap_or_default()).await {
                    Ok(()) => Ok(Response::json(200, &json!({ "id": id, "result": "updated" }))),
                    Err(thrown) => Err(api::no_rewind(&describe(&thrown))),
                }
            }
        }
    }

    fn save(&self, id: &str, after: Option<&str>) -> Result<Response, ApiError> {
        let failed = |thrown: JsError| failed(id, "saved", &thrown);
        let jobs = match self.has_jobs() {
            true => self.store.saved_jobs(after.unwrap_or_default(), PART).map_err(failed)?,
            false => "\"jobs\":[]".to_owned(),
        };
        if after.is_some() {
            return Ok(api::show_backup(id, None, &jobs));
        }
        self.with_record(|record| {
            let record = record.ok_or_else(|| ApiError::not_found(id))?;
            let history = self.store.saved_history().map_err(failed)?;
            let document = record.document.as_ref().map(|document| document.json());
            let connector = (record.version, record.edited, document, history.as_str());
            Ok(api::show_backup(id, Some(connector), &jobs))
        })
    }

    async fn restore(
        self: &Rc<Self>,
        id: &str,
        overwrite: bool,
        saved: Saved,
    ) -> Result<Response, ApiError> {
        let Saved { connector, jobs } = saved;
        let index = connector.as_ref().and_then(|saved| saved.document.as_ref()?.held_index());
        let claim = match index.filter(|index| !self.has_committed(index)) {
            Some(index) => {
                self.check_restoration(id, overwrite, connector.as_ref())?;
                Some(self.claim(id, index.to_owned()).await?)
            }
            None => None,
        };
        let result = self.commit_restoration(id, overwrite, connector, jobs)?;
        if let (Some(claim), true) = (claim, result != "noop") {
            claim.settle();
        }
        outbox::restored(self).await;
        Ok(Response::json(200, &json!({ "id": id, "result": result })))
    }

    /// What a restoration comes to with the connector as it is: `None` if this very state has been put
    /// back already, as it has where somebody starts over after half of the work.
    fn check_restoration(
        &self,
        id: &str,
        overwrite: bool,
        saved: Option<&SavedConnector>,
    ) -> Result<Option<&'static str>, ApiError> {
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

    /// Not an `async fn`, and so without an `await`.
    fn commit_restoration(
        self: &Rc<Self>,
        id: &str,
        overwrite: bool,
        saved: Option<SavedConnector>,
        jobs: Vec<Value>,
    ) -> Result<&'static str, ApiError> {
        let result = self.check_restoration(id, overwrite, saved.as_ref())?;
        let there = self.with_record(|record| record.map(Record::newest_version));
        let mut row = json!({ "id": id, "has_connector": false, "erases_jobs": false });
        let mut document = None;
        let mut history = Vec::new();
        if let (Some(_), Some(saved)) = (result, saved) {
            // Over one that is there it is a change like any other, with a version of its own.
            let version = there.map_or(saved.version, |newest| newest.max(saved.version) + 1);
            row = json!({
                "id": id,
                "has_connector": true,
                "erases_jobs": there.is_some() && self.has_jobs(),
                "version": version,
                "edited": if there.is_some() { version } else { saved.edited },
                "floor": saved.floor().max(version),
            });
            document = saved.document.as_ref().map(Connector::to_json);
            history = saved.history;
        }
        let text = |list: Vec<Value>| Value::from(list).to_string();
        let written =
            self.store.restore(&row.to_string(), document.as_deref(), &text(history), &text(jobs));
        // Read anew, whether it was written or not.
        self.loaded.replace(Loaded::Unread);
        let read = written.and_then(|()| self.read_store());
        read.map_err(|thrown| failed(id, "put back", &thrown))?;
        if result.is_some() {
            outbox::webhook::restored(self);
        }
        Ok(result.unwrap_or("noop"))
    }

    async fn reindex(self: &Rc<Self>, id: &str) -> Result<Response, ApiError> {
        if self.with_record(|record| record.is_none()) {
            return Err(ApiError::not_found(id));
        }
        let failed = |thrown: JsError| failed(id, "told anew", &thrown);
        self.store.reindex(self.has_jobs()).map_err(failed)?;
        self.move_cursors(|cursors| cursors.directory = 0);
        if self.has_jobs() {
            self.reload_jobs();
        }
        self.outbox.tell_anew();
        outbox::restored(self).await;
        if outbox::directory::is_behind(self) {
            return Err(ApiError::unavailable("the Directory"));
        }
        Ok(Response::json(200, &json!({ "id": id, "result": "updated" })))
    }
}

fn failed(id: &str, what: &str, thrown: &JsError) -> ApiError {
    console_error!("connector [{id}] cannot be {what}: {}", describe(thrown));
    ApiError::internal()
}
