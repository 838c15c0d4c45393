//! Callers: who sends a request and what they may do.

use serde_json::{Value, json};

use super::key::fingerprint;
use super::{AuthError, Privilege, all_connectors, security};
use crate::api::error::ApiError;
use crate::api::intent::{Intent, Scope};
use crate::api::{Call, Response};
use crate::budget::{Budget, OverBudget, Purpose};
use crate::directory::matches_any;
use crate::document::Fields;
use crate::secrets::Secrets;
use crate::values::Time;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyIdentity {
    pub id: String,
    pub name: String,
    pub source: KeySource,
}

/// Where a key is known, with the SHA-256 of its secret if it is one of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum KeySource {
    /// The namespace of keys.
    Stored([u8; 32]),
    /// The setting that holds the root key.
    Root([u8; 32]),
    /// The cluster behind this service.
    Cluster,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    Anonymous,
    /// An API key, ours or the cluster's.
    Key(KeyIdentity),
    /// A user of the cluster, by name.
    ClusterUser(String),
    /// A person signed in through Cloudflare Access, by e-mail address.
    AccessUser(String),
}

/// An authenticated (or anonymous) caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub(super) identity: Identity,
    pub(super) privilege: Privilege,
    pub(super) connectors: Vec<String>,
    /// When the key expires, in milliseconds since 1970.
    pub(super) expiration: Option<u64>,
}

impl std::fmt::Display for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.identity {
            Identity::Key(KeyIdentity { id, name, .. }) => {
                write!(f, "API key [{name}] with id [{id}]")
            }
            Identity::ClusterUser(name) | Identity::AccessUser(name) => write!(f, "user [{name}]"),
            Identity::Anonymous => f.write_str("anonymous access"),
        }
    }
}

impl Caller {
    /// A caller without credentials. Rejected with 401 if anonymous access is off.
    pub fn anonymous(privilege: Privilege, target: &str) -> Result<Self, AuthError> {
        match privilege {
            Privilege::None => Err(AuthError::missing(target)),
            _ => Ok(Self {
                identity: Identity::Anonymous,
                privilege,
                connectors: all_connectors(),
                expiration: None,
            }),
        }
    }

