//! What a request means and what the response to it is. Pure: reads text, returns text.
//!
//! ```text
//! Request --read--> Call --decide / show--> Response
//! ```
//! [`read`] needs nothing but the request, so the Worker refuses bad input before it troubles an
//! object. [`decide`] needs the connector and runs inside its object - or in a page, which
//! then knows what the edge would say.

mod access;
mod audit;
mod backup;
mod cluster;
mod documents;
mod endpoints;
mod error;
pub(crate) mod filter_path;
mod history;
mod intent;
mod media;
pub mod openapi;
mod precondition;
mod query;
mod response;
mod route;
mod schema;
mod summary;
mod sync_jobs;
mod ticket;

pub use access::{
    Admitted, AuthError, Caller, Credentials, Key, PRIVILEGES_QUESTION, Privilege, cors_origin,
    foreign_fingerprint, sha256,
};
pub use audit::{AuditQuery, Edit, SavedEdit, StatusChange, field_names, show_audit, show_events};
pub use backup::{
    Backup, Saved, SavedChange, SavedConnector, SavedJob, already_there, no_rewind, show_backup,
    show_ids, too_many_indices,
};
pub use cluster::{ACCESS_HEADERS, without_access_cookies};
pub use documents::{
    DocumentUpdate, Finder, HitPrinter, Index, Piece, SCROLL_PREFIX, SEQ_NO_LAG, Search, View,
    refreshed, show as show_document, unrefreshed,
};
pub use endpoints::{Endpoint, SyncJobEndpoint};
pub use error::{ApiError, Cause};
pub use history::status_view;
pub use intent::Intent;
pub use media::Media;
pub use precondition::{Precondition, etag, etag_of};
use query::Query;
pub use response::{ELASTICSEARCH_VERSION, Format, Response, info};
use route::{ConnectorRoute, EdgeRoute, Route, Scrolling};
pub use route::{is_ours, may_scroll};
pub use sync_jobs::{
    SyncJobCreation, SyncJobOperation, SyncJobWrite, create_sync_job, decide_sync_job,
    show_sync_job,
};
pub use ticket::{TICKET_LIFE_MS, Ticket};

use crate::connector::{ChangeContext, Connector, Creation, Delta, DomainError, Fields, with_id};
use crate::directory::timeline::DAYS;
use crate::directory::{Filter, SummaryRequest};
use crate::document::Document;
use crate::limits::{DOCUMENT_BYTES, ID_BYTES, QUERY_CHARACTERS, RESULT_WINDOW};
use crate::past::Past;
use crate::protocol::claims;
use crate::secrets::Visible;
use crate::status::Status;
use crate::sync_job::SyncJobId;
use crate::values::{IndexName, Time};

/// A request as it came in.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// `GET`, `PUT`, ...
    pub method: String,
    /// Path and query, encoded as they were sent.
    pub target: String,
    /// The body; empty if there is none.
    pub body: String,
    /// `Content-Type`
    pub content_type: Option<String>,
    /// `Accept`
    pub accept: Option<String>,
    /// `If-Match`
    pub if_match: Option<String>,
    /// `If-None-Match`
    pub if_none_match: Option<String>,
}

impl Request {
    /// The same without its body, which may be long.
    #[must_use]
    pub fn without_body(&self) -> Self {
        Self {
            method: self.method.clone(),
            target: self.target.clone(),
            body: String::new(),
            content_type: self.content_type.clone(),
            accept: self.accept.clone(),
            if_match: self.if_match.clone(),
            if_none_match: self.if_none_match.clone(),
        }
    }
}

