//! Callers: who sends a request, and what they may do.

use serde_json::{Value, json};

use super::key::fingerprint;
use super::{AuthError, Privilege, everything, security};
use crate::api::error::ApiError;
use crate::api::intent::{Intent, Reach};
use crate::api::{Call, Response};
use crate::budget::{Budget, OverBudget, Purpose};
use crate::directory::matches_any;
use crate::document::Fields;
use crate::secrets::Secrets;
use crate::values::Time;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyName {
    pub id: String,
    pub name: String,
    pub proof: Proof,
}

/// What a secret was compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// The hash that is kept of it.
    Kept([u8; 32]),
    /// A setting; this is its hash.
    Root([u8; 32]),
    /// What a cluster knows.
    Cluster,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Anonymous,
    /// An API key, ours or one of the cluster's.
    Key(KeyName),
    /// A user of the cluster.
    User(String),
    /// Somebody who has signed in by Cloudflare Access: the e-mail address.
    Person(String),
}

/// Somebody who was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub(super) who: Who,
    pub(super) privilege: Privilege,
    pub(super) connectors: Vec<String>,
    /// When the key ends, in milliseconds since 1970.
    pub(super) expiration: Option<u64>,
}

/// For responses: who it is, not the secret.
impl std::fmt::Display for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.who {
            Who::Key(KeyName { id, name, .. }) => write!(f, "API key [{name}] with id [{id}]"),
            Who::User(name) | Who::Person(name) => write!(f, "user [{name}]"),
            Who::Anonymous => f.write_str("anonymous access"),
        }
    }
}

impl Caller {
    /// Somebody without credentials.
    ///
    /// # Errors
    /// 401 if that is not enough to do anything.
    pub fn anonymous(privilege: Privilege, target: &str) -> Result<Self, AuthError> {
        match privilege {
            Privilege::None => Err(AuthError::missing(target)),
            _ => Ok(Self {
                who: Who::Anonymous,
                privilege,
                connectors: everything(),
                expiration: None,
            }),
        }
    }

    /// Somebody who has signed in by Cloudflare Access. `emails`: patterns with commas of those who
    /// are let in; empty: everybody whom Access lets in. `is_own_page`: the request comes from a page
    /// of this very service.
    ///
    /// # Errors
    /// 403 for somebody else, and for a write that another page may have sent: browsers add the
    /// cookie of Access to it of their own accord.
    pub fn signed_in(
        email: &str,
        privilege: Privilege,
        emails: &str,
        method: &str,
        is_own_page: bool,
    ) -> Result<Self, AuthError> {
        let denied = |why, reason| {
            Err(AuthError::of(ApiError::of(403, security(reason)), why, Some(email.to_owned())))
        };
        let patterns: Vec<String> = emails
            .split(',')
            .map(|pattern| pattern.trim().to_ascii_lowercase())
            .filter(|pattern| !pattern.is_empty())
            .collect();
        let mut budget = Budget::new(Purpose::Patterns);
        if !patterns.is_empty()
            && !matches_any(&patterns, &email.to_ascii_lowercase(), &mut budget)?
        {
            let reason = format!(
                "user [{email}] is signed in but not allowed to use this service: no pattern in the \
                 setting [ACCESS_EMAILS] matches the address"
            );
            return denied("e-mail address", reason);
        }
        if !matches!(method, "GET" | "HEAD" | "OPTIONS") && !is_own_page {
            let reason = format!(
                "user [{email}] is signed in with a cookie, so writes are accepted only from this \
                 service's own pages, with their Origin header: programs must send a key"
            );
            return denied("foreign page", reason);
        }
        let who = Who::Person(email.to_owned());
        Ok(Self { who, privilege, connectors: everything(), expiration: None })
    }

