//! The Directory: one object with the data of all connectors that lists need, and the owner of each index
//! name. It is an index over the connectors' objects, updated by their outboxes.

mod backup;
mod claim;
mod import;
mod list;
mod live;
mod metrics;
mod refresh;
mod search;
mod store;
mod summary;
mod timeline;
mod webhooks;

use std::cell::{Cell, OnceCell, RefCell};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use serde_json::{Value, json};
use wasm_bindgen::prelude::*;
use worker::worker_sys::DurableObjectState;
use worker::{Env, console_error};

use super::connector::other_version;
use crate::api::{self, ApiError, Backup, Call, Precondition, Response};
use crate::directory::{Entry, Event};
use crate::edge::log;
use crate::edge::message::{
    self, ClaimReply, EntryReply, JobEntries, JobsReply, Message, Notice, NoticeMessage,
    NoticeReply, Requester, UnknownFormat,
};
use crate::edge::metrics::MEDIA_TYPE;
use crate::edge::outbox;
use crate::edge::runtime::{
    HttpResponse, JsError, JsResult, JsString, Page, RawRequest, SqlValue, State, describe,
    now_millis, spawn_or_ready, watch_message,
};
use crate::protocol::directory::Outcome;
use crate::protocol::refresh::Recent;
use crate::secrets::Secrets;
use crate::sync_job::SyncJobId;
use crate::webhook::Settings;
use import::ScanState;
use list::CountCache;
use live::Live;
use search::Found;
use store::{Setting, Store};
use summary::SilenceCache;
use webhooks::Gatherings;

/// Sequence numbers are reserved in blocks of this size, which saves a write for each. A restart skips the rest
/// of the block.
const SEQ_BLOCK: u64 = 1_000;

/// The Directory's object, as the runtime sees it.
#[wasm_bindgen]
pub struct DirectoryObject(Rc<Directory>);

/// The Directory's state in memory.
struct Directory {
    env: Env,
    state: State,
    store: Store,
    is_open: Cell<bool>,
    /// The last change, and the last number that is reserved.
    seq: Cell<u64>,
    reserved: Cell<u64>,
    count_cache: CountCache,
    silence_cache: SilenceCache,
    settings: OnceCell<Settings>,
    scan_state: ScanState,
    gatherings: Gatherings,
    /// How many connectors have never checked in, and when that was counted.
    never_seen: Cell<Option<(u64, u64)>>,
    /// When keys expire, and when that was looked up; `None`: not known.
    keys: RefCell<Option<(u64, Vec<u64>)>>,
    live: Rc<Live>,
    /// Connectors that may have pending changes.
    recent: RefCell<Recent>,
    /// The last change of which no row is left.
    forgotten: Cell<u64>,
    /// The id of this installation; 0: not created yet.
    identity: Cell<u64>,
    /// The last complete backup contains all changes before this time; 0: there is none.
    last_backup: Cell<u64>,
}

#[wasm_bindgen]
impl DirectoryObject {
    #[wasm_bindgen(constructor)]
    pub fn new(state: DurableObjectState, env: Env) -> Self {
        let state = State::of(state);
        Self(Rc::new(Directory {
            live: Live::of(env.clone(), state.clone()),
            recent: RefCell::default(),
            forgotten: Cell::default(),
            identity: Cell::default(),
            last_backup: Cell::default(),
            env,
            store: Store::of(&state),
            state,
            is_open: Cell::default(),
            seq: Cell::default(),
            reserved: Cell::default(),
            count_cache: CountCache::default(),
            silence_cache: SilenceCache::default(),
            settings: OnceCell::default(),
            scan_state: ScanState::default(),
            gatherings: Gatherings::default(),
            never_seen: Cell::default(),
            keys: RefCell::default(),
        }))
    }