/// What a request asks for.
#[derive(Clone, Debug)]
pub enum Call {
    /// The product info.
    Info,
    /// The methods of a path.
    Options(&'static str),
    /// Who the caller is.
    Authenticate,
    /// Take up what was put into Workers KV.
    Import,
    /// Have searches show whatever has been acknowledged.
    Refresh,
    /// A page of the connectors.
    List(List),
    /// A page of slim rows, and counts.
    Summary(Box<SummaryRequest>),
    /// How many connectors had which status over so many hours.
    Timeline(u64),
    /// Changes from now on.
    Watch(Watch),
    /// A ticket to watch with.
    WatchTicket,
    /// Send every webhook target a message to try it out.
    TestWebhooks,
    /// What was sent of a connector, and what became of it.
    Webhooks {
        /// The connector's id.
        id: String,
        /// How many messages to show.
        size: usize,
    },
    /// Create a connector with a generated id.
    CreateWithGeneratedId(Creation),
    /// An operation on one connector.
    Connector(String, Operation),
    /// Make a sync job of the connector of that id, with an id of our choice.
    CreateSyncJob(String, SyncJobCreation),
    /// An operation on one sync job.
    SyncJob(SyncJobId, SyncJobOperation),
    /// Which documents of an index are there? The list of sync jobs is one such question.
    Search(Box<Search>),
    /// Who changed a connector, and what.
    Audit {
        /// The connector's id.
        id: String,
        /// How many edits to show.
        size: usize,
        /// Only those before this version of the connector.
        before: Option<u64>,
    },
    /// What erased connectors, or concerned one as a whole or all of them.
    AuditOfAll(AuditQuery),
    /// Save connectors as a whole, or put them back.
    Backup(Backup),
    /// Numbers for a monitoring system.
    Metrics,
    /// What is the same for everybody, always.
    Static(Response),
}

impl Call {
    /// Patterns of the connectors that it is narrowed down to; `None`: all.
    pub fn patterns(self) -> Option<Vec<String>> {
        match self {
            Self::List(list) => list.filter.ids,
            Self::Summary(summary) => summary.ids,
            Self::Search(search) => search.connectors,
            _ => None,
        }
    }
}

/// Whether a browser asks for the console at the root, rather than a program for the product info.
pub fn wants_page(request: &Request) -> bool {
    let path = request.target.split('?').next().unwrap_or_default();
    matches!(request.method.as_str(), "GET" | "HEAD")
        && path.trim_matches('/').is_empty()
        && request.accept.as_deref().is_some_and(media::prefers_html)
}

/// A page of the list of connectors.
#[derive(Clone, Debug)]
pub struct List {
    /// How many to skip.
    pub from: usize,
    /// How many to show.
    pub size: usize,
    /// Which connectors to consider.
    pub filter: Filter,
}

/// What somebody who watches is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// Of this connector; `None`: of all.
    pub id: Option<String>,
    /// The last change that the caller knows; `None`: it knows nothing.
    pub since: Option<u64>,
    /// Of connectors whose id matches one of these patterns; `None`: of all.
    pub connectors: Option<Vec<String>>,
}

/// What to do with one connector.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Show the document.
    Get {
        /// Whether to show a soft-deleted one too.
        include_deleted: bool,
        /// Whether to show it as it is now, rather than as it was when it was last copied.
        realtime: bool,
    },
    /// Show the status, what may follow, and how it came about.
    Status {
        /// How many changes of the past to show.
        size: usize,
        /// Only those before this version of the connector.
        before: Option<u64>,
    },
    /// Show it as a document of its index.
    Document,
    /// Change it.
    Write(Write),
}

/// A change to one connector.
#[derive(Clone, Debug)]
pub enum Write {
    /// Create it, or reset it.
    Create(Creation),
    /// Soft-delete it, or erase it.
    Delete {
        /// Whether to erase it.
        hard: bool,
        /// Whether to erase its sync jobs too.
        delete_sync_jobs: bool,
    },
    /// End a soft delete.
    Restore,
    /// Update it.
    Update(&'static Endpoint, Fields),
    /// Update it as a document of its index.
    Document(DocumentUpdate),
}

impl Write {
    /// Whether searches are to show it when it is acknowledged.
    pub fn refreshes(&self) -> bool {
        matches!(self, Self::Document(update) if update.refreshes())
    }

