//! Searches of an index: parsing, collecting hits, and printing them.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

use super::scroll::Scroll;
use super::source::Source;
use super::{Index, PRIMARY_TERM};
use crate::api::Request;
use crate::api::endpoints::bodies::{JOB_TYPE, SYNC_STATUS};
use crate::api::error::{ApiError, Cause};
use crate::api::query::Query as Parameters;
use crate::api::read::{check_body_type, check_window};
use crate::api::schema::{EnumValues, read_json};
use crate::budget::{Budget, OverBudget, Purpose, count_work};
use crate::limits::{RESULT_WINDOW, SORT_FIELDS};
use crate::query::{self, Candidate, Evaluator, Field, Mapping, Prefilter, Query, Scalar};
use crate::sync_job::{JobType, SyncJobStatus};
use crate::values::Time;
use crate::values::sorted::sort;

/// The default page size, as in Elasticsearch.
const DEFAULT_SIZE: usize = 10;

/// A search of an index.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    pub index: Index,
    pub query: Query,
    /// The order of the hits. Ties are broken by id.
    pub sort: Vec<Sort>,
    /// How many hits to skip.
    pub from: usize,
    /// How many hits to return.
    pub size: usize,
    pub view: View,
    /// Only documents of connectors whose id matches one of these patterns. `None`: all.
    pub connectors: Option<Vec<String>>,
    parts: HitParts,
    /// Set if the response must contain a scroll id.
    scroll: Option<Scroll>,
}

/// The form of the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// As `_search` does.
    Hits,
    /// As `_count` does.
    Count,
    /// As the list of sync jobs.
    List,
}

/// One sort criterion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    pub field: Field,
    pub descending: bool,
}

/// Which parts of a hit to return.
#[derive(Clone, Debug, Default, PartialEq)]
struct HitParts {
    seq_no: bool,
    version: bool,
    source: Source,
}

/// A piece of a hit's JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Literal text.
    Text(String),
    /// The id, as JSON.
    Id,
    Version,
    /// The sequence number: the version less [`super::SEQ_NO_LAG`].
    SeqNo,
    Document,
    /// The document without its opening brace.
    Members,
}

/// A hit, while the search runs.
struct Hit {
    key: u64,
    id: String,
    /// Its sort values. `None`: the document has no such value.
    sort: Vec<Option<SortKey>>,
}

/// A sort value. Numbers sort before strings.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum SortKey {
    Integer(i64),
    /// A fraction, or a boolean.
    Literal,
    Text(String),
}

impl Hit {
    /// Its approximate size in memory, in bytes.
    fn size(&self) -> usize {
        let text = |key: &Option<SortKey>| match key {
            Some(SortKey::Text(text)) => text.len(),
            _ => 0,
        };
        let keys = self.sort.len() * size_of::<Option<SortKey>>();
        size_of::<Self>() + self.id.len() + keys + self.sort.iter().map(text).sum::<usize>()
    }
}

/// A running search, which documents are passed to one by one. It holds only the keys and sort values of the
/// hits up to the end of the page.
pub struct Finder<'s> {
    search: &'s Search,
    evaluator: Evaluator<'s>,
    budget: Budget,
    total: usize,
    hits: Vec<Hit>,
    held: usize,
}

impl Finder<'_> {
    /// Evaluates a document. `key` identifies it to the caller.
    pub fn visit(&mut self, key: u64, id: &str, json: &str) -> Result<(), OverBudget> {
        let candidate = Candidate { id, json };
        let Some(found) = self.evaluator.evaluate(candidate, &mut self.budget)? else {
            return Ok(());
        };
        self.total += 1;
        let page_end = self.search.page_end();
        if page_end == 0 {
            return Ok(());
        }
        let sorts = self.search.sort.iter().zip(found);
        let sort = sorts.map(|(sort, value)| Some(sort.key(value?))).collect();
        let hit = Hit { key, id: id.to_owned(), sort };
        self.held += hit.size();
        self.budget.check_held(self.held)?;
        self.hits.push(hit);
        // Hits beyond the end of the page are dropped in batches, because that takes sorting.
        if self.hits.len() == page_end + page_end.max(1_000) { self.keep_best() } else { Ok(()) }
    }

    /// The number of matching documents, and the keys of the hits on the page in order.
    pub fn finish(&mut self) -> Result<(usize, Vec<u64>), OverBudget> {
        self.keep_best()?;
        let page = self.hits.get(self.search.from..).unwrap_or_default();
        Ok((self.total, page.iter().map(|hit| hit.key).collect()))
    }

    /// The work charged to the budget so far.
    pub fn spent(&self) -> usize {
        self.budget.spent()
    }

    fn keep_best(&mut self) -> Result<(), OverBudget> {
        // Sorting compares each hit with at most this many others.
        let rounds = self.hits.len().checked_ilog2().map_or(0, |log| log as usize + 1);
        self.budget.spend(rounds * (16 * self.hits.len() + self.held / 2))?;
        let search = self.search;
        sort(&mut self.hits, &mut |a, b| {
            count_work(1);
            search.compare(a, b)
        });
        self.hits.truncate(search.page_end());
        self.held = self.hits.iter().map(Hit::size).sum();
        Ok(())
    }
}

