//! How a message is signed, and what becomes of it.

use base64ct::{Base64, Encoding};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::settings::Secret;
use super::{Settings, Target};

/// A target that takes longer to answer has failed.
pub const TIME_LIMIT_MS: u64 = 15_000;
/// Messages to one target are not repeated all at once: each later by up to this part of the delay.
pub(super) const JITTER: u64 = 20;

/// The signature of a message that is sent at that time, in seconds since 1970. While a secret is
/// replaced there are two.
pub fn sign(target: &Target, id: &str, timestamp: u64, body: &str) -> String {
    let signature = |secret: &Secret| {
        // Secrets of any length are taken.
        let signer = Hmac::<Sha256>::new_from_slice(secret.reveal()).ok()?;
        let signature = signer.chain_update(format!("{id}.{timestamp}.")).chain_update(body);
        Some(format!("v1,{}", Base64::encode_string(&signature.finalize().into_bytes())))
    };
    target.secrets.iter().filter_map(signature).collect::<Vec<_>>().join(" ")
}

/// What came of sending something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status; `None`: nobody has answered.
    pub status: Option<u16>,
    /// Was it too late?
    pub is_late: bool,
    /// Was there a connection, and was it lost?
    pub is_lost: bool,
    /// How long it took.
    pub took_ms: u64,
}

impl Reply {
    /// What it means for the message.
    pub fn outcome(&self) -> Outcome {
        match self.status {
            Some(200..=299) => Outcome::Delivered,
            Some(410) => Outcome::Gone,
            _ => Outcome::Failed,
        }
    }

    /// What is wrong with it, in words.
    pub fn problem(&self) -> Option<String> {
        match self.status {
            Some(200..=299) => None,
            Some(410) => Some("answered 410: it wants nothing more".to_owned()),
            Some(status @ 300..=399) => {
                Some(format!("answered {status}: redirects are not followed"))
            }
            Some(status) => Some(format!("answered {status}")),
            None if self.is_late => Some(format!("no answer within {} s", TIME_LIMIT_MS / 1_000)),
            // What the runtime says may name the address, which may hold a secret.
            None if self.is_lost => {
                Some("no answer: the connection was refused or lost".to_owned())
            }
            None => Some("no answer: nothing can be sent to this address".to_owned()),
        }
    }
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The target has it.
    Delivered,
    /// The target wants nothing more.
    Gone,
    /// It is to be tried again.
    Failed,
}

/// What is to be done with a message after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is tried again at that time, in milliseconds since 1970.
    Again(u64),
    /// It is done with.
    Done(Outcome),
}

impl Next {
    /// After `attempts` attempts, the last of which has just ended with that reply.
    pub fn after(
        settings: &Settings,
        id: &str,
        attempts: usize,
        made: u64,
        reply: &Reply,
        now: u64,
    ) -> Self {
        match reply.outcome() {
            Outcome::Failed => match next_attempt(settings, id, attempts, made, now) {
                Some(at) => Self::Again(at),
                None => Self::Done(Outcome::Failed),
            },
            outcome => Self::Done(outcome),
        }
    }

    /// When it is tried again.
    pub const fn at(self) -> Option<u64> {
        match self {
            Self::Again(at) => Some(at),
            Self::Done(_) => None,
        }
    }

    /// What became of it, as it is shown; `None`: it waits.
    pub const fn state(self) -> Option<&'static str> {
        match self {
            Self::Again(_) => None,
            Self::Done(Outcome::Delivered) => Some("delivered"),
            Self::Done(Outcome::Gone) => Some("ended"),
            Self::Done(Outcome::Failed) => Some("given_up"),
        }
    }
}

/// When a message is tried again that was made at `made` and has failed so many times, the last time
/// just now. `None`: it is given up. One that had to wait for those before it is not tried for
/// longer than they were.
pub fn next_attempt(
    settings: &Settings,
    id: &str,
    failures: usize,
    made: u64,
    now: u64,
) -> Option<u64> {
    let delay = *settings.retries_ms.get(failures.checked_sub(1)?)?;
    let end = made + settings.patience_ms();
    let share: u64 = id.bytes().fold(failures as u64, |sum, byte| sum * 31 % 997 + u64::from(byte));
    (now <= end).then(|| now + delay + delay / JITTER * (share % 100) / 100)
}
