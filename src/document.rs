//! What connectors and their sync jobs have in common: both are JSON objects with a status, and a
//! change becomes part of one in the same way: merged, and only if it makes a difference.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::values::json;

/// A JSON object.
pub type Fields = Map<String, Value>;

/// A JSON object of which the rules know some fields.
pub trait Document: Sized {
    /// What it is called in sentences.
    const NOUN: &'static str;

    /// Its fields, without its id.
    fn fields(&self) -> &Fields;

    /// Whether it is there, but hidden.
    fn is_hidden(&self) -> bool {
        false
    }

    /// The document as JSON, without its id and some texts that are kept elsewhere.
    fn to_json_without(&self, texts: &[&str]) -> String {
        json_without(self.fields(), texts)
    }

    /// How many bytes its JSON has, without its id.
    fn size(&self) -> usize {
        json::object_size(self.fields())
    }

    /// The document with new values for some fields.
    #[must_use]
    fn with_fields(self, values: Fields) -> Self;
}

/// The fields as JSON.
pub(crate) fn to_json(fields: &Fields) -> String {
    serde_json::to_string(fields).unwrap_or_default()
}

/// What a document from elsewhere says of its status, once it is rid of an `id`: the id is the
/// document's name, not part of it. `parse` gives the name of a status that is known.
///
/// # Errors
/// What is wrong with it, if it has no known status.
pub(crate) fn known_status<S: Into<&'static str> + Copy>(
    fields: &mut Fields,
    parse: fn(&str) -> Option<S>,
) -> Result<S, String> {
    fields.shift_remove("id");
    let name = match fields.get("status") {
        Some(Value::String(name)) => name.as_str(),
        Some(other) => return Err(format!("[status] is {other}, not a string")),
        None => return Err("it has no [status]".to_owned()),
    };
    let status = parse(name).ok_or_else(|| format!("unknown status [{name}]"))?;
    fields.insert("status".to_owned(), status.into().into());
    Ok(status)
}

fn json_without(fields: &Fields, texts: &[&str]) -> String {
    struct Rest<'a>(&'a Fields, &'a [&'a str]);
    impl Serialize for Rest<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let Self(fields, texts) = self;
            let is_here = |(name, value): &(&String, &Value)| {
                !(texts.contains(&name.as_str()) && value.is_string())
            };
            serializer.collect_map(fields.iter().filter(is_here))
        }
    }
    serde_json::to_string(&Rest(fields, texts)).unwrap_or_default()
}

/// The fields that a change touches.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patch {
    merged: Fields,
    replaced: Fields,
}

impl Patch {
    /// Objects are merged into what is there, all other values take its place.
    pub fn merging(fields: Fields) -> Self {
        Self { merged: fields, replaced: Fields::new() }
    }

    /// These take the place of what is there, objects too. Such a change always counts as one.
    #[must_use]
    pub fn replacing(mut self, field: &str, value: Value) -> Self {
        self.replaced.insert(field.to_owned(), value);
        self
    }

    /// Moves the document to `status`, whatever the table says: some endpoints do.
    #[must_use]
    pub fn with_status(mut self, status: impl Into<&'static str>) -> Self {
        self.merged.insert("status".to_owned(), status.into().into());
        self
    }

    /// What it changes in `before`; `None` if nothing.
    pub fn against(self, before: &impl Document) -> Option<Delta> {
        self.against_fields(before.fields())
    }

    pub(crate) fn against_fields(self, before: &Fields) -> Option<Delta> {
        let always = !self.replaced.is_empty();
        let mut changed = self.replaced;
        for (name, value) in self.merged {
            let old = before.get(&name);
            let new = merge(old, value);
            if old != Some(&new) {
                changed.insert(name, new);
            }
        }
        (always || !changed.is_empty()).then_some(Delta(changed))
    }
}

/// New values for some fields of one document.
#[derive(Clone, Debug, PartialEq)]
pub struct Delta(Fields);

impl Delta {
    /// Whether it touches nothing but this field.
    pub fn touches_only(&self, field: &str) -> bool {
        self.0.len() == 1 && self.0.contains_key(field)
    }

    /// The status to which it moves the document, if it does.
    pub fn status(&self) -> Option<&str> {
        self.0.get("status").and_then(Value::as_str)
    }

    /// The names of the fields that it touches.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The new value of a field, if it touches that field.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.0.get(field)
    }

    /// How many bytes the JSON of that document has once the change is applied.
    pub fn size_after(&self, before: &impl Document) -> usize {
        let fields = before.fields();
        let is_new = |name: &&String| !fields.contains_key(*name);
        let kept = fields.iter().filter(|(name, _)| !self.0.contains_key(*name));
        let count = fields.len() + self.0.keys().filter(is_new).count();
        kept.chain(&self.0).map(json::member_size).sum::<usize>() + json::overhead(count)
    }

    /// The document with the new values.
    pub fn apply<D: Document>(self, to: D) -> D {
        to.with_fields(self.0)
    }
}

/// `patch` merged into `old`: objects field by field, all other values as a whole.
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

/// A text for people, cut after so many characters.
pub fn shortened(text: &str, limit: usize) -> Cow<'_, str> {
    match text.char_indices().nth(limit).and_then(|(end, _)| text.get(..end)) {
        Some(start) => format!("{start}...").into(),
        None => text.into(),
    }
}
