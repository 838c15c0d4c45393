//! What a list of connectors is filtered and sorted by, and how it is kept beside each copy.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use wildmatch::WildMatch;

use super::Connector;

/// Workers KV keeps at most this many bytes of metadata beside a value.
pub const METADATA_LIMIT: usize = 1024;

/// What the directory knows of a connector without reading its document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// The index it is attached to. Always kept: an index name has at most 255 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index_name: Option<String>,
    /// Its name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Which kind of source it connects to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_type: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Is it soft-deleted?
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// Fields left out because they would not fit: read the document for them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
}

impl Entry {
    /// The entry of a document, all of it.
    pub fn of(connector: &Connector) -> Self {
        let text = |field| connector.text(field).map(str::to_owned);
        Self {
            index_name: text("index_name"),
            name: text("name"),
            service_type: text("service_type"),
            description: text("description"),
            status: text("status"),
            deleted: connector.is_deleted(),
            partial: false,
        }
    }

    /// The entry as metadata: at most [`METADATA_LIMIT`] bytes of JSON. What is longest to say and
    /// least asked for is left out first.
    #[must_use]
    pub fn to_metadata(&self) -> Self {
        let mut kept = self.clone();
        let drops: [fn(&mut Self); 3] =
            [|e| e.description = None, |e| e.name = None, |e| e.service_type = None];
        for drop in drops {
            if serde_json::to_string(&kept).is_ok_and(|json| json.len() <= METADATA_LIMIT) {
                break;
            }
            drop(&mut kept);
            kept.partial = true;
        }
        kept
    }
}

/// Which connectors a list shows. An empty list of names lets every connector through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Any of these indices.
    pub index_names: Vec<String>,
    /// Any of these names.
    pub names: Vec<String>,
    /// Any of these service types.
    pub service_types: Vec<String>,
    /// A piece of the index name, the name, or a word of the description.
    pub query: Option<String>,
    /// Soft-deleted ones too?
    pub include_deleted: bool,
    /// Only those whose id matches one of these patterns; `None`: all.
    pub ids: Option<Vec<String>>,
}

impl Filter {
    /// Is the connector looked at?
    pub fn covers(&self, id: &str) -> bool {
        self.ids.as_ref().is_none_or(|patterns| matches_any(patterns, id))
    }

    /// Must the document be read before this entry can be judged?
    pub fn needs_document(&self, entry: &Entry) -> bool {
        entry.partial
            && (!self.names.is_empty() || !self.service_types.is_empty() || self.query.is_some())
    }

    /// Is the connector shown?
    pub fn lets_through(&self, entry: &Entry) -> bool {
        let any_of = |names: &[String], value: &Option<String>| {
            names.is_empty() || value.as_ref().is_some_and(|value| names.contains(value))
        };
        (self.include_deleted || !entry.deleted)
            && any_of(&self.index_names, &entry.index_name)
            && any_of(&self.names, &entry.name)
            && any_of(&self.service_types, &entry.service_type)
            && self.query.as_ref().is_none_or(|query| finds(query, entry))
    }
}

/// Index name and name are searched as they are, the description word by word in lower case.
fn finds(query: &str, entry: &Entry) -> bool {
    let pattern = WildMatch::new(&format!("*{query}*"));
    let whole = [&entry.index_name, &entry.name];
    let description = entry.description.as_deref().unwrap_or_default().to_lowercase();
    whole.into_iter().flatten().any(|value| pattern.matches(value))
        || description
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .any(|word| !word.is_empty() && pattern.matches(word))
}

/// Does the text match a pattern? `*` stands for any text, `?` for one character.
pub fn matches_any(patterns: &[String], text: &str) -> bool {
    patterns.iter().any(|pattern| WildMatch::new(pattern).matches(text))
}

/// The order of lists: by index name, those without one last, then by id.
pub fn order(a: (&str, &Entry), b: (&str, &Entry)) -> Ordering {
    let key = |(id, entry): (&str, &Entry)| {
        (entry.index_name.is_none(), entry.index_name.clone(), id.to_owned())
    };
    key(a).cmp(&key(b))
}
