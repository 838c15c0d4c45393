//! The list for triage: a page of slim rows, and counts of what there is beside.
//!
//! | asked for | costs |
//! |---|---|
//! | by urgency or name, with or without statuses | the page |
//! | by something else, words, silent ones, patterns of ids | every slim row |
//!
//! How many are silent is counted in all slim rows too, and remembered for a minute, unless one of
//! them is written or taken up meanwhile.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::list::{Condition, list, within};
use super::{Directory, failed};
use crate::api::{ApiError, Response};
use crate::directory::{Entry, SortField, Summary, URGENCY};
use crate::edge::runtime::{JsError, now_millis};
use crate::values::Time;

/// So many types are counted, those with the most connectors.
const TYPES: usize = 100;
/// How long it is remembered how many are silent.
const SILENT_MS: u64 = 60_000;
const COLUMNS: &str = "id, version, name, index_name, service_type, description, status, since, \
                       last_seen, error";

/// Connectors that are counted together.
#[derive(Clone, Deserialize)]
struct Group {
    status: String,
    service_type: String,
    #[serde(default)]
    silent: u64,
    count: u64,
}

/// How many were silent, and when that was counted.
#[derive(Default)]
pub(super) struct Silent(RefCell<Option<(u64, Vec<Group>)>>);

impl Silent {
    /// They are counted anew at the next look.
    pub(super) fn forget(&self) {
        self.0.replace(None);
    }
}

impl Directory {
    /// The response to a summary.
    ///
    /// # Errors
    /// 500 if the database fails.
    pub(super) fn summary(&self, summary: &Summary) -> Result<Response, ApiError> {
        let body = self.summarize(summary).map_err(failed("the summary cannot be made"))?;
        Ok(Response::json(200, &body))
    }

