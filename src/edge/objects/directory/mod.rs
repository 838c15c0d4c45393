//! The Directory: one object that knows of every connector what lists need, and who has which index
//! name. It is an index of what the connectors' objects decide, fed by their outboxes.

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

use serde::Deserialize;
use serde_json::{Value, json};
use wasm_bindgen::prelude::*;
use worker::worker_sys::DurableObjectState;
use worker::{Env, console_error};

use super::connector::other_version;
use crate::api::{self, ApiError, Backup, Call, Precondition, Response};
use crate::directory::{Entry, Event};
use crate::edge::log;
use crate::edge::message::{
    self, ClaimReply, EntryReply, JobsReply, Message, NoticeReply, Origin, UnknownFormat,
};
use crate::edge::metrics::{Count, MEDIA_TYPE};
use crate::edge::outbox;
use crate::edge::runtime::{
    HttpResponse, JsError, JsResult, JsString, Page, RawRequest, SqlValue, State, describe,
    now_millis, spawn_or_ready, watch_message,
};
use crate::protocol::directory::{JobEntry, Outcome};
use crate::protocol::refresh::Recent;
use crate::secrets::Secrets;
use crate::sync_job::SyncJobId;
use crate::webhook::Settings;
use import::Look;
use list::Counts;
use live::Live;
use search::Found;
use store::{Setting, Store};
use summary::Silent;
use webhooks::Gatherings;

/// Sequence numbers are reserved by so many: a restart skips what is left of them, and the storage
/// is not asked for each.
const SEQ_BLOCK: u64 = 1_000;

/// The Directory's object, as the runtime sees it.
#[wasm_bindgen]
pub struct DirectoryObject(Rc<Directory>);

/// What the Directory holds in memory.
struct Directory {
    env: Env,
    state: State,
    store: Store,
    is_open: Cell<bool>,
    /// The last change, and the last number that is reserved.
    seq: Cell<u64>,
    reserved: Cell<u64>,
    counts: Counts,
    silent: Silent,
    settings: OnceCell<Settings>,
    look: Look,
    gatherings: Gatherings,
    /// How many connectors have never checked in, and when that was counted.
    never_seen: Cell<Option<(u64, u64)>>,
    /// When keys end, and when that was looked up; `None`: it is not known.
    keys: RefCell<Option<(u64, Vec<u64>)>>,
    live: Rc<Live>,
    /// Who may hold something untold.
    recent: RefCell<Recent>,
    /// The last change of which no row is left.
    forgotten: Cell<u64>,
    /// Which service this is; 0: nobody has asked yet.
    identity: Cell<u64>,
    /// Up to when the last complete backup has what was changed; 0: there is none.
    last_backup: Cell<u64>,
}

