//! Requests: the head as it arrives, the body when somebody has the right to be heard.
//!
//! Each look at a header costs, so names are JavaScript strings already, and none is asked for where it
//! cannot matter.

use std::rc::Rc;
use std::time::Duration;

use js_sys::{ArrayBuffer, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{ReadableStream, ReadableStreamDefaultReader};

use super::promise::{await_promise, promise_of, timeout};
use super::{JsError, JsResult, JsString, RawRequest, describe, spawn_or_ready};
use crate::api::{ApiError, Request};
use crate::edge::settings::Settings;

/// How many times the limit is read of a body that is too long, so that the client sees 413 instead of a
/// reset.
const DRAIN_FACTOR: usize = 8;
/// How long Cloudflare Access may take to say who has signed in.
const ACCESS_LIMIT: Duration = Duration::from_secs(2);
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

#[wasm_bindgen]
extern "C" {
    type ExecutionContext;
    #[wasm_bindgen(method, js_name = waitUntil)]
    fn wait_until(this: &ExecutionContext, work: &Promise);
    // `web_sys` takes names as Rust strings, and each crossing would make a new one.
    type RawHeaders;
    #[wasm_bindgen(method)]
    fn get(this: &RawHeaders, name: &JsString) -> Option<String>;

    // `js_sys` has no `then` that takes closures which answer with a promise or throw.
    #[wasm_bindgen(extends = js_sys::Object)]
    type Thenable;
    #[wasm_bindgen(method)]
    fn then(this: &Thenable, done: &JsValue, failed: &JsValue) -> JsValue;

    // `web_sys` has it behind three features and a dictionary.
    type DecompressionStream;
    #[wasm_bindgen(constructor)]
    fn new(format: &str) -> DecompressionStream;
    type Pipe;
    #[wasm_bindgen(method, catch, js_name = pipeThrough)]
    fn pipe_through(this: &Pipe, into: &DecompressionStream) -> Result<ReadableStream, JsValue>;

    // What a reader gives is a plain object to `web_sys`.
    type ReadResult;
    #[wasm_bindgen(method, getter)]
    fn done(this: &ReadResult) -> bool;
    #[wasm_bindgen(method, getter)]
    fn value(this: &ReadResult) -> JsValue;

    // The `worker` crate knows nothing of `ctx.access`.
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

/// Looks at a header.
macro_rules! header {
    ($headers:expr, $name:ident) => {
        $name.with(|name| $headers.get(name))
    };
}

/// The head of a request. Absent headers are empty.
pub(crate) struct Incoming {
    /// The request, whose body has not been read.
    pub request: Request,
    /// What the Worker's settings say.
    pub settings: Rc<Settings>,
    /// `http` or `https`.
    pub scheme: String,
    /// Host and port that the caller has asked.
    pub host: String,
    /// `Authorization`
    pub authorization: String,
    /// `Origin`
    pub origin: String,
    /// `Upgrade`, if somebody may want to watch.
    pub upgrade: String,
    /// `Sec-Fetch-Site`
    pub sec_fetch_site: String,
    /// `X-Opaque-Id`: the caller's name for the request.
    pub opaque_id: Option<String>,
    /// `CF-Ray`: Cloudflare's name for the request.
    pub ray: Option<String>,
    /// `Access-Control-Request-Method` of a preflight.
    pub preflight_method: String,
}

impl Incoming {
    /// Reads the head of a request.
    pub fn of(raw: &RawRequest, settings: Rc<Settings>) -> Self {
        let method = raw.method();
        let url = raw.url();
        let headers = headers_of(raw);
        let reads = matches!(method.as_str(), "GET" | "HEAD");
        let may_watch = method == "GET" && url.contains("/_watch");
        let says_origin = !settings.cors_origins.is_empty() || !reads || may_watch;
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
            origin: header_if!(says_origin, ORIGIN).unwrap_or_default(),
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

    /// Does the caller want to go on with a WebSocket?
    pub fn wants_socket(&self) -> bool {
        self.upgrade.eq_ignore_ascii_case("websocket")
    }

    /// What the request is called in the log.
    pub fn request_id(&self) -> Option<&str> {
        self.ray.as_deref().or(self.opaque_id.as_deref())
    }
}

fn headers_of(raw: &RawRequest) -> RawHeaders {
    JsValue::from(raw.headers()).unchecked_into()
}

/// What the proxy of `npm start` puts into a header; empty if it is not there.
pub(crate) fn local_proxy(raw: &RawRequest) -> String {
    header!(headers_of(raw), LOCAL_PROXY).unwrap_or_default()
}

/// Where a request comes from, if Cloudflare says it.
pub(crate) fn address(raw: &RawRequest) -> String {
    header!(headers_of(raw), ADDRESS).unwrap_or_default()
}

/// What the proxies before this one say: `Via`, `X-Forwarded-For`.
pub(crate) fn hops(raw: &RawRequest) -> (String, String) {
    let headers = headers_of(raw);
    let via = header!(headers, VIA).unwrap_or_default();
    (via, header!(headers, FORWARDED_FOR).unwrap_or_default())
}

/// Host with port, and path with query, of a URL as the runtime writes it.
fn host_and_target(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (host, target) = match rest.find('/').and_then(|slash| rest.split_at_checked(slash)) {
        Some((host, target)) => (host, target),
        None => (rest, "/"),
    };
    (host, target.split('#').next().unwrap_or(target))
}

/// Lets work go on after the response. `context` is what the runtime gives beside the request.
pub(crate) fn after_response(context: &JsValue, work: impl Future<Output = ()> + 'static) {
    let promise = promise_of(async move {
        work.await;
        Ok(JsValue::UNDEFINED)
    });
    context.unchecked_ref::<ExecutionContext>().wait_until(&promise);
}

/// The e-mail address of somebody who has signed in by Cloudflare Access, where it stands in front.
/// `context` is what the runtime gives beside the request. `None`: nobody has, or without an address, as
/// services do.
pub(crate) async fn signed_in(context: &JsValue) -> Result<Option<String>, String> {
    let access = Reflect::get(context, &"access".into()).unwrap_or_default();
    if access.is_falsy() {
        return Ok(None);
    }
    let asked = async {
        let identity = await_promise(access.unchecked_ref::<Access>().get_identity()).await?;
        match identity.is_falsy() {
            true => Ok(JsValue::UNDEFINED),
            false => Reflect::get(&identity, &"email".into()),
        }
    };
    match timeout(ACCESS_LIMIT, asked).await {
        Some(Ok(email)) => Ok(email
            .as_string()
            .map(|email| email.trim().to_owned())
            .filter(|email| !email.is_empty())),
        Some(Err(thrown)) => Err(describe(&thrown)),
        None => Err(format!("no answer within {} ms", ACCESS_LIMIT.as_millis())),
    }
}

/// A body that is there and has not been read.
pub(crate) struct Body {
    /// `Content-Type`
    pub content_type: Option<String>,
    encoding: Option<String>,
    length: Option<usize>,
}

impl Body {
    /// The body of a request, if it has one.
    pub fn of(raw: &RawRequest) -> Option<Self> {
        let headers = headers_of(raw);
        // To look at the stream costs more than to look at a header.
        let length = header!(headers, CONTENT_LENGTH);
        let is_there = match length.as_deref() {
            Some(length) => length != "0",
            None => raw.body().is_some(),
        };
        is_there.then(|| Self {
            content_type: header!(headers, CONTENT_TYPE),
            encoding: header!(headers, CONTENT_ENCODING).filter(|it| !it.is_empty()),
            length: length.and_then(|length| length.parse().ok()),
        })
    }

    /// Reads it, up to that many bytes, and goes on with it as text, or with what is wrong with it. Gives
    /// what `go_on` ends with, or a promise of that.
    pub fn read(
        self,
        raw: &RawRequest,
        limit: usize,
        go_on: impl FnOnce(Result<String, ApiError>) -> JsResult + 'static,
    ) -> JsResult {
        let is_gzip = match self.encoding {
            None => false,
            Some(name) if name.eq_ignore_ascii_case("identity") => false,
            Some(name) if name.eq_ignore_ascii_case("gzip") => true,
            Some(name) => return go_on(Err(ApiError::unsupported_encoding(&name))),
        };
        if !is_gzip && self.length.is_some_and(|length| length <= limit) {
            // Most bodies: one promise, one closure for either end of it.
            let done = Closure::once_into_js(move |read: JsValue| {
                go_on(match read.dyn_into::<ArrayBuffer>() {
                    Ok(bytes) => text(Uint8Array::new(&bytes).to_vec()),
                    Err(_) => Err(ApiError::cut_off()),
                })
            });
            let promise = JsValue::from(raw.array_buffer()?);
            return Ok(promise.unchecked_ref::<Thenable>().then(&done, &done));
        }
        let Some(stream) = raw.body() else { return go_on(Ok(String::new())) };
        let (stream, most) = match is_gzip {
            true => {
                let pipe: &Pipe = stream.unchecked_ref();
                (pipe.pipe_through(&DecompressionStream::new("gzip"))?, limit)
            }
            false => (stream, limit.saturating_mul(DRAIN_FACTOR)),
        };
        spawn_or_ready(async move {
            go_on(match pieces(stream, limit, most).await {
                Ok(Some(bytes)) => text(bytes),
                Ok(None) => Err(ApiError::too_long(limit)),
                Err(_) if is_gzip => Err(ApiError::not_gzip()),
                Err(_) => Err(ApiError::cut_off()),
            })
        })
    }
}

/// The bytes of a stream; `None` if there are more than `limit`. Of those, no more than `most` are read,
/// and none is kept.
async fn pieces(
    stream: ReadableStream,
    limit: usize,
    most: usize,
) -> Result<Option<Vec<u8>>, JsError> {
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    let (mut bytes, mut size) = (Vec::new(), 0_usize);
    loop {
        let read: ReadResult = await_promise(Ok(reader.read())).await?.unchecked_into();
        if read.done() {
            return Ok((size <= limit).then_some(bytes));
        }
        let piece: Uint8Array = read.value().unchecked_into();
        size = size.saturating_add(piece.length() as usize);
        if size > most {
            // Whether the rest can be called off makes no difference to the answer.
            drop(reader.cancel());
            return Ok(None);
        }
        match size <= limit {
            true => bytes.extend(piece.to_vec()),
            false => bytes = Vec::new(),
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
