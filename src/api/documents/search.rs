//! Searches: what is asked of the documents of an index, and how it is answered.

use std::cmp::Ordering;

use serde_json::Value;

use super::{Index, PRIMARY_TERM, seq_no};
use crate::api::endpoints::bodies::{JOB_TYPE, SYNC_STATUS};
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

/// A piece of a hit's JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// As it is.
    Text(String),
    /// The id, as JSON.
    Id,
    /// The version.
    Version,
    /// The sequence number: the version less [`super::SEQ_NO_LAG`].
    SeqNo,
    /// The document.
    Document,
}

struct Hit {
    row: Row,
    sort: Vec<Value>,
}

impl Search {
    /// What an index of some columns can say of the hits beforehand. Patterns of connectors are not
    /// in it.
    pub fn prefilter(&self, now: Time) -> Prefilter<'_> {
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

    /// Looks at documents and answers: which match, in order, a page of them. No more hits are held
    /// than reach to the page's end.
    pub fn run(&self, rows: impl IntoIterator<Item = Row>, now: Time) -> Response {
        let mut total = 0;
        let mut best: Vec<Box<Hit>> = Vec::new();
        for row in rows {
            let Ok(source) = json::parse_object(&row.document) else { continue };
            if self.matches(&row.id, &source, now) {
                total += 1;
                let hit = Box::new(Hit { sort: self.sort_values(&row.id, &source), row });
                let place = best.partition_point(|other| self.order(other, &hit).is_le());
                best.insert(place, hit);
                best.truncate(self.from.saturating_add(self.size));
            }
        }
        self.respond(total, best.get(self.from..).unwrap_or_default())
    }

