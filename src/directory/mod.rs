//! What lists of connectors are filtered and sorted by.

mod entry;
mod summary;

pub use entry::Entry;
pub use summary::{SILENCE_MS, SortField, Summary, URGENCY, sort_key};

use crate::budget::{Budget, OverBudget, did};
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
    /// What it is for.
    pub description: Option<&'a str>,
}

impl Filter {
    /// Whether the caller may see the connector.
    ///
    /// # Errors
    /// If that takes too much work.
    pub fn covers(&self, id: &str, budget: &mut Budget) -> Result<bool, OverBudget> {
        match &self.ids {
            Some(patterns) => matches_any(patterns, id, budget),
            None => Ok(true),
        }
    }

    /// Whether the query, if there is one, finds something.
    ///
    /// Index name and name are searched as they are, the description word by word in lower case -
    /// that of ASCII: the tables for all of Unicode would be a twentieth of the Worker.
    ///
    /// # Errors
    /// If that takes too much work.
    pub fn finds(&self, texts: Texts<'_>, budget: &mut Budget) -> Result<bool, OverBudget> {
        let Some(query) = &self.query else { return Ok(true) };
        let Texts { index_name, name, description } = texts;
        for text in [index_name, name].into_iter().flatten() {
            if wildcard::matches_within(query, text, budget)? {
                return Ok(true);
            }
        }
        let description = description.unwrap_or_default();
        // Once to lower its case, once to find its words.
        budget.spend(2 * description.len())?;
        did(2 * description.len());
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
///
/// # Errors
/// If that takes too much work.
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
