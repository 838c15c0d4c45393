//! The two indices in which Elasticsearch keeps connectors and sync jobs: the same documents through
//! Elasticsearch's document and search APIs, as far as connector services and Kibana use them.

mod fields;
mod scroll;
mod search;
mod source;
mod update;

use serde::Serialize;

use super::error::{ApiError, Cause};
use super::query::Query;
use super::read::{checked, id_problems, refuse_body, require_body, valid};
use super::response::Response;
use super::schema::ObjectSchema;
use super::sync_jobs::{SyncJobCreation, SyncJobOperation, SyncJobWrite};
use super::{Call, Operation, Request, Write};
use crate::budget::{Budget, OverBudget, Purpose};
use crate::query::Mapping;
use crate::secrets::Visible;
use crate::sync_job::{SyncJob, SyncJobId};
use crate::values::{json, wildcard};

pub use scroll::SCROLL_PREFIX;
pub(super) use scroll::{read_end_of_scroll, read_scroll};
pub use search::{Finder, HitPrinter, Piece, Search, View};
pub(super) use search::{list_of_sync_jobs, read_search};
pub use update::DocumentUpdate;
pub(super) use update::decide as decide_update;

/// `_primary_term` of every document: there is only one primary.
const PRIMARY_TERM: u64 = 1;

/// One of the two indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Index {
    /// `.elastic-connectors`
    Connectors,
    /// `.elastic-connectors-sync-jobs`
    SyncJobs,
}

impl Index {
    const ALL: [Self; 2] = [Self::Connectors, Self::SyncJobs];

    /// The index of that name or alias.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|index| [index.name(), index.alias()].contains(&name))
    }

    /// Whether an index expression of Elasticsearch covers one of them. It is a list of names, patterns,
    /// and exclusions from the patterns before them.
    pub fn covered_by(expression: &str) -> bool {
        // Over budget: the request must not reach the cluster.
        Self::covers(expression, &mut Budget::new(Purpose::Patterns)).unwrap_or(true)
    }

    fn covers(expression: &str, budget: &mut Budget) -> Result<bool, OverBudget> {
        let all = Self::ALL.into_iter().flat_map(|index| [index.name(), index.alias()]);
        // Which of their names the patterns so far cover.
        let mut names: Vec<(&str, bool)> = all.map(|name| (name, false)).collect();
        let mut has_pattern = false;
        for item in expression.split(',').map(str::trim) {
            let excluded = item.strip_prefix('-').filter(|_| has_pattern);
            let pattern = excluded.map_or_else(|| as_pattern(item), str::to_owned);
            let is_name = !pattern.contains('*');
            for (name, is_covered) in &mut names {
                if !wildcard::matches(&pattern, name, budget)? {
                    continue;
                }
                if excluded.is_none() && is_name {
                    // A later exclusion does not apply to a full name.
                    return Ok(true);
                }
                *is_covered = excluded.is_none();
            }
            has_pattern |= !is_name;
        }
        Ok(names.iter().any(|(_, is_covered)| *is_covered))
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Connectors => ".elastic-connectors-v1",
            Self::SyncJobs => ".elastic-connectors-sync-jobs-v1",
        }
    }

    pub const fn alias(self) -> &'static str {
        match self {
            Self::Connectors => ".elastic-connectors",
            Self::SyncJobs => ".elastic-connectors-sync-jobs",
        }
    }

    fn schema(self) -> &'static ObjectSchema {
        match self {
            Self::Connectors => &fields::CONNECTOR,
            Self::SyncJobs => &fields::SYNC_JOB,
        }
    }

    fn mapping(self, path: &str) -> Mapping {
        fields::mapping(self.schema(), path)
    }
}

/// A pattern that matches all indices that an item of an index expression may stand for.
fn as_pattern(item: &str) -> String {
    // `::data`, `::failures`
    let name = item.split_once("::").map_or(item, |(name, _)| name);
    // Date math: `<logs-{now/d}>`
    match name.strip_prefix('<').and_then(|name| name.strip_suffix('>')) {
        Some(name) => match (name.find('{'), name.rfind('}')) {
            (Some(start), Some(end)) => {
                let before = name.get(..start).unwrap_or_default();
                let after = name.get(end + 1..).unwrap_or_default();
                format!("{before}*{after}")
            }
            _ => name.to_owned(),
        },
        None if name == "_all" => "*".to_owned(),
        None => name.to_owned(),
    }
}

