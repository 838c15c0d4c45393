//! Calls from the Worker to its objects, and between objects. Messages are JSON, see `message`.

use std::cell::OnceCell;
use std::thread::LocalKey;

use js_sys::{Promise, decode_uri_component, encode_uri_component};
use wasm_bindgen::prelude::*;
use web_sys::{Headers, RequestInit};
use worker::{Env, ObjectNamespace};

use super::promise::await_promise;
use super::response::respond;
use super::{JsError, JsResult, RawRequest};

/// The name of what is thrown if an object does not answer.
pub(crate) const UNANSWERED: &str = "Unanswered";
/// The one object that all connectors report to.
const DIRECTORY: &str = "directory";
/// Where somebody watches: a message follows.
const WATCH_URL: &str = "https://directory/?message=";

#[wasm_bindgen]
extern "C" {
    // The `worker` crate calls objects by `fetch` alone; methods cost a third less.
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
    // The crate's response to a `fetch` is a copy, which a socket does not survive.
    #[wasm_bindgen(method, catch)]
    fn fetch(this: &Stub, url: &str, init: &RequestInit) -> Result<Promise, JsValue>;

    // `js_sys` has no `then` that takes closures which answer or throw.
    #[wasm_bindgen(extends = js_sys::Object)]
    type Thenable;
    #[wasm_bindgen(method)]
    fn then(this: &Thenable, done: &Handler, failed: &Handler) -> JsValue;
    #[wasm_bindgen(method, js_name = catch)]
    fn catch_with(this: &Thenable, failed: &Handler) -> JsValue;
}

type Handler = Closure<dyn FnMut(JsValue) -> JsResult>;

thread_local! {
    // Bindings do not change while this code runs.
    static CONNECTORS: OnceCell<ObjectNamespace> = const { OnceCell::new() };
    static DIRECTORIES: OnceCell<ObjectNamespace> = const { OnceCell::new() };
    // One closure for all replies: they are handed on without a future for each.
    static RESPOND: Handler =
        Closure::new(|reply: JsValue| respond(reply.unchecked_ref()).map_err(unanswered));
    static FAIL: Handler = Closure::new(|thrown: JsValue| Err(unanswered(thrown)));
}

/// What is thrown if an object does not answer, or in a format to come.
fn unanswered(cause: JsValue) -> JsError {
    let error = js_sys::Error::new("an object did not answer");
    error.set_name(UNANSWERED);
    error.set_cause(&cause);
    error.into()
}

/// An object of a namespace.
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

/// A promise of the response that a reply is.
fn response(reply: &Promise) -> JsValue {
    let reply: &Thenable = reply.unchecked_ref();
    RESPOND.with(|respond| FAIL.with(|fail| reply.then(respond, fail)))
}

/// A promise of the response of a connector's object.
pub(crate) fn handle_connector(env: &Env, id: &str, message: &str, body: Option<&str>) -> JsResult {
    Ok(response(&connector(env, id)?.handle(message, body)?))
}

/// A promise of the Directory's response.
pub(crate) fn handle_directory(env: &Env, message: &str, body: Option<&str>) -> JsResult {
    Ok(response(&directory(env)?.handle(message, body)?))
}

/// A promise of the Directory's response to somebody who wants to watch. A method cannot give a socket
/// to a Worker, the response to a request can.
pub(crate) fn watch_directory(env: &Env, message: &str) -> JsResult {
    let headers = Headers::new()?;
    headers.set("upgrade", "websocket")?;
    let init = RequestInit::new();
    init.set_headers(&headers);
    let message = String::from(encode_uri_component(message));
    let reply = directory(env)?.fetch(&format!("{WATCH_URL}{message}"), &init)?;
    Ok(FAIL.with(|fail| reply.unchecked_ref::<Thenable>().catch_with(fail)))
}

/// What `watch_directory` has put into a request.
pub(crate) fn watch_message(raw: &RawRequest) -> Result<String, JsError> {
    let url = raw.url();
    let message = url.strip_prefix(WATCH_URL).ok_or("a request without a message")?;
    Ok(decode_uri_component(message)?.into())
}

/// Tells the Directory how a connector is; gives its reply.
pub(crate) async fn apply_entry(
    env: &Env,
    entry: &str,
    document: Option<&str>,
) -> Result<String, JsError> {
    text(directory(env)?.apply(entry, document)).await
}

/// Tells the Directory how some jobs are; gives its reply.
pub(crate) async fn apply_jobs(env: &Env, jobs: &str) -> Result<String, JsError> {
    text(directory(env)?.apply_jobs(jobs)).await
}

/// Reports that a consumer of a connector's outbox is behind, or no longer is.
pub(crate) async fn report_behind(env: &Env, report: &str) -> Result<(), JsError> {
    await_promise(directory(env)?.report(report)).await.map(drop)
}

/// Asks whether a message of a webhook is to be sent by itself; gives the Directory's reply.
pub(crate) async fn notify_directory(env: &Env, message: &str) -> Result<String, JsError> {
    text(directory(env)?.notify(message)).await
}

/// Claims an index name; gives the Directory's reply.
pub(crate) async fn claim_index(env: &Env, claim: &str) -> Result<String, JsError> {
    text(directory(env)?.claim(claim)).await
}

/// Gives a claim back.
pub(crate) async fn release_index(env: &Env, claim: &str) -> Result<(), JsError> {
    await_promise(directory(env)?.release(claim)).await.map(drop)
}

/// How a connector is now, and whether it is about to take that index.
pub(crate) async fn current_entry(env: &Env, id: &str, index: &str) -> Result<String, JsError> {
    text(connector(env, id)?.current(id, index)).await
}

/// Has a connector's object tell the Directory what that has not been told of; gives its reply.
pub(crate) async fn flush_connector(env: &Env, id: &str) -> Result<String, JsError> {
    text(connector(env, id)?.flush()).await
}

/// A reply that is a text.
async fn text(promise: Result<Promise, JsError>) -> Result<String, JsError> {
    let reply = await_promise(promise).await?;
    reply.as_string().ok_or_else(|| "an object's reply is no text".into())
}
