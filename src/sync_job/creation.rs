//! The document of a new sync job. It includes a snapshot of its connector.

use serde_json::Value;

use super::{ACCESS_CONTROL_INDEX_PREFIX, Fields, SyncJob, SyncJobStatus};
use crate::connector::{Connector, DomainError};
use crate::values::Time;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JobType {
    #[default]
    Full,
    /// Only changes since the last sync.
    Incremental,
    /// Who may see which content.
    AccessControl,
}

impl JobType {
    pub const ALL: [Self; 3] = [Self::Full, Self::Incremental, Self::AccessControl];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Incremental => "incremental",
            Self::AccessControl => "access_control",
        }
    }

    /// Case is ignored.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(name))
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TriggerMethod {
    /// A user requested it.
    #[default]
    OnDemand,
    /// It was due by the connector's schedule.
    Scheduled,
}

impl TriggerMethod {
    pub const ALL: [Self; 2] = [Self::OnDemand, Self::Scheduled];

    pub const fn name(self) -> &'static str {
        match self {
            Self::OnDemand => "on_demand",
            Self::Scheduled => "scheduled",
        }
    }

    /// Case is ignored.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(name))
    }
}

/// The fields that a create request may set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Creation {
    pub job_type: JobType,
    pub trigger_method: TriggerMethod,
}

impl Creation {
    /// The new document. As in Elasticsearch, the connector may be soft-deleted and in any status, but
    /// needs an index and a service type.
    pub fn job(self, id: &str, connector: &Connector, now: Time) -> Result<SyncJob, DomainError> {
        let text = |field| connector.text(field).filter(|text| !text.is_empty());
        let index_name = match self.job_type {
            // Elasticsearch doesn't require an index here either.
            JobType::AccessControl => {
                let index_name = connector.index_name().unwrap_or("null");
                Some(format!("{ACCESS_CONTROL_INDEX_PREFIX}{index_name}"))
            }
            JobType::Full | JobType::Incremental => text("index_name").map(str::to_owned),
        };
        let Some(index_name) = index_name else {
            return Err(DomainError::Conflict(format!(
                "Cannot start a sync for connector [{id}] with no index attached. Set the \
                 [index_name] property for the connector to enable syncing data."
            )));
        };
        if text("service_type").is_none() {
            return Err(DomainError::Conflict(format!(
                "Cannot start a sync for connector [{id}] with [service_type] not defined. Set the \
                 service type of your connector before starting the sync."
            )));
        }
        let now = Value::from(now.to_string());
        let status = SyncJobStatus::Pending;
        let mut fields = Fields::new();
        let mut set = |name: &str, value: Value| {
            fields.insert(name.to_owned(), value);
        };
        set("connector", connector_snapshot(id, index_name, connector).into());
        set("created_at", now.clone());
        set("deleted_document_count", 0.into());
        set("indexed_document_count", 0.into());
        set("indexed_document_volume", 0.into());
        set("job_type", self.job_type.name().into());
        set("last_seen", now);
        set("metadata", Fields::new().into());
        set("status", status.name().into());
        set("total_document_count", 0.into());
        set("trigger_method", self.trigger_method.name().into());
        Ok(SyncJob { status, fields })
    }
}

/// The part of the connector that a job needs. Null values are left out.
fn connector_snapshot(id: &str, index_name: String, connector: &Connector) -> Fields {
    let mut snapshot = Fields::new();
    snapshot.insert("id".to_owned(), id.into());
    let filtering = connector.fields().get("filtering").and_then(|all| all.pointer("/0/active"));
    if let Some(active) = filtering.filter(|active| !active.is_null()) {
        snapshot.insert("filtering".to_owned(), active.clone());
    }
    snapshot.insert("index_name".to_owned(), index_name.into());
    for name in ["language", "pipeline", "service_type", "configuration"] {
        if let Some(value) = connector.fields().get(name).filter(|value| !value.is_null()) {
            snapshot.insert(name.to_owned(), value.clone());
        }
    }
    snapshot
}