/// The endpoint of a path below an index.
#[derive(Clone, Debug)]
pub enum DocumentRoute {
    /// `GET /{index}`
    Describe,
    /// `GET /{index}/_doc/{id}`
    Get(String),
    /// `POST /{index}/_doc`
    Create,
    /// `PUT`, `POST /{index}/_doc/{id}`
    Put(String),
    /// `PUT`, `POST /{index}/_create/{id}`
    CreateWithId,
    /// `POST /{index}/_update/{id}`
    Update(String),
    /// `GET`, `POST /{index}/_search`
    Search,
    /// `GET`, `POST /{index}/_count`
    Count,
    /// `GET`, `POST /{index}/_refresh`
    Refresh,
}

/// Parameters that Elasticsearch's clients send and that have no effect here: both indices always
/// exist, and have no replicas.
const WITHOUT_EFFECT: [&str; 10] = [
    "allow_no_indices",
    "expand_wildcards",
    "ignore_unavailable",
    "local",
    "master_timeout",
    "preference",
    "realtime",
    "retry_on_conflict",
    "timeout",
    "wait_for_active_shards",
];

pub(super) fn read(
    index: Index,
    route: DocumentRoute,
    request: &Request,
    path: &str,
    query: &mut Query,
) -> Result<Call, ApiError> {
    for name in WITHOUT_EFFECT {
        query.text(name);
    }
    let refreshes = read_refresh(query)?;
    let search = |index, view, request, query: &mut Query| {
        read_search(index, view, request, query).map(|search| Call::Search(Box::new(search)))
    };
    match route {
        DocumentRoute::Describe => {
            refuse_body(request, path)?;
            Ok(Call::Static(describe(index)))
        }
        DocumentRoute::Refresh => {
            refuse_body(request, path)?;
            Ok(Call::Refresh)
        }
        DocumentRoute::Search => search(index, View::Hits, request, query),
        DocumentRoute::Count => search(index, View::Count, request, query),
        DocumentRoute::Get(id) => {
            refuse_body(request, path)?;
            Ok(match index {
                Index::Connectors => Call::Connector(checked(id)?, Operation::Document),
                Index::SyncJobs => match SyncJobId::parse(&id) {
                    Some(id) => Call::SyncJob(id, SyncJobOperation::Document),
                    None => Call::Static(show(index, &id, None)),
                },
            })
        }
        DocumentRoute::Update(id) => {
            let update = DocumentUpdate::read(index, request, query, refreshes)?;
            match index {
                Index::Connectors => {
                    let write = Write::Document(update);
                    Ok(Call::Connector(checked(id)?, Operation::Write(write)))
                }
                Index::SyncJobs => {
                    let missing = || ApiError::document_missing_in(index.name(), &id);
                    let id = SyncJobId::parse(&id).ok_or_else(missing)?;
                    let write = SyncJobWrite::Document(update);
                    Ok(Call::SyncJob(id, SyncJobOperation::Write(write)))
                }
            }
        }
        DocumentRoute::Put(id) => {
            let update = DocumentUpdate::read_whole(&id, request, query, refreshes)?;
            Ok(Call::Connector(checked(id)?, Operation::Write(Write::Document(update))))
        }
        DocumentRoute::Create | DocumentRoute::CreateWithId if index == Index::Connectors => {
            Err(update::no_creation(""))
        }
        DocumentRoute::Create | DocumentRoute::CreateWithId => read_sync_job(request, refreshes),
    }
}

/// `POST /.elastic-connectors-sync-jobs/_doc`, by which Elastic's connector service creates jobs.
fn read_sync_job(request: &Request, refreshes: bool) -> Result<Call, ApiError> {
    require_body(request)?;
    let fields = fields::SYNC_JOB.read_document(&request.body)?;
    let job = SyncJob::from_fields(fields).map_err(|problem| {
        Cause::illegal_argument(format!("the document is not a valid sync job: {problem}"))
    })?;
    let connector = job.connector_id().unwrap_or_default().to_owned();
    valid(&match connector.as_str() {
        "" => vec!["[connector.id] of the sync job is missing".to_owned()],
        id => id_problems(id),
    })?;
    Ok(Call::CreateSyncJob(connector, SyncJobCreation::Document(job, refreshes)))
}

