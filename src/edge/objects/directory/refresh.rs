//! `_refresh`: later searches include every acknowledged change. See [`crate::protocol::refresh`].

use std::time::Duration;

use serde_json::Value;
use worker::console_error;

use super::{Directory, failed};
use crate::api::{self, ApiError, Response};
use crate::edge::message::{self, FlushReply, UnknownFormat};
use crate::edge::runtime::{describe, flush_connector, join_all, now_millis, timeout};
use crate::protocol::refresh::TooMany;
use crate::sync_job::SyncJobStatus;

/// How long to wait for an object to deliver its pending changes.
const TIMEOUT: Duration = Duration::from_millis(900);

impl Directory {
    /// Makes every object that may have pending changes deliver them.
    ///
    /// # Errors
    /// 503 if one of them fails or there are too many; 500 if the database fails.
    pub(super) async fn refresh(&self) -> Result<Response, ApiError> {
        let unavailable = |why: &str| {
            console_error!("searches cannot be refreshed: {why}");
            ApiError::unavailable("the Directory, which does not have all changes yet,")
        };
        self.open().map_err(|thrown| unavailable(&describe(&thrown)))?;
        let failed = failed("objects with pending changes cannot be found");
        let now = now_millis();
        let mut elsewhere = self.store.lagging().map_err(&failed)?;
        let gap = self.recent.borrow().gap(now);
        if let Some(since) = gap {
            elsewhere.extend(self.store.notified_since(since, &open_statuses()).map_err(&failed)?);
        }
        let ids = self.recent.borrow().to_ask(elsewhere, now);
        let ids = ids.map_err(|TooMany(count)| {
            unavailable(&format!("{count} objects may have pending changes"))
        })?;
        let asked = ids.iter().map(|id| async move {
            let why = match timeout(TIMEOUT, flush_connector(&self.env, id)).await {
                Some(Ok(reply)) => match message::read(&reply) {
                    Ok(FlushReply { is_notified: true }) => return None,
                    Ok(_) => "it cannot deliver its changes".to_owned(),
                    Err(UnknownFormat) => "it is being updated".to_owned(),
                },
                Some(Err(thrown)) => describe(&thrown),
                None => format!("no answer within {} ms", TIMEOUT.as_millis()),
            };
            Some(format!("connector [{id}]: {why}"))
        });
        match join_all(asked).await.into_iter().flatten().next() {
            Some(why) => Err(unavailable(&why)),
            None => Ok(api::refreshed()),
        }
    }
}

/// The statuses of unfinished jobs, as JSON.
fn open_statuses() -> Value {
    let is_open = |status: &&SyncJobStatus| !status.next().is_empty();
    SyncJobStatus::ALL.iter().filter(is_open).map(|status| status.name()).collect()
}
