//! How a change becomes part of a document: merged, and only if it makes a difference.

use serde_json::Value;

use super::{Connector, Fields};
use crate::status::Status;

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

    /// Moves the connector to `status`, whatever the table says: some endpoints do.
    #[must_use]
    pub fn with_status(mut self, status: Status) -> Self {
        self.merged.insert("status".to_owned(), status.name().into());
        self
    }

    /// What it changes in `before`; `None` if nothing.
    pub fn against(self, before: &Connector) -> Option<Delta> {
        let always = !self.replaced.is_empty();
        let mut changed = self.replaced;
        for (name, value) in self.merged {
            let old = before.fields.get(&name);
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
    /// Does it touch nothing but this field?
    pub fn touches_only(&self, field: &str) -> bool {
        self.0.len() == 1 && self.0.contains_key(field)
    }

    /// The document with the new values.
    pub fn apply(self, mut to: Connector) -> Connector {
        for (name, value) in self.0 {
            to.fields.insert(name, value);
        }
        to.status = to.text("status").and_then(Status::parse).unwrap_or(to.status);
        to
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
