//! What lists of connectors are filtered and sorted by.

pub mod cause;
mod entry;
mod event;
mod pace;
mod scan;
mod summary;
pub mod timeline;

pub use entry::{Entry, Slim, document_beside_entry, error_of, may_be_cut};
pub use event::Event;
pub use pace::wait_ms;
pub use scan::{Piece, Scan};
pub use summary::{SILENCE_MS, SortField, Summary, URGENCY, sort_key};

use crate::budget::{Budget, OverBudget, count_work};
use crate::values::wildcard;

/// Which connectors a list shows. An empty list of names lets every connector through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Any of these indices.
    pub index_names: Vec<String>,
    /// Any of these names.
    pub names: Vec<String>,
    /// Any of these service types.
    pub service_types: Vec<String>,
    /// Any of these statuses.
    pub statuses: Vec<String>,
    /// A piece of the index name, the name, or a word of the description.
    pub query: Option<String>,
    /// Whether soft-deleted ones are shown too.
    pub include_deleted: bool,
    /// Only those whose id matches one of these patterns; `None`: all.
    pub ids: Option<Vec<String>>,
}

/// The texts of a connector that a query searches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Texts<'a> {
    /// The index it is attached to.
    pub index_name: Option<&'a str>,
    /// Its name for people.
    pub name: Option<&'a str>,
    /// What it connects to.
    pub service_type: Option<&'a str>,
    /// What it is for.
    pub description: Option<&'a str>,
}

impl Filter {
    /// Whether the caller may see the connector.
    pub fn covers(&self, id: &str, budget: &mut Budget) -> Result<bool, OverBudget> {
        match &self.ids {
            Some(patterns) => matches_any(patterns, id, budget),
            None => Ok(true),
        }
    }

    /// Whether a connector with these texts is in the list, as far as SQL does not tell: where rows have
    /// but the start of a text, and where the query asks for more than that a text is in another.
    pub fn admits(&self, texts: Texts<'_>, budget: &mut Budget) -> Result<bool, OverBudget> {
        let is_any = |wanted: &[String], found: Option<&str>| {
            wanted.is_empty() || wanted.iter().any(|it| Some(it.as_str()) == found)
        };
        budget.spend(self.names.len() + self.service_types.len())?;
        if !is_any(&self.names, texts.name) || !is_any(&self.service_types, texts.service_type) {
            return Ok(false);
        }
        self.finds(texts, budget)
    }

    /// Whether rows must be looked at one by one.
    pub fn needs_a_look(&self) -> bool {
        self.needs_texts() || self.ids.as_ref().is_some_and(|ids| !are_ranges(ids))
    }

    /// Whether rows must be looked at one by one with their texts.
    pub fn needs_texts(&self) -> bool {
        let is_long = |names: &[String]| names.iter().any(|name| may_be_cut(name));
        self.query.is_some() || is_long(&self.names) || is_long(&self.service_types)
    }

    /// Whether the query, if there is one, finds something.
    ///
    /// Index name and name are searched as they are, the description word by word in lower case -
    /// that of ASCII: the tables for all of Unicode would be a twentieth of the Worker.
    pub fn finds(&self, texts: Texts<'_>, budget: &mut Budget) -> Result<bool, OverBudget> {
        let Some(query) = &self.query else { return Ok(true) };
        let Texts { index_name, name, description, .. } = texts;
        for text in [index_name, name].into_iter().flatten() {
            if wildcard::matches_within(query, text, budget)? {
                return Ok(true);
            }
        }
        let description = description.unwrap_or_default();
        // Once to lower its case, once to find its words.
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

/// Whether one of the patterns matches the text. `*` stands for any text, `?` for one character.
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

/// For each pattern the first and the last id that may match it. If [`are_ranges`], all between do.
pub fn ranges(patterns: &[String]) -> Vec<(String, String)> {
    let range = |pattern: &String| match literal_start(pattern) {
        (id, "") => (id.to_owned(), id.to_owned()),
        (start, _) => (start.to_owned(), format!("{start}{}", char::MAX)),
    };
    patterns.iter().map(range).collect()
}

/// Does each of the patterns stand for a range of ids?
pub fn are_ranges(patterns: &[String]) -> bool {
    patterns.iter().all(|pattern| matches!(literal_start(pattern).1, "" | "*"))
}

/// What a pattern starts with, and the rest of it from the first wildcard on.
fn literal_start(pattern: &str) -> (&str, &str) {
    let end = pattern.find(['*', '?']).unwrap_or(pattern.len());
    pattern.split_at_checked(end).unwrap_or((pattern, ""))
}
