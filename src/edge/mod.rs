//! The Cloudflare Worker: the only code that awaits.
//!
//! The runtime calls entry.js. The Worker takes the request ([`runtime`]), asks who is there
//! ([`auth`]) and refuses what is wrong with it; what concerns one connector goes on to the object of
//! that name, lists to the Directory ([`objects`]).

mod auth;
mod cors;
mod known;
mod log;
mod message;
mod metrics;
mod objects;
mod origin;
mod outbox;
mod rate_limit;
mod runtime;
mod watch;

use std::rc::Rc;
use std::time::Duration;

use wasm_bindgen::prelude::*;
use worker::{Env, console_error, event};

use crate::api::{self, ApiError, AuthError, Call, Caller, Format, Operation, Request, Response};
use crate::connector::Connector;
use crate::limits::{BACKUP_BODY_BYTES, BODY_BYTES};
use crate::values::Time;
use known::KnownCallers;
use message::{Message, Origin};
use metrics::Refusals;
use runtime::{
    HttpResponse, Incoming, JsError, JsResult, JsString, Kv, RawRequest, await_promise, describe,
    now_millis, spawn_or_ready, timeout,
};

/// The namespace of copies, and the way in for imports.
const KV: &str = "CONNECTORS";
/// What the key of a copy starts with.
const KV_PREFIX: &str = "c:";
/// How long to wait for a list. The first one ever takes up what is in Workers KV, for up to ten
/// seconds.
const LIST_LIMIT: Duration = Duration::from_secs(11);
/// How long to wait for a copy.
const COPY_LIMIT: Duration = Duration::from_secs(2);

/// What was thrown if an object did not answer: see rpc.js.
const UNANSWERED: &str = "Unanswered";
/// What was thrown if the cluster cannot be reached: see origin.js.
const UNREACHABLE: &str = "Unreachable";

#[event(start)]
fn start() {
    console_error_panic_hook::set_once();
}

/// The setting that says which version of Elasticsearch this is.
const ELASTICSEARCH_VERSION: &str = "ELASTICSEARCH_VERSION";

/// The Worker, as the runtime sees it.
#[wasm_bindgen]
#[derive(Default)]
pub struct Worker {
    memory: Rc<Memory>,
}

/// What is remembered from one request to the next.
#[derive(Default)]
struct Memory {
    known: KnownCallers,
    refusals: Refusals,
}

impl Memory {
    /// Notes that somebody is not let in, in the log and in the numbers; gives what they are answered.
    fn refuse(&self, denied: AuthError, incoming: &Incoming, request_id: Option<&str>) -> ApiError {
        log::refusal(&denied, &incoming.request, request_id);
        self.refusals.count(denied.why);
        *denied.failure
    }
}

#[wasm_bindgen]
impl Worker {
    /// One is enough: it holds nothing but who was let in lately.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Bodies are read up to this many bytes.
    #[wasm_bindgen(js_name = bodyLimit)]
    pub fn body_limit(&self) -> usize {
        BODY_BYTES
    }

    /// Bodies of backups are read up to this many bytes.
    #[wasm_bindgen(js_name = backupLimit)]
    pub fn backup_limit(&self) -> usize {
        BACKUP_BODY_BYTES
    }

    /// How many of these bytes, from the first on, are UTF-8.
    #[wasm_bindgen(js_name = validUpTo)]
    pub fn valid_up_to(&self, bytes: &[u8]) -> usize {
        std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len)
    }

    /// Is the path of a URL the cluster's alone, where there is one?
    #[wasm_bindgen(js_name = isForeign)]
    pub fn is_foreign(&self, url: &str) -> bool {
        origin::is_foreign(runtime::host_and_target(url).1)
    }

    /// The response to a request that request.js has read, or a promise of it.
    ///
    /// # Errors
    /// If the runtime fails, or an object does not answer: see `failure`.
    pub fn fetch(&self, head: &str, body: Option<JsString>, raw: RawRequest, env: Env) -> JsResult {
        let incoming = Incoming::read(head, body.as_ref().map(String::from));
        if incoming.passes {
            return origin::pass_on(&incoming, &raw);
        }
        let memory = self.memory.clone();
        if let Some(preflight) = cors::preflight(&incoming) {
            return preflight;
        }
        spawn_or_ready(async move {
            if incoming.cors_origins.is_empty() || incoming.wants_socket() {
                return respond(&incoming, body.as_ref(), raw, &env, &memory).await;
            }
            let response = respond(&incoming, body.as_ref(), raw, &env, &memory).await?;
            cors::mark(&incoming, &settled(response).await?)
        })
    }

    /// The response to a request that came to nothing. `error`: the name of what was thrown. If an
    /// object did not answer, a connector can still be shown, as it was.
    ///
    /// # Errors
    /// If the runtime fails.
    pub fn failure(&self, head: &str, error: &str, env: Env) -> JsResult {
        let incoming = Incoming::read(head, None);
        let is_unanswered = error == UNANSWERED;
        let error = match error {
            UNANSWERED => ApiError::unavailable("a part of this service"),
            UNREACHABLE => ApiError::unavailable("the cluster behind this service"),
            _ => ApiError::internal(),
        };
        spawn_or_ready(async move {
            let (format, call) = api::read(&incoming.request);
            let response = match call {
                // An object is only asked on behalf of callers who may see the connector.
                Ok(Call::Connector(id, Operation::Get { include_deleted, .. }))
                    if is_unanswered =>
                {
                    match copy(&env, &id, include_deleted, &format).await {
                        Ok(Some(copy)) => Ok(copy.stale()),
                        Ok(None) => Err(error),
                        Err(error) => Err(error),
                    }
                }
                _ => Err(error),
            };
            let response = response
                .unwrap_or_else(|error| HttpResponse::new(format.failure(&error), &format))
                .opaque_id(incoming.opaque_id.clone())
                .for_method(&incoming.request.method)
                .send()?;
            match incoming.cors_origins.is_empty() {
                true => Ok(response),
                false => cors::mark(&incoming, &response),
            }
        })
    }
}

