//! Requests. The head is read on arrival, the body only after the request is authorized.
//!
//! Each access to a header is a call to JavaScript. So header names are JavaScript strings, and headers that
//! cannot matter are not read.

use std::rc::Rc;
use std::time::Duration;

use js_sys::{ArrayBuffer, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{ReadableStream, ReadableStreamDefaultReader};

use super::promise::{self, await_promise, promise_of, timeout};
use super::{JsError, JsResult, JsString, RawRequest, describe, spawn_or_ready};
use crate::api::{ApiError, Request};
use crate::edge::settings::Settings;

/// Up to this many times the limit is read of a body that is too long, so that the client sees 413 instead of a
/// reset.
const DRAIN_FACTOR: usize = 8;
/// Timeout for the identity from Cloudflare Access.
const ACCESS_TIMEOUT: Duration = Duration::from_secs(2);
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

#[wasm_bindgen]
extern "C" {
    type ExecutionContext;
    #[wasm_bindgen(method, js_name = waitUntil)]
    fn wait_until(this: &ExecutionContext, work: &Promise);
    // `web_sys` takes names as Rust strings, and each call would create a new JavaScript string.
    type RawHeaders;
    #[wasm_bindgen(method)]
    fn get(this: &RawHeaders, name: &JsString) -> Option<String>;

    // In `web_sys` it needs three features and a dictionary.
    type DecompressionStream;
    #[wasm_bindgen(constructor)]
    fn new(format: &str) -> DecompressionStream;
    type Pipe;
    #[wasm_bindgen(method, catch, js_name = pipeThrough)]
    fn pipe_through(this: &Pipe, into: &DecompressionStream) -> Result<ReadableStream, JsValue>;

    // `web_sys` returns a plain object from a reader.
    type ReadResult;
    #[wasm_bindgen(method, getter)]
    fn done(this: &ReadResult) -> bool;
    #[wasm_bindgen(method, getter)]
    fn value(this: &ReadResult) -> JsValue;

    // The `worker` crate has no `ctx.access`.
    type Access;
    #[wasm_bindgen(method, catch, js_name = getIdentity)]
    fn get_identity(this: &Access) -> Result<Promise, JsValue>;
}

static_strings! {
    ACCEPT = "accept",
    ADDRESS = "cf-connecting-ip",
    AUTHORIZATION = "authorization",
    CONTENT_ENCODING = "content-encoding",
    CONTENT_LENGTH = "content-length",
    CONTENT_TYPE = "content-type",
    FETCH_SITE = "sec-fetch-site",
    FORWARDED_FOR = "x-forwarded-for",
    IF_MATCH = "if-match",
    IF_NONE_MATCH = "if-none-match",
    LOCAL_PROXY = "x-connector-status-local-proxy",
    OPAQUE_ID = "x-opaque-id",
    ORIGIN = "origin",
    PREFLIGHT = "access-control-request-method",
    RAY = "cf-ray",
    UPGRADE = "upgrade",
    VIA = "via",
}

macro_rules! header {
    ($headers:expr, $name:ident) => {
        $name.with(|name| $headers.get(name))
    };
}

/// The head of a request. Absent headers are empty.
pub(crate) struct RequestHead {
    /// The request without its body.
    pub request: Request,
    pub settings: Rc<Settings>,
    /// `http` or `https`.
    pub scheme: String,
    /// Host and port.
    pub host: String,
    pub authorization: String,
    /// `Origin`
    pub origin: String,
    /// `Upgrade`, of requests that may open a WebSocket.
    pub upgrade: String,
    pub sec_fetch_site: String,
    /// `X-Opaque-Id`: the client's id of the request.
    pub opaque_id: Option<String>,
    /// `CF-Ray`: Cloudflare's id of the request.
    pub ray: Option<String>,
    /// `Access-Control-Request-Method` of a preflight.
    pub preflight_method: String,
}

impl RequestHead {
    pub fn of(raw: &RawRequest, settings: Rc<Settings>) -> Self {
        let method = raw.method();
        let url = raw.url();
        let headers = headers_of(raw);
        let reads = matches!(method.as_str(), "GET" | "HEAD");
        let may_watch = method == "GET" && url.contains("/_watch");
        let needs_origin = !settings.cors_origins.is_empty() || !reads || may_watch;
        macro_rules! header_if {
            ($matters:expr, $name:ident) => {
                if $matters { header!(headers, $name) } else { None }
            };
        }
        let (host, target) = host_and_target(&url);
        Self {
            scheme: url.split_once("://").map_or("", |(scheme, _)| scheme).to_owned(),
            host: host.to_owned(),
            authorization: header!(headers, AUTHORIZATION).unwrap_or_default(),
            origin: header_if!(needs_origin, ORIGIN).unwrap_or_default(),
            upgrade: header_if!(may_watch, UPGRADE).unwrap_or_default(),
            sec_fetch_site: header_if!(!reads, FETCH_SITE).unwrap_or_default(),
            opaque_id: header!(headers, OPAQUE_ID).filter(|id| !id.is_empty()),
            ray: header!(headers, RAY),
            preflight_method: header_if!(method == "OPTIONS", PREFLIGHT).unwrap_or_default(),
            request: Request {
                target: target.to_owned(),
                body: String::new(),
                content_type: None,
                accept: header!(headers, ACCEPT),
                if_match: header_if!(!reads, IF_MATCH),
                if_none_match: header!(headers, IF_NONE_MATCH),
                method,
            },
            settings,
        }
    }

    /// Whether the client wants to upgrade to a WebSocket.
    pub fn wants_socket(&self) -> bool {
        self.upgrade.eq_ignore_ascii_case("websocket")
    }

    /// The request's id in the log.
    pub fn request_id(&self) -> Option<&str> {
        self.ray.as_deref().or(self.opaque_id.as_deref())
    }
}

fn headers_of(raw: &RawRequest) -> RawHeaders {
    JsValue::from(raw.headers()).unchecked_into()
}

/// The secret that the proxy of `npm start` adds to requests; empty if absent.
pub(crate) fn local_proxy_secret(raw: &RawRequest) -> String {
    header!(headers_of(raw), LOCAL_PROXY).unwrap_or_default()
}

/// The client's address; empty if Cloudflare does not send it.
pub(crate) fn client_address(raw: &RawRequest) -> String {
    header!(headers_of(raw), ADDRESS).unwrap_or_default()
}

/// `Via` and `X-Forwarded-For`.
pub(crate) fn proxy_headers(raw: &RawRequest) -> (String, String) {
    let headers = headers_of(raw);
    let via = header!(headers, VIA).unwrap_or_default();
    (via, header!(headers, FORWARDED_FOR).unwrap_or_default())
}

/// Host with port, and path with query, of a URL from the runtime.
fn host_and_target(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (host, target) = match rest.find('/').and_then(|slash| rest.split_at_checked(slash)) {
        Some((host, target)) => (host, target),
        None => (rest, "/"),
    };
    (host, target.split('#').next().unwrap_or(target))
}

/// Runs work after the response. `context`: the runtime's `ExecutionContext`.
pub(crate) fn after_response(context: &JsValue, work: impl Future<Output = ()> + 'static) {
    let promise = promise_of(async move {
        work.await;
        Ok(JsValue::UNDEFINED)
    });
    context.unchecked_ref::<ExecutionContext>().wait_until(&promise);
}

/// The e-mail address of a user who has signed in through Cloudflare Access. `None`: no one has, or it is a
/// service, which has no address.
pub(crate) async fn access_email(context: &JsValue) -> Result<Option<String>, String> {
    let access = Reflect::get(context, &"access".into()).unwrap_or_default();
    if access.is_falsy() {
        return Ok(None);
    }
    let email = async {
        let identity = await_promise(access.unchecked_ref::<Access>().get_identity()).await?;
        if identity.is_falsy() {
            Ok(JsValue::UNDEFINED)
        } else {
            Reflect::get(&identity, &"email".into())
        }
    };
    match timeout(ACCESS_TIMEOUT, email).await {
        Some(Ok(email)) => Ok(email
            .as_string()
            .map(|email| email.trim().to_owned())
            .filter(|email| !email.is_empty())),
        Some(Err(thrown)) => Err(describe(&thrown)),
        None => Err(format!("no answer within {} ms", ACCESS_TIMEOUT.as_millis())),
    }
}

/// A body that has not been read.
pub(crate) struct Body {
    pub content_type: Option<String>,
    encoding: Option<String>,
    length: Option<usize>,
}

impl Body {
    /// The body of a request, if it has one.
    pub fn of(raw: &RawRequest) -> Option<Self> {
        let headers = headers_of(raw);
        // Accessing the stream costs more than reading a header.
        let length = header!(headers, CONTENT_LENGTH);
        let has_body = match length.as_deref() {
            Some(length) => length != "0",
            None => raw.body().is_some(),
        };
        has_body.then(|| Self {
            content_type: header!(headers, CONTENT_TYPE),
            encoding: header!(headers, CONTENT_ENCODING).filter(|it| !it.is_empty()),
            length: length.and_then(|length| length.parse().ok()),
        })
    }

    /// Reads up to `limit` bytes and calls `then` with the text or the error. Returns the result of `then`, or a
    /// promise of it.
    pub fn read(
        self,
        raw: &RawRequest,
        limit: usize,
        then: impl FnOnce(Result<String, ApiError>) -> JsResult + 'static,
    ) -> JsResult {
        let is_gzip = match self.encoding {
            None => false,
            Some(name) if name.eq_ignore_ascii_case("identity") => false,
            Some(name) if name.eq_ignore_ascii_case("gzip") => true,
            Some(name) => return then(Err(ApiError::unsupported_encoding(&name))),
        };
        if !is_gzip && self.length.is_some_and(|length| length <= limit) {
            // The common case: one promise, and one closure for both outcomes.
            let done = Closure::once_into_js(move |read: JsValue| {
                then(match read.dyn_into::<ArrayBuffer>() {
                    Ok(bytes) => text(Uint8Array::new(&bytes).to_vec()),
                    Err(_) => Err(ApiError::cut_off()),
                })
            });
            return Ok(promise::then(raw.array_buffer()?.unchecked_ref(), &done, &done));
        }
        let Some(stream) = raw.body() else { return then(Ok(String::new())) };
        let (stream, read_limit) = if is_gzip {
            let pipe: &Pipe = stream.unchecked_ref();
            (pipe.pipe_through(&DecompressionStream::new("gzip"))?, limit)
        } else {
            (stream, limit.saturating_mul(DRAIN_FACTOR))
        };
        spawn_or_ready(async move {
            then(match read_stream(stream, limit, read_limit).await {
                Ok(Some(bytes)) => text(bytes),
                Ok(None) => Err(ApiError::too_long(limit)),
                Err(_) if is_gzip => Err(ApiError::not_gzip()),
                Err(_) => Err(ApiError::cut_off()),
            })
        })
    }
}

/// The bytes of a stream; `None` if there are more than `limit`. Then up to `read_limit` bytes are read and
/// discarded.
async fn read_stream(
    stream: ReadableStream,
    limit: usize,
    read_limit: usize,
) -> Result<Option<Vec<u8>>, JsError> {
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    let (mut bytes, mut size) = (Vec::new(), 0_usize);
    loop {
        let read: ReadResult = await_promise(Ok(reader.read())).await?.unchecked_into();
        if read.done() {
            return Ok((size <= limit).then_some(bytes));
        }
        let chunk: Uint8Array = read.value().unchecked_into();
        size = size.saturating_add(chunk.length() as usize);
        if size > read_limit {
            // The response is the same if this fails.
            drop(reader.cancel());
            return Ok(None);
        }
        if size <= limit {
            bytes.extend(chunk.to_vec());
        } else {
            bytes = Vec::new();
        }
    }
}

/// A body as text, without a byte order mark.
fn text(mut bytes: Vec<u8>) -> Result<String, ApiError> {
    if let Err(error) = std::str::from_utf8(&bytes) {
        return Err(ApiError::not_utf8(error.valid_up_to()));
    }
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    String::from_utf8(bytes).map_err(|error| ApiError::not_utf8(error.utf8_error().valid_up_to()))
}
