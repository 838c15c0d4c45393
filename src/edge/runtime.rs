//! The part of the Workers runtime that this Worker calls, as thin as it can be bound: each call
//! crosses from WebAssembly to JavaScript once, and rows and lists cross as one JSON text.

use js_sys::{Array, JSON, Promise, Reflect};
use serde_json::Value;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, Request, Response};
use worker::Env;

/// What the runtime throws, or a text of ours.
pub(super) type Thrown = JsValue;

#[wasm_bindgen(module = "/src/edge/runtime.js")]
extern "C" {
    pub(super) fn head(request: &Request, env: &JsValue) -> String;
    #[wasm_bindgen(catch)]
    pub(super) fn headers(lines: &str) -> Result<Headers, JsValue>;
    #[wasm_bindgen(catch)]
    pub(super) fn respond(
        status: u16,
        body: Option<&str>,
        headers: &str,
    ) -> Result<Response, JsValue>;
    #[wasm_bindgen(catch)]
    pub(super) fn send(
        env: &JsValue,
        objects: &str,
        name: &str,
        body: &str,
    ) -> Result<Promise, JsValue>;
}

#[wasm_bindgen]
extern "C" {
    /// A Workers KV namespace.
    pub(super) type Kv;
    #[wasm_bindgen(method, catch, js_name = get)]
    pub(super) fn get(this: &Kv, key: &str) -> Result<Promise, JsValue>;
    /// A `Map` of at most 100 values.
    #[wasm_bindgen(method, catch, js_name = get)]
    pub(super) fn get_all(this: &Kv, keys: &Array) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(super) fn put(
        this: &Kv,
        key: &str,
        value: &str,
        options: &JsValue,
    ) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(super) fn list(this: &Kv, options: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(super) fn delete(this: &Kv, key: &str) -> Result<Promise, JsValue>;

    /// The assets.
    pub(super) type Fetcher;
    /// Passes a request on as it is.
    #[wasm_bindgen(method, catch, js_name = fetch)]
    pub(super) fn fetch_request(this: &Fetcher, request: &Request) -> Result<Promise, JsValue>;

    /// The storage of one object.
    pub(super) type Storage;
    #[wasm_bindgen(method, getter)]
    pub(super) fn sql(this: &Storage) -> Sql;
    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    pub(super) fn transaction_sync(
        this: &Storage,
        body: &mut dyn FnMut() -> Result<(), JsValue>,
    ) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, js_name = setAlarm)]
    pub(super) fn set_alarm(this: &Storage, at: f64) -> Result<Promise, JsValue>;

    /// The SQLite database of one object.
    pub(super) type Sql;
    #[wasm_bindgen(method, catch, variadic)]
    pub(super) fn exec(this: &Sql, query: &str, bindings: &Array) -> Result<Cursor, JsValue>;

    pub(super) type Cursor;
    #[wasm_bindgen(method, catch, js_name = toArray)]
    fn to_array(this: &Cursor) -> Result<JsValue, JsValue>;
}

impl Cursor {
    /// The rows, an object each.
    ///
    /// # Errors
    /// If the database fails.
    pub(super) fn rows(&self) -> Result<Vec<Value>, Thrown> {
        match to_json(&self.to_array()?)? {
            Value::Array(rows) => Ok(rows),
            _ => Err("rows are no array".into()),
        }
    }
}

/// A binding of wrangler.toml.
///
/// # Errors
/// If there is none of that name.
pub(super) fn binding<T: JsCast>(env: &Env, name: &str) -> Result<T, Thrown> {
    let found = Reflect::get(env, &name.into())?;
    match found.is_undefined() {
        true => Err(format!("wrangler.toml has no binding [{name}]").into()),
        false => Ok(found.unchecked_into()),
    }
}

/// Waits for a promise that a call of the runtime gave.
///
/// # Errors
/// What the call threw, or the promise was rejected with.
pub(super) async fn wait(promise: Result<Promise, JsValue>) -> Result<JsValue, Thrown> {
    JsFuture::from(promise?).await
}

/// A value of JavaScript as JSON.
///
/// # Errors
/// If it cannot be said in JSON.
pub(super) fn to_json(value: &JsValue) -> Result<Value, Thrown> {
    let text = JSON::stringify(value)?.as_string().unwrap_or_default();
    serde_json::from_str(&text).map_err(|error| error.to_string().into())
}

/// JSON as a value of JavaScript.
///
/// # Errors
/// None for what comes from [`Value`].
pub(super) fn from_json(value: &Value) -> Result<JsValue, Thrown> {
    JSON::parse(&value.to_string())
}

/// What was thrown, for the log.
pub(super) fn describe(thrown: &Thrown) -> String {
    match thrown.as_string() {
        Some(text) => text,
        None => js_sys::Object::from(thrown.clone()).to_string().into(),
    }
}

/// The same as an error of the `worker` crate, where its macros ask for one.
pub(super) fn error(thrown: Thrown) -> worker::Error {
    worker::Error::RustError(describe(&thrown))
}
