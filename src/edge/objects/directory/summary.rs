//! The triage list: a page of slim rows, and counts.
//!
//! | request | rows read |
//! |---|---|
//! | sorted by urgency or name, with or without statuses | the page |
//! | other sort orders, words, only silent connectors, id patterns | all slim rows |
//!
//! The causes of errors read a row for each connector with an error, once after each change.
//!
//! Finding silent connectors also reads all slim rows. The result is cached for a minute, unless a silent
//! connector is written or a connector is imported.

use std::cell::RefCell;
use std::rc::Rc;

use serde::Serialize;
use serde_json::{Map, Value};

use super::list::{Candidate, SEARCHED, SqlCondition, json_list, may_match_ids, with_keys};
use super::{Directory, failed};
use crate::api::{ApiError, Response};
use crate::budget::{Budget, Purpose};
use crate::directory::cause::cause;
use crate::directory::{Entry, SortField, SummaryRequest, URGENCY, are_ranges, matches_any};
use crate::edge::runtime::{JsError, from_row, now_millis};
use crate::limits::{PAGE_BYTES, RESULT_WINDOW};
use crate::status::Status;
use crate::values::sorted::{merge, sort};
use crate::values::{Time, json};

/// The response lists this many service types, those with the most connectors.
const TYPE_LIMIT: usize = 100;
/// The response lists this many causes, those with the most connectors.
const CAUSE_LIMIT: usize = 20;
/// The maximum number of distinct error texts that are grouped by cause.
const ERROR_LIMIT: usize = 10_000;
const CACHED_CAUSES: usize = 16;
/// Statuses in which a silent connector indicates a problem.
const WORKING: [&str; 2] = [Status::Configured.name(), Status::Connected.name()];
/// How long the silent connectors are cached.
const SILENCE_CACHE_MS: u64 = 60_000;
/// An SQL expression for a row of the response.
const ROW: &str = "json_object('id', id, 'version', version, 'name', name, 'index_name', index_name, \
                   'service_type', service_type, 'description', description, 'status', status, \
                   'since', since, 'last_seen', last_seen, 'error', error, 'last_synced', last_synced, \
                   'last_sync_status', last_sync_status, \
                   'last_indexed_document_count', last_indexed_document_count)";

/// The number of connectors with this status, service type and silence.
#[derive(Clone)]
struct Group {
    status: String,
    service_type: String,
    silent: u64,
    count: u64,
}
from_row!(Group { status, service_type, silent, count });

/// The number of connectors whose errors have the same cause.
#[derive(Clone, Serialize)]
pub(super) struct CauseCount {
    cause: String,
    count: u64,
    /// The error texts with this cause.
    #[serde(skip)]
    errors: Vec<String>,
}

/// The cached silent connectors.
#[derive(Default)]
pub(super) struct SilenceCache(RefCell<Option<SilenceScan>>);

#[derive(Clone)]
struct SilenceScan {
    at: u64,
    groups: Vec<Group>,
    /// The keys of those with a [`WORKING`] status as a JSON array, most recently seen first. Contains no
    /// more than lists can page through.
    keys: Rc<str>,
}

impl SilenceCache {
    pub(super) fn clear(&self) {
        self.0.replace(None);
    }
}

/// A summary without its rows.
#[derive(Serialize)]
struct SummaryHead<'a> {
    total: u64,
    count: u64,
    by_status: Map<String, Value>,
    by_service_type: Map<String, Value>,
    silent: u64,
    silent_after_seconds: u64,
    causes: &'a [CauseCount],
}

/// The sum for each name, sorted by name.
fn summed(mut counts: Vec<(&str, u64)>) -> Vec<(&str, u64)> {
    merge(&mut counts, &mut |a, b| a.0.cmp(b.0), &mut |first, it| first.1 += it.1);
    counts
}

fn as_object(counts: Vec<(&str, u64)>) -> Map<String, Value> {
    counts.into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect()
}

/// The rows of a page, as comma-separated JSON.
#[derive(Default)]
struct Rows {
    count: usize,
    text: String,
}

