//! Watching, as far as the Worker has to do with it: who may, and what the Directory is told of them.
//! What the Directory does about it is in objects/directory/live.rs.

use serde_json::Value;
use worker::console_error;

use super::message::{self, Origin};
use super::new_id;
use super::runtime::{Incoming, now_millis};
use crate::api::{ApiError, Caller, Response, Ticket, Watch};
use crate::connector::Fields;
use crate::values::json::{self, Members};

/// How long somebody whom only a cluster or Cloudflare Access knows may watch before they have to come
/// back.
const KNOWN_ELSEWHERE_MS: u64 = 10 * 60_000;

/// A ticket for somebody who cannot show a key later.
///
/// # Errors
/// 500 if there is no chance to be had.
pub(super) fn ticket(caller: &Caller, root: &str) -> Result<Response, ApiError> {
    let nonce = new_id().ok_or_else(|| {
        console_error!("a ticket cannot be made");
        ApiError::internal()
    })?;
    Ok(caller.ticket(&nonce, root, now_millis()))
}

/// Somebody who wants to watch, as the Directory is told.
#[derive(Debug, Default)]
pub(super) struct Watcher {
    /// What they want to see, and may.
    pub watch: Watch,
    /// When that ends, in milliseconds since 1970.
    pub expires: Option<u64>,
    /// What their key allows: see `Caller::fingerprint`.
    pub fingerprint: Option<String>,
    /// The ticket that they come with: what no other has, and when it ends.
    pub ticket: Option<(String, u64)>,
    /// Where the request comes from.
    pub origin: Origin,
}

/// What the Directory is told of somebody who has been let in.
pub(super) fn message(
    incoming: &Incoming,
    watch: &Watch,
    caller: &Caller,
    request_id: Option<&str>,
) -> Result<String, String> {
    let ticket = match incoming.authorization.is_empty() {
        true => Ticket::of(&incoming.request).and_then(Result::ok),
        false => None,
    };
    let text = |number: u64| number.to_string();
    // Neither can be asked without the credentials, and those are not kept.
    let expires = match caller.is_external() {
        true => Some(now_millis() + KNOWN_ELSEWHERE_MS),
        false => caller.expiration(),
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
        // What may be seen is not guessed at: patterns that cannot be read cover nothing.
        let patterns = fields.get("patterns").map(|all| {
            let all = all.as_str().and_then(|all| serde_json::from_str(all).ok());
            all.unwrap_or_default()
        });
        let number = |value: Option<&Value>| value.and_then(Value::as_str)?.parse().ok();
        let since = number(fields.get("since"));
        let expires = number(fields.get("expires"));
        let until = number(fields.get("ticket_until"));
        let mut given = |name| message::text(&mut fields, name);
        Self {
            watch: Watch { id: given("id"), since, connectors: patterns },
            expires,
            fingerprint: given("fingerprint"),
            ticket: given("ticket").zip(until),
            origin: Origin { by: given("by"), request_id: given("request_id") },
        }
    }
}
