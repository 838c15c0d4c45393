//! Maps methods and paths to routes.

use super::backup::BackupRoute;
use super::documents::{DocumentRoute, Index};
use super::endpoints::{ALL, Endpoint, SYNC_JOBS, SyncJobEndpoint};
use super::error::{ApiError, Cause};
use super::query::decode;
use super::sync_jobs::SyncJobRoute;

/// Where a request goes.
#[derive(Clone, Debug)]
pub enum Route {
    Connectors(ConnectorRoute),
    Edge(EdgeRoute),
}

/// Routes that only the Worker can answer.
#[derive(Clone, Debug)]
pub enum EdgeRoute {
    /// `GET /_connector/_summary`
    Summary,
    /// `GET /_connector/_timeline`
    Timeline,
    /// `GET /_metrics`
    Metrics,
    /// Below `/_connector/_sync_job`
    SyncJobs(SyncJobRoute),
    /// Below `/.elastic-connectors`, `/.elastic-connectors-sync-jobs`
    Documents(Index, DocumentRoute),
    /// `/_search/scroll`
    Scroll(ScrollAction),
    /// `_mapping`, `_settings`, `_alias`, of which only a cluster's indices have one
    ClusterIndex(Index),
    /// `GET /_connector/{id}/_audit`; without an id, `GET /_connector/_audit`
    Audit(Option<String>),
    /// `_backup`, `_reindex`, `_rewind`
    Backup(BackupRoute),
    /// `GET /_connector/{id}/_webhook`; without an id, `POST /_connector/_webhook/_test`
    Webhooks(Option<String>),
}

#[derive(Clone, Copy, Debug)]
pub enum ScrollAction {
    /// Return the next page.
    Next,
    /// End the scroll.
    Clear,
}

