//! The Cloudflare Worker: the only code that awaits.
//!
//! The Worker reads a request and refuses what is wrong with it ([`incoming`]); what concerns one
//! connector goes on to the object of that name ([`object`]), lists come from Workers KV
//! ([`directory`]).

mod claim;
mod directory;
mod incoming;
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

use crate::api::{self, Answer, Call, Failure, Format, Info, Request};
use crate::connector::Time;
use message::Message;
use runtime::{Fetcher, Kv, Storage, Thrown, binding, describe, wait};

const KV: &str = "CONNECTORS";

#[event(start)]
fn start() {
    console_error_panic_hook::set_once();
}

#[event(fetch)]
async fn fetch(raw: web_sys::Request, env: Env, _: Context) -> worker::Result<web_sys::Response> {
    let head = raw.method() == "HEAD";
    let opaque_id = raw.headers().get("x-opaque-id").ok().flatten();
    let request = match incoming::read(&raw).await {
        Ok(request) => request,
        Err(failure) => {
            let answer = Format::default().failure(&failure);
            return outgoing::Reply::new(answer, &Format::default())
                .opaque_id(opaque_id)
                .send(head);
        }
    };
    let (format, call) = api::read(&request);
    let accept = request.accept.clone().unwrap_or_default();
    let mut vary = false;
    let result = match call {
        Err(failure) => Err(failure),
        Ok(Call::Info) if api::prefers_html(&accept) => return console(raw, &env).await,
        Ok(Call::Info) => {
            vary = true;
            Ok(Info::answer())
        }
        Ok(Call::Options(allow)) => Ok(Answer { allow: Some(allow), ..Answer::empty(200) }),
        Ok(Call::List(list)) => match directory::list(&env, list).await {
            Ok(answer) => {
                let reply = outgoing::Reply::new(format.success(answer), &format);
                let tag = reply.body_tag();
                let reply = match api::if_none_match(request.if_none_match.as_deref(), &tag) {
                    true => outgoing::Reply::new(Answer::empty(304), &format),
                    false => reply,
                };
                return reply.etag(tag).opaque_id(opaque_id).send(head);
            }
            Err(failure) => Err(failure),
        },
        Ok(Call::CreateAnywhere(_)) => match create_anywhere(request) {
            Ok((id, request)) => return forward(&env, &id, request, opaque_id, &format).await,
            Err(failure) => Err(failure),
        },
        Ok(Call::One(id, _)) => return forward(&env, &id, request, opaque_id, &format).await,
    };
    let reply = outgoing::Reply::new(format.result(result), &format).opaque_id(opaque_id);
    if vary { reply.vary("Accept").send(head) } else { reply.send(head) }
}

/// Hands a request about one connector to its object. The object's answer is the answer.
async fn forward(
    env: &Env,
    id: &str,
    request: Request,
    opaque_id: Option<String>,
    format: &Format,
) -> worker::Result<web_sys::Response> {
    let message = Message::Request { request, by: None, opaque_id: opaque_id.clone() };
    match message::send(env, message::CONNECTOR, id, &message).await {
        Ok(response) => Ok(response),
        Err(thrown) => {
            console_error!("object [{id}] did not answer: {}", describe(&thrown));
            let failure = Failure::unavailable("the object that keeps this connector");
            outgoing::Reply::new(format.failure(&failure), format).opaque_id(opaque_id).send(false)
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
    Time::from_millis(Date::now().as_millis())
}

/// Waits for `future`, but no longer than `limit`.
async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    match select(pin!(future), pin!(Delay::from(limit))).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}
