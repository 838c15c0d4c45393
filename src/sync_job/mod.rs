//! Sync jobs: each syncs the content of one connector once. Their own table of statuses, their
//! documents, and every change to one. Pure: the clock is passed in.

mod change;
mod creation;
mod id;
mod status;

use serde_json::Value;

pub use change::{Change, cancel, check_in, claim, complete, error, stats, suspend};
pub use creation::{Creation, JobType, TriggerMethod};
pub use id::SyncJobId;
pub use status::{InvalidTransition, SyncJobStatus};

pub use crate::document::Fields;

use crate::connector::Connector;
use crate::document::{self, Document, known_status};
use crate::values::json;

/// Access control lists are synced into an index of this prefix.
const ACCESS_CONTROL_INDEX_PREFIX: &str = ".search-acl-filter-";

/// The document of a sync job. Always holds a valid `status`.
#[derive(Clone, Debug, PartialEq)]
pub struct SyncJob {
    status: SyncJobStatus,
    fields: Fields,
}

impl SyncJob {
    /// Takes a document as it is stored here or in Elasticsearch's index.
    ///
    /// # Errors
    /// What is wrong with it, if it is not a JSON object with a known `status`.
    pub fn from_json(text: &str) -> Result<Self, String> {
        json::parse_object(text).and_then(Self::from_fields)
    }

    /// Takes a document as it is stored here or in Elasticsearch's index. An `id` in it, as older
    /// versions of Elasticsearch stored it, is dropped: the id is the document's name, not part of it.
    ///
    /// # Errors
    /// What is wrong with it, if it has no known `status`.
    pub fn from_fields(mut fields: Fields) -> Result<Self, String> {
        let status = known_status(&mut fields, SyncJobStatus::parse)?;
        Ok(Self { status, fields })
    }

    /// The document as JSON, without its id.
    pub fn to_json(&self) -> String {
        document::to_json(&self.fields)
    }

    /// Its fields, without its id.
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Its status.
    pub fn status(&self) -> SyncJobStatus {
        self.status
    }

    /// Whether it has ended: nobody carries it out any more.
    pub fn is_over(&self) -> bool {
        self.status.next().is_empty()
    }

    /// What the document says of a member of its connector. Elasticsearch takes a name with a dot for a
    /// path, so there are two ways to write it.
    pub fn of_connector(&self, member: &str) -> impl Iterator<Item = &Value> {
        let nested = self.fields.get("connector").and_then(|connector| connector.get(member));
        let dotted = self.fields.get(&format!("connector.{member}"));
        nested.into_iter().chain(dotted).filter(|value| !value.is_null())
    }

    /// The indices that it may write to and that its connector does not hold: what the document says,
    /// and without the prefix of indices for access control lists.
    pub fn foreign_indices<'a>(
        &'a self,
        connector: Option<&'a Connector>,
    ) -> impl Iterator<Item = (&'a Value, Option<&'a str>)> {
        let own = connector.and_then(Connector::held_index);
        self.of_connector("index_name").filter_map(move |written| {
            let prefixed = written.as_str();
            let index =
                prefixed.map(|name| name.strip_prefix(ACCESS_CONTROL_INDEX_PREFIX).unwrap_or(name));
            (index.is_none() || index != own).then_some((written, index))
        })
    }

    /// The id of its connector, as the document says it.
    pub fn connector_id(&self) -> Option<&str> {
        self.fields.get("connector")?.get("id")?.as_str()
    }
}

impl Document for SyncJob {
    const NOUN: &'static str = "sync job";

    fn fields(&self) -> &Fields {
        &self.fields
    }

    fn with_fields(mut self, values: Fields) -> Self {
        self.fields.extend(values);
        let status = self.fields.get("status").and_then(Value::as_str);
        self.status = status.and_then(SyncJobStatus::parse).unwrap_or(self.status);
        self
    }
}
