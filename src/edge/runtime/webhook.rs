//! Sends webhook messages.

use std::time::Duration;

use js_sys::{Array, Object};
use wasm_bindgen::prelude::*;
use worker::{
    AbortController, Env, Fetch, Headers, Method, Request, RequestInit, RequestRedirect,
    ResponseBody,
};

use super::now_millis;
use super::promise::timeout;
use crate::document::Fields;
use crate::webhook::{Reply, TIME_LIMIT_MS, Target, sign};

/// The prefixes of the names of webhook settings.
const SETTINGS: [&str; 3] = ["WEBHOOK_", "SILENT_AFTER_SECONDS", "CONSOLE_URL"];

/// The settings of webhooks that are texts. The `worker` crate cannot list settings.
pub(crate) fn webhook_settings(env: &Env) -> Fields {
    let setting = |entry: JsValue| {
        let entry: Array = entry.dyn_into().ok()?;
        let (name, value) = (entry.get(0).as_string()?, entry.get(1).as_string()?);
        let is_webhook_setting = SETTINGS.iter().any(|prefix| name.starts_with(prefix));
        is_webhook_setting.then(|| (name, value.into()))
    };
    Object::entries(env.unchecked_ref()).iter().filter_map(setting).collect()
}

/// Sends a message. `now`: in milliseconds since 1970. Texts of errors are dropped: they may contain the URL,
/// which may contain a secret.
pub(crate) async fn deliver(target: &Target, id: &str, body: &str, now: u64) -> Reply {
    let begun = now_millis();
    let reply = match request(target, id, body, now) {
        Ok(request) => send(request).await,
        Err(_) => Reply::default(),
    };
    Reply { took_ms: now_millis().saturating_sub(begun), ..reply }
}

fn request(target: &Target, id: &str, body: &str, now: u64) -> worker::Result<Request> {
    let timestamp = now / 1_000;
    let headers = Headers::new();
    for (name, value) in [
        ("content-type", "application/json"),
        ("user-agent", concat!("connector-status/", env!("CARGO_PKG_VERSION"))),
        ("webhook-id", id),
        ("webhook-timestamp", &timestamp.to_string()),
        ("webhook-signature", &sign(target, id, timestamp, body)),
    ] {
        headers.set(name, value)?;
    }
    let mut init = RequestInit::new();
    init.with_method(Method::Post)
        .with_headers(headers)
        .with_body(Some(body.into()))
        .with_redirect(RequestRedirect::Manual);
    Request::new_with_init(target.address.reveal(), &init)
}

async fn send(request: Request) -> Reply {
    let abort = AbortController::default();
    let signal = abort.signal();
    let sent = Fetch::Request(request);
    let sent = sent.send_with_signal(&signal);
    match timeout(Duration::from_millis(TIME_LIMIT_MS), sent).await {
        Some(Ok(response)) => {
            // The body is not needed.
            if let ResponseBody::Stream(body) = response.body() {
                drop(body.cancel());
            }
            Reply { status: Some(response.status_code()), ..Reply::default() }
        }
        Some(Err(_)) => Reply { is_connection_error: true, ..Reply::default() },
        None => {
            abort.abort();
            Reply { is_timeout: true, ..Reply::default() }
        }
    }
}
