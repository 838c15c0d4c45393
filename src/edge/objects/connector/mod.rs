//! A connector's Durable Object. It stores the connector and its history, and serializes its writes.
//!
//! Between reading the connector and committing its successor there is no `await`: requests to one
//! object interleave only at awaits, so of two conflicting status changes only one can be committed.
//! Anything that must be awaited, such as an import or the claim of an index name, is awaited before that
//! read or after the commit.

mod backup;
mod claim;
mod jobs;
mod shared;
mod store;
pub(in crate::edge) mod webhooks;

use std::ops::Deref;
use std::rc::Rc;
use std::time::Duration;

use wasm_bindgen::prelude::*;
use worker::worker_sys::DurableObjectState;
use worker::{Env, console_error};

use crate::api::{
    self, ApiError, Call, Commit, Current, Edit, Format, Index, Operation, Precondition, Response,
    StatusChange, Write,
};
use crate::connector::Connector;
use crate::directory::error_of;
use crate::edge::message::{self, CurrentConnector, FlushReply, Message, Requester, UnknownFormat};
use crate::edge::outbox::{self, Outbox};
use crate::edge::runtime::{
    HttpResponse, JsError, JsResult, Kv, State, describe, spawn_or_ready, timeout,
};
use crate::edge::{KV, kv_key, log, now};
use crate::protocol::adoption::{self, Import, NotGranted};
use crate::protocol::claims::Successor;
use crate::recent_values::RecentValues;
use crate::secrets::Secrets;
use crate::status::Status;
use claim::OpenClaim;
pub(in crate::edge) use jobs::JobRecord;
use shared::Loaded;
pub(in crate::edge) use shared::Shared;
pub(in crate::edge) use store::Record;
use store::WriteScope;

/// Timeout for reading an import from Workers KV. Together with the timeout of a claim it must be less than
/// two seconds.
const ADOPTION_TIMEOUT: Duration = Duration::from_millis(800);

/// How many index names one write may claim in turn, if concurrent writes keep changing which one it needs.
const CLAIMS_PER_WRITE: usize = 4;

/// The setting that decides whether illegal status changes in documents are refused.
const OFF_PROTOCOL_STATUS: &str = "OFF_PROTOCOL_STATUS";

/// The Durable Object class.
#[wasm_bindgen]
pub struct ConnectorObject(Rc<Object>);

struct Object {
    shared: Rc<Shared>,
    outbox: Rc<Outbox>,
}

impl Deref for Object {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

#[wasm_bindgen]
impl ConnectorObject {
    #[wasm_bindgen(constructor)]
    pub fn new(state: DurableObjectState, env: Env) -> Self {
        let shared = Rc::new(Shared::new(State::of(state), env));
        Self(Rc::new(Object { outbox: Outbox::of(shared.clone()), shared }))
    }

    /// Returns the text of a response, or a promise of it.
    pub fn handle(&self, message: &str, body: Option<String>) -> JsResult {
        let message = match Message::parse(message, body) {
            Ok(message) => message,
            Err(UnknownFormat) => return Ok(other_version().to_text()?.into()),
        };
        let this = self.0.clone();
        spawn_or_ready(async move { Ok(this.respond(message).await.to_text()?.into()) })
    }

    /// The connector's current entry and document, and whether it is claiming an index name. Called by the
    /// Directory.
    pub fn current(&self, id: String, index: String) -> JsResult {
        let this = self.0.clone();
        spawn_or_ready(async move {
            this.load(&id).await.map_err(|unavailable| unavailable.why())?;
            Ok(this.current(&index)?.into())
        })
    }

    /// Delivers pending changes to the Directory. Returns whether it has everything committed before the call.
    pub fn flush(&self) -> JsResult {
        let this = self.0.clone();
        spawn_or_ready(async move {
            this.read()?;
            let is_notified = outbox::flush(&this.outbox).await;
            Ok(message::write(&FlushReply { is_notified })?.into())
        })
    }

