//! What a request asks for, judged by its method and path. That is enough to authorize it before its body
//! is read. Only the connector of a new sync job is in the body: see [`Admitted::narrow`].

use std::borrow::Cow;

use super::access::Privilege;
use super::backup::BackupRoute;
use super::documents::{DocumentRoute, Index};
use super::query::Query;
use super::route::{ConnectorRoute, EdgeRoute, Route, ScrollAction, route};
use super::sync_jobs::SyncJobRoute;
use crate::limits::{BACKUP_BODY_BYTES, BODY_BYTES};
use crate::sync_job::SyncJobId;

#[cfg(doc)]
use super::Admitted;

/// What a request asks for, judged by its method and path.
#[derive(Clone, Debug)]
pub struct Intent {
    route: Route,
    /// The only connector to watch, if the query names one.
    watched: Option<String>,
}

/// Which connectors a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scope<'a> {
    Nothing,
    One(Cow<'a, str>),
    /// Those that the caller may see.
    Visible,
    /// All of them. The text says why the request can't be narrowed down.
    All(&'static str),
    /// The one that the body names.
    InBody,
}

const ALL: Scope<'_> = Scope::All("it needs a key for all connectors");

impl Intent {
    /// Parses method and target (path and query, still encoded). `None`: there is no such route, and
    /// [`super::read`] returns the error.
    pub fn of(method: &str, target: &str) -> Option<Self> {
        let route = route(method, target).ok()?;
        let watched = match (&route, target.split_once('?')) {
            (Route::Connectors(ConnectorRoute::Watch), Some((_, query))) => {
                Query::parse(query).ok()?.text("id")
            }
            _ => None,
        };
        Some(Self { route, watched })
    }

    /// Whether the request may change something.
    pub fn writes(&self) -> bool {
        match &self.route {
            Route::Connectors(route) => match route {
                ConnectorRoute::Import
                | ConnectorRoute::Create(_)
                | ConnectorRoute::Delete(_)
                | ConnectorRoute::Restore(_)
                | ConnectorRoute::Update(..) => true,
                ConnectorRoute::Info
                | ConnectorRoute::Options(_)
                | ConnectorRoute::Authenticate
                | ConnectorRoute::Watch
                | ConnectorRoute::WatchTicket
                | ConnectorRoute::List
                | ConnectorRoute::Get(_)
                | ConnectorRoute::Status(_) => false,
            },
            Route::Edge(route) => match route {
                EdgeRoute::Summary
                | EdgeRoute::Timeline
                | EdgeRoute::Metrics
                | EdgeRoute::Scroll(_)
                | EdgeRoute::ClusterIndex(_)
                | EdgeRoute::Audit(_)
                | EdgeRoute::Webhooks(Some(_)) => false,
                EdgeRoute::Webhooks(None) => true,
                EdgeRoute::SyncJobs(route) => match route {
                    SyncJobRoute::Create | SyncJobRoute::Delete(_) | SyncJobRoute::Update(..) => {
                        true
                    }
                    SyncJobRoute::List | SyncJobRoute::Get(_) => false,
                },
                EdgeRoute::Documents(_, route) => match route {
                    DocumentRoute::Create
                    | DocumentRoute::CreateWithId
                    | DocumentRoute::Put(_)
                    | DocumentRoute::Update(_) => true,
                    DocumentRoute::Describe
                    | DocumentRoute::Get(_)
                    | DocumentRoute::Search
                    | DocumentRoute::Count
                    | DocumentRoute::Refresh => false,
                },
                EdgeRoute::Backup(route) => match route {
                    BackupRoute::Done
                    | BackupRoute::Restore(_)
                    | BackupRoute::Reindex(_)
                    | BackupRoute::Rewind(_) => true,
                    BackupRoute::Ids | BackupRoute::Show(_) => false,
                },
            },
        }
    }

    pub(super) fn required_privilege(&self) -> Privilege {
        match self.route {
            // Even reading these takes `manage`: they expose everything that is stored.
            Route::Edge(EdgeRoute::Backup(_) | EdgeRoute::Audit(None)) => Privilege::Manage,
            _ if self.writes() => Privilege::Manage,
            _ => Privilege::Monitor,
        }
    }

    /// The longest body that is accepted, in bytes.
    pub fn body_limit(&self) -> usize {
        match self.route {
            Route::Edge(EdgeRoute::Backup(BackupRoute::Restore(_))) => BACKUP_BODY_BYTES,
            _ => BODY_BYTES,
        }
    }

    pub(super) fn scope(&self) -> Scope<'_> {
        let one = |id| Scope::One(Cow::Borrowed(id));
        // A job's id contains its connector's id. An id without one can't exist.
        let owner = |job: &str| match SyncJobId::parse(job) {
            Some(job) => Scope::One(Cow::Owned(job.connector().to_owned())),
            None => Scope::Nothing,
        };
        match &self.route {
            Route::Connectors(route) => match route {
                ConnectorRoute::Info
                | ConnectorRoute::Options(_)
                | ConnectorRoute::Authenticate
                | ConnectorRoute::WatchTicket => Scope::Nothing,
                ConnectorRoute::Import => ALL,
                ConnectorRoute::Watch => self.watched.as_deref().map_or(Scope::Visible, one),
                ConnectorRoute::List => Scope::Visible,
                ConnectorRoute::Create(None) => {
                    Scope::All("a generated id would not match: use PUT with an id that does")
                }
                ConnectorRoute::Create(Some(id))
                | ConnectorRoute::Get(id)
                | ConnectorRoute::Delete(id)
                | ConnectorRoute::Restore(id)
                | ConnectorRoute::Status(id)
                | ConnectorRoute::Update(id, _) => one(id),
            },
            Route::Edge(route) => match route {
                EdgeRoute::Summary | EdgeRoute::Scroll(ScrollAction::Next) => Scope::Visible,
                EdgeRoute::Scroll(ScrollAction::Clear) | EdgeRoute::ClusterIndex(_) => {
                    Scope::Nothing
                }
                EdgeRoute::Timeline => Scope::All("it counts all connectors"),
                EdgeRoute::Metrics
                | EdgeRoute::Audit(None)
                | EdgeRoute::Webhooks(None)
                | EdgeRoute::Backup(_) => ALL,
                EdgeRoute::Audit(Some(id)) | EdgeRoute::Webhooks(Some(id)) => one(id),
                EdgeRoute::SyncJobs(route) => match route {
                    SyncJobRoute::List => Scope::Visible,
                    SyncJobRoute::Create => Scope::InBody,
                    SyncJobRoute::Get(id)
                    | SyncJobRoute::Delete(id)
                    | SyncJobRoute::Update(id, _) => owner(id),
                },
                EdgeRoute::Documents(index, route) => match (index, route) {
                    (_, DocumentRoute::Describe | DocumentRoute::Refresh) => Scope::Nothing,
                    (_, DocumentRoute::Search | DocumentRoute::Count) => Scope::Visible,
                    (_, DocumentRoute::Create | DocumentRoute::CreateWithId) => Scope::InBody,
                    (
                        index,
                        DocumentRoute::Get(id) | DocumentRoute::Update(id) | DocumentRoute::Put(id),
                    ) => match index {
                        Index::Connectors => one(id),
                        Index::SyncJobs => owner(id),
                    },
                },
            },
        }
    }

    /// The name of the action in Elasticsearch's error messages.
    pub(super) fn action(&self) -> String {
        let verb = match &self.route {
            Route::Connectors(route) => match route {
                ConnectorRoute::Info | ConnectorRoute::Options(_) => {
                    return "cluster:monitor/main".to_owned();
                }
                ConnectorRoute::Authenticate => {
                    return "cluster:admin/xpack/security/user/authenticate".to_owned();
                }
                ConnectorRoute::Import => "import",
                ConnectorRoute::Watch | ConnectorRoute::WatchTicket => "watch",
                ConnectorRoute::List => "list",
                ConnectorRoute::Create(None) => "post",
                ConnectorRoute::Create(Some(_)) => "put",
                ConnectorRoute::Get(_) | ConnectorRoute::Status(_) => "get",
                ConnectorRoute::Delete(_) => "delete",
                ConnectorRoute::Restore(_) => "undelete",
                ConnectorRoute::Update(_, endpoint) => {
                    return format!("cluster:admin/xpack/connector/update{}", endpoint.name);
                }
            },
            Route::Edge(route) => match route {
                EdgeRoute::Summary => "list",
                EdgeRoute::Timeline => "timeline",
                EdgeRoute::Metrics => return "cluster:monitor/stats".to_owned(),
                EdgeRoute::Scroll(ScrollAction::Next) => {
                    return "indices:data/read/scroll".to_owned();
                }
                EdgeRoute::Scroll(ScrollAction::Clear) => {
                    return "indices:data/read/scroll/clear".to_owned();
                }
                EdgeRoute::ClusterIndex(_) => return "indices:admin/get".to_owned(),
                EdgeRoute::Audit(_) => "audit",
                EdgeRoute::Webhooks(None) => "webhook/test",
                EdgeRoute::Webhooks(Some(_)) => "webhook/get",
                EdgeRoute::Backup(route) => match route {
                    BackupRoute::Ids | BackupRoute::Show(_) | BackupRoute::Done => "backup",
                    BackupRoute::Restore(_) => "restore",
                    BackupRoute::Reindex(_) => "reindex",
                    BackupRoute::Rewind(_) => "rewind",
                },
                EdgeRoute::SyncJobs(route) => match route {
                    SyncJobRoute::List => "sync_job/list",
                    SyncJobRoute::Create => "sync_job/post",
                    SyncJobRoute::Get(_) => "sync_job/get",
                    SyncJobRoute::Delete(_) => "sync_job/delete",
                    SyncJobRoute::Update(_, endpoint) => {
                        let verb = match endpoint.name {
                            "_error" => "update_error",
                            "_stats" => "update_stats",
                            name => name.trim_start_matches('_'),
                        };
                        return format!("cluster:admin/xpack/connector/sync_job/{verb}");
                    }
                },
                EdgeRoute::Documents(_, route) => {
                    let action = match route {
                        DocumentRoute::Describe => "indices:admin/get",
                        DocumentRoute::Refresh => "indices:admin/refresh",
                        DocumentRoute::Get(_) => "indices:data/read/get",
                        DocumentRoute::Search | DocumentRoute::Count => "indices:data/read/search",
                        DocumentRoute::Create
                        | DocumentRoute::CreateWithId
                        | DocumentRoute::Put(_) => "indices:data/write/index",
                        DocumentRoute::Update(_) => "indices:data/write/update",
                    };
                    return action.to_owned();
                }
            },
        };
        format!("cluster:admin/xpack/connector/{verb}")
    }
}
