//! A request as it arrives: the head that request.js has read, and what is made of it.

use worker::console_error;

use crate::api::{ApiError, Request};
use crate::limits::BODY_BYTES;
use crate::values::json::{self, SyntaxError};

/// A request, and what of it is not the core's concern. Absent headers and settings are empty.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    /// The request.
    pub request: Request,
    /// What is wrong with its body.
    pub problem: Option<ApiError>,
    /// `http` or `https`.
    pub scheme: String,
    /// Host and port that the caller has asked.
    pub host: String,
    /// The setting `ANONYMOUS_PRIVILEGE`.
    pub anonymous_privilege: String,
    /// The setting `ACCESS_PRIVILEGE`.
    pub access_privilege: String,
    /// The setting `ACCESS_EMAILS`.
    pub access_emails: String,
    /// The e-mail address of somebody who has signed in by Cloudflare Access, where they show no key.
    pub email: Option<String>,
    /// Why Access does not say who it is that has signed in.
    pub access_problem: Option<String>,
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
        let mut this = Self::default();
        let (mut problem, mut problem_at) = (None, String::new());
        let read = json::for_each_member(head, &mut |name, value| {
            let value = value.into_text();
            match name {
                "method" => this.request.method = value,
                "url" => {
                    let (host, target) = host_and_target(&value);
                    this.scheme = value.split_once("://").map_or("", |(it, _)| it).to_owned();
                    this.host = host.to_owned();
                    this.request.target = target.to_owned();
                }
                "problem" => problem = Some(value),
                "problem_at" => problem_at = value,
                "content_type" => this.request.content_type = Some(value),
                "accept" => this.request.accept = Some(value),
                "if_match" => this.request.if_match = Some(value),
                "if_none_match" => this.request.if_none_match = Some(value),
                "anonymous_privilege" => this.anonymous_privilege = value,
                "access_privilege" => this.access_privilege = value,
                "access_emails" => this.access_emails = value,
                "email" => this.email = Some(value),
                "access_problem" => this.access_problem = Some(value),
                "cors_origins" => this.cors_origins = value,
                "allowed_hosts" => this.allowed_hosts = value,
                "counts_writes" => this.counts_writes = true,
                "cluster" => this.cluster = value,
                "passes" => this.passes = true,
                "via" => this.via = value,
                "forwarded_for" => this.forwarded_for = value,
                "authorization" => this.authorization = value,
                "origin" => this.origin = value,
                "upgrade" => this.upgrade = value,
                "sec_fetch_site" => this.sec_fetch_site = value,
                "opaque_id" => this.opaque_id = Some(value),
                "ray" => this.ray = Some(value),
                "address" => this.address = value,
                "preflight_method" => this.preflight_method = value,
                unknown => console_error!("request.js gives [{unknown}], which nobody reads"),
            }
        });
        if let Err(SyntaxError { message, .. }) = read {
            console_error!("the head of a request cannot be read: {message}");
            // What was read so far is not trusted: where a request comes from may be missing.
            return Self::default();
        }
        this.problem = problem.map(|kind| body_problem(&kind, &problem_at));
        this.request.body = body.unwrap_or_default();
        this
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
        "too long" => ApiError::too_long(at.parse().unwrap_or(BODY_BYTES)),
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
