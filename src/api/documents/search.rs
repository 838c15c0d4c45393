//! Searches: what is asked of the documents of an index, and how it is answered.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::{Index, PRIMARY_TERM, seq_no};
use crate::api::endpoints::objects::{JOB_TYPE, SYNC_STATUS};
use crate::api::error::{ApiError, Cause};
use crate::api::query::Query as Parameters;
use crate::api::response::Response;
use crate::api::schema::{EnumValues, read_json};
use crate::api::{Request, check_body_type, window};
use crate::connector::with_id;
use crate::directory::matches_any;
use crate::document::Fields;
use crate::query::{self, Candidate, Field, Kind, Prefilter, Query};
use crate::sync_job::{JobType, SyncJobStatus};
use crate::values::{Time, json};

/// How many hits are shown where nothing else is asked for, as in Elasticsearch.
const DEFAULT_SIZE: usize = 10;

/// What is asked of the documents of an index.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// Which index.
    pub index: Index,
    /// Which documents.
    pub query: Query,
    /// In which order: by these, then by id.
    pub sort: Vec<Sort>,
    /// How many to pass over.
    pub from: usize,
    /// How many to show.
    pub size: usize,
    /// How to answer.
    pub view: View,
    /// Only of connectors whose id matches one of these patterns; `None`: of all.
    pub connectors: Option<Vec<String>>,
    /// What to show of a hit.
    parts: Parts,
}

/// How a search is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// As `_search` does.
    Hits,
    /// As `_count` does.
    Count,
    /// As the list of sync jobs.
    List,
}

/// Part of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub field: Field,
    /// The greatest first?
    pub descending: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Parts {
    seq_no: bool,
    version: bool,
    source: bool,
}

/// A document as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: u64,
    /// Its JSON.
    pub document: String,
}

struct Hit {
    row: Row,
    sort: Vec<Value>,
}

impl Search {
    /// What an index of some columns can say of the hits beforehand. Patterns of connectors are not
    /// in it.
    pub fn prefilter(&self, now: Time) -> Prefilter {
        Prefilter::of(&self.query, now)
    }

    /// Is this document a hit?
    pub fn matches(&self, id: &str, source: &Fields, now: Time) -> bool {
        let candidate = Candidate { id, source };
        self.is_within_bounds(candidate) && self.query.matches(candidate, now)
    }

    fn is_within_bounds(&self, candidate: Candidate<'_>) -> bool {
        let connector = match self.index {
            Index::Connectors => Some(candidate.id),
            Index::SyncJobs => {
                candidate.source.get("connector").and_then(|it| it.get("id")?.as_str())
            }
        };
        self.connectors
            .as_ref()
            .is_none_or(|patterns| connector.is_some_and(|id| matches_any(patterns, id)))
    }

    /// Looks at documents and answers: which match, in order, a page of them.
    pub fn run(&self, rows: impl IntoIterator<Item = Row>, now: Time) -> Response {
        let mut hits: Vec<Hit> = rows
            .into_iter()
            .filter_map(|row| {
                let source: Fields = json::parse_object(&row.document).ok()?;
                let found = self.matches(&row.id, &source, now);
                found.then(|| Hit { sort: self.sort_values(&row.id, &source), row })
            })
            .collect();
        let total = hits.len();
        hits.sort_by(|a, b| self.order(a, b));
        let page: Vec<Hit> = hits.into_iter().skip(self.from).take(self.size).collect();
        self.respond(total, &page)
    }

    /// Answers where the page is known already: how many match, and the page in order.
    pub fn answer(&self, total: usize, page: impl IntoIterator<Item = Row>) -> Response {
        let hit = |row: Row| {
            let sort = match self.view == View::Hits && !self.sort.is_empty() {
                true => {
                    let source: Fields = json::parse_object(&row.document).unwrap_or_default();
                    self.sort_values(&row.id, &source)
                }
                false => Vec::new(),
            };
            Hit { row, sort }
        };
        let page: Vec<Hit> = page.into_iter().map(hit).collect();
        self.respond(total, &page)
    }

    fn sort_values(&self, id: &str, source: &Fields) -> Vec<Value> {
        let candidate = Candidate { id, source };
        let value = |sort: &Sort| {
            let value = sort.field.first(candidate)?;
            Some(match (sort.field.kind, value.as_str().and_then(Time::parse)) {
                (Kind::Date, Some(time)) => time.millis().into(),
                _ => value,
            })
        };
        self.sort.iter().map(|sort| value(sort).unwrap_or_default()).collect()
    }