    /// Delivers pending changes to all consumers. If it fails, the runtime retries it.
    pub fn alarm(&self) -> JsResult {
        let this = self.0.clone();
        spawn_or_ready(async move {
            this.read()?;
            outbox::alarm(&this.outbox).await;
            Ok(JsValue::NULL)
        })
    }
}

/// The response to a message of another version.
pub(in crate::edge) fn other_version() -> HttpResponse {
    let format = Format::default();
    HttpResponse::new(format.failure(&UnknownFormat.into()), &format)
}

/// Why it is unknown whether the connector exists.
#[derive(Clone, Copy)]
enum Unavailable {
    /// The object's database cannot be read.
    Storage,
    /// The database is empty, and Workers KV, which may hold an import, cannot be read.
    Import,
}

impl Unavailable {
    fn why(self) -> &'static str {
        match self {
            Self::Storage => "the connector's database",
            Self::Import => "Workers KV",
        }
    }
}

impl From<Unavailable> for ApiError {
    fn from(unavailable: Unavailable) -> Self {
        Self::unavailable(unavailable.why())
    }
}

/// The result of an attempt to commit.
enum Attempt<T> {
    /// Committed, or there was nothing to commit.
    Done(T),
    /// This index must be claimed first.
    Claim(String),
}

/// The result of an attempt to adopt an import.
#[derive(PartialEq, Eq)]
enum Adoption {
    /// There is nothing to adopt: serve the request.
    Serve,
    /// The import was committed.
    Committed,
    /// This index must be claimed first.
    Claim(String),
    /// It is unknown whether there is an import.
    Refuse,
}

impl Object {
    async fn respond(&self, message: Message) -> HttpResponse {
        let Message { id, request, requester, opaque_id, secrets, .. } = message;
        let (format, call) = api::read(&request);
        let (response, etag) = match call {
            Ok(Call::Connector(_, operation)) => {
                self.carry_out(&id, operation, &request, requester, secrets, &format).await
            }
            Ok(Call::SyncJob(job, operation)) => {
                self.carry_out_job(&job, operation, &request, &requester, secrets, &format).await
            }
            Ok(Call::Webhooks { size, .. }) => {
                let loaded = self.load(&id).await.map_err(ApiError::from);
                let shown = loaded.and_then(|()| outbox::webhook::view(&self.outbox, &id, size));
                (format.result(shown), None)
            }
            Ok(Call::Audit { size, before, .. }) => {
                let loaded = self.load(&id).await.map_err(ApiError::from);
                (format.result(loaded.and_then(|()| self.audit(&id, size, before))), None)
            }
            Ok(Call::CreateSyncJob(connector, creation)) => {
                (format.result(self.create_job(&connector, creation, &requester).await), None)
            }
            Ok(Call::Backup(backup)) => {
                (format.result(self.carry_out_backup(backup, &requester).await), None)
            }
            Ok(_) => (format.failure(&ApiError::internal()), None),
            Err(error) => (format.failure(&error), None),
        };
        let response = HttpResponse::new(response, &format).opaque_id(opaque_id).etag(etag);
        response.for_method(&request.method)
    }

    async fn carry_out(
        &self,
        id: &str,
        operation: Operation,
        request: &api::Request,
        requester: Requester,
        secrets: Secrets,
        format: &Format,
    ) -> (Response, Option<String>) {
        let precondition = Precondition::of(request);
        match (self.load(id).await, &operation) {
            (Ok(()), _) => {}
            (Err(Unavailable::Import), Operation::Write(write))
                if adoption::may_write_unseen(
                    matches!(write, Write::Create(_)),
                    !precondition.is_none(),
                ) => {}
            (Err(unavailable), _) => return (format.failure(&unavailable.into()), None),
        }
        match operation {
            // Responses to PUT have no entity tag: the stored document differs from the body (RFC 9110, 9.3.4).
            Operation::Write(write) => {
                let written = self.write(id, write, &precondition, requester).await;
                (format.result(written), None)
            }
            read => match self.view(id, &read, secrets) {
                Ok(response) => {
                    let version = self.with_record(|record| record.map(|it| it.version));
                    let etag = version.map(|version| api::etag_of(&response, version));
                    if etag.as_deref().is_some_and(|tag| precondition.is_not_modified(tag)) {
                        (Response::empty(304), etag)
                    } else {
                        (format.success(response), etag)
                    }
                }
                Err(error) => (format.failure(&error), None),
            },
        }
    }

    /// Whether a write of the document that makes an illegal status change is refused. Elasticsearch accepts
    /// it.
    fn is_strict(&self) -> bool {
        self.env.var(OFF_PROTOCOL_STATUS).is_ok_and(|setting| setting.to_string() == "refuse")
    }

