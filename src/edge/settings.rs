//! The Worker's settings. Read once, as they do not change while this code runs.

use worker::Env;

use super::runtime::is_http_origin;
use crate::api::{ELASTICSEARCH_VERSION, Privilege};

/// The secret that holds the first key, as `id:secret`.
const ROOT: &str = "ROOT_API_KEY";
/// The optional binding that limits the rate of writes.
pub(super) const WRITES: &str = "WRITE_LIMIT";

/// The Worker's settings. Absent texts are empty.
pub(super) struct Settings {
    /// `ROOT_API_KEY`
    pub root: String,
    /// `LOCAL_PROXY_SECRET`, set by `npm start`: see [`Settings::allows_proxy`].
    local_proxy: String,
    /// `ANONYMOUS_PRIVILEGE`
    pub anonymous: Privilege,
    pub allowed_hosts: String,
    pub cors_origins: String,
    /// `ACCESS_PRIVILEGE`
    pub access: Privilege,
    pub access_emails: String,
    /// Whether there is a binding `WRITE_LIMIT`.
    pub limits_writes: bool,
    pub secrets_for_readers: bool,
    /// `ORIGIN`
    pub cluster: ClusterSetting,
    /// `ELASTICSEARCH_VERSION`
    pub version: String,
}

/// The address of a cluster behind this Worker.
pub(super) enum ClusterSetting {
    Absent,
    /// The URL without a trailing slash.
    At(String),
    /// The setting is not a URL. It is never shown, as it may contain a password.
    Malformed,
}

impl Settings {
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
            limits_writes: env.rate_limiter(WRITES).is_ok(),
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
    /// Whether a request may be served: `npm start` puts its own proxy in front of wrangler, and requests must
    /// come through it. Wrangler's proxy takes the URL from a header that any page can send, so direct requests
    /// cannot be trusted. `secret`: the secret that the proxy adds.
    pub fn allows_proxy(&self, secret: impl FnOnce() -> String) -> bool {
        self.local_proxy.is_empty() || self.local_proxy == secret()
    }
}

/// The root key, as `id:secret`; empty if there is none.
pub(super) fn root_key(env: &Env) -> String {
    env.secret(ROOT).map(|root| root.to_string()).unwrap_or_default()
}
