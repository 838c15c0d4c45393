//! How many writes a caller is granted, where that is set up.

use worker::{Env, console_error};

use super::runtime::{Incoming, RawRequest, client_address};
use super::settings::WRITES;
use crate::api::{Admitted, AuthError};

/// Counts a write.
///
/// # Errors
/// 429 if the caller has written too often.
pub(super) async fn check(
    admitted: &Admitted,
    incoming: &Incoming,
    raw: &RawRequest,
    env: &Env,
) -> Result<(), AuthError> {
    if !incoming.settings.counts_writes || !admitted.intent().writes() {
        return Ok(());
    }
    let name = match admitted.caller().key_id() {
        Some(id) => format!("key:{id}"),
        None => format!("address:{}", client_address(raw)),
    };
    let counted = match env.rate_limiter(WRITES) {
        Ok(limiter) => limiter.limit(name).await,
        Err(error) => Err(error),
    };
    match counted {
        Ok(outcome) if outcome.success => Ok(()),
        Ok(_) => Err(AuthError::too_many(admitted.caller())),
        // A counter that is away is no reason to turn writers away.
        Err(error) => {
            console_error!("{WRITES} does not count: {error}");
            Ok(())
        }
    }
}
