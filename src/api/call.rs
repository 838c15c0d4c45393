//! A request as received, and the call it is parsed into.

use serde::{Deserialize, Serialize};

use super::audit::AuditQuery;
use super::backup::Backup;
use super::documents::{DocumentUpdate, Search};
use super::endpoints::Endpoint;
use super::media;
use super::response::Response;
use super::sync_jobs::{SyncJobCreation, SyncJobOperation};
use crate::connector::{Creation, Fields};
use crate::directory::{Filter, SummaryRequest};
use crate::sync_job::SyncJobId;

/// A request as received.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// `GET`, `PUT`, ...
    pub method: String,
    /// Path and query, still percent-encoded.
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
    /// A copy without the body, which may be long.
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
    /// The `Allow` header of a path.
    Options(&'static str),
    /// Describe the caller.
    Authenticate,
    /// Import the connectors that were written to Workers KV.
    Import,
    /// Make every acknowledged change visible to searches.
    Refresh,
    /// A page of the connectors.
    List(List),
    /// A page of slim rows, and counts.
    Summary(Box<SummaryRequest>),
    /// The number of connectors by status over the last so many hours.
    Timeline(u64),
    /// Stream changes over a WebSocket.
    Watch(Watch),
    /// Issue a ticket for opening that WebSocket.
    WatchTicket,
    /// Send a test message to every webhook target.
    TestWebhooks,
    /// The webhook deliveries of one connector.
    Webhooks {
        id: String,
        /// How many messages to return.
        size: usize,
    },
    CreateWithGeneratedId(Creation),
    /// An operation on one connector.
    Connector(String, Operation),
    /// Create a sync job for the connector with this id. The job's id is generated.
    CreateSyncJob(String, SyncJobCreation),
    /// An operation on one sync job.
    SyncJob(SyncJobId, SyncJobOperation),
    /// Search an index. Listing sync jobs is a search too.
    Search(Box<Search>),
    /// The edits of one connector.
    Audit {
        id: String,
        /// How many edits to return.
        size: usize,
        /// Only edits before this version of the connector.
        before: Option<u64>,
    },
    /// Events about whole connectors or all of them: deletions, backups, imports.
    AuditOfAll(AuditQuery),
    /// Back up or restore whole connectors.
    Backup(Backup),
    /// Metrics in the Prometheus format.
    Metrics,
    /// A response that depends on nothing but the request.
    Static(Response),
}

impl Call {
    /// The id patterns that limit the call to some connectors. `None`: no limit.
    pub fn patterns(self) -> Option<Vec<String>> {
        match self {
            Self::List(list) => list.filter.ids,
            Self::Summary(summary) => summary.ids,
            Self::Search(search) => search.connectors,
            _ => None,
        }
    }
}

/// Whether this is a browser opening the console, rather than a client asking for the product info.
pub fn wants_page(request: &Request) -> bool {
    let path = request.target.split('?').next().unwrap_or_default();
    matches!(request.method.as_str(), "GET" | "HEAD")
        && path.trim_matches('/').is_empty()
        && request.accept.as_deref().is_some_and(media::prefers_html)
}

/// A page of the list of connectors.
#[derive(Clone, Debug)]
pub struct List {
    /// How many connectors to skip.
    pub from: usize,
    /// How many connectors to return.
    pub size: usize,
    pub filter: Filter,
}

/// Which changes to stream to a WebSocket client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// Only changes of this connector. `None`: all.
    pub id: Option<String>,
    /// The last change that the client has received. `None`: it starts from scratch.
    pub since: Option<u64>,
    /// Only changes of connectors whose id matches one of these patterns. `None`: all.
    pub connectors: Option<Vec<String>>,
}

/// An operation on one connector.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Return the document.
    Get {
        /// Whether to return a soft-deleted connector too.
        include_deleted: bool,
        /// Whether to read the current document rather than its copy in Workers KV.
        realtime: bool,
    },
    /// Return the status, the next legal ones, and the history.
    Status {
        /// How many status changes to return.
        size: usize,
        /// Only changes before this version of the connector.
        before: Option<u64>,
    },
    /// Return it as a document of its index.
    Document,
    Write(Write),
}

/// A write to one connector.
#[derive(Clone, Debug)]
pub enum Write {
    /// Create the connector, or reset an existing one.
    Create(Creation),
    /// Soft-delete the connector, or erase it.
    Delete {
        hard: bool,
        /// Whether to erase its sync jobs too.
        delete_sync_jobs: bool,
    },
    /// Undo a soft delete.
    Restore,
    Update(&'static Endpoint, Fields),
    /// Update it through the document API.
    Document(DocumentUpdate),
}

impl Write {
    /// Whether searches must show the write before it is acknowledged.
    pub fn refreshes(&self) -> bool {
        matches!(self, Self::Document(update) if update.refreshes())
    }

    /// Whether the caller sent the whole document.
    pub fn is_whole_document(&self) -> bool {
        matches!(self, Self::Document(update) if update.is_whole())
    }

    /// The name of the write in the history.
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
