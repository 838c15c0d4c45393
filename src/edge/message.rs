//! What the Worker and the objects tell each other.

use serde_json::{Value, json};
use wasm_bindgen::JsCast;
use web_sys::Response;
use worker::Env;

use super::runtime::{self, Thrown, wait};
use crate::api::Request;

/// The binding of the objects that keep connectors, named by id.
pub const CONNECTOR: &str = "CONNECTOR";
/// The binding of the objects that keep who holds an index, named by index.
pub const INDEX_CLAIM: &str = "INDEX_CLAIM";

/// Where a request comes from, for the history and the log.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The id of the API key that came with it.
    pub by: Option<String>,
    /// What the request is called in the log.
    pub request_id: Option<String>,
}

/// What an object is asked.
#[derive(Debug)]
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

// By hand, not derived: the derived code weighs thirteen kilobytes.
impl Message {
    fn to_text(&self) -> String {
        match self {
            Self::Request { request, origin, opaque_id } => json!({
                "method": request.method,
                "target": request.target,
                "body": request.body,
                "content_type": request.content_type,
                "accept": request.accept,
                "if_match": request.if_match,
                "if_none_match": request.if_none_match,
                "by": origin.by,
                "request_id": origin.request_id,
                "opaque_id": opaque_id,
            }),
            Self::Holds { id, index } => json!({ "holds": index, "id": id }),
            Self::Claim { index, id } => json!({ "claim": index, "id": id }),
        }
        .to_string()
    }

    /// Reads a message; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let message: Value = serde_json::from_str(text).ok()?;
        let text = |name: &str| message.get(name).and_then(Value::as_str).map(str::to_owned);
        if let Some(index) = text("holds") {
            return Some(Self::Holds { id: text("id")?, index });
        }
        if let Some(index) = text("claim") {
            return Some(Self::Claim { id: text("id")?, index });
        }
        let request = Request {
            method: text("method")?,
            target: text("target")?,
            body: text("body")?,
            content_type: text("content_type"),
            accept: text("accept"),
            if_match: text("if_match"),
            if_none_match: text("if_none_match"),
        };
        let origin = Origin { by: text("by"), request_id: text("request_id") };
        Some(Self::Request { request, origin, opaque_id: text("opaque_id") })
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
    Ok(wait(runtime::send(env, objects, name, &message.to_text())).await?.unchecked_into())
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
