//! The connector document and every change to it. Pure: the clock is passed in.
//!
//! A document is kept as the JSON object that clients see, without its id: documents that come
//! from Elasticsearch may hold fields this crate does not know, and those are returned as they
//! are. What the rules need to know has an accessor.

mod change;
mod creation;
mod filtering;

use serde_json::{Value, json};

pub use change::{
    Change, ChangeContext, DomainError, check_in, configuration, error, index_name, merge_fields,
    native, service_type, status,
};
pub use creation::{Creation, DEFAULT_SCHEDULE};
pub use filtering::{filtering, filtering_activation, filtering_validation};

pub use crate::document::{Delta, Fields, Patch, merge};

use crate::document::{self, Document, known_status};
use crate::status::Status;
use crate::values::json;

/// A connector document. Always holds a valid `status`.
#[derive(Clone, Debug, PartialEq)]
pub struct Connector {
    status: Status,
    fields: Fields,
}

impl Connector {
    /// Takes a document as it is kept in Workers KV or in Elasticsearch's index.
    ///
    /// # Errors
    /// What is wrong with it, if it is not a JSON object with a known `status`.
    pub fn from_json(text: &str) -> Result<Self, String> {
        json::parse_object(text).and_then(Self::from_fields)
    }

    /// Takes a document as it is kept in Workers KV or in Elasticsearch's index. An `id` in it is
    /// dropped: the id is the document's name, not part of it.
    ///
    /// # Errors
    /// What is wrong with it, if it has no known `status`.
    pub fn from_fields(mut fields: Fields) -> Result<Self, String> {
        let status = known_status(&mut fields, Status::parse)?;
        Ok(Self { status, fields })
    }

    /// The document as JSON, without its id.
    pub fn to_json(&self) -> String {
        document::to_json(&self.fields)
    }

    /// The connector after a move.
    #[must_use]
    pub fn moved(mut self, to: Status) -> Self {
        self.status = to;
        self.fields.insert("status".to_owned(), to.name().into());
        self
    }

    /// Its fields, without its id.
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Its status.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Whether it is soft-deleted.
    pub fn is_deleted(&self) -> bool {
        self.flag("deleted")
    }

    /// Whether Elastic manages it.
    pub fn is_native(&self) -> bool {
        self.flag("is_native")
    }

    /// The index it is attached to.
    pub fn index_name(&self) -> Option<&str> {
        self.text("index_name")
    }

    /// The index that no other connector may use while this one exists.
    pub fn held_index(&self) -> Option<&str> {
        self.index_name().filter(|_| !self.is_deleted())
    }

    /// The index that it holds after a change and does not hold now.
    pub fn index_taken_by<'a>(&'a self, delta: &'a Delta) -> Option<&'a str> {
        let [index_name, deleted] = ["index_name", "deleted"];
        if delta.get(index_name).is_none() && delta.get(deleted).is_none() {
            return None;
        }
        let after = |field| delta.get(field).or_else(|| self.fields.get(field));
        let is_deleted = after(deleted).and_then(Value::as_bool).unwrap_or(false);
        let index = after(index_name).and_then(Value::as_str).filter(|_| !is_deleted);
        index.filter(|index| self.held_index() != Some(index))
    }

    /// A field that is a string.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field).and_then(Value::as_str)
    }

    /// A soft delete: everything is kept, and its index is free for others. `None` if it is deleted
    /// already.
    pub fn soft_delete(&self) -> Option<Delta> {
        let fields = Fields::from_iter([("deleted".to_owned(), true.into())]);
        Patch::merging(fields).against(self)
    }

    /// The end of a soft delete. `None` if it is not deleted.
    pub fn restore(&self) -> Option<Delta> {
        let fields = Fields::from_iter([("deleted".to_owned(), false.into())]);
        self.is_deleted().then(|| Patch::merging(fields).against(self)).flatten()
    }

    fn flag(&self, field: &str) -> bool {
        self.fields.get(field).and_then(Value::as_bool).unwrap_or(false)
    }
}

impl Document for Connector {
    const NOUN: &'static str = "connector";

    fn fields(&self) -> &Fields {
        &self.fields
    }

    fn is_hidden(&self) -> bool {
        self.is_deleted()
    }

    fn with_fields(mut self, values: Fields) -> Self {
        self.fields.extend(values);
        self.status = self.text("status").and_then(Status::parse).unwrap_or(self.status);
        self
    }
}

/// The statuses that may follow one and who moves there, as responses and messages list them.
pub fn next_moves(status: Status) -> Value {
    let rule = |next: &Status| {
        let mover = next.mover();
        json!({ "status": next.name(), "who": mover.who, "when": mover.when })
    };
    status.next().iter().map(rule).collect()
}

/// Puts the id in front of a document's JSON, as clients get it.
pub fn with_id(id: &str, document: &str) -> String {
    let id = Value::from(id);
    match document.strip_prefix('{') {
        Some("}") | None => format!("{{\"id\":{id}}}"),
        Some(rest) => format!("{{\"id\":{id},{rest}"),
    }
}
