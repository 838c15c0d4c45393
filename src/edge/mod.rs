//! The Cloudflare Worker: the only code that awaits.
//!
//! The runtime calls entry.js. The Worker takes the request ([`runtime`]), asks who is there
//! ([`auth`]) and refuses what is wrong with it; what concerns one connector goes on to the object of
//! that name, lists to the Directory ([`objects`]).

mod auth;
mod cors;
mod key_use;
mod known;
mod log;
mod message;
mod metrics;
mod objects;
mod origin;
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
use known::Recent;
use message::{Message, Origin};
use metrics::Counters;
use runtime::{
    Body, HttpResponse, Incoming, JsError, JsResult, Kv, RawRequest, await_promise, describe,
    now_millis, spawn_or_ready, timeout,
};
use settings::Settings;

/// The namespace of copies, and the way in for imports.
const KV: &str = "CONNECTORS";
/// What the key of a copy starts with.
const KV_PREFIX: &str = "c:";
/// How long to wait for a list. The first one ever takes up what is in Workers KV, for up to ten
/// seconds.
const LIST_LIMIT: Duration = Duration::from_secs(11);
/// How long to wait for searches to be refreshed.
const REFRESH_LIMIT: Duration = Duration::from_secs(1);
/// How long to wait for a copy.
const COPY_LIMIT: Duration = Duration::from_secs(2);

#[event(start)]
fn start() {
    console_error_panic_hook::set_once();
}

/// The Worker, as the runtime sees it.
#[wasm_bindgen]
#[derive(Default)]
pub struct Worker {
    settings: OnceCell<Rc<Settings>>,
    memory: Rc<Memory>,
}

/// What is remembered from one request to the next.
#[derive(Default)]
struct Memory {
    known: Recent<Caller>,
    /// Credentials that are none of ours, so the cluster may see them.
    strangers: Recent<()>,
    counters: Counters,
    noted: key_use::Noted,
}

