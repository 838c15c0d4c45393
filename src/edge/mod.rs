//! The Cloudflare Worker: the only code that awaits.
//!
//! The runtime calls entry.js. The Worker reads the request ([`runtime`]), authenticates it ([`auth`]) and
//! validates it. It passes requests for one connector to that connector's object, and lists to the Directory
//! ([`objects`]).

mod auth;
mod cluster;
mod cors;
mod credential_cache;
mod key_use;
mod log;
mod message;
mod metrics;
mod objects;
mod outbox;
mod rate_limit;
mod runtime;
mod settings;
mod watch;

use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Duration;

use wasm_bindgen::prelude::*;
use worker::{Env, console_error, event};

use crate::api::{
    self, Admitted, ApiError, AuthError, Call, Caller, Format, Intent, Operation, Request, Response,
};
use crate::connector::Connector;
use crate::limits::BODY_BYTES;
use crate::secrets::Secrets;
use crate::values::{Time, json};
use credential_cache::CredentialCache;
use message::{Message, Requester};
use metrics::Counters;
use runtime::{
    Body, Callback, HttpResponse, JsError, JsResult, Kv, RawRequest, RequestHead, await_promise,
    describe, now_millis, spawn_or_ready, then, timeout,
};
use settings::Settings;

/// The KV namespace of connectors' copies. Imports are read from it, too.
const KV: &str = "CONNECTORS";
const KV_PREFIX: &str = "c:";
/// The first list ever imports connectors from Workers KV for up to ten seconds.
const LIST_TIMEOUT: Duration = Duration::from_secs(11);
const REFRESH_TIMEOUT: Duration = Duration::from_secs(1);
const COPY_TIMEOUT: Duration = Duration::from_secs(2);

#[event(start)]
fn start() {
    console_error_panic_hook::set_once();
}

/// The OpenAPI document, for the build. `handwritten`: the content of openapi.json.
#[wasm_bindgen]
pub fn openapi(handwritten: &str) -> Result<String, String> {
    let document = api::openapi::document(json::parse_object(handwritten)?);
    Ok(format!("{document:#}"))
}

#[wasm_bindgen]
#[derive(Default)]
pub struct Worker {
    settings: OnceCell<Rc<Settings>>,
    memory: Rc<Memory>,
}

/// State shared by the requests of an isolate.
#[derive(Default)]
struct Memory {
    callers: CredentialCache<Caller>,
    /// Credentials that are not ours, so the cluster may get them.
    foreign_credentials: CredentialCache<()>,
    counters: Rc<Counters>,
    /// Counts the response to a write. Made once, since a future for each write takes an eighth of its CPU.
    count_response: OnceCell<Callback>,
    keys_used_today: key_use::KeysUsedToday,
}

#[wasm_bindgen]
impl Worker {
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    fn head(&self, raw: &RawRequest, env: &Env) -> RequestHead {
        let settings = self.settings.get_or_init(|| Rc::new(Settings::read(env)));
        RequestHead::of(raw, settings.clone())
    }

    /// Returns the response, or a promise of it. `context`: the runtime's `ExecutionContext`. If it throws or
    /// rejects, the runtime's handler calls `failure`.
    pub fn fetch(&self, raw: RawRequest, env: Env, context: JsValue) -> JsResult {
        let head = self.head(&raw, &env);
        let memory = self.memory.clone();
        if !head.settings.allows_proxy(|| runtime::local_proxy_secret(&raw)) {
            let denied = AuthError::misdirected(&head.host);
            log::refusal(&denied, &head.request, head.request_id());
            let format = Format::default();
            return HttpResponse::new(format.failure(&denied.failure), &format).send();
        }
        if cluster::is_foreign(&head) {
            return spawn_or_ready(async move {
                if cluster::scrolls_here(&head, &raw).await {
                    let exchange = Exchange { head, raw, env, context, memory };
                    return exchange.respond().await;
                }
                cluster::pass_through(&head, &raw, &env, &context, &memory).await
            });
        }
        if let Some(preflight) = cors::preflight(&head) {
            return preflight;
        }
        let cors_headers = cors::response_headers(&head);
        let exchange = Exchange { head, raw, env, context, memory };
        match cors_headers {
            None => spawn_or_ready(exchange.respond()),
            Some(headers) => spawn_or_ready(async move {
                let response = resolved(exchange.respond().await?).await?;
                headers.add_to(&response)
            }),
        }
    }