    /// Whether it is a document that comes back as a whole.
    pub fn is_whole_document(&self) -> bool {
        matches!(self, Self::Document(update) if update.is_whole())
    }

    /// What the history calls it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Create(_) => "_create",
            Self::Delete { .. } => "_delete",
            Self::Restore => "_restore",
            Self::Update(endpoint, _) => endpoint.name,
            Self::Document(update) => update.name(),
        }
    }
}

/// Reads a request: the format of its response, and what it asks for.
///
/// # Errors
/// Whatever is wrong with it, whatever the state of the connector. The first problem counts, in
/// Elasticsearch's order: media types, route, body, parameters, validation.
pub fn read(request: &Request) -> (Format, Result<Call, ApiError>) {
    read_with(request, |route, path, query| read_edge(route, request, path, query))
}

/// The same for a caller that is concerned with connectors alone, and need not carry the code for what
/// only the edge can answer: a request for that is `None`.
///
/// # Errors
/// As for [`read`].
pub fn read_about_connectors(request: &Request) -> (Format, Result<Option<Call>, ApiError>) {
    read_with(request, |_, _, _| Ok(None))
}

fn read_with<C: From<Call>>(
    request: &Request,
    edge: impl FnOnce(EdgeRoute, &str, &mut Query) -> Result<C, ApiError>,
) -> (Format, Result<C, ApiError>) {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let mut format = Format::default();
    let call = media::accepted(request.accept.as_deref()).and_then(|media| {
        format.media = media;
        let mut query = Query::parse(query)?;
        format.read(&mut query)?;
        let call = match route::route(&request.method, &request.target) {
            Err(failure) => Err(failure),
            Ok(Route::Edge(route)) => edge(route, path, &mut query),
            Ok(Route::Connectors(route)) => {
                read_connectors(route, request, path, &mut query).map(C::from)
            }
        };
        // An unknown parameter is noticed after a bad body, as upstream.
        match call {
            Err(failure) if !failure.is_late() => Err(failure),
            late => query.finish(path).and(late),
        }
    });
    (format, call)
}

fn read_connectors(
    route: ConnectorRoute,
    request: &Request,
    path: &str,
    query: &mut Query,
) -> Result<Call, ApiError> {
    let call = match route {
        ConnectorRoute::Info => Call::Info,
        ConnectorRoute::Options(allow) => return Ok(Call::Options(allow)),
        ConnectorRoute::Authenticate => Call::Authenticate,
        ConnectorRoute::Import => Call::Import,
        ConnectorRoute::List => Call::List(read_list(query)?),
        ConnectorRoute::Watch => Call::Watch(read_watch(query)?),
        ConnectorRoute::WatchTicket => Call::WatchTicket,
        ConnectorRoute::Get(id) => {
            let include_deleted = query.switch("include_deleted")?;
            let realtime = query.switch_on("realtime")?;
            Call::Connector(checked(id)?, Operation::Get { include_deleted, realtime })
        }
        ConnectorRoute::Status(id) => {
            let size = query.number("size", 100)?;
            let before = query.long("before")?;
            Call::Connector(checked(id)?, Operation::Status { size, before })
        }
        ConnectorRoute::Delete(id) => {
            let hard = query.switch("hard")?;
            let delete_sync_jobs = query.switch("delete_sync_jobs")?;
            let write = Write::Delete { hard, delete_sync_jobs };
            Call::Connector(checked(id)?, Operation::Write(write))
        }
        ConnectorRoute::Restore(id) => {
            Call::Connector(checked(id)?, Operation::Write(Write::Restore))
        }
        ConnectorRoute::Create(id) => {
            let fields = match request.body.is_empty() {
                true => Fields::new(),
                false => read_body(request, &endpoints::CREATION)?,
            };
            let creation = Creation::from_fields(&fields);
            let mut problems = id.as_deref().map(id_problems).unwrap_or_default();
            problems.extend(endpoints::creation_problems(&creation));
            valid(&problems)?;
            return Ok(match id {
                Some(id) => Call::Connector(id, Operation::Write(Write::Create(creation))),
                None => Call::CreateWithGeneratedId(creation),
            });
        }
        ConnectorRoute::Update(id, endpoint) => {
            let fields = read_update(request, path, endpoint.body.as_ref())?;
            let mut problems = id_problems(&id);
            problems.extend((endpoint.validate)(&fields));
            valid(&problems)?;
            return Ok(Call::Connector(id, Operation::Write(Write::Update(endpoint, fields))));
        }
    };
    refuse_body(request, path)?;
    Ok(call)
}

