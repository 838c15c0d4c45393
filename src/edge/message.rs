//! What the Worker and the objects tell each other.

use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{RequestInit, Response};
use worker::{Env, EnvBinding, Stub};

use crate::api::Request;

/// The binding of the objects that keep connectors, named by id.
pub const CONNECTOR: &str = "CONNECTOR";
/// The binding of the objects that keep who holds an index, named by index.
pub const INDEX_CLAIM: &str = "INDEX_CLAIM";

/// What an object is asked.
#[derive(Debug, Serialize, Deserialize)]
pub enum Message {
    /// To a connector: carry out this request, which has been found sound.
    Request {
        /// The request.
        request: Request,
        /// The id of the API key that came with it.
        by: Option<String>,
        /// The caller's own name for the request, for the answer.
        opaque_id: Option<String>,
    },
    /// To a connector: do you hold this index, or are you about to?
    Holds {
        /// Your id.
        id: String,
        /// The index.
        index: String,
    },
    /// To an index: this connector wants to hold you.
    Claim {
        /// Your name.
        index: String,
        /// The connector's id.
        id: String,
    },
}

#[wasm_bindgen]
extern "C" {
    /// Whatever can be fetched from: the stub of an object, the assets.
    pub type Fetcher;

    #[wasm_bindgen(method, catch)]
    fn fetch(this: &Fetcher, url: &str, init: &RequestInit) -> Result<js_sys::Promise, JsValue>;

    /// Passes a request on as it is.
    #[wasm_bindgen(method, catch, js_name = fetch)]
    pub fn fetch_request(
        this: &Fetcher,
        request: &web_sys::Request,
    ) -> Result<js_sys::Promise, JsValue>;
}

impl EnvBinding for Fetcher {
    const TYPE_NAME: &'static str = "Fetcher";
}

/// Sends a message to the object of that name.
///
/// # Errors
/// If the object could not be reached, or failed.
pub async fn send(
    env: &Env,
    binding: &str,
    name: &str,
    message: &Message,
) -> worker::Result<Response> {
    let stub: Stub = env.durable_object(binding)?.get_by_name(name)?;
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body(&serde_json::to_string(message)?.into());
    let response = stub.into_rpc::<Fetcher>().fetch("http://object/", &init)?;
    Ok(JsFuture::from(response).await?.into())
}

/// The answer to a question with yes or no.
///
/// # Errors
/// If the object could not be reached, or failed.
pub async fn ask(env: &Env, binding: &str, name: &str, message: &Message) -> worker::Result<bool> {
    let response = send(env, binding, name, message).await?;
    match response.status() {
        200 => Ok(true),
        404 => Ok(false),
        other => Err(worker::Error::RustError(format!("answered {other}"))),
    }
}

/// Says yes or no.
///
/// # Errors
/// None that a caller could mend.
pub fn reply(yes: bool) -> worker::Result<worker::Response> {
    Ok(worker::Response::empty()?.with_status(if yes { 200 } else { 404 }))
}