    /// Handles a request: returns the text of a response, or a promise of it.
    pub fn handle(&self, message: &str, body: Option<String>) -> JsResult {
        let this = self.0.clone();
        let message = match Message::parse(message, body) {
            Ok(message) => message,
            Err(UnknownFormat) => return Ok(other_version().to_text()?.into()),
        };
        spawn_or_ready(async move { this.respond(message).await })
    }

    /// Applies a connector's entry. `document` is absent if it has not changed.
    pub fn apply(&self, entry: &str, document: Option<JsString>) -> JsResult {
        Ok(self.0.apply(entry, document.as_ref())?.into())
    }

    /// Applies entries of sync jobs.
    #[wasm_bindgen(js_name = applyJobs)]
    pub fn apply_jobs(&self, jobs: &str) -> JsResult {
        Ok(self.0.apply_jobs(jobs)?.into())
    }

    /// Records that a consumer of a connector's outbox lags, or no longer does.
    pub fn report(&self, report: &str) -> JsResult {
        if let Ok(report) = message::read(report) {
            self.0.record_lag(&report)?;
        }
        Ok(JsValue::NULL)
    }

    /// Handles a [`Notice`](crate::edge::message::Notice). The reply to webhook attempts says whether a summary
    /// replaces the message, and if not, how many connectors share the cause of the error.
    pub fn notify(&self, notice: &str) -> JsResult {
        let mut reply = NoticeReply::default();
        match message::read(notice) {
            Ok(NoticeMessage { notice: Notice::Counts(counts) }) => {
                self.0.open()?;
                self.0.add_counts(&counts)?;
            }
            Ok(NoticeMessage { notice: Notice::Audit(event) }) => {
                self.0.keep(event.into_owned())?;
            }
            Ok(NoticeMessage { notice: Notice::Attempts(attempts) }) => {
                reply.gathered = self.0.is_gathered(&attempts)?;
                if !reply.gathered {
                    reply.sharing = self.0.sharing(&attempts)?;
                }
            }
            Err(UnknownFormat) => {}
        }
        Ok(message::write(&reply)?.into())
    }

    /// Grants an index name to a connector unless another one holds it.
    pub fn claim(&self, claim: &str) -> JsResult {
        let this = self.0.clone();
        let Ok(claim) = message::read(claim) else {
            return Ok(message::write(&ClaimReply { granted: None })?.into());
        };
        spawn_or_ready(async move {
            let granted = Some(this.claim(claim).await?);
            Ok(message::write(&ClaimReply { granted })?.into())
        })
    }

    /// Releases a claim whose write was not committed.
    pub fn release(&self, claim: &str) -> JsResult {
        if let Ok(claim) = message::read(claim) {
            self.0.release(&claim)?;
        }
        Ok(JsValue::NULL)
    }

    /// Handles a request to watch.
    pub fn fetch(&self, request: &RawRequest) -> JsResult {
        match message::read(&watch_message(request)?) {
            Ok(watcher) => self.0.watch(watcher),
            Err(UnknownFormat) => other_version().send(),
        }
    }

    /// A client has sent a message.
    #[wasm_bindgen(js_name = webSocketMessage)]
    pub fn web_socket_message(&self, socket: &JsValue, message: &JsValue) {
        self.0.live.hear(socket, message.as_string().as_deref());
    }

    /// A client has closed its socket.
    #[wasm_bindgen(js_name = webSocketClose)]
    pub fn web_socket_close(&self, socket: &JsValue, code: u16) {
        self.0.live.close_socket(socket, code);
    }

    /// A socket has failed.
    #[wasm_bindgen(js_name = webSocketError)]
    pub fn web_socket_error(&self) {
        self.0.live.recount();
    }

    /// Handles the alarm: closes expired sockets and sends webhook summaries.
    ///
    /// # Errors
    /// If the database fails: the runtime calls again.
    pub fn alarm(&self) -> JsResult {
        let this = self.0.clone();
        spawn_or_ready(async move {
            this.live.end_expired();
            this.send_summaries()?;
            this.live.await_alarm().await;
            Ok(JsValue::NULL)
        })
    }
}

