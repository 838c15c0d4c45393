//! The Worker's part of watching: tickets, and the message that describes a watcher to the Directory. The
//! Directory's part is in objects/directory/live.rs.

use serde_json::Value;
use worker::console_error;

use super::message::{self, Requester};
use super::new_id;
use super::runtime::{RequestHead, now_millis};
use crate::api::{ApiError, Caller, Response, Ticket, Watch};
use crate::connector::Fields;
use crate::values::json::{self, Members};

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
#[derive(Debug, Default)]
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
    let text = |number: u64| number.to_string();
    // Checking external callers again takes their credentials, which are not stored.
    let expires = if caller.is_external() {
        Some(now_millis() + EXTERNAL_CALLER_MS)
    } else {
        caller.expiration()
    };
    let patterns = watch.connectors.as_ref().map(json::to_text).transpose()?;
    message::write(&Members(&[
        ("id", watch.id.as_deref()),
        ("since", watch.since.map(text).as_deref()),
        ("patterns", patterns.as_deref()),
        ("expires", expires.map(text).as_deref()),
        ("fingerprint", caller.fingerprint().as_deref()),
        ("ticket", ticket.as_ref().map(|ticket| ticket.nonce.as_str())),
        ("ticket_until", ticket.as_ref().map(|ticket| text(ticket.until)).as_deref()),
        ("by", caller.key_id().as_deref()),
        ("request_id", request_id),
    ]))
}

impl From<Fields> for Watcher {
    fn from(mut fields: Fields) -> Self {
        // Patterns that cannot be read match nothing.
        let patterns = fields.get("patterns").map(|all| {
            let all = all.as_str().and_then(|all| serde_json::from_str(all).ok());
            all.unwrap_or_default()
        });
        let number = |value: Option<&Value>| value.and_then(Value::as_str)?.parse().ok();
        let since = number(fields.get("since"));
        let expires = number(fields.get("expires"));
        let until = number(fields.get("ticket_until"));
        let mut text = |name| message::text(&mut fields, name);
        Self {
            watch: Watch { id: text("id"), since, connectors: patterns },
            expires,
            fingerprint: text("fingerprint"),
            ticket: text("ticket").zip(until),
            requester: Requester { by: text("by"), request_id: text("request_id") },
        }
    }
}
