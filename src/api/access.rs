//! Who may do what. Pure: keys and the time are handed in.
//!
//! ```text
//! Authorization --Credentials--> key record --open--> Caller --authorize--> Admitted --narrow--> Call
//! ```
//! All but the last step needs the head of a request alone.
//! Nothing here prints a secret: [`Credentials`] cannot be formatted.

use base64ct::{Base64, Base64Unpadded, Encoding};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::error::{ApiError, Cause};
use super::intent::{Intent, Reach};
use super::{Call, Response};
use crate::budget::{Budget, OverBudget, Purpose};
use crate::directory::matches_any;
use crate::document::Fields;
use crate::limits::{ID_BYTES, KEY_ID_BYTES, KEY_PATTERNS, TOKEN_BYTES};
use crate::secrets::Secrets;
use crate::values::{Time, json};

/// A root key with a shorter secret is not honoured.
const ROOT_SECRET_MIN: usize = 20;

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

/// What came in an Authorization header: the id of a key and its secret.
pub struct Credentials {
    id: String,
    secret: String,
}

impl Credentials {
    /// Reads `ApiKey base64(id:secret)`. `Bearer` takes the same token, and `Basic` is the same by
    /// its own definition.
    ///
    /// # Errors
    /// 401 for anything else.
    pub fn parse(header: &str) -> Result<Self, AuthError> {
        Self::read(header).ok_or_else(|| AuthError::rejected(MALFORMED, None))
    }

    fn read(header: &str) -> Option<Self> {
        let (scheme, token) = header.trim().split_once(' ')?;
        let token = token.trim();
        let known = ["ApiKey", "Bearer", "Basic"].iter().any(|s| s.eq_ignore_ascii_case(scheme));
        if !known || token.len() > TOKEN_BYTES {
            return None;
        }
        let bytes = Base64Unpadded::decode_vec(token.trim_end_matches('=')).ok()?;
        Self::split(&String::from_utf8(bytes).ok()?)
    }

    fn split(token: &str) -> Option<Self> {
        let (id, secret) = token.split_once(':')?;
        let is_id = !matches!(id, "" | "." | "..")
            && id.len() <= KEY_ID_BYTES
            && !id.contains(char::is_control);
        (is_id && !secret.is_empty()).then(|| Self { id: id.to_owned(), secret: secret.to_owned() })
    }

    /// The id of the key.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The caller, if these are the root key's credentials; `root` is `id:secret`. `None` too for
    /// a root key that anybody could guess.
    pub fn open_root(&self, root: &str) -> Option<Caller> {
        let key = Self::of_root(root)?;
        let same = self.fingerprint().ct_eq(&key.fingerprint());
        bool::from(same).then(|| key.into_root())
    }

    /// The root key, unless anybody could guess it; `root` is `id:secret`.
    pub(super) fn of_root(root: &str) -> Option<Self> {
        Self::split(root).filter(|key| key.secret.len() >= ROOT_SECRET_MIN)
    }

    /// Who has the root key.
    pub(super) fn into_root(self) -> Caller {
        let secret_sha256 = sha256(&self.secret);
        Caller {
            who: Who::Key(KeyName {
                id: self.id,
                name: "root".to_owned(),
                proof: Proof::Root(secret_sha256),
            }),
            privilege: Privilege::Manage,
            connectors: everything(),
            expiration: None,
        }
    }

    /// The caller, if the key that is kept under this id - if there is one - has this secret.
    /// Whether there is one makes no difference to what is done. `root` is `id:secret` of the root key,
    /// which these are not.
    ///
    /// # Errors
    /// 401, the same for an unknown key and a wrong secret.
    pub fn open(&self, kept: Option<&Key>, root: &str, now: u64) -> Result<Caller, AuthError> {
        let none = Key::nobodys();
        let key = kept.unwrap_or(&none);
        let same = bool::from(sha256(&self.secret).ct_eq(&key.secret_sha256));
        match kept {
            None if Self::of_root(root).is_some_and(|root| root.id == self.id) => {
                Err(AuthError::rejected(WRONG_SECRET, Some(&self.id)))
            }
            None => Err(AuthError::rejected(UNKNOWN_KEY, None)),
            Some(_) if !same => Err(AuthError::rejected(WRONG_SECRET, Some(&self.id))),
            Some(key) => key.caller(&self.id, now),
        }
    }

    /// What stands for them, however they were spelled.
    pub fn fingerprint(&self) -> [u8; 32] {
        sha256(&format!("{}:{}", self.id, self.secret))
    }
}

/// What stands for credentials that a cluster judges, however they are spelled: to it, the scheme makes
/// a difference.
pub fn foreign_fingerprint(header: &str) -> [u8; 32] {
    let (scheme, token) = header.trim().split_once(' ').unwrap_or((header, ""));
    let token = match Credentials::read(header) {
        Some(Credentials { id, secret }) => format!("{id}:{secret}"),
        None => token.trim().to_owned(),
    };
    sha256(&format!("cluster\n{}\n{token}", scheme.to_ascii_lowercase()))
}

/// What stands for a secret that is not to be kept.
pub fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// What a key allows, for comparison.
fn fingerprint(
    secret_sha256: &[u8],
    privilege: Privilege,
    connectors: &[String],
    expiration: Option<u64>,
) -> String {
    let limits = json!([privilege.name(), connectors, expiration]).to_string();
    let hash = Sha256::new().chain_update(secret_sha256).chain_update(limits).finalize();
    Base64Unpadded::encode_string(&hash)
}

fn everything() -> Vec<String> {
    vec!["*".to_owned()]
}

