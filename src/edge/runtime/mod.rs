//! The bindings to the Workers runtime: the only bindings to JavaScript outside of the browser package.
//! Everything else in `edge` uses these few types.
//!
//! The `worker` crate is used where it costs no more. The rest is bound here, because each call between Wasm
//! and JavaScript is expensive: see docs/decisions.

/// Strings in JavaScript's memory. A macro, because rustfmt would remove the texts from a plain `extern`.
macro_rules! static_strings {
    ($($name:ident = $text:tt,)*) => {
        #[wasm_bindgen]
        extern "C" {
            $(#[wasm_bindgen(thread_local_v2, static_string)]
            static $name: JsString = $text;)*
        }
    };
}

mod cluster;
mod kv;
mod page;
mod promise;
mod request;
mod response;
mod rewind;
mod rpc;
mod sockets;
mod sql;
mod storage;
mod webhook;

use js_sys::{JSON, Reflect};
use serde_json::Value;
use wasm_bindgen::prelude::*;
use worker::Env;

pub(super) use cluster::{cookies, forward, is_http_origin};
pub(super) use js_sys::JsString;
pub(super) use kv::Kv;
pub(super) use page::Page;
pub(super) use promise::{
    Callback, await_promise, join, join_all, sleep, spawn_or_ready, then, timeout,
};
pub(super) use request::{
    Body, RequestHead, access_email, after_response, client_address, local_proxy_secret,
    proxy_headers,
};
pub(super) use response::{HttpResponse, no_content, pass_on, status_of, with_headers};
pub(super) use rpc::{
    UNANSWERED, apply_entry, apply_jobs, claim_index, current_entry, flush_connector,
    handle_connector, handle_directory, notify_directory, release_index, report_lag,
    watch_directory, watch_message,
};
pub(super) use sockets::{SocketGroup, Sockets};
pub(super) use sql::{Database, FromRow, Row, SqlValue, from_row};
pub(super) use storage::State;
pub(super) use web_sys::Request as RawRequest;
pub(super) use webhook::{deliver, webhook_settings};

/// An exception of the runtime, or a message of ours.
pub(super) type JsError = JsValue;
pub(super) type JsResult = Result<JsValue, JsError>;

/// Milliseconds since 1970.
pub(super) fn now_millis() -> u64 {
    js_sys::Date::now() as u64
}

/// A binding of wrangler.toml that the `worker` crate has no type for.
fn binding<T: JsCast>(env: &Env, name: &str) -> Result<T, JsError> {
    let found = Reflect::get(env, &name.into())?;
    if found.is_undefined() {
        Err(format!("wrangler.toml has no binding [{name}]").into())
    } else {
        Ok(found.unchecked_into())
    }
}

/// A JavaScript value as JSON text.
fn to_text(value: &JsValue) -> Result<String, JsError> {
    JSON::stringify(value)?.as_string().ok_or_else(|| "there is no JSON for this value".into())
}

/// JSON as a JavaScript value.
fn from_json(value: &Value) -> Result<JsValue, JsError> {
    JSON::parse(&value.to_string())
}

/// The text of an error, for the log.
pub(super) fn describe(thrown: &JsError) -> String {
    match thrown.as_string() {
        Some(text) => text,
        None => js_sys::Object::from(thrown.clone()).to_string().into(),
    }
}

// Numbers in JavaScript are exact up to 2^53. Versions, times and limits are much smaller.
#[allow(clippy::cast_precision_loss)]
fn number(number: u64) -> f64 {
    number as f64
}
