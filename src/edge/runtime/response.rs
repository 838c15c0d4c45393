//! Converts responses of the core to responses of the runtime.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use wasm_bindgen::prelude::*;
use web_sys::{Headers, Response, ResponseInit};

use super::{JsError, JsResult, JsString};
use crate::api::{self, Format};
use crate::values::json::{self, Member};

/// The format of the text in which objects send responses to the Worker.
const FORMAT: u64 = 1;
/// `Retry-After` of 429: the shortest period of the runtime's rate limiter.
const RATE_LIMIT_RETRY_S: u32 = 10;
/// `Retry-After` of 503.
const UNAVAILABLE_RETRY_S: u32 = 1;

#[wasm_bindgen]
extern "C" {
    // A reply stays in JavaScript's memory: some of these methods take or return Rust strings in `js_sys`.
    #[wasm_bindgen(extends = js_sys::Object)]
    type Text;
    #[wasm_bindgen(method, js_name = indexOf)]
    fn index_of(this: &Text, what: &JsString, from: i32) -> i32;
    #[wasm_bindgen(method)]
    fn slice(this: &Text, from: i32, to: i32) -> JsString;
    #[wasm_bindgen(method, js_name = slice)]
    fn slice_from(this: &Text, from: i32) -> JsString;

    // `js_sys::Map` is not typed.
    #[wasm_bindgen(extends = js_sys::Object)]
    type Inits;
    #[wasm_bindgen(method)]
    fn get(this: &Inits, key: &JsString) -> Option<ResponseInit>;
    #[wasm_bindgen(method)]
    fn set(this: &Inits, key: &JsString, init: &ResponseInit);

    // `web_sys` takes the body as a Rust string.
    #[wasm_bindgen(extends = js_sys::Object, js_name = Response)]
    type TextResponse;
    #[wasm_bindgen(constructor, catch, js_class = "Response")]
    fn new(body: Option<&JsString>, init: &ResponseInit) -> Result<TextResponse, JsValue>;
}

static_strings! {
    NEWLINE = "\n",
}

thread_local! {
    /// Status and headers that many responses share, by their text. There are a few dozen of them, and reusing
    /// headers is much cheaper than creating them.
    static INITS: Inits = js_sys::Map::new().unchecked_into();
}

/// Parses the text of a response: a line of JSON with the format, the status and the shared headers, a line of
/// JSON with the response's own headers, and the body.
///
/// # Errors
/// If the text has another format, or the runtime rejects a header.
pub(super) fn respond(text: &JsString) -> JsResult {
    let text: &Text = text.unchecked_ref();
    let (first, second) = NEWLINE.with(|newline| {
        let first = text.index_of(newline, 0);
        (first, text.index_of(newline, first + 1))
    });
    let shared = text.slice(0, first);
    let init = INITS.with(|inits| match inits.get(&shared) {
        Some(init) => Ok(init),
        None => {
            let init = init_of(&String::from(&shared))?;
            inits.set(&shared, &init);
            Ok::<_, JsError>(init)
        }
    })?;
    let body = text.slice_from(second + 1);
    let response = TextResponse::new((body.length() > 0).then_some(&body), &init)?;
    // The line is longer than `{}`.
    if second - first > 3 {
        let headers = response.unchecked_ref::<Response>().headers();
        set_all(&headers, &String::from(&text.slice(first + 1, second)))?;
    }
    Ok(response.into())
}

fn init_of(shared: &str) -> Result<ResponseInit, JsError> {
    let (mut format, mut status) = (None, None);
    let headers = Headers::new()?;
    let mut set = Ok(());
    json::for_each_member(shared, &mut |name, value| match (name, value) {
        ("format", Member::Json(number)) => format = number.parse().ok(),
        ("status", Member::Json(number)) => status = number.parse().ok(),
        ("headers", Member::Json(members)) => set = set_all(&headers, members),
        _ => {}
    })
    .map_err(|error| JsValue::from(error.message))?;
    set?;
    let (Some(FORMAT), Some(status)) = (format, status) else {
        return Err(format!("a response of another format than [{FORMAT}]").into());
    };
    let init = ResponseInit::new();
    init.set_status(status);
    init.set_headers(&headers);
    Ok(init)
}

/// Sets headers from a JSON object.
fn set_all(headers: &Headers, members: &str) -> Result<(), JsError> {
    let mut set = Ok(());
    json::for_each_member(members, &mut |name, value| {
        if set.is_ok() {
            set = headers.set(name, &value.into_text());
        }
    })
    .map_err(|error| JsValue::from(error.message))?;
    set
}

/// Response headers. Serialized as a JSON object.
#[derive(Default)]
struct ResponseHeaders(Vec<(&'static str, Cow<'static, str>)>);

impl ResponseHeaders {
    fn push(&mut self, name: &'static str, value: impl Into<Cow<'static, str>>) {
        self.0.push((name, value.into()));
    }
}

