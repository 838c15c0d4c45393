//! The list for triage: a page of slim rows, and counts of what there is beside.
//!
//! | asked for | costs |
//! |---|---|
//! | by urgency or name, with or without statuses | the page |
//! | by something else, words, silent ones, patterns of ids | every slim row |
//!
//! The causes of errors cost a row for each connector in an error, once after a change.
//!
//! Who is silent is looked for in all slim rows too, and remembered for a minute, unless one of
//! them is written or taken up meanwhile.

use std::cell::RefCell;
use std::rc::Rc;

use serde::Serialize;
use serde_json::{Map, Value};

use super::list::{Candidate, Condition, SEARCHED, list, with_keys, within};
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

/// So many types are counted, those with the most connectors.
const TYPES: usize = 100;
/// So many causes are told, those with the most connectors.
const CAUSES: usize = 20;
/// So many different error texts are looked at for their causes.
const ERRORS: usize = 10_000;
/// So many answers about causes are remembered.
const REMEMBERED: usize = 16;
/// Statuses of connectors that ought to be working, so that silence is a fault.
const WORKING: [&str; 2] = [Status::Configured.name(), Status::Connected.name()];
/// How long it is remembered who is silent.
const SILENT_MS: u64 = 60_000;
/// An expression for a row as it is shown.
const ROW: &str = "json_object('id', id, 'version', version, 'name', name, 'index_name', index_name, \
                   'service_type', service_type, 'description', description, 'status', status, \
                   'since', since, 'last_seen', last_seen, 'error', error, 'last_synced', last_synced, \
                   'last_sync_status', last_sync_status, \
                   'last_indexed_document_count', last_indexed_document_count)";

/// Connectors that are counted together.
#[derive(Clone)]
struct Group {
    status: String,
    service_type: String,
    silent: u64,
    count: u64,
}
from_row!(Group { status, service_type, silent, count });

/// Connectors in an error of the same cause.
#[derive(Clone, Serialize)]
pub(super) struct Caused {
    cause: String,
    count: u64,
    /// What their errors say.
    #[serde(skip)]
    errors: Vec<String>,
}

/// Who was silent, and when that was looked at.
#[derive(Default)]
pub(super) struct Silent(RefCell<Option<Looked>>);

#[derive(Clone)]
struct Looked {
    at: u64,
    groups: Vec<Group>,
    /// Keys of those that ought to be working, as a JSON array; those that were seen last come first. What is
    /// past the reach of lists is left out.
    keys: Rc<str>,
}

impl Silent {
    /// They are counted anew at the next look.
    pub(super) fn forget(&self) {
        self.0.replace(None);
    }
}

/// What is shown of a summary but its rows.
#[derive(Serialize)]
struct Counted<'a> {
    total: u64,
    count: u64,
    by_status: Map<String, Value>,
    by_service_type: Map<String, Value>,
    silent: u64,
    silent_after_seconds: u64,
    causes: &'a [Caused],
}

/// The sum of each name, in the order of the names.
fn summed(mut counts: Vec<(&str, u64)>) -> Vec<(&str, u64)> {
    merge(&mut counts, &mut |a, b| a.0.cmp(b.0), &mut |first, it| first.1 += it.1);
    counts
}

fn as_object(counts: Vec<(&str, u64)>) -> Map<String, Value> {
    counts.into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect()
}

/// The rows of a page, as JSON with commas between them.
#[derive(Default)]
struct Rows {
    count: usize,
    text: String,
}

