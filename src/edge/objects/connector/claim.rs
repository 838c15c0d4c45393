//! Claiming an index name at the Directory, for a write that is about to be committed.

use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;
use worker::console_error;

use super::Object;
use crate::api::ApiError;
use crate::edge::runtime::{claim_index, describe, release_index, timeout};
use crate::edge::{message, new_id};

/// How long to wait for the Directory.
const LIMIT: Duration = Duration::from_millis(1_500);

/// A name that a write not committed yet is going to have. As long as it lives, the object says so
/// when the Directory asks; dropped before it is settled, it is given back.
pub(super) struct Claim {
    object: Rc<Object>,
    index: String,
    token: String,
    message: String,
    is_settled: bool,
}

impl Object {
    /// Claims an index name.
    ///
    /// # Errors
    /// 400 if another connector has it, 503 if the Directory cannot say.
    pub(super) async fn claim(self: &Rc<Self>, id: &str, index: String) -> Result<Claim, ApiError> {
        let token = new_id().ok_or_else(ApiError::internal)?;
        let message = message::write([
            ("index", Some(index.as_str())),
            ("id", Some(id)),
            ("token", Some(&token)),
        ]);
        self.claims.borrow_mut().push(index.clone());
        let mut claim = Claim { object: self.clone(), index, token, message, is_settled: false };
        let index = &claim.index;
        let why = match timeout(LIMIT, claim_index(&self.env, &claim.message)).await {
            Some(Ok(reply)) => match message::parse(&reply) {
                Ok(reply) => match reply.get("granted").and_then(Value::as_bool) {
                    Some(true) => return Ok(claim),
                    Some(false) => {
                        let error = ApiError::index_in_use(index);
                        // There is nothing to give back.
                        claim.is_settled = true;
                        return Err(error);
                    }
                    None => "the Directory cannot say".to_owned(),
                },
                Err(message::UnknownFormat) => "the Directory is being updated".to_owned(),
            },
            Some(Err(thrown)) => describe(&thrown),
            None => format!("no answer within {} ms", LIMIT.as_millis()),
        };
        console_error!("connector [{id}]: index [{index}] cannot be claimed: {why}");
        Err(ApiError::unavailable("the Directory, which knows who uses an index,"))
    }
}

impl Claim {
    /// To be called when the write is committed. The Directory forgets the claim when it is told of
    /// the write, by its token: a late message about the same name must not end a newer claim.
    pub fn settle(mut self) {
        self.is_settled = true;
        let settled = (self.index.clone(), std::mem::take(&mut self.token));
        self.object.settled.borrow_mut().push(settled);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut claims = self.object.claims.borrow_mut();
        if let Some(place) = claims.iter().position(|index| *index == self.index) {
            claims.swap_remove(place);
        }
        if !self.is_settled {
            let (env, message) = (self.object.env.clone(), std::mem::take(&mut self.message));
            // What is not given back now is found out when somebody else wants the name.
            self.object.state.wait_until(async move {
                drop(timeout(LIMIT, release_index(&env, &message)).await);
            });
        }
    }
}