/// Routes about connectors or the service itself. The npm package parses these too.
#[derive(Clone, Debug)]
pub enum ConnectorRoute {
    /// `GET /`, `HEAD /`
    Info,
    /// `OPTIONS` of any path, with the methods that it allows
    Options(&'static str),
    /// `GET /_security/_authenticate`
    Authenticate,
    /// `POST /_connector/_import`
    Import,
    /// `GET /_connector/_watch`
    Watch,
    /// `POST /_connector/_watch`
    WatchTicket,
    /// `GET /_connector`
    List,
    /// `PUT /_connector`, `POST /_connector`, `PUT /_connector/{id}`
    Create(Option<String>),
    /// `GET /_connector/{id}`
    Get(String),
    /// `DELETE /_connector/{id}`
    Delete(String),
    /// `POST /_connector/{id}/_restore`
    Restore(String),
    /// `GET /_connector/{id}/_status`
    Status(String),
    /// `PUT /_connector/{id}/_...`
    Update(String, &'static Endpoint),
}

impl From<ConnectorRoute> for Route {
    fn from(route: ConnectorRoute) -> Self {
        Self::Connectors(route)
    }
}

impl From<EdgeRoute> for Route {
    fn from(route: EdgeRoute) -> Self {
        Self::Edge(route)
    }
}

/// Names below `/_connector` that can't be ids, besides those of updates. `.` and `..` are reserved because
/// the runtime's URL parser resolves them, even if they are encoded.
const RESERVED: [&str; 14] = [
    ".",
    "..",
    "_sync_job",
    "_secret",
    "_import",
    "_summary",
    "_timeline",
    "_audit",
    "_watch",
    "_backup",
    "_reindex",
    "_restore",
    "_rewind",
    "_webhook",
];

/// Paths below an index that only a cluster can serve: the indices here have no mappings, settings or
/// aliases that could be changed.
const CLUSTER_PATHS: [&str; 5] = ["_mapping", "_mappings", "_settings", "_alias", "_aliases"];

/// Whether a path segment belongs to this API and so can't be an id.
pub fn is_reserved(segment: &str) -> bool {
    let mut endpoints = ALL.iter().flat_map(|endpoint| endpoint.name.split('/'));
    RESERVED.contains(&segment) || endpoints.any(|it| it == segment)
}

/// An operation on a connector with its history and sync jobs.
#[derive(Clone, Copy)]
enum BackupAction {
    Backup,
    Reindex,
    Rewind,
}

enum Resource {
    Root,
    Authenticate,
    Import,
    Summary,
    Timeline,
    Metrics,
    Watch,
    Ids,
    Audit(Option<String>),
    BackupAction(String, BackupAction),
    Webhooks(Option<String>),
    Connectors,
    Connector(String),
    Restore(String),
    Update(String, &'static Endpoint),
    SyncJobs,
    SyncJob(String),
    SyncJobUpdate(String, &'static SyncJobEndpoint),
    Index(Index),
    Search(Index, DocumentRoute),
    Documents(Index),
    Document(Index, String),
    DocumentUpdate(Index, String),
    Creation(Index),
    ClusterIndex(Index),
    Scroll,
}

/// Finds the route of a request. `target` is path and query, still percent-encoded.
///
/// # Errors
/// 400 for an unknown path, 405 for a method that the path doesn't support.
pub fn route(method: &str, target: &str) -> Result<Route, ApiError> {
    let path = target.split('?').next().unwrap_or_default();
    if is_ambiguous(path) {
        let reason = format!(
            "the path [{path}] is ambiguous: it must not contain segments [.] or [..], backslashes or \
             control characters"
        );
        return Err(Cause::illegal_argument(reason).into());
    }
    let found = resource(path)?;
    if method == "OPTIONS" {
        return Ok(ConnectorRoute::Options(found.as_ref().map_or("", allow)).into());
    }
    let Some(resource) = found else { return Err(ApiError::no_handler(target, method)) };
    let allow = allow(&resource);
    Ok(match (resource, method) {
        (Resource::Root, "GET" | "HEAD") => ConnectorRoute::Info.into(),
        (Resource::Authenticate, "GET") => ConnectorRoute::Authenticate.into(),
        (Resource::Import, "POST") => ConnectorRoute::Import.into(),
        (Resource::Metrics, "GET") => EdgeRoute::Metrics.into(),
        (Resource::Ids, "GET") => EdgeRoute::Backup(BackupRoute::Ids).into(),
        (Resource::BackupAction(id, BackupAction::Backup), "GET") => {
            EdgeRoute::Backup(BackupRoute::Show(id)).into()
        }
        (Resource::BackupAction(id, BackupAction::Backup), "PUT") => {
            EdgeRoute::Backup(BackupRoute::Restore(id)).into()
        }
        (Resource::BackupAction(id, BackupAction::Rewind), "POST") => {
            EdgeRoute::Backup(BackupRoute::Rewind(id)).into()
        }
        (Resource::BackupAction(id, BackupAction::Reindex), "POST") => {
            EdgeRoute::Backup(BackupRoute::Reindex(id)).into()
        }
        (Resource::Ids, "POST") => EdgeRoute::Backup(BackupRoute::Done).into(),
        (Resource::Audit(id), "GET") => EdgeRoute::Audit(id).into(),
        (Resource::Watch, "GET") => ConnectorRoute::Watch.into(),
        (Resource::Watch, "POST") => ConnectorRoute::WatchTicket.into(),
        (Resource::Webhooks(None), "POST") => EdgeRoute::Webhooks(None).into(),
        (Resource::Webhooks(Some(id)), "GET") => EdgeRoute::Webhooks(Some(id)).into(),
        (Resource::Connectors, "GET") => ConnectorRoute::List.into(),
        (Resource::Summary, "GET") => EdgeRoute::Summary.into(),
        (Resource::Timeline, "GET") => EdgeRoute::Timeline.into(),
        (Resource::Connectors, "PUT" | "POST") => ConnectorRoute::Create(None).into(),
        (Resource::Connector(id), "GET") => ConnectorRoute::Get(id).into(),
        (Resource::Connector(id), "PUT") => ConnectorRoute::Create(Some(id)).into(),
        (Resource::Connector(id), "DELETE") => ConnectorRoute::Delete(id).into(),
        (Resource::Restore(id), "POST") => ConnectorRoute::Restore(id).into(),
        (Resource::Update(id, endpoint), "GET") if endpoint.name == "_status" => {
            ConnectorRoute::Status(id).into()
        }
        (Resource::Update(id, endpoint), "PUT") => ConnectorRoute::Update(id, endpoint).into(),
        (Resource::SyncJobs, "GET") => EdgeRoute::SyncJobs(SyncJobRoute::List).into(),
        (Resource::SyncJobs, "POST") => EdgeRoute::SyncJobs(SyncJobRoute::Create).into(),
        (Resource::SyncJob(id), "GET") => EdgeRoute::SyncJobs(SyncJobRoute::Get(id)).into(),
        (Resource::SyncJob(id), "DELETE") => EdgeRoute::SyncJobs(SyncJobRoute::Delete(id)).into(),
        (Resource::SyncJobUpdate(id, endpoint), "PUT") => {
            EdgeRoute::SyncJobs(SyncJobRoute::Update(id, endpoint)).into()
        }
        (Resource::Index(index), "GET" | "HEAD") => {
            EdgeRoute::Documents(index, DocumentRoute::Describe).into()
        }
        (Resource::Search(index, route), "GET" | "POST") => {
            EdgeRoute::Documents(index, route).into()
        }
        (Resource::Documents(index), "POST") => {
            EdgeRoute::Documents(index, DocumentRoute::Create).into()
        }
        (Resource::Document(index, id), "GET" | "HEAD") => {
            EdgeRoute::Documents(index, DocumentRoute::Get(id)).into()
        }
        (Resource::Document(index @ Index::Connectors, id), "PUT" | "POST") => {
            EdgeRoute::Documents(index, DocumentRoute::Put(id)).into()
        }
        (Resource::Creation(index), "PUT" | "POST") => {
            EdgeRoute::Documents(index, DocumentRoute::CreateWithId).into()
        }
        (Resource::DocumentUpdate(index, id), "POST") => {
            EdgeRoute::Documents(index, DocumentRoute::Update(id)).into()
        }
        (Resource::Scroll, "GET" | "POST") => EdgeRoute::Scroll(ScrollAction::Next).into(),
        (Resource::Scroll, "DELETE") => EdgeRoute::Scroll(ScrollAction::Clear).into(),
        (Resource::ClusterIndex(index), _) => EdgeRoute::ClusterIndex(index).into(),
        _ => return Err(ApiError::wrong_method(target, method, allow)),
    })
}

/// Whether another URL parser might read the path differently. Parsers resolve `.` and `..` (even if they
/// are encoded), treat a backslash as a slash, and drop tabs and line breaks.
fn is_ambiguous(path: &str) -> bool {
    let is_dots = |segment: &str| {
        let plain = segment.replace("%2e", ".").replace("%2E", ".");
        matches!(plain.as_str(), "." | "..")
    };
    path.contains(|letter: char| letter == '\\' || letter.is_ascii_control())
        || (path.contains("/.") || path.contains("/%2")) && path.split('/').any(is_dots)
}

/// Finds the resource of a path. Trailing slashes are ignored; an empty segment in the middle is an empty
/// id. Segments are decoded one by one, so `a%2Fb` is one id.
fn resource(path: &str) -> Result<Option<Resource>, ApiError> {
    let segments: Vec<&str> =
        path.strip_prefix('/').unwrap_or(path).trim_end_matches('/').split('/').collect();
    Ok(Some(match segments.as_slice() {
        [""] => Resource::Root,
        ["_security", "_authenticate"] => Resource::Authenticate,
        ["_metrics"] => Resource::Metrics,
        ["_connector", "_import"] => Resource::Import,
        ["_connector", "_summary"] => Resource::Summary,
        ["_connector", "_timeline"] => Resource::Timeline,
        ["_connector", "_backup"] => Resource::Ids,
        ["_connector", "_watch"] => Resource::Watch,
        ["_connector", "_audit"] => Resource::Audit(None),
        ["_connector"] => Resource::Connectors,
        ["_connector", "_sync_job"] => Resource::SyncJobs,
        ["_connector", "_sync_job", id] => Resource::SyncJob(decode(id)?),
        ["_connector", "_sync_job", id, name] => {
            match SYNC_JOBS.iter().find(|endpoint| endpoint.name == *name) {
                Some(endpoint) => Resource::SyncJobUpdate(decode(id)?, endpoint),
                None => return Ok(None),
            }
        }
        // Sync jobs and secrets are not connectors, whatever follows.
        ["_connector", "_sync_job" | "_secret", ..] => return Ok(None),
        ["_connector", id] => Resource::Connector(decode(id)?),
        ["_connector", id, name @ ("_backup" | "_reindex" | "_rewind")] => {
            let action = match *name {
                "_backup" => BackupAction::Backup,
                "_reindex" => BackupAction::Reindex,
                _ => BackupAction::Rewind,
            };
            Resource::BackupAction(decode(id)?, action)
        }
        ["_connector", id, "_restore"] => Resource::Restore(decode(id)?),
        ["_connector", id, name] => match ALL.iter().find(|endpoint| endpoint.name == *name) {
            Some(endpoint) => Resource::Update(decode(id)?, endpoint),
            None if *name == "_audit" => Resource::Audit(Some(decode(id)?)),
            None if *name == "_webhook" => Resource::Webhooks(Some(decode(id)?)),
            None if *id == "_webhook" && *name == "_test" => Resource::Webhooks(None),
            None => return Ok(None),
        },
        ["_connector", id, "_filtering", part] => {
            let name = format!("_filtering/{part}");
            match ALL.iter().find(|endpoint| endpoint.name == name) {
                Some(endpoint) => Resource::Update(decode(id)?, endpoint),
                None => return Ok(None),
            }
        }
        ["_search", "scroll"] | ["_search", "scroll", _] => Resource::Scroll,
        [name, ..] if index(name).is_none() && covers_ours(name) => {
            let (connectors, jobs) = (Index::Connectors.alias(), Index::SyncJobs.alias());
            let reason = format!(
                "[{name}] covers [{connectors}] or [{jobs}], which this service stores and serves one at \
                 a time: name one of them, or exclude both with [-{connectors}*]"
            );
            return Err(Cause::illegal_argument(reason).into());
        }
        [name, below @ ..] => match (index(name), below) {
            (Some(index), []) => Resource::Index(index),
            (Some(index), ["_doc"]) => Resource::Documents(index),
            // Not for creating connectors: a connector is more than its document. Answered with an error
            // that says so.
            (Some(Index::Connectors), ["_create", _]) => Resource::Creation(Index::Connectors),
            (Some(index), ["_doc", id]) => Resource::Document(index, decode(id)?),
            (Some(index), ["_update", id]) => Resource::DocumentUpdate(index, decode(id)?),
            (Some(index), [part, ..]) if CLUSTER_PATHS.contains(part) => {
                Resource::ClusterIndex(index)
            }
            (Some(index), ["_search"]) => Resource::Search(index, DocumentRoute::Search),
            (Some(index), ["_count"]) => Resource::Search(index, DocumentRoute::Count),
            (Some(index), ["_refresh"]) => Resource::Search(index, DocumentRoute::Refresh),
            _ => return Ok(None),
        },
        [] => return Ok(None),
    }))
}

fn index(segment: &str) -> Option<Index> {
    Index::parse(&decode(segment).ok()?)
}

/// Whether the segment is an index expression that matches one of our indices.
fn covers_ours(segment: &str) -> bool {
    decode(segment).is_ok_and(|name| Index::covered_by(&name))
}

/// Whether the path is a scroll request. Only the scroll id says whether the search is ours or a cluster's.
pub fn may_scroll(target: &str) -> bool {
    let path = target.split('?').next().unwrap_or_default();
    matches!(resource(path), Ok(Some(Resource::Scroll)))
}

/// Whether the path belongs to this API, even if it isn't served. Such requests are never forwarded to a
/// cluster, which may hold other data under the same names.
pub fn is_ours(target: &str) -> bool {
    let path = target.split('?').next().unwrap_or_default();
    let mut segments = path.trim_start_matches('/').split('/');
    let name = decode(segments.next().unwrap_or_default()).unwrap_or_default();
    let below = segments.next().unwrap_or_default();
    let is_cluster_path = match name.as_str() {
        "_connector" => below == "_secret",
        name => Index::parse(name).is_some() && CLUSTER_PATHS.contains(&below),
    };
    if is_cluster_path && !is_ambiguous(path) {
        return false;
    }
    is_ambiguous(path)
        || matches!(name.as_str(), "" | "_connector" | "_metrics")
        || Index::covered_by(&name)
}

fn allow(resource: &Resource) -> &'static str {
    match resource {
        Resource::Root => "GET, HEAD",
        Resource::Authenticate
        | Resource::Metrics
        | Resource::Summary
        | Resource::Timeline
        | Resource::Audit(_)
        | Resource::Webhooks(Some(_)) => "GET",
        Resource::Import
        | Resource::Restore(_)
        | Resource::BackupAction(_, BackupAction::Reindex | BackupAction::Rewind)
        | Resource::Webhooks(None) => "POST",
        Resource::BackupAction(_, BackupAction::Backup) => "GET, PUT",
        Resource::Watch | Resource::Ids => "GET, POST",
        Resource::Connectors => "GET, POST, PUT",
        Resource::Connector(_) => "GET, PUT, DELETE",
        Resource::Update(_, endpoint) if endpoint.name == "_status" => "GET, PUT",
        Resource::Update(..) | Resource::SyncJobUpdate(..) => "PUT",
        Resource::SyncJobs => "GET, POST",
        Resource::SyncJob(_) => "GET, DELETE",
        Resource::Scroll => "GET, POST, DELETE",
        Resource::ClusterIndex(_) => "GET, HEAD, POST, PUT, DELETE",
        Resource::Document(Index::Connectors, _) => "GET, HEAD, POST, PUT",
        Resource::Creation(_) => "POST, PUT",
        Resource::Index(_) | Resource::Document(..) => "GET, HEAD",
        Resource::Search(..) => "GET, POST",
        Resource::Documents(_) | Resource::DocumentUpdate(..) => "POST",
    }
}
