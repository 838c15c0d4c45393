//! What the Worker and the objects tell each other.

use serde::{Deserialize, Serialize};
use wasm_bindgen::JsCast;
use web_sys::{RequestInit, Response};
use worker::Env;

use super::runtime::{Objects, Thrown, binding, wait};
use crate::api::Request;

/// The binding of the objects that keep connectors, named by id.
pub const CONNECTOR: &str = "CONNECTOR";
/// The binding of the objects that keep who holds an index, named by index.
pub const INDEX_CLAIM: &str = "INDEX_CLAIM";

/// Where a request comes from, for the history and the log.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Origin {
    /// The id of the API key that came with it.
    pub by: Option<String>,
    /// What the request is called in the log.
    pub request_id: Option<String>,
}

/// What an object is asked.
#[derive(Debug, Serialize, Deserialize)]
pub enum Message {
    /// To a connector: carry out this request, which has been found sound.
    Request {
        /// The request.
        request: Request,
        /// Whose it is.
        origin: Origin,
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

impl Message {
    fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Sends a message to the object of that name.
///
/// # Errors
/// If the object could not be reached, or failed.
pub async fn send(
    env: &Env,
    objects: &str,
    name: &str,
    message: &Message,
) -> Result<Response, Thrown> {
    let objects: Objects = binding(env, objects)?;
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body(&message.to_text().into());
    Ok(wait(objects.get_by_name(name)?.fetch("http://object/", &init)).await?.unchecked_into())
}

/// The answer to a question with yes or no.
///
/// # Errors
/// If the object could not be reached, or failed.
pub async fn ask(env: &Env, objects: &str, name: &str, message: &Message) -> Result<bool, Thrown> {
    match send(env, objects, name, message).await?.status() {
        200 => Ok(true),
        404 => Ok(false),
        other => Err(format!("[{name}] answered {other}").into()),
    }
}

/// Says yes or no.
///
/// # Errors
/// None that a caller could mend.
pub fn reply(yes: bool) -> worker::Result<worker::Response> {
    Ok(worker::Response::empty()?.with_status(if yes { 200 } else { 404 }))
}