/// A key as it is kept under its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    name: String,
    secret_sha256: [u8; 32],
    privilege: Privilege,
    connectors: Vec<String>,
    expiration: Option<u64>,
}

impl Key {
    /// Reads a key as `npm run key` writes it:
    ///
    /// | field | |
    /// |---|---|
    /// | `name` | for people |
    /// | `secret_sha256` | SHA-256 of the secret, in base64 |
    /// | `privileges` | of `monitor_connector`, `manage_connector` |
    /// | `connectors` | patterns of connector ids; absent: all |
    /// | `creation`, `expiration` | milliseconds since 1970; `expiration` may be absent: never |
    ///
    /// # Errors
    /// What is wrong with it. A field that this code does not know is wrong too: it could be a
    /// limit that is not enforced here.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let fields = json::parse_object(text)?;
        let known = ["name", "secret_sha256", "privileges", "connectors", "creation", "expiration"];
        if let Some(unknown) = fields.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(format!("unknown field [{unknown}]"));
        }
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        let texts = |name: &str| match fields.get(name) {
            None => Ok(None),
            Some(value) => value
                .as_array()
                .and_then(|all| all.iter().map(|one| one.as_str().map(str::to_owned)).collect())
                .map(Some)
                .ok_or_else(|| format!("[{name}] is no list of texts")),
        };
        let mut secret_sha256 = [0; 32];
        let hash = text("secret_sha256").unwrap_or_default();
        if Base64::decode(hash, &mut secret_sha256).map(<[u8]>::len) != Ok(32) {
            return Err("[secret_sha256] is no SHA-256 in base64".to_owned());
        }
        let privileges: Vec<String> = texts("privileges")?.unwrap_or_default();
        let expiration = match fields.get("expiration") {
            None => None,
            Some(end) => Some(end.as_u64().ok_or("[expiration] is no number of milliseconds")?),
        };
        let connectors = texts("connectors")?.unwrap_or_else(everything);
        if connectors.len() > KEY_PATTERNS || connectors.iter().any(|it| it.len() > ID_BYTES) {
            return Err(format!(
                "[connectors] has more than [{KEY_PATTERNS}] patterns, or one of more than \
                 [{ID_BYTES}] bytes"
            ));
        }
        Ok(Self {
            name: text("name").ok_or("it has no [name]")?.to_owned(),
            secret_sha256,
            privilege: privileges
                .iter()
                .filter_map(|name| Privilege::parse(name))
                .max()
                .unwrap_or(Privilege::None),
            connectors,
            expiration,
        })
    }

    /// Who has the key, which is kept under that id.
    ///
    /// # Errors
    /// 401 if it has expired.
    pub(super) fn caller(&self, id: &str, now: u64) -> Result<Caller, AuthError> {
        if self.expiration.is_some_and(|end| end <= now) {
            let reason = format!("API key [{}] with id [{id}] is expired", self.name);
            return Err(AuthError::unauthenticated("expired key", Some(id), reason));
        }
        Ok(Caller {
            who: Who::Key(KeyName {
                id: id.to_owned(),
                name: self.name.clone(),
                proof: Proof::Kept(self.secret_sha256),
            }),
            privilege: self.privilege,
            connectors: self.connectors.clone(),
            expiration: self.expiration,
        })
    }

    /// What a ticket of the key is signed with.
    pub(super) fn secret_sha256(&self) -> &[u8; 32] {
        &self.secret_sha256
    }

    /// What the key allows, for comparison with [`Caller::fingerprint`].
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.secret_sha256, self.privilege, &self.connectors, self.expiration)
    }

    /// What a secret is compared with where there is no key.
    pub(super) fn nobodys() -> Self {
        Self {
            name: String::new(),
            secret_sha256: [0; 32],
            privilege: Privilege::None,
            connectors: Vec::new(),
            expiration: None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct KeyName {
    id: String,
    name: String,
    proof: Proof,
}

/// What a secret was compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Proof {
    /// The hash that is kept of it.
    Kept([u8; 32]),
    /// A setting; this is its hash.
    Root([u8; 32]),
    /// What a cluster knows.
    Cluster,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Who {
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
    who: Who,
    privilege: Privilege,
    connectors: Vec<String>,
    /// When the key ends, in milliseconds since 1970.
    expiration: Option<u64>,
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
                "user [{email}] is signed in, but may not use this service: the setting \
                 [ACCESS_EMAILS] has no pattern for that address"
            );
            return denied("e-mail address", reason);
        }
        if !matches!(method, "GET" | "HEAD" | "OPTIONS") && !is_own_page {
            let reason = format!(
                "user [{email}] is signed in by a cookie, so writes are only taken from this \
                 service's own pages, with their Origin: programs send a key"
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
    pub(super) fn key(&self) -> Option<(&str, &[u8; 32])> {
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
            "pages of [{origin}] may not watch: if they are meant to, add it to CORS_ORIGINS"
        );
        AuthError::of(ApiError::of(403, security(reason)), "foreign page", self.key_id())
    }

    /// 403 for a key of ours where only the cluster behind this service can answer.
    pub fn not_for_cluster(&self) -> AuthError {
        let reason = format!(
            "{self} is this service's own, so it is not sent to the cluster behind it, which serves \
             this path: use a key of the cluster"
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
            Reach::One(id) => (!self.covers(&id)?).then(|| format!("not for [{id}]")),
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
                return Err(caller.out_of_bounds(&intent.action(), &format!("not for [{id}]")));
            }
            _ => {}
        }
        Ok(call)
    }
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
