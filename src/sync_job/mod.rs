//! Sync jobs: one run of a connector's sync each. Their transition table, their documents, and every
//! update of them. Pure: the time is passed in.

mod change;
mod creation;
mod id;
mod status;

use serde_json::Value;

pub use change::{UpdateFn, cancel, check_in, claim, complete, error, stats, suspend};
pub use creation::{Creation, JobType, TriggerMethod};
pub use id::SyncJobId;
pub use status::{InvalidTransition, SyncJobStatus};

pub use crate::document::Fields;

use crate::connector::Connector;
use crate::document::{Document, take_status};
use crate::values::json;

/// The prefix of the indices that access control lists are synced into.
const ACCESS_CONTROL_INDEX_PREFIX: &str = ".search-acl-filter-";

/// A sync job's document. Its `status` is always valid.
#[derive(Clone, Debug, PartialEq)]
pub struct SyncJob {
    status: SyncJobStatus,
    fields: Fields,
}

impl SyncJob {
    pub fn from_json(text: &str) -> Result<Self, String> {
        json::parse_object(text).and_then(Self::from_fields)
    }

    /// From a document as stored here or in Elasticsearch's index. An `id` in it, as older versions of
    /// Elasticsearch stored it, is dropped.
    ///
    /// # Errors
    /// What is wrong with it, if it has no known `status`.
    pub fn from_fields(mut fields: Fields) -> Result<Self, String> {
        let status = take_status(&mut fields, SyncJobStatus::parse)?;
        Ok(Self { status, fields })
    }

    /// Its JSON, without the id.
    pub fn to_json(&self) -> Result<String, String> {
        json::to_text(&self.fields)
    }

    /// Without the id.
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    pub fn status(&self) -> SyncJobStatus {
        self.status
    }

    /// Whether its status is final.
    pub fn has_ended(&self) -> bool {
        self.status.next().is_empty()
    }

    /// The values of a member of `connector`. Up to two: Elasticsearch reads a name with a dot as a path,
    /// so documents may write the member in two ways.
    pub fn connector_member(&self, member: &str) -> impl Iterator<Item = &Value> {
        let nested = self.fields.get("connector").and_then(|connector| connector.get(member));
        let dotted = self.fields.get(&format!("connector.{member}"));
        nested.into_iter().chain(dotted).filter(|value| !value.is_null())
    }

    /// The indices that it may write to although its connector doesn't hold them: the value in the
    /// document, and the name without the prefix of access control indices.
    pub fn foreign_indices<'a>(
        &'a self,
        connector: Option<&'a Connector>,
    ) -> impl Iterator<Item = (&'a Value, Option<&'a str>)> {
        let own = connector.and_then(Connector::held_index);
        self.connector_member("index_name").filter_map(move |written| {
            let name = written.as_str();
            let index =
                name.map(|name| name.strip_prefix(ACCESS_CONTROL_INDEX_PREFIX).unwrap_or(name));
            (index.is_none() || index != own).then_some((written, index))
        })
    }

    /// The id of its connector, according to the document.
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