fn read_edge(
    route: EdgeRoute,
    request: &Request,
    path: &str,
    query: &mut Query,
) -> Result<Call, ApiError> {
    let call = match route {
        EdgeRoute::SyncJobs(route) => return sync_jobs::read(route, request, path, query),
        EdgeRoute::Documents(index, route) => {
            return documents::read(index, route, request, path, query);
        }
        EdgeRoute::Scroll(Scrolling::Next) => {
            return documents::read_scroll(request, path, query);
        }
        EdgeRoute::Scroll(Scrolling::End) => {
            return documents::read_end_of_scroll(request, path, query);
        }
        EdgeRoute::ClusterIndex(index) => return Err(ApiError::index_not_found(index.name())),
        EdgeRoute::Backup(route) => return backup::read(route, request, path, query),
        EdgeRoute::Summary => Call::Summary(Box::new(summary::read(query)?)),
        EdgeRoute::Timeline => Call::Timeline(read_hours(query)?),
        EdgeRoute::Metrics => Call::Metrics,
        EdgeRoute::Audit(None) => Call::AuditOfAll(audit::read_query(query)?),
        EdgeRoute::Audit(Some(id)) => {
            let size = query.number("size", 100)?;
            let before = query.long("before")?;
            Call::Audit { id: checked(id)?, size, before }
        }
        EdgeRoute::Webhooks(None) => Call::TestWebhooks,
        EdgeRoute::Webhooks(Some(id)) => {
            let size = query.number("size", 20)?;
            Call::Webhooks { id: checked(id)?, size }
        }
    };
    refuse_body(request, path).map(|()| call)
}

/// Reads a body that there must be.
fn read_body(request: &Request, body: &schema::ObjectSchema) -> Result<Fields, ApiError> {
    body.read(read_body_text(request)?)
}

fn read_body_text(request: &Request) -> Result<&str, ApiError> {
    require_body(request)?;
    Ok(&request.body)
}

/// The fields of an update, whose body is to hold these; `None`: it must not have one.
fn read_update(
    request: &Request,
    path: &str,
    body: Option<&schema::ObjectSchema>,
) -> Result<Fields, ApiError> {
    match body {
        Some(body) => read_body(request, body),
        None => refuse_body(request, path).map(|()| Fields::new()),
    }
}

fn require_body(request: &Request) -> Result<(), ApiError> {
    if request.body.is_empty() {
        return Err(Cause::new("parse_exception", "request body is required").into());
    }
    check_body_type(request)
}

fn check_body_type(request: &Request) -> Result<(), ApiError> {
    media::check_body(request.content_type.as_deref(), request.accept.as_deref())
}

fn refuse_body(request: &Request, path: &str) -> Result<(), ApiError> {
    if request.body.is_empty() {
        return Ok(());
    }
    check_body_type(request)?;
    let reason = format!("request [{} {path}] does not support having a body", request.method);
    Err(Cause::illegal_argument(reason).into())
}

