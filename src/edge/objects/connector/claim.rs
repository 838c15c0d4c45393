//! Claiming an index name at the Directory, for a write that is about to be committed.

use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;
use worker::console_error;

use super::{Object, Shared};
use crate::api::ApiError;
use crate::edge::message;
use crate::edge::new_id;
use crate::edge::runtime::{claim_index, describe, release_index, timeout};
use crate::protocol::claims::Claim;

/// How long to wait for the Directory.
const LIMIT: Duration = Duration::from_millis(1_500);

/// A claim that the Directory has granted, for as long as the request that made it needs it. Dropped
/// without a commit, it is released.
pub(super) struct OpenClaim {
    shared: Rc<Shared>,
    token: String,
}

impl OpenClaim {
    pub fn token(&self) -> &str {
        &self.token
    }
}

impl Object {
    /// Claims an index name.
    ///
    /// # Errors
    /// 400 if another connector has it, 503 if the Directory cannot say.
    pub(super) async fn claim(&self, id: &str, index: String) -> Result<OpenClaim, ApiError> {
        let token = new_id().ok_or_else(ApiError::internal)?;
        let claim = Claim { index, id: id.to_owned(), token };
        let message = message::write(&claim).map_err(|_| ApiError::internal())?;
        self.claims.borrow_mut().open(claim.clone());
        // From here on it is released if anything fails.
        let open = OpenClaim { shared: self.shared.clone(), token: claim.token.clone() };
        let why = match timeout(LIMIT, claim_index(&self.env, &message)).await {
            Some(Ok(reply)) => match message::parse(&reply) {
                Ok(reply) => match reply.get("granted").and_then(Value::as_bool) {
                    Some(true) => {
                        self.claims.borrow_mut().grant(&claim.token);
                        return Ok(open);
                    }
                    Some(false) => {
                        self.claims.borrow_mut().refuse(&claim.token);
                        return Err(ApiError::index_in_use(&claim.index));
                    }
                    None => "the Directory cannot say".to_owned(),
                },
                Err(message::UnknownFormat) => "the Directory is being updated".to_owned(),
            },
            Some(Err(thrown)) => describe(&thrown),
            None => format!("no answer within {} ms", LIMIT.as_millis()),
        };
        let index = &claim.index;
        console_error!("connector [{id}]: index [{index}] cannot be claimed: {why}");
        Err(ApiError::unavailable("the Directory, which knows who uses an index,"))
    }
}

impl Drop for OpenClaim {
    fn drop(&mut self) {
        let released = self.shared.claims.borrow_mut().abandon(&self.token);
        let Some(Ok(message)) = released.as_ref().map(message::write) else { return };
        let env = self.shared.env.clone();
        // A release that is lost is found out when another connector wants the name.
        self.shared.state.wait_until(async move {
            drop(timeout(LIMIT, release_index(&env, &message)).await);
        });
    }
}
