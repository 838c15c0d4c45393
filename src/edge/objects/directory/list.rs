//! Lists of connectors: a page, and the total.
//!
//! | filter | rows read |
//! |---|---|
//! | none, status, service type, index name, name | the page |
//! | id prefixes | all ids with these prefixes, once after each change, for the total |
//! | `query`, other id patterns | all slim rows |

use std::cell::RefCell;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::summary::CauseCount;
use super::{Directory, failed};
use crate::api::{ApiError, List};
use crate::budget::{Budget, LOAD, OverBudget, Purpose};
use crate::directory::{Filter, Scan, ScanPrefix, Slim, Texts, ranges};
use crate::edge::runtime::{JsError, Page};
use crate::limits::{PAGE_BYTES, ROW_TEXT_BYTES};
use crate::secrets::Secrets;
use crate::values::sorted::{sort, unique};

/// The columns that are searched, in the order of the fields of [`Candidate`].
pub(super) const SEARCHED: [&str; 5] =
    ["index_name", "name", "service_type", "description", "error"];
const SCAN_FAILED: &str = "connectors cannot be looked at";
/// SQLite in Durable Objects allows at most this many terms in a compound SELECT.
const MERGED_SEARCHES: usize = 5;
/// With more index searches than this, one query sorts all matches instead.
const MAX_SEARCHES: usize = 40;
const CACHED_COUNTS: usize = 100;

/// Counts since the last change, so that paging does not count again.
#[derive(Default)]
pub(super) struct CountCache {
    counts: RefCell<HashMap<String, u64>>,
    /// Causes of errors, by the condition of the connectors.
    pub causes: RefCell<HashMap<String, Vec<CauseCount>>>,
}

impl CountCache {
    /// Call after every change.
    pub fn clear(&self) {
        self.counts.borrow_mut().clear();
        self.causes.borrow_mut().clear();
    }
}

/// An SQL expression and the values bound to it.
#[derive(Clone, Default)]
pub(super) struct SqlCondition {
    pub sql: String,
    pub values: Vec<Value>,
}