#[wasm_bindgen]
impl Worker {
    /// One is enough: it holds nothing but the settings, and who was let in lately.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    fn incoming(&self, raw: &RawRequest, env: &Env) -> Incoming {
        let settings = self.settings.get_or_init(|| Rc::new(Settings::read(env)));
        Incoming::of(raw, settings.clone())
    }

    /// The response to a request, or a promise of it. `context` is what the runtime gives beside it.
    ///
    /// # Errors
    /// If the runtime fails, or an object does not answer: see `failure`.
    pub fn fetch(&self, raw: RawRequest, env: Env, context: JsValue) -> JsResult {
        let incoming = self.incoming(&raw, &env);
        let memory = self.memory.clone();
        if !incoming.settings.takes(|| runtime::local_proxy_secret(&raw)) {
            let denied = AuthError::misdirected(&incoming.host);
            log::refusal(&denied, &incoming.request, incoming.request_id());
            let format = Format::default();
            return HttpResponse::new(format.failure(&denied.failure), &format).send();
        }
        if origin::is_foreign(&incoming) {
            return spawn_or_ready(async move {
                if origin::scrolls_here(&incoming, &raw).await {
                    let exchange = Exchange { incoming, raw, env, context, memory };
                    return exchange.respond().await;
                }
                origin::pass_through(&incoming, &raw, &env, &context, &memory).await
            });
        }
        if let Some(preflight) = cors::preflight(&incoming) {
            return preflight;
        }
        let marks = cors::marks(&incoming);
        let exchange = Exchange { incoming, raw, env, context, memory };
        match marks {
            None => spawn_or_ready(exchange.respond()),
            Some(marks) => spawn_or_ready(async move {
                let response = settled(exchange.respond().await?).await?;
                marks.put_on(&response)
            }),
        }
    }

    /// The response to a request that came to nothing. `error`: the name of what was thrown. If an
    /// object did not answer, a connector can still be shown, as it was.
    pub fn failure(&self, raw: &RawRequest, error: &str, env: Env, context: JsValue) -> JsResult {
        let incoming = self.incoming(raw, &env);
        let memory = self.memory.clone();
        let is_unanswered = error == runtime::UNANSWERED;
        let error = match is_unanswered {
            true => ApiError::unavailable("a part of this service"),
            false => ApiError::internal(),
        };
        spawn_or_ready(async move {
            let (format, call) = api::read(&incoming.request);
            let response = match call {
                // An object is only asked on behalf of callers who may see the connector.
                Ok(Call::Connector(id, Operation::Get { include_deleted, .. }))
                    if is_unanswered =>
                {
                    match auth::authenticate(&incoming, &env, &context, &memory).await {
                        Ok(caller) => {
                            let secrets = caller.secrets(incoming.settings.secrets_for_readers);
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
                .opaque_id(incoming.opaque_id.clone())
                .for_method(&incoming.request.method)
                .send()?;
            match cors::marks(&incoming) {
                None => Ok(response),
                Some(marks) => marks.put_on(&response),
            }
        })
    }
}

/// A request on its way through the Worker.
struct Exchange {
    incoming: Incoming,
    raw: RawRequest,
    env: Env,
    context: JsValue,
    memory: Rc<Memory>,
}

impl Exchange {
    /// The response, or a promise of it. Who is asking is decided from the head; only whoever may be
    /// heard is asked for the body.
    async fn respond(mut self) -> JsResult {
        let Self { incoming, env, context, memory, .. } = &self;
        if api::wants_page(&incoming.request) {
            return console(self.raw, &self.env).await;
        }
        if origin::is_for_cluster(incoming, env, context, memory).await {
            return origin::pass_on(incoming, &self.raw, env, memory).await;
        }
        let admitted = match self.admit().await {
            Ok(admitted) => admitted,
            Err(error) => {
                memory.counters.report(env).await;
                let (format, _) = api::read(&incoming.request);
                return self.send(HttpResponse::new(format.failure(&error), &format));
            }
        };
        let Some(mut body) = Body::of(&self.raw) else {
            return self.carry_out(admitted, Ok(String::new())).await;
        };
        self.incoming.request.content_type = body.content_type.take();
        let limit = admitted.as_ref().map_or(BODY_BYTES, |it| it.intent().body_limit());
        let raw: RawRequest = Clone::clone(&self.raw);
        body.read(&raw, limit, move |body| spawn_or_ready(self.carry_out(admitted, body)))
    }

    /// Lets somebody have what they ask for. `None`: there is no such route, and it takes no right to be
    /// told so.
    async fn admit(&self) -> Result<Option<Admitted>, ApiError> {
        let Self { incoming, raw, env, context, memory } = self;
        let refuse = |denied| self.refuse(denied);
        let caller = auth::authenticate(incoming, env, context, memory).await.map_err(refuse)?;
        let Request { method, target, .. } = &incoming.request;
        let Some(intent) = Intent::of(method, target) else { return Ok(None) };
        let admitted = caller.authorize(intent).map_err(refuse)?;
        rate_limit::check(&admitted, incoming, raw, env).await.map_err(refuse)?;
        Ok(Some(admitted))
    }

    /// Notes that somebody is not let in, in the log and in the numbers; gives what they are answered.
    fn refuse(&self, denied: AuthError) -> ApiError {
        log::refusal(&denied, &self.incoming.request, self.incoming.request_id());
        self.memory.counters.count(metrics::REFUSED, denied.why);
        *denied.failure
    }

    fn send(&self, response: HttpResponse) -> JsResult {
        let Incoming { opaque_id, request, .. } = &self.incoming;
        response.opaque_id(opaque_id.clone()).for_method(&request.method).send()
    }

    /// The response to somebody who is heard, or a promise of it.
    async fn carry_out(
        mut self,
        admitted: Option<Admitted>,
        body: Result<String, ApiError>,
    ) -> JsResult {
        let writes = admitted.as_ref().is_some_and(|it| it.intent().writes());
        let read = match body {
            Ok(body) => {
                self.incoming.request.body = body;
                let (format, call) = api::read(&self.incoming.request);
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
                if writes {
                    self.count_if_refused(error.status).await;
                }
                return self.send(HttpResponse::new(format.failure(&error), &format));
            }
        };
        let response = self.answer(admitted.caller(), &format, call).await?;
        if !writes {
            return Ok(response);
        }
        let response = settled(response).await?;
        self.count_if_refused(runtime::status_of(&response)).await;
        Ok(response)
    }

    async fn count_if_refused(&self, status: u16) {
        // Who may not write has been counted already.
        if status >= 400 && !matches!(status, 401 | 403 | 429) {
            self.memory.counters.count_refused_write(&self.env, status).await;
        }
    }

    /// The response to what somebody asks for who may have it, or a promise of it.
    async fn answer(&self, caller: &Caller, format: &Format, call: Call) -> JsResult {
        let Self { incoming, env, memory, .. } = self;
        let request = &incoming.request;
        let secrets = caller.secrets(incoming.settings.secrets_for_readers);
        let body = Some(request.body.as_str()).filter(|body| !body.is_empty());
        let message = |id: String, request: Request| Message {
            id,
            request,
            origin: Origin {
                by: caller.key_id(),
                request_id: incoming.request_id().map(log::shortened).map(str::to_owned),
            },
            opaque_id: incoming.opaque_id.clone(),
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
                let response = format.success(api::info(&incoming.settings.version));
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
                let asked = to_directory(None, Some(&body))?;
                match timeout(LIST_LIMIT, settled(asked)).await {
                    Some(Ok(response)) if runtime::status_of(&response) == 200 => {
                        return Ok(response);
                    }
                    // What is not known is absent; that the Directory does not answer is known.
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
                match timeout(LIST_LIMIT, settled(response)).await {
                    Some(response) => return response,
                    None => Err(ApiError::unavailable("the Directory")),
                }
            }
            Call::Refresh => match timeout(REFRESH_LIMIT, settled(to_directory(None, None)?)).await
            {
                Some(response) => return response,
                None => Err(ApiError::unavailable("the Directory")),
            },
            Call::WatchTicket => watch::ticket(caller, &incoming.settings.root),
            Call::Watch(_) if auth::is_foreign_watcher(incoming, caller) => {
                Err(self.refuse(caller.foreign_page(&incoming.origin)))
            }
            Call::Watch(_) if !incoming.wants_socket() => Err(ApiError::upgrade_required()),
            Call::Watch(watch) => {
                let message = watch::message(incoming, &watch, caller, incoming.request_id())?;
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

/// A connector as it was when its object last copied it to Workers KV. `None`: somebody else has put a
/// document there, and only the object knows whether it is an import, or a connector that was erased.
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
    let found = match timeout(COPY_LIMIT, kv.get_with_time(&key)).await {
        Some(Ok(found)) => found.ok_or_else(|| ApiError::not_found(id))?,
        Some(Err(thrown)) => return Err(unavailable(describe(&thrown))),
        None => return Err(unavailable(format!("no answer within {} s", COPY_LIMIT.as_secs()))),
    };
    let Some(written_at) = found.written_at else { return Ok(None) };
    let connector = Connector::from_json(&found.value).map_err(|_| ApiError::not_found(id))?;
    let json = connector.to_json();
    let response = api::show(id, include_deleted, Some((&connector, secrets.visible(&json))))?;
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
