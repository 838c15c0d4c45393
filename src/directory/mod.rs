//! Filtering, sorting and searching lists of connectors.

pub mod cause;
mod entry;
mod event;
mod pace;
mod scan;
mod summary;
pub mod timeline;

pub use entry::{Entry, Slim, document_beside_entry, error_of, may_be_cut};
pub use event::Event;
pub use pace::send_delay_ms;
pub use scan::{Scan, ScanPrefix};
pub use summary::{SILENCE_MS, SortField, SummaryRequest, URGENCY, sort_key};

use crate::budget::{Budget, OverBudget, count_work};
use crate::values::wildcard;

/// Which connectors a list contains. Empty lists of values match everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub index_names: Vec<String>,
    pub names: Vec<String>,
    pub service_types: Vec<String>,
    pub statuses: Vec<String>,
    /// A wildcard pattern that matches a part of the index name, of the name, or of a word of the
    /// description.
    pub query: Option<String>,
    pub include_deleted: bool,
    /// Patterns of the ids that the caller's key may see; `None`: all.
    pub ids: Option<Vec<String>>,
}

/// The texts of a connector that a filter looks at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Texts<'a> {
    pub index_name: Option<&'a str>,
    pub name: Option<&'a str>,
    pub service_type: Option<&'a str>,
    pub description: Option<&'a str>,
}

impl Filter {
    /// Whether the caller may see the connector.
    pub fn allows_id(&self, id: &str, budget: &mut Budget) -> Result<bool, OverBudget> {
        match &self.ids {
            Some(patterns) => matches_any(patterns, id, budget),
            None => Ok(true),
        }
    }

    /// Checks what SQL can't: names that are cut in slim rows, and the wildcards of a query.
    pub fn matches_texts(&self, texts: Texts<'_>, budget: &mut Budget) -> Result<bool, OverBudget> {
        let is_any = |wanted: &[String], found: Option<&str>| {
            wanted.is_empty() || wanted.iter().any(|it| Some(it.as_str()) == found)
        };
        budget.spend(self.names.len() + self.service_types.len())?;
        if !is_any(&self.names, texts.name) || !is_any(&self.service_types, texts.service_type) {
            return Ok(false);
        }
        self.matches_query(texts, budget)
    }

    /// Whether rows must be checked individually, because SQL alone can't decide.
    pub fn needs_row_check(&self) -> bool {
        self.needs_texts() || self.ids.as_ref().is_some_and(|ids| !are_ranges(ids))
    }

    /// Whether that check needs the rows' texts.
    pub fn needs_texts(&self) -> bool {
        let is_long = |names: &[String]| names.iter().any(|name| may_be_cut(name));
        self.query.is_some() || is_long(&self.names) || is_long(&self.service_types)
    }

    /// As in Elasticsearch, the index name and the name are matched as a whole and the description word by
    /// word in lower case. Only ASCII is lower-cased: Unicode's tables would be a twentieth of the Worker.
    pub fn matches_query(&self, texts: Texts<'_>, budget: &mut Budget) -> Result<bool, OverBudget> {
        let Some(query) = &self.query else { return Ok(true) };
        let Texts { index_name, name, description, .. } = texts;
        for text in [index_name, name].into_iter().flatten() {
            if wildcard::matches_within(query, text, budget)? {
                return Ok(true);
            }
        }
        let description = description.unwrap_or_default();
        // Lower-casing and splitting into words.
        budget.spend(2 * description.len())?;
        count_work(2 * description.len());
        let description = description.to_ascii_lowercase();
        let words = description.split(|c: char| !c.is_alphanumeric() && c != '_');
        for word in words.filter(|word| !word.is_empty()) {
            if wildcard::matches_within(query, word, budget)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

pub fn matches_any(
    patterns: &[String],
    text: &str,
    budget: &mut Budget,
) -> Result<bool, OverBudget> {
    for pattern in patterns {
        if wildcard::matches(pattern, text, budget)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// For each pattern, the first and last id that can match it. If [`are_ranges`], all ids between do.
pub fn ranges(patterns: &[String]) -> Vec<(String, String)> {
    let range = |pattern: &String| match literal_start(pattern) {
        (id, "") => (id.to_owned(), id.to_owned()),
        (start, _) => (start.to_owned(), format!("{start}{}", char::MAX)),
    };
    patterns.iter().map(range).collect()
}

/// Whether each of the patterns matches exactly a range of ids.
pub fn are_ranges(patterns: &[String]) -> bool {
    patterns.iter().all(|pattern| matches!(literal_start(pattern).1, "" | "*"))
}

/// Splits a pattern at its first wildcard.
fn literal_start(pattern: &str) -> (&str, &str) {
    let end = pattern.find(['*', '?']).unwrap_or(pattern.len());
    pattern.split_at_checked(end).unwrap_or((pattern, ""))
}
