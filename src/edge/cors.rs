//! CORS: which pages of other sites may read responses. Cookies are not used, so
//! `Access-Control-Allow-Credentials` is never sent.

use super::runtime::{JsError, JsResult, RequestHead, no_content, with_headers};
use crate::api::cors_origin;
use wasm_bindgen::JsValue;

const METHODS: &str = "GET, HEAD, POST, PUT, DELETE";
const REQUEST_HEADERS: &str = "Authorization, Content-Type, Accept, If-Match, If-None-Match, \
                               X-Opaque-Id, X-Elastic-Client-Meta";
const RESPONSE_HEADERS: &str = "Age, Allow, ETag, Retry-After, X-Elastic-Product, X-Opaque-Id";

/// The request's origin, if `CORS_ORIGINS` allows it.
pub(super) fn allowed_origin(head: &RequestHead) -> Option<&str> {
    match head.origin.as_str() {
        "" => None,
        page => cors_origin(&head.settings.cors_origins, page),
    }
}

/// The response to a preflight request, which never has credentials. `None`: the request is not a preflight, or
/// its origin is not allowed.
pub(super) fn preflight(head: &RequestHead) -> Option<JsResult> {
    let origin = allowed_origin(head)?;
    if head.request.method != "OPTIONS" || head.preflight_method.is_empty() {
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

/// The CORS headers for the response to this request; `None`: no headers are needed.
pub(super) fn response_headers(head: &RequestHead) -> Option<CorsHeaders> {
    let is_plain = head.settings.cors_origins.is_empty() || head.wants_socket();
    (!is_plain).then(|| CorsHeaders { allowed_origin: allowed_origin(head).map(str::to_owned) })
}

pub(super) struct CorsHeaders {
    allowed_origin: Option<String>,
}

impl CorsHeaders {
    pub fn add_to(&self, response: &JsValue) -> Result<JsValue, JsError> {
        let mut headers = vec![("vary", "Origin")];
        if let Some(origin) = &self.allowed_origin {
            headers.push(("access-control-allow-origin", origin));
            headers.push(("access-control-expose-headers", RESPONSE_HEADERS));
        }
        with_headers(response, &headers)
    }
}