/// Over how many hours changes are asked for.
fn read_hours(query: &mut Query) -> Result<u64, ApiError> {
    let (hours, limit) = (query.number("hours", 24)? as u64, DAYS * 24);
    match (1..=limit).contains(&hours) {
        true => Ok(hours),
        false => {
            let reason = format!("[hours] is [{hours}]: it must be between [1] and [{limit}]");
            Err(Cause::illegal_argument(reason).into())
        }
    }
}

/// Statuses to filter by: this API's own parameter.
fn read_statuses(query: &mut Query) -> Result<Vec<String>, ApiError> {
    let status = |name: &String| {
        Status::parse(name).map(|status| status.name().to_owned()).ok_or_else(|| {
            Cause::illegal_argument(format!("Unknown ConnectorStatus: {name}")).into()
        })
    };
    query.list("status").iter().map(status).collect()
}

/// Refuses a `query` that is longer than searches are bounded by.
fn bounded(query: &str) -> Result<(), ApiError> {
    let length = query.chars().count();
    if length <= QUERY_CHARACTERS {
        return Ok(());
    }
    let reason = format!(
        "[query] is too long: it must be no longer than [{QUERY_CHARACTERS}] characters but was \
         [{length}]"
    );
    Err(Cause::illegal_argument(reason).into())
}

fn read_list(query: &mut Query) -> Result<List, ApiError> {
    let from = query.number("from", 0)?;
    let size = query.number("size", 100)?;
    let filter = Filter {
        index_names: query.list("index_name"),
        names: query.list("connector_name"),
        service_types: query.list("service_type"),
        statuses: read_statuses(query)?,
        query: query.text("query").filter(|text| !text.is_empty()),
        ids: None,
        include_deleted: query.switch("include_deleted")?,
    };
    bounded(filter.query.as_deref().unwrap_or_default())?;
    window(from, size)?;
    let problems: Vec<String> =
        filter.index_names.iter().filter_map(|name| IndexName::parse(name).err()).collect();
    valid(&problems)?;
    Ok(List { from, size, filter })
}

fn read_watch(query: &mut Query) -> Result<Watch, ApiError> {
    // It has been looked at already: it says who asks.
    let _ticket = query.text(ticket::PARAMETER);
    let since = query.long("since")?;
    let id = query.text("id").map(checked).transpose()?;
    Ok(Watch { id, since, connectors: None })
}

/// Refuses a page that reaches too far.
fn window(from: usize, size: usize) -> Result<(), ApiError> {
    let end = from.saturating_add(size);
    if end <= RESULT_WINDOW {
        return Ok(());
    }
    let reason = format!(
        "Result window is too large, from + size must be less than or equal to: [{RESULT_WINDOW}] but \
         was [{end}]. Narrow the list down with a filter."
    );
    Err(Cause::illegal_argument(reason).into())
}

fn checked(id: String) -> Result<String, ApiError> {
    valid(&id_problems(&id)).map(|()| id)
}

/// Why a text cannot be the id of a connector; `None` if it can.
pub fn id_problem(id: &str) -> Option<String> {
    let problems = id_problems(id);
    (!problems.is_empty()).then(|| problems.join("; "))
}

fn valid(problems: &[String]) -> Result<(), ApiError> {
    if problems.is_empty() { Ok(()) } else { Err(ApiError::invalid(problems)) }
}

fn id_problems(id: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if id.is_empty() {
        problems.push("[connector_id] cannot be [null] or [\"\"].".to_owned());
    }
    if id.len() > ID_BYTES {
        problems.push(format!(
            "[connector_id] is too long, must be no longer than {ID_BYTES} bytes but was: {}",
            id.len()
        ));
    }
    if route::is_reserved(id) {
        problems.push(format!(
            "[connector_id] must not be [{id}], which is a part of this API's paths: is the id \
             missing from the path?"
        ));
    }
    if id.chars().any(char::is_control) {
        problems.push("[connector_id] must not contain control characters".to_owned());
    }
    problems
}