    fn order(&self, a: &Hit, b: &Hit) -> Ordering {
        let pairs = self.sort.iter().zip(a.sort.iter().zip(&b.sort));
        let by_values = pairs.map(|(sort, (a, b))| match (a.is_null(), b.is_null()) {
            // What has no value comes last, whatever the direction.
            (false, false) if sort.descending => compare(b, a),
            (false, false) => compare(a, b),
            (is_a_null, is_b_null) => is_a_null.cmp(&is_b_null),
        });
        by_values.fold(Ordering::Equal, Ordering::then).then_with(|| a.row.id.cmp(&b.row.id))
    }

    fn respond(&self, total: usize, page: &[Hit]) -> Response {
        let shards = "{\"total\":1,\"successful\":1,\"skipped\":0,\"failed\":0}";
        let body = match self.view {
            View::Count => format!("{{\"count\":{total},\"_shards\":{shards}}}"),
            View::List => {
                let results = join(page.iter().map(|hit| with_id(&hit.row.id, &hit.row.document)));
                format!("{{\"count\":{total},\"results\":[{results}]}}")
            }
            View::Hits => {
                let hits = join(page.iter().map(|hit| self.show(hit)));
                let best = if page.is_empty() || !self.sort.is_empty() { "null" } else { "1.0" };
                format!(
                    "{{\"took\":1,\"timed_out\":false,\"_shards\":{shards},\"hits\":{{\"total\":\
                     {{\"value\":{total},\"relation\":\"eq\"}},\"max_score\":{best},\"hits\":\
                     [{hits}]}}}}"
                )
            }
        };
        Response::text(200, body)
    }

    fn show(&self, hit: &Hit) -> String {
        let Row { id, version, document } = &hit.row;
        let mut shown = format!("{{\"_index\":\"{}\",\"_id\":{}", self.index.name(), json!(id));
        if self.parts.version {
            shown.push_str(&format!(",\"_version\":{version}"));
        }
        if self.parts.seq_no {
            let seq_no = seq_no(*version);
            shown.push_str(&format!(",\"_seq_no\":{seq_no},\"_primary_term\":{PRIMARY_TERM}"));
        }
        shown.push_str(if self.sort.is_empty() { ",\"_score\":1.0" } else { ",\"_score\":null" });
        if self.parts.source {
            shown.push_str(&format!(",\"_source\":{document}"));
        }
        if !hit.sort.is_empty() {
            shown.push_str(&format!(",\"sort\":{}", json!(hit.sort)));
        }
        shown.push('}');
        shown
    }
}

fn join(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(",")
}

/// Numbers before texts.
fn compare(a: &Value, b: &Value) -> Ordering {
    match (a.as_i64(), b.as_i64()) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.as_str().cmp(&b.as_str()),
    }
}

/// `GET /_connector/_sync_job`
pub(in crate::api) fn list_of_sync_jobs(query: &mut Parameters) -> Result<Search, ApiError> {
    let from = query.number("from", 0)?;
    let size = query.number("size", 100)?;
    window(from, size)?;
    let unknown = |values: &EnumValues, given: &str| {
        let [before, after] = values.unknown;
        Cause::illegal_argument(format!("{before}{given}{after}"))
    };
    let mut all = Vec::new();
    if let Some(id) = query.text("connector_id") {
        all.push(Query::keyword("connector.id", [id.as_str()]));
    }
    if let Some(given) = query.text("status") {
        let status = SyncJobStatus::parse(&given).ok_or_else(|| unknown(&SYNC_STATUS, &given))?;
        all.push(Query::keyword("status", [status.name()]));
    }
    let mut types = Vec::new();
    for given in query.list("job_type") {
        types.push(JobType::parse(&given).ok_or_else(|| unknown(&JOB_TYPE, &given))?.name());
    }
    if !types.is_empty() {
        all.push(Query::keyword("job_type", types));
    }
    let created_at = Field { path: "created_at".to_owned(), kind: Kind::Date };
    Ok(Search {
        index: Index::SyncJobs,
        query: Query::all_of(all),
        sort: vec![Sort { field: created_at, descending: true }],
        from,
        size,
        view: View::List,
        connectors: None,
        parts: Parts { seq_no: false, version: false, source: true },
    })
}