impl Rows {
    /// Adds a row; tells whether there may be more.
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
    /// The response to a summary.
    ///
    /// # Errors
    /// 400 for a page that is too large, or if too much has to be looked at; 500 if the database fails.
    pub(super) fn summary(&self, summary: &SummaryRequest) -> Result<Response, ApiError> {
        let failed = failed("the summary cannot be made");
        let now = now_millis();
        let cutoff = self.silence_cutoff(now);
        let mut budget = Budget::new(Purpose::List);
        let reach = self.reach(summary, &mut budget)?;
        let found = self.scope(summary, &reach, &mut budget)?;
        let mut causes = self.causes(&narrowed(summary, &found, &cutoff)).map_err(&failed)?;
        causes.truncate(CAUSES);
        let scope = self.with_cause(summary, found).map_err(&failed)?;
        let head = self.counted(summary, &reach, &scope, &cutoff, now, &causes).map_err(&failed)?;
        let rows = self.summary_rows(summary, scope, &cutoff).map_err(failed)?;
        if rows.are_too_large() {
            return Err(ApiError::list_too_large(PAGE_BYTES));
        }
        let members = head.strip_suffix('}').unwrap_or_default();
        Ok(Response::text(200, format!("{members},\"results\":[{}]}}", rows.text)))
    }

