//! The connector document and every update of it. Pure: the time is passed in.
//!
//! A document is stored as the JSON object that clients see, without its id. Documents from
//! Elasticsearch may have fields that this crate doesn't know; they are returned unchanged.

mod change;
mod creation;
mod filtering;

use serde_json::{Value, json};

pub use change::{
    ChangeContext, DomainError, UpdateFn, check_in, configuration, error, index_name, merge_fields,
    native, service_type, status,
};
pub use creation::{Creation, DEFAULT_SCHEDULE};
pub use filtering::{filtering, filtering_activation, filtering_validation};

pub use crate::document::{Delta, Fields, Patch, merge};

use crate::document::{Document, take_status};
use crate::status::Status;
use crate::values::json;

/// A connector document. Its `status` is always valid.
#[derive(Clone, Debug, PartialEq)]
pub struct Connector {
    status: Status,
    fields: Fields,
}

impl Connector {
    pub fn from_json(text: &str) -> Result<Self, String> {
        json::parse_object(text).and_then(Self::from_fields)
    }

    /// From a document as stored in Workers KV or in Elasticsearch's index. An `id` in it is dropped.
    ///
    /// # Errors
    /// What is wrong with it, if it has no known `status`.
    pub fn from_fields(mut fields: Fields) -> Result<Self, String> {
        let status = take_status(&mut fields, Status::parse)?;
        Ok(Self { status, fields })
    }

    /// Its JSON, without the id.
    pub fn to_json(&self) -> Result<String, String> {
        json::to_text(&self.fields)
    }

    /// Sets the status, whatever the transition table says.
    #[must_use]
    pub fn with_status(mut self, to: Status) -> Self {
        self.status = to;
        self.fields.insert("status".to_owned(), to.name().into());
        self
    }

    /// Without the id.
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    pub fn status(&self) -> Status {
        self.status
    }

    pub fn is_deleted(&self) -> bool {
        self.flag("deleted")
    }

    /// Whether it is Elastic-managed.
    pub fn is_native(&self) -> bool {
        self.flag("is_native")
    }

    pub fn index_name(&self) -> Option<&str> {
        self.text("index_name")
    }

    /// The index that no other connector may use while this one exists.
    pub fn held_index(&self) -> Option<&str> {
        self.index_name().filter(|_| !self.is_deleted())
    }

    /// The index that a change would give to this connector: it doesn't hold it yet.
    pub fn newly_held_index<'a>(&'a self, delta: &'a Delta) -> Option<&'a str> {
        let [index_name, deleted] = ["index_name", "deleted"];
        if delta.get(index_name).is_none() && delta.get(deleted).is_none() {
            return None;
        }
        let after = |field| delta.get(field).or_else(|| self.fields.get(field));
        let is_deleted = after(deleted).and_then(Value::as_bool).unwrap_or(false);
        let index = after(index_name).and_then(Value::as_str).filter(|_| !is_deleted);
        index.filter(|index| self.held_index() != Some(index))
    }

    pub fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field).and_then(Value::as_str)
    }

    /// Deletes softly: the document stays, but other connectors may use its index. `None` if it is
    /// already deleted.
    pub fn soft_delete(&self) -> Option<Delta> {
        let fields = Fields::from_iter([("deleted".to_owned(), true.into())]);
        Patch::merge(fields).diff(self)
    }

    /// Undoes a soft delete. `None` if it isn't deleted.
    pub fn restore(&self) -> Option<Delta> {
        let fields = Fields::from_iter([("deleted".to_owned(), false.into())]);
        self.is_deleted().then(|| Patch::merge(fields).diff(self)).flatten()
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

/// The legal next statuses and who moves there, as listed in responses and webhook messages.
pub fn next_moves(status: Status) -> Value {
    let rule = |next: &Status| {
        let mover = next.mover();
        json!({ "status": next.name(), "who": mover.who, "when": mover.when })
    };
    status.next().iter().map(rule).collect()
}

/// Adds the id as the first member of a document's JSON, as in responses.
pub fn with_id(id: &str, document: &str) -> String {
    let id = Value::from(id);
    match document.strip_prefix('{') {
        Some("}") | None => format!("{{\"id\":{id}}}"),
        Some(rest) => format!("{{\"id\":{id},{rest}"),
    }
}
