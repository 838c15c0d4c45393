//! How many writes a caller is granted, where that is set up.

use worker::{Env, console_error};

use super::runtime::Incoming;
use crate::api::{AuthError, Call, Caller};

/// The binding that counts writes. There need not be one.
const WRITES: &str = "WRITE_LIMIT";

/// Counts a write.
///
/// # Errors
/// 429 if the caller has written too often.
pub(super) async fn check(
    caller: &Caller,
    call: &Call,
    incoming: &Incoming,
    env: &Env,
) -> Result<(), AuthError> {
    if !incoming.counts_writes || !call.writes() {
        return Ok(());
    }
    let name = match caller.key_id() {
        Some(id) => format!("key:{id}"),
        None => format!("address:{}", incoming.address),
    };
    let counted = match env.rate_limiter(WRITES) {
        Ok(limiter) => limiter.limit(name).await,
        Err(error) => Err(error),
    };
    match counted {
        Ok(outcome) if outcome.success => Ok(()),
        Ok(_) => Err(AuthError::too_many(caller)),
        // A counter that is away is no reason to turn writers away.
        Err(error) => {
            console_error!("{WRITES} does not count: {error}");
            Ok(())
        }
    }
}
