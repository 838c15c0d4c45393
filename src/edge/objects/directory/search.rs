//! Searches: documents of the two indices, and the list of sync jobs.
//!
//! Where slim rows say all that is asked, SQL finds the page and counts; otherwise the documents
//! that they leave are looked at one by one.

use std::cell::Cell;

use serde::Deserialize;
use serde_json::Value;

use super::list::{Condition, are_ranges, list, within};
use super::{Directory, failed};
use crate::api::{ApiError, Index, Piece, Response, Row, SEQ_NO_LAG, Search, View};
use crate::edge::now;
use crate::edge::runtime::{JsError, Page};
use crate::limits::PAGE_BYTES;
use crate::query::{Column, Condition as Known};
use crate::sync_job::SyncJobStatus;

/// So many documents are looked at in one go.
const BATCH: usize = 200;

/// The version of a document. One that came from Workers KV becomes version 1 when its object is asked.
const VERSION: &str = "max(version, 1)";
/// The start of a document.
const DOCUMENT: &str = "'{'";

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

    /// Adds what is known to a condition; tells whether that is all of it.
    fn require(
        &self,
        all: Condition,
        known: &Known<'_>,
        shuns: Option<Column>,
    ) -> (Condition, bool) {
        let (Known::AnyOf(of, _) | Known::NoneOf(of, _) | Known::Between(of, ..)) = *known;
        let Some(name) = self.column(of) else { return (all, false) };
        let shunned = if shuns == Some(of) { "+" } else { "" };
        match *known {
            Known::AnyOf(Column::Deleted, values) => match values {
                // Documents that do not say it are not deleted either.
                [value] if value == "true" => (all.and("deleted = 1", []), true),
                [value] if value == "false" => (all.and("deleted = 0", []), false),
                _ => (all, false),
            },
            Known::NoneOf(Column::Deleted, values) => match values {
                [value] if value == "true" => (all.and("deleted = 0", []), true),
                _ => (all, false),
            },
            Known::AnyOf(_, values) => {
                let sql = format!("{shunned}{name} IN (SELECT value FROM json_each(?))");
                (all.and(&sql, [list(values)]), true)
            }
            Known::NoneOf(_, values) => {
                let sql =
                    format!("({name} IS NULL OR {name} NOT IN (SELECT value FROM json_each(?)))");
                (all.and(&sql, [list(values)]), true)
            }
            Known::Between(_, from, to) => {
                let ends = [(from, ">="), (to, "<=")];
                let ends = ends.into_iter().filter_map(|(end, sign)| Some((end?, sign)));
                let add = |all: Condition, (end, sign): (i64, &str)| {
                    all.and(&format!("{name} {sign} ?"), [Value::from(end)])
                };
                (ends.fold(all, add), false)
            }
        }
    }
}

impl Directory {
    /// Answers a search.
    ///
    /// # Errors
    /// 400 for a page that is too large, 500 if the database fails.
    pub(super) fn search(&self, search: &Search) -> Result<Found, ApiError> {
        let table = Table::of(search.index);
        let now = now();
        let prefilter = search.prefilter(now);
        let mut is_exact = prefilter.exact;
        let mut all = Condition::default().and(table.exists, []);
        // There are few jobs that are not over: they are found by status, not by connector.
        let shuns = prefilter.conditions.iter().any(is_of_few).then_some(Column::ConnectorId);
        for known in &prefilter.conditions {
            let (condition, is_all) = table.require(all, known, shuns);
            all = condition;
            is_exact &= is_all;
        }
        if let Some(patterns) = &search.connectors {
            all = all.and_all(&within(patterns, table.owner));
            is_exact &= are_ranges(patterns);
        }
        match order(search, table).filter(|_| is_exact) {
            Some(order) => self.page(search, table, all, &order),
            None => self.evaluate(search, table, all).map(|response| response.map(Found::Response)),
        }
        .map_err(failed("a search cannot be made"))?
        .filter(|found| match found {
            Found::Response(response) => response.body.len() <= PAGE_BYTES,
            Found::Page(_) => true,
        })
        .ok_or_else(ApiError::list_too_large)
    }

