//! The object: one connector, its history, and the order of all that happens to it.
//!
//! Between reading the connector and committing its successor there is no `await`: requests to one
//! object interleave only at awaits, so of two moves that cannot both be legal exactly one is.
//! What has to be awaited - the copy in Workers KV, the claim to an index - is awaited before the
//! connector is read for good, or after the commit.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use wasm_bindgen::prelude::*;
use worker::{Env, console_error};

use super::claim;
use super::log;
use super::message::{Message, Origin};
use super::outgoing::Reply;
use super::projection::Projection;
use super::runtime::{JsError, State, describe};
use super::store::{Record, Store, WriteScope};
use super::task::{JsResult, start, wait, within};
use super::{kv, kv_key, now};
use crate::api::{
    self, ApiError, Call, Commit, Current, Format, Index, Operation, Precondition, Response,
    StatusChange, Write,
};
use crate::connector::Connector;
use crate::status::Status;

/// How long to wait for Workers KV to say whether it has a document to adopt.
/// Together with the search for who holds an index it must stay below two seconds.
const ADOPTION_LIMIT: Duration = Duration::from_millis(800);

/// The object of a connector.
#[wasm_bindgen]
pub struct ConnectorObject(Rc<Object>);

/// What one object holds in memory.
pub(super) struct Object {
    pub(super) env: Env,
    pub(super) state: State,
    pub(super) store: Store,
    /// The row as it is in SQLite; `None` until it was read.
    loaded: RefCell<Option<Option<Record>>>,
    /// Indices that are claimed for writes not committed yet.
    claiming: RefCell<Vec<String>>,
    pub(super) projection: Projection,
}

#[wasm_bindgen]
impl ConnectorObject {
    /// From what the runtime gives an object.
    #[wasm_bindgen(constructor)]
    pub fn new(state: State, env: Env) -> Self {
        Self(Rc::new(Object {
            env,
            store: Store::of(state.storage()),
            state,
            loaded: RefCell::default(),
            claiming: RefCell::default(),
            projection: Projection::default(),
        }))
    }

    /// Carries out a request; gives the text of an answer.
    ///
    /// # Errors
    /// None: failures are answers.
    #[wasm_bindgen(js_name = carryOut)]
    pub fn carry_out(&self, message: &str) -> JsResult {
        let this = self.0.clone();
        let message = Message::parse(message);
        start(async move { Ok(this.answer(message).await.to_text().into()) })
    }

    /// Does the connector hold this index, or is it about to?
    ///
    /// # Errors
    /// If that cannot be found out.
    pub fn holds(&self, id: String, index: String) -> JsResult {
        let this = self.0.clone();
        start(async move {
            this.load(&id).await.map_err(|Unavailable| "Workers KV does not answer")?;
            Ok(this.holds(&index).into())
        })
    }

    /// Brings the copy up to date, if it is not.
    ///
    /// # Errors
    /// If the database fails.
    pub fn alarm(&self) -> JsResult {
        let this = self.0.clone();
        start(async move {
            this.read_store()?;
            this.projection.alarm_rang();
            this.project().await;
            if this.is_outdated() {
                this.project_later().await;
            }
            Ok(JsValue::NULL)
        })
    }
}

/// Workers KV could not be asked whether it has a document to adopt.
struct Unavailable;

impl Object {
    async fn answer(self: &Rc<Self>, message: Message) -> Reply {
        let Message { id, request, origin, opaque_id } = message;
        let (format, call) = api::read(&request);
        let (answer, etag) = match call {
            Ok(Call::Connector(_, operation)) => {
                self.carry_out(&id, operation, &request, origin, &format).await
            }
            Ok(_) => (format.failure(&ApiError::internal()), None),
            Err(failure) => (format.failure(&failure), None),
        };
        Reply::new(answer, &format).opaque_id(opaque_id).etag(etag)
    }

