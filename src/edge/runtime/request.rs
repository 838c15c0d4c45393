//! A request as it arrives: the head that request.js has read, and what is made of it.

use serde_json::Value;

use crate::api::{ApiError, BODY_LIMIT, Request};
use crate::connector::Fields;
use crate::values::json;

/// A request, and what of it is not the core's concern. Absent headers and settings are empty.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    /// The request.
    pub request: Request,
    /// What is wrong with its body.
    pub problem: Option<ApiError>,
    /// Host and port that the caller has asked.
    pub host: String,
    /// The setting `ANONYMOUS_PRIVILEGE`.
    pub anonymous_privilege: String,
    /// The setting `CORS_ORIGINS`.
    pub cors_origins: String,
    /// The setting `ALLOWED_HOSTS`.
    pub allowed_hosts: String,
    /// Whether there is a binding `WRITE_LIMIT`.
    pub counts_writes: bool,
    /// The setting `ORIGIN`: the address of a cluster behind this Worker.
    pub cluster: String,
    /// Is it for the cluster alone?
    pub passes: bool,
    /// `Via`
    pub via: String,
    /// `X-Forwarded-For`
    pub forwarded_for: String,
    /// `Authorization`
    pub authorization: String,
    /// `Origin`
    pub origin: String,
    /// `Upgrade`, if somebody may want to watch.
    pub upgrade: String,
    /// `Sec-Fetch-Site`
    pub sec_fetch_site: String,
    /// `X-Opaque-Id`: the caller's name for the request.
    pub opaque_id: Option<String>,
    /// `CF-Ray`: Cloudflare's name for the request.
    pub ray: Option<String>,
    /// `CF-Connecting-IP`
    pub address: String,
    /// `Access-Control-Request-Method` of a preflight.
    pub preflight_method: String,
}

impl Incoming {
    /// Takes the head that request.js has read, and the body.
    pub fn read(head: &str, body: Option<String>) -> Self {
        let mut head: Fields = json::parse_object(head).unwrap_or_default();
        let mut given = |name: &str| match head.get_mut(name).map(Value::take) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let url = given("url").unwrap_or_default();
        let (host, target) = host_and_target(&url);
        let problem_at = given("problem_at").unwrap_or_default();
        Self {
            problem: given("problem").map(|kind| body_problem(&kind, &problem_at)),
            host: host.to_owned(),
            request: Request {
                method: given("method").unwrap_or_default(),
                target: target.to_owned(),
                body: body.unwrap_or_default(),
                content_type: given("content_type"),
                accept: given("accept"),
                if_match: given("if_match"),
                if_none_match: given("if_none_match"),
            },
            anonymous_privilege: given("anonymous_privilege").unwrap_or_default(),
            cors_origins: given("cors_origins").unwrap_or_default(),
            allowed_hosts: given("allowed_hosts").unwrap_or_default(),
            counts_writes: given("counts_writes").is_some(),
            cluster: given("cluster").unwrap_or_default(),
            passes: given("passes").is_some(),
            via: given("via").unwrap_or_default(),
            forwarded_for: given("forwarded_for").unwrap_or_default(),
            authorization: given("authorization").unwrap_or_default(),
            origin: given("origin").unwrap_or_default(),
            upgrade: given("upgrade").unwrap_or_default(),
            sec_fetch_site: given("sec_fetch_site").unwrap_or_default(),
            opaque_id: given("opaque_id").filter(|id| !id.is_empty()),
            ray: given("ray"),
            address: given("address").unwrap_or_default(),
            preflight_method: given("preflight_method").unwrap_or_default(),
        }
    }

    /// Does the caller want to go on with a WebSocket?
    pub fn wants_socket(&self) -> bool {
        self.upgrade.eq_ignore_ascii_case("websocket")
    }

    /// What the request is called in the log.
    pub fn request_id(&self) -> Option<String> {
        self.ray.clone().or_else(|| self.opaque_id.clone())
    }
}

fn body_problem(kind: &str, at: &str) -> ApiError {
    match kind {
        "too long" => ApiError::too_long(BODY_LIMIT),
        "not UTF-8" => ApiError::not_utf8(at.parse().unwrap_or_default()),
        "not gzip" => ApiError::not_gzip(),
        "encoding" => ApiError::unsupported_encoding(at),
        _ => ApiError::cut_off(),
    }
}

/// Host with port, and path with query, of a URL as the runtime writes it.
pub(crate) fn host_and_target(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (host, target) = match rest.find('/').and_then(|slash| rest.split_at_checked(slash)) {
        Some((host, target)) => (host, target),
        None => (rest, "/"),
    };
    (host, target.split('#').next().unwrap_or(target))
}
