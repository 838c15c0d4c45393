//! Lists: a page of connectors, found by index, and how many there are.
//!
//! | a filter on | costs |
//! |---|---|
//! | nothing, status, service type, index name, name | the page |
//! | ids that start with something | those ids, for their number once per change |
//! | `query`, patterns of another form | every slim row |

use std::cell::RefCell;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Directory, failed};
use crate::api::{ApiError, List};
use crate::budget::{Budget, Purpose};
use crate::directory::{Filter, Texts};
use crate::edge::runtime::{JsError, Page};
use crate::limits::PAGE_BYTES;

const FAILED: &str = "the list cannot be made";
/// Objects merge the results of at most so many searches.
const MERGED: usize = 5;
/// With more searches than this, all matches are sorted instead.
const SEARCHES: usize = 40;
/// So many counts are remembered.
const COUNTS: usize = 100;

/// Numbers of matches since the last change: who turns pages need not have them counted anew.
#[derive(Default)]
pub(super) struct Counts(RefCell<HashMap<String, u64>>);

impl Counts {
    /// To be called when anything has changed.
    pub fn forget(&self) {
        self.0.borrow_mut().clear();
    }
}

/// A condition and its values.
#[derive(Clone, Default)]
pub(super) struct Condition {
    pub sql: String,
    pub values: Vec<Value>,
}

impl Condition {
    pub fn and_all(self, other: &Self) -> Self {
        match other.sql.is_empty() {
            true => self,
            false => self.and(&other.sql, other.values.iter().cloned()),
        }
    }

    pub fn and(mut self, sql: &str, values: impl IntoIterator<Item = Value>) -> Self {
        if !self.sql.is_empty() {
            self.sql.push_str(" AND ");
        }
        self.sql.push_str(sql);
        self.values.extend(values);
        self
    }
}

impl Directory {
    /// A page of connectors, and how many match.
    ///
    /// # Errors
    /// 400 for a page that is too large, 500 if the database fails.
    pub(super) fn list(&self, list: &List) -> Result<Page, ApiError> {
        let failed = failed(FAILED);
        let (count, keys) = match scans(&list.filter) {
            true => self.scan(list)?,
            false => {
                let count = self.count(&list.filter).map_err(&failed)?;
                (count, self.page_keys(list).map_err(&failed)?)
            }
        };
        let around = ["'{\"id\":' || json_quote(id) || ','", ""];
        let found = self.store.page("entry", around, &keys.sql, &keys.values, PAGE_BYTES);
        let (_, items) = found.map_err(failed)?.ok_or_else(ApiError::list_too_large)?;
        Ok(Page { before: format!("{{\"count\":{count},\"results\":["), items, after: "]}" })
    }

    fn count(&self, filter: &Filter) -> Result<u64, JsError> {
        let condition = filter_by_totals(filter);
        let (sql, values) = match condition {
            Some(Condition { sql, values }) => {
                (format!("SELECT sum(count) AS count FROM total WHERE {sql}"), values)
            }
            None => {
                let Condition { sql, values } = conditions(filter, None);
                (format!("SELECT count(*) AS count FROM entry WHERE {sql}"), values)
            }
        };
        self.remembered_count(&sql, &values)
    }

    /// A count (as `count`), as long as nothing has changed from memory.
    pub(super) fn remembered_count(&self, sql: &str, values: &[Value]) -> Result<u64, JsError> {
        #[derive(Deserialize)]
        struct Count {
            count: Option<u64>,
        }
        let question = format!("{sql}{values:?}");
        if let Some(count) = self.counts.0.borrow().get(&question) {
            return Ok(*count);
        }
        let rows: Vec<Count> = self.store.rows(sql, values)?;
        let count = rows.first().and_then(|row| row.count).unwrap_or_default();
        let mut counts = self.counts.0.borrow_mut();
        if counts.len() < COUNTS {
            counts.insert(question, count);
        }
        Ok(count)
    }