impl Serialize for ResponseHeaders {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// The first line of a response's text.
#[derive(Serialize)]
struct SharedHead<'a> {
    format: u64,
    status: u16,
    headers: &'a ResponseHeaders,
}

/// A response with its headers.
pub(crate) struct HttpResponse {
    response: api::Response,
    /// Headers that many responses share.
    shared: ResponseHeaders,
    own: ResponseHeaders,
}

impl HttpResponse {
    /// Sets the headers that depend on status and format. Elasticsearch clients reject responses without
    /// `X-Elastic-Product`.
    pub fn new(response: api::Response, format: &Format) -> Self {
        let mut shared = ResponseHeaders::default();
        match response.status {
            // Like Elasticsearch, 401 and 403 have no `X-Elastic-Product`. `Basic` is accepted but not offered:
            // browsers would ask for a password, and then add it to the requests of any page.
            401 => shared.push("www-authenticate", "ApiKey, Bearer realm=\"security\""),
            403 => {}
            _ => shared.push("x-elastic-product", "Elasticsearch"),
        }
        match response.status {
            429 => shared.push("retry-after", RATE_LIMIT_RETRY_S.to_string()),
            503 => shared.push("retry-after", UNAVAILABLE_RETRY_S.to_string()),
            _ => {}
        }
        if !response.body.is_empty() {
            shared.push("content-type", format.media.content_type());
        } else if response.status == 200 {
            shared.push("content-type", "text/plain");
        }
        if let Some(allow) = response.allow {
            shared.push("allow", allow);
        }
        Self { response, shared, own: ResponseHeaders::default() }
    }

    #[must_use]
    pub fn etag(mut self, tag: Option<String>) -> Self {
        if let Some(tag) = tag {
            self.own.push("etag", tag);
        }
        self
    }

    #[must_use]
    pub fn vary(mut self, header: &'static str) -> Self {
        self.shared.push("vary", header);
        self
    }

    /// Returns the client's `X-Opaque-Id`.
    #[must_use]
    pub fn opaque_id(mut self, id: Option<String>) -> Self {
        if let Some(id) = id {
            self.own.push("x-opaque-id", id);
        }
        self
    }

    #[must_use]
    pub fn age(mut self, seconds: Option<u64>) -> Self {
        if let Some(seconds) = seconds {
            self.own.push("age", seconds.to_string());
        }
        self
    }

    /// Marks a copy that is shown because the connector's object does not answer.
    #[must_use]
    pub fn stale(mut self) -> Self {
        self.own.push("warning", "110 connector-status \"Response is Stale\"");
        self
    }

    #[must_use]
    pub fn content_type(mut self, media_type: &'static str) -> Self {
        self.shared.0.retain(|(name, _)| *name != "content-type");
        self.shared.push("content-type", media_type);
        self
    }

    /// Removes the body if the method is HEAD.
    #[must_use]
    pub fn for_method(mut self, method: &str) -> Self {
        if method == "HEAD" {
            self.response.body.clear();
        }
        self
    }

    /// The text for [`respond`], without the body.
    pub fn head(&self) -> Result<String, JsError> {
        let Self { response, shared, own } = self;
        let shared = SharedHead { format: FORMAT, status: response.status, headers: shared };
        let mut head = json::to_text(&shared)?;
        head.push('\n');
        head.push_str(&json::to_text(own)?);
        head.push('\n');
        Ok(head)
    }

    /// The text for [`respond`].
    pub fn to_text(&self) -> Result<String, JsError> {
        let mut text = self.head()?;
        text.push_str(&self.response.body);
        Ok(text)
    }

    pub fn send(&self) -> JsResult {
        respond(&JsString::from(self.to_text()?))
    }
}

pub(crate) fn no_content(headers: &[(&str, &str)]) -> JsResult {
    let all = Headers::new()?;
    for (name, value) in headers {
        all.append(name, value)?;
    }
    let init = ResponseInit::new();
    init.set_status(204);
    init.set_headers(&all);
    Ok(Response::new_with_opt_str_and_init(None, &init)?.into())
}

pub(crate) fn pass_on(response: worker::Response) -> JsValue {
    web_sys::Response::from(response).into()
}

/// A copy of a response with additional headers.
pub(crate) fn with_headers(
    response: &JsValue,
    headers: &[(&str, &str)],
) -> Result<JsValue, JsError> {
    let response: &Response = response.unchecked_ref();
    let copy = Response::new_with_opt_readable_stream_and_init(
        response.body().as_ref(),
        response.unchecked_ref(),
    )?;
    for (name, value) in headers {
        copy.headers().append(name, value)?;
    }
    Ok(copy.into())
}

pub(crate) fn status_of(response: &JsValue) -> u16 {
    response.dyn_ref::<web_sys::Response>().map_or(0, web_sys::Response::status)
}
