//! What a request means and how it is answered. Pure: reads text, returns text.
//!
//! ```text
//! Request --read--> Call --write / view--> Response
//! ```
//! [`read`] needs nothing but the request, so the Worker refuses bad input before it troubles an
//! object. [`write`](perform) needs the connector and runs inside its object - or in a page, which
//! then knows what the edge would say.

mod access;
mod endpoints;
mod error;
mod filter_path;
mod history;
mod media;
pub mod openapi;
mod precondition;
mod query;
mod response;
mod route;
mod schema;

pub use access::{AuthError, Caller, Credentials, Key, Privilege, cors_origin};
pub use endpoints::Endpoint;
pub use error::{ApiError, Cause};
pub use history::{StatusChange, status_view};
pub use media::Media;
pub use precondition::{Precondition, etag};
use query::Query;
pub use response::{Format, Response, info};
use route::Route;

use crate::connector::{ChangeContext, Connector, Creation, Delta, Fields, with_id};
use crate::directory::Filter;
use crate::status::Status;
use crate::values::{IndexName, Time};

/// Longer bodies are refused.
pub const BODY_LIMIT: usize = 1 << 20;
/// Longer ids are refused: they must fit into a key of Workers KV (512 bytes).
pub const ID_LIMIT: usize = 500;
/// A list reaches no further than this many connectors.
pub const LIST_LIMIT: usize = 10_000;
/// A page of a list is refused if it would be larger than this many characters.
pub const LIST_BYTES_LIMIT: usize = 16 << 20;

/// A request as it came in.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// `GET`, `PUT`, ...
    pub method: String,
    /// Path and query, encoded as they were sent.
    pub target: String,
    /// The body; empty if there is none.
    pub body: String,
    /// The header of that name.
    pub content_type: Option<String>,
    /// The header of that name.
    pub accept: Option<String>,
    /// The header of that name.
    pub if_match: Option<String>,
    /// The header of that name.
    pub if_none_match: Option<String>,
}

/// What a request asks for.
#[derive(Clone, Debug)]
pub enum Call {
    /// Which product is this?
    Info,
    /// Which methods does the path have?
    Options(&'static str),
    /// Which connectors are there?
    List(List),
    /// Make a connector with an id of our choice.
    CreateWithGeneratedId(Creation),
    /// Something about one connector.
    Connector(String, Operation),
}

impl Call {
    /// Does it change anything?
    pub fn writes(&self) -> bool {
        matches!(self, Self::CreateWithGeneratedId(_) | Self::Connector(_, Operation::Write(_)))
    }
}

/// Does a person ask for the page at the root, rather than a program for the product?
pub fn wants_page(request: &Request) -> bool {
    let path = request.target.split('?').next().unwrap_or_default();
    matches!(request.method.as_str(), "GET" | "HEAD")
        && path.trim_matches('/').is_empty()
        && request.accept.as_deref().is_some_and(media::prefers_html)
}

/// A page of the list of connectors.
#[derive(Clone, Debug)]
pub struct List {
    /// How many to pass over.
    pub from: usize,
    /// How many to show.
    pub size: usize,
    /// Which to consider.
    pub filter: Filter,
}

/// What to do with one connector.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Show the document.
    Get {
        /// A soft-deleted one too?
        include_deleted: bool,
        /// As it is now, rather than as it was when it was last copied?
        realtime: bool,
    },
    /// Show the status, what may follow, and how it came about.
    Status {
        /// How many changes of the past to show.
        size: usize,
    },
    /// Change it.
    Write(Write),
}