    /// Somebody whom a cluster knows: what it answers to `/_security/_authenticate` and to
    /// [`PRIVILEGES_QUESTION`]. `None` if that says not enough.
    pub fn of_cluster(who: &Fields, privileges: &Fields) -> Option<Self> {
        let text = |value: &Value, name| value.get(name)?.as_str().map(str::to_owned);
        let who = match who.get("api_key") {
            Some(key) => {
                let id = text(key, "id")?;
                let name = text(key, "name").unwrap_or_else(|| id.clone());
                Who::Key(KeyName { id, name, proof: Proof::Cluster })
            }
            None => Who::User(who.get("username")?.as_str()?.to_owned()),
        };
        let granted = privileges.get("cluster")?;
        let has = |privilege: Privilege| granted.get(privilege.name())?.as_bool();
        let privilege = match (has(Privilege::Manage)?, has(Privilege::Monitor)?) {
            (true, _) => Privilege::Manage,
            (false, true) => Privilege::Monitor,
            (false, false) => Privilege::None,
        };
        Some(Self { who, privilege, connectors: everything(), expiration: None })
    }

    /// The id of the caller's key, or the user's name or e-mail address.
    pub fn key_id(&self) -> Option<String> {
        match &self.who {
            Who::Anonymous => None,
            Who::Key(key) => Some(key.id.clone()),
            Who::User(name) | Who::Person(name) => Some(name.clone()),
        }
    }

    /// The id of the caller's key and what a ticket of it is signed with, if it is one of ours.
    pub(in crate::api) fn key(&self) -> Option<(&str, &[u8; 32])> {
        match &self.who {
            Who::Key(KeyName { id, proof: Proof::Kept(hash) | Proof::Root(hash), .. }) => {
                Some((id, hash))
            }
            Who::Key(_) | Who::User(_) | Who::Person(_) | Who::Anonymous => None,
        }
    }

    /// Is it somebody whom only a cluster or Cloudflare Access knows?
    pub fn is_known_elsewhere(&self) -> bool {
        self.key().is_none() && self.who != Who::Anonymous
    }

    /// Is it somebody whose browser says of its own accord who they are?
    pub fn is_signed_in(&self) -> bool {
        matches!(self.who, Who::Person(_))
    }

    /// Whether the caller is shown the secrets of documents: those who may change them are, and others if
    /// a setting says so.
    pub fn secrets(&self, shown_to_readers: bool) -> Secrets {
        match shown_to_readers || self.privilege >= Privilege::Manage {
            true => Secrets::Shown,
            false => Secrets::Masked,
        }
    }

    /// When the caller's key ends, in milliseconds since 1970.
    pub fn expiration(&self) -> Option<u64> {
        self.expiration
    }

    /// What the caller's key allows: while it has the same [`Key::fingerprint`], the caller may do
    /// what it may do now. `None`: there is nothing to compare, the settings say who may do what.
    pub fn fingerprint(&self) -> Option<String> {
        let Self { who, privilege, connectors, expiration } = self;
        match who {
            Who::Key(KeyName { proof: Proof::Kept(secret_sha256), .. }) => {
                Some(fingerprint(secret_sha256, *privilege, connectors, *expiration))
            }
            _ => None,
        }
    }

    /// 403 for somebody who watches from a page of another site.
    pub fn foreign_page(&self, origin: &str) -> AuthError {
        let reason = format!(
            "pages from [{origin}] may not watch: to allow them, add the origin to [CORS_ORIGINS]"
        );
        AuthError::of(ApiError::of(403, security(reason)), "foreign page", self.key_id())
    }

    /// 403 for a key of ours where only the cluster behind this service can answer.
    pub fn not_for_cluster(&self) -> AuthError {
        let reason = format!(
            "{self} belongs to this service and is not sent to the cluster that serves this path: \
             use a key of the cluster"
        );
        AuthError::of(ApiError::of(403, security(reason)), "own key for the cluster", self.key_id())
    }

