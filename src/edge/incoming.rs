//! From a request of the runtime to a request of the core.

use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::ReadableStreamDefaultReader;
use worker::Env;

use super::runtime;
use crate::api::{BODY_LIMIT, Failure, Request};

/// What comes before the body, and what of it is not the core's concern. An absent header is an
/// empty text.
#[derive(Debug, Default)]
pub struct Head {
    /// The request, its body not read yet.
    pub request: Request,
    /// The setting of that name.
    pub anonymous_privilege: String,
    /// The setting of that name.
    pub cors_origins: String,
    content_length: String,
    /// The header of that name.
    pub authorization: String,
    /// The header of that name.
    pub origin: String,
    /// The header of that name.
    pub sec_fetch_site: String,
    /// The header of that name.
    pub x_opaque_id: String,
    /// The header of that name.
    pub cf_ray: String,
    /// The header of that name.
    pub cf_connecting_ip: String,
    /// The header of that name.
    pub access_control_request_method: String,
}

/// Reads what comes before the body, in the order of `runtime.js`.
pub fn read_head(raw: &web_sys::Request, env: &Env) -> Head {
    let text = runtime::head(raw, env.as_ref());
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default().to_owned();
    let present = |line: String| Some(line).filter(|line| !line.is_empty());
    let mut head = Head::default();
    head.request.method = line();
    head.request.target = target(&line());
    head.anonymous_privilege = line();
    head.cors_origins = line();
    head.request.accept = present(line());
    head.request.content_type = present(line());
    head.content_length = line();
    head.request.if_match = present(line());
    head.request.if_none_match = present(line());
    head.authorization = line();
    head.origin = line();
    head.sec_fetch_site = line();
    head.x_opaque_id = line();
    head.cf_ray = line();
    head.cf_connecting_ip = line();
    head.access_control_request_method = line();
    head
}

/// Reads the body of a request, if it has one.
///
/// # Errors
/// 413 for a body that is too long, 400 for one that is not UTF-8 or breaks off.
pub async fn read_body(raw: &web_sys::Request, head: &mut Head) -> Result<(), Failure> {
    if head.content_length == "0" || raw.body().is_none() {
        return Ok(());
    }
    head.request.body = body_text(raw, &head.content_length).await?;
    Ok(())
}

/// Path and query of a URL as the runtime writes it.
fn target(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or("/");
    path.split('#').next().unwrap_or(path).to_owned()
}

async fn body_text(raw: &web_sys::Request, length: &str) -> Result<String, Failure> {
    let bytes = match length.parse::<usize>().ok() {
        Some(length) if length > BODY_LIMIT => return Err(Failure::too_long(BODY_LIMIT)),
        Some(_) => read_at_once(raw).await,
        None => read_in_pieces(raw).await?,
    };
    let bytes = bytes.map_err(|_| Failure::cut_off())?;
    String::from_utf8(bytes).map_err(|error| Failure::not_utf8(error.utf8_error().valid_up_to()))
}

async fn read_at_once(raw: &web_sys::Request) -> Result<Vec<u8>, JsValue> {
    let buffer = JsFuture::from(raw.array_buffer()?).await?;
    Ok(Uint8Array::new(&buffer).to_vec())
}

/// A body of unknown length is read only as far as is allowed.
async fn read_in_pieces(raw: &web_sys::Request) -> Result<Result<Vec<u8>, JsValue>, Failure> {
    let Some(stream) = raw.body() else { return Ok(Ok(Vec::new())) };
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    let mut bytes = Vec::new();
    loop {
        let piece = match JsFuture::from(reader.read()).await {
            Ok(piece) => piece,
            Err(error) => return Ok(Err(error)),
        };
        let value = Reflect::get(&piece, &"value".into()).unwrap_or(JsValue::UNDEFINED);
        if value.is_undefined() {
            return Ok(Ok(bytes));
        }
        bytes.extend(Uint8Array::new(&value).to_vec());
        if bytes.len() > BODY_LIMIT {
            // Nobody waits for the rest; whether the sender hears of it is not our concern.
            drop(reader.cancel());
            return Err(Failure::too_long(BODY_LIMIT));
        }
    }
}
