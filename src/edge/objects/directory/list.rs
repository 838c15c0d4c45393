//! Lists: a page of connectors, found by index, and how many there are.
//!
//! | a filter on | costs |
//! |---|---|
//! | nothing, status, service type, index name, name | the page |
//! | ids that start with something | those ids, for their number once per change |
//! | `query`, patterns of another form | every slim row |

use std::cell::RefCell;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::summary::Caused;
use super::{Directory, failed};
use crate::api::{ApiError, List};
use crate::budget::{Budget, OverBudget, Purpose};
use crate::directory::{Filter, Scan, ScanPrefix, Slim, Texts, ranges};
use crate::edge::runtime::{JsError, Page};
use crate::limits::{PAGE_BYTES, ROW_TEXT_BYTES};
use crate::secrets::Secrets;
use crate::values::sorted::{sort, unique};

/// The texts that are searched, in the order of a [`Candidate`].
pub(super) const SEARCHED: [&str; 5] =
    ["index_name", "name", "service_type", "description", "error"];
const LOOK_FAILED: &str = "connectors cannot be looked at";
/// Objects merge the results of at most so many searches.
const MERGED: usize = 5;
/// With more searches than this, all matches are sorted instead.
const SEARCHES: usize = 40;
/// So many counts are remembered.
const COUNTS: usize = 100;

/// What was counted since the last change: who turns pages need not have it counted anew.
#[derive(Default)]
pub(super) struct Counts {
    numbers: RefCell<HashMap<String, u64>>,
    /// Causes of errors, by the condition that they were counted under.
    pub causes: RefCell<HashMap<String, Vec<Caused>>>,
}