/// A change to one connector.
#[derive(Clone, Debug)]
pub enum Write {
    /// Make it, or reset it.
    Create(Creation),
    /// Hide it, or erase it.
    Delete {
        /// Erase it?
        hard: bool,
    },
    /// Update it.
    Update(&'static Endpoint, Fields),
}

impl Write {
    /// What the history calls it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Create(_) => "_create",
            Self::Delete { .. } => "_delete",
            Self::Update(endpoint, _) => endpoint.name,
        }
    }

    /// The index that must not belong to another connector if this is to be done.
    pub fn wanted_index(&self) -> Option<&str> {
        match self {
            Self::Create(creation) => creation.index_name.as_deref(),
            Self::Delete { .. } => None,
            Self::Update(_, fields) => fields.get("index_name").and_then(|name| name.as_str()),
        }
    }
}

/// Reads a request: how to answer it, and what it asks for.
///
/// # Errors
/// Whatever is wrong with it, whatever the state of the connector. The first problem counts, in
/// Elasticsearch's order: media types, route, body, parameters, validation.
pub fn read(request: &Request) -> (Format, Result<Call, ApiError>) {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let mut format = Format::default();
    let call = media::accepted(request.accept.as_deref()).and_then(|media| {
        format.media = media;
        let mut query = Query::parse(query)?;
        format.read(&mut query)?;
        let call = read_call(request, path, &mut query);
        // An unknown parameter is noticed after a bad body, as upstream.
        match call {
            Err(failure) if !failure.is_late() => Err(failure),
            late => query.finish(path).and(late),
        }
    });
    (format, call)
}