    /// A caller signed in through Cloudflare Access. `emails` is a comma-separated list of patterns for the
    /// allowed addresses; empty allows everyone whom Access admits. `is_own_page` says whether the request
    /// comes from a page of this service.
    ///
    /// # Errors
    /// 403 if no pattern matches, and for writes from other pages: browsers attach the Access cookie to
    /// those too (CSRF).
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
        let identity = Identity::AccessUser(email.to_owned());
        Ok(Self { identity, privilege, connectors: all_connectors(), expiration: None })
    }

    /// A caller that the cluster has authenticated, from its responses to `/_security/_authenticate` and to
    /// [`PRIVILEGES_REQUEST`](super::PRIVILEGES_REQUEST). `None` if these are incomplete.
    pub fn of_cluster(who: &Fields, privileges: &Fields) -> Option<Self> {
        let text = |value: &Value, name| value.get(name)?.as_str().map(str::to_owned);
        let identity = match who.get("api_key") {
            Some(key) => {
                let id = text(key, "id")?;
                let name = text(key, "name").unwrap_or_else(|| id.clone());
                Identity::Key(KeyIdentity { id, name, source: KeySource::Cluster })
            }
            None => Identity::ClusterUser(who.get("username")?.as_str()?.to_owned()),
        };
        let granted = privileges.get("cluster")?;
        let has = |privilege: Privilege| granted.get(privilege.name())?.as_bool();
        let privilege = match (has(Privilege::Manage)?, has(Privilege::Monitor)?) {
            (true, _) => Privilege::Manage,
            (false, true) => Privilege::Monitor,
            (false, false) => Privilege::None,
        };
        Some(Self { identity, privilege, connectors: all_connectors(), expiration: None })
    }

    /// The id of the caller's key, the user's name, or the e-mail address.
    pub fn key_id(&self) -> Option<String> {
        match &self.identity {
            Identity::Anonymous => None,
            Identity::Key(key) => Some(key.id.clone()),
            Identity::ClusterUser(name) | Identity::AccessUser(name) => Some(name.clone()),
        }
    }

    /// The id of the caller's key and the SHA-256 of its secret, if it is one of ours.
    pub(in crate::api) fn key(&self) -> Option<(&str, &[u8; 32])> {
        match &self.identity {
            Identity::Key(KeyIdentity {
                id,
                source: KeySource::Stored(hash) | KeySource::Root(hash),
                ..
            }) => Some((id, hash)),
            Identity::Key(_)
            | Identity::ClusterUser(_)
            | Identity::AccessUser(_)
            | Identity::Anonymous => None,
        }
    }

    /// Whether the cluster or Cloudflare Access authenticated the caller.
    pub fn is_external(&self) -> bool {
        self.key().is_none() && self.identity != Identity::Anonymous
    }

    /// Whether the caller is signed in through Cloudflare Access: then the browser sends the credentials with
    /// every request by itself.
    pub fn is_signed_in(&self) -> bool {
        matches!(self.identity, Identity::AccessUser(_))
    }

    /// Whether the caller sees the secrets in documents. Callers who may write do; `shown_to_readers` is the
    /// setting for the others.
    pub fn secrets(&self, shown_to_readers: bool) -> Secrets {
        if shown_to_readers || self.privilege >= Privilege::Manage {
            Secrets::Shown
        } else {
            Secrets::Masked
        }
    }

    /// When the caller's key expires, in milliseconds since 1970.
    pub fn expiration(&self) -> Option<u64> {
        self.expiration
    }

    /// A hash of what the caller's key allows. While it equals [`Key::fingerprint`](super::Key::fingerprint),
    /// the key hasn't changed. `None` if the caller has no stored key.
    pub fn fingerprint(&self) -> Option<String> {
        let Self { identity, privilege, connectors, expiration } = self;
        match identity {
            Identity::Key(KeyIdentity { source: KeySource::Stored(secret_sha256), .. }) => {
                Some(fingerprint(secret_sha256, *privilege, connectors, *expiration))
            }
            _ => None,
        }
    }

    /// 403: a page of another site tried to open the WebSocket.
    pub fn foreign_page(&self, origin: &str) -> AuthError {
        let reason = format!(
            "pages from [{origin}] may not watch: to allow them, add the origin to [CORS_ORIGINS]"
        );
        AuthError::of(ApiError::of(403, security(reason)), "foreign page", self.key_id())
    }

    /// 403: a key of ours was used for a path that is forwarded to the cluster.
    pub fn not_for_cluster(&self) -> AuthError {
        let reason = format!(
            "{self} belongs to this service and is not sent to the cluster that serves this path: \
             use a key of the cluster"
        );
        AuthError::of(ApiError::of(403, security(reason)), "own key for the cluster", self.key_id())
    }

    /// The response to `GET /_security/_authenticate`. `privilege`, `connectors` and `expires` are additions
    /// of this API.
    pub fn describe(&self) -> Response {
        let realm = |name| json!({ "name": name, "type": name });
        let (kind, realm) = match self.identity {
            Identity::Key(_) => ("api_key", realm("_es_api_key")),
            Identity::ClusterUser(_) => ("realm", realm("_cluster")),
            Identity::AccessUser(_) => ("realm", realm("_cloudflare_access")),
            Identity::Anonymous => ("anonymous", realm("__anonymous")),
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
        if let (Identity::Key(KeyIdentity { id, name, .. }), Value::Object(who)) =
            (&self.identity, &mut who)
        {
            who.insert("api_key".to_owned(), json!({ "id": id, "name": name }));
        }
        Response::json(200, &who)
    }

    /// Checks that the caller may send a request.
    ///
    /// # Errors
    /// 403 if it may not, 401 if it is anonymous and a key is needed.
    pub fn authorize(self, intent: Intent) -> Result<Admitted, AuthError> {
        let needed = intent.required_privilege();
        if self.privilege < needed {
            return Err(self.missing_privilege(&intent.action(), needed));
        }
        let why = match intent.scope() {
            _ if self.is_unlimited() => None,
            Scope::Nothing | Scope::Visible | Scope::InBody => None,
            Scope::One(id) => (!self.covers(&id)?).then(|| format!("[{id}] is not one of them")),
            Scope::All(why) => Some(why.to_owned()),
        };
        match why {
            Some(why) => Err(self.foreign_connector(&intent.action(), &why)),
            None => Ok(Admitted { caller: self, intent }),
        }
    }

    /// Whether the key is for all connectors.
    fn is_unlimited(&self) -> bool {
        self.connectors.iter().any(|pattern| pattern == "*")
    }

    fn covers(&self, connector: &str) -> Result<bool, OverBudget> {
        matches_any(&self.connectors, connector, &mut Budget::new(Purpose::Patterns))
    }

    fn missing_privilege(&self, action: &str, needed: Privilege) -> AuthError {
        let reason = format!(
            "action [{action}] is unauthorized for {self}, this action is granted by the privilege \
             [{}]",
            needed.name()
        );
        let status = if self.identity == Identity::Anonymous { 401 } else { 403 };
        AuthError::of(ApiError::of(status, security(reason)), "privilege", self.key_id())
    }

    fn foreign_connector(&self, action: &str, why: &str) -> AuthError {
        let reason = format!(
            "action [{action}] is unauthorized for {self}, which is limited to connectors [{}]: {why}",
            self.connectors.join(",")
        );
        AuthError::of(ApiError::of(403, security(reason)), "connector", self.key_id())
    }
}

/// A caller whose request is authorized by its method and path.
#[derive(Clone, Debug)]
pub struct Admitted {
    caller: Caller,
    intent: Intent,
}

impl Admitted {
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    pub fn intent(&self) -> &Intent {
        &self.intent
    }

    /// Limits a call to the connectors that the caller's key is for.
    ///
    /// # Errors
    /// 403 for creating a sync job of another connector: only the body names the connector.
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
                return Err(caller
                    .foreign_connector(&intent.action(), &format!("[{id}] is not one of them")));
            }
            _ => {}
        }
        Ok(call)
    }
}
