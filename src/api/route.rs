//! Which path and method mean what.

use super::endpoints::{ALL, Endpoint};
use super::error::ApiError;
use super::query::decode;

/// What a request is for.
#[derive(Clone, Debug)]
pub enum Route {
    /// `GET /`, `HEAD /`
    Info,
    /// `OPTIONS` anywhere: which methods are there
    Options(&'static str),
    /// `GET /_connector`
    List,
    /// `PUT /_connector`, `POST /_connector`, `PUT /_connector/{id}`
    Create(Option<String>),
    /// `GET /_connector/{id}`
    Get(String),
    /// `DELETE /_connector/{id}`
    Delete(String),
    /// `GET /_connector/{id}/_status`
    Status(String),
    /// `PUT /_connector/{id}/_...`
    Update(String, &'static Endpoint),
}

/// Path segments that belong to this API: an id of that name could be taken for one of them.
pub fn is_reserved(segment: &str) -> bool {
    let mut endpoints = ALL.iter().flat_map(|endpoint| endpoint.name.split('/'));
    // The URL parser of the runtime resolves `.` and `..`, encoded ones too.
    matches!(segment, "." | ".." | "_sync_job" | "_secret") || endpoints.any(|it| it == segment)
}

enum Resource {
    Root,
    Connectors,
    Connector(String),
    Update(String, &'static Endpoint),
}

/// Finds the route of a request. `target` is path and query as they were sent.
///
/// # Errors
/// 400 for a path that is not served, 405 for a method that the path does not have.
pub fn route(method: &str, target: &str) -> Result<Route, ApiError> {
    let path = target.split('?').next().unwrap_or_default();
    let found = resource(path)?;
    if method == "OPTIONS" {
        return Ok(Route::Options(found.as_ref().map_or("", allow)));
    }
    let Some(resource) = found else { return Err(ApiError::no_handler(target, method)) };
    let allow = allow(&resource);
    Ok(match (resource, method) {
        (Resource::Root, "GET" | "HEAD") => Route::Info,
        (Resource::Connectors, "GET") => Route::List,
        (Resource::Connectors, "PUT" | "POST") => Route::Create(None),
        (Resource::Connector(id), "GET") => Route::Get(id),
        (Resource::Connector(id), "PUT") => Route::Create(Some(id)),
        (Resource::Connector(id), "DELETE") => Route::Delete(id),
        (Resource::Update(id, endpoint), "GET") if endpoint.name == "_status" => Route::Status(id),
        (Resource::Update(id, endpoint), "PUT") => Route::Update(id, endpoint),
        _ => return Err(ApiError::wrong_method(target, method, allow)),
    })
}

/// Trailing slashes do not count, an empty segment in the middle does: it is an empty id.
/// Segments are decoded one by one, so `a%2Fb` is one id.
fn resource(path: &str) -> Result<Option<Resource>, ApiError> {
    let segments: Vec<&str> =
        path.strip_prefix('/').unwrap_or(path).trim_end_matches('/').split('/').collect();
    Ok(Some(match segments.as_slice() {
        [""] => Resource::Root,
        ["_connector"] => Resource::Connectors,
        // Sync jobs and secrets are not connectors, whatever follows.
        ["_connector", "_sync_job" | "_secret", ..] => return Ok(None),
        ["_connector", id] => Resource::Connector(decode(id)?),
        ["_connector", id, name] => match ALL.iter().find(|endpoint| endpoint.name == *name) {
            Some(endpoint) => Resource::Update(decode(id)?, endpoint),
            None => return Ok(None),
        },
        ["_connector", id, "_filtering", part] => {
            let name = format!("_filtering/{part}");
            match ALL.iter().find(|endpoint| endpoint.name == name) {
                Some(endpoint) => Resource::Update(decode(id)?, endpoint),
                None => return Ok(None),
            }
        }
        _ => return Ok(None),
    }))
}

fn allow(resource: &Resource) -> &'static str {
    match resource {
        Resource::Root => "GET, HEAD",
        Resource::Connectors => "GET, POST, PUT",
        Resource::Connector(_) => "GET, PUT, DELETE",
        Resource::Update(_, endpoint) if endpoint.name == "_status" => "GET, PUT",
        Resource::Update(..) => "PUT",
    }
}
