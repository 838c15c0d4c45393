//! The Worker's settings, read once: they do not change while this code runs.

use worker::Env;

use super::runtime::is_http_origin;
use crate::api::{ELASTICSEARCH_VERSION, Privilege};

/// The secret that holds the first key, as `id:secret`.
const ROOT: &str = "ROOT_API_KEY";
/// The binding that counts writes. There need not be one.
pub(super) const WRITES: &str = "WRITE_LIMIT";

/// What the Worker's settings say. An absent one is empty.
pub(super) struct Settings {
    /// `ROOT_API_KEY`
    pub root: String,
    /// `LOCAL_PROXY_SECRET`, set by `npm start`: see [`Settings::takes`].
    local_proxy: String,
    /// `ANONYMOUS_PRIVILEGE`
    pub anonymous: Privilege,
    /// `ALLOWED_HOSTS`
    pub allowed_hosts: String,
    /// `CORS_ORIGINS`
    pub cors_origins: String,
    /// `ACCESS_PRIVILEGE`
    pub access: Privilege,
    /// `ACCESS_EMAILS`
    pub access_emails: String,
    /// Whether there is a binding `WRITE_LIMIT`.
    pub counts_writes: bool,
    /// `SECRETS_FOR_READERS`
    pub secrets_for_readers: bool,
    /// `ORIGIN`
    pub cluster: ClusterSetting,
    /// `ELASTICSEARCH_VERSION`
    pub version: String,
}

/// The address of a cluster behind this Worker.
pub(super) enum ClusterSetting {
    /// There is none.
    Absent,
    /// This one, without a slash at its end.
    At(String),
    /// The setting is no address. It is not repeated anywhere: it may hold a password.
    Malformed,
}

impl Settings {
    /// Reads them.
    pub fn read(env: &Env) -> Self {
        let text = |name| env.var(name).map(|value| value.to_string()).unwrap_or_default();
        let privilege = |name| Privilege::parse(&text(name)).unwrap_or(Privilege::None);
        let version = Some(text("ELASTICSEARCH_VERSION")).filter(|version| !version.is_empty());
        let cluster = text("ORIGIN");
        Self {
            root: root_key(env),
            local_proxy: text("LOCAL_PROXY_SECRET"),
            anonymous: privilege("ANONYMOUS_PRIVILEGE"),
            allowed_hosts: text("ALLOWED_HOSTS"),
            cors_origins: text("CORS_ORIGINS"),
            access: privilege("ACCESS_PRIVILEGE"),
            access_emails: text("ACCESS_EMAILS"),
            counts_writes: env.rate_limiter(WRITES).is_ok(),
            secrets_for_readers: text("SECRETS_FOR_READERS") == "true",
            cluster: match cluster.trim_end_matches('/') {
                "" => ClusterSetting::Absent,
                address if is_http_origin(address) => ClusterSetting::At(address.to_owned()),
                _ => ClusterSetting::Malformed,
            },
            version: version.unwrap_or_else(|| ELASTICSEARCH_VERSION.to_owned()),
        }
    }
}

impl Settings {
    /// Whether a request came the way that is meant for it. `npm start` has a proxy before wrangler, whose
    /// own takes a request's URL from a header that any page can send; so what reaches wrangler by itself is
    /// not believed. `shown` gives what the proxy puts into a header.
    pub fn takes(&self, shown: impl FnOnce() -> String) -> bool {
        self.local_proxy.is_empty() || self.local_proxy == shown()
    }
}

/// The root key, as `id:secret`; empty if there is none.
pub(super) fn root_key(env: &Env) -> String {
    env.secret(ROOT).map(|root| root.to_string()).unwrap_or_default()
}
