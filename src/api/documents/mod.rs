//! The two indices that Elasticsearch keeps connectors and sync jobs in, as far as connector services
//! use them: a view on the same documents, in the shape of Elasticsearch's own document and search
//! APIs.

mod fields;
mod scroll;
mod search;
mod source;
mod update;

use serde_json::{Value, json};

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
use crate::values::json::parse_object;
use crate::values::wildcard;

pub use scroll::SCROLL_PREFIX;
pub(super) use scroll::{read_end_of_scroll, read_scroll};
pub use search::{Finder, HitPrinter, Piece, Search, View};
pub(super) use search::{list_of_sync_jobs, read_search};
pub use update::DocumentUpdate;
pub(super) use update::decide as decide_update;

/// What every version of a document was written under: there is no other primary here.
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

    /// Whether an expression for indices, as Elasticsearch takes one in a path, covers one of them: a list
    /// of names, patterns, and exclusions of what the patterns before them cover.
    pub fn covered_by(expression: &str) -> bool {
        // What takes too much work to tell is not passed on.
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
                    // Named as it is, it is not excluded again.
                    return Ok(true);
                }
                *is_covered = excluded.is_none();
            }
            has_pattern |= !is_name;
        }
        Ok(names.iter().any(|(_, is_covered)| *is_covered))
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connectors => ".elastic-connectors-v1",
            Self::SyncJobs => ".elastic-connectors-sync-jobs-v1",
        }
    }

    /// Its alias.
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

/// The pattern that covers whatever an item of an expression for indices may stand for.
fn as_pattern(item: &str) -> String {
    // `::data`, `::failures`
    let name = item.split_once("::").map_or(item, |(name, _)| name);
    // Math with dates: `<logs-{now/d}>`
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

/// What a path below an index is for.
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

/// Parameters that Elasticsearch's clients send and that make no difference here: every index is
/// there, and every write shows at once.
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

/// `POST /.elastic-connectors-sync-jobs/_doc`: how Elastic's connector service makes jobs.
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

/// `refresh`: whether searches are to show a write when it is acknowledged.
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

/// The answer to `_refresh`.
pub fn refreshed() -> Response {
    Response::text(200, format!("{{\"_shards\":{}}}", shards(1)))
}

/// The answer to a creation that stands, but that searches may not show yet. An error would have clients
/// send it once more, and create another document.
pub fn unrefreshed(response: Response) -> Response {
    let Ok(mut body) = parse_object(&response.body) else { return response };
    let failure = json!({ "reason": { "type": "unavailable_exception", "reason": UNREFRESHED } });
    let shards = json!({ "total": 1, "successful": 0, "failed": 1, "failures": [failure] });
    body.insert("_shards".to_owned(), shards);
    body.insert("forced_refresh".to_owned(), false.into());
    Response::json(response.status, &body.into())
}

/// Why searches may not show what is stored.
pub(super) const UNREFRESHED: &str = "it is stored, but the Directory could not be updated within a second: \
                                      searches may show it later";

/// The answer to `GET /{index}/_doc/{id}`. `found` is the version of the document and its JSON.
pub fn show(index: Index, id: &str, found: Option<(u64, Visible<'_>)>) -> Response {
    let index = index.name();
    let id = Value::from(id);
    match found {
        Some((version, document)) => {
            let seq_no = seq_no(version);
            let source = document.json();
            Response::of_document(
                &document,
                format!(
                    "{{\"_index\":\"{index}\",\"_id\":{id},\"_version\":{version},\
                     \"_seq_no\":{seq_no},\"_primary_term\":{PRIMARY_TERM},\"found\":true,\
                     \"_source\":{source}}}"
                ),
            )
        }
        None => {
            Response::text(404, format!("{{\"_index\":\"{index}\",\"_id\":{id},\"found\":false}}"))
        }
    }
}

/// The answer to `GET /{index}`: that it is there. What its fields are is in the description of the
/// API.
fn describe(index: Index) -> Response {
    let (name, alias) = (index.name(), index.alias());
    Response::text(
        200,
        format!(
            "{{\"{name}\":{{\"aliases\":{{\"{alias}\":{{}}}},\"mappings\":{{}},\"settings\":{{}}}}}}"
        ),
    )
}

/// The answer to a document that was written, or did not have to be.
pub(super) fn written(
    status: u16,
    index: Index,
    id: &str,
    version: u64,
    result: &'static str,
    refreshes: bool,
) -> Response {
    let index = index.name();
    // An error is answered, unless searches do show it.
    let refresh = if refreshes { "\"forced_refresh\":true," } else { "" };
    let id = Value::from(id);
    let shards = shards(if result == "noop" { 0 } else { 1 });
    let seq_no = seq_no(version);
    Response::text(
        status,
        format!(
            "{{\"_index\":\"{index}\",\"_id\":{id},\"_version\":{version},\"result\":\"{result}\",\
             {refresh}\"_shards\":{shards},\"_seq_no\":{seq_no},\"_primary_term\":{PRIMARY_TERM}}}"
        ),
    )
}

/// Elasticsearch counts the writes of an index from 0, this the versions of a document from 1. A
/// client gives back what it was given, so either will do.
const fn seq_no(version: u64) -> u64 {
    version.saturating_sub(SEQ_NO_LAG)
}

/// By how much a sequence number is less than the version.
pub const SEQ_NO_LAG: u64 = 1;

fn shards(number: u8) -> String {
    format!("{{\"total\":{number},\"successful\":{number},\"failed\":0}}")
}
