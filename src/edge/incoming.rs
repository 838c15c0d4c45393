//! From a request of the runtime to a request of the core.

use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::ReadableStreamDefaultReader;

use crate::api::{BODY_LIMIT, Failure, Request};

/// Reads what comes before the body.
pub fn read_head(raw: &web_sys::Request) -> Request {
    let headers = raw.headers();
    let header = |name| headers.get(name).ok().flatten();
    Request {
        method: raw.method(),
        target: target(&raw.url()),
        accept: header("accept"),
        if_match: header("if-match"),
        if_none_match: header("if-none-match"),
        ..Request::default()
    }
}

/// Reads the body of a request, if it has one.
///
/// # Errors
/// 413 for a body that is too long, 400 for one that is not UTF-8 or breaks off.
pub async fn read_body(raw: &web_sys::Request, request: &mut Request) -> Result<(), Failure> {
    if raw.body().is_none() {
        return Ok(());
    }
    let headers = raw.headers();
    let header = |name| headers.get(name).ok().flatten();
    request.body = body_text(raw, header("content-length")).await?;
    if !request.body.is_empty() {
        request.content_type = header("content-type");
    }
    Ok(())
}

/// Path and query of a URL as the runtime writes it.
fn target(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or("/");
    path.split('#').next().unwrap_or(path).to_owned()
}

async fn body_text(raw: &web_sys::Request, length: Option<String>) -> Result<String, Failure> {
    let bytes = match length.and_then(|length| length.parse::<usize>().ok()) {
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