    fn current(&self, index: &str) -> Result<String, JsError> {
        self.with_record(|record| {
            Ok(message::write(&CurrentConnector {
                entry: record.map(outbox::directory::entry),
                document: record.map_or(Ok(None), outbox::directory::document)?,
                is_claiming: self.claims.borrow().is_claiming(index),
            })?)
        })
    }

    /// Reads the row unless it is in memory.
    fn read(&self) -> Result<(), JsError> {
        if self.shared.read_store()? {
            outbox::loaded(&self.outbox);
        }
        Ok(())
    }

    /// Reads the row unless it is in memory. A failed commit removes it from memory.
    fn read_row(&self, id: &str) -> Result<(), Unavailable> {
        self.read().map_err(|thrown| {
            let why = describe(&thrown);
            console_error!("connector [{id}]: its database cannot be read: {why}");
            Unavailable::Storage
        })
    }

    /// Reads the row. If there is none, adopts the document in Workers KV, if any: this imports connectors.
    async fn load(&self, id: &str) -> Result<(), Unavailable> {
        self.read_row(id)?;
        if !matches!(*self.loaded.borrow(), Loaded::Empty) {
            return Ok(());
        }
        let import = self.imported(id).await;
        let mut claim: Option<OpenClaim> = None;
        let next = loop {
            match self.adopt(id, &import, claim.as_ref())? {
                Adoption::Claim(index) => match self.claim(id, index).await {
                    Ok(granted) => claim = Some(granted),
                    Err(error) => break not_granted(id, &error),
                },
                next => break next,
            }
        };
        if next == Adoption::Committed {
            outbox::committed(&self.outbox, "_import").await;
            return self.read_row(id);
        }
        if next == Adoption::Refuse { Err(Unavailable::Import) } else { Ok(()) }
    }

    /// Commits an import if it is adopted now. Not an `async fn`, so that it cannot await.
    fn adopt(
        &self,
        id: &str,
        import: &Import<Commit>,
        claim: Option<&OpenClaim>,
    ) -> Result<Adoption, Unavailable> {
        self.read_row(id)?;
        let has_row = !matches!(*self.loaded.borrow(), Loaded::Empty);
        let token = claim.map(OpenClaim::token);
        let next = adoption::next(has_row, import, &self.claims.borrow(), token);
        let successor = match next {
            adoption::Next::Serve => return Ok(Adoption::Serve),
            adoption::Next::Refuse => return Ok(Adoption::Refuse),
            adoption::Next::Claim(index) => return Ok(Adoption::Claim(index)),
            adoption::Next::Adopt(successor) => successor,
        };
        outbox::webhook::prepare(&self.outbox, false);
        let edit = successor.document().map(|connector| {
            let fields = connector.fields().keys().cloned().collect();
            edit("_import", Requester::default(), fields, Some(status_change(None, connector)))
        });
        self.commit(Record::empty(id), successor, WriteScope::Edit, edit.as_ref(), false)
            .map_err(|_| Unavailable::Storage)?;
        Ok(Adoption::Committed)
    }

    async fn imported(&self, id: &str) -> Import<Commit> {
        let Ok(kv) = Kv::of(&self.env, KV) else { return Import::Unknown };
        let key = kv_key(id);
        match timeout(ADOPTION_TIMEOUT, kv.get(&key)).await {
            Some(Ok(Some(text))) => read_import(&key, &text),
            Some(Ok(None)) => Import::Nothing,
            Some(Err(_)) | None => Import::Unknown,
        }
    }

    /// The connector's edits. Includes those of a soft-deleted connector.
    fn audit(&self, id: &str, size: usize, before: Option<u64>) -> Result<Response, ApiError> {
        if self.with_record(|record| record.and_then(Record::connector).is_none()) {
            return Err(ApiError::not_found(id));
        }
        let edits = store::audit(&self.database, size, before).map_err(|thrown| {
            console_error!("connector [{id}]: its edits cannot be read: {}", describe(&thrown));
            ApiError::internal()
        })?;
        Ok(api::show_audit(id, &edits))
    }

