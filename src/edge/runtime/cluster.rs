//! Requests to a cluster behind the Worker.

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use web_sys::{Request, RequestInit, RequestRedirect};

use super::promise::await_promise;
use super::{JsResult, RawRequest};

#[wasm_bindgen]
extern "C" {
    // The `worker` crate's `fetch` takes no options, and a request from a client follows redirects.
    #[wasm_bindgen(catch, js_name = fetch)]
    fn fetch_with_options(request: &Request, options: &RequestInit) -> Result<Promise, JsValue>;
    // The type in `web_sys` adds 20 kB.
    type URL;
    #[wasm_bindgen(static_method_of = URL, js_name = canParse)]
    fn can_parse(url: &str) -> bool;
}

/// Whether this is an HTTP URL without user info, query or fragment.
pub(crate) fn is_http_origin(address: &str) -> bool {
    let host = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
    host.is_some_and(|host| !host.contains(['@', '?', '#', '\\'])) && URL::can_parse(address)
}

/// Forwards a request with changed headers; `None` removes a header. Streams both bodies.
pub(crate) async fn forward(
    raw: &RawRequest,
    url: &str,
    headers: &[(&str, Option<&str>)],
) -> JsResult {
    let copy = Request::new_with_str_and_init(url, raw.unchecked_ref())?;
    for (name, value) in headers {
        match value {
            Some(value) => copy.headers().set(name, value)?,
            None => copy.headers().delete(name)?,
        }
    }
    let options = RequestInit::new();
    options.set_redirect(RequestRedirect::Manual);
    await_promise(fetch_with_options(&copy, &options)).await
}

/// The `Cookie` header; empty if absent.
pub(crate) fn cookies(raw: &RawRequest) -> String {
    raw.headers().get("cookie").ok().flatten().unwrap_or_default()
}
