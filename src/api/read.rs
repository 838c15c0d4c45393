//! Parses a request into a [`Call`]: route, parameters, body.

use super::error::{ApiError, Cause};
use super::query::Query;
use super::response::Format;
use super::route::{ConnectorRoute, EdgeRoute, Route, ScrollAction};
use super::{
    Call, List, Operation, Request, Watch, Write, audit, backup, documents, endpoints, media,
    route, schema, summary, sync_jobs, ticket,
};
use crate::connector::{Creation, Fields};
use crate::directory::Filter;
use crate::directory::timeline::DAYS;
use crate::limits::{ID_BYTES, QUERY_CHARACTERS, RESULT_WINDOW};
use crate::status::Status;
use crate::values::IndexName;

/// Parses a request into the format of its response and its call.
///
/// # Errors
/// The first problem, in Elasticsearch's order: media types, route, body, parameters, validation.
pub fn read(request: &Request) -> (Format, Result<Call, ApiError>) {
    read_with(request, |route, path, query| read_edge(route, request, path, query))
}

/// Like [`read`], but `None` for requests that only the Worker can answer. The npm package uses it to leave
/// out their code.
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
        // As upstream, a bad body is reported before an unknown parameter.
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
            let fields = if request.body.is_empty() {
                Fields::new()
            } else {
                read_body(request, &endpoints::CREATION)?
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
        EdgeRoute::Scroll(ScrollAction::Next) => {
            return documents::read_scroll(request, path, query);
        }
        EdgeRoute::Scroll(ScrollAction::Clear) => {
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

/// Parses a required body.
pub(super) fn read_body(
    request: &Request,
    body: &schema::ObjectSchema,
) -> Result<Fields, ApiError> {
    body.read(read_body_text(request)?)
}

pub(super) fn read_body_text(request: &Request) -> Result<&str, ApiError> {
    require_body(request)?;
    Ok(&request.body)
}

/// The fields of an update. Without a schema, the request must not have a body.
pub(super) fn read_update(
    request: &Request,
    path: &str,
    body: Option<&schema::ObjectSchema>,
) -> Result<Fields, ApiError> {
    match body {
        Some(body) => read_body(request, body),
        None => refuse_body(request, path).map(|()| Fields::new()),
    }
}

pub(super) fn require_body(request: &Request) -> Result<(), ApiError> {
    if request.body.is_empty() {
        return Err(Cause::new("parse_exception", "request body is required").into());
    }
    check_body_type(request)
}

pub(super) fn check_body_type(request: &Request) -> Result<(), ApiError> {
    media::check_body(request.content_type.as_deref(), request.accept.as_deref())
}

pub(super) fn refuse_body(request: &Request, path: &str) -> Result<(), ApiError> {
    if request.body.is_empty() {
        return Ok(());
    }
    check_body_type(request)?;
    let reason = format!("request [{} {path}] does not support having a body", request.method);
    Err(Cause::illegal_argument(reason).into())
}

fn read_hours(query: &mut Query) -> Result<u64, ApiError> {
    let (hours, limit) = (query.number("hours", 24)? as u64, DAYS * 24);
    if (1..=limit).contains(&hours) {
        return Ok(hours);
    }
    let reason = format!("[hours] is [{hours}]: it must be between [1] and [{limit}]");
    Err(Cause::illegal_argument(reason).into())
}

/// The `status` parameter, an addition of this API.
pub(super) fn read_statuses(query: &mut Query) -> Result<Vec<String>, ApiError> {
    let status = |name: &String| {
        Status::parse(name).map(|status| status.name().to_owned()).ok_or_else(|| {
            Cause::illegal_argument(format!("Unknown ConnectorStatus: {name}")).into()
        })
    };
    query.list("status").iter().map(status).collect()
}

/// Rejects a `query` that is too long.
pub(super) fn check_query_length(query: &str) -> Result<(), ApiError> {
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
    check_query_length(filter.query.as_deref().unwrap_or_default())?;
    check_window(from, size)?;
    let problems: Vec<String> =
        filter.index_names.iter().filter_map(|name| IndexName::parse(name).err()).collect();
    valid(&problems)?;
    Ok(List { from, size, filter })
}

fn read_watch(query: &mut Query) -> Result<Watch, ApiError> {
    // The ticket was checked when the caller was authenticated.
    let _ticket = query.text(ticket::PARAMETER);
    let since = query.long("since")?;
    let id = query.text("id").map(checked).transpose()?;
    Ok(Watch { id, since, connectors: None })
}

/// Rejects a page beyond the result window.
pub(super) fn check_window(from: usize, size: usize) -> Result<(), ApiError> {
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

pub(super) fn checked(id: String) -> Result<String, ApiError> {
    valid(&id_problems(&id)).map(|()| id)
}

/// Why a connector can't have this id. `None` if it can.
pub fn id_problem(id: &str) -> Option<String> {
    let problems = id_problems(id);
    (!problems.is_empty()).then(|| problems.join("; "))
}

pub(super) fn valid(problems: &[String]) -> Result<(), ApiError> {
    if problems.is_empty() { Ok(()) } else { Err(ApiError::invalid(problems)) }
}

pub(super) fn id_problems(id: &str) -> Vec<String> {
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
            "[connector_id] must not be [{id}], a name reserved for this API's paths: check \
             that the path contains an id"
        ));
    }
    if id.chars().any(char::is_control) {
        problems.push("[connector_id] must not contain control characters".to_owned());
    }
    problems
}