/// The response, or a promise of it.
async fn respond(
    incoming: &Incoming,
    body: Option<&JsString>,
    raw: RawRequest,
    env: &Env,
    memory: &Memory,
) -> JsResult {
    let request = &incoming.request;
    if api::wants_page(request) && request.body.is_empty() {
        return console(raw, env).await;
    }
    if !incoming.cluster.is_empty() && is_for_cluster(incoming, env, &memory.known).await {
        return origin::pass_on(incoming, &raw);
    }
    let send = |response: HttpResponse| {
        response.opaque_id(incoming.opaque_id.clone()).for_method(&request.method).send()
    };

    let request_id = incoming.request_id();
    let (format, admitted) = admit(incoming, request_id.as_deref(), env, memory).await;
    let (caller, call) = match admitted {
        Ok(admitted) => admitted,
        Err(error) => return send(HttpResponse::new(format.failure(&error), &format)),
    };
    let message = |id: String, request: Request| Message {
        id,
        request,
        origin: Origin { by: caller.key_id(), request_id: request_id.clone() },
        opaque_id: incoming.opaque_id.clone(),
        ..Message::default()
    };
    let to_connector = |id: String, request: Request| {
        let message = message(id, request);
        runtime::handle_connector(env, &message.id, &message.to_json(), body)
    };
    let to_directory = |patterns: Option<Vec<String>>, body: Option<&JsString>| {
        let message = Message { patterns, ..message(String::new(), request.without_body()) };
        runtime::handle_directory(env, &message.to_json(), body)
    };
    let result = match call {
        Call::Info => {
            let version = env.var(ELASTICSEARCH_VERSION).map(|version| version.to_string());
            let version = version.ok().filter(|version| !version.is_empty());
            let version = version.as_deref().unwrap_or(api::ELASTICSEARCH_VERSION);
            let response = format.success(api::info(version));
            return send(HttpResponse::new(response, &format).vary("Accept"));
        }
        Call::Authenticate => Ok(caller.describe()),
        Call::Import => return to_directory(None, None),
        Call::TestWebhooks => outbox::webhook::test(env).await,
        Call::Options(allow) => Ok(Response { allow: Some(allow), ..Response::empty(200) }),
        Call::Backup(backup) => match backup.id() {
            Some(id) => return to_connector(id.to_owned(), request.without_body()),
            None => return to_directory(None, None),
        },
        Call::Metrics => {
            let own = JsString::from(memory.refusals.to_text());
            return to_directory(None, Some(&own));
        }
        Call::List(_) | Call::Summary(_) | Call::Search(_) => {
            let response = to_directory(call.patterns(), body)?;
            match timeout(LIST_LIMIT, settled(response)).await {
                Some(response) => return response,
                None => Err(ApiError::unavailable("the Directory")),
            }
        }
        Call::WatchTicket => watch::ticket(&caller, env),
        Call::Watch(_) if auth::is_foreign_watcher(incoming, &caller) => {
            let denied = caller.foreign_page(&incoming.origin);
            Err(memory.refuse(denied, incoming, request_id.as_deref()))
        }
        Call::Watch(_) if !incoming.wants_socket() => Err(ApiError::upgrade_required()),
        Call::Watch(watch) => {
            let message = watch::message(incoming, &watch, &caller, request_id.as_deref());
            return runtime::watch_directory(env, &message);
        }
        Call::Static { response, .. } => Ok(response),
        Call::CreateWithGeneratedId(_) => match create_with_generated_id(request) {
            Ok((id, request)) => return to_connector(id, request),
            Err(error) => Err(error),
        },
        Call::Connector(id, Operation::Get { include_deleted, realtime: false }) => {
            match copy(env, &id, include_deleted, &format).await {
                Ok(Some(response)) => return send(response),
                Ok(None) => return to_connector(id, request.without_body()),
                Err(error) => Err(error),
            }
        }
        Call::Connector(id, _) | Call::CreateSyncJob(id, _) | Call::Webhooks { id, .. } => {
            return to_connector(id, request.without_body());
        }
        Call::SyncJob(job, _) => {
            return to_connector(job.connector().to_owned(), request.without_body());
        }
    };
    send(HttpResponse::new(format.result(result), &format))
}