/// What a change results in.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision<D = Connector> {
    /// What is to be stored.
    pub commit: Commit<D>,
    /// What the caller is told.
    pub response: Response,
    /// It moves the status where the protocol has no such move, as only an update of the document
    /// can: what a caller is told where that is not to be.
    pub off_protocol: Option<ApiError>,
}

impl<D> Decision<D> {
    fn new(commit: Commit<D>, response: Response) -> Self {
        Self { commit, response, off_protocol: None }
    }

    /// The decision, if the document does not become too long by it. One that is too long already, as
    /// imported ones may be, may become shorter. A move does not write the document anew.
    ///
    /// # Errors
    /// 413 if it does.
    fn within_limit(self, id: &str, before: Option<&D>) -> Result<Self, ApiError>
    where
        D: Document,
    {
        let (size, limit) = match (&self.commit, before) {
            (Commit::Put(document), _) => (document.size(), DOCUMENT_BYTES),
            (Commit::Patch(delta), Some(before)) if !delta.touches_only("status") => {
                (delta.size_after(before), DOCUMENT_BYTES.max(before.size()))
            }
            _ => return Ok(self),
        };
        match size <= limit {
            true => Ok(self),
            false => Err(ApiError::document_too_long(D::NOUN, id, size)),
        }
    }

    /// The decision where every move is to be one of the protocol.
    ///
    /// # Errors
    /// 400 if it is not.
    pub fn strict(self) -> Result<Self, ApiError> {
        self.off_protocol.map_or(Ok(Self { off_protocol: None, ..self }), Err)
    }
}

/// Whether a change of the field is more than a move or a heartbeat.
fn is_edit(name: &str) -> bool {
    !matches!(name, "status" | "last_seen")
}

/// What is to be stored.
#[derive(Clone, Debug, PartialEq)]
pub enum Commit<D = Connector> {
    /// Nothing.
    Nothing,
    /// This document.
    Put(D),
    /// These fields of the document that is there.
    Patch(Delta),
    /// That it is gone.
    Erase,
}

impl<D: Document> Commit<D> {
    /// The names of the fields that it writes; none if it erases the document.
    pub fn fields(&self) -> Vec<String> {
        match self {
            Self::Nothing | Self::Erase => Vec::new(),
            Self::Put(document) => document.fields().keys().cloned().collect(),
            Self::Patch(delta) => delta.fields().map(str::to_owned).collect(),
        }
    }

    /// The names of the fields that it gives another value, but for the status and when the document was
    /// last seen.
    pub fn changed_fields(&self, before: &D) -> Vec<String> {
        let names: Vec<&str> = match self {
            Self::Nothing | Self::Erase => Vec::new(),
            Self::Put(document) => {
                let (before, after) = (before.fields(), document.fields());
                let is_new = |name: &&String| !before.contains_key(*name);
                let gone = before.keys().filter(|name| before.get(*name) != after.get(*name));
                gone.chain(after.keys().filter(is_new)).map(String::as_str).collect()
            }
            Self::Patch(delta) => delta.fields().collect(),
        };
        names.into_iter().filter(|name| is_edit(name)).map(str::to_owned).collect()
    }

    /// The document as it is afterwards; `None` if there is none.
    pub fn apply(self, before: Option<D>) -> Option<D> {
        match self {
            Self::Nothing => before,
            Self::Put(document) => Some(document),
            Self::Patch(delta) => before.map(|document| delta.apply(document)),
            Self::Erase => None,
        }
    }
}

impl claims::Change<Connector> for Commit {
    fn taken_index<'a>(&'a self, before: Option<&'a Connector>) -> Option<&'a str> {
        match self {
            Self::Nothing | Self::Erase => None,
            Self::Put(after) => {
                let held = before.and_then(Connector::held_index);
                after.held_index().filter(|index| held != Some(index))
            }
            Self::Patch(delta) => before?.newly_held_index(delta),
        }
    }

    fn apply(self, before: Option<Connector>) -> Option<Connector> {
        Self::apply(self, before)
    }
}