/// Logs a database error and answers 500.
fn failed(what: &str) -> impl Fn(JsError) -> ApiError {
    move |thrown| {
        console_error!("{what}: {}", describe(&thrown));
        ApiError::internal()
    }
}

impl Directory {
    /// Opens the database, once.
    fn open(&self) -> Result<(), JsError> {
        if self.is_open.get() {
            return Ok(());
        }
        for Setting { name, value } in self.store.open()? {
            match name.as_str() {
                "seq" => {
                    self.seq.set(value);
                    self.reserved.set(value);
                }
                "looked_at" => self.scan_state.at.set(value),
                "forgotten" => self.forgotten.set(value),
                "identity" => self.identity.set(value),
                backup::LAST_BACKUP => self.last_backup.set(value),
                _ => {}
            }
        }
        self.recent.replace(Recent::new(now_millis()));
        self.check_settings()?;
        self.live.want_alarm(self.next_summary()?);
        self.is_open.set(true);
        Ok(())
    }

    /// The webhooks that are notified of silent connectors, and after how long.
    fn settings(&self) -> &Settings {
        self.settings.get_or_init(|| outbox::webhook::settings(&self.env))
    }

    fn set(&self, name: &str, value: u64) -> Result<(), JsError> {
        self.store.set(name, value)
    }

    /// The number of the next change.
    fn next_seq(&self) -> Result<u64, JsError> {
        let next = self.seq.get() + 1;
        if next > self.reserved.get() {
            self.set("seq", next + SEQ_BLOCK)?;
            self.reserved.set(next + SEQ_BLOCK);
        }
        self.seq.set(next);
        Ok(next)
    }

    fn apply(&self, message: &str, document: Option<&JsString>) -> Result<String, JsError> {
        let result = match message::read(message) {
            Ok(entry) => self.apply_entry(&entry, document)?.name(),
            Err(UnknownFormat) => "unknown format",
        };
        Ok(message::write(&EntryReply { result: result.into() })?)
    }

    fn apply_entry(
        &self,
        entry: &Entry<'_>,
        document: Option<&JsString>,
    ) -> Result<Outcome, JsError> {
        self.open()?;
        self.recent.borrow_mut().note(&entry.id, now_millis());
        let seq = self.next_seq()?;
        let outcomes = self.store.take(&[(entry, document.map(SqlValue::from))], seq)?;
        let outcome = outcomes.first().copied().unwrap_or(Outcome::Older);
        if outcome == Outcome::Taken {
            self.count_cache.clear();
            if self.is_silent(entry) {
                self.silence_cache.clear();
            }
        }
        if matches!(outcome, Outcome::Taken | Outcome::Seen) {
            self.live.notify(entry, seq, outcome == Outcome::Taken);
        }
        Ok(outcome)
    }

    fn apply_jobs(&self, message: &str) -> Result<String, JsError> {
        let Ok(JobEntries { jobs }) = message::read(message) else {
            return Ok(message::write(&JobsReply::default())?);
        };
        self.open()?;
        for id in jobs.iter().filter_map(|job| SyncJobId::parse(&job.id)) {
            self.recent.borrow_mut().note(id.connector(), now_millis());
        }
        let outcomes = self.store.take_jobs(&jobs, self.seq.get())?;
        for (job, outcome) in jobs.iter().zip(&outcomes) {
            let is_more = *outcome == Outcome::Taken;
            if is_more {
                self.count_cache.clear();
            }
            // An erased job has no connector id; its own id contains it.
            if let (Some(id), true) =
                (SyncJobId::parse(&job.id), is_more || *outcome == Outcome::Seen)
            {
                self.live.notify_jobs(id.connector(), self.seq.get(), is_more);
            }
        }
        let results = outcomes.iter().map(|outcome| outcome.name().into()).collect();
        Ok(message::write(&JobsReply { results })?)
    }