impl Counts {
    /// To be called when anything has changed.
    pub fn forget(&self) {
        self.numbers.borrow_mut().clear();
        self.causes.borrow_mut().clear();
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
    /// 400 for a page that is too large, or if too much has to be looked at; 500 if the database fails.
    pub(super) fn list(&self, list: &List, secrets: Secrets) -> Result<Page, ApiError> {
        let failed = failed("the list cannot be made");
        let (count, keys) = match list.filter.needs_row_check() {
            true => {
                let keys = self.admitted(&list.filter)?;
                (keys.len() as u64, these(keys.into_iter(), list))
            }
            false => {
                let count = self.count(&list.filter).map_err(&failed)?;
                (count, self.page_keys(list).map_err(&failed)?)
            }
        };
        let around = ["'{\"id\":' || json_quote(id) || ','", ""];
        let found = self.store.page("entry", secrets, around, &keys.sql, &keys.values, PAGE_BYTES);
        let (_, items) =
            found.map_err(failed)?.ok_or_else(|| ApiError::list_too_large(PAGE_BYTES))?;
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
        let question = format!("{sql}{values:?}");
        if let Some(count) = self.counts.numbers.borrow().get(&question) {
            return Ok(*count);
        }
        let count = self.store.value(sql, values)?.unwrap_or_default();
        let mut counts = self.counts.numbers.borrow_mut();
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
        Ok(these(rows.iter().map(|row| row.key), list))
    }

    /// The keys of the connectors that the filter admits, in the order of lists: each that may be one of
    /// them is looked at.
    fn admitted(&self, filter: &Filter) -> Result<Vec<u64>, ApiError> {
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
        self.look_at_each(&condition, with_texts, &mut budget, &mut |row, budget| {
            Ok(filter.allows_id(&row.id, budget)?
                && (!with_texts || filter.matches_texts(row.texts(), budget)?))
        })
    }

    /// A condition that holds of each row one of whose texts (expressions) may contain a literal, for the
    /// row has it, or has but the start of one of these columns.
    ///
    /// # Errors
    /// 400 if that is too much to look through, 500 if the database fails.
    pub(super) fn may_contain(
        &self,
        texts: &[&str],
        columns: &[&str],
        literal: &str,
        budget: &mut Budget,
    ) -> Result<Condition, ApiError> {
        let prefix = ScanPrefix::of(literal, self.scan().map_err(failed(LOOK_FAILED))?, budget)?;
        let found = texts.iter().map(|text| format!("instr({text}, ?)"));
        let found = found.collect::<Vec<_>>().join(" OR ");
        Ok(Condition {
            sql: format!("({found} OR {})", is_cut(columns)),
            values: vec![prefix.as_str().into(); texts.len()],
        })
    }

    /// All slim rows. Their bytes are counted only if it matters: that reads them.
    fn scan(&self) -> Result<Scan, JsError> {
        // A key is never below the number of rows.
        let most = self.remembered_count("SELECT max(key) AS count FROM entry", &[])?;
        let scan = Scan::of_at_most(most);
        if !scan.is_large() {
            return Ok(scan);
        }
        let bytes = SEARCHED.map(|column| format!("coalesce(octet_length({column}), 0)"));
        let bytes = format!("octet_length(id) + {}", bytes.join(" + "));
        let rows = self.remembered_count("SELECT count(*) AS count FROM entry", &[])?;
        let sql = format!("SELECT sum({bytes}) AS count FROM entry");
        Ok(Scan::of(rows, self.remembered_count(&sql, &[])?))
    }

    /// The keys of the connectors that fulfil a condition and pass a test, in the order of lists. Their
    /// texts are read whole, if they are read.
    ///
    /// # Errors
    /// 400 if that is too much, 500 if the database fails.
    pub(super) fn look_at_each(
        &self,
        condition: &Condition,
        with_texts: bool,
        budget: &mut Budget,
        test: &mut dyn FnMut(&Candidate, &mut Budget) -> Result<bool, OverBudget>,
    ) -> Result<Vec<u64>, ApiError> {
        let texts = match with_texts {
            true => SEARCHED.map(whole).join(", "),
            false => "NULL, NULL, NULL, NULL, NULL".to_owned(),
        };
        let sql = format!(
            "SELECT json_array(key, id, {texts}) FROM entry WHERE {} \
             ORDER BY index_name IS NULL, index_name, id",
            condition.sql
        );
        let mut keys = Vec::new();
        let mut problem = None;
        let looked = self.store.texts(&sql, &condition.values, &mut |row| {
            let looked = budget.spend(row.len()).map_err(ApiError::from).and_then(|()| {
                let row: Candidate = serde_json::from_str(&row)
                    .map_err(|error| failed(LOOK_FAILED)(error.to_string().into()))?;
                if test(&row, budget)? {
                    keys.push(row.key);
                }
                Ok(())
            });
            problem = looked.err();
            problem.is_none()
        });
        looked.map_err(failed(LOOK_FAILED))?;
        problem.map_or(Ok(keys), Err)
    }
}

/// A connector that is looked at, in the order of the columns.
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

/// An expression for a text of a connector: that of the row, or of the document if the row has but its
/// start.
fn whole(column: &str) -> String {
    format!(
        "CASE WHEN octet_length({column}) > {ROW_TEXT_BYTES} THEN \
         (SELECT json ->> '$.{column}' FROM document WHERE document.key = entry.key) ELSE {column} END"
    )
}

/// A condition that holds if one of these texts is in the row but with its start.
fn is_cut(columns: &[&str]) -> String {
    let cut = |column: &&str| format!("octet_length({column}) > {ROW_TEXT_BYTES}");
    columns.iter().map(cut).collect::<Vec<_>>().join(" OR ")
}

/// The keys of the page among those of all matches.
fn these(keys: impl Iterator<Item = u64>, wanted: &List) -> Condition {
    let page: Vec<u64> = keys.skip(wanted.from).take(wanted.size).collect();
    Condition { sql: "SELECT value AS key FROM json_each(?)".to_owned(), values: vec![list(&page)] }
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
                // What is asked for twice is shown once.
                for value in unique(values.clone()) {
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

/// All conditions of a filter but its query, and but for what a search is by already.
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
            let values: Vec<Slim<'_>> = values.iter().map(Slim::of).collect();
            all =
                all.and(&format!("{column} IN (SELECT value FROM json_each(?))"), [list(&values)]);
        }
    }
    if let Some(patterns) = &filter.ids {
        all = all.and_all(&within(patterns, "id"));
    }
    all
}

/// Ids in the column that may match one of the patterns; do match, if the patterns are ranges.
pub(super) fn within(patterns: &[String], column: &str) -> Condition {
    let sql = format!(
        "EXISTS (WITH range (low, high) AS MATERIALIZED \
         (SELECT value ->> 0, value ->> 1 FROM json_each(?)) \
         SELECT 1 FROM range WHERE {column} BETWEEN low AND high)"
    );
    Condition { sql, values: vec![list(&ranges(patterns))] }
}

/// The rows with these keys.
pub(super) fn with_keys(keys: &[u64]) -> Condition {
    Condition {
        sql: "key IN (SELECT value FROM json_each(?))".to_owned(),
        values: vec![list(keys)],
    }
}

/// The conditions on totals, if totals can say how many match.
fn filter_by_totals(filter: &Filter) -> Option<Condition> {
    let Filter { index_names, names, query, ids, .. } = filter;
    if !index_names.is_empty() || !names.is_empty() || query.is_some() || ids.is_some() {
        return None;
    }
    Some(conditions(filter, None))
}

/// A list as one value, for `json_each`.
pub(super) fn list<T: Serialize + ?Sized>(values: &T) -> Value {
    json!(values).to_string().into()
}