    async fn carry_out(
        self: &Rc<Self>,
        id: &str,
        operation: Operation,
        request: &api::Request,
        origin: Origin,
        format: &Format,
    ) -> (Response, Option<String>) {
        let loaded = self.load(id).await;
        let creates = matches!(operation, Operation::Write(Write::Create(_)));
        // A creation does not depend on what was there; all else does.
        if loaded.is_err() && !creates {
            return (format.failure(&ApiError::unavailable("Workers KV")), None);
        }
        let precondition = Precondition::of(request);
        match operation {
            // The answer to a PUT has no entity tag: what was sent is not what is stored (RFC 9110, 9.3.4).
            Operation::Write(write) => {
                let written = self.write(id, write, &precondition, origin).await;
                (format.result(written), None)
            }
            read => match self.view(id, &read) {
                Ok(answer) => {
                    let etag = self.with_record(|record| record.map(|r| api::etag(r.version)));
                    match etag.as_deref().is_some_and(|tag| precondition.is_not_modified(tag)) {
                        true => (Response::empty(304), etag),
                        false => (format.success(answer), etag),
                    }
                }
                Err(failure) => (format.failure(&failure), None),
            },
        }
    }

    pub(super) fn with_record<T>(&self, look: impl FnOnce(Option<&Record>) -> T) -> T {
        look(self.loaded.borrow().as_ref().and_then(Option::as_ref))
    }

    fn holds(&self, index: &str) -> bool {
        self.claiming.borrow().iter().any(|claimed| claimed == index) || self.has_committed(index)
    }

    fn has_committed(&self, index: &str) -> bool {
        self.with_record(|record| {
            record.and_then(Record::connector).and_then(Connector::held_index) == Some(index)
        })
    }

    /// Reads the row, once.
    fn read_store(&self) -> Result<(), JsError> {
        if self.loaded.borrow().is_none() {
            let record = self.store.read()?;
            self.loaded.replace(Some(record));
            if self.is_outdated() {
                self.projection.doubt();
            }
        }
        Ok(())
    }

    /// Sees to it that the row is read. An object without one adopts the document that Workers KV
    /// may have: that is how connectors are imported.
    async fn load(self: &Rc<Self>, id: &str) -> Result<(), Unavailable> {
        self.read_store().map_err(|thrown| {
            let why = describe(&thrown);
            console_error!("connector [{id}]: its database cannot be read: {why}");
            Unavailable
        })?;
        if self.with_record(|record| record.is_some()) {
            return Ok(());
        }
        let Some(connector) = self.imported(id).await? else { return Ok(()) };
        // Another request may have come first while Workers KV was asked.
        if self.with_record(|record| record.is_none()) {
            let change = status_change(None, &connector, "_import", None);
            let record = Record::first(id, Some(connector));
            self.commit(record, WriteScope::First, Some(change), None).map_err(|_| Unavailable)?;
            self.project_soon().await;
        }
        Ok(())
    }

    async fn imported(&self, id: &str) -> Result<Option<Connector>, Unavailable> {
        let kv = kv(&self.env).map_err(|_| Unavailable)?;
        let found = within(ADOPTION_LIMIT, wait(kv.get(&kv_key(id)))).await;
        let Some(Ok(found)) = found else { return Err(Unavailable) };
        Ok(found.as_string().and_then(|text| {
            Connector::from_json(&text)
                .inspect_err(|problem| {
                    console_error!("KV key [{}] is no connector: {problem}", kv_key(id));
                })
                .ok()
        }))
    }

    fn view(&self, id: &str, operation: &Operation) -> Result<Response, ApiError> {
        let loaded = self.loaded.borrow();
        let found = loaded.as_ref().and_then(Option::as_ref).and_then(|r| r.document.as_ref());
        match operation {
            Operation::Status { size } => {
                let connector = found
                    .map(|document| &document.connector)
                    .filter(|connector| !connector.is_deleted())
                    .ok_or_else(|| ApiError::not_found(id))?;
                let history = self.store.history(*size).map_err(|thrown| {
                    let why = describe(&thrown);
                    console_error!("connector [{id}]: its history cannot be read: {why}");
                    ApiError::internal()
                })?;
                Ok(api::status_view(id, connector, history))
            }
            Operation::Get { include_deleted } => {
                api::show(id, *include_deleted, found.map(|it| (&it.connector, it.json())))
            }
            Operation::Document => {
                let version = loaded.as_ref().and_then(Option::as_ref).map_or(0, |r| r.version);
                let found = found.map(|document| (version, document.json()));
                Ok(api::show_document(Index::Connectors, id, found))
            }
            Operation::Write(_) => Err(ApiError::internal()),
        }
    }