    /// The text of a response.
    async fn respond(self: &Rc<Self>, message: Message) -> JsResult {
        let Message { mut request, patterns, opaque_id, requester, secrets, .. } = message;
        // The body of a metrics request holds the caller's own metrics.
        let own = if request.target.starts_with("/_metrics") {
            std::mem::take(&mut request.body)
        } else {
            String::new()
        };
        let (format, call) = api::read(&request);
        let finish =
            |response: Response| HttpResponse::new(response, &format).opaque_id(opaque_id.clone());
        let show = |page: Page, tag: Option<String>| -> JsResult {
            if format.is_plain() {
                let head = finish(Response::text(200, "{}".to_owned())).etag(tag);
                return Ok(page.after_head(&head.head()?).into());
            }
            let response = format.success(Response::text(200, page.to_text()));
            Ok(finish(response).etag(tag).to_text()?.into())
        };
        let precondition = Precondition::of(&request);
        let accept = request.accept.as_deref();
        let response = match call {
            Ok(Call::List(mut list)) => {
                list.filter.ids = patterns;
                let asked = (request.target.as_str(), accept, secrets);
                let mut tag = Tag::new(asked, list.filter.ids.as_deref());
                let ready = self.ready().await;
                let listed = ready.and_then(|()| {
                    tag.of_last_change(self.seq.get());
                    if tag.is_known(&precondition) {
                        return Ok(None);
                    }
                    let page = self.list(&list, secrets)?;
                    tag.of_response(|| page.to_text());
                    Ok((!tag.is_known(&precondition)).then_some(page))
                });
                match listed {
                    Ok(None) => finish(Response::empty(304)).etag(tag.into_text()),
                    Ok(Some(page)) => return show(page, tag.into_text()),
                    Err(error) => finish(format.failure(&error)),
                }
            }
            Ok(Call::Summary(mut summary)) => {
                summary.ids = patterns;
                // Connectors become silent without a change, so this has no entity tag.
                let target = format!("{} {}", request.target, now_millis() / 60_000);
                let mut tag = Tag::new((&target, accept, secrets), summary.ids.as_deref());
                let ready = self.ready().await;
                let summarized = ready.and_then(|()| {
                    tag.of_last_change(self.seq.get());
                    if tag.is_known(&precondition) {
                        return Ok(Response::empty(304));
                    }
                    let response = self.summary(&summary)?;
                    tag.of_response(|| response.body.clone());
                    Ok(if tag.is_known(&precondition) {
                        Response::empty(304)
                    } else {
                        format.success(response)
                    })
                });
                match summarized {
                    Ok(response) => finish(response).etag(tag.into_text()),
                    Err(error) => finish(format.failure(&error)),
                }
            }
            Ok(Call::Timeline(hours)) => {
                let found = self.ready().await.and_then(|()| self.timeline(hours));
                finish(format.result(found))
            }
            Ok(Call::Search(mut search)) => {
                search.connectors = patterns;
                match self.ready().await.and_then(|()| self.search(&search, secrets)) {
                    Ok(Found::Page(page)) => return show(page, None),
                    Ok(Found::Response(response)) => finish(format.success(response)),
                    Err(error) => finish(format.failure(&error)),
                }
            }
            Ok(Call::Refresh) => finish(format.result(self.refresh().await)),
            Ok(Call::Backup(Backup::Ids { after, size, changed_since })) => {
                let found = self.ready().await.and_then(|()| self.ids(&after, size, changed_since));
                // A request for no ids asks for the id of this installation.
                let is_first = after.is_empty() && changed_since.is_none() && size > 0;
                let found = found.and_then(|ids| {
                    if is_first {
                        self.note(requester.event("read_all", "_backup", None))?;
                    }
                    Ok(ids)
                });
                finish(format.result(found))
            }
            Ok(Call::Backup(Backup::Done { connectors, complete_until })) => {
                let noted = self.ready().await.and_then(|()| {
                    let event = requester.event("backup", "_backup", None);
                    self.note_backup(event, connectors, complete_until)
                });
                finish(format.result(noted))
            }
            Ok(Call::AuditOfAll(query)) => {
                let events = self.ready().await.and_then(|()| {
                    self.store.events(&query).map_err(failed("the audit cannot be read"))
                });
                let shown = events.map(|events| api::show_events(&events, query.size));
                finish(format.result(shown))
            }
            Ok(Call::Metrics) => {
                self.refresh_key_expirations().await;
                match self.ready().await.and_then(|()| self.metrics(&own)) {
                    Ok(response) => finish(response).content_type(MEDIA_TYPE),
                    Err(error) => finish(format.failure(&error)),
                }
            }
            Ok(Call::Import) => finish(format.result(self.import_now(&requester).await)),
            Ok(_) => finish(format.failure(&ApiError::internal())),
            Err(error) => finish(format.failure(&error)),
        };
        Ok(response.to_text()?.into())
    }

