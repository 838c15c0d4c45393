//! The Worker's part of watching: tickets, and the message that describes a watcher to the Directory. The
//! Directory's part is in objects/directory/live.rs.

use serde::{Deserialize, Serialize};
use worker::console_error;

use super::message::{self, Requester};
use super::new_id;
use super::runtime::{RequestHead, now_millis};
use crate::api::{ApiError, Caller, Response, Ticket, Watch};

/// How long a caller with credentials of the cluster or of Cloudflare Access may watch before authenticating
/// again.
const EXTERNAL_CALLER_MS: u64 = 10 * 60_000;

/// A ticket for opening a WebSocket from a browser, which cannot send an Authorization header with it.
///
/// # Errors
/// 500 if no randomness is available.
pub(super) fn ticket(caller: &Caller, root: &str) -> Result<Response, ApiError> {
    let nonce = new_id().ok_or_else(|| {
        console_error!("a ticket cannot be made");
        ApiError::internal()
    })?;
    Ok(caller.ticket(&nonce, root, now_millis()))
}

/// An authorized request to watch.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Watcher {
    /// What the caller wants to see, limited to what it may see.
    pub watch: Watch,
    /// When the authorization expires, in milliseconds since 1970.
    pub expires: Option<u64>,
    /// What the key allows: see `Caller::fingerprint`.
    pub fingerprint: Option<String>,
    /// The nonce of the ticket, and when it expires.
    pub ticket: Option<(String, u64)>,
    pub requester: Requester,
}

/// The message that describes a watcher to the Directory.
pub(super) fn message(
    head: &RequestHead,
    watch: &Watch,
    caller: &Caller,
    request_id: Option<&str>,
) -> Result<String, String> {
    let ticket = if head.authorization.is_empty() {
        Ticket::of(&head.request).and_then(Result::ok)
    } else {
        None
    };
    // Checking external callers again takes their credentials, which are not stored.
    let expires = if caller.is_external() {
        Some(now_millis() + EXTERNAL_CALLER_MS)
    } else {
        caller.expiration()
    };
    message::write(&Watcher {
        watch: watch.clone(),
        expires,
        fingerprint: caller.fingerprint(),
        ticket: ticket.map(|ticket| (ticket.nonce, ticket.until)),
        requester: Requester { by: caller.key_id(), request_id: request_id.map(str::to_owned) },
    })
}
