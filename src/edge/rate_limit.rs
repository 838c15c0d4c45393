//! Limits the rate of writes, if there is a binding for it.

use worker::{Env, console_error};

use super::runtime::{RawRequest, RequestHead, client_address};
use super::settings::WRITES;
use crate::api::{Admitted, AuthError};

/// # Errors
/// 429 if the caller exceeds the rate limit for writes.
pub(super) async fn check(
    admitted: &Admitted,
    head: &RequestHead,
    raw: &RawRequest,
    env: &Env,
) -> Result<(), AuthError> {
    if !head.settings.limits_writes || !admitted.intent().writes() {
        return Ok(());
    }
    let client = match admitted.caller().key_id() {
        Some(id) => format!("key:{id}"),
        None => format!("address:{}", client_address(raw)),
    };
    let counted = match env.rate_limiter(WRITES) {
        Ok(limiter) => limiter.limit(client).await,
        Err(error) => Err(error),
    };
    match counted {
        Ok(outcome) if outcome.success => Ok(()),
        Ok(_) => Err(AuthError::too_many(admitted.caller())),
        // Allow writes while the limiter is unavailable.
        Err(error) => {
            console_error!("{WRITES} does not count: {error}");
            Ok(())
        }
    }
}