    fn view(
        &self,
        id: &str,
        operation: &Operation,
        secrets: Secrets,
    ) -> Result<Response, ApiError> {
        self.with_record(|record| {
            let found = record.and_then(|record| record.document.as_ref());
            let visible = |document| json(id, document).map(|json| secrets.visible(json));
            match operation {
                Operation::Status { size, before } => {
                    let alive = record.and_then(Record::alive);
                    let connector = alive.ok_or_else(|| ApiError::not_found(id))?;
                    let read = |size, before| {
                        store::history(&self.database, size, before).map_err(|thrown| {
                            let why = describe(&thrown);
                            console_error!("connector [{id}]: its history cannot be read: {why}");
                            ApiError::internal()
                        })
                    };
                    let history = read(*size, *before)?;
                    let newest = match (before, history.first()) {
                        (None, Some(newest)) => Some(newest.clone()),
                        _ => read(1, None)?.pop(),
                    };
                    let silent_after = Some(outbox::webhook::silent_after_seconds(&self.outbox));
                    Ok(api::status_view(id, connector, newest.as_ref(), history, silent_after))
                }
                Operation::Get { include_deleted, .. } => {
                    let json = found.map(visible).transpose()?;
                    let found = found.map(|document| &document.connector).zip(json);
                    api::show(id, *include_deleted, found)
                }
                Operation::Document => {
                    let version = record.map_or(0, |record| record.version);
                    let json = found.map(visible).transpose()?;
                    let found = json.map(|json| (version, json));
                    Ok(api::show_document(Index::Connectors, id, found))
                }
                Operation::Write(_) => Err(ApiError::internal()),
            }
        })
    }

    async fn write(
        &self,
        id: &str,
        write: Write,
        precondition: &Precondition,
        requester: Requester,
    ) -> Result<Response, ApiError> {
        let mut claim: Option<OpenClaim> = None;
        for _ in 0..CLAIMS_PER_WRITE {
            let attempt =
                self.decide_and_commit(id, &write, precondition, &requester, claim.as_ref())?;
            match attempt {
                Attempt::Claim(index) => {
                    drop(claim.take());
                    claim = Some(self.claim(id, index).await?);
                }
                Attempt::Done((response, scope)) => {
                    match scope {
                        None => {}
                        Some(WriteScope::Heartbeat) => outbox::seen(&self.outbox).await,
                        Some(WriteScope::Move | WriteScope::Edit) => {
                            outbox::committed(&self.outbox, write.name()).await;
                        }
                    }
                    if write.refreshes() && !outbox::flush(&self.outbox).await {
                        return Err(ApiError::unrefreshed(id));
                    }
                    return Ok(response);
                }
            }
        }
        Err(ApiError::unavailable("the connector, whose index changes all the time,"))
    }

    fn decide(
        &self,
        id: &str,
        write: &Write,
        precondition: &Precondition,
    ) -> Result<api::Decision, ApiError> {
        let recent_values = if write.is_whole_document() {
            Some(self.recent_values().map_err(|thrown| {
                console_error!(
                    "connector [{id}]: its recent values cannot be read: {}",
                    describe(&thrown)
                );
                ApiError::internal()
            })?)
        } else {
            None
        };
        self.with_record(|record| {
            let before = record.and_then(|record| {
                let document = record.connector()?;
                Some(Current {
                    document,
                    version: record.version,
                    recent_values: recent_values.as_ref(),
                })
            });
            api::decide(id, write, precondition, before, now())
        })
    }

    /// Recent values of the connector's fields.
    fn recent_values(&self) -> Result<RecentValues, JsError> {
        let recent = self.with_record(|record| record.map(|record| record.recent_values.clone()));
        let Some(mut recent) = recent else { return Ok(RecentValues::default()) };
        store::add_recent_statuses(&self.database, &mut recent)?;
        Ok(recent)
    }

