//! From what incoming.js read to a request of the core.

use crate::api::{BODY_LIMIT, Failure, Request};

/// A request, and what of it is not the core's concern. An absent header is an empty text.
#[derive(Debug, Default)]
pub struct Incoming {
    /// The request.
    pub request: Request,
    /// What is wrong with its body.
    pub problem: Option<Failure>,
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
        let mut lines = head.split('\n');
        let mut line = || lines.next().unwrap_or_default();
        let present = |line: &str| Some(line.to_owned()).filter(|line| !line.is_empty());
        let problem = problem(line(), line(), &body);
        let mut incoming = Self { problem, ..Self::default() };
        incoming.request.method = line().to_owned();
        incoming.request.target = target(line());
        incoming.anonymous_privilege = line().to_owned();
        incoming.cors_origins = line().to_owned();
        incoming.counts_writes = line() == "true";
        incoming.request.accept = present(line());
        incoming.request.content_type = present(line());
        incoming.request.if_match = present(line());
        incoming.request.if_none_match = present(line());
        incoming.authorization = line().to_owned();
        incoming.origin = line().to_owned();
        incoming.sec_fetch_site = line().to_owned();
        incoming.x_opaque_id = line().to_owned();
        incoming.cf_ray = line().to_owned();
        incoming.cf_connecting_ip = line().to_owned();
        incoming.access_control_request_method = line().to_owned();
        incoming.request.body = body;
        incoming
    }

    /// The caller's own name for the request.
    pub fn opaque_id(&self) -> Option<String> {
        Some(self.x_opaque_id.clone()).filter(|id| !id.is_empty())
    }
}

/// What is not UTF-8 comes as replacement characters, and those are hardly ever as long.
fn problem(found: &str, bytes: &str, body: &str) -> Option<Failure> {
    match found {
        "" => {
            let place = body.find(char::REPLACEMENT_CHARACTER)?;
            (bytes.parse() != Ok(body.len())).then(|| Failure::not_utf8(place))
        }
        "too long" => Some(Failure::too_long(BODY_LIMIT)),
        _ => Some(Failure::cut_off()),
    }
}

/// Path and query of a URL as the runtime writes it.
fn target(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or("/");
    path.split('#').next().unwrap_or(path).to_owned()
}