    /// The response after `fetch` failed. `error`: the name of the error. If a connector's object does not answer,
    /// shows the copy of the connector.
    pub fn failure(&self, raw: &RawRequest, error: &str, env: Env, context: JsValue) -> JsResult {
        let head = self.head(raw, &env);
        let memory = self.memory.clone();
        let is_unanswered = error == runtime::UNANSWERED;
        let error = if is_unanswered {
            ApiError::unavailable("a part of this service")
        } else {
            ApiError::internal()
        };
        spawn_or_ready(async move {
            let (format, call) = api::read(&head.request);
            let response = match call {
                // Objects are only called for callers who may see the connector: only `secrets` is needed here.
                Ok(Call::Connector(id, Operation::Get { include_deleted, .. }))
                    if is_unanswered =>
                {
                    match auth::authenticate(&head, &env, &context, &memory).await {
                        Ok(caller) => {
                            let secrets = caller.secrets(head.settings.secrets_for_readers);
                            match copy(&env, &id, include_deleted, secrets, &format).await {
                                Ok(Some(copy)) => Ok(copy.stale()),
                                Ok(None) => Err(error),
                                Err(error) => Err(error),
                            }
                        }
                        Err(denied) => Err(*denied.failure),
                    }
                }
                _ => Err(error),
            };
            let response = response
                .unwrap_or_else(|error| HttpResponse::new(format.failure(&error), &format))
                .opaque_id(head.opaque_id.clone())
                .for_method(&head.request.method)
                .send()?;
            match cors::response_headers(&head) {
                None => Ok(response),
                Some(headers) => headers.add_to(&response),
            }
        })
    }
}

/// A request, and what is needed to answer it.
struct Exchange {
    head: RequestHead,
    raw: RawRequest,
    env: Env,
    context: JsValue,
    memory: Rc<Memory>,
}

impl Exchange {
    /// Returns the response, or a promise of it. The body is only read after the request is authorized.
    async fn respond(mut self) -> JsResult {
        let Self { head, env, context, memory, .. } = &self;
        if api::wants_page(&head.request) {
            return console(self.raw, &self.env).await;
        }
        if cluster::is_for_cluster(head, env, context, memory).await {
            return cluster::forward(head, &self.raw, env, memory).await;
        }
        let admitted = match self.admit().await {
            Ok(admitted) => admitted,
            Err(error) => {
                memory.counters.report(env).await;
                let (format, _) = api::read(&head.request);
                return self.send(HttpResponse::new(format.failure(&error), &format));
            }
        };
        let Some(mut body) = Body::of(&self.raw) else {
            return self.carry_out(admitted, Ok(String::new())).await;
        };
        self.head.request.content_type = body.content_type.take();
        let limit = admitted.as_ref().map_or(BODY_BYTES, |it| it.intent().body_limit());
        let raw: RawRequest = Clone::clone(&self.raw);
        body.read(&raw, limit, move |body| spawn_or_ready(self.carry_out(admitted, body)))
    }

    /// Authenticates and authorizes the request. `None`: there is no such route, and the response that says so
    /// takes no privilege.
    async fn admit(&self) -> Result<Option<Admitted>, ApiError> {
        let Self { head, raw, env, context, memory } = self;
        let refuse = |denied| self.refuse(denied);
        let caller = auth::authenticate(head, env, context, memory).await.map_err(refuse)?;
        let Request { method, target, .. } = &head.request;
        let Some(intent) = Intent::of(method, target) else { return Ok(None) };
        let admitted = caller.authorize(intent).map_err(refuse)?;
        rate_limit::check(&admitted, head, raw, env).await.map_err(refuse)?;
        Ok(Some(admitted))
    }

    /// Logs and counts a refused request. Returns the error to answer with.
    fn refuse(&self, denied: AuthError) -> ApiError {
        log::refusal(&denied, &self.head.request, self.head.request_id());
        self.memory.counters.count(metrics::REFUSED, denied.why);
        *denied.failure
    }

    fn send(&self, response: HttpResponse) -> JsResult {
        let RequestHead { opaque_id, request, .. } = &self.head;
        response.opaque_id(opaque_id.clone()).for_method(&request.method).send()
    }

