//! What a list of connectors is filtered and sorted by, and how it is kept beside each copy.

use std::cmp::Ordering;

use serde::Deserialize;
use serde_json::Value;

use crate::connector::{Connector, Fields};
use crate::values::wildcard;

/// Workers KV keeps at most this many bytes of metadata beside a value.
pub const METADATA_LIMIT: usize = 1024;

/// What the directory knows of a connector without reading its document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// The index it is attached to. Always kept: an index name has at most 255 bytes.
    pub index_name: Option<String>,
    /// Its name for people.
    pub name: Option<String>,
    /// Which kind of source it connects to.
    pub service_type: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Its status.
    pub status: Option<String>,
    /// Is it soft-deleted?
    pub deleted: bool,
    /// Fields left out because they would not fit: read the document for them.
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
    pub fn to_metadata(&self) -> Value {
        let mut fields = Fields::new();
        let texts = [
            ("index_name", &self.index_name),
            ("name", &self.name),
            ("service_type", &self.service_type),
            ("description", &self.description),
            ("status", &self.status),
        ];
        for (field, text) in texts {
            if let Some(text) = text {
                fields.insert(field.to_owned(), text.as_str().into());
            }
        }
        if self.deleted {
            fields.insert("deleted".to_owned(), true.into());
        }
        let mut metadata = Value::Object(fields);
        for field in ["description", "name", "service_type"] {
            if metadata.to_string().len() <= METADATA_LIMIT {
                break;
            }
            if let Value::Object(fields) = &mut metadata {
                fields.shift_remove(field);
                fields.insert("partial".to_owned(), true.into());
            }
        }
        metadata
    }

    /// The entry that metadata, as JSON, holds; `None` if it is not ours.
    pub fn from_metadata(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok().filter(|entry: &Self| entry.status.is_some())
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
    pub fn matches(&self, entry: &Entry) -> bool {
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

/// Index name and name are searched as they are, the description word by word in lower case -
/// that of ASCII: the tables for all of Unicode would be a twentieth of the Worker.
fn finds(query: &str, entry: &Entry) -> bool {
    let pattern = format!("*{query}*");
    let whole = [&entry.index_name, &entry.name];
    let description = entry.description.as_deref().unwrap_or_default().to_ascii_lowercase();
    whole.into_iter().flatten().any(|value| wildcard::matches(&pattern, value))
        || description
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .any(|word| !word.is_empty() && wildcard::matches(&pattern, word))
}

/// Does the text match a pattern? `*` stands for any text, `?` for one character.
pub fn matches_any(patterns: &[String], text: &str) -> bool {
    patterns.iter().any(|pattern| wildcard::matches(pattern, text))
}

/// The order of lists: by index name, those without one last, then by id.
pub fn order(a: (&str, &Entry), b: (&str, &Entry)) -> Ordering {
    key(a).cmp(&key(b))
}

fn key<'a>((id, entry): (&'a str, &'a Entry)) -> (bool, Option<&'a str>, &'a str) {
    (entry.index_name.is_none(), entry.index_name.as_deref(), id)
}
