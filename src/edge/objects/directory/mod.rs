//! The Directory: one object that knows of every connector what lists need, and who has which index
//! name. It is an index of what the connectors' objects decide, fed by their outboxes.

mod claim;
mod import;
mod list;
mod live;
mod search;

use std::cell::Cell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use wasm_bindgen::prelude::*;
use worker::worker_sys::DurableObjectState;
use worker::{Env, console_error};

use super::connector::other_version;
use crate::api::{self, ApiError, Call, Response};
use crate::edge::message::{self, FORMAT, Message, UnknownFormat};
use crate::edge::runtime::{
    DirectoryStore, HttpResponse, JsError, JsResult, JsString, State, describe, spawn_or_ready,
};
use import::Look;
use list::Counts;
use live::Live;

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
    store: DirectoryStore,
    is_open: Cell<bool>,
    /// The last change, and the last number that is reserved.
    seq: Cell<u64>,
    reserved: Cell<u64>,
    counts: Counts,
    look: Look,
    live: Rc<Live>,
    /// The last change of which no row is left.
    forgotten: Cell<u64>,
}

#[wasm_bindgen]
impl DirectoryObject {
    /// From what the runtime gives an object.
    #[wasm_bindgen(constructor)]
    pub fn new(state: DurableObjectState, env: Env) -> Self {
        let state = State::of(state);
        Self(Rc::new(Directory {
            live: Live::of(env.clone(), state.clone()),
            forgotten: Cell::default(),
            env,
            store: state.directory_store(),
            state,
            is_open: Cell::default(),
            seq: Cell::default(),
            reserved: Cell::default(),
            counts: Counts::default(),
            look: Look::default(),
        }))
    }

    /// Answers a request for a list: the text of a response, or a promise of it.
    pub fn handle(&self, message: &str, body: Option<String>) -> JsResult {
        let this = self.0.clone();
        let message = match Message::parse(message, body) {
            Ok(message) => message,
            Err(UnknownFormat) => return Ok(other_version().to_text().into()),
        };
        spawn_or_ready(async move { Ok(this.respond(message).await) })
    }

    /// Takes up how a connector is. `document` is absent if it is as it was.
    ///
    /// # Errors
    /// If the database fails.
    pub fn apply(&self, entry: &str, document: Option<JsString>) -> JsResult {
        Ok(self.0.apply(entry, document.as_ref())?.to_string().into())
    }

    /// Takes up how some sync jobs are.
    ///
    /// # Errors
    /// If the database fails.
    #[wasm_bindgen(js_name = applyJobs)]
    pub fn apply_jobs(&self, jobs: &str) -> JsResult {
        Ok(self.0.apply_jobs(jobs)?.to_string().into())
    }

    /// Grants an index name to a connector, or not.
    ///
    /// # Errors
    /// If that cannot be said.
    pub fn claim(&self, claim: &str) -> JsResult {
        let this = self.0.clone();
        let claim = match message::parse(claim) {
            Ok(claim) => claim,
            Err(UnknownFormat) => return Ok(json!({ "format": FORMAT }).to_string().into()),
        };
        spawn_or_ready(async move {
            let granted = this.claim(claim.into()).await?;
            Ok(json!({ "format": FORMAT, "granted": granted }).to_string().into())
        })
    }

    /// Takes a claim back that nothing was committed for.
    ///
    /// # Errors
    /// If the database fails.
    pub fn release(&self, claim: &str) -> JsResult {
        if let Ok(claim) = message::parse(claim) {
            self.0.release(&claim.into())?;
        }
        Ok(JsValue::NULL)
    }

