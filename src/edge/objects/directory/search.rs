//! Searches: documents of the two indices, and the list of sync jobs.
//!
//! Where slim rows say all that is asked, SQL finds the page and counts; otherwise the documents
//! that they leave are looked at one by one.

use serde_json::{Value, json};

use super::list::{Condition, within};
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

/// The version of a document. One that came from Workers KV becomes version 1 when its object is asked.
const VERSION: &str = "max(version, 1)";
/// A document, with the members that change often put back.
const WHOLE_DOCUMENT: &str = r#"'{"status":"' || status || '"'
    || iif(last_seen IS NULL, '', ',"last_seen":' || json_quote(last_seen))
    || iif(json = '{}', '}', ',' || substr(json, 2))"#;

/// Where the documents of an index are.
struct Table {
    name: &'static str,
    /// What holds of every row that is a document.
    exists: &'static str,
    /// The id of the connector whose document it is.
    owner: &'static str,
    /// The columns of what is known beforehand.
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

    /// What of these the columns say, and whether that is all. `room`: for so many conditions.
    fn all(
        &self,
        known: &[ColumnCondition<'_>],
        shuns: Option<Column>,
        room: &mut usize,
    ) -> (Condition, bool) {
        let mut is_all = true;
        let mut all = Condition::default();
        for known in known {
            let said = match known {
                ColumnCondition::AnyBranch(branches) => self.either(branches, room),
                known => self.one(known, shuns, room),
            };
            is_all &= said.as_ref().is_some_and(|(_, is_all)| *is_all);
            if let Some((condition, _)) = said {
                all = all.and_all(&condition);
            }
        }
        (all, is_all)
    }

    /// What the columns say where one of several branches must hold; `None` if they do not say
    /// something of each.
    fn either(
        &self,
        branches: &[Vec<ColumnCondition<'_>>],
        room: &mut usize,
    ) -> Option<(Condition, bool)> {
        let mut any = Condition { sql: "(0".to_owned(), values: Vec::new() };
        for branch in branches {
            let (all, _) = self.all(branch, None, room);
            if all.sql.is_empty() {
                return None;
            }
            any.sql.push_str(&format!(" OR ({})", all.sql));
            any.values.extend(all.values);
        }
        any.sql.push(')');
        Some((any, false))
    }

    /// What the column says, if there is one; and whether that is all.
    fn one(
        &self,
        known: &ColumnCondition<'_>,
        shuns: Option<Column>,
        room: &mut usize,
    ) -> Option<(Condition, bool)> {
        let (column, values) = match *known {
            ColumnCondition::AnyOf(column, values) | ColumnCondition::NoneOf(column, values) => {
                (column, Some(values))
            }
            ColumnCondition::Between(column, ..) => (column, None),
            ColumnCondition::AnyBranch(_) => return None,
        };
        let name = self.column(column)?;
        // A row has but the start of a long type.
        let is_cut = |values: &Terms| values.iter().any(|value| may_be_cut(value));
        if column == Column::ServiceType && values.is_some_and(is_cut) {
            return None;
        }
        *room = room.checked_sub(1)?;
        let new = |sql: &str, values: Vec<Value>| Condition::default().and(sql, values);
        let is_just = |value: &str| values.is_some_and(|it| it.len() == 1 && it.contains(value));
        let list = || vec![json!(values).to_string().into()];
        Some(match *known {
            // Documents that do not say it are not deleted either.
            ColumnCondition::AnyOf(Column::Deleted, _) if is_just("true") => {
                (new("deleted = 1", vec![]), true)
            }
            ColumnCondition::AnyOf(Column::Deleted, _) if is_just("false") => {
                (new("deleted = 0", vec![]), false)
            }
            ColumnCondition::NoneOf(Column::Deleted, _) if is_just("true") => {
                (new("deleted = 0", vec![]), true)
            }
            ColumnCondition::AnyOf(Column::Deleted, _)
            | ColumnCondition::NoneOf(Column::Deleted, _) => return None,
            ColumnCondition::AnyOf(..) => {
                let shunned = if shuns == Some(column) { "+" } else { "" };
                (new(&format!("{shunned}{name} IN (SELECT value FROM json_each(?))"), list()), true)
            }
            ColumnCondition::NoneOf(..) => {
                let sql =
                    format!("({name} IS NULL OR {name} NOT IN (SELECT value FROM json_each(?)))");
                (new(&sql, list()), true)
            }
            ColumnCondition::Between(_, from, to) => {
                let ends = [(from, ">="), (to, "<=")];
                let ends = ends.into_iter().filter_map(|(end, sign)| Some((end?, sign)));
                let add = |all: Condition, (end, sign): (i64, &str)| {
                    all.and(&format!("{name} {sign} ?"), [Value::from(end)])
                };
                (ends.fold(Condition::default(), add), false)
            }
            ColumnCondition::AnyBranch(_) => return None,
        })
    }
}

impl Directory {
    /// Answers a search.
    ///
    /// # Errors
    /// 400 for a page that is too large or takes too much work, 500 if the database fails.
    pub(super) fn search(&self, search: &Search, secrets: Secrets) -> Result<Found, ApiError> {
        let table = Table::of(search.index);
        let now = now();
        let prefilter = search.prefilter(now);
        // There are few jobs that are not over: they are found by status, not by connector.
        let shuns = prefilter.conditions.iter().any(is_of_few).then_some(Column::ConnectorId);
        let mut room = SQL_CONDITIONS;
        let (known, is_all) = table.all(&prefilter.conditions, shuns, &mut room);
        let mut is_exact = prefilter.exact && is_all;
        let mut all = Condition::default().and(table.exists, []).and_all(&known);
        if let Some(patterns) = &search.connectors {
            all = all.and_all(&within(patterns, table.owner));
            is_exact &= are_ranges(patterns);
        }
        let found = match order(search, table).filter(|_| is_exact) {
            Some(order) => self.find_by_sql(search, secrets, table, all, &order),
            None => self.find_one_by_one(search, secrets, table, all),
        };
        found.map_err(|problem| match problem {
            Problem::Thrown(thrown) => failed("a search cannot be made")(thrown),
            Problem::OverBudget(over) => over.into(),
            Problem::TooLarge(limit) => ApiError::list_too_large(limit),
        })
    }

    /// SQL finds the page and counts.
    fn find_by_sql(
        &self,
        search: &Search,
        secrets: Secrets,
        table: &Table,
        condition: Condition,
        order: &str,
    ) -> Result<Found, Problem> {
        if search.view == View::Count || search.size == 0 {
            return Ok(text(search, self.total(search, table, condition, 0)?));
        }
        let Condition { sql, mut values } = condition.clone();
        values.extend([(search.size as u64).into(), (search.from as u64).into()]);
        let name = table.name;
        let sql = format!("SELECT key FROM {name} WHERE {sql} ORDER BY {order} LIMIT ? OFFSET ?");
        let (count, items) = self.items(search, secrets, table, &sql, &values)?;
        let total = self.total(search, table, condition, count)?;
        Ok(page(search, total, count, items))
    }

    /// Each document that the condition leaves is looked at.
    fn find_one_by_one(
        &self,
        search: &Search,
        secrets: Secrets,
        table: &Table,
        Condition { sql, values }: Condition,
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

    /// The hits whose keys a statement gives, and how many.
    fn items(
        &self,
        search: &Search,
        secrets: Secrets,
        table: &Table,
        sql: &str,
        values: &[Value],
    ) -> Result<(usize, JsString), Problem> {
        let head = pieces(search);
        let end = if search.view == View::Hits { "}" } else { "" };
        let is_plain = search.shows_whole_documents() && !search.shows_sort();
        if is_plain {
            let around = [head.as_str(), end];
            let found = self.store.page(table.name, secrets, around, sql, values, PAGE_BYTES)?;
            return found.ok_or(Problem::TooLarge(PAGE_BYTES));
        }
        // What a hit is sorted by, and what it shows, is in its document.
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
            let sort = match search.shows_sort() {
                true => printer.sort_values(id, json),
                false => Ok(String::new()),
            };
            let document = match search.shows_documents() {
                true => printer.document(json),
                false => Ok("".into()),
            };
            match sort.and_then(|sort| Ok((sort, document?))) {
                Ok((sort, document)) => {
                    let comma = if count == 0 { "" } else { "," };
                    // The bracket is in the pieces.
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

    /// How many there are in all, if the page has `shown`.
    fn total(
        &self,
        search: &Search,
        table: &Table,
        Condition { sql, values }: Condition,
        shown: usize,
    ) -> Result<usize, JsError> {
        let is_last = shown < search.size && (search.from == 0 || shown > 0);
        if is_last && search.view != View::Count {
            return Ok(search.from + shown);
        }
        let sql = format!("SELECT count(*) AS count FROM {} WHERE {sql}", table.name);
        Ok(usize::try_from(self.remembered_count(&sql, &values)?).unwrap_or(usize::MAX))
    }
}

/// Why a search comes to nothing.
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

/// What was found.
pub(super) enum Found {
    /// The response.
    Response(Response),
    /// Its body.
    Page(Page),
}

/// The answer where there are no hits to show.
fn text(search: &Search, total: usize) -> Found {
    let (before, after) = search.frame(total, true);
    Found::Response(Response::text(200, format!("{before}{after}")))
}

fn page(search: &Search, total: usize, count: usize, items: JsString) -> Found {
    let (before, after) = search.frame(total, count == 0);
    Found::Page(Page { before, items, after })
}

/// An expression for what stands before the members of a document, or before the end of a hit that is
/// shown without.
fn pieces(search: &Search) -> String {
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

/// Is it a condition that only jobs fulfil which are not over?
fn is_of_few(known: &ColumnCondition<'_>) -> bool {
    let is_open =
        |name: &String| SyncJobStatus::parse(name).is_some_and(|status| !status.next().is_empty());
    matches!(known, ColumnCondition::AnyOf(Column::Status, statuses) if statuses.iter().all(is_open))
}

/// The order of a search in SQL; `None` if the columns do not say it.
fn order(search: &Search, table: &Table) -> Option<String> {
    let mut order = String::new();
    for sort in &search.sort {
        let column = table.column(Column::of(&sort.field)?)?;
        // As documents say it: whether they say it is not known here.
        if column == "deleted" {
            return None;
        }
        let direction = if sort.descending { " DESC" } else { "" };
        order.push_str(&format!("{column} IS NULL, {column}{direction}, "));
    }
    Some(order + "id")
}