    /// Returns the response to an authorized request, or a promise of it.
    async fn carry_out(
        mut self,
        admitted: Option<Admitted>,
        body: Result<String, ApiError>,
    ) -> JsResult {
        let writes = admitted.as_ref().is_some_and(|it| it.intent().writes());
        let read = match body {
            Ok(body) => {
                self.head.request.body = body;
                let (format, call) = api::read(&self.head.request);
                call.map(|call| (format.clone(), call)).map_err(|error| (format, error))
            }
            Err(error) => Err((Format::default(), error)),
        };
        let narrowed = read.and_then(|(format, call)| {
            let Some(admitted) = admitted else { return Err((format, ApiError::internal())) };
            match admitted.narrow(call) {
                Ok(call) => Ok((format, admitted, call)),
                Err(denied) => Err((format, self.refuse(denied))),
            }
        });
        let (format, admitted, call) = match narrowed {
            Ok(narrowed) => narrowed,
            Err((format, error)) => {
                let response = self.send(HttpResponse::new(format.failure(&error), &format))?;
                return if writes { self.count(response) } else { Ok(response) };
            }
        };
        let response = self.answer(admitted.caller(), &format, call).await?;
        if writes { self.count(response) } else { Ok(response) }
    }

    /// Counts the response to a write, or the response of a promise. Returns it.
    fn count(&self, response: JsValue) -> JsResult {
        let Memory { counters, count_response, .. } = &*self.memory;
        let count_response = count_response.get_or_init(|| {
            let (counters, env) = (counters.clone(), self.env.clone());
            Callback::new(move |response| counters.count_response(&env, response))
        });
        match response.dyn_ref() {
            Some(promise) => Ok(then(promise, count_response.as_ref(), &JsValue::UNDEFINED)),
            None => self.memory.counters.count_response(&self.env, response),
        }
    }

    /// Returns the response to a call that the caller is authorized for, or a promise of it.
    async fn answer(&self, caller: &Caller, format: &Format, call: Call) -> JsResult {
        let Self { head, env, memory, .. } = self;
        let request = &head.request;
        let secrets = caller.secrets(head.settings.secrets_for_readers);
        let body = Some(request.body.as_str()).filter(|body| !body.is_empty());
        let message = |id: String, request: Request| Message {
            id,
            request,
            requester: Requester {
                by: caller.key_id(),
                request_id: head.request_id().map(log::truncated).map(str::to_owned),
            },
            opaque_id: head.opaque_id.clone(),
            secrets,
            ..Message::default()
        };
        let to_connector = |id: String, request: Request| {
            let message = message(id, request);
            runtime::handle_connector(env, &message.id, &message.to_json()?, body)
        };
        let to_directory = |patterns: Option<Vec<String>>, body: Option<&str>| {
            let message = Message { patterns, ..message(String::new(), request.without_body()) };
            runtime::handle_directory(env, &message.to_json()?, body)
        };
        let result = match call {
            Call::Info => {
                let response = format.success(api::info(&head.settings.version));
                return self.send(HttpResponse::new(response, format).vary("Accept"));
            }
            Call::Authenticate => Ok(caller.describe()),
            Call::Import | Call::AuditOfAll(_) => return to_directory(None, None),
            Call::TestWebhooks => outbox::webhook::send_test_messages(env).await,
            Call::Options(allow) => Ok(Response { allow: Some(allow), ..Response::empty(200) }),
            Call::Backup(backup) => match backup.id() {
                Some(id) => return to_connector(id.to_owned(), request.without_body()),
                None => return to_directory(None, None),
            },
            Call::Metrics => {
                let counts = memory.counters.take();
                let metrics_request =
                    metrics::MetricsRequest { counts, key_expires: caller.expiration() };
                let body = json::to_text(&metrics_request)?;
                let reply = to_directory(None, Some(&body))?;
                match timeout(LIST_TIMEOUT, resolved(reply)).await {
                    Some(Ok(response)) if runtime::status_of(&response) == 200 => {
                        return Ok(response);
                    }
                    // The Directory's metrics are absent, and `directory_up` is 0.
                    Some(_) | None => {
                        memory.counters.put_back(&metrics_request.counts);
                        let response = Response::text(200, metrics_request.families(false));
                        let response = HttpResponse::new(response, format);
                        return self.send(response.content_type(metrics::MEDIA_TYPE));
                    }
                }
            }
            Call::List(_) | Call::Summary(_) | Call::Timeline(_) | Call::Search(_) => {
                let response = to_directory(call.patterns(), body)?;
                match timeout(LIST_TIMEOUT, resolved(response)).await {
                    Some(response) => return response,
                    None => Err(ApiError::unavailable("the Directory")),
                }
            }
            Call::Refresh => {
                match timeout(REFRESH_TIMEOUT, resolved(to_directory(None, None)?)).await {
                    Some(response) => return response,
                    None => Err(ApiError::unavailable("the Directory")),
                }
            }
            Call::WatchTicket => watch::ticket(caller, &head.settings.root),
            Call::Watch(_) if auth::is_foreign_watcher(head, caller) => {
                Err(self.refuse(caller.foreign_page(&head.origin)))
            }
            Call::Watch(_) if !head.wants_socket() => Err(ApiError::upgrade_required()),
            Call::Watch(watch) => {
                let message = watch::message(head, &watch, caller, head.request_id())?;
                return runtime::watch_directory(env, &message);
            }
            Call::Static(response) => Ok(response),
            Call::CreateWithGeneratedId(_) => match create_with_generated_id(request) {
                Ok((id, request)) => return to_connector(id, request),
                Err(error) => Err(error),
            },
            Call::Connector(id, Operation::Get { include_deleted, realtime: false }) => {
                match copy(env, &id, include_deleted, secrets, format).await {
                    Ok(Some(response)) => return self.send(response),
                    Ok(None) => return to_connector(id, request.without_body()),
                    Err(error) => Err(error),
                }
            }
            Call::Connector(id, _)
            | Call::CreateSyncJob(id, _)
            | Call::Audit { id, .. }
            | Call::Webhooks { id, .. } => {
                return to_connector(id, request.without_body());
            }
            Call::SyncJob(job, _) => {
                return to_connector(job.connector().to_owned(), request.without_body());
            }
        };
        self.send(HttpResponse::new(format.result(result), format))
    }
}