    /// Who the caller is, as Elasticsearch says it; `privilege`, `connectors` and `expires` are ours.
    pub fn describe(&self) -> Response {
        let realm = |name| json!({ "name": name, "type": name });
        let (kind, realm) = match self.who {
            Who::Key(_) => ("api_key", realm("_es_api_key")),
            Who::User(_) => ("realm", realm("_cluster")),
            Who::Person(_) => ("realm", realm("_cloudflare_access")),
            Who::Anonymous => ("anonymous", realm("__anonymous")),
        };
        let email = self.is_signed_in().then(|| self.key_id()).flatten();
        let mut who = json!({
            "username": self.key_id().unwrap_or_else(|| "anonymous".to_owned()),
            "roles": [],
            "full_name": null,
            "email": email,
            "metadata": {},
            "enabled": true,
            "authentication_realm": realm,
            "lookup_realm": realm,
            "authentication_type": kind,
            "privilege": self.privilege.name(),
            "connectors": self.connectors,
            "expires": self.expiration.map(|end| Time::from_millis(end).to_string()),
        });
        if let (Who::Key(KeyName { id, name, .. }), Value::Object(who)) = (&self.who, &mut who) {
            who.insert("api_key".to_owned(), json!({ "id": id, "name": name }));
        }
        Response::json(200, &who)
    }

    /// Lets the caller have what it asks for.
    ///
    /// # Errors
    /// 403 if it may not have it; 401 if it has shown no key and needs one.
    pub fn authorize(self, intent: Intent) -> Result<Admitted, AuthError> {
        let needed = intent.needs();
        if self.privilege < needed {
            return Err(self.denied(&intent.action(), needed));
        }
        let why = match intent.reach() {
            _ if self.is_unlimited() => None,
            Reach::Nothing | Reach::Visible | Reach::InBody => None,
            Reach::One(id) => (!self.covers(&id)?).then(|| format!("[{id}] is not one of them")),
            Reach::Any(why) => Some(why.to_owned()),
        };
        match why {
            Some(why) => Err(self.out_of_bounds(&intent.action(), &why)),
            None => Ok(Admitted { caller: self, intent }),
        }
    }

    /// Is the key for all connectors?
    fn is_unlimited(&self) -> bool {
        self.connectors.iter().any(|pattern| pattern == "*")
    }

    fn covers(&self, connector: &str) -> Result<bool, OverBudget> {
        matches_any(&self.connectors, connector, &mut Budget::new(Purpose::Patterns))
    }

    fn denied(&self, action: &str, needed: Privilege) -> AuthError {
        let reason = format!(
            "action [{action}] is unauthorized for {self}, this action is granted by the privilege \
             [{}]",
            needed.name()
        );
        let status = if self.who == Who::Anonymous { 401 } else { 403 };
        AuthError::of(ApiError::of(status, security(reason)), "privilege", self.key_id())
    }

    fn out_of_bounds(&self, action: &str, why: &str) -> AuthError {
        let reason = format!(
            "action [{action}] is unauthorized for {self}, which is limited to connectors [{}]: {why}",
            self.connectors.join(",")
        );
        AuthError::of(ApiError::of(403, security(reason)), "connector", self.key_id())
    }
}

/// Somebody who may have what the head of their request asks for.
#[derive(Clone, Debug)]
pub struct Admitted {
    caller: Caller,
    intent: Intent,
}

impl Admitted {
    /// Who it is.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// What they were admitted for.
    pub fn intent(&self) -> &Intent {
        &self.intent
    }

    /// What the request asks for, narrowed down to the connectors that the caller's key is for.
    ///
    /// # Errors
    /// 403 for a sync job of another connector: only the body says whose it is.
    pub fn narrow(&self, mut call: Call) -> Result<Call, AuthError> {
        let Self { caller, intent } = self;
        if caller.is_unlimited() {
            return Ok(call);
        }
        let patterns = || Some(caller.connectors.clone());
        match &mut call {
            Call::Watch(watch) => watch.connectors = patterns(),
            Call::Search(search) => search.connectors = patterns(),
            Call::Summary(summary) => summary.ids = patterns(),
            Call::List(list) => list.filter.ids = patterns(),
            Call::CreateSyncJob(id, _) if !caller.covers(id)? => {
                return Err(
                    caller.out_of_bounds(&intent.action(), &format!("[{id}] is not one of them"))
                );
            }
            _ => {}
        }
        Ok(call)
    }
}
