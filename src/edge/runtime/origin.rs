//! Requests to a cluster behind the Worker.

use js_sys::Promise;
use serde::Deserialize;
use wasm_bindgen::prelude::*;

use super::promise::await_promise;
use super::{JsError, JsResult, RawRequest};

#[wasm_bindgen(module = "/src/edge/runtime/origin.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = forward)]
    fn forward_js(
        request: &RawRequest,
        url: &str,
        via: &str,
        forwarded_for: &str,
    ) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_name = ask)]
    fn ask_js(url: &str, authorization: &str, body: Option<&str>) -> Result<Promise, JsValue>;
}

/// An answer to a question of ours.
#[derive(Deserialize)]
pub(crate) struct ClusterReply {
    /// HTTP status.
    pub status: u16,
    /// The body of a success.
    pub text: String,
}

/// Sends a request elsewhere as it is but for two headers; gives a promise of the response, which is
/// rejected as `Unreachable` if nobody answers there.
///
/// # Errors
/// None.
pub(crate) fn forward(request: &RawRequest, url: &str, via: &str, forwarded_for: &str) -> JsResult {
    forward_js(request, url, via, forwarded_for).map(JsValue::from)
}

/// Asks something in the name of whoever has these credentials.
///
/// # Errors
/// If nobody answers there.
pub(crate) async fn ask(
    url: &str,
    authorization: &str,
    body: Option<&str>,
) -> Result<ClusterReply, JsError> {
    let reply = await_promise(ask_js(url, authorization, body)).await?;
    serde_json::from_str(&reply.as_string().unwrap_or_default())
        .map_err(|error| error.to_string().into())
}
