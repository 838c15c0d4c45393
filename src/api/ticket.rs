//! Tickets: a browser cannot send a key with a WebSocket but in its URL, which ends up in logs. So it
//! asks for a ticket first, with its key, and shows that. It is worth nothing a moment later.
//!
//! A ticket is signed rather than kept. So what is no ticket is refused without asking an object, and
//! the key is read anew when the ticket is shown. That each is taken once only, the Directory sees to.
//!
//! Keys and users of a cluster behind the Worker get none: only the cluster knows their secrets, so
//! there is no hash to sign with and nothing to look at anew when the ticket is shown. A client that
//! can send its credentials with the socket watches all the same; a browser asks now and then.

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::access::{AuthError, Caller, Credentials, Key};
use super::query::Query;
use super::route::{ConnectorRoute, Route, route};
use super::{Request, Response};
use crate::values::Time;

/// How long a ticket can be used, in milliseconds.
pub const TICKET_LIFE_MS: u64 = 30_000;
/// Where a ticket is shown.
pub(super) const PARAMETER: &str = "ticket";
/// A longer one is none of ours.
const LIMIT: usize = 512;

/// A ticket as it was shown.
pub struct Ticket {
    /// The id of the key that it is for.
    pub key: String,
    /// What no other ticket has.
    pub nonce: String,
    /// When it ends, in milliseconds since 1970.
    pub until: u64,
    signed: String,
    signature: Vec<u8>,
}

impl Ticket {
    /// The ticket that comes with a request instead of a key, if there is one.
    ///
    /// # Errors
    /// 401 for something that is no ticket.
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
        if text.len() > LIMIT {
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

    /// The caller, if this is a ticket of the root key; `root` is `id:secret`. `None`: it is not one.
    ///
    /// # Errors
    /// 401 if it is out of date.
    pub fn open_root(&self, root: &str, now: u64) -> Option<Result<Caller, AuthError>> {
        let caller = Credentials::of_root(root).filter(|key| key.id() == self.key)?.into_root();
        let (_, secret) = caller.key()?;
        let is_signed = self.is_signed_with(secret, root);
        is_signed.then(|| self.check_time(now).map(|()| caller))
    }

    /// The caller, if this is a ticket of the key that is kept under its id - if there is one.
    /// `root` is `id:secret` of the root key, if there is one.
    ///
    /// # Errors
    /// 401 otherwise, and for a key or a ticket that is out of date.
    pub fn open(&self, kept: Option<&Key>, root: &str, now: u64) -> Result<Caller, AuthError> {
        let none = Key::nobodys();
        let is_signed = self.is_signed_with(kept.unwrap_or(&none).secret_sha256(), root);
        match kept {
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
        match now < self.until {
            true => Ok(()),
            false => Err(AuthError::rejected("ticket out of date", Some(&self.key))),
        }
    }

    fn is_signed_with(&self, secret_sha256: &[u8], root: &str) -> bool {
        signer(secret_sha256, root, &self.signed)
            .is_some_and(|signer| signer.verify_slice(&self.signature).is_ok())
    }
}

impl Caller {
    /// A ticket for the caller, as a response. `nonce` is what no other ticket has; `root` is
    /// `id:secret` of the root key, if there is one. Who has no key needs no ticket.
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

/// Tickets are signed with what is kept of the key's secret, and with the root key: so whoever can
/// read the namespace of keys, and no more, can sign none.
fn signer(secret_sha256: &[u8], root: &str, signed: &str) -> Option<Hmac<Sha256>> {
    let mut key = secret_sha256.to_vec();
    key.extend_from_slice(root.as_bytes());
    // Keys of any length are taken.
    Some(Hmac::new_from_slice(&key).ok()?.chain_update(signed))
}