impl SqlCondition {
    pub fn and_all(self, other: &Self) -> Self {
        if other.sql.is_empty() { self } else { self.and(&other.sql, other.values.iter().cloned()) }
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
    /// A page of connectors, and the number of matches.
    ///
    /// # Errors
    /// 400 if the page is too large or the filter exceeds its budget.
    pub(super) fn list(&self, list: &List, secrets: Secrets) -> Result<Page, ApiError> {
        let failed = failed("the list cannot be made");
        let (count, keys) = if list.filter.needs_row_check() {
            let keys = self.matching_keys(&list.filter)?;
            (keys.len() as u64, page_of(keys.into_iter(), list))
        } else {
            let count = self.count(&list.filter).map_err(&failed)?;
            (count, self.page_keys(list).map_err(&failed)?)
        };
        let around = ["'{\"id\":' || json_quote(id) || ','", ""];
        let found = self.store.page("entry", secrets, around, &keys.sql, &keys.values, PAGE_BYTES);
        let (_, items) =
            found.map_err(failed)?.ok_or_else(|| ApiError::list_too_large(PAGE_BYTES))?;
        Ok(Page { before: format!("{{\"count\":{count},\"results\":["), items, after: "]}" })
    }

    fn count(&self, filter: &Filter) -> Result<u64, JsError> {
        let (sql, values) = match totals_condition(filter) {
            Some(SqlCondition { sql, values }) => {
                (format!("SELECT sum(count) AS count FROM total WHERE {sql}"), values)
            }
            None => {
                let SqlCondition { sql, values } = conditions(filter, None);
                (format!("SELECT count(*) AS count FROM entry WHERE {sql}"), values)
            }
        };
        self.cached_count(&sql, &values)
    }

    /// Runs a statement that returns a number in the column `count`, or returns its cached result.
    pub(super) fn cached_count(&self, sql: &str, values: &[Value]) -> Result<u64, JsError> {
        let cache_key = format!("{sql}{values:?}");
        if let Some(count) = self.count_cache.counts.borrow().get(&cache_key) {
            return Ok(*count);
        }
        let count = self.store.value(sql, values)?.unwrap_or_default();
        let mut counts = self.count_cache.counts.borrow_mut();
        if counts.len() < CACHED_COUNTS {
            counts.insert(cache_key, count);
        }
        Ok(count)
    }

    fn page_keys(&self, list: &List) -> Result<SqlCondition, JsError> {
        #[derive(Deserialize)]
        struct Row {
            key: u64,
            index_name: Option<String>,
            id: String,
        }
        let searches = match searches(&list.filter) {
            Some(searches) if searches.len() <= MERGED_SEARCHES => {
                return Ok(merged(searches, list));
            }
            Some(searches) => searches,
            None => vec![conditions(&list.filter, None)],
        };
        let mut rows: Vec<Row> = Vec::new();
        for SqlCondition { sql, mut values } in searches {
            let sql = format!(
                "SELECT json_array(key, index_name, id) FROM entry WHERE {sql} \
                 ORDER BY index_name IS NULL, index_name, id LIMIT ?"
            );
            values.push(((list.from + list.size) as u64).into());
            let mut problem = None;
            self.store.texts(&sql, &values, &mut |row| {
                match serde_json::from_str(&row) {
                    Ok(row) => rows.push(row),
                    Err(error) => problem = Some(error.to_string()),
                }
                problem.is_none()
            })?;
            if let Some(problem) = problem {
                return Err(problem.into());
            }
        }
        fn place(row: &Row) -> (bool, &Option<String>, &str) {
            (row.index_name.is_none(), &row.index_name, &row.id)
        }
        sort(&mut rows, &mut |a, b| place(a).cmp(&place(b)));
        Ok(page_of(rows.iter().map(|row| row.key), list))
    }

    /// The keys of the connectors that match the filter, in list order. Checks each candidate.
    fn matching_keys(&self, filter: &Filter) -> Result<Vec<u64>, ApiError> {
        let mut budget = Budget::new(Purpose::List);
        let mut condition = conditions(filter, None);
        if let Some(query) = &filter.query {
            let literal = query.split(['*', '?']).max_by_key(|piece| piece.len());
            let texts = ["index_name", "name", "lower(description)"];
            let columns = ["index_name", "name", "description"];
            let literal = literal.unwrap_or_default();
            condition =
                condition.and_all(&self.may_contain(&texts, &columns, literal, &mut budget)?);
        }
        let with_texts = filter.needs_texts();
        self.filter_rows(&condition, with_texts, &mut budget, &mut |row, budget| {
            Ok(filter.allows_id(&row.id, budget)?
                && (!with_texts || filter.matches_texts(row.texts(), budget)?))
        })
    }

    /// A condition for rows that may contain a literal: one of these texts (SQL expressions) contains it, or
    /// one of these columns is truncated.
    ///
    /// # Errors
    /// 400 if the scan exceeds the budget.
    pub(super) fn may_contain(
        &self,
        texts: &[&str],
        columns: &[&str],
        literal: &str,
        budget: &mut Budget,
    ) -> Result<SqlCondition, ApiError> {
        let prefix = ScanPrefix::of(literal, self.scan().map_err(failed(SCAN_FAILED))?, budget)?;
        let found = texts.iter().map(|text| format!("instr({text}, ?)"));
        let found = found.collect::<Vec<_>>().join(" OR ");
        Ok(SqlCondition {
            sql: format!("({found} OR {})", any_truncated(columns)),
            values: vec![prefix.as_str().into(); texts.len()],
        })
    }

    /// The size of a scan of all slim rows. Their bytes are counted only if that matters, as it reads all rows.
    fn scan(&self) -> Result<Scan, JsError> {
        // A key is never below the number of rows.
        let most = self.cached_count("SELECT max(key) AS count FROM entry", &[])?;
        let scan = Scan::of_at_most(most);
        if !scan.is_large() {
            return Ok(scan);
        }
        let bytes = SEARCHED.map(|column| format!("coalesce(octet_length({column}), 0)"));
        let bytes = format!("octet_length(id) + {}", bytes.join(" + "));
        let rows = self.cached_count("SELECT count(*) AS count FROM entry", &[])?;
        let sql = format!("SELECT sum({bytes}) AS count FROM entry");
        Ok(Scan::of(rows, self.cached_count(&sql, &[])?))
    }

    /// The keys of the connectors that fulfil a condition and pass a test, in list order. `with_texts`: the
    /// test gets their full texts.
    ///
    /// # Errors
    /// 400 if it exceeds the budget.
    pub(super) fn filter_rows(
        &self,
        condition: &SqlCondition,
        with_texts: bool,
        budget: &mut Budget,
        test: &mut dyn FnMut(&Candidate, &mut Budget) -> Result<bool, OverBudget>,
    ) -> Result<Vec<u64>, ApiError> {
        let texts = if with_texts {
            SEARCHED.map(full_text).join(", ")
        } else {
            "NULL, NULL, NULL, NULL, NULL".to_owned()
        };
        let sql = format!(
            "SELECT json_array(key, id, {texts}) FROM entry WHERE {} \
             ORDER BY index_name IS NULL, index_name, id",
            condition.sql
        );
        let mut keys = Vec::new();
        let mut problem = None;
        let scanned = self.store.texts(&sql, &condition.values, &mut |row| {
            // Longer texts come from the document.
            let loaded = row.len().saturating_sub(ROW_TEXT_BYTES);
            let checked =
                budget.spend(row.len() + LOAD * loaded).map_err(ApiError::from).and_then(|()| {
                    let row: Candidate = serde_json::from_str(&row)
                        .map_err(|error| failed(SCAN_FAILED)(error.to_string().into()))?;
                    if test(&row, budget)? {
                        keys.push(row.key);
                    }
                    Ok(())
                });
            problem = checked.err();
            problem.is_none()
        });
        scanned.map_err(failed(SCAN_FAILED))?;
        problem.map_or(Ok(keys), Err)
    }
}

/// A connector to check. The fields are in the order of the selected columns.
#[derive(Deserialize)]
pub(super) struct Candidate {
    pub key: u64,
    pub id: String,
    pub index_name: Option<String>,
    pub name: Option<String>,
    pub service_type: Option<String>,
    pub description: Option<String>,
    pub error: Option<String>,
}

impl Candidate {
    fn texts(&self) -> Texts<'_> {
        Texts {
            index_name: self.index_name.as_deref(),
            name: self.name.as_deref(),
            service_type: self.service_type.as_deref(),
            description: self.description.as_deref(),
        }
    }
}