impl Sort {
    fn key(&self, value: Scalar<'static>) -> SortKey {
        match (self.millis(&value).or_else(|| value.integer()), value) {
            (Some(number), _) => SortKey::Integer(number),
            (None, Scalar::Text(text)) => SortKey::Text(text.into_owned()),
            (None, Scalar::Literal(_)) => SortKey::Literal,
        }
    }

    /// The milliseconds since 1970 of a date, which dates are sorted by and shown as.
    fn millis(&self, value: &Scalar<'_>) -> Option<i64> {
        match (self.field.mapping, value) {
            (Mapping::Date, Scalar::Text(text)) => Some(Time::parse(text)?.millis()),
            _ => None,
        }
    }
}

impl Search {
    /// A filter on the indexed columns, to be applied first, in SQL. It ignores the patterns in `connectors`.
    pub fn prefilter(&self, now: Time) -> Prefilter<'_> {
        Prefilter::of(&self.query, now)
    }

    /// Starts the search.
    pub fn finder(&self, now: Time) -> Finder<'_> {
        Finder {
            search: self,
            evaluator: self.evaluator(now),
            budget: Budget::new(Purpose::Search),
            total: 0,
            hits: Vec::new(),
            held: 0,
        }
    }

    fn evaluator(&self, now: Time) -> Evaluator<'_> {
        let owner = match self.index {
            Index::Connectors => query::ID,
            Index::SyncJobs => "connector.id",
        };
        let patterns = self.connectors.as_deref().map(|patterns| (owner, patterns));
        Evaluator::new(&self.query, self.sort.iter().map(|sort| &sort.field), patterns, now)
    }

    /// The number of hits up to the end of the page.
    fn page_end(&self) -> usize {
        match self.view {
            View::Count => 0,
            View::Hits | View::List if self.size == 0 => 0,
            View::Hits | View::List => self.from.saturating_add(self.size),
        }
    }

    fn compare(&self, a: &Hit, b: &Hit) -> Ordering {
        let pairs = self.sort.iter().zip(a.sort.iter().zip(&b.sort));
        let mut by_values = pairs.map(|(sort, (a, b))| match (a, b) {
            (Some(a), Some(b)) if sort.descending => b.cmp(a),
            (Some(a), Some(b)) => a.cmp(b),
            // Missing values come last, in either direction.
            (a, b) => a.is_none().cmp(&b.is_none()),
        });
        let by_values = by_values.find(|order| order.is_ne()).unwrap_or(Ordering::Equal);
        by_values.then_with(|| a.id.cmp(&b.id))
    }

    /// Whether hits contain their sort values.
    pub fn shows_sort(&self) -> bool {
        self.view == View::Hits && !self.sort.is_empty()
    }

    /// Prints the hits of a page.
    pub fn printer(&self) -> HitPrinter<'_> {
        // These documents are known to match; only their sort values are evaluated.
        let fields = self.sort.iter().map(|sort| &sort.field);
        let evaluator = Evaluator::new(&Query::All, fields, None, Time::from_millis(0));
        HitPrinter { search: self, evaluator, budget: Budget::new(Purpose::Search) }
    }

    /// Whether hits contain their documents.
    pub fn shows_documents(&self) -> bool {
        self.parts.source != Source::Absent
    }

    /// Whether hits contain their whole documents.
    pub fn shows_whole_documents(&self) -> bool {
        self.parts.source == Source::Whole
    }

    /// The pieces of a hit, up to its sort values if it has any.
    pub fn pieces(&self) -> Vec<Piece> {
        let text = |text: &str| Piece::Text(text.to_owned());
        if self.view == View::List {
            return vec![text("{\"id\":"), Piece::Id, text(","), Piece::Members];
        }
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
        if self.shows_documents() {
            all.extend([text(",\"_source\":"), Piece::Document]);
        }
        all
    }

    /// The text before and after the hits of a page.
    pub fn frame(&self, total: usize, is_empty: bool) -> (String, &'static str) {
        let shards = r#"{"total":1,"successful":1,"failed":0}"#;
        match self.view {
            View::Count => (format!("{{\"count\":{total},\"_shards\":{shards}"), "}"),
            View::List => (format!("{{\"count\":{total},\"results\":["), "]}"),
            View::Hits => {
                let best = if is_empty || !self.sort.is_empty() { "null" } else { "1.0" };
                let next = self.from.saturating_add(self.size);
                let scroll =
                    self.scroll.as_ref().map(|it| format!("\"_scroll_id\":\"{}\",", it.id(next)));
                let scroll = scroll.unwrap_or_default();
                let head = format!(
                    "{{{scroll}\"took\":1,\"timed_out\":false,\"_shards\":{shards},\"hits\":{{\"total\":\
                     {{\"value\":{total},\"relation\":\"eq\"}},\"max_score\":{best},\"hits\":["
                );
                (head, "]}}")
            }
        }
    }
}

