//! API keys: as sent with a request, and as stored.

use base64ct::{Base64, Base64Unpadded, Encoding};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::caller::{Caller, Identity, KeyIdentity, KeySource};
use super::{AuthError, MALFORMED, Privilege, UNKNOWN_KEY, WRONG_SECRET, all_connectors};
use crate::limits::{ID_BYTES, KEY_ID_BYTES, KEY_PATTERNS, TOKEN_BYTES};
use crate::values::json;

/// A root key with a shorter secret could be guessed and is ignored.
const ROOT_SECRET_MIN: usize = 20;

/// The key id and secret of an Authorization header.
pub struct Credentials {
    id: String,
    secret: String,
}

impl Credentials {
    /// Parses `ApiKey base64(id:secret)`. `Bearer` and `Basic` are accepted with the same token.
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

    pub fn id(&self) -> &str {
        &self.id
    }

    /// The caller, if these are the root key's credentials. `root` is `id:secret`; a secret that is too short
    /// matches nothing.
    pub fn open_root(&self, root: &str) -> Option<Caller> {
        let key = Self::of_root(root)?;
        let same = self.fingerprint().ct_eq(&key.fingerprint());
        bool::from(same).then(|| key.into_root())
    }

    /// The root key, unless its secret is too short. `root` is `id:secret`.
    pub(in crate::api) fn of_root(root: &str) -> Option<Self> {
        Self::split(root).filter(|key| key.secret.len() >= ROOT_SECRET_MIN)
    }

    /// The root key's caller.
    pub(in crate::api) fn into_root(self) -> Caller {
        let secret_sha256 = sha256(&self.secret);
        Caller {
            identity: Identity::Key(KeyIdentity {
                id: self.id,
                name: "root".to_owned(),
                source: KeySource::Root(secret_sha256),
            }),
            privilege: Privilege::Manage,
            connectors: all_connectors(),
            expiration: None,
        }
    }

    /// The caller, if the secret is right. `stored` is the key stored under this id, if there is one; the
    /// comparison takes equally long without it. `root` is `id:secret` of the root key.
    ///
    /// # Errors
    /// 401 with the same response for an unknown key and a wrong secret.
    pub fn open(&self, stored: Option<&Key>, root: &str, now: u64) -> Result<Caller, AuthError> {
        let none = Key::placeholder();
        let key = stored.unwrap_or(&none);
        let same = bool::from(sha256(&self.secret).ct_eq(&key.secret_sha256));
        match stored {
            None if Self::of_root(root).is_some_and(|root| root.id == self.id) => {
                Err(AuthError::rejected(WRONG_SECRET, Some(&self.id)))
            }
            None => Err(AuthError::rejected(UNKNOWN_KEY, None)),
            Some(_) if !same => Err(AuthError::rejected(WRONG_SECRET, Some(&self.id))),
            Some(key) => key.caller(&self.id, now),
        }
    }

    /// A hash of the credentials that doesn't depend on how they were encoded.
    pub fn fingerprint(&self) -> [u8; 32] {
        sha256(&format!("{}:{}", self.id, self.secret))
    }
}

/// A hash of credentials that the cluster authenticates. Unlike ours, it depends on the scheme: to a
/// cluster, `ApiKey` and `Basic` are different credentials.
pub fn foreign_fingerprint(header: &str) -> [u8; 32] {
    let (scheme, token) = header.trim().split_once(' ').unwrap_or((header, ""));
    let token = match Credentials::read(header) {
        Some(Credentials { id, secret }) => format!("{id}:{secret}"),
        None => token.trim().to_owned(),
    };
    sha256(&format!("cluster\n{}\n{token}", scheme.to_ascii_lowercase()))
}

pub fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// A hash of what a key allows.
pub(super) fn fingerprint(
    secret_sha256: &[u8],
    privilege: Privilege,
    connectors: &[String],
    expiration: Option<u64>,
) -> String {
    let limits = json!([privilege.name(), connectors, expiration]).to_string();
    let hash = Sha256::new().chain_update(secret_sha256).chain_update(limits).finalize();
    Base64Unpadded::encode_string(&hash)
}

/// A stored key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    name: String,
    secret_sha256: [u8; 32],
    privilege: Privilege,
    connectors: Vec<String>,
    expiration: Option<u64>,
}

impl Key {
    /// Parses a key as written by `npm run key`:
    ///
    /// | field | meaning |
    /// |---|---|
    /// | `name` | shown to people |
    /// | `secret_sha256` | SHA-256 of the secret, in base64 |
    /// | `privileges` | `monitor_connector`, `manage_connector` |
    /// | `connectors` | patterns of connector ids; all if absent |
    /// | `creation`, `expiration` | milliseconds since 1970; without `expiration` the key never expires |
    ///
    /// # Errors
    /// What is wrong with it. Unknown fields are rejected because they could be limits that this version
    /// doesn't enforce.
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
                .ok_or_else(|| format!("[{name}] must be an array of strings")),
        };
        let mut secret_sha256 = [0; 32];
        let hash = text("secret_sha256").unwrap_or_default();
        if Base64::decode(hash, &mut secret_sha256).map(<[u8]>::len) != Ok(32) {
            return Err("[secret_sha256] must be a SHA-256 hash in base64".to_owned());
        }
        let privileges: Vec<String> = texts("privileges")?.unwrap_or_default();
        let expiration = match fields.get("expiration") {
            None => None,
            Some(end) => Some(
                end.as_u64().ok_or("[expiration] must be a number of milliseconds since 1970")?,
            ),
        };
        let connectors = texts("connectors")?.unwrap_or_else(all_connectors);
        if connectors.len() > KEY_PATTERNS || connectors.iter().any(|it| it.len() > ID_BYTES) {
            return Err(format!(
                "[connectors] must have at most [{KEY_PATTERNS}] patterns of at most [{ID_BYTES}] \
                 bytes each"
            ));
        }
        Ok(Self {
            name: text("name").ok_or("[name] must be a string")?.to_owned(),
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

    /// The key's caller. `id` is the id that the key is stored under. Rejected with 401 if the key has expired.
    pub(in crate::api) fn caller(&self, id: &str, now: u64) -> Result<Caller, AuthError> {
        if self.expiration.is_some_and(|end| end <= now) {
            let reason = format!("API key [{}] with id [{id}] is expired", self.name);
            return Err(AuthError::unauthenticated("expired key", Some(id), reason));
        }
        Ok(Caller {
            identity: Identity::Key(KeyIdentity {
                id: id.to_owned(),
                name: self.name.clone(),
                source: KeySource::Stored(self.secret_sha256),
            }),
            privilege: self.privilege,
            connectors: self.connectors.clone(),
            expiration: self.expiration,
        })
    }

    /// Tickets for the key are signed with this.
    pub(in crate::api) fn secret_sha256(&self) -> &[u8; 32] {
        &self.secret_sha256
    }

    /// A hash of what the key allows, to compare with [`Caller::fingerprint`].
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.secret_sha256, self.privilege, &self.connectors, self.expiration)
    }

    /// A key that no secret matches, so that checking an unknown key takes as long as a known one.
    pub(in crate::api) fn placeholder() -> Self {
        Self {
            name: String::new(),
            secret_sha256: [0; 32],
            privilege: Privilege::None,
            connectors: Vec::new(),
            expiration: None,
        }
    }
}
