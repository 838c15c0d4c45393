//! Sending messages to webhooks.

use std::future::Future;

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use worker::Env;

use super::number;
use super::promise::await_promise;
use crate::webhook::{Reply, TIME_LIMIT_MS, Target, sign};

#[wasm_bindgen(module = "/src/edge/runtime/webhook.js")]
extern "C" {
    #[wasm_bindgen(js_name = settings)]
    fn settings_js(env: &Env, prefixes: &str) -> String;
    #[wasm_bindgen(catch, js_name = deliver)]
    fn deliver_js(url: &str, headers: &str, body: &str, limit: f64) -> Result<Promise, JsValue>;
}

/// The settings of webhooks as JSON.
pub(crate) fn webhook_settings(env: &Env) -> String {
    settings_js(env, "WEBHOOK_ SILENT_AFTER_SECONDS CONSOLE_URL")
}

/// Sends a message at once; gives what becomes of it. `now`: milliseconds since 1970.
pub(crate) fn deliver(
    target: &Target,
    id: &str,
    body: &str,
    now: u64,
) -> impl Future<Output = Reply> + use<> {
    let timestamp = now / 1_000;
    let headers = serde_json::json!({
        "content-type": "application/json",
        "user-agent": concat!("connector-status/", env!("CARGO_PKG_VERSION")),
        "webhook-id": id,
        "webhook-timestamp": timestamp.to_string(),
        "webhook-signature": sign(target, id, timestamp, body),
    });
    let sent =
        deliver_js(target.address.reveal(), &headers.to_string(), body, number(TIME_LIMIT_MS));
    async move {
        match await_promise(sent).await {
            Ok(reply) => Reply::read(&reply.as_string().unwrap_or_default()),
            Err(_) => Reply::default(),
        }
    }
}
