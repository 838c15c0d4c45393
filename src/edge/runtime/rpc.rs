//! Calls from the Worker to its objects, and between objects. Messages are JSON, see `message`.

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use worker::Env;

use super::promise::await_promise;
use super::{JsError, JsResult, JsString};

#[wasm_bindgen(module = "/src/edge/runtime/rpc.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = handleConnector)]
    fn handle_connector_js(
        env: &Env,
        id: &str,
        message: &str,
        body: Option<&JsString>,
    ) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_name = handleDirectory)]
    fn handle_directory_js(
        env: &Env,
        message: &str,
        body: Option<&JsString>,
    ) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_name = watchDirectory)]
    fn watch_directory_js(env: &Env, message: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_name = applyEntry)]
    fn apply_entry_js(env: &Env, entry: &str, document: Option<&str>) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_name = applyJobs)]
    fn apply_jobs_js(env: &Env, jobs: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_name = reportBehind)]
    fn report_behind_js(env: &Env, report: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_name = notifyDirectory)]
    fn notify_directory_js(env: &Env, message: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_name = claimIndex)]
    fn claim_index_js(env: &Env, claim: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_name = releaseIndex)]
    fn release_index_js(env: &Env, claim: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_name = currentEntry)]
    fn current_entry_js(env: &Env, id: &str, index: &str) -> Result<Promise, JsValue>;
}

/// A promise of the response of a connector's object.
///
/// # Errors
/// If there is no such binding.
pub(crate) fn handle_connector(
    env: &Env,
    id: &str,
    message: &str,
    body: Option<&JsString>,
) -> JsResult {
    handle_connector_js(env, id, message, body).map(JsValue::from)
}

/// A promise of the Directory's response.
///
/// # Errors
/// If there is no such binding.
pub(crate) fn handle_directory(env: &Env, message: &str, body: Option<&JsString>) -> JsResult {
    handle_directory_js(env, message, body).map(JsValue::from)
}

/// A promise of the Directory's response to somebody who wants to watch.
///
/// # Errors
/// If there is no such binding.
pub(crate) fn watch_directory(env: &Env, message: &str) -> JsResult {
    watch_directory_js(env, message).map(JsValue::from)
}

/// Tells the Directory how a connector is; gives its reply.
///
/// # Errors
/// If the Directory does not answer.
pub(crate) async fn apply_entry(
    env: &Env,
    entry: &str,
    document: Option<&str>,
) -> Result<String, JsError> {
    text(apply_entry_js(env, entry, document)).await
}

/// Tells the Directory how some jobs are; gives its reply.
///
/// # Errors
/// If the Directory does not answer.
pub(crate) async fn apply_jobs(env: &Env, jobs: &str) -> Result<String, JsError> {
    text(apply_jobs_js(env, jobs)).await
}

/// Reports that a consumer of a connector's outbox is behind, or no longer is.
///
/// # Errors
/// If the Directory does not answer.
pub(crate) async fn report_behind(env: &Env, report: &str) -> Result<(), JsError> {
    await_promise(report_behind_js(env, report)).await.map(drop)
}

/// Asks whether a message of a webhook is to be sent by itself; gives the Directory's reply.
///
/// # Errors
/// If the Directory does not answer.
pub(crate) async fn notify_directory(env: &Env, message: &str) -> Result<String, JsError> {
    text(notify_directory_js(env, message)).await
}

/// Claims an index name; gives the Directory's reply.
///
/// # Errors
/// If the Directory does not answer.
pub(crate) async fn claim_index(env: &Env, claim: &str) -> Result<String, JsError> {
    text(claim_index_js(env, claim)).await
}

/// Gives a claim back.
///
/// # Errors
/// If the Directory does not answer.
pub(crate) async fn release_index(env: &Env, claim: &str) -> Result<(), JsError> {
    await_promise(release_index_js(env, claim)).await.map(drop)
}

/// How a connector is now, and whether it is about to take that index.
///
/// # Errors
/// If its object does not answer.
pub(crate) async fn current_entry(env: &Env, id: &str, index: &str) -> Result<String, JsError> {
    text(current_entry_js(env, id, index)).await
}

async fn text(promise: Result<Promise, JsError>) -> Result<String, JsError> {
    Ok(await_promise(promise).await?.as_string().unwrap_or_default())
}
