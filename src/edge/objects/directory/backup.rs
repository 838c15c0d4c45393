//! The pages of ids that a backup iterates over.

use serde_json::json;

use super::{Directory, failed};
use crate::api::{ApiError, Response, show_ids};
use crate::directory::Event;
use crate::edge::runtime::{JsError, now_millis};
use crate::sync_job::SyncJobId;
use crate::values::Time;
use crate::values::sorted::unique;

/// The setting with the time up to which the last complete backup contains every change, in milliseconds since
/// 1970.
pub(super) const LAST_BACKUP: &str = "last_backup";

impl Directory {
    /// A page of the ids of all connectors, sorted, including deleted and erased ones. `changed_since`: only
    /// those that changed, or whose sync jobs changed, after this `seq`. Heartbeats do not count as changes.
    pub(super) fn ids(
        &self,
        after: &str,
        size: usize,
        changed_since: Option<u64>,
    ) -> Result<Response, ApiError> {
        // Writes of jobs do not increment `seq`. Incrementing it here separates later ones from earlier ones.
        if after.is_empty() && changed_since.is_none() {
            self.next_seq().map_err(failed("the number of changes cannot be kept"))?;
        }
        let ids = match changed_since {
            None => self.all_ids(after, size),
            Some(seq) => self.changed_ids(seq, after).map(|mut ids| {
                ids.truncate(size);
                ids
            }),
        };
        let ids = ids.map_err(failed("the ids cannot be read"))?;
        let service = self.service().map_err(failed("this service's identity cannot be kept"))?;
        Ok(show_ids(&service, self.seq.get(), &ids, size))
    }

    /// Records that a backup is complete. It contains every change before `complete_until`, which is capped at
    /// the current time.
    pub(super) fn note_backup(
        &self,
        mut event: Event,
        connectors: u64,
        complete_until: Time,
    ) -> Result<Response, ApiError> {
        event.connectors = Some(connectors);
        let until = complete_until.unix_millis().unwrap_or_default().min(now_millis());
        let noted = self.set(LAST_BACKUP, until.max(self.last_backup.get()));
        noted.map_err(failed("when the last backup was made cannot be kept"))?;
        self.last_backup.set(until.max(self.last_backup.get()));
        self.note(event)?;
        Ok(Response::json(200, &json!({ "result": "updated" })))
    }

    fn all_ids(&self, after: &str, size: usize) -> Result<Vec<String>, JsError> {
        let sql = "SELECT id FROM entry WHERE id > ? ORDER BY id LIMIT ?";
        self.store.column(sql, &[after.into(), (size as u64).into()])
    }

    fn changed_ids(&self, seq: u64, after: &str) -> Result<Vec<String>, JsError> {
        let sql = "SELECT id FROM entry WHERE changed > ? AND id > ?";
        let connectors: Vec<String> = self.store.column(sql, &[seq.into(), after.into()])?;
        let jobs: Vec<String> =
            self.store.column("SELECT id FROM job WHERE seq >= ?", &[seq.into()])?;
        let owners = jobs.iter().filter_map(|job| SyncJobId::parse(job));
        let owners = owners.map(|job| job.connector().to_owned()).filter(|id| id.as_str() > after);
        Ok(unique(connectors.into_iter().chain(owners).collect()))
    }

    /// The identity of this service: a random number, created on first use. It prevents resuming an interrupted
    /// backup from another service.
    fn service(&self) -> Result<String, JsError> {
        if self.identity.get() == 0 {
            let mut bytes = [0; 8];
            getrandom::fill(&mut bytes).map_err(|_| "no randomness is available")?;
            let identity = (u64::from_le_bytes(bytes) >> 12).max(1);
            self.set("identity", identity)?;
            self.identity.set(identity);
        }
        Ok(format!("{:013x}", self.identity.get()))
    }
}