    /// The keys of the page.
    fn page_keys(&self, list: &List) -> Result<Condition, JsError> {
        #[derive(Deserialize)]
        struct Row {
            key: u64,
            index_name: Option<String>,
            id: String,
        }
        let searches = match searches(&list.filter) {
            Some(searches) if searches.len() <= MERGED => return Ok(merged(searches, list)),
            Some(searches) => searches,
            None => vec![conditions(&list.filter, None)],
        };
        let mut rows: Vec<Row> = Vec::new();
        for Condition { sql, mut values } in searches {
            let sql = format!(
                "SELECT key, index_name, id FROM entry WHERE {sql} \
                 ORDER BY index_name IS NULL, index_name, id LIMIT ?"
            );
            values.push(((list.from + list.size) as u64).into());
            rows.extend(self.store.rows::<Row>(&sql, &values)?);
        }
        fn place(row: &Row) -> (bool, &Option<String>, &str) {
            (row.index_name.is_none(), &row.index_name, &row.id)
        }
        rows.sort_unstable_by(|a, b| place(a).cmp(&place(b)));
        Ok(these(rows.iter().map(|row| row.key), list))
    }

    /// Looks at every slim row that may match.
    fn scan(&self, list: &List) -> Result<(u64, Condition), ApiError> {
        #[derive(Deserialize)]
        struct Row {
            key: u64,
            id: String,
            index_name: Option<String>,
            name: Option<String>,
            description: Option<String>,
        }
        let Condition { sql, values } = conditions(&list.filter, None);
        let sql = format!(
            "SELECT key, id, index_name, name, description FROM entry WHERE {sql} \
             ORDER BY index_name IS NULL, index_name, id"
        );
        let rows: Vec<Row> = self.store.rows(&sql, &values).map_err(failed(FAILED))?;
        let filter = &list.filter;
        let mut budget = Budget::of(Purpose::List);
        let mut keys = Vec::new();
        for row in &rows {
            let texts = Texts {
                index_name: row.index_name.as_deref(),
                name: row.name.as_deref(),
                description: row.description.as_deref(),
            };
            if filter.covers(&row.id, &mut budget)? && filter.finds(texts, &mut budget)? {
                keys.push(row.key);
            }
        }
        Ok((keys.len() as u64, these(keys.into_iter(), list)))
    }
}

/// The keys of the page among those of all matches.
fn these(keys: impl Iterator<Item = u64>, list: &List) -> Condition {
    let page: Vec<u64> = keys.skip(list.from).take(list.size).collect();
    let page = serde_json::to_string(&page).unwrap_or_default();
    Condition { sql: "SELECT value AS key FROM json_each(?)".to_owned(), values: vec![page.into()] }
}

/// Searches by index that together find all matches, each in the order of lists: one for each value
/// of one filter. `None`: that would be too many.
fn searches(filter: &Filter) -> Option<Vec<Condition>> {
    let by = [
        ("index_name", &filter.index_names),
        ("name", &filter.names),
        ("status", &filter.statuses),
        ("service_type", &filter.service_types),
    ];
    let by = by.into_iter().find(|(_, values)| !values.is_empty());
    let rest = conditions(filter, Some(by.map_or("", |(column, _)| column)));
    let deleted: &[u64] = if filter.include_deleted { &[0, 1] } else { &[0] };
    let mut searches = Vec::new();
    for deleted in deleted {
        let start = Condition::default().and("deleted = ?", [(*deleted).into()]);
        match by {
            None => searches.push(start.and_all(&rest)),
            Some((column, values)) => {
                let equals = match column {
                    "index_name" => "(index_name IS NULL) = 0 AND index_name = ?".to_owned(),
                    _ => format!("{column} = ?"),
                };
                for value in values {
                    let one = start.clone().and(&equals, [value.as_str().into()]);
                    searches.push(one.and_all(&rest));
                }
            }
        }
    }
    (searches.len() <= SEARCHES).then_some(searches)
}

