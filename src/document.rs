//! What connectors and sync jobs have in common: both are JSON objects with a status, and both are
//! changed by patches that are merged in.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::values::json;

pub type Fields = Map<String, Value>;

/// A stored document. `fields` never includes the id.
pub trait Document: Sized {
    /// The name of this kind of document in error messages.
    const NOUN: &'static str;

    fn fields(&self) -> &Fields;

    /// Whether it is soft-deleted.
    fn is_hidden(&self) -> bool {
        false
    }

    /// The document as JSON without some fields, which are stored elsewhere. Only strings are left
    /// out: other values have no other place.
    fn to_json_without(&self, text_fields: &[&str]) -> Result<String, String> {
        json_without(self.fields(), text_fields)
    }

    /// The length of its JSON in bytes.
    fn size(&self) -> usize {
        json::object_size(self.fields())
    }

    /// Replaces the values of some fields.
    #[must_use]
    fn with_fields(self, values: Fields) -> Self;
}

/// Reads and normalizes the status of an imported document, and removes its `id`: the id names the
/// document and isn't part of it.
pub(crate) fn take_status<S: Into<&'static str> + Copy>(
    fields: &mut Fields,
    parse: fn(&str) -> Option<S>,
) -> Result<S, String> {
    fields.shift_remove("id");
    let name = match fields.get("status") {
        Some(Value::String(name)) => name.as_str(),
        Some(other) => return Err(format!("[status] is {other}, not a string")),
        None => return Err("[status] is missing".to_owned()),
    };
    let status = parse(name).ok_or_else(|| format!("unknown status [{name}]"))?;
    fields.insert("status".to_owned(), status.into().into());
    Ok(status)
}

fn json_without(fields: &Fields, text_fields: &[&str]) -> Result<String, String> {
    struct Rest<'a>(&'a Fields, &'a [&'a str]);
    impl Serialize for Rest<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let Self(fields, text_fields) = self;
            let is_kept = |(name, value): &(&String, &Value)| {
                !(text_fields.contains(&name.as_str()) && value.is_string())
            };
            serializer.collect_map(fields.iter().filter(is_kept))
        }
    }
    json::to_text(&Rest(fields, text_fields))
}

/// A requested change: fields to merge, and fields to replace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patch {
    merged: Fields,
    replaced: Fields,
}

impl Patch {
    /// Objects are merged recursively; all other values replace the old ones.
    pub fn merge(fields: Fields) -> Self {
        Self { merged: fields, replaced: Fields::new() }
    }

    /// Also replaces this field as a whole, even if it is an object. Such a patch always counts as a
    /// change.
    #[must_use]
    pub fn replace(mut self, field: &str, value: Value) -> Self {
        self.replaced.insert(field.to_owned(), value);
        self
    }

    /// Also sets the status without checking the transition table, as some endpoints do.
    #[must_use]
    pub fn with_status(mut self, status: impl Into<&'static str>) -> Self {
        self.merged.insert("status".to_owned(), status.into().into());
        self
    }

    /// What the patch changes in a document; `None` if nothing.
    pub fn diff(self, before: &impl Document) -> Option<Delta> {
        self.diff_fields(before.fields())
    }

    pub(crate) fn diff_fields(self, before: &Fields) -> Option<Delta> {
        let is_forced = !self.replaced.is_empty();
        let mut changed = self.replaced;
        for (name, value) in self.merged {
            let old = before.get(&name);
            let new = merge(old, value);
            if old != Some(&new) {
                changed.insert(name, new);
            }
        }
        (is_forced || !changed.is_empty()).then_some(Delta(changed))
    }
}

/// The fields of one document that change, with their new values.
#[derive(Clone, Debug, PartialEq)]
pub struct Delta(Fields);

impl Delta {
    /// Whether no other field changes.
    pub fn touches_only(&self, field: &str) -> bool {
        self.0.len() == 1 && self.0.contains_key(field)
    }

    /// The new status, if it changes.
    pub fn status(&self) -> Option<&str> {
        self.0.get("status").and_then(Value::as_str)
    }

    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub fn get(&self, field: &str) -> Option<&Value> {
        self.0.get(field)
    }

    /// The length of the document's JSON after the change, in bytes.
    pub fn size_after(&self, before: &impl Document) -> usize {
        let fields = before.fields();
        let is_new = |name: &&String| !fields.contains_key(*name);
        let kept = fields.iter().filter(|(name, _)| !self.0.contains_key(*name));
        let count = fields.len() + self.0.keys().filter(is_new).count();
        kept.chain(&self.0).map(json::member_size).sum::<usize>() + json::overhead(count)
    }

    pub fn apply<D: Document>(self, to: D) -> D {
        to.with_fields(self.0)
    }
}

/// Merges objects field by field; all other values replace the old one.
pub fn merge(old: Option<&Value>, patch: Value) -> Value {
    match (old, patch) {
        (Some(Value::Object(old)), Value::Object(patch)) => {
            let mut merged = old.clone();
            for (name, value) in patch {
                let value = merge(merged.get(&name), value);
                merged.insert(name, value);
            }
            Value::Object(merged)
        }
        (_, patch) => patch,
    }
}

/// Cuts a text after `limit` characters and marks the cut with `...`.
pub fn shortened(text: &str, limit: usize) -> Cow<'_, str> {
    match text.char_indices().nth(limit).and_then(|(end, _)| text.get(..end)) {
        Some(start) => format!("{start}...").into(),
        None => text.into(),
    }
}