/// `_search`, `_count`
pub(in crate::api) fn read_search(
    index: Index,
    view: View,
    request: &Request,
    parameters: &mut Parameters,
) -> Result<Search, ApiError> {
    let mut search = Search {
        index,
        query: Query::All,
        sort: Vec::new(),
        from: 0,
        size: DEFAULT_SIZE,
        view,
        connectors: None,
        parts: Parts { seq_no: false, version: false, source: true },
    };
    if !request.body.is_empty() {
        check_body_type(request)?;
        let body = read_json(&request.body)?;
        search.read(&body).map_err(|problem| Cause::new("parsing_exception", problem))?;
    }
    if view == View::Hits {
        search.from = parameters.number("from", search.from)?;
        search.size = parameters.number("size", search.size)?;
        search.parts.seq_no |= parameters.switch("seq_no_primary_term")?;
        search.parts.version |= parameters.switch("version")?;
        window(search.from, search.size)?;
    }
    Ok(search)
}

impl Search {
    fn read(&mut self, body: &Value) -> Result<(), String> {
        let Value::Object(members) = body else {
            return Err("the body of a search is an object".to_owned());
        };
        for (name, value) in members {
            match (name.as_str(), self.view) {
                ("query", _) => {
                    let index = self.index;
                    self.query = query::parse(value, &|path| index.kind(path))?;
                }
                ("from", View::Hits) => self.from = number(name, value)?,
                ("size", View::Hits) => self.size = number(name, value)?,
                ("seq_no_primary_term", View::Hits) => self.parts.seq_no = switch(name, value)?,
                ("version", View::Hits) => self.parts.version = switch(name, value)?,
                ("_source", View::Hits) => self.parts.source = switch(name, value)?,
                // Every hit is counted, always.
                ("track_total_hits", View::Hits) => {}
                ("sort", View::Hits) => self.sort = self.sorts(value)?,
                _ => {
                    let served = match self.view {
                        View::Count => "[query] is served",
                        _ => {
                            "[query], [from], [size], [sort], [seq_no_primary_term], [version], \
                             [_source] and [track_total_hits] are served"
                        }
                    };
                    return Err(format!("unknown key [{name}] in a search: {served}"));
                }
            }
        }
        Ok(())
    }

    /// `"f"`, `{"f":"asc"}`, `{"f":{"order":"asc"}}`, or a list of such.
    fn sorts(&self, value: &Value) -> Result<Vec<Sort>, String> {
        let items = match value {
            Value::Array(items) => items.as_slice(),
            _ => std::slice::from_ref(value),
        };
        let mut sorts = Vec::new();
        for item in items {
            match item {
                Value::String(path) => sorts.extend(self.sort(path, None)?),
                Value::Object(fields) => {
                    for (path, order) in fields {
                        sorts.extend(self.sort(path, Some(order))?);
                    }
                }
                _ => return Err(bad_sort(item)),
            }
        }
        Ok(sorts)
    }

    fn sort(&self, path: &str, order: Option<&Value>) -> Result<Option<Sort>, String> {
        let named = match order {
            Some(Value::Object(fields)) => match fields.get("order") {
                Some(order) if fields.len() == 1 => Some(order),
                _ => return Err(bad_sort(&Value::Object(fields.clone()))),
            },
            other => other,
        };
        let descending = match named {
            None => false,
            Some(order) if order == "asc" => false,
            Some(order) if order == "desc" => true,
            Some(order) => return Err(bad_sort(order)),
        };
        // The order in which documents lie, whatever it is.
        if path == "_doc" {
            return Ok(None);
        }
        let field = Field { path: path.to_owned(), kind: self.index.kind(path) };
        Ok(Some(Sort { field, descending }))
    }
}

fn bad_sort(given: &Value) -> String {
    format!("[sort] does not support [{given}]: fields with [asc] or [desc] are served")
}

fn number(name: &str, value: &Value) -> Result<usize, String> {
    let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
    number.ok_or_else(|| format!("[{name}] is [{value}]: a number from 0 on is served"))
}

fn switch(name: &str, value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| format!("[{name}] is [{value}]: [true] and [false] are served"))
}