impl Rows {
    /// Adds a row. Returns whether there is room for more.
    fn add(&mut self, row: &str) -> bool {
        if self.count > 0 {
            self.text.push(',');
        }
        self.text.push_str(row);
        self.count += 1;
        !self.are_too_large()
    }

    fn are_too_large(&self) -> bool {
        self.text.len() > PAGE_BYTES
    }
}

impl Directory {
    /// # Errors
    /// 400 if the page is too large or the request exceeds its budget.
    pub(super) fn summary(&self, summary: &SummaryRequest) -> Result<Response, ApiError> {
        let failed = failed("the summary cannot be made");
        let now = now_millis();
        let cutoff = self.silence_cutoff(now);
        let mut budget = Budget::new(Purpose::List);
        let visible = self.visible(summary, &mut budget)?;
        let found = self.with_words(summary, &visible, &mut budget)?;
        let mut causes = self.causes(&filtered(summary, &found, &cutoff)).map_err(&failed)?;
        causes.truncate(CAUSE_LIMIT);
        let scope = self.with_cause(summary, found).map_err(&failed)?;
        let head =
            self.summary_head(summary, &visible, &scope, &cutoff, now, &causes).map_err(&failed)?;
        let rows = self.summary_rows(summary, scope, &cutoff).map_err(failed)?;
        if rows.are_too_large() {
            return Err(ApiError::list_too_large(PAGE_BYTES));
        }
        let members = head.strip_suffix('}').unwrap_or_default();
        Ok(Response::text(200, format!("{members},\"results\":[{}]}}", rows.text)))
    }

    /// The counts of a summary, as JSON.
    fn summary_head(
        &self,
        summary: &SummaryRequest,
        visible: &SqlCondition,
        scope: &SqlCondition,
        cutoff: &str,
        now: u64,
        causes: &[CauseCount],
    ) -> Result<String, JsError> {
        let scans = !summary.words.is_empty()
            || summary.silent
            || summary.ids.is_some()
            || summary.cause.is_some()
            || summary.deleted;
        let (groups, silent) = if scans {
            let groups = self.groups(scope, cutoff)?;
            let is_silent = |group: &&Group| group.silent == 1;
            let silent: Vec<Group> = groups.iter().filter(is_silent).cloned().collect();
            (groups, silent)
        } else {
            let sql =
                "SELECT status, service_type, 0 AS silent, count FROM total WHERE deleted = 0";
            (self.store.rows(sql, &[])?, self.silent_groups(cutoff, now)?)
        };
        let has_status =
            |group: &Group| summary.statuses.is_empty() || summary.statuses.contains(&group.status);
        let has_type = |group: &Group| {
            summary.service_types.is_empty() || summary.service_types.contains(&group.service_type)
        };
        let has_silence = |group: &Group| !summary.silent || group.silent == 1;
        let sum = |groups: &[Group], is_counted: &dyn Fn(&Group) -> bool| -> u64 {
            groups.iter().filter(|group| is_counted(group)).map(|group| group.count).sum()
        };
        let mut by_status: Vec<_> = URGENCY.iter().map(|status| (status.name(), 0)).collect();
        let mut by_type = Vec::new();
        for group in groups.iter().filter(|group| has_silence(group)) {
            if has_type(group) {
                by_status.push((group.status.as_str(), group.count));
            }
            if has_status(group) {
                by_type.push((group.service_type.as_str(), group.count));
            }
        }
        let mut types = summed(by_type);
        types.retain(|(_, count)| *count > 0);
        sort(&mut types, &mut |a, b| b.1.cmp(&a.1));
        types.truncate(TYPE_LIMIT);
        let total = match (&summary.ids, scans) {
            (None, false) => sum(&groups, &|_| true),
            (None, true) => {
                let sql = "SELECT sum(count) AS count FROM total WHERE deleted = ?";
                self.cached_count(sql, &[u64::from(summary.deleted).into()])?
            }
            (Some(_), _) => {
                let sql = format!("SELECT count(*) AS count FROM entry WHERE {}", visible.sql);
                self.cached_count(&sql, &visible.values)?
            }
        };
        let head = SummaryHead {
            total,
            count: sum(&groups, &|it| has_status(it) && has_type(it) && has_silence(it)),
            by_status: as_object(summed(by_status)),
            by_service_type: as_object(summed(types)),
            silent: sum(&silent, &|it| has_status(it) && has_type(it)),
            silent_after_seconds: self.settings().silent_after_seconds(),
            causes,
        };
        Ok(json::to_text(&head)?)
    }

