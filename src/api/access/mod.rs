//! Who may do what. Pure: keys and the time are handed in.
//!
//! ```text
//! Authorization --Credentials--> key record --open--> Caller --authorize--> Admitted --narrow--> Call
//! ```
//! All but the last step needs the head of a request alone.
//! Nothing here prints a secret: [`Credentials`] cannot be formatted.

mod caller;
mod key;

use super::error::{ApiError, Cause};
use crate::budget::OverBudget;

pub use caller::{Admitted, Caller};
pub use key::{Credentials, Key, foreign_fingerprint, sha256};

const MALFORMED: &str = "malformed credentials";
const UNKNOWN_KEY: &str = "unknown key";
const WRONG_SECRET: &str = "wrong secret";

/// What a cluster is asked about somebody, at `/_security/user/_has_privileges`.
pub const PRIVILEGES_QUESTION: &str = r#"{"cluster":["manage_connector","monitor_connector"]}"#;

/// What a caller may do. Each includes the ones before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Privilege {
    /// Nothing.
    None,
    /// Read.
    Monitor,
    /// Write.
    Manage,
}

impl Privilege {
    /// Finds a privilege by its name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::None, Self::Monitor, Self::Manage].into_iter().find(|known| known.name() == name)
    }

    /// Its name, as Elasticsearch calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Monitor => "monitor_connector",
            Self::Manage => "manage_connector",
        }
    }
}

/// Why somebody is not let in: what the caller is told, and what the log is told.
#[derive(Clone, Debug, PartialEq)]
pub struct AuthError {
    /// What the caller is told.
    pub failure: Box<ApiError>,
    /// For the log.
    pub why: &'static str,
    /// The id of the key, if there is one of that id.
    pub key: Option<String>,
}

impl AuthError {
    /// 401: no credentials, and none are needed only where anonymous access is on.
    pub fn missing(target: &str) -> Self {
        let reason = format!("missing authentication credentials for REST request [{target}]");
        Self::unauthenticated("no credentials", None, reason)
    }

    /// 401: credentials that open nothing. The response does not say why.
    pub fn rejected(why: &'static str, key: Option<&str>) -> Self {
        let reason = "unable to authenticate with provided credentials and anonymous access is \
                      not allowed for this request";
        Self::unauthenticated(why, key, reason.to_owned())
    }

    /// 421: an anonymous request for a host that is not known to be this service.
    pub fn misdirected(host: &str) -> Self {
        Self::of(ApiError::misdirected(host), "unknown host", None)
    }

    /// 429: more writes than the key is granted.
    pub fn too_many(caller: &Caller) -> Self {
        let reason = format!("{caller} writes too often: try again later");
        let cause = Cause::new("too_many_requests", reason);
        Self::of(ApiError::of(429, cause), "too many writes", caller.key_id())
    }

    fn unauthenticated(why: &'static str, key: Option<&str>, reason: String) -> Self {
        Self::of(ApiError::of(401, security(reason)), why, key.map(str::to_owned))
    }

    /// Are these credentials none of ours, so that somebody else may know them? A wrong secret of a key
    /// of ours is ours: it may be another key's, or nearly right.
    pub fn is_unknown(&self) -> bool {
        matches!(self.why, MALFORMED | UNKNOWN_KEY)
    }

    /// A denial with that response.
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
fn everything() -> Vec<String> {
    vec!["*".to_owned()]
}

/// The value of Access-Control-Allow-Origin for a page of that origin. `allowed` is a list with
/// commas; `*` lets every page in.
pub fn cors_origin<'a>(allowed: &str, origin: &'a str) -> Option<&'a str> {
    let mut allowed = allowed.split(',').map(str::trim).filter(|one| !one.is_empty());
    allowed.find_map(|one| match one {
        "*" => Some("*"),
        _ => (one == origin).then_some(origin),
    })
}