    /// The page is found by SQL. `None` if it is too large.
    fn page(
        &self,
        search: &Search,
        table: &Table,
        condition: Condition,
        order: &str,
    ) -> Result<Option<Found>, JsError> {
        if search.view == View::Count || search.size == 0 {
            let total = self.total(search, table, condition, 0)?;
            return Ok(Some(Found::Response(search.answer(total, []))));
        }
        let Condition { sql, mut values } = condition.clone();
        values.extend([(search.size as u64).into(), (search.from as u64).into()]);
        let name = table.name;
        let sql = format!("SELECT key FROM {name} WHERE {sql} ORDER BY {order} LIMIT ? OFFSET ?");
        let Some(pieces) = search.pieces() else {
            let Some(rows) = self.documents(table, &sql, &values)? else { return Ok(None) };
            let total = self.total(search, table, condition, rows.len())?;
            return Ok(Some(Found::Response(search.answer(total, rows))));
        };
        let (head, tail) = around_members(&pieces);
        let found = self.store.page(name, [&head, &tail], &sql, &values, PAGE_BYTES)?;
        let Some((count, items)) = found else { return Ok(None) };
        let total = self.total(search, table, condition, count)?;
        let (before, after) = search.frame(total, count == 0);
        Ok(Some(Found::Page(Page { before, items, after })))
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

    /// Each document that the condition leaves is looked at. `None` if they are too large.
    fn evaluate(
        &self,
        search: &Search,
        table: &Table,
        Condition { sql, values }: Condition,
    ) -> Result<Option<Response>, JsError> {
        #[derive(Deserialize)]
        struct Key {
            key: u64,
        }
        let sql = format!("SELECT key FROM {} WHERE {sql}", table.name);
        let keys: Vec<Key> = self.store.rows(&sql, &values)?;
        let stopped = Cell::new(None);
        let rows = keys.chunks(BATCH).flat_map(|keys| {
            let keys: Vec<u64> = keys.iter().map(|key| key.key).collect();
            let keys = serde_json::to_string(&keys).unwrap_or_default();
            let sql = "SELECT value AS key FROM json_each(?)";
            match self.documents(table, sql, &[keys.into()]) {
                Ok(Some(rows)) => rows,
                other => {
                    stopped.set(Some(other.map(drop)));
                    Vec::new()
                }
            }
        });
        let response = search.run(rows, now());
        match stopped.take() {
            None => Ok(Some(response)),
            Some(Ok(())) => Ok(None),
            Some(Err(thrown)) => Err(thrown),
        }
    }

    /// The documents whose keys a statement gives. `None` if they are too large.
    fn documents(
        &self,
        table: &Table,
        sql: &str,
        values: &[Value],
    ) -> Result<Option<Vec<Row>>, JsError> {
        let Some(text) = self.store.documents(table.name, sql, values, PAGE_BYTES)? else {
            return Ok(None);
        };
        let mut lines = text.lines();
        let mut rows = Vec::new();
        while let (Some(id), Some(version), Some(document)) =
            (lines.next(), lines.next(), lines.next())
        {
            rows.push(Row {
                id: serde_json::from_str(id).unwrap_or_default(),
                // One that came from Workers KV becomes version 1 when its object is asked.
                version: version.parse::<u64>().unwrap_or_default().max(1),
                document: document.to_owned(),
            });
        }
        Ok(Some(rows))
    }
}

/// What was found.
pub(super) enum Found {
    /// The response.
    Response(Response),
    /// Its body.
    Page(Page),
}

/// An expression for what stands before the members of a document, and what stands after it.
fn around_members(pieces: &[Piece]) -> (String, String) {
    let mut head = Vec::new();
    let mut tail = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) if head.last().is_some_and(|last| last == DOCUMENT) => {
                tail.push_str(text);
            }
            Piece::Text(text) => head.push(format!("'{}'", text.replace('\'', "''"))),
            Piece::Id => head.push("json_quote(id)".to_owned()),
            Piece::Version => head.push(VERSION.to_owned()),
            Piece::SeqNo => head.push(format!("({VERSION} - {SEQ_NO_LAG})")),
            Piece::Document => head.push(DOCUMENT.to_owned()),
        }
    }
    (head.join(" || "), tail)
}

/// Is it a condition that only jobs fulfil which are not over?
fn is_of_few(known: &Known<'_>) -> bool {
    let is_open =
        |name: &String| SyncJobStatus::parse(name).is_some_and(|status| !status.next().is_empty());
    matches!(known, Known::AnyOf(Column::Status, statuses) if statuses.iter().all(is_open))
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