    /// The response to somebody who wants to watch.
    ///
    /// # Errors
    /// If the runtime fails.
    pub fn watch(&self, message: &str) -> JsResult {
        match message::parse(message) {
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

    /// Closes the sockets whose time is over.
    ///
    /// # Errors
    /// None.
    pub fn alarm(&self) -> JsResult {
        self.0.live.end_expired();
        Ok(JsValue::NULL)
    }
}

impl Directory {
    /// Opens the database, once.
    fn open(&self) -> Result<(), JsError> {
        #[derive(Deserialize)]
        struct Setting {
            name: String,
            value: u64,
        }
        if self.is_open.get() {
            return Ok(());
        }
        self.store.open()?;
        for Setting { name, value } in self.store.rows("SELECT name, value FROM setting", &[])? {
            match name.as_str() {
                "seq" => {
                    self.seq.set(value);
                    self.reserved.set(value);
                }
                "looked_at" => self.look.at.set(value),
                "forgotten" => self.forgotten.set(value),
                _ => {}
            }
        }
        self.is_open.set(true);
        Ok(())
    }

    fn set(&self, name: &str, value: u64) -> Result<(), JsError> {
        let sql = "INSERT OR REPLACE INTO setting VALUES (?, ?)";
        self.store.rows::<IgnoredAny>(sql, &[name.into(), value.into()]).map(drop)
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

    fn apply(&self, entry: &str, document: Option<&JsString>) -> Result<Value, JsError> {
        let reply = |result: &str| Ok(json!({ "format": FORMAT, "result": result }));
        self.open()?;
        if message::parse(entry).is_err() {
            return reply("unknown format");
        }
        let seq = self.next_seq()?;
        let results = self.store.apply(&format!("[{entry}]"), document, seq)?;
        let results: Vec<String> = serde_json::from_str(&results).unwrap_or_default();
        let result = results.first().map_or("", String::as_str);
        if result == "taken" {
            self.counts.forget();
        }
        if matches!(result, "taken" | "seen") {
            self.live.tell(entry, seq, result == "taken");
        }
        reply(result)
    }

    fn apply_jobs(&self, message: &str) -> Result<Value, JsError> {
        self.open()?;
        let Ok(message) = message::parse(message) else {
            return Ok(json!({ "format": FORMAT, "results": [] }));
        };
        let jobs = message.get("jobs").map(Value::to_string).unwrap_or_default();
        let results = self.store.apply_jobs(&jobs)?;
        let results: Value = serde_json::from_str(&results).unwrap_or_default();
        if results.as_array().is_some_and(|results| results.iter().any(|result| result == "taken"))
        {
            self.counts.forget();
        }
        Ok(json!({ "format": FORMAT, "results": results }))
    }

    /// The text of a response.
    async fn respond(self: &Rc<Self>, message: Message) -> JsValue {
        let Message { request, patterns, opaque_id, .. } = message;
        let (format, call) = api::read(&request);
        let result = match call {
            Ok(Call::List(mut list)) => {
                list.filter.ids = patterns.clone();
                self.ready().await.map(|()| list)
            }
            Ok(Call::Search(mut search)) => {
                search.connectors = patterns;
                let found = self.ready().await.and_then(|()| self.search(&search));
                let response = format.result(found);
                return HttpResponse::new(response, &format).opaque_id(opaque_id).to_text().into();
            }
            Ok(Call::Import) => {
                let response = format.result(self.import_now().await);
                return HttpResponse::new(response, &format).opaque_id(opaque_id).to_text().into();
            }
            Ok(_) => Err(ApiError::internal()),
            Err(error) => Err(error),
        };
        let finish = |reply: HttpResponse| reply.opaque_id(opaque_id.clone());
        let list = match result {
            Ok(list) => list,
            Err(error) => {
                return finish(HttpResponse::new(format.failure(&error), &format)).to_text().into();
            }
        };
        let tag = self.tag(&request.target, patterns.as_deref(), request.accept.as_deref());
        if api::Precondition::of(&request).is_not_modified(&tag) {
            let response = HttpResponse::new(Response::empty(304), &format).etag(Some(tag));
            return finish(response).to_text().into();
        }
        match self.list(&list) {
            Ok((count, results)) if format.is_plain() => {
                // The connectors stay on the side of JavaScript: there may be megabytes of them.
                let head = HttpResponse::new(Response::text(200, "{}".to_owned()), &format);
                DirectoryStore::response(&finish(head.etag(Some(tag))).head(), count, &results)
                    .into()
            }
            Ok((count, results)) => {
                let results = String::from(&results);
                let body = format!("{{\"count\":{count},\"results\":[{results}]}}");
                let response = format.success(Response::text(200, body));
                finish(HttpResponse::new(response, &format).etag(Some(tag))).to_text().into()
            }
            Err(error) => {
                finish(HttpResponse::new(format.failure(&error), &format)).to_text().into()
            }
        }
    }

    /// The entity tag of a list: what was asked, and the number of the last change. So a list that
    /// has not changed is known without being made.
    fn tag(&self, target: &str, patterns: Option<&[String]>, accept: Option<&str>) -> String {
        let mut hasher = DefaultHasher::new();
        (target, patterns, accept).hash(&mut hasher);
        format!("\"{}-{:016x}\"", self.seq.get(), hasher.finish())
    }

    /// Takes up what is in Workers KV now; says how many documents, and which not.
    async fn import_now(self: &Rc<Self>) -> Result<Response, ApiError> {
        let looked = match self.open() {
            Ok(()) => self.look().await,
            Err(thrown) => Err(thrown),
        };
        let summary = looked.map_err(|thrown| {
            console_error!("Workers KV cannot be looked at: {}", describe(&thrown));
            ApiError::unavailable("Workers KV")
        })?;
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