fn read_call(request: &Request, path: &str, query: &mut Query) -> Result<Call, ApiError> {
    let route = route::route(&request.method, &request.target)?;
    let call = match route {
        Route::Info => Call::Info,
        Route::Options(allow) => return Ok(Call::Options(allow)),
        Route::List => Call::List(read_list(query)?),
        Route::Get(id) => {
            let include_deleted = query.switch("include_deleted")?;
            let realtime = query.switch_on("realtime")?;
            Call::Connector(checked(id)?, Operation::Get { include_deleted, realtime })
        }
        Route::Status(id) => {
            let size = query.number("size", 100)?;
            Call::Connector(checked(id)?, Operation::Status { size })
        }
        Route::Delete(id) => {
            let hard = query.switch("hard")?;
            query.switch("delete_sync_jobs")?;
            Call::Connector(checked(id)?, Operation::Write(Write::Delete { hard }))
        }
        Route::Create(id) => {
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
        Route::Update(id, endpoint) => {
            let fields = match &endpoint.body {
                Some(_) if request.body.is_empty() => {
                    return Err(Cause::new("parse_exception", "request body is required").into());
                }
                Some(body) => read_body(request, body)?,
                None => refuse_body(request, path).map(|()| Fields::new())?,
            };
            let mut problems = id_problems(&id);
            problems.extend((endpoint.validate)(&fields));
            valid(&problems)?;
            return Ok(Call::Connector(id, Operation::Write(Write::Update(endpoint, fields))));
        }
    };
    refuse_body(request, path)?;
    Ok(call)
}

fn read_body(request: &Request, body: &schema::ObjectSchema) -> Result<Fields, ApiError> {
    media::check_body(request.content_type.as_deref(), request.accept.as_deref())?;
    body.read(&request.body)
}

fn refuse_body(request: &Request, path: &str) -> Result<(), ApiError> {
    if request.body.is_empty() {
        return Ok(());
    }
    media::check_body(request.content_type.as_deref(), request.accept.as_deref())?;
    let reason = format!("request [{} {path}] does not support having a body", request.method);
    Err(Cause::illegal_argument(reason).into())
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
    if from.saturating_add(size) > LIST_LIMIT {
        let reason = format!(
            "Result window is too large, from + size must be less than or equal to: \
             [{LIST_LIMIT}] but was [{}]. Narrow the list down with a filter.",
            from.saturating_add(size)
        );
        return Err(Cause::illegal_argument(reason).into());
    }
    let problems: Vec<String> =
        filter.index_names.iter().filter_map(|name| IndexName::parse(name).err()).collect();
    valid(&problems)?;
    Ok(List { from, size, filter })
}

fn checked(id: String) -> Result<String, ApiError> {
    valid(&id_problems(&id)).map(|()| id)
}

fn valid(problems: &[String]) -> Result<(), ApiError> {
    if problems.is_empty() { Ok(()) } else { Err(ApiError::invalid(problems)) }
}

fn id_problems(id: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if id.is_empty() {
        problems.push("[connector_id] cannot be [null] or [\"\"].".to_owned());
    }
    if id.len() > ID_LIMIT {
        problems.push(format!(
            "[connector_id] is too long, must be no longer than {ID_LIMIT} bytes but was: {}",
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

/// What a change comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// What is to be stored.
    pub commit: Commit,
    /// What the caller is told.
    pub response: Response,
}

/// What is to be stored.
#[derive(Clone, Debug, PartialEq)]
pub enum Commit {
    /// Nothing.
    Nothing,
    /// This document.
    Put(Connector),
    /// These fields of the document that is there.
    Patch(Delta),
    /// That it is gone.
    Erase,
}

impl Commit {
    /// The connector as it is afterwards; `None` if there is none.
    pub fn apply(self, before: Option<Connector>) -> Option<Connector> {
        match self {
            Self::Nothing => before,
            Self::Put(connector) => Some(connector),
            Self::Patch(delta) => before.map(|connector| delta.apply(connector)),
            Self::Erase => None,
        }
    }
}

/// The connector as it is, a soft-deleted one too.
#[derive(Clone, Copy, Debug)]
pub struct Current<'a> {
    /// The connector.
    pub connector: &'a Connector,
    /// Its version.
    pub version: u64,
}

/// Decides on a change: what to store and what to answer. `before` is `None` if there is no such
/// connector.
///
/// # Errors
/// 412 if the precondition does not hold, 404 if there is no such connector, 400 if the change does
/// not fit it. Nothing is to be stored.
pub fn decide(
    id: &str,
    write: Write,
    precondition: &Precondition,
    before: Option<Current<'_>>,
    now: Time,
) -> Result<Decision, ApiError> {
    precondition.check(id, before)?;
    let before = before.map(|current| current.connector);
    let alive = before.filter(|connector| !connector.is_deleted());
    match write {
        Write::Create(creation) => {
            let (status, result) =
                if before.is_some() { (200, "updated") } else { (201, "created") };
            let response =
                Response::json(status, &serde_json::json!({ "id": id, "result": result }));
            Ok(Decision { commit: Commit::Put(creation.connector(now)), response })
        }
        Write::Delete { hard: true } => {
            before.ok_or_else(|| ApiError::not_found(id))?;
            Ok(Decision { commit: Commit::Erase, response: acknowledged() })
        }
        Write::Delete { hard: false } => {
            let connector = alive.ok_or_else(|| ApiError::not_found(id))?;
            let commit = connector.soft_delete().map_or(Commit::Nothing, Commit::Patch);
            Ok(Decision { commit, response: acknowledged() })
        }
        Write::Update(endpoint, fields) => {
            let connector = match (endpoint.reads_first)(&fields) {
                true => alive.ok_or_else(|| ApiError::not_found(id))?,
                false => before.ok_or_else(|| ApiError::document_missing(id))?,
            };
            let patch = (endpoint.change)(connector, fields, ChangeContext { id, now })?;
            Ok(match patch.against(connector) {
                Some(delta) => {
                    Decision { commit: Commit::Patch(delta), response: result("updated") }
                }
                None => Decision { commit: Commit::Nothing, response: result("noop") },
            })
        }
    }
}

/// The answer to `GET /_connector/{id}`. `document` is the connector's JSON, without its id.
///
/// # Errors
/// 404 if there is none, or it is soft-deleted and those were not asked for.
pub fn show(
    id: &str,
    include_deleted: bool,
    found: Option<(&Connector, &str)>,
) -> Result<Response, ApiError> {
    match found {
        Some((connector, json)) if include_deleted || !connector.is_deleted() => {
            Ok(Response::text(200, with_id(id, json)))
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