/// Which product this is, and who is asking, the cluster says itself to those who have no key of ours.
async fn is_for_cluster(incoming: &Incoming, env: &Env, known: &KnownCallers) -> bool {
    let target = &incoming.request.target;
    let is_anonymous = incoming.authorization.is_empty();
    match origin::is_shared(target) {
        false => false,
        true if is_anonymous => !origin::is_about_caller(target),
        true => match auth::with_key(incoming, env, known).await {
            Ok(caller) => caller.is_known_elsewhere(),
            Err(denied) => denied.is_unknown(),
        },
    }
}

/// The caller and what it asks for, if it may have that.
async fn admit(
    incoming: &Incoming,
    request_id: Option<&str>,
    env: &Env,
    memory: &Memory,
) -> (Format, Result<(Caller, Call), ApiError>) {
    let refused = |denied| Err(memory.refuse(denied, incoming, request_id));
    let caller = match auth::authenticate(incoming, env, &memory.known).await {
        Ok(caller) => caller,
        Err(denied) => return (Format::default(), refused(denied)),
    };
    if let Some(problem) = &incoming.problem {
        return (Format::default(), Err(problem.clone()));
    }
    let (format, call) = api::read(&incoming.request);
    let call = match call.map(|call| caller.authorize(call)) {
        Err(error) => return (format, Err(error)),
        Ok(Err(denied)) => return (format, refused(denied)),
        Ok(Ok(call)) => call,
    };
    match rate_limit::check(&caller, &call, incoming, env).await {
        Ok(()) => (format, Ok((caller, call))),
        Err(denied) => (format, refused(denied)),
    }
}

/// A connector as it was when its object last copied it to Workers KV. `None`: somebody else has put a
/// document there, and only the object knows whether it is an import, or a connector that was erased.
///
/// # Errors
/// 404 if there is no copy, 503 if Workers KV does not answer.
async fn copy(
    env: &Env,
    id: &str,
    include_deleted: bool,
    format: &Format,
) -> Result<Option<HttpResponse>, ApiError> {
    let key = kv_key(id);
    let unavailable = |why: String| {
        console_error!("KV key [{key}] cannot be read: {why}");
        ApiError::unavailable("Workers KV")
    };
    let kv = Kv::of(env, KV).map_err(|thrown| unavailable(describe(&thrown)))?;
    let found = match timeout(COPY_LIMIT, kv.get_copy(&key)).await {
        Some(Ok(found)) => found.ok_or_else(|| ApiError::not_found(id))?,
        Some(Err(thrown)) => return Err(unavailable(describe(&thrown))),
        None => return Err(unavailable(format!("no answer within {} s", COPY_LIMIT.as_secs()))),
    };
    let Some(written_at) = found.written_at else { return Ok(None) };
    let connector = Connector::from_json(&found.value).map_err(|_| ApiError::not_found(id))?;
    let json = connector.to_json();
    let response = api::show(id, include_deleted, Some((&connector, &json)))?;
    let age = now_millis().saturating_sub(written_at) / 1_000;
    Ok(Some(HttpResponse::new(format.success(response), format).age(Some(age))))
}

/// A value, be it given or promised.
async fn settled(value: JsValue) -> JsResult {
    match value.dyn_into() {
        Ok(promise) => await_promise(Ok(promise)).await,
        Err(value) => Ok(value),
    }
}

/// Gives a creation without an id one.
fn create_with_generated_id(request: &Request) -> Result<(String, Request), ApiError> {
    let id = new_id().ok_or_else(ApiError::internal)?;
    let query = request.target.split_once('?').map(|(_, query)| format!("?{query}"));
    let target = format!("/_connector/{id}{}", query.unwrap_or_default());
    Ok((id, Request { method: "PUT".to_owned(), target, ..request.without_body() }))
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
async fn console(raw: RawRequest, env: &Env) -> JsResult {
    let failed = |error: worker::Error| JsError::from(error.to_string());
    let assets = env.assets("ASSETS").map_err(failed)?;
    let page = assets.fetch_request(worker::Request::from(raw)).await.map_err(failed)?;
    runtime::with_headers(&runtime::pass_on(page), &[("vary", "Accept")])
}

/// The key of a connector's copy in Workers KV.
fn kv_key(id: &str) -> String {
    format!("{KV_PREFIX}{id}")
}

fn now() -> Time {
    Time::from_millis(now_millis())
}
