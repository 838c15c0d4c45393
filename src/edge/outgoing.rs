//! From an answer of the core to a response of the runtime.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use wasm_bindgen::JsCast;
use web_sys::Response;

use super::runtime::{JsError, respond};
use super::task::JsResult;
use crate::api::{self, Format};

/// When to try again after too many writes: the shortest period that the runtime counts in.
const RETRY_AFTER_S: u32 = 10;

/// An answer with its headers.
pub struct Reply {
    answer: api::Response,
    /// Headers that other answers have too, letter by letter.
    common: Vec<(&'static str, Cow<'static, str>)>,
    /// Headers of this answer alone.
    own: Vec<(&'static str, String)>,
}

impl Reply {
    /// An answer in that format. Clients refuse answers that do not name the product.
    pub fn new(answer: api::Response, format: &Format) -> Self {
        let mut common = match answer.status {
            // Those who are not let in are not told the product, as upstream. `Basic` is not
            // offered though it is taken: browsers would ask for a password, and from then on add
            // it to whatever any page sends here.
            401 => vec![("www-authenticate", "ApiKey, Bearer realm=\"security\"".into())],
            403 => Vec::new(),
            _ => vec![("x-elastic-product", "Elasticsearch".into())],
        };
        if answer.status == 429 {
            common.push(("retry-after", RETRY_AFTER_S.to_string().into()));
        }
        match answer.body.is_empty() {
            false => common.push(("content-type", format.media.content_type())),
            true if answer.status == 200 => common.push(("content-type", "text/plain".into())),
            true => {}
        }
        if let Some(allow) = answer.allow {
            common.push(("allow", allow.into()));
        }
        Self { answer, common, own: Vec::new() }
    }

    /// With an entity tag.
    pub fn etag(mut self, tag: Option<String>) -> Self {
        self.own.extend(tag.map(|tag| ("etag", tag)));
        self
    }

    /// Caches must keep answers apart by this request header.
    pub fn vary(mut self, header: &'static str) -> Self {
        self.common.push(("vary", header.into()));
        self
    }

    /// Tells the caller its own name for the request.
    pub fn opaque_id(mut self, id: Option<String>) -> Self {
        self.own.extend(id.map(|id| ("x-opaque-id", id)));
        self
    }

    /// An entity tag of the body.
    pub fn body_tag(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.answer.body.hash(&mut hasher);
        format!("\"{:016x}\"", hasher.finish())
    }

    /// Without its body, as an answer to HEAD has to be.
    pub fn headers_only(mut self) -> Self {
        self.answer.body.clear();
        self
    }

    /// The text that runtime.js makes a response of.
    pub fn to_text(&self) -> String {
        let mut text = self.answer.status.to_string();
        for (name, value) in &self.common {
            push_all(&mut text, ["\n", name, ": ", value]);
        }
        text.push_str("\n\n");
        for (name, value) in &self.own {
            push_all(&mut text, [name, ": ", value, "\n"]);
        }
        push_all(&mut text, ["\n", &self.answer.body]);
        text
    }

    /// The response.
    ///
    /// # Errors
    /// If the runtime refuses a header.
    pub fn send(&self) -> JsResult {
        Ok(respond(&self.to_text())?.into())
    }
}

fn push_all<const N: usize>(text: &mut String, parts: [&str; N]) {
    for part in parts {
        text.push_str(part);
    }
}

/// A copy of a response whose headers can be changed.
///
/// # Errors
/// If the runtime refuses one.
pub fn copy(response: &Response) -> Result<Response, JsError> {
    Response::new_with_opt_readable_stream_and_init(
        response.body().as_ref(),
        response.unchecked_ref(),
    )
}
