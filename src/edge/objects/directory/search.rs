//! Searches in the documents of the two indices, and the list of sync jobs.
//!
//! If slim rows can answer the whole search, SQL finds the page and counts. Otherwise SQL narrows down the
//! candidates, and their documents are checked one by one.

use serde_json::{Value, json};

use super::list::{SqlCondition, may_match_ids};
use super::store::documents_of;
use super::{Directory, failed};
use crate::api::{ApiError, Index, Piece, Response, SEQ_NO_LAG, Search, View};
use crate::budget::OverBudget;
use crate::directory::{are_ranges, may_be_cut};
use crate::edge::now;
use crate::edge::runtime::{JsError, JsString, Page};
use crate::limits::{EDITED_PAGE_BYTES, PAGE_BYTES, SQL_CONDITIONS};
use crate::query::{Column, ColumnCondition, Terms};
use crate::secrets::Secrets;
use crate::sync_job::SyncJobStatus;

/// The version of a document. An imported one becomes version 1 when its object adopts it.
const VERSION: &str = "max(version, 1)";
/// A document with the members that only its slim row stores.
const WHOLE_DOCUMENT: &str = r#"'{"status":"' || status || '"'
    || iif(last_seen IS NULL, '', ',"last_seen":' || json_quote(last_seen))
    || iif(json = '{}', '}', ',' || ltrim(json, '{'))"#;

/// The table of slim rows of an index.
struct Table {
    name: &'static str,
    /// The condition for rows that have a document.
    exists: &'static str,
    /// The column with the id of the connector that owns the document.
    owner: &'static str,
    columns: &'static [(Column, &'static str)],
}

static CONNECTORS: Table = Table {
    name: "entry",
    exists: "deleted < 2",
    owner: "id",
    columns: &[
        (Column::Id, "id"),
        (Column::Status, "status"),
        (Column::ServiceType, "service_type"),
        (Column::Deleted, "deleted"),
    ],
};

static SYNC_JOBS: Table = Table {
    name: "job",
    exists: "status IS NOT NULL",
    owner: "connector_id",
    columns: &[
        (Column::Id, "id"),
        (Column::ConnectorId, "connector_id"),
        (Column::Status, "status"),
        (Column::JobType, "job_type"),
        (Column::CreatedAt, "created_at"),
        (Column::LastSeen, "seen"),
    ],
};