    /// Reads the connector, decides, and commits, unless an index must be claimed first. Not an `async fn`,
    /// so that it cannot await.
    fn decide_and_commit(
        &self,
        id: &str,
        write: &Write,
        precondition: &Precondition,
        requester: &Requester,
        claim: Option<&OpenClaim>,
    ) -> Result<Attempt<(Response, Option<WriteScope>)>, ApiError> {
        self.read_row(id)?;
        let via = write.name();
        let erases_jobs =
            matches!(write, Write::Delete { delete_sync_jobs: true, .. }) && self.has_jobs();
        let mut decision = self.decide(id, write, precondition)?;
        if decision.off_protocol.is_some() && self.is_strict() {
            decision = decision.strict()?;
        }
        let api::Decision { commit, response, .. } = decision;
        if commit == Commit::Nothing {
            return Ok(Attempt::Done((response, None)));
        }
        let token = claim.map(OpenClaim::token);
        let missing = self.with_record(|record| {
            let before = record.and_then(Record::connector);
            self.claims.borrow().missing_index(before, &commit, token).map(str::to_owned)
        });
        if let Some(index) = missing {
            return Ok(Attempt::Claim(index));
        }
        let scope = WriteScope::of(&commit);
        let fields = commit.fields();
        outbox::webhook::prepare(&self.outbox, commit == Commit::Erase);
        // Taken out of memory while it changes: if the commit fails, the row is read again.
        let (mut row, before) = match self.loaded.take() {
            Loaded::Found(record) => record.take_connector(),
            Loaded::Unread | Loaded::Empty => (Record::empty(id), None),
        };
        let from = before.as_ref().map(Connector::status);
        if let (WriteScope::Edit, Some(before)) = (scope, &before) {
            let changed = commit.changed_fields(before);
            row.recent_values.record(before.fields(), changed.iter().map(String::as_str), now());
        }
        let succeeded = self.claims.borrow().succeed(before, commit, token);
        let successor = match succeeded {
            Ok(successor) => successor,
            Err(index) => return Ok(Attempt::Claim(index)),
        };
        let change = successor
            .document()
            .filter(|after| from != Some(after.status()) || via == "_create")
            .map(|after| status_change(from, after));
        let edit = match successor.document() {
            None => {
                row.add_erase_event(requester.event("erase", via, Some(id)));
                None
            }
            Some(_) if scope == WriteScope::Heartbeat => None,
            Some(_) => Some(edit(via, requester.clone(), fields, change)),
        };
        self.commit(row, successor, scope, edit.as_ref(), erases_jobs)
            .map_err(|_| ApiError::internal())?;
        if erases_jobs {
            self.reload_jobs();
        }
        Ok(Attempt::Done((response, Some(scope))))
    }

    /// Commits the successor and its edit as the version after `before`.
    fn commit(
        &self,
        before: Record,
        successor: Successor<Connector>,
        scope: WriteScope,
        edit: Option<&Edit>,
        erases_jobs: bool,
    ) -> Result<(), JsError> {
        let (record, token) = before.followed_by(successor, scope, edit);
        let id = &record.id;
        let written = store::commit(&self.database, &record, edit, scope, erases_jobs);
        written.inspect_err(|thrown| {
            console_error!("connector [{id}]: commit failed: {}", describe(thrown));
        })?;
        self.claims.borrow_mut().commit(token.as_deref());
        match edit {
            Some(edit) => log::write(id, record.version, edit),
            None if record.document.is_none() => {
                record.pending_events.events().last().map_or((), log::event)
            }
            None => {}
        }
        self.loaded.replace(Loaded::Found(record));
        Ok(())
    }
}

fn json<'a>(id: &str, document: &'a store::Document) -> Result<&'a str, ApiError> {
    document.json().map_err(|problem| {
        console_error!("connector [{id}] cannot be written as JSON: {problem}");
        ApiError::internal()
    })
}

fn read_import(key: &str, text: &str) -> Import<Commit> {
    match Connector::from_json(text) {
        Ok(connector) => Import::Found(Commit::Put(connector)),
        Err(problem) => {
            console_error!("KV key [{key}] is no connector: {problem}");
            Import::Nothing
        }
    }
}

/// Decides about an import whose index could not be claimed.
fn not_granted(id: &str, error: &ApiError) -> Adoption {
    let why = match error.status {
        503 => NotGranted::Unknown,
        _ => NotGranted::InUse,
    };
    if why == NotGranted::InUse {
        let key = kv_key(id);
        console_error!("KV key [{key}] is not adopted: its index is used by another connector");
    }
    if adoption::is_served_without(why) { Adoption::Serve } else { Adoption::Refuse }
}

fn status_change(from: Option<Status>, after: &Connector) -> StatusChange {
    let (from, to) = (from.map(Status::name), after.status().name());
    StatusChange { from, to, error: error_of(after) }
}

fn edit(
    via: &'static str,
    Requester { by, request_id }: Requester,
    fields: Vec<String>,
    change: Option<StatusChange>,
) -> Edit {
    Edit { at: now().to_string(), via, by, request: request_id, fields, change }
}
