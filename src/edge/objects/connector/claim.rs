//! Claims an index name from the Directory before a commit.

use std::rc::Rc;
use std::time::Duration;

use worker::console_error;

use super::{Object, Shared};
use crate::api::ApiError;
use crate::edge::message::{self, ClaimReply, UnknownFormat};
use crate::edge::new_id;
use crate::edge::runtime::{claim_index, describe, release_index, timeout};
use crate::protocol::claims::Claim;

/// Timeout for requests to the Directory.
const CLAIM_TIMEOUT: Duration = Duration::from_millis(1_500);

/// A claim held by a request. Dropping it releases the claim, unless it was committed.
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
    /// # Errors
    /// 400 if another connector uses the index, 503 if the Directory cannot decide.
    pub(super) async fn claim(&self, id: &str, index: String) -> Result<OpenClaim, ApiError> {
        let token = new_id().ok_or_else(ApiError::internal)?;
        let claim = Claim { index, id: id.to_owned(), token };
        let message = message::write(&claim).map_err(|_| ApiError::internal())?;
        self.claims.borrow_mut().open(claim.clone());
        // From here on, any failure releases the claim.
        let open = OpenClaim { shared: self.shared.clone(), token: claim.token.clone() };
        let why = match timeout(CLAIM_TIMEOUT, claim_index(&self.env, &message)).await {
            Some(Ok(reply)) => match message::read(&reply) {
                Ok(ClaimReply { granted: Some(true) }) => {
                    self.claims.borrow_mut().grant(&claim.token);
                    return Ok(open);
                }
                Ok(ClaimReply { granted: Some(false) }) => {
                    self.claims.borrow_mut().refuse(&claim.token);
                    return Err(ApiError::index_in_use(&claim.index));
                }
                Ok(ClaimReply { granted: None }) => "the Directory cannot say".to_owned(),
                Err(UnknownFormat) => "the Directory is being updated".to_owned(),
            },
            Some(Err(thrown)) => describe(&thrown),
            None => format!("no answer within {} ms", CLAIM_TIMEOUT.as_millis()),
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
        // If this fails, the Directory detects the stale claim when another connector claims the name.
        self.shared.state.wait_until(async move {
            drop(timeout(CLAIM_TIMEOUT, release_index(&env, &message)).await);
        });
    }
}