/// An SQL expression for the full text of a column: from the document if the row's text is truncated.
fn full_text(column: &str) -> String {
    format!(
        "CASE WHEN octet_length({column}) > {ROW_TEXT_BYTES} THEN \
         (SELECT json ->> '$.{column}' FROM document WHERE document.key = entry.key) ELSE {column} END"
    )
}

/// A condition for rows in which one of these columns is truncated.
fn any_truncated(columns: &[&str]) -> String {
    let is_truncated = |column: &&str| format!("octet_length({column}) > {ROW_TEXT_BYTES}");
    columns.iter().map(is_truncated).collect::<Vec<_>>().join(" OR ")
}

/// A statement that returns the keys of the page, from the keys of all matches.
fn page_of(keys: impl Iterator<Item = u64>, list: &List) -> SqlCondition {
    let page: Vec<u64> = keys.skip(list.from).take(list.size).collect();
    let sql = "SELECT value AS key FROM json_each(?)".to_owned();
    SqlCondition { sql, values: vec![json_list(&page)] }
}

/// Index searches that together find all matches, each in list order: one for each value of one filter.
/// `None`: there would be too many.
fn searches(filter: &Filter) -> Option<Vec<SqlCondition>> {
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
        let start = SqlCondition::default().and("deleted = ?", [(*deleted).into()]);
        match by {
            None => searches.push(start.and_all(&rest)),
            Some((column, values)) => {
                let equals = match column {
                    "index_name" => "(index_name IS NULL) = 0 AND index_name = ?".to_owned(),
                    _ => format!("{column} = ?"),
                };
                // A value that is given twice must not return its connectors twice.
                for value in unique(values.clone()) {
                    let one = start.clone().and(&equals, [value.as_str().into()]);
                    searches.push(one.and_all(&rest));
                }
            }
        }
    }
    (searches.len() <= MAX_SEARCHES).then_some(searches)
}