    fn summarize(&self, summary: &Summary) -> Result<Value, JsError> {
        let now = now_millis();
        let cutoff = self.silence_cutoff(now);
        let scope = scope(summary);
        let scans = !summary.words.is_empty() || summary.silent || summary.ids.is_some();
        let (groups, silent) = match scans {
            true => {
                let groups = self.groups(&scope, &cutoff)?;
                let is_silent = |group: &&Group| group.silent == 1;
                let silent: Vec<Group> = groups.iter().filter(is_silent).cloned().collect();
                (groups, silent)
            }
            false => {
                let sql = "SELECT status, service_type, count FROM total WHERE deleted = 0";
                (self.store.rows(sql, &[])?, self.silent_groups(&cutoff, now)?)
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
        let mut by_status: BTreeMap<&str, u64> =
            URGENCY.iter().map(|status| (status.name(), 0)).collect();
        let mut by_type: BTreeMap<&str, u64> = BTreeMap::new();
        for group in groups.iter().filter(|group| has_silence(group)) {
            if has_type(group) {
                *by_status.entry(&group.status).or_default() += group.count;
            }
            if has_status(group) {
                *by_type.entry(&group.service_type).or_default() += group.count;
            }
        }
        by_type.retain(|_, count| *count > 0);
        let mut types: Vec<(&str, u64)> = by_type.into_iter().collect();
        types.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        types.truncate(TYPES);
        let total = match (&summary.ids, scans) {
            (None, false) => sum(&groups, &|_| true),
            (None, true) => {
                let sql = "SELECT sum(count) AS count FROM total WHERE deleted = 0";
                self.remembered_count(sql, &[])?
            }
            (Some(patterns), _) => {
                let all = Condition::default().and("deleted = 0", []).and_all(&covered(patterns));
                let sql = format!("SELECT count(*) AS count FROM entry WHERE {}", all.sql);
                self.remembered_count(&sql, &all.values)?
            }
        };
        Ok(json!({
            "total": total,
            "count": sum(&groups, &|it| has_status(it) && has_type(it) && has_silence(it)),
            "by_status": by_status,
            "by_service_type": types.into_iter().collect::<BTreeMap<_, _>>(),
            "silent": sum(&silent, &|it| has_status(it) && has_type(it)),
            "silent_after_seconds": self.settings().silent_after_seconds(),
            "results": self.summary_rows(summary, scope, &cutoff)?,
        }))
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
        if let Some((at, groups)) = &*self.silent.0.borrow()
            && now < at + SILENT_MS
        {
            return Ok(groups.clone());
        }
        let scope =
            Condition::default().and("deleted = 0", []).and("last_seen <= ?", [cutoff.into()]);
        let groups = self.groups(&scope, cutoff)?;
        self.silent.0.replace(Some((now, groups.clone())));
        Ok(groups)
    }

    fn summary_rows(
        &self,
        summary: &Summary,
        scope: Condition,
        cutoff: &str,
    ) -> Result<Vec<Value>, JsError> {
        let mut all = scope;
        if !summary.service_types.is_empty() {
            let types = "coalesce(service_type, '') IN (SELECT value FROM json_each(?))";
            all = all.and(types, [list(&summary.service_types)]);
        }
        if summary.silent {
            all = all.and("last_seen <= ?", [cutoff.into()]);
        }
        let direction = if summary.is_reversed { "DESC" } else { "ASC" };
        let column = match summary.sort {
            SortField::Urgency => return self.rows_by_urgency(summary, &all),
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
        self.some_rows(&all, &order, summary.size, summary.from)
    }

    /// One status after the other, by an index.
    fn rows_by_urgency(&self, summary: &Summary, all: &Condition) -> Result<Vec<Value>, JsError> {
        let mut statuses = URGENCY.map(|status| status.name());
        if summary.is_reversed {
            statuses.reverse();
        }
        let mut rows = Vec::new();
        let mut skip = summary.from;
        for status in statuses {
            if !summary.statuses.is_empty() && !summary.statuses.iter().any(|it| it == status) {
                continue;
            }
            let left = summary.size - rows.len();
            if left == 0 {
                break;
            }
            let one = all.clone().and("status = ?", [status.into()]);
            let found = self.some_rows(&one, "since DESC, title, id", left, skip)?;
            if found.is_empty() && skip > 0 {
                let sql = format!("SELECT count(*) AS count FROM entry WHERE {}", one.sql);
                let count = self.remembered_count(&sql, &one.values)?;
                skip = skip.saturating_sub(usize::try_from(count).unwrap_or(skip));
                continue;
            }
            skip = 0;
            rows.extend(found);
        }
        Ok(rows)
    }

    fn some_rows(
        &self,
        all: &Condition,
        order: &str,
        size: usize,
        from: usize,
    ) -> Result<Vec<Value>, JsError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM entry WHERE {} ORDER BY {order} LIMIT ? OFFSET ?",
            all.sql
        );
        let mut values = all.values.clone();
        values.extend([(size as u64).into(), (from as u64).into()]);
        self.store.rows(&sql, &values)
    }
}

/// Which connectors are considered before statuses, types and silence are looked at.
fn scope(summary: &Summary) -> Condition {
    let mut all = Condition::default().and("deleted = 0", []);
    if let Some(patterns) = &summary.ids {
        all = all.and_all(&covered(patterns));
    }
    for word in &summary.words {
        all = all.and(
            "instr(lower(id || char(10) || coalesce(name, '') || char(10) || \
             coalesce(index_name, '') || char(10) || coalesce(service_type, '') || char(10) || \
             coalesce(description, '') || char(10) || coalesce(error, '')), ?) > 0",
            [word.as_str().into()],
        );
    }
    all
}

/// Ids that match one of the patterns.
fn covered(patterns: &[String]) -> Condition {
    let sql: Vec<&str> = patterns.iter().map(|_| "id GLOB ?").collect();
    // In a pattern of ours a bracket is a bracket.
    let values = patterns.iter().map(|pattern| pattern.replace('[', "[[]").into());
    within(patterns, "id").and(&format!("({})", sql.join(" OR ")), values)
}