#[wasm_bindgen]
impl DirectoryObject {
    /// From what the runtime gives an object.
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
            counts: Counts::default(),
            silent: Silent::default(),
            settings: OnceCell::default(),
            look: Look::default(),
            gatherings: Gatherings::default(),
            never_seen: Cell::default(),
            keys: RefCell::default(),
        }))
    }

    /// Answers a request for a list: the text of a response, or a promise of it.
    pub fn handle(&self, message: &str, body: Option<String>) -> JsResult {
        let this = self.0.clone();
        let message = match Message::parse(message, body) {
            Ok(message) => message,
            Err(UnknownFormat) => return Ok(other_version().to_text()?.into()),
        };
        spawn_or_ready(async move { this.respond(message).await })
    }

    /// Takes up how a connector is. `document` is absent if it is as it was.
    pub fn apply(&self, entry: &str, document: Option<JsString>) -> JsResult {
        Ok(self.0.apply(entry, document.as_ref())?.into())
    }

    /// Takes up how some sync jobs are.
    #[wasm_bindgen(js_name = applyJobs)]
    pub fn apply_jobs(&self, jobs: &str) -> JsResult {
        Ok(self.0.apply_jobs(jobs)?.into())
    }

    /// Takes up that a consumer of a connector's outbox is behind, or no longer is.
    pub fn report(&self, report: &str) -> JsResult {
        if let Ok(report) = message::parse(report) {
            self.0.note_behind(&report)?;
        }
        Ok(JsValue::NULL)
    }

    /// Takes what an isolate has counted, an event for the audit, or whether attempts to send webhooks have
    /// failed; says whether what a webhook message would say of a connector is said by a summary, and if not, how
    /// many connectors share the cause of its error.
    pub fn notify(&self, notice: &str) -> JsResult {
        let mut sharing = 0;
        let is_gathered = match message::parse(notice) {
            Ok(notice) => match (notice.get("counts"), notice.get("audit")) {
                (None, Some(event)) => {
                    let event = serde_json::from_value(event.clone());
                    self.0.keep(event.map_err(|error| error.to_string())?)?;
                    false
                }
                (Some(counts), _) => {
                    let counts: Result<Vec<Count>, _> = serde_json::from_value(counts.clone());
                    self.0.open()?;
                    self.0.note_counts(&counts.map_err(|error| error.to_string())?)?;
                    false
                }
                (None, None) => {
                    let is_gathered = self.0.is_gathered(&notice)?;
                    if !is_gathered {
                        sharing = self.0.sharing(&notice)?;
                    }
                    is_gathered
                }
            },
            Err(UnknownFormat) => false,
        };
        Ok(message::write(&NoticeReply { gathered: is_gathered, sharing })?.into())
    }

    /// Grants an index name to a connector, or not.
    pub fn claim(&self, claim: &str) -> JsResult {
        let this = self.0.clone();
        let Some(claim) = message::to_value(claim) else {
            return Ok(message::write(&ClaimReply { granted: None })?.into());
        };
        spawn_or_ready(async move {
            let granted = Some(this.claim(claim).await?);
            Ok(message::write(&ClaimReply { granted })?.into())
        })
    }

    /// Takes a claim back that nothing was committed for.
    pub fn release(&self, claim: &str) -> JsResult {
        if let Some(claim) = message::to_value(claim) {
            self.0.release(&claim)?;
        }
        Ok(JsValue::NULL)
    }

    /// The response to somebody who wants to watch.
    pub fn fetch(&self, request: &RawRequest) -> JsResult {
        match message::parse(&watch_message(request)?) {
            Ok(fields) => self.0.watch(fields.into()),
            Err(UnknownFormat) => other_version().send(),
        }
    }

    /// Somebody who watches has said something.
    #[wasm_bindgen(js_name = webSocketMessage)]
    pub fn web_socket_message(&self, socket: &JsValue, message: &JsValue) {
        self.0.live.hear(socket, message.as_string().as_deref());
    }

    /// Somebody has gone.
    #[wasm_bindgen(js_name = webSocketClose)]
    pub fn web_socket_close(&self, socket: &JsValue, code: u16) {
        self.0.live.say_goodbye(socket, code);
    }

    /// Somebody has gone without a word.
    #[wasm_bindgen(js_name = webSocketError)]
    pub fn web_socket_error(&self) {
        self.0.live.look_anew();
    }

    /// Closes the sockets whose time is over, and sends what webhooks are to be told of many connectors.
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

