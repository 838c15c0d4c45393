//! Tickets for WebSockets. A browser can send credentials with a WebSocket only in its URL, which ends up in
//! logs. So the page uses its key to get a ticket and sends that instead. A ticket works once, within 30
//! seconds.
//!
//! Tickets are signed, not stored: a forged one is rejected without calling a Durable Object. The key is
//! read again when its ticket is used. The Directory makes sure that each ticket is used only once.
//!
//! Keys and users of a cluster get no tickets, because the hash of their secret isn't known here. Clients
//! that can send credentials with the WebSocket don't need one; the console polls instead.

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::access::{AuthError, Caller, Credentials, Key};
use super::query::Query;
use super::route::{ConnectorRoute, Route, route};
use super::{Request, Response};
use crate::values::Time;

/// How long a ticket is valid, in milliseconds.
pub const TICKET_LIFE_MS: u64 = 30_000;
/// The query parameter that holds a ticket.
pub(super) const PARAMETER: &str = "ticket";
/// The greatest length of a ticket.
const MAX_LENGTH: usize = 512;

/// A ticket sent with a request. Its signature isn't verified yet.
pub struct Ticket {
    /// The id of the key that it was issued for.
    pub key: String,
    /// Unique to this ticket.
    pub nonce: String,
    /// When it expires, in milliseconds since 1970.
    pub until: u64,
    signed: String,
    signature: Vec<u8>,
}

impl Ticket {
    /// The ticket of a request to watch, if it has one. A malformed ticket is an error.
    pub fn of(request: &Request) -> Option<Result<Self, AuthError>> {
        let (_, query) = request.target.split_once('?')?;
        if !query.contains(PARAMETER)
            || !matches!(
                route(&request.method, &request.target),
                Ok(Route::Connectors(ConnectorRoute::Watch))
            )
        {
            return None;
        }
        let text = Query::parse(query).ok()?.text(PARAMETER)?;
        Some(Self::read(&text).ok_or_else(|| AuthError::rejected("malformed ticket", None)))
    }

    fn read(text: &str) -> Option<Self> {
        if text.len() > MAX_LENGTH {
            return None;
        }
        let (signed, signature) = text.split_once('.')?;
        let signature = Base64UrlUnpadded::decode_vec(signature).ok()?;
        let plain = String::from_utf8(Base64UrlUnpadded::decode_vec(signed).ok()?).ok()?;
        let mut parts = plain.splitn(3, '.');
        let (nonce, until, key) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self {
            key: key.to_owned(),
            nonce: nonce.to_owned(),
            until: until.parse().ok()?,
            signed: signed.to_owned(),
            signature,
        })
    }

    /// The caller, if this is a ticket of the root key. `root` is `id:secret`. An expired ticket is an error.
    pub fn open_root(&self, root: &str, now: u64) -> Option<Result<Caller, AuthError>> {
        let caller = Credentials::of_root(root).filter(|key| key.id() == self.key)?.into_root();
        let (_, secret) = caller.key()?;
        let is_signed = self.is_signed_with(secret, root);
        is_signed.then(|| self.check_time(now).map(|()| caller))
    }

    /// The caller, if the signature is right. `stored` is the key stored under the ticket's key id, if there
    /// is one. `root` is `id:secret` of the root key, or empty.
    ///
    /// # Errors
    /// 401 if the signature is wrong, or if the ticket or its key has expired.
    pub fn open(&self, stored: Option<&Key>, root: &str, now: u64) -> Result<Caller, AuthError> {
        let none = Key::placeholder();
        let is_signed = self.is_signed_with(stored.unwrap_or(&none).secret_sha256(), root);
        match stored {
            None => Err(AuthError::rejected("ticket of an unknown key", None)),
            Some(_) if !is_signed => {
                Err(AuthError::rejected("ticket with a wrong signature", Some(&self.key)))
            }
            Some(key) => {
                self.check_time(now)?;
                key.caller(&self.key, now)
            }
        }
    }

    fn check_time(&self, now: u64) -> Result<(), AuthError> {
        if now < self.until {
            Ok(())
        } else {
            Err(AuthError::rejected("ticket out of date", Some(&self.key)))
        }
    }

    fn is_signed_with(&self, secret_sha256: &[u8], root: &str) -> bool {
        signer(secret_sha256, root, &self.signed)
            .is_some_and(|signer| signer.verify_slice(&self.signature).is_ok())
    }
}

impl Caller {
    /// The response with a ticket for the caller. `nonce` must be unique; `root` is `id:secret` of the root
    /// key, or empty. The ticket is `null` for callers without a key of this service.
    pub fn ticket(&self, nonce: &str, root: &str, now: u64) -> Response {
        let until = now + TICKET_LIFE_MS;
        let ticket = self.key().and_then(|(id, secret_sha256)| {
            let plain = format!("{nonce}.{until}.{id}");
            let signed = Base64UrlUnpadded::encode_string(plain.as_bytes());
            let signature = signer(secret_sha256, root, &signed)?.finalize().into_bytes();
            Some(format!("{signed}.{}", Base64UrlUnpadded::encode_string(&signature)))
        });
        let expires = ticket.is_some().then(|| Time::from_millis(until).to_string());
        Response::json(200, &serde_json::json!({ "ticket": ticket, "expires": expires }))
    }
}

/// Tickets are signed with the hash of the key's secret and with the root key, so that read access to the
/// namespace of keys is not enough to forge one.
fn signer(secret_sha256: &[u8], root: &str, signed: &str) -> Option<Hmac<Sha256>> {
    let mut key = secret_sha256.to_vec();
    key.extend_from_slice(root.as_bytes());
    // HMAC accepts keys of any length.
    Some(Hmac::new_from_slice(&key).ok()?.chain_update(signed))
}