    /// The counts of a summary, as JSON.
    fn counted(
        &self,
        summary: &SummaryRequest,
        reach: &Condition,
        scope: &Condition,
        cutoff: &str,
        now: u64,
        causes: &[Caused],
    ) -> Result<String, JsError> {
        let scans = !summary.words.is_empty()
            || summary.silent
            || summary.ids.is_some()
            || summary.cause.is_some()
            || summary.deleted;
        let (groups, silent) = match scans {
            true => {
                let groups = self.groups(scope, cutoff)?;
                let is_silent = |group: &&Group| group.silent == 1;
                let silent: Vec<Group> = groups.iter().filter(is_silent).cloned().collect();
                (groups, silent)
            }
            false => {
                let sql =
                    "SELECT status, service_type, 0 AS silent, count FROM total WHERE deleted = 0";
                (self.store.rows(sql, &[])?, self.silent_groups(cutoff, now)?)
            }
        };
        let has_status =
            |group: &Group| summary.statuses.is_empty() || summary.statuses.contains(&group.status);
        let has_type = |group: &Group| {
            summary.service_types.is_empty() || summary.service_types.contains(&group.service_type)
        };
        let has_silence = |group: &Group| !summary.silent || group.silent == 1;
        let sum = |groups: &[Group], is_meant: &dyn Fn(&Group) -> bool| -> u64 {
            groups.iter().filter(|group| is_meant(group)).map(|group| group.count).sum()
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
        types.truncate(TYPES);
        let total = match (&summary.ids, scans) {
            (None, false) => sum(&groups, &|_| true),
            (None, true) => {
                let sql = "SELECT sum(count) AS count FROM total WHERE deleted = ?";
                self.remembered_count(sql, &[u64::from(summary.deleted).into()])?
            }
            (Some(_), _) => {
                let sql = format!("SELECT count(*) AS count FROM entry WHERE {}", reach.sql);
                self.remembered_count(&sql, &reach.values)?
            }
        };
        let counted = Counted {
            total,
            count: sum(&groups, &|it| has_status(it) && has_type(it) && has_silence(it)),
            by_status: as_object(summed(by_status)),
            by_service_type: as_object(summed(types)),
            silent: sum(&silent, &|it| has_status(it) && has_type(it)),
            silent_after_seconds: self.settings().silent_after_seconds(),
            causes,
        };
        Ok(json::to_text(&counted)?)
    }

    /// The connectors that the caller may see.
    fn reach(&self, summary: &SummaryRequest, budget: &mut Budget) -> Result<Condition, ApiError> {
        let deleted = if summary.deleted { "deleted = 1" } else { "deleted = 0" };
        let all = Condition::default().and(deleted, []);
        let Some(patterns) = summary.ids.as_deref() else { return Ok(all) };
        let may_match = all.and_all(&within(patterns, "id"));
        if are_ranges(patterns) {
            return Ok(may_match);
        }
        let covers =
            &mut |row: &Candidate, budget: &mut Budget| matches_any(patterns, &row.id, budget);
        Ok(with_keys(&self.look_at_each(&may_match, false, budget, covers)?))
    }

    /// Of those, the connectors that have all words: what is considered before statuses, types and
    /// silence are looked at.
    fn scope(
        &self,
        summary: &SummaryRequest,
        reach: &Condition,
        budget: &mut Budget,
    ) -> Result<Condition, ApiError> {
        let Some(longest) = summary.words.iter().max_by_key(|word| word.len()) else {
            return Ok(reach.clone());
        };
        let texts = SEARCHED.map(|column| format!("coalesce({column}, '')"));
        let texts = format!("lower(id || char(10) || {})", texts.join(" || char(10) || "));
        let may_contain = self.may_contain(&[&texts], &SEARCHED, longest, budget)?;
        let may_match = reach.clone().and_all(&may_contain);
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
        Ok(with_keys(&self.look_at_each(&may_match, true, budget, has_all_words)?))
    }

    /// Of those, the connectors in an error of the cause that is asked for.
    fn with_cause(&self, summary: &SummaryRequest, scope: Condition) -> Result<Condition, JsError> {
        let Some(cause) = &summary.cause else { return Ok(scope) };
        let causes = self.causes(&scope)?;
        let errors = causes.into_iter().find(|it| it.cause == *cause).map(|it| it.errors);
        let of_cause = "status = 'error' AND error IN (SELECT value FROM json_each(?))";
        Ok(scope.and(of_cause, [list(&errors.unwrap_or_default())]))
    }

    /// The causes of the errors of some connectors, those with the most connectors first. Costs a row
    /// for each of them that is in an error, once after a change.
    fn causes(&self, all: &Condition) -> Result<Vec<Caused>, JsError> {
        struct Said {
            error: String,
            count: u64,
        }
        from_row!(Said { error, count });
        let question = format!("{}{:?}", all.sql, all.values);
        if let Some(known) = self.counts.causes.borrow().get(&question) {
            return Ok(known.clone());
        }
        let sql = format!(
            "SELECT error, count(*) AS count FROM entry WHERE {} AND status = 'error' \
             AND coalesce(error, '') <> '' GROUP BY error LIMIT {ERRORS}",
            all.sql
        );
        let caused =
            |Said { error, count }| Caused { cause: cause(&error), count, errors: vec![error] };
        let said = self.store.rows::<Said>(&sql, &all.values)?;
        let mut causes: Vec<Caused> = said.into_iter().map(caused).collect();
        merge(&mut causes, &mut |a, b| a.cause.cmp(&b.cause), &mut |first, it| {
            first.count += it.count;
            first.errors.append(&mut it.errors);
        });
        sort(&mut causes, &mut |a, b| b.count.cmp(&a.count));
        let mut remembered = self.counts.causes.borrow_mut();
        if remembered.len() < REMEMBERED {
            remembered.insert(question, causes.clone());
        }
        Ok(causes)
    }

    /// How many connectors are in an error of that cause.
    pub(super) fn sharing_cause(&self, cause: &str) -> Result<u64, JsError> {
        let all = Condition::default().and("deleted = 0", []);
        let causes = self.causes(&all)?;
        Ok(causes.iter().find(|it| it.cause == cause).map_or(0, |it| it.count))
    }

    fn groups(&self, scope: &Condition, cutoff: &str) -> Result<Vec<Group>, JsError> {
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

    /// How many are silent, as counted within the last minute.
    pub(super) fn silent_count(&self, now: u64) -> Result<u64, JsError> {
        Ok(self
            .silent_groups(&self.silence_cutoff(now), now)?
            .iter()
            .map(|group| group.count)
            .sum())
    }

    /// Who was last seen then, or before, is silent.
    fn silence_cutoff(&self, now: u64) -> String {
        Time::from_millis(now.saturating_sub(self.settings().silent_after_ms)).to_string()
    }

    /// Was it seen so long ago that it is silent?
    pub(super) fn is_silent(&self, entry: &Entry<'_>) -> bool {
        entry.last_seen.as_deref().is_some_and(|at| at <= &*self.silence_cutoff(now_millis()))
    }

    fn silent_groups(&self, cutoff: &str, now: u64) -> Result<Vec<Group>, JsError> {
        Ok(self.look_for_silence(cutoff, now)?.groups)
    }

    fn look_for_silence(&self, cutoff: &str, now: u64) -> Result<Looked, JsError> {
        if let Some(looked) = &*self.silent.0.borrow()
            // However far the clock was set back meanwhile.
            && now.abs_diff(looked.at) < SILENT_MS
        {
            return Ok(looked.clone());
        }
        let scope =
            Condition::default().and("deleted = 0", []).and("last_seen <= ?", [cutoff.into()]);
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
            values.push(list(&WORKING));
            self.store.texts(&sql, &values, &mut |found| {
                keys = Some(found);
                false
            })?;
        }
        let keys = keys.unwrap_or_else(|| "[]".to_owned()).into();
        let looked = Looked { at: now, groups, keys };
        self.silent.0.replace(Some(looked.clone()));
        Ok(looked)
    }

    fn summary_rows(
        &self,
        summary: &SummaryRequest,
        scope: Condition,
        cutoff: &str,
    ) -> Result<Rows, JsError> {
        let mut all = narrowed(summary, &scope, cutoff);
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
            all = all.and(statuses, [list(&summary.statuses)]);
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

    /// One status after the other, by an index. Those that ought to be working and are silent come second.
    fn rows_by_urgency(
        &self,
        summary: &SummaryRequest,
        all: &Condition,
        cutoff: &str,
    ) -> Result<Rows, JsError> {
        let silent = match summary.deleted {
            true => "[]".into(),
            false => self.look_for_silence(cutoff, now_millis())?.keys,
        };
        let is_wanted = |status: &str| {
            summary.statuses.is_empty() || summary.statuses.iter().any(|it| it == status)
        };
        let (newest, seen_last) = ("since DESC, title, id", "last_seen DESC, id");
        let mut groups: Vec<(Condition, &str)> = Vec::new();
        for status in URGENCY.map(Status::name).into_iter().filter(|status| is_wanted(status)) {
            let mut one = all.clone().and("status = ?", [status.into()]);
            if &*silent != "[]" && WORKING.contains(&status) {
                let is_heard = "key NOT IN (SELECT value FROM json_each(?))";
                one = one.and(is_heard, [(&*silent).into()]);
            }
            groups.push((one, newest));
        }
        let statuses: Vec<&str> = WORKING.into_iter().filter(|it| is_wanted(it)).collect();
        if &*silent != "[]" && !statuses.is_empty() {
            let are_silent = "key IN (SELECT value FROM json_each(?))";
            let have_it = "status IN (SELECT value FROM json_each(?))";
            let one = all.clone().and(are_silent, [(&*silent).into()]);
            let place = usize::from(is_wanted(Status::Error.name()));
            groups.insert(place, (one.and(have_it, [list(&statuses)]), seen_last));
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
                let count = self.remembered_count(&sql, &one.values)?;
                skip = skip.saturating_sub(usize::try_from(count).unwrap_or(skip));
                continue;
            }
            skip = 0;
        }
        Ok(rows)
    }

    /// Adds a page of rows; tells how many.
    fn add_rows(
        &self,
        rows: &mut Rows,
        all: &Condition,
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

/// Of some connectors, those of the types that are asked for, and the silent ones if only those are.
fn narrowed(summary: &SummaryRequest, scope: &Condition, cutoff: &str) -> Condition {
    let mut all = scope.clone();
    if !summary.service_types.is_empty() {
        let types = "coalesce(service_type, '') IN (SELECT value FROM json_each(?))";
        all = all.and(types, [list(&summary.service_types)]);
    }
    if summary.silent {
        all = all.and("last_seen <= ?", [cutoff.into()]);
    }
    all
}

impl Candidate {
    /// All that is known of it in words, in lower case.
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
