//! The part of the Workers runtime that this Worker calls, as thin as it can be bound: each call
//! crosses from WebAssembly to JavaScript once, and rows and lists cross as one JSON text.

use js_sys::{Array, JSON, Promise, Reflect};
use serde_json::Value;
use wasm_bindgen::prelude::*;
use web_sys::{Request, Response};
use worker::Env;

use super::task::Task;

/// What the runtime throws, or a text of ours.
pub(super) type JsError = JsValue;

#[wasm_bindgen(module = "/src/edge/runtime.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    pub(super) fn respond(answer: &str) -> Result<Response, JsValue>;
    #[wasm_bindgen(catch, js_name = carryOut)]
    pub(super) fn carry_out(env: &JsValue, message: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch)]
    pub(super) fn holds(env: &JsValue, id: &str, index: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch)]
    pub(super) fn claim(env: &JsValue, index: &str, id: &str) -> Result<Promise, JsValue>;
    pub(super) fn sleep(ms: u32) -> Promise;
    pub(super) fn within(promise: &Promise, ms: u32) -> Promise;
    pub(super) fn suspend(promise: &Promise);
    #[wasm_bindgen(catch)]
    pub(super) fn resume() -> Result<JsValue, JsValue>;
    pub(super) fn finish(task: Task) -> Promise;
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

    /// What the runtime gives an object.
    pub type State;
    #[wasm_bindgen(method, getter)]
    pub(super) fn storage(this: &State) -> Storage;
    #[wasm_bindgen(method, js_name = waitUntil)]
    pub(super) fn wait_until(this: &State, promise: &JsValue);

    /// The storage of one object.
    pub(super) type Storage;
    #[wasm_bindgen(method, getter)]
    pub(super) fn sql(this: &Storage) -> Sql;
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
    pub(super) fn rows(&self) -> Result<Vec<Value>, JsError> {
        serde_json::from_str(&to_text(&self.to_array()?)?).map_err(|error| error.to_string().into())
    }
}

/// A binding of wrangler.toml.
///
/// # Errors
/// If there is none of that name.
pub(super) fn binding<T: JsCast>(env: &Env, name: &str) -> Result<T, JsError> {
    let found = Reflect::get(env, &name.into())?;
    match found.is_undefined() {
        true => Err(format!("wrangler.toml has no binding [{name}]").into()),
        false => Ok(found.unchecked_into()),
    }
}

/// A value of JavaScript as JSON.
///
/// # Errors
/// If it cannot be said in JSON.
pub(super) fn to_text(value: &JsValue) -> Result<String, JsError> {
    Ok(JSON::stringify(value)?.as_string().unwrap_or_default())
}

/// JSON as a value of JavaScript.
///
/// # Errors
/// None for what comes from [`Value`].
pub(super) fn from_json(value: &Value) -> Result<JsValue, JsError> {
    JSON::parse(&value.to_string())
}

/// What was thrown, for the log.
pub(super) fn describe(thrown: &JsError) -> String {
    match thrown.as_string() {
        Some(text) => text,
        None => js_sys::Object::from(thrown.clone()).to_string().into(),
    }
}