impl Table {
    fn of(index: Index) -> &'static Self {
        match index {
            Index::Connectors => &CONNECTORS,
            Index::SyncJobs => &SYNC_JOBS,
        }
    }

    fn column(&self, of: Column) -> Option<&'static str> {
        self.columns.iter().find(|(column, _)| *column == of).map(|(_, name)| *name)
    }

    /// The SQL for all these conditions, and whether it is exact. `unindexed`: a column whose index must not
    /// be used; `room`: how many conditions the statement may still get.
    fn all_of(
        &self,
        conditions: &[ColumnCondition<'_>],
        unindexed: Option<Column>,
        room: &mut usize,
    ) -> (SqlCondition, bool) {
        let mut is_exact = true;
        let mut all = SqlCondition::default();
        for condition in conditions {
            let translated = match condition {
                ColumnCondition::AnyBranch(branches) => self.any_of(branches, room),
                condition => self.one(condition, unindexed, room),
            };
            is_exact &= translated.as_ref().is_some_and(|(_, is_exact)| *is_exact);
            if let Some((condition, _)) = translated {
                all = all.and_all(&condition);
            }
        }
        (all, is_exact)
    }

    /// The SQL for a condition that one of several branches must fulfil; `None` if no column narrows one of
    /// them down.
    fn any_of(
        &self,
        branches: &[Vec<ColumnCondition<'_>>],
        room: &mut usize,
    ) -> Option<(SqlCondition, bool)> {
        let mut any = SqlCondition { sql: "(0".to_owned(), values: Vec::new() };
        for branch in branches {
            let (all, _) = self.all_of(branch, None, room);
            if all.sql.is_empty() {
                return None;
            }
            any.sql.push_str(&format!(" OR ({})", all.sql));
            any.values.extend(all.values);
        }
        any.sql.push(')');
        Some((any, false))
    }

    /// The SQL for one condition, and whether it is exact; `None` if the columns cannot express it.
    fn one(
        &self,
        condition: &ColumnCondition<'_>,
        unindexed: Option<Column>,
        room: &mut usize,
    ) -> Option<(SqlCondition, bool)> {
        let (column, values) = match *condition {
            ColumnCondition::AnyOf(column, values) | ColumnCondition::NoneOf(column, values) => {
                (column, Some(values))
            }
            ColumnCondition::Between(column, ..) => (column, None),
            ColumnCondition::AnyBranch(_) => return None,
        };
        let name = self.column(column)?;
        // Rows store only the start of a long service type.
        let is_cut = |values: &Terms| values.iter().any(|value| may_be_cut(value));
        if column == Column::ServiceType && values.is_some_and(is_cut) {
            return None;
        }
        *room = room.checked_sub(1)?;
        let new = |sql: &str, values: Vec<Value>| SqlCondition::default().and(sql, values);
        let is_only = |value: &str| values.is_some_and(|it| it.len() == 1 && it.contains(value));
        let list = || vec![json!(values).to_string().into()];
        Some(match *condition {
            // Documents without the field are not deleted either.
            ColumnCondition::AnyOf(Column::Deleted, _) if is_only("true") => {
                (new("deleted = 1", vec![]), true)
            }
            ColumnCondition::AnyOf(Column::Deleted, _) if is_only("false") => {
                (new("deleted = 0", vec![]), false)
            }
            ColumnCondition::NoneOf(Column::Deleted, _) if is_only("true") => {
                (new("deleted = 0", vec![]), true)
            }
            ColumnCondition::AnyOf(Column::Deleted, _)
            | ColumnCondition::NoneOf(Column::Deleted, _) => return None,
            ColumnCondition::AnyOf(..) => {
                // A unary plus keeps SQLite from using the index.
                let plus = if unindexed == Some(column) { "+" } else { "" };
                (new(&format!("{plus}{name} IN (SELECT value FROM json_each(?))"), list()), true)
            }
            ColumnCondition::NoneOf(..) => {
                let sql =
                    format!("({name} IS NULL OR {name} NOT IN (SELECT value FROM json_each(?)))");
                (new(&sql, list()), true)
            }
            ColumnCondition::Between(_, from, to) => {
                let ends = [(from, ">="), (to, "<=")];
                let ends = ends.into_iter().filter_map(|(end, sign)| Some((end?, sign)));
                let add = |all: SqlCondition, (end, sign): (i64, &str)| {
                    all.and(&format!("{name} {sign} ?"), [Value::from(end)])
                };
                (ends.fold(SqlCondition::default(), add), false)
            }
            ColumnCondition::AnyBranch(_) => return None,
        })
    }
}

impl Directory {
    /// # Errors
    /// 400 if the page is too large or the search exceeds its budget.
    pub(super) fn search(&self, search: &Search, secrets: Secrets) -> Result<Found, ApiError> {
        let table = Table::of(search.index);
        let now = now();
        let prefilter = search.prefilter(now);
        // Few jobs are unfinished, so the index by status finds them faster than the one by connector.
        let unindexed =
            prefilter.conditions.iter().any(selects_unfinished_jobs).then_some(Column::ConnectorId);
        let mut room = SQL_CONDITIONS;
        let (condition, is_translated) = table.all_of(&prefilter.conditions, unindexed, &mut room);
        let mut is_exact = prefilter.exact && is_translated;
        let mut all = SqlCondition::default().and(table.exists, []).and_all(&condition);
        if let Some(patterns) = &search.connectors {
            all = all.and_all(&may_match_ids(patterns, table.owner));
            is_exact &= are_ranges(patterns);
        }
        let found = match order(search, table).filter(|_| is_exact) {
            Some(order) => self.find_by_sql(search, secrets, table, all, &order),
            None => self.find_by_documents(search, secrets, table, all),
        };
        found.map_err(|error| match error {
            Problem::Thrown(thrown) => failed("a search cannot be made")(thrown),
            Problem::OverBudget(over) => over.into(),
            Problem::TooLarge(limit) => ApiError::list_too_large(limit),
        })
    }

    /// Finds the page and counts in SQL.
    fn find_by_sql(
        &self,
        search: &Search,
        secrets: Secrets,
        table: &Table,
        condition: SqlCondition,
        order: &str,
    ) -> Result<Found, Problem> {
        if search.view == View::Count || search.size == 0 {
            return Ok(text(search, self.total(search, table, condition, 0)?));
        }
        let SqlCondition { sql, mut values } = condition.clone();
        values.extend([(search.size as u64).into(), (search.from as u64).into()]);
        let name = table.name;
        let sql = format!("SELECT key FROM {name} WHERE {sql} ORDER BY {order} LIMIT ? OFFSET ?");
        let (count, items) = self.items(search, secrets, table, &sql, &values)?;
        let total = self.total(search, table, condition, count)?;
        Ok(page(search, total, count, items))
    }

    /// Checks each document that fulfils the SQL condition.
    fn find_by_documents(
        &self,
        search: &Search,
        secrets: Secrets,
        table: &Table,
        SqlCondition { sql, values }: SqlCondition,
    ) -> Result<Found, Problem> {
        let sql = format!(
            "SELECT key || char(10) || {WHOLE_DOCUMENT} || char(10) || id \
             FROM {} CROSS JOIN {} USING (key) WHERE {sql}",
            table.name,
            documents_of(table.name, secrets)
        );
        let mut finder = search.finder(now());
        let mut over = None;
        self.store.texts(&sql, &values, &mut |text| {
            let mut lines = text.splitn(3, '\n');
            let key = lines.next().and_then(|key| key.parse().ok());
            if let (Some(key), Some(json), Some(id)) = (key, lines.next(), lines.next()) {
                over = finder.visit(key, id, json).err();
            }
            over.is_none()
        })?;
        if let Some(over) = over {
            return Err(over.into());
        }
        let (total, keys) = finder.finish()?;
        if keys.is_empty() {
            return Ok(text(search, total));
        }
        let keys: Vec<Value> = keys.into_iter().map(Value::from).collect();
        let values = [Value::from(Value::from(keys).to_string())];
        let sql = "SELECT value AS key FROM json_each(?)";
        let (count, items) = self.items(search, secrets, table, sql, &values)?;
        Ok(page(search, total, count, items))
    }

    /// The hits whose keys a statement returns, and their number.
    fn items(
        &self,
        search: &Search,
        secrets: Secrets,
        table: &Table,
        sql: &str,
        values: &[Value],
    ) -> Result<(usize, JsString), Problem> {
        let head = hit_head(search);
        let end = if search.view == View::Hits { "}" } else { "" };
        let is_plain = search.shows_whole_documents() && !search.shows_sort();
        if is_plain {
            let around = [head.as_str(), end];
            let found = self.store.page(table.name, secrets, around, sql, values, PAGE_BYTES)?;
            return found.ok_or(Problem::TooLarge(PAGE_BYTES));
        }
        // The sort values and the shown fields are read from the document.
        let sql = format!(
            "SELECT {head} || char(10) || {WHOLE_DOCUMENT} || char(10) || id \
             FROM ({sql}) CROSS JOIN {} USING (key) CROSS JOIN {} USING (key)",
            table.name,
            documents_of(table.name, secrets)
        );
        let mut printer = search.printer();
        let mut items = JsString::from("");
        let (mut count, mut problem) = (0, None);
        self.store.texts(&sql, values, &mut |text| {
            let mut lines = text.splitn(3, '\n');
            let [hit, json, id] = [(); 3].map(|()| lines.next().unwrap_or_default());
            let sort =
                if search.shows_sort() { printer.sort_values(id, json) } else { Ok(String::new()) };
            let document =
                if search.shows_documents() { printer.document(json) } else { Ok("".into()) };
            match sort.and_then(|sort| Ok((sort, document?))) {
                Ok((sort, document)) => {
                    let comma = if count == 0 { "" } else { "," };
                    // `head` contains the brace.
                    let document = document.strip_prefix('{').unwrap_or_default();
                    let item = [comma, hit, document, &sort, end].concat();
                    items = items.concat(&JsString::from(item));
                    count += 1;
                    if items.length() as usize > EDITED_PAGE_BYTES {
                        problem = Some(Problem::TooLarge(EDITED_PAGE_BYTES));
                    }
                }
                Err(over) => problem = Some(over.into()),
            }
            problem.is_none()
        })?;
        problem.map_or(Ok((count, items)), Err)
    }

    /// The total number of hits, if the page has `shown` hits.
    fn total(
        &self,
        search: &Search,
        table: &Table,
        SqlCondition { sql, values }: SqlCondition,
        shown: usize,
    ) -> Result<usize, JsError> {
        let is_last = shown < search.size && (search.from == 0 || shown > 0);
        if is_last && search.view != View::Count {
            return Ok(search.from + shown);
        }
        let sql = format!("SELECT count(*) AS count FROM {} WHERE {sql}", table.name);
        Ok(usize::try_from(self.cached_count(&sql, &values)?).unwrap_or(usize::MAX))
    }
}

/// Why a search failed.
enum Problem {
    Thrown(JsError),
    OverBudget(OverBudget),
    TooLarge(usize),
}

impl From<JsError> for Problem {
    fn from(thrown: JsError) -> Self {
        Self::Thrown(thrown)
    }
}

impl From<OverBudget> for Problem {
    fn from(over: OverBudget) -> Self {
        Self::OverBudget(over)
    }
}

/// The result of a search.
pub(super) enum Found {
    Response(Response),
    /// The body of a response, in JavaScript's memory.
    Page(Page),
}

/// The result without hits.
fn text(search: &Search, total: usize) -> Found {
    let (before, after) = search.frame(total, true);
    Found::Response(Response::text(200, format!("{before}{after}")))
}

fn page(search: &Search, total: usize, count: usize, items: JsString) -> Found {
    let (before, after) = search.frame(total, count == 0);
    Found::Page(Page { before, items, after })
}

/// An SQL expression for the start of a hit, up to the members of its document, if that is shown.
fn hit_head(search: &Search) -> String {
    let pieces = search.pieces().into_iter().filter_map(|piece| {
        Some(match piece {
            Piece::Text(text) => format!("'{}'", text.replace('\'', "''")),
            Piece::Id => "json_quote(id)".to_owned(),
            Piece::Version => VERSION.to_owned(),
            Piece::SeqNo => format!("({VERSION} - {SEQ_NO_LAG})"),
            Piece::Document => "'{'".to_owned(),
            Piece::Members => return None,
        })
    });
    pieces.collect::<Vec<_>>().join(" || ")
}

/// Whether only unfinished jobs fulfil the condition.
fn selects_unfinished_jobs(condition: &ColumnCondition<'_>) -> bool {
    let is_open =
        |name: &String| SyncJobStatus::parse(name).is_some_and(|status| !status.next().is_empty());
    matches!(condition, ColumnCondition::AnyOf(Column::Status, statuses) if statuses.iter().all(is_open))
}

/// The `ORDER BY` of a search; `None` if the columns cannot express it.
fn order(search: &Search, table: &Table) -> Option<String> {
    let mut order = String::new();
    for sort in &search.sort {
        let column = table.column(Column::of(&sort.field)?)?;
        // Documents without the field sort last, but the row does not say whether a document has it.
        if column == "deleted" {
            return None;
        }
        let direction = if sort.descending { " DESC" } else { "" };
        order.push_str(&format!("{column} IS NULL, {column}{direction}, "));
    }
    Some(order + "id")
}
