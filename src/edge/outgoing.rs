//! From an answer of the core to a response of the runtime.

use std::hash::{DefaultHasher, Hash, Hasher};

use web_sys::{Response, ResponseInit};

use super::runtime::{headers, respond};
use crate::api::{Answer, Format};

/// When to try again after too many writes: the shortest period that the runtime counts in.
const RETRY_AFTER_S: u32 = 10;

/// An answer with its headers.
pub struct Reply {
    answer: Answer,
    headers: Vec<(&'static str, String)>,
}

impl Reply {
    /// An answer in that format. Clients refuse answers that do not name the product.
    pub fn new(answer: Answer, format: &Format) -> Self {
        let mut headers = match answer.status {
            // Those who are not let in are not told the product, as upstream. `Basic` is not
            // offered though it is taken: browsers would ask for a password, and from then on add
            // it to whatever any page sends here.
            401 => vec![("www-authenticate", "ApiKey, Bearer realm=\"security\"".to_owned())],
            403 => Vec::new(),
            _ => vec![("x-elastic-product", "Elasticsearch".to_owned())],
        };
        if answer.status == 429 {
            headers.push(("retry-after", RETRY_AFTER_S.to_string()));
        }
        match answer.body.is_empty() {
            false => headers.push(("content-type", format.media.content_type())),
            true if answer.status == 200 => headers.push(("content-type", "text/plain".to_owned())),
            true => {}
        }
        if let Some(allow) = answer.allow {
            headers.push(("allow", allow.to_owned()));
        }
        Self { answer, headers }
    }

    /// With an entity tag.
    pub fn etag(mut self, tag: String) -> Self {
        self.headers.push(("etag", tag));
        self
    }

    /// Caches must keep answers apart by this request header.
    pub fn vary(mut self, header: &str) -> Self {
        self.headers.push(("vary", header.to_owned()));
        self
    }

    /// Tells the caller its own name for the request.
    pub fn opaque_id(mut self, id: Option<String>) -> Self {
        self.headers.extend(id.map(|id| ("x-opaque-id", id)));
        self
    }

    /// An entity tag of the body.
    pub fn body_tag(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.answer.body.hash(&mut hasher);
        format!("\"{:016x}\"", hasher.finish())
    }

    /// The response; to a HEAD request without its body.
    ///
    /// # Errors
    /// If the runtime refuses a header.
    pub fn send(self, head: bool) -> worker::Result<Response> {
        let body = Some(self.answer.body.as_str()).filter(|body| !head && !body.is_empty());
        Ok(respond(self.answer.status, body, &lines(&self.headers))?)
    }

    /// The response of an object, in the form that its class has to give it.
    ///
    /// # Errors
    /// If the runtime refuses a header.
    pub fn into_worker(self) -> worker::Result<worker::Response> {
        let headers = worker::Headers(headers(&lines(&self.headers))?);
        let response =
            worker::Response::builder().with_status(self.answer.status).with_headers(headers);
        Ok(match self.answer.body.is_empty() {
            true => response.empty(),
            false => response.fixed(self.answer.body.into_bytes()),
        })
    }
}

/// Names and values, a line each.
fn lines(headers: &[(&str, String)]) -> String {
    let lines: Vec<&str> =
        headers.iter().flat_map(|(name, value)| [*name, value.as_str()]).collect();
    lines.join("\n")
}

/// Status and headers of another response, to make a changed copy of it.
pub fn init_like(response: &Response) -> ResponseInit {
    let init = ResponseInit::new();
    init.set_status(response.status());
    init.set_headers(&response.headers());
    init
}
