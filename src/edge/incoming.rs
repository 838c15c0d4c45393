//! From what incoming.js read to a request of the core.

use super::message::Lines;
use crate::api::{ApiError, BODY_LIMIT, Request};

/// A request, and what of it is not the core's concern. An absent header is an empty text.
#[derive(Debug, Default)]
pub struct Incoming {
    /// The request.
    pub request: Request,
    /// What is wrong with its body.
    pub problem: Option<ApiError>,
    /// The setting of that name.
    pub anonymous_privilege: String,
    /// The setting of that name.
    pub cors_origins: String,
    /// Is there a binding that counts writes?
    pub counts_writes: bool,
    /// The header of that name.
    pub authorization: String,
    /// The header of that name.
    pub origin: String,
    /// The header of that name.
    pub sec_fetch_site: String,
    /// The header of that name.
    pub x_opaque_id: String,
    /// The header of that name.
    pub cf_ray: String,
    /// The header of that name.
    pub cf_connecting_ip: String,
    /// The header of that name.
    pub access_control_request_method: String,
}

impl Incoming {
    /// Takes the lines of a head, in the order of incoming.js, and a body.
    pub fn read(head: &str, body: String) -> Self {
        let mut lines = Lines(head);
        let problem = problem(&lines.next(), &lines.next(), &body);
        let mut incoming = Self { problem, ..Self::default() };
        incoming.request.method = lines.next();
        incoming.request.target = target(&lines.next());
        incoming.anonymous_privilege = lines.next();
        incoming.cors_origins = lines.next();
        incoming.counts_writes = lines.next() == "true";
        incoming.request.accept = lines.next_present();
        incoming.request.content_type = lines.next_present();
        incoming.request.if_match = lines.next_present();
        incoming.request.if_none_match = lines.next_present();
        incoming.authorization = lines.next();
        incoming.origin = lines.next();
        incoming.sec_fetch_site = lines.next();
        incoming.x_opaque_id = lines.next();
        incoming.cf_ray = lines.next();
        incoming.cf_connecting_ip = lines.next();
        incoming.access_control_request_method = lines.next();
        incoming.request.body = body;
        incoming
    }

    /// The caller's own name for the request.
    pub fn opaque_id(&self) -> Option<String> {
        Some(self.x_opaque_id.clone()).filter(|id| !id.is_empty())
    }
}

/// What is not UTF-8 comes as replacement characters, and those are hardly ever as long.
fn problem(found: &str, bytes: &str, body: &str) -> Option<ApiError> {
    match found {
        "" => {
            let place = body.find(char::REPLACEMENT_CHARACTER)?;
            (bytes.parse() != Ok(body.len())).then(|| ApiError::not_utf8(place))
        }
        "too long" => Some(ApiError::too_long(BODY_LIMIT)),
        _ => Some(ApiError::cut_off()),
    }
}

/// Path and query of a URL as the runtime writes it.
fn target(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or("/");
    path.split('#').next().unwrap_or(path).to_owned()
}