/// The copy of a connector in Workers KV. `None`: its object did not write the document, and only the object knows
/// whether it is an import or the connector was erased.
///
/// # Errors
/// 404 if there is no copy, 503 if Workers KV does not answer.
async fn copy(
    env: &Env,
    id: &str,
    include_deleted: bool,
    secrets: Secrets,
    format: &Format,
) -> Result<Option<HttpResponse>, ApiError> {
    let key = kv_key(id);
    let unavailable = |why: String| {
        console_error!("KV key [{key}] cannot be read: {why}");
        ApiError::unavailable("Workers KV")
    };
    let kv = Kv::of(env, KV).map_err(|thrown| unavailable(describe(&thrown)))?;
    let found = match timeout(COPY_TIMEOUT, kv.get_with_time(&key)).await {
        Some(Ok(found)) => found.ok_or_else(|| ApiError::not_found(id))?,
        Some(Err(thrown)) => return Err(unavailable(describe(&thrown))),
        None => return Err(unavailable(format!("no answer within {} s", COPY_TIMEOUT.as_secs()))),
    };
    let Some(written_at) = found.written_at else { return Ok(None) };
    let connector = Connector::from_json(&found.value).map_err(|_| ApiError::not_found(id))?;
    let json = connector.to_json().map_err(|problem| {
        console_error!("connector [{id}]: {problem}");
        ApiError::internal()
    })?;
    let response = api::show(id, include_deleted, Some((&connector, secrets.visible(&json))))?;
    let age = now_millis().saturating_sub(written_at) / 1_000;
    Ok(Some(HttpResponse::new(format.success(response), format).age(Some(age))))
}

/// Awaits a value if it is a promise.
async fn resolved(value: JsValue) -> JsResult {
    match value.dyn_into() {
        Ok(promise) => await_promise(Ok(promise)).await,
        Err(value) => Ok(value),
    }
}

/// Turns a creation without an id into one with a generated id.
fn create_with_generated_id(request: &Request) -> Result<(String, Request), ApiError> {
    let id = new_id().ok_or_else(ApiError::internal)?;
    let query = request.target.split_once('?').map(|(_, query)| format!("?{query}"));
    let target = format!("/_connector/{id}{}", query.unwrap_or_default());
    Ok((id, Request { method: "PUT".to_owned(), target, ..request.without_body() }))
}

/// Twenty URL-safe characters with 120 bits of entropy. `None`: no randomness is available.
fn new_id() -> Option<String> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bytes = [0; 20];
    getrandom::fill(&mut bytes).ok()?;
    let letter = |byte: &u8| LETTERS.get(usize::from(byte & 63)).map(|letter| char::from(*letter));
    bytes.iter().map(letter).collect()
}

/// The console's page.
async fn console(raw: RawRequest, env: &Env) -> JsResult {
    let failed = |error: worker::Error| JsError::from(error.to_string());
    let assets = env.assets("ASSETS").map_err(failed)?;
    let page = assets.fetch_request(worker::Request::from(raw)).await.map_err(failed)?;
    runtime::with_headers(&runtime::pass_on(page), &[("vary", "Accept")])
}

fn kv_key(id: &str) -> String {
    format!("{KV_PREFIX}{id}")
}

fn now() -> Time {
    Time::from_millis(now_millis())
}