/// `GET /_connector/_sync_job`
pub(in crate::api) fn list_of_sync_jobs(query: &mut Parameters) -> Result<Search, ApiError> {
    let from = query.number("from", 0)?;
    let size = query.number("size", 100)?;
    check_window(from, size)?;
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
    let created_at = Field { path: "created_at".to_owned(), mapping: Mapping::Date };
    Ok(Search {
        index: Index::SyncJobs,
        query: Query::all_of(all),
        sort: vec![Sort { field: created_at, descending: true }],
        from,
        size,
        view: View::List,
        connectors: None,
        parts: HitParts::default(),
        scroll: None,
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
        parts: HitParts::default(),
        scroll: None,
    };
    if view == View::Hits && parameters.text("scroll").is_some() {
        search.scroll = Some(Scroll::of(request)?);
        // One page then holds every hit that a search can return.
        search.size = RESULT_WINDOW;
    }
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
        let source = parameters.text("_source");
        let [includes, excludes] =
            [parameters.list("_source_includes"), parameters.list("_source_excludes")];
        if source.is_some() || !includes.is_empty() || !excludes.is_empty() {
            let parts = Source::of_parameters(source.as_deref(), includes, excludes);
            search.parts.source = parts.ok_or_else(|| {
                Cause::illegal_argument("[_source] is too long: use fewer or shorter patterns")
            })?;
        }
        if search.scroll.is_some() && search.from > 0 {
            return Err(
                Cause::illegal_argument("using [from] is not allowed in a scroll context").into()
            );
        }
        check_window(search.from, search.size)?;
    }
    Ok(search)
}

/// Prints hits.
pub struct HitPrinter<'s> {
    search: &'s Search,
    evaluator: Evaluator<'s>,
    budget: Budget,
}

impl HitPrinter<'_> {
    /// The parts of a hit's document to return.
    pub fn document<'j>(&mut self, json: &'j str) -> Result<Cow<'j, str>, OverBudget> {
        self.search.parts.source.apply(json, &mut self.budget)
    }

    /// The sort values of a hit, which follow its document.
    pub fn sort_values(&mut self, id: &str, json: &str) -> Result<String, OverBudget> {
        let found = self.evaluator.evaluate(Candidate { id, json }, &mut self.budget)?;
        let mut found = found.unwrap_or_default().into_iter();
        let mut shown = Vec::new();
        for sort in &self.search.sort {
            shown.push(match found.next().flatten() {
                None => "null".to_owned(),
                Some(value) => match sort.millis(&value) {
                    Some(millis) => millis.to_string(),
                    None => value.to_json(),
                },
            });
        }
        Ok(format!(",\"sort\":[{}]", shown.join(",")))
    }
}

/// The supported syntax of a search, for error messages.
const SERVED: &str = r#"{"query": <query>, "from": <number>, "size": <number>, "sort": "<field>" or {"<field>": "asc" or "desc"} or a list of these, "seq_no_primary_term": <boolean>, "version": <boolean>, "_source": <boolean>, "<pattern>" or a list of these, "stored_fields": [], "track_total_hits": <any>}"#;

impl Search {
    fn read(&mut self, body: &Value) -> Result<(), String> {
        let index = self.index;
        let unsupported =
            |what: &str| format!("[{what}] is not supported in a search: use {SERVED}");
        let Value::Object(members) = body else { return Err(unsupported("")) };
        for (name, value) in members {
            let number = || value.as_u64().and_then(|number| usize::try_from(number).ok());
            let accepted = match (name.as_str(), self.view) {
                ("query", _) => {
                    self.query = query::parse(value, &|path| index.mapping(path))?;
                    Some(())
                }
                // A count has no page.
                (_, View::Count) => {
                    return Err(format!("[{name}] is not supported in a count: only [query] is"));
                }
                ("from", _) => number().map(|number| self.from = number),
                ("size", _) => number().map(|number| self.size = number),
                ("seq_no_primary_term", _) => value.as_bool().map(|it| self.parts.seq_no = it),
                ("version", _) => value.as_bool().map(|it| self.parts.version = it),
                ("_source", _) => Source::read(value).map(|it| self.parts.source = it),
                // There are no stored fields. As in Elasticsearch, an empty list omits the document unless
                // `_source` is given too.
                ("stored_fields", _) if value.as_array().is_some_and(Vec::is_empty) => {
                    if !members.contains_key("_source") {
                        self.parts.source = Source::Absent;
                    }
                    Some(())
                }
                // Hits are always counted exactly.
                ("track_total_hits", _) => Some(()),
                ("sort", _) => self.sort_by(value),
                _ => None,
            };
            accepted.ok_or_else(|| unsupported(name))?;
            if self.sort.len() > SORT_FIELDS {
                return Err(format!("a search sorts by at most [{SORT_FIELDS}] fields"));
            }
        }
        Ok(())
    }

    /// Parses `"f"`, `{"f": "asc"}`, `{"f": {"order": "asc"}}`, or a list of these.
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
        // `_doc` asks for any order.
        if path != "_doc" && self.sort.len() <= SORT_FIELDS {
            let field = Field { path: path.to_owned(), mapping: self.index.mapping(path) };
            self.sort.push(Sort { field, descending });
        }
    }
}
