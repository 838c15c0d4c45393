//! The Cloudflare Worker: the only code that awaits.
//!
//! The runtime calls worker.js. The Worker takes the request ([`incoming`]), asks who is there
//! ([`access`]) and refuses what is wrong with it; what concerns one connector goes on to the
//! object of that name ([`object`]), lists come from Workers KV ([`directory`]).

mod access;
mod claim;
mod directory;
mod incoming;
mod log;
mod message;
mod object;
mod outgoing;
mod projection;
mod runtime;
mod store;
mod task;

use wasm_bindgen::prelude::*;
use worker::{Env, event};

use crate::api::{self, ApiError, AuthError, BODY_LIMIT, Call, Caller, Format, Request, Response};
use crate::values::Time;
use access::Cors;
use incoming::Incoming;
use message::{Message, Origin};
use outgoing::Reply;
use runtime::{Fetcher, JsError, Kv, binding};
use task::{JsResult, wait};

const KV: &str = "CONNECTORS";

#[event(start)]
fn start() {
    console_error_panic_hook::set_once();
}

/// What requests come to.
#[wasm_bindgen]
pub struct Worker;

#[wasm_bindgen]
impl Worker {
    /// One is enough: it holds nothing.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self
    }

    /// Bodies are read up to this many bytes.
    #[wasm_bindgen(js_name = bodyLimit)]
    pub fn body_limit(&self) -> usize {
        BODY_LIMIT
    }

    /// The response to a request that incoming.js has read, or a promise of it.
    ///
    /// # Errors
    /// If the runtime fails, or an object does not answer: see `failure`.
    pub fn fetch(&self, head: &str, body: String, raw: web_sys::Request, env: Env) -> JsResult {
        let incoming = Incoming::read(head, body);
        task::start(async move {
            let cors = Cors::of(&incoming);
            match cors.preflight(&incoming)? {
                Some(preflight) => Ok(preflight.into()),
                None => cors.mark(answer(raw, incoming, &env).await?).await,
            }
        })
    }

    /// The response to a request that came to nothing. `is_away`: an object did not answer.
    ///
    /// # Errors
    /// If the runtime fails.
    pub fn failure(&self, head: &str, is_away: bool) -> JsResult {
        let incoming = Incoming::read(head, String::new());
        let failure = match is_away {
            true => ApiError::unavailable("the object that keeps this connector"),
            false => ApiError::internal(),
        };
        let (format, _) = api::read(&incoming.request);
        let reply = Reply::new(format.failure(&failure), &format).opaque_id(incoming.opaque_id());
        task::start(async move { Cors::of(&incoming).mark(reply.send()?).await })
    }
}

/// The response, or a promise of it.
async fn answer(raw: web_sys::Request, incoming: Incoming, env: &Env) -> JsResult {
    if api::wants_page(&incoming.request) && incoming.request.body.is_empty() {
        return console(raw, env).await;
    }
    let is_head = incoming.request.method == "HEAD";
    let opaque_id = incoming.opaque_id();
    let request_id =
        Some(incoming.cf_ray.clone()).filter(|ray| !ray.is_empty()).or_else(|| opaque_id.clone());
    let send = |reply: Reply| {
        let reply = reply.opaque_id(opaque_id.clone());
        if is_head { reply.headers_only() } else { reply }.send()
    };

    let (format, admitted) = admit(&incoming, request_id.as_deref(), env).await;
    let request = incoming.request;
    let (caller, call) = match admitted {
        Ok(admitted) => admitted,
        Err(failure) => return send(Reply::new(format.failure(&failure), &format)),
    };
    let origin = Origin { by: caller.key_id(), request_id };
    let result = match call {
        Call::Info => {
            return send(Reply::new(format.success(api::info()), &format).vary("Accept"));
        }
        Call::Options(allow) => Ok(Response { allow: Some(allow), ..Response::empty(200) }),
        Call::List(list) => match directory::list(env, list).await {
            Ok(answer) => {
                let reply = Reply::new(format.success(answer), &format);
                let tag = reply.body_tag();
                let reply = match api::Precondition::of(&request).is_not_modified(&tag) {
                    true => Reply::new(Response::empty(304), &format),
                    false => reply,
                };
                return send(reply.etag(Some(tag)));
            }
            Err(failure) => Err(failure),
        },
        Call::Static { response, .. } => Ok(response),
        // Not kept here yet.
        Call::CreateSyncJob(..) | Call::SyncJob(..) | Call::Search(_) => {
            Err(ApiError::no_handler(&request.target, &request.method))
        }
        Call::CreateWithGeneratedId(_) => match create_with_generated_id(request) {
            Ok((id, request)) => return forward(env, &Message { id, request, origin, opaque_id }),
            Err(failure) => Err(failure),
        },
        Call::Connector(id, _) => return forward(env, &Message { id, request, origin, opaque_id }),
    };
    send(Reply::new(format.result(result), &format))
}

/// Who is asking, what for, and may they have it?
async fn admit(
    incoming: &Incoming,
    request_id: Option<&str>,
    env: &Env,
) -> (Format, Result<(Caller, Call), ApiError>) {
    let refused = |denial: AuthError| {
        log::refusal(&denial, &incoming.request, request_id);
        Err(*denial.failure)
    };
    let caller = match access::authenticate(incoming, env).await {
        Ok(caller) => caller,
        Err(denial) => return (Format::default(), refused(denial)),
    };
    if let Some(problem) = &incoming.problem {
        return (Format::default(), Err(problem.clone()));
    }
    let (format, call) = api::read(&incoming.request);
    let admitted = match call {
        Ok(call) => match access::authorize(&caller, call, incoming, env).await {
            Ok(call) => Ok((caller, call)),
            Err(denial) => refused(denial),
        },
        Err(failure) => Err(failure),
    };
    (format, admitted)
}

/// Hands a request about one connector to its object. The object's answer is the answer.
fn forward(env: &Env, message: &Message) -> JsResult {
    Ok(runtime::carry_out(env, &message.to_text())?.into())
}

/// Gives a creation without an id one.
fn create_with_generated_id(request: Request) -> Result<(String, Request), ApiError> {
    let id = new_id().ok_or_else(ApiError::internal)?;
    let query = request.target.split_once('?').map(|(_, query)| format!("?{query}"));
    let target = format!("/_connector/{id}{}", query.unwrap_or_default());
    Ok((id, Request { method: "PUT".to_owned(), target, ..request }))
}

/// Twenty characters that are legal in a URL, 120 bits of chance.
fn new_id() -> Option<String> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bytes = [0; 20];
    getrandom::fill(&mut bytes).ok()?;
    let letter = |byte: &u8| LETTERS.get(usize::from(byte & 63)).map(|letter| char::from(*letter));
    bytes.iter().map(letter).collect()
}

/// The console's page, for people.
async fn console(raw: web_sys::Request, env: &Env) -> JsResult {
    let assets: Fetcher = binding(env, "ASSETS")?;
    let page: web_sys::Response = wait(assets.fetch_request(&raw)).await?.unchecked_into();
    let copy = outgoing::copy(&page)?;
    copy.headers().append("vary", "Accept")?;
    Ok(copy.into())
}

fn kv(env: &Env) -> Result<Kv, JsError> {
    binding(env, KV)
}

/// The key of a connector's copy in Workers KV.
fn kv_key(id: &str) -> String {
    format!("c:{id}")
}

fn now() -> Time {
    Time::from_millis(now_millis())
}

fn now_millis() -> u64 {
    js_sys::Date::now() as u64
}