/// A document as it is now, a soft-deleted connector too.
#[derive(Debug)]
pub struct Current<'a, D = Connector> {
    /// The document.
    pub document: &'a D,
    /// Its version.
    pub version: u64,
    /// What its fields were until lately, as far as that is known.
    pub past: Option<&'a Past>,
}

/// Decides on a change: what to store and how to respond. `before` is `None` if there is no such
/// connector.
///
/// # Errors
/// 412 if the precondition does not hold, 404 if there is no such connector, 400 or 409 if the change
/// does not fit it, 413 if it would become too long. Nothing is to be stored.
pub fn decide(
    id: &str,
    write: &Write,
    precondition: &Precondition,
    before: Option<Current<'_>>,
    now: Time,
) -> Result<Decision, ApiError> {
    precondition.check(id, before.as_ref())?;
    let found = before.as_ref().map(|current| current.document);
    let alive = found.filter(|connector| !connector.is_deleted());
    let decision = match write {
        Write::Create(creation) => {
            let (status, result) =
                if before.is_some() { (200, "updated") } else { (201, "created") };
            let response =
                Response::json(status, &serde_json::json!({ "id": id, "result": result }));
            Decision::new(Commit::Put(creation.clone().connector(now)), response)
        }
        Write::Delete { hard: true, .. } => {
            found.ok_or_else(|| ApiError::not_found(id))?;
            Decision::new(Commit::Erase, acknowledged())
        }
        Write::Delete { hard: false, .. } => {
            let connector = alive.ok_or_else(|| ApiError::not_found(id))?;
            let commit = connector.soft_delete().map_or(Commit::Nothing, Commit::Patch);
            Decision::new(commit, acknowledged())
        }
        Write::Restore => {
            let connector = found.ok_or_else(|| ApiError::not_found(id))?;
            match connector.restore() {
                Some(delta) => Decision::new(Commit::Patch(delta), result("updated")),
                None => Decision::new(Commit::Nothing, result("noop")),
            }
        }
        Write::Update(endpoint, fields) => {
            let connector = match (endpoint.reads_first)(fields) {
                true => alive.ok_or_else(|| ApiError::not_found(id))?,
                false => found.ok_or_else(|| ApiError::document_missing(id))?,
            };
            let context = ChangeContext { id, now };
            let patch = (endpoint.update)(connector, fields.clone(), context)?;
            match patch.diff(connector) {
                Some(delta) => Decision::new(Commit::Patch(delta), result("updated")),
                None => Decision::new(Commit::Nothing, result("noop")),
            }
        }
        Write::Document(update) => {
            let (delta, response) =
                documents::decide_update(Index::Connectors, id, update.clone(), before, now)?;
            let to = delta.as_ref().and_then(|delta| Status::parse(delta.status()?));
            let refused = found.zip(to).and_then(|(connector, to)| connector.status().explain(to));
            Decision {
                commit: delta.map_or(Commit::Nothing, Commit::Patch),
                response,
                off_protocol: refused.map(|refusal| DomainError::Transition(refusal).into()),
            }
        }
    };
    decision.within_limit(id, found)
}

/// The response to `GET /_connector/{id}`. `found` is the connector and its JSON, without its id.
///
/// # Errors
/// 404 if there is none, or it is soft-deleted and those were not asked for.
pub fn show(
    id: &str,
    include_deleted: bool,
    found: Option<(&Connector, Visible<'_>)>,
) -> Result<Response, ApiError> {
    match found {
        Some((connector, document)) if include_deleted || !connector.is_deleted() => {
            Ok(Response::of_document(&document, with_id(id, document.json())))
        }
        _ => Err(ApiError::not_found(id)),
    }
}

fn result(result: &str) -> Response {
    Response::text(200, format!("{{\"result\":\"{result}\"}}"))
}

fn acknowledged() -> Response {
    Response::text(200, "{\"acknowledged\":true}".to_owned())
}