    /// The connectors that the caller may see.
    fn visible(
        &self,
        summary: &SummaryRequest,
        budget: &mut Budget,
    ) -> Result<SqlCondition, ApiError> {
        let deleted = if summary.deleted { "deleted = 1" } else { "deleted = 0" };
        let all = SqlCondition::default().and(deleted, []);
        let Some(patterns) = summary.ids.as_deref() else { return Ok(all) };
        let may_match = all.and_all(&may_match_ids(patterns, "id"));
        if are_ranges(patterns) {
            return Ok(may_match);
        }
        let is_visible =
            &mut |row: &Candidate, budget: &mut Budget| matches_any(patterns, &row.id, budget);
        Ok(with_keys(&self.filter_rows(&may_match, false, budget, is_visible)?))
    }

    /// The visible connectors that contain all words. Statuses, types and silence are filtered later.
    fn with_words(
        &self,
        summary: &SummaryRequest,
        visible: &SqlCondition,
        budget: &mut Budget,
    ) -> Result<SqlCondition, ApiError> {
        let Some(longest) = summary.words.iter().max_by_key(|word| word.len()) else {
            return Ok(visible.clone());
        };
        let texts = SEARCHED.map(|column| format!("coalesce({column}, '')"));
        let texts = format!("lower(id || char(10) || {})", texts.join(" || char(10) || "));
        let may_contain = self.may_contain(&[&texts], &SEARCHED, longest, budget)?;
        let may_match = visible.clone().and_all(&may_contain);
        let has_all_words = &mut |row: &Candidate, budget: &mut Budget| {
            let texts = row.all_texts();
            budget.spend(texts.len())?;
            for word in &summary.words {
                budget.spend(texts.len())?;
                if !texts.contains(word.as_str()) {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        Ok(with_keys(&self.filter_rows(&may_match, true, budget, has_all_words)?))
    }

    /// The connectors of a scope whose error has the requested cause.
    fn with_cause(
        &self,
        summary: &SummaryRequest,
        scope: SqlCondition,
    ) -> Result<SqlCondition, JsError> {
        let Some(cause) = &summary.cause else { return Ok(scope) };
        let causes = self.causes(&scope)?;
        let errors = causes.into_iter().find(|it| it.cause == *cause).map(|it| it.errors);
        let of_cause = "status = 'error' AND error IN (SELECT value FROM json_each(?))";
        Ok(scope.and(of_cause, [json_list(&errors.unwrap_or_default())]))
    }

    /// The causes of errors, those with the most connectors first. Reads a row for each connector with an
    /// error, once after each change.
    fn causes(&self, all: &SqlCondition) -> Result<Vec<CauseCount>, JsError> {
        struct ErrorCount {
            error: String,
            count: u64,
        }
        from_row!(ErrorCount { error, count });
        let cache_key = format!("{}{:?}", all.sql, all.values);
        if let Some(cached) = self.count_cache.causes.borrow().get(&cache_key) {
            return Ok(cached.clone());
        }
        let sql = format!(
            "SELECT error, count(*) AS count FROM entry WHERE {} AND status = 'error' \
             AND coalesce(error, '') <> '' GROUP BY error LIMIT {ERROR_LIMIT}",
            all.sql
        );
        let with_cause = |ErrorCount { error, count }| CauseCount {
            cause: cause(&error),
            count,
            errors: vec![error],
        };
        let errors = self.store.rows::<ErrorCount>(&sql, &all.values)?;
        let mut causes: Vec<CauseCount> = errors.into_iter().map(with_cause).collect();
        merge(&mut causes, &mut |a, b| a.cause.cmp(&b.cause), &mut |first, it| {
            first.count += it.count;
            first.errors.append(&mut it.errors);
        });
        sort(&mut causes, &mut |a, b| b.count.cmp(&a.count));
        let mut cache = self.count_cache.causes.borrow_mut();
        if cache.len() < CACHED_CAUSES {
            cache.insert(cache_key, causes.clone());
        }
        Ok(causes)
    }

    /// How many connectors have an error with this cause.
    pub(super) fn sharing_cause(&self, cause: &str) -> Result<u64, JsError> {
        let all = SqlCondition::default().and("deleted = 0", []);
        let causes = self.causes(&all)?;
        Ok(causes.iter().find(|it| it.cause == cause).map_or(0, |it| it.count))
    }

    fn groups(&self, scope: &SqlCondition, cutoff: &str) -> Result<Vec<Group>, JsError> {
        let sql = format!(
            "SELECT coalesce(status, '') AS status, coalesce(service_type, '') AS service_type, \
             coalesce(last_seen <= ?, 0) AS silent, count(*) AS count FROM entry WHERE {} \
             GROUP BY 1, 2, 3",
            scope.sql
        );
        let mut values = vec![cutoff.into()];
        values.extend(scope.values.iter().cloned());
        self.store.rows(&sql, &values)
    }

    /// The number of silent connectors, at most a minute old.
    pub(super) fn silent_count(&self, now: u64) -> Result<u64, JsError> {
        Ok(self
            .silent_groups(&self.silence_cutoff(now), now)?
            .iter()
            .map(|group| group.count)
            .sum())
    }

    /// Connectors last seen at or before this time are silent.
    fn silence_cutoff(&self, now: u64) -> String {
        Time::from_millis(now.saturating_sub(self.settings().silent_after_ms)).to_string()
    }

    pub(super) fn is_silent(&self, entry: &Entry<'_>) -> bool {
        entry.last_seen.as_deref().is_some_and(|at| at <= &*self.silence_cutoff(now_millis()))
    }

    fn silent_groups(&self, cutoff: &str, now: u64) -> Result<Vec<Group>, JsError> {
        Ok(self.find_silent(cutoff, now)?.groups)
    }

    fn find_silent(&self, cutoff: &str, now: u64) -> Result<SilenceScan, JsError> {
        if let Some(scan) = &*self.silence_cache.0.borrow()
            // The clock may have been set back.
            && now.abs_diff(scan.at) < SILENCE_CACHE_MS
        {
            return Ok(scan.clone());
        }
        let scope =
            SqlCondition::default().and("deleted = 0", []).and("last_seen <= ?", [cutoff.into()]);
        let groups = self.groups(&scope, cutoff)?;
        let has_some = groups.iter().any(|group| WORKING.contains(&group.status.as_str()));
        let mut keys = None;
        if has_some {
            let sql = format!(
                "SELECT json_group_array(key) FROM (SELECT key FROM entry WHERE {} \
                 AND status IN (SELECT value FROM json_each(?)) \
                 ORDER BY last_seen DESC, id LIMIT {RESULT_WINDOW})",
                scope.sql
            );
            let mut values = scope.values;
            values.push(json_list(&WORKING));
            self.store.texts(&sql, &values, &mut |found| {
                keys = Some(found);
                false
            })?;
        }
        let keys = keys.unwrap_or_else(|| "[]".to_owned()).into();
        let scan = SilenceScan { at: now, groups, keys };
        self.silence_cache.0.replace(Some(scan.clone()));
        Ok(scan)
    }

    fn summary_rows(
        &self,
        summary: &SummaryRequest,
        scope: SqlCondition,
        cutoff: &str,
    ) -> Result<Rows, JsError> {
        let mut all = filtered(summary, &scope, cutoff);
        let direction = if summary.is_reversed { "DESC" } else { "ASC" };
        let column = match summary.sort {
            SortField::Urgency => return self.rows_by_urgency(summary, &all, cutoff),
            SortField::Name => "",
            SortField::IndexName => "index_name COLLATE NOCASE",
            SortField::ServiceType => "service_type COLLATE NOCASE",
            SortField::Since => "since",
            SortField::LastSeen => "last_seen",
        };
        if !summary.statuses.is_empty() {
            let statuses = "status IN (SELECT value FROM json_each(?))";
            all = all.and(statuses, [json_list(&summary.statuses)]);
        }
        let order = match column {
            "" => format!("title {direction}, id {direction}"),
            column => {
                let name = column.split(' ').next().unwrap_or_default();
                format!("coalesce({name}, '') = '', {column} {direction}, title, id")
            }
        };
        let mut rows = Rows::default();
        self.add_rows(&mut rows, &all, &order, summary.size, summary.from)?;
        Ok(rows)
    }

    /// Reads one status after the other, by an index. Silent connectors with a [`WORKING`] status come second.
    fn rows_by_urgency(
        &self,
        summary: &SummaryRequest,
        all: &SqlCondition,
        cutoff: &str,
    ) -> Result<Rows, JsError> {
        let silent = if summary.deleted {
            "[]".into()
        } else {
            self.find_silent(cutoff, now_millis())?.keys
        };
        let is_wanted = |status: &str| {
            summary.statuses.is_empty() || summary.statuses.iter().any(|it| it == status)
        };
        let (newest, seen_last) = ("since DESC, title, id", "last_seen DESC, id");
        let mut groups: Vec<(SqlCondition, &str)> = Vec::new();
        for status in URGENCY.map(Status::name).into_iter().filter(|status| is_wanted(status)) {
            let mut one = all.clone().and("status = ?", [status.into()]);
            if &*silent != "[]" && WORKING.contains(&status) {
                let is_not_silent = "key NOT IN (SELECT value FROM json_each(?))";
                one = one.and(is_not_silent, [(&*silent).into()]);
            }
            groups.push((one, newest));
        }
        let statuses: Vec<&str> = WORKING.into_iter().filter(|it| is_wanted(it)).collect();
        if &*silent != "[]" && !statuses.is_empty() {
            let is_silent = "key IN (SELECT value FROM json_each(?))";
            let has_status = "status IN (SELECT value FROM json_each(?))";
            let one = all.clone().and(is_silent, [(&*silent).into()]);
            let place = usize::from(is_wanted(Status::Error.name()));
            groups.insert(place, (one.and(has_status, [json_list(&statuses)]), seen_last));
        }
        if summary.is_reversed {
            groups.reverse();
        }
        let mut rows = Rows::default();
        let mut skip = summary.from;
        for (one, order) in groups {
            let left = summary.size - rows.count;
            if left == 0 || rows.are_too_large() {
                break;
            }
            let found = self.add_rows(&mut rows, &one, order, left, skip)?;
            if found == 0 && skip > 0 {
                let sql = format!("SELECT count(*) AS count FROM entry WHERE {}", one.sql);
                let count = self.cached_count(&sql, &one.values)?;
                skip = skip.saturating_sub(usize::try_from(count).unwrap_or(skip));
                continue;
            }
            skip = 0;
        }
        Ok(rows)
    }

    /// Adds a page of rows. Returns their number.
    fn add_rows(
        &self,
        rows: &mut Rows,
        all: &SqlCondition,
        order: &str,
        size: usize,
        from: usize,
    ) -> Result<usize, JsError> {
        let sql =
            format!("SELECT {ROW} FROM entry WHERE {} ORDER BY {order} LIMIT ? OFFSET ?", all.sql);
        let mut values = all.values.clone();
        values.extend([(size as u64).into(), (from as u64).into()]);
        let before = rows.count;
        self.store.texts(&sql, &values, &mut |row| rows.add(&row))?;
        Ok(rows.count - before)
    }
}

/// The connectors of a scope with the requested service types and silence.
fn filtered(summary: &SummaryRequest, scope: &SqlCondition, cutoff: &str) -> SqlCondition {
    let mut all = scope.clone();
    if !summary.service_types.is_empty() {
        let types = "coalesce(service_type, '') IN (SELECT value FROM json_each(?))";
        all = all.and(types, [json_list(&summary.service_types)]);
    }
    if summary.silent {
        all = all.and("last_seen <= ?", [cutoff.into()]);
    }
    all
}

impl Candidate {
    /// All its texts in lower case.
    fn all_texts(&self) -> String {
        let Self { id, name, index_name, service_type, description, error, .. } = self;
        let more = [name, index_name, service_type, description, error];
        let mut all = id.to_ascii_lowercase();
        for text in more.into_iter().flatten() {
            all.push('\n');
            all.push_str(&text.to_ascii_lowercase());
        }
        all
    }
}