/// `refresh`: whether searches must show a write when it is acknowledged.
fn read_refresh(query: &mut Query) -> Result<bool, ApiError> {
    match query.text("refresh").as_deref() {
        None | Some("false") => Ok(false),
        Some("" | "true" | "wait_for") => Ok(true),
        Some(other) => {
            let reason = format!("Unknown value for refresh: [{other}].");
            Err(Cause::illegal_argument(reason).into())
        }
    }
}

/// The response to `_refresh`.
pub fn refreshed() -> Response {
    #[derive(Serialize)]
    struct Body {
        _shards: Shards,
    }
    Response::json(200, &Body { _shards: Shards::succeeded(1) })
}

/// The response to a creation that is stored, but that searches may not show yet. After an error,
/// clients would create another document.
pub fn unrefreshed(response: Response) -> Response {
    let Ok(mut body) = json::parse_object(&response.body) else { return response };
    let reason = serde_json::json!({ "type": "unavailable_exception", "reason": UNREFRESHED });
    let failures = serde_json::json!([{ "reason": reason }]);
    let shards =
        serde_json::json!({ "total": 1, "successful": 0, "failed": 1, "failures": failures });
    body.insert("_shards".to_owned(), shards);
    body.insert("forced_refresh".to_owned(), false.into());
    Response::json(response.status, &body)
}

/// Why searches may not show a stored document.
pub(super) const UNREFRESHED: &str = "it is stored, but the Directory could not be updated within a second: \
                                      searches may show it later";

/// The response to `GET /{index}/_doc/{id}`. `found`: the document's version and JSON.
pub fn show(index: Index, id: &str, found: Option<(u64, Visible<'_>)>) -> Response {
    #[derive(Serialize)]
    struct Missing<'a> {
        _index: &'static str,
        _id: &'a str,
        found: bool,
    }
    #[derive(Serialize)]
    struct Found<'a> {
        _index: &'static str,
        _id: &'a str,
        _version: u64,
        _seq_no: u64,
        _primary_term: u64,
        found: bool,
        _source: &'a json::Raw,
    }
    let _index = index.name();
    let Some((version, document)) = found else {
        return Response::json(404, &Missing { _index, _id: id, found: false });
    };
    let Ok(source) = json::raw(document.json()) else { return Response::unwritable() };
    let found = Found {
        _index,
        _id: id,
        _version: version,
        _seq_no: seq_no(version),
        _primary_term: PRIMARY_TERM,
        found: true,
        _source: source,
    };
    Response::json(200, &found).with_document(&document)
}

/// The response to `GET /{index}`: that the index exists. The API's description has its fields.
fn describe(index: Index) -> Response {
    let (name, alias) = (index.name(), index.alias());
    let body = serde_json::json!({ "aliases": { alias: {} }, "mappings": {}, "settings": {} });
    Response::json(200, &serde_json::json!({ name: body }))
}

/// The response to a write of a document, whether it changed anything or not.
pub(super) fn written(
    status: u16,
    index: Index,
    id: &str,
    version: u64,
    result: &'static str,
    refreshes: bool,
) -> Response {
    #[derive(Serialize)]
    struct Written<'a> {
        _index: &'static str,
        _id: &'a str,
        _version: u64,
        result: &'static str,
        // If searches can't be made to show the write, the response is an error.
        #[serde(skip_serializing_if = "Option::is_none")]
        forced_refresh: Option<bool>,
        _shards: Shards,
        _seq_no: u64,
        _primary_term: u64,
    }
    let written = Written {
        _index: index.name(),
        _id: id,
        _version: version,
        result,
        forced_refresh: refreshes.then_some(true),
        _shards: Shards::succeeded(if result == "noop" { 0 } else { 1 }),
        _seq_no: seq_no(version),
        _primary_term: PRIMARY_TERM,
    };
    Response::json(status, &written)
}

/// Elasticsearch counts the writes to an index from 0, this service the versions of a document from 1.
/// Clients only send the number back.
const fn seq_no(version: u64) -> u64 {
    version.saturating_sub(SEQ_NO_LAG)
}

/// By how much a sequence number is less than the version.
pub const SEQ_NO_LAG: u64 = 1;

/// On how many shards an operation was carried out.
#[derive(Serialize)]
struct Shards {
    total: u8,
    successful: u8,
    failed: u8,
}

impl Shards {
    fn succeeded(number: u8) -> Self {
        Self { total: number, successful: number, failed: 0 }
    }
}
