//! Calls from the Worker to its objects, and between objects. Messages are JSON, see `message`.

use std::cell::OnceCell;
use std::thread::LocalKey;

use js_sys::{Promise, decode_uri_component, encode_uri_component};
use wasm_bindgen::prelude::*;
use web_sys::{Headers, RequestInit};
use worker::{Env, ObjectNamespace};

use super::promise::{Callback, await_promise, then};
use super::response::respond;
use super::{JsError, JsResult, RawRequest};

/// The name of the error that is thrown if an object does not answer.
pub(crate) const UNANSWERED: &str = "Unanswered";
/// The name of the Directory's only object.
const DIRECTORY: &str = "directory";
/// The URL of a request to watch, without the message.
const WATCH_URL: &str = "https://directory/?message=";

#[wasm_bindgen]
extern "C" {
    // The `worker` crate can only call an object's `fetch`; methods cost a third less.
    #[wasm_bindgen(extends = js_sys::Object)]
    type Stub;
    #[wasm_bindgen(method, catch)]
    fn handle(this: &Stub, message: &str, body: Option<&str>) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn apply(this: &Stub, entry: &str, document: Option<&str>) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = applyJobs)]
    fn apply_jobs(this: &Stub, jobs: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn report(this: &Stub, report: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn notify(this: &Stub, message: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn claim(this: &Stub, claim: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn release(this: &Stub, claim: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn current(this: &Stub, id: &str, index: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn flush(this: &Stub) -> Result<Promise, JsValue>;
    // The crate copies the response to a `fetch`, which loses its WebSocket.
    #[wasm_bindgen(method, catch)]
    fn fetch(this: &Stub, url: &str, init: &RequestInit) -> Result<Promise, JsValue>;
}

thread_local! {
    // Cached: bindings do not change while this code runs.
    static CONNECTORS: OnceCell<ObjectNamespace> = const { OnceCell::new() };
    static DIRECTORIES: OnceCell<ObjectNamespace> = const { OnceCell::new() };
    // One closure for all replies, so that no reply needs a future.
    static RESPOND: Callback =
        Closure::new(|reply: JsValue| respond(reply.unchecked_ref()).map_err(unanswered));
    static FAIL: Callback = Closure::new(|thrown: JsValue| Err(unanswered(thrown)));
}

/// The error if an object does not answer, or answers in an unknown format.
fn unanswered(cause: JsValue) -> JsError {
    let error = js_sys::Error::new("an object did not answer");
    error.set_name(UNANSWERED);
    error.set_cause(&cause);
    error.into()
}

fn object(
    namespace: &'static LocalKey<OnceCell<ObjectNamespace>>,
    env: &Env,
    binding: &str,
    name: &str,
) -> Result<Stub, JsError> {
    namespace.with(|cell| {
        let namespace = match cell.get() {
            Some(namespace) => namespace,
            None => {
                let found = env.durable_object(binding).map_err(|error| error.to_string())?;
                cell.get_or_init(|| found)
            }
        };
        let stub = namespace.get_by_name(name).map_err(|error| error.to_string())?;
        Ok(stub.into_rpc())
    })
}

fn connector(env: &Env, id: &str) -> Result<Stub, JsError> {
    object(&CONNECTORS, env, "CONNECTOR", id)
}

fn directory(env: &Env) -> Result<Stub, JsError> {
    object(&DIRECTORIES, env, "DIRECTORY", DIRECTORY)
}

/// A promise of the response in a reply.
fn response(reply: &Promise) -> JsValue {
    RESPOND.with(|respond| FAIL.with(|fail| then(reply, respond.as_ref(), fail.as_ref())))
}

/// Returns a promise of the connector object's response.
pub(crate) fn handle_connector(env: &Env, id: &str, message: &str, body: Option<&str>) -> JsResult {
    Ok(response(&connector(env, id)?.handle(message, body)?))
}

/// Returns a promise of the Directory's response.
pub(crate) fn handle_directory(env: &Env, message: &str, body: Option<&str>) -> JsResult {
    Ok(response(&directory(env)?.handle(message, body)?))
}

/// Returns a promise of the Directory's response to a request to watch. Uses `fetch`, because a method cannot
/// return a WebSocket.
pub(crate) fn watch_directory(env: &Env, message: &str) -> JsResult {
    let headers = Headers::new()?;
    headers.set("upgrade", "websocket")?;
    let init = RequestInit::new();
    init.set_headers(&headers);
    let message = String::from(encode_uri_component(message));
    let reply = directory(env)?.fetch(&format!("{WATCH_URL}{message}"), &init)?;
    Ok(FAIL.with(|fail| then(&reply, &JsValue::UNDEFINED, fail.as_ref())))
}

/// The message in a request from `watch_directory`.
pub(crate) fn watch_message(raw: &RawRequest) -> Result<String, JsError> {
    let url = raw.url();
    let message = url.strip_prefix(WATCH_URL).ok_or("a request without a message")?;
    Ok(decode_uri_component(message)?.into())
}

/// Delivers a connector's entry and document to the Directory. Returns its reply.
pub(crate) async fn apply_entry(
    env: &Env,
    entry: &str,
    document: Option<&str>,
) -> Result<String, JsError> {
    text(directory(env)?.apply(entry, document)).await
}

/// Delivers entries of jobs to the Directory. Returns its reply.
pub(crate) async fn apply_jobs(env: &Env, jobs: &str) -> Result<String, JsError> {
    text(directory(env)?.apply_jobs(jobs)).await
}

/// Reports that a consumer of a connector's outbox lags, or no longer does.
pub(crate) async fn report_lag(env: &Env, report: &str) -> Result<(), JsError> {
    await_promise(directory(env)?.report(report)).await.map(drop)
}

/// Sends a notice to the Directory. Returns its reply.
pub(crate) async fn notify_directory(env: &Env, message: &str) -> Result<String, JsError> {
    text(directory(env)?.notify(message)).await
}

/// Claims an index name. Returns the Directory's reply.
pub(crate) async fn claim_index(env: &Env, claim: &str) -> Result<String, JsError> {
    text(directory(env)?.claim(claim)).await
}

/// Releases a claim.
pub(crate) async fn release_index(env: &Env, claim: &str) -> Result<(), JsError> {
    await_promise(directory(env)?.release(claim)).await.map(drop)
}

/// The connector's current entry and document, and whether it is claiming this index.
pub(crate) async fn current_entry(env: &Env, id: &str, index: &str) -> Result<String, JsError> {
    text(connector(env, id)?.current(id, index)).await
}

/// Makes a connector's object deliver its pending changes to the Directory. Returns its reply.
pub(crate) async fn flush_connector(env: &Env, id: &str) -> Result<String, JsError> {
    text(connector(env, id)?.flush()).await
}

/// Awaits a reply that is a string.
async fn text(promise: Result<Promise, JsError>) -> Result<String, JsError> {
    let reply = await_promise(promise).await?;
    reply.as_string().ok_or_else(|| "an object's reply is no text".into())
}