/// The keys of the page, of searches that SQLite merges.
fn merged(searches: Vec<Condition>, list: &List) -> Condition {
    let mut all = Condition::default();
    for search in searches {
        let union = if all.sql.is_empty() { "" } else { " UNION ALL " };
        all.sql.push_str(&format!(
            "{union}SELECT key, index_name IS NULL, index_name, id FROM entry WHERE {}",
            search.sql
        ));
        all.values.extend(search.values);
    }
    let Condition { sql, mut values } = all;
    values.extend([(list.size as u64).into(), (list.from as u64).into()]);
    Condition { sql: format!("SELECT key FROM ({sql} ORDER BY 2, 3, 4 LIMIT ? OFFSET ?)"), values }
}

/// All conditions of a filter, but for what a search is by already.
fn conditions(filter: &Filter, searched_by: Option<&str>) -> Condition {
    let mut all = Condition::default();
    if searched_by.is_none() {
        all = match filter.include_deleted {
            true => all.and("deleted < 2", []),
            false => all.and("deleted = 0", []),
        };
    }
    let lists = [
        ("index_name", &filter.index_names),
        ("name", &filter.names),
        ("status", &filter.statuses),
        ("service_type", &filter.service_types),
    ];
    for (column, values) in lists {
        if !values.is_empty() && searched_by != Some(column) {
            all = all.and(&format!("{column} IN (SELECT value FROM json_each(?))"), [list(values)]);
        }
    }
    if let Some(patterns) = &filter.ids {
        all = all.and_all(&within(patterns, "id"));
    }
    if let Some(query) = &filter.query {
        let literal = query.split(['*', '?']).max_by_key(|piece| piece.len()).unwrap_or_default();
        all = all.and(
            "(instr(index_name, ?) OR instr(name, ?) OR instr(lower(description), ?))",
            [literal.into(), literal.into(), literal.into()],
        );
    }
    all
}

/// Ids in the column that may match one of the patterns; do match, if the patterns are ranges.
pub(super) fn within(patterns: &[String], column: &str) -> Condition {
    let ranges: Vec<(&str, &str)> = patterns.iter().map(|pattern| literal_start(pattern)).collect();
    let range = format!("({column} >= ? AND {column} < ?)");
    let sql: Vec<&str> = ranges.iter().map(|_| range.as_str()).collect();
    let values = ranges.iter().flat_map(|(start, rest)| match rest.is_empty() {
        // The id itself: the next longer one is no match.
        true => [(*start).into(), format!("{start}\0").into()],
        false => [(*start).into(), format!("{start}{}", char::MAX).into()],
    });
    Condition { sql: format!("({})", sql.join(" OR ")), values: values.collect() }
}

/// The conditions on totals, if totals can say how many match.
fn filter_by_totals(filter: &Filter) -> Option<Condition> {
    let Filter { index_names, names, query, ids, .. } = filter;
    if !index_names.is_empty() || !names.is_empty() || query.is_some() || ids.is_some() {
        return None;
    }
    Some(conditions(filter, None))
}

/// Whether rows must be looked at one by one.
fn scans(filter: &Filter) -> bool {
    filter.query.is_some() || filter.ids.as_ref().is_some_and(|ids| !are_ranges(ids))
}

/// Does each of the patterns stand for a range of ids?
pub(super) fn are_ranges(patterns: &[String]) -> bool {
    patterns.iter().all(|pattern| matches!(literal_start(pattern).1, "" | "*"))
}

/// What a pattern starts with, and the rest of it from the first wildcard on.
fn literal_start(pattern: &str) -> (&str, &str) {
    let end = pattern.find(['*', '?']).unwrap_or(pattern.len());
    pattern.split_at_checked(end).unwrap_or((pattern, ""))
}

pub(super) fn list(values: &[String]) -> Value {
    serde_json::to_string(values).unwrap_or_default().into()
}
