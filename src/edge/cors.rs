//! Which pages of other sites may read responses. Cookies and the like are never asked for, so
//! `Access-Control-Allow-Credentials` is never sent.

use super::runtime::{Incoming, JsError, JsResult, no_content, with_headers};
use crate::api::cors_origin;
use wasm_bindgen::JsValue;

const METHODS: &str = "GET, HEAD, POST, PUT, DELETE";
const REQUEST_HEADERS: &str = "Authorization, Content-Type, Accept, If-Match, If-None-Match, \
                               X-Opaque-Id, X-Elastic-Client-Meta";
const RESPONSE_HEADERS: &str = "Age, Allow, ETag, Retry-After, X-Elastic-Product, X-Opaque-Id";

/// The origin of the page that asks, if its pages may.
pub(super) fn allowed_origin(incoming: &Incoming) -> Option<&str> {
    match incoming.origin.as_str() {
        "" => None,
        page => cors_origin(&incoming.settings.cors_origins, page),
    }
}

/// The response to a browser that asks on behalf of a page whether it may ask. It comes without
/// credentials, so it is answered without. `None`: the request is something else.
pub(super) fn preflight(incoming: &Incoming) -> Option<JsResult> {
    let origin = allowed_origin(incoming)?;
    if incoming.request.method != "OPTIONS" || incoming.preflight_method.is_empty() {
        return None;
    }
    Some(no_content(&[
        ("access-control-allow-origin", origin),
        ("access-control-allow-methods", METHODS),
        ("access-control-allow-headers", REQUEST_HEADERS),
        ("access-control-max-age", "7200"),
        ("vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
    ]))
}

/// What the browser is to be told of every response to this request; `None`: nothing.
pub(super) fn marks(incoming: &Incoming) -> Option<Marks> {
    let is_plain = incoming.settings.cors_origins.is_empty() || incoming.wants_socket();
    (!is_plain).then(|| Marks(allowed_origin(incoming).map(str::to_owned)))
}

/// What the browser is told of a response: whose pages may read it.
pub(super) struct Marks(Option<String>);

impl Marks {
    /// A response with these marks.
    pub fn put_on(&self, response: &JsValue) -> Result<JsValue, JsError> {
        let mut headers = vec![("vary", "Origin")];
        if let Some(origin) = &self.0 {
            headers.push(("access-control-allow-origin", origin));
            headers.push(("access-control-expose-headers", RESPONSE_HEADERS));
        }
        with_headers(response, &headers)
    }
}