    /// Stores an audit event and logs it.
    fn note(&self, event: Event) -> Result<(), ApiError> {
        self.keep(event).map_err(failed("the audit cannot be written"))
    }

    fn keep(&self, event: Event) -> Result<(), JsError> {
        self.open()?;
        self.store.audit(std::slice::from_ref(&event))?;
        // The connector's object logs events of one connector.
        if event.connector.is_none() {
            log::event(&event);
        }
        Ok(())
    }

    /// Imports the documents in Workers KV now; answers how many, and which were skipped.
    async fn import_now(self: &Rc<Self>, requester: &Requester) -> Result<Response, ApiError> {
        let looked = match self.open() {
            Ok(()) => self.scan_kv().await,
            Err(thrown) => Err(thrown),
        };
        let summary = looked.map_err(|thrown| {
            console_error!("Workers KV cannot be scanned: {}", describe(&thrown));
            ApiError::unavailable("Workers KV")
        })?;
        let mut event = requester.event("import", "_import", None);
        event.connectors = Some(summary.taken as u64);
        self.note(event)?;
        let skipped = summary.skipped.iter().map(|(id, why)| json!({ "id": id, "reason": why }));
        let skipped: Vec<Value> = skipped.collect();
        Ok(Response::json(200, &json!({ "taken": summary.taken, "skipped": skipped })))
    }

    /// Opens the database and waits for the first import from Workers KV.
    async fn ready(self: &Rc<Self>) -> Result<(), ApiError> {
        let unavailable = |thrown: JsError| {
            console_error!("the Directory: {}", describe(&thrown));
            ApiError::unavailable("the Directory")
        };
        self.open().map_err(unavailable)?;
        self.ensure_imported().await.map_err(unavailable)
    }
}

/// The entity tag of a list. For callers who see everything it combines the request and the number of the last
/// change, so an unchanged list is recognized without building it. For other callers that number would reveal
/// changes to connectors that they may not see: their tag is a hash of the response.
struct Tag {
    asked: DefaultHasher,
    is_limited: bool,
    text: Option<String>,
}

impl Tag {
    fn new(question: (&str, Option<&str>, Secrets), patterns: Option<&[String]>) -> Self {
        let mut asked = DefaultHasher::new();
        question.hash(&mut asked);
        Self { asked, is_limited: patterns.is_some(), text: None }
    }

    fn of_last_change(&mut self, seq: u64) {
        if !self.is_limited {
            self.text = Some(format!("\"{seq}-{:016x}\"", self.asked.finish()));
        }
    }

    fn of_response(&mut self, shown: impl FnOnce() -> String) {
        if self.is_limited {
            let mut all = self.asked.clone();
            shown().hash(&mut all);
            self.text = Some(format!("\"{:016x}\"", all.finish()));
        }
    }

    fn is_known(&self, precondition: &Precondition) -> bool {
        self.text.as_deref().is_some_and(|tag| precondition.is_not_modified(tag))
    }

    fn into_text(self) -> Option<String> {
        self.text
    }
}