    /// Answers where the page is known already: how many match, and the page in order.
    pub fn answer(&self, total: usize, page: impl IntoIterator<Item = Row>) -> Response {
        let mut hits = Vec::new();
        for row in page {
            let mut sort = Vec::new();
            if self.view == View::Hits && !self.sort.is_empty() {
                let source: Fields = json::parse_object(&row.document).unwrap_or_default();
                sort = self.sort_values(&row.id, &source);
            }
            hits.push(Box::new(Hit { row, sort }));
        }
        self.respond(total, &hits)
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

    /// The pieces of a hit that is made without a look into its document; `None` if it takes one.
    pub fn pieces(&self) -> Option<Vec<Piece>> {
        let is_plain = self.view == View::Hits && self.sort.is_empty() && self.parts.source;
        is_plain.then(|| {
            let mut all = self.open_hit();
            all.push(Piece::Text("}".to_owned()));
            all
        })
    }

    /// The pieces of a hit up to its sort values, or its end.
    fn open_hit(&self) -> Vec<Piece> {
        let text = |text: &str| Piece::Text(text.to_owned());
        let index = self.index.name();
        let mut all = vec![text(&format!("{{\"_index\":\"{index}\",\"_id\":")), Piece::Id];
        if self.parts.version {
            all.extend([text(",\"_version\":"), Piece::Version]);
        }
        if self.parts.seq_no {
            let term = text(&format!(",\"_primary_term\":{PRIMARY_TERM}"));
            all.extend([text(",\"_seq_no\":"), Piece::SeqNo, term]);
        }
        let is_sorted = !self.sort.is_empty();
        all.push(text(if is_sorted { ",\"_score\":null" } else { ",\"_score\":1.0" }));
        if self.parts.source {
            all.extend([text(",\"_source\":"), Piece::Document]);
        }
        all
    }

    /// What stands before and after the hits of a page.
    pub fn frame(&self, total: usize, is_empty: bool) -> (String, &'static str) {
        let shards = super::shards(1);
        match self.view {
            View::Count => (format!("{{\"count\":{total},\"_shards\":{shards}"), "}"),
            View::List => (format!("{{\"count\":{total},\"results\":["), "]}"),
            View::Hits => {
                let best = if is_empty || !self.sort.is_empty() { "null" } else { "1.0" };
                let head = format!(
                    "{{\"took\":1,\"timed_out\":false,\"_shards\":{shards},\"hits\":{{\"total\":\
                     {{\"value\":{total},\"relation\":\"eq\"}},\"max_score\":{best},\"hits\":["
                );
                (head, "]}}")
            }
        }
    }

    fn respond(&self, total: usize, page: &[Box<Hit>]) -> Response {
        let (mut body, end) = self.frame(total, page.is_empty());
        if self.view != View::Count {
            let pieces = self.open_hit();
            for (number, hit) in page.iter().enumerate() {
                if number > 0 {
                    body.push(',');
                }
                match self.view {
                    View::List => body.push_str(&with_id(&hit.row.id, &hit.row.document)),
                    View::Hits | View::Count => self.show(hit, &pieces, &mut body),
                }
            }
        }
        body.push_str(end);
        Response::text(200, body)
    }

    fn show(&self, Hit { row, sort }: &Hit, pieces: &[Piece], body: &mut String) {
        for piece in pieces {
            match piece {
                Piece::Text(text) => body.push_str(text),
                Piece::Id => body.push_str(&Value::from(row.id.as_str()).to_string()),
                Piece::Version => body.push_str(&row.version.to_string()),
                Piece::SeqNo => body.push_str(&seq_no(row.version).to_string()),
                Piece::Document => body.push_str(&row.document),
            }
        }
        if !sort.is_empty() {
            body.push_str(",\"sort\":");
            for (number, value) in sort.iter().enumerate() {
                body.push(if number == 0 { '[' } else { ',' });
                body.push_str(&value.to_string());
            }
            body.push(']');
        }
        body.push('}');
    }
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

/// What a search may say, and how.
const SERVED: &str = r#"{"query": <query>, "from": <number>, "size": <number>, "sort": "<field>" or {"<field>": "asc" or "desc"} or a list of these, "seq_no_primary_term": <boolean>, "version": <boolean>, "_source": <boolean>, "track_total_hits": <any>}"#;

impl Search {
    fn read(&mut self, body: &Value) -> Result<(), String> {
        let index = self.index;
        let refusal = |what: &str| format!("[{what}] is not served in a search: {SERVED} is");
        let Value::Object(members) = body else { return Err(refusal("")) };
        for (name, value) in members {
            let number = || value.as_u64().and_then(|number| usize::try_from(number).ok());
            let taken = match (name.as_str(), self.view) {
                ("query", _) => {
                    self.query = query::parse(value, &|path| index.kind(path))?;
                    Some(())
                }
                // A count has no page.
                (_, View::Count) => {
                    return Err(format!("[{name}] is not served in a count: [query] is"));
                }
                ("from", _) => number().map(|number| self.from = number),
                ("size", _) => number().map(|number| self.size = number),
                ("seq_no_primary_term", _) => value.as_bool().map(|it| self.parts.seq_no = it),
                ("version", _) => value.as_bool().map(|it| self.parts.version = it),
                ("_source", _) => value.as_bool().map(|it| self.parts.source = it),
                // Every hit is counted, always.
                ("track_total_hits", _) => Some(()),
                ("sort", _) => self.sort_by(value),
                _ => None,
            };
            taken.ok_or_else(|| refusal(name))?;
        }
        Ok(())
    }

    /// Sorts by `"f"`, `{"f": "asc"}`, `{"f": {"order": "asc"}}`, or each of a list of such.
    fn sort_by(&mut self, value: &Value) -> Option<()> {
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| match item {
                Value::Array(_) => None,
                item => self.sort_by(item),
            }),
            Value::Object(fields) => fields.iter().try_for_each(|(path, order)| {
                let order = match order {
                    Value::Object(long) if long.len() == 1 => long.get("order")?,
                    order => order,
                };
                match order.as_str()? {
                    "asc" => self.add_sort(path, false),
                    "desc" => self.add_sort(path, true),
                    _ => return None,
                }
                Some(())
            }),
            _ => {
                self.add_sort(value.as_str()?, false);
                Some(())
            }
        }
    }

    fn add_sort(&mut self, path: &str, descending: bool) {
        // The order in which documents lie, whatever it is.
        if path != "_doc" {
            let field = Field { path: path.to_owned(), kind: self.index.kind(path) };
            self.sort.push(Sort { field, descending });
        }
    }
}
