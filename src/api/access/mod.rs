//! Authentication and authorization. Pure: keys and the time are arguments.
//!
//! ```text
//! Authorization --Credentials--> key record --open--> Caller --authorize--> Admitted --narrow--> Call
//! ```
//! Every step but the last needs only the method, path and headers of a request.
//! [`Credentials`] doesn't implement `Debug` or `Display`, so secrets can't be printed by accident.

mod caller;
mod key;

use super::error::{ApiError, Cause};
use crate::budget::OverBudget;

pub use caller::{Admitted, Caller};
pub use key::{Credentials, Key, foreign_fingerprint, sha256};

const MALFORMED: &str = "malformed credentials";
const UNKNOWN_KEY: &str = "unknown key";
const WRONG_SECRET: &str = "wrong secret";

/// The body of a `/_security/user/_has_privileges` request to a cluster.
pub const PRIVILEGES_REQUEST: &str = r#"{"cluster":["manage_connector","monitor_connector"]}"#;

/// What a caller may do. Each privilege includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Privilege {
    None,
    /// May read.
    Monitor,
    /// May read and write.
    Manage,
}

impl Privilege {
    pub fn parse(name: &str) -> Option<Self> {
        [Self::None, Self::Monitor, Self::Manage].into_iter().find(|known| known.name() == name)
    }

    /// The name of Elasticsearch's cluster privilege.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Monitor => "monitor_connector",
            Self::Manage => "manage_connector",
        }
    }
}

/// Why a request was rejected, for the caller and for the log.
#[derive(Clone, Debug, PartialEq)]
pub struct AuthError {
    /// The response.
    pub failure: Box<ApiError>,
    /// The reason, for the log.
    pub why: &'static str,
    /// The id of the key, if it exists.
    pub key: Option<String>,
}

impl AuthError {
    /// 401: no credentials, and anonymous access is off.
    pub fn missing(target: &str) -> Self {
        let reason = format!("missing authentication credentials for REST request [{target}]");
        Self::unauthenticated("no credentials", None, reason)
    }

    /// 401: invalid credentials. The response doesn't say why.
    pub fn rejected(why: &'static str, key: Option<&str>) -> Self {
        let reason = "unable to authenticate with provided credentials and anonymous access is \
                      not allowed for this request";
        Self::unauthenticated(why, key, reason.to_owned())
    }

    /// 421: an anonymous request with an unknown Host header.
    pub fn misdirected(host: &str) -> Self {
        Self::of(ApiError::misdirected(host), "unknown host", None)
    }

    /// 429: the key has exceeded its write rate limit.
    pub fn too_many(caller: &Caller) -> Self {
        let reason = format!("{caller} writes too often: try again later");
        let cause = Cause::new("too_many_requests", reason);
        Self::of(ApiError::of(429, cause), "too many writes", caller.key_id())
    }

    fn unauthenticated(why: &'static str, key: Option<&str>, reason: String) -> Self {
        Self::of(ApiError::of(401, security(reason)), why, key.map(str::to_owned))
    }

    /// Whether the credentials may belong to the cluster instead. If the key exists here and only the secret
    /// is wrong, they don't: a mistyped secret must not be forwarded.
    pub fn is_unknown(&self) -> bool {
        matches!(self.why, MALFORMED | UNKNOWN_KEY)
    }

    pub fn of(failure: ApiError, why: &'static str, key: Option<String>) -> Self {
        Self { failure: Box::new(failure), why, key }
    }
}

impl From<OverBudget> for AuthError {
    fn from(over: OverBudget) -> Self {
        Self::of(over.into(), "patterns take too much work", None)
    }
}

fn security(reason: String) -> Cause {
    Cause::new("security_exception", reason)
}

/// The patterns of a key for all connectors.
fn all_connectors() -> Vec<String> {
    vec!["*".to_owned()]
}

/// The value of Access-Control-Allow-Origin for an origin. `allowed` is a comma-separated list; `*` allows
/// every origin.
pub fn cors_origin<'a>(allowed: &str, origin: &'a str) -> Option<&'a str> {
    let mut allowed = allowed.split(',').map(str::trim).filter(|one| !one.is_empty());
    allowed.find_map(|one| match one {
        "*" => Some("*"),
        _ => (one == origin).then_some(origin),
    })
}
