//! The Cloudflare Worker: the only code that awaits.
//!
//! The Worker asks who is there ([`access`]), reads the request and refuses what is wrong with it
//! ([`incoming`]); what concerns one connector goes on to the object of that name ([`object`]),
//! lists come from Workers KV ([`directory`]).

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

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use wasm_bindgen::JsCast;
use worker::{Context, Date, Delay, Env, State, console_error, event};

use crate::api::{self, Answer, Call, Caller, Denial, Failure, Format, Info, Request};
use crate::connector::Time;
use access::Cors;
use incoming::Head;
use message::{Message, Origin};
use outgoing::Reply;
use runtime::{Fetcher, Kv, Storage, Thrown, binding, describe, wait};

const KV: &str = "CONNECTORS";

#[event(start)]
fn start() {
    console_error_panic_hook::set_once();
}

#[event(fetch)]
async fn fetch(raw: web_sys::Request, env: Env, _: Context) -> worker::Result<web_sys::Response> {
    let head = incoming::read_head(&raw, &env);
    let cors = Cors::of(&head);
    match cors.preflight(&head)? {
        Some(preflight) => Ok(preflight),
        None => cors.mark(answer(raw, head, &env).await?),
    }
}

async fn answer(
    raw: web_sys::Request,
    mut head: Head,
    env: &Env,
) -> worker::Result<web_sys::Response> {
    if api::wants_page(&head.request) {
        return console(raw, env).await;
    }
    let is_head = head.request.method == "HEAD";
    let present = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let opaque_id = present(&head.x_opaque_id);
    let request_id = present(&head.cf_ray).or_else(|| opaque_id.clone());
    let send = |reply: Reply| reply.opaque_id(opaque_id.clone()).send(is_head);

    let (format, admitted) = admit(&raw, &mut head, request_id.as_deref(), env).await;
    let request = head.request;
    let (caller, call) = match admitted {
        Ok(admitted) => admitted,
        Err(failure) => return send(Reply::new(format.failure(&failure), &format)),
    };
    let origin = Origin { by: caller.key_id(), request_id };
    let result = match call {
        Call::Info => {
            return send(Reply::new(format.success(Info::answer()), &format).vary("Accept"));
        }
        Call::Options(allow) => Ok(Answer { allow: Some(allow), ..Answer::empty(200) }),
        Call::List(list) => match directory::list(env, list).await {
            Ok(answer) => {
                let reply = Reply::new(format.success(answer), &format);
                let tag = reply.body_tag();
                let reply = match api::if_none_match(request.if_none_match.as_deref(), &tag) {
                    true => Reply::new(Answer::empty(304), &format),
                    false => reply,
                };
                return send(reply.etag(tag));
            }
            Err(failure) => Err(failure),
        },
        Call::CreateAnywhere(_) => match create_anywhere(request) {
            Ok((id, request)) => {
                return forward(env, &id, request, origin, opaque_id, &format).await;
            }
            Err(failure) => Err(failure),
        },
        Call::One(id, _) => {
            return forward(env, &id, request, origin, opaque_id, &format).await;
        }
    };
    send(Reply::new(format.result(result), &format))
}

/// Who is asking, what for, and may they have it? Reads the body only of those who may ask at all.
async fn admit(
    raw: &web_sys::Request,
    head: &mut Head,
    request_id: Option<&str>,
    env: &Env,
) -> (Format, Result<(Caller, Call), Failure>) {
    let refused = |denial: Denial, request: &Request| {
        log::refusal(&denial, request, request_id);
        Err(*denial.failure)
    };
    let caller = match access::authenticate(head, env).await {
        Ok(caller) => caller,
        Err(denial) => return (Format::default(), refused(denial, &head.request)),
    };
    if let Err(failure) = incoming::read_body(raw, head).await {
        return (Format::default(), Err(failure));
    }
    let (format, call) = api::read(&head.request);
    let admitted = match call {
        Ok(call) => match access::authorize(&caller, call, head, env).await {
            Ok(call) => Ok((caller, call)),
            Err(denial) => refused(denial, &head.request),
        },
        Err(failure) => Err(failure),
    };
    (format, admitted)
}

/// Hands a request about one connector to its object. The object's answer is the answer.
async fn forward(
    env: &Env,
    id: &str,
    request: Request,
    origin: Origin,
    opaque_id: Option<String>,
    format: &Format,
) -> worker::Result<web_sys::Response> {
    let message = Message::Request { request, origin, opaque_id: opaque_id.clone() };
    match message::send(env, message::CONNECTOR, id, &message).await {
        Ok(response) => Ok(response),
        Err(thrown) => {
            console_error!("object [{id}] did not answer: {}", describe(&thrown));
            let failure = Failure::unavailable("the object that keeps this connector");
            Reply::new(format.failure(&failure), format).opaque_id(opaque_id).send(false)
        }
    }
}

/// Gives a creation without an id one.
fn create_anywhere(request: Request) -> Result<(String, Request), Failure> {
    let id = new_id().ok_or_else(Failure::internal)?;
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
async fn console(raw: web_sys::Request, env: &Env) -> worker::Result<web_sys::Response> {
    let assets: Fetcher = binding(env, "ASSETS")?;
    let page: web_sys::Response = wait(assets.fetch_request(&raw)).await?.unchecked_into();
    let copy = web_sys::Response::new_with_opt_readable_stream_and_init(
        page.body().as_ref(),
        &outgoing::init_like(&page),
    )?;
    copy.headers().append("vary", "Accept")?;
    Ok(copy)
}

fn kv(env: &Env) -> Result<Kv, Thrown> {
    binding(env, KV)
}

fn storage(state: &State) -> Storage {
    let storage = state.storage();
    let raw: &wasm_bindgen::JsValue = storage.as_raw().as_ref();
    raw.clone().unchecked_into()
}

/// The key of a connector's copy in Workers KV.
fn kv_key(id: &str) -> String {
    format!("c:{id}")
}

fn now() -> Time {
    Time::from_millis(now_millis())
}

fn now_millis() -> u64 {
    Date::now().as_millis()
}

/// Waits for `future`, but no longer than `limit`.
async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    match select(pin!(future), pin!(Delay::from(limit))).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}
