//! The vocabulary of requests: a request as it came in, and the call that it is read into.

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