/// A statement that returns the keys of the page. SQLite merges the searches.
fn merged(searches: Vec<SqlCondition>, list: &List) -> SqlCondition {
    let mut all = SqlCondition::default();
    for search in searches {
        let union = if all.sql.is_empty() { "" } else { " UNION ALL " };
        all.sql.push_str(&format!(
            "{union}SELECT key, index_name IS NULL, index_name, id FROM entry WHERE {}",
            search.sql
        ));
        all.values.extend(search.values);
    }
    let SqlCondition { sql, mut values } = all;
    values.extend([(list.size as u64).into(), (list.from as u64).into()]);
    SqlCondition {
        sql: format!("SELECT key FROM ({sql} ORDER BY 2, 3, 4 LIMIT ? OFFSET ?)"),
        values,
    }
}

/// All conditions of a filter, except its query and the column that an index search is already by.
fn conditions(filter: &Filter, searched_by: Option<&str>) -> SqlCondition {
    let mut all = SqlCondition::default();
    if searched_by.is_none() {
        all = all.and(if filter.include_deleted { "deleted < 2" } else { "deleted = 0" }, []);
    }
    let lists = [
        ("index_name", &filter.index_names),
        ("name", &filter.names),
        ("status", &filter.statuses),
        ("service_type", &filter.service_types),
    ];
    for (column, values) in lists {
        if !values.is_empty() && searched_by != Some(column) {
            let values: Vec<Slim<'_>> = values.iter().map(Slim::of).collect();
            let sql = format!("{column} IN (SELECT value FROM json_each(?))");
            all = all.and(&sql, [json_list(&values)]);
        }
    }
    if let Some(patterns) = &filter.ids {
        all = all.and_all(&may_match_ids(patterns, "id"));
    }
    all
}

/// A condition for rows whose id in the column may match one of the patterns. Exact if all patterns are ranges.
pub(super) fn may_match_ids(patterns: &[String], column: &str) -> SqlCondition {
    let sql = format!(
        "EXISTS (WITH range (low, high) AS MATERIALIZED \
         (SELECT value ->> 0, value ->> 1 FROM json_each(?)) \
         SELECT 1 FROM range WHERE {column} BETWEEN low AND high)"
    );
    SqlCondition { sql, values: vec![json_list(&ranges(patterns))] }
}

pub(super) fn with_keys(keys: &[u64]) -> SqlCondition {
    SqlCondition {
        sql: "key IN (SELECT value FROM json_each(?))".to_owned(),
        values: vec![json_list(keys)],
    }
}

/// The condition on the table of totals; `None` if totals cannot count the matches.
fn totals_condition(filter: &Filter) -> Option<SqlCondition> {
    let Filter { index_names, names, query, ids, .. } = filter;
    if !index_names.is_empty() || !names.is_empty() || query.is_some() || ids.is_some() {
        return None;
    }
    Some(conditions(filter, None))
}

/// A list as one value, for `json_each`.
pub(super) fn json_list<T: Serialize + ?Sized>(values: &T) -> Value {
    json!(values).to_string().into()
}
