//! Signing messages, and what to do after an attempt to send one.

use base64ct::{Base64, Encoding};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::settings::Secret;
use super::{Settings, Target};

/// The time limit of an attempt.
pub const TIME_LIMIT_MS: u64 = 15_000;
/// Retries are delayed by up to a twentieth more, so that messages to one target are spread out.
pub(super) const JITTER: u64 = 20;

/// The signatures of a message, separated by spaces: two while a secret is being rotated. `timestamp` is in
/// seconds since 1970.
pub fn sign(target: &Target, id: &str, timestamp: u64, body: &str) -> String {
    let signature = |secret: &Secret| {
        // HMAC accepts keys of any length.
        let signer = Hmac::<Sha256>::new_from_slice(secret.reveal()).ok()?;
        let signature = signer.chain_update(format!("{id}.{timestamp}.")).chain_update(body);
        Some(format!("v1,{}", Base64::encode_string(&signature.finalize().into_bytes())))
    };
    target.secrets.iter().filter_map(signature).collect::<Vec<_>>().join(" ")
}

/// A target's response to a message, or its absence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status; `None`: there was no response.
    pub status: Option<u16>,
    /// Whether the attempt timed out.
    pub is_timeout: bool,
    /// Whether the connection was refused or lost.
    pub is_connection_error: bool,
    pub took_ms: u64,
}

impl Reply {
    pub fn outcome(&self) -> Outcome {
        match self.status {
            Some(200..=299) => Outcome::Delivered,
            Some(410) => Outcome::Gone,
            _ => Outcome::Failed,
        }
    }

    /// The error message; `None` if the message was delivered.
    pub fn problem(&self) -> Option<String> {
        match self.status {
            Some(200..=299) => None,
            Some(410) => Some("answered 410: it wants nothing more".to_owned()),
            Some(status @ 300..=399) => {
                Some(format!("answered {status}: redirects are not followed"))
            }
            Some(status) => Some(format!("answered {status}")),
            None if self.is_timeout => {
                Some(format!("no answer within {} s", TIME_LIMIT_MS / 1_000))
            }
            // The runtime's message may contain the URL, and with it a secret.
            None if self.is_connection_error => {
                Some("no answer: the connection was refused or lost".to_owned())
            }
            None => Some("no answer: nothing can be sent to this address".to_owned()),
        }
    }
}

/// The outcome of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Delivered,
    /// The target returned 410 Gone.
    Gone,
    Failed,
}

/// What to do with a message after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Retry at this time, in milliseconds since 1970.
    Retry(u64),
    /// No more attempts.
    Done(Outcome),
}

impl Next {
    /// `attempts` includes the one that has just ended with this reply.
    pub fn after(
        settings: &Settings,
        id: &str,
        attempts: usize,
        created_at: u64,
        reply: &Reply,
        now: u64,
    ) -> Self {
        match reply.outcome() {
            Outcome::Failed => match next_attempt(settings, id, attempts, created_at, now) {
                Some(at) => Self::Retry(at),
                None => Self::Done(Outcome::Failed),
            },
            outcome => Self::Done(outcome),
        }
    }

    pub const fn at(self) -> Option<u64> {
        match self {
            Self::Retry(at) => Some(at),
            Self::Done(_) => None,
        }
    }

    /// The final state, as shown to users; `None`: it is pending.
    pub const fn state(self) -> Option<&'static str> {
        match self {
            Self::Retry(_) => None,
            Self::Done(Outcome::Delivered) => Some("delivered"),
            Self::Done(Outcome::Gone) => Some("ended"),
            Self::Done(Outcome::Failed) => Some("given_up"),
        }
    }
}

/// When to retry a message that has just failed for the `failures`-th time. `None`: give up. The retry
/// period starts with the message's creation, even if it was pending behind earlier messages.
pub fn next_attempt(
    settings: &Settings,
    id: &str,
    failures: usize,
    created_at: u64,
    now: u64,
) -> Option<u64> {
    let delay = *settings.retries_ms.get(failures.checked_sub(1)?)?;
    let end = created_at + settings.retry_period_ms();
    let share: u64 = id.bytes().fold(failures as u64, |sum, byte| sum * 31 % 997 + u64::from(byte));
    (now <= end).then(|| now + delay + delay / JITTER * (share % 100) / 100)
}