/// 500 for what the database has thrown; the log says why.
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
                "looked_at" => self.look.at.set(value),
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

    /// Who is told of silence, and after how long.
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
        let reply = |result| Ok(message::write(&EntryReply { result })?);
        self.open()?;
        let is_known = message::read(message, &mut |_, _| {}).is_ok();
        let entry = serde_json::from_str::<Entry<'_>>(message).ok().filter(|_| is_known);
        let Some(entry) = entry else { return reply("unknown format") };
        self.recent.borrow_mut().note(&entry.id, now_millis());
        let seq = self.next_seq()?;
        let outcomes = self.store.take(&[(&entry, document.map(SqlValue::from))], seq)?;
        let outcome = outcomes.first().copied().unwrap_or(Outcome::Older);
        if outcome == Outcome::Taken {
            self.counts.forget();
            if self.is_silent(&entry) {
                self.silent.forget();
            }
        }
        if matches!(outcome, Outcome::Taken | Outcome::Seen) {
            self.live.tell(&entry, seq, outcome == Outcome::Taken);
        }
        reply(outcome.name())
    }

    fn apply_jobs(&self, message: &str) -> Result<String, JsError> {
        #[derive(Deserialize)]
        struct Told {
            jobs: Vec<JobEntry>,
        }
        self.open()?;
        let is_known = message::read(message, &mut |_, _| {}).is_ok();
        let told = serde_json::from_str::<Told>(message).ok().filter(|_| is_known);
        let Some(Told { jobs }) = told else {
            return Ok(message::write(&JobsReply { results: &[] })?);
        };
        for id in jobs.iter().filter_map(|job| SyncJobId::parse(&job.id)) {
            self.recent.borrow_mut().note(id.connector(), now_millis());
        }
        let outcomes = self.store.take_jobs(&jobs, self.seq.get())?;
        for (job, outcome) in jobs.iter().zip(&outcomes) {
            let is_more = *outcome == Outcome::Taken;
            if is_more {
                self.counts.forget();
            }
            // One that was erased does not say whose it was; its id does.
            if let (Some(id), true) =
                (SyncJobId::parse(&job.id), is_more || *outcome == Outcome::Seen)
            {
                self.live.tell_jobs(id.connector(), self.seq.get(), is_more);
            }
        }
        Ok(message::write(&JobsReply { results: &outcomes })?)
    }

    /// The text of a response.
    async fn respond(self: &Rc<Self>, message: Message) -> JsResult {
        let Message { mut request, patterns, opaque_id, origin, secrets, .. } = message;
        // What comes with a question for numbers is what its isolate has counted.
        let own = match request.target.starts_with("/_metrics") {
            true => std::mem::take(&mut request.body),
            false => String::new(),
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
                // Time alone makes connectors silent.
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
                    Ok(match tag.is_known(&precondition) {
                        true => Response::empty(304),
                        false => format.success(response),
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
                // Who asks for no ids asks which service this is.
                let is_first = after.is_empty() && changed_since.is_none() && size > 0;
                let found = found.and_then(|ids| {
                    if is_first {
                        self.note(origin.event("read_all", "_backup", None))?;
                    }
                    Ok(ids)
                });
                finish(format.result(found))
            }
            Ok(Call::Backup(Backup::Done { connectors, complete_until })) => {
                let noted = self.ready().await.and_then(|()| {
                    let event = origin.event("backup", "_backup", None);
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
                self.look_at_keys().await;
                match self.ready().await.and_then(|()| self.metrics(&own)) {
                    Ok(response) => finish(response).content_type(MEDIA_TYPE),
                    Err(error) => finish(format.failure(&error)),
                }
            }
            Ok(Call::Import) => finish(format.result(self.import_now(&origin).await)),
            Ok(_) => finish(format.failure(&ApiError::internal())),
            Err(error) => finish(format.failure(&error)),
        };
        Ok(response.to_text()?.into())
    }

    /// Keeps an event, and has it in the log.
    fn note(&self, event: Event) -> Result<(), ApiError> {
        self.keep(event).map_err(failed("the audit cannot be written"))
    }

    fn keep(&self, event: Event) -> Result<(), JsError> {
        self.open()?;
        self.store.audit(std::slice::from_ref(&event))?;
        // What concerns one connector is in the log by its object.
        if event.connector.is_none() {
            log::event(&event);
        }
        Ok(())
    }

    /// Takes up what is in Workers KV now; says how many documents, and which not.
    async fn import_now(self: &Rc<Self>, origin: &Origin) -> Result<Response, ApiError> {
        let looked = match self.open() {
            Ok(()) => self.look().await,
            Err(thrown) => Err(thrown),
        };
        let summary = looked.map_err(|thrown| {
            console_error!("Workers KV cannot be looked at: {}", describe(&thrown));
            ApiError::unavailable("Workers KV")
        })?;
        let mut event = origin.event("import", "_import", None);
        event.connectors = Some(summary.taken as u64);
        self.note(event)?;
        let skipped = summary.skipped.iter().map(|(id, why)| json!({ "id": id, "reason": why }));
        let skipped: Vec<Value> = skipped.collect();
        Ok(Response::json(200, &json!({ "taken": summary.taken, "skipped": skipped })))
    }

    /// Sees to it that the database is open and that what Workers KV had is taken up.
    async fn ready(self: &Rc<Self>) -> Result<(), ApiError> {
        let unavailable = |thrown: JsError| {
            console_error!("the Directory: {}", describe(&thrown));
            ApiError::unavailable("the Directory")
        };
        self.open().map_err(unavailable)?;
        self.take_up().await.map_err(unavailable)
    }
}

/// The entity tag of a list. For those who may see everything it is made of what was asked and the number
/// of the last change, so a list that has not changed is known without being made. For others that number
/// would tell when something changes that they may not see: their tag is made of what they are shown.
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