    async fn write(
        self: &Rc<Self>,
        id: &str,
        write: Write,
        precondition: &Precondition,
        origin: Origin,
    ) -> Result<Response, ApiError> {
        let wanted = self
            .with_record(|record| {
                write.wanted_index(record.and_then(Record::connector)).map(str::to_owned)
            })
            .filter(|index| !self.has_committed(index));
        let claim = match wanted {
            Some(index) => Some(self.claim(id, index).await?),
            None => None,
        };
        let answer = self.decide_and_commit(id, write, precondition, origin);
        drop(claim);
        if self.is_outdated() {
            self.project_soon().await;
        }
        answer
    }

    /// Reads the connector, decides, and commits. Not an `async fn`, and so without an `await`.
    fn decide_and_commit(
        &self,
        id: &str,
        write: Write,
        precondition: &Precondition,
        origin: Origin,
    ) -> Result<Response, ApiError> {
        let via = write.name();
        let written = self.with_record(|record| {
            let before = record.and_then(|record| {
                let document = record.connector()?;
                Some(Current { document, version: record.version })
            });
            api::decide(id, write, precondition, before, now())
        })?;
        if written.commit == Commit::Nothing {
            return Ok(written.response);
        }
        // Out of memory while it changes: should the commit fail, the row is read anew.
        let old = self.loaded.take().flatten();
        let from = old.as_ref().and_then(Record::connector).map(Connector::status);
        let extent = match &old {
            None => WriteScope::First,
            Some(_) if written.commit.is_move() => WriteScope::Move,
            Some(_) => WriteScope::Row,
        };
        let record = match old {
            None => Record::first(id, written.commit.apply(None)),
            Some(old) => old.followed_by(|before| written.commit.apply(before)),
        };
        let change = record
            .connector()
            .filter(|after| from != Some(after.status()) || via == "_create")
            .map(|after| status_change(from, after, via, origin.by));
        self.commit(record, extent, change, origin.request_id.as_deref())
            .map(|()| written.response)
            .map_err(|_| ApiError::internal())
    }

    /// Commits a record, and the change of status that led to it.
    fn commit(
        &self,
        record: Record,
        extent: WriteScope,
        change: Option<StatusChange>,
        request_id: Option<&str>,
    ) -> Result<(), JsError> {
        let id = &record.id;
        self.store.commit(&record, change.as_ref(), extent).inspect_err(|thrown| {
            console_error!("connector [{id}]: commit failed: {}", describe(thrown));
        })?;
        if let Some(change) = &change {
            log::status_change(id, change, request_id);
        }
        self.loaded.replace(Some(Some(record)));
        Ok(())
    }

    /// Notes that Workers KV has that version now.
    pub(super) fn note_projected(&self, version: u64) {
        if let Some(Some(record)) = self.loaded.borrow_mut().as_mut() {
            record.projected = version;
        }
        // With a newer version there already, the row says so either way: the next copy will note it.
        if self.is_outdated() {
            return;
        }
        if let Err(thrown) = self.store.note_projected(version) {
            let why = describe(&thrown);
            console_error!("the version in Workers KV cannot be noted: {why}");
        }
    }

    /// Claims an index for a write that is about to be committed. Until the claim is dropped, this
    /// object says that it holds the index.
    async fn claim(self: &Rc<Self>, id: &str, index: String) -> Result<Claiming, ApiError> {
        self.claiming.borrow_mut().push(index.clone());
        let claiming = Claiming { object: self.clone(), index };
        match claim::take(&self.env, &claiming.index, id).await {
            Ok(true) => Ok(claiming),
            Ok(false) => Err(ApiError::index_in_use(&claiming.index)),
            Err(thrown) => {
                let why = describe(&thrown);
                console_error!("index [{}] cannot be claimed: {why}", claiming.index);
                Err(ApiError::unavailable("the object that keeps who uses this index"))
            }
        }
    }
}

/// An index that a write not committed yet is going to hold.
struct Claiming {
    object: Rc<Object>,
    index: String,
}

impl Drop for Claiming {
    fn drop(&mut self) {
        let mut claiming = self.object.claiming.borrow_mut();
        if let Some(place) = claiming.iter().position(|index| *index == self.index) {
            claiming.swap_remove(place);
        }
    }
}

fn status_change(
    from: Option<Status>,
    after: &Connector,
    via: &'static str,
    by: Option<String>,
) -> StatusChange {
    StatusChange {
        from: from.map(Status::name),
        to: after.status().name(),
        at: now().to_string(),
        via,
        by,
    }
}
