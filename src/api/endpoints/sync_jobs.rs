//! Updates of sync jobs: `PUT /_connector/_sync_job/{id}/<name>`, one declaration each.

use serde_json::Value;

use super::bodies;
use crate::api::error::{ApiError, Cause};
use crate::api::schema::{EnumValues, Field, FieldType, JsonType, ObjectSchema, field};
use crate::document::Fields;
use crate::sync_job::{self, Creation, JobType, TriggerMethod, UpdateFn};

/// One kind of update.
#[derive(Debug)]
pub struct SyncJobEndpoint {
    /// The path segment, also used as the name in the history.
    pub name: &'static str,
    /// The schema of the body. `None`: the request must not have one.
    pub body: Option<ObjectSchema>,
    /// Finds problems that the schema can't express.
    pub validate: fn(&Fields) -> Vec<String>,
    /// Computes the change to the document.
    pub update: UpdateFn,
    /// The 404 for a missing job. Upstream has two different ones.
    pub missing: fn(&str) -> ApiError,
}

pub static SYNC_JOBS: [SyncJobEndpoint; 7] = [
    SyncJobEndpoint::new("_cancel", sync_job::cancel),
    SyncJobEndpoint::new("_check_in", sync_job::check_in).missing(not_found),
    SyncJobEndpoint::new("_claim", sync_job::claim).body(
        "claim_connector_sync_job",
        &[
            field("sync_cursor", FieldType::Any(&[JsonType::Object])),
            field("worker_hostname", FieldType::String).required(),
        ],
    ),
    SyncJobEndpoint::new("_complete", sync_job::complete).missing(not_found),
    SyncJobEndpoint::new("_error", sync_job::error)
        .body("connector_sync_job_error_request", &[field("error", FieldType::String).required()])
        .validate(|fields| match fields.get("error").and_then(Value::as_str) {
            Some("") => {
                vec!["[error] of the connector sync job cannot be null or empty".to_owned()]
            }
            _ => Vec::new(),
        }),
    SyncJobEndpoint::new("_stats", sync_job::stats)
        .body(
            "connector_sync_job_update_ingestion_stats",
            &[
                field("deleted_document_count", FieldType::Long).required(),
                field("indexed_document_count", FieldType::Long).required(),
                field("indexed_document_volume", FieldType::Long).required(),
                field("total_document_count", FieldType::Long),
                field("last_seen", FieldType::Date),
                field("metadata", FieldType::Any(&[JsonType::Object])),
            ],
        )
        .validate(|fields| {
            let counts = [
                "deleted_document_count",
                "indexed_document_count",
                "indexed_document_volume",
                "total_document_count",
            ];
            let is_negative = |name: &&str| {
                fields.get(*name).and_then(Value::as_i64).is_some_and(|count| count < 0)
            };
            let negative = counts.into_iter().filter(is_negative);
            negative.map(|name| format!("[{name}] cannot be negative.")).collect()
        })
        .missing(not_found),
    SyncJobEndpoint::new("_suspend", sync_job::suspend).missing(not_found),
];

/// The body of a request that creates a sync job.
pub const SYNC_JOB_CREATION: ObjectSchema = ObjectSchema {
    name: "connector_sync_job_post_request",
    fields: &[
        field("id", FieldType::String).required(),
        // Strings rather than enums: `sync_job_creation` checks them after the rest of the body, as upstream.
        field("job_type", FieldType::String),
        field("trigger_method", FieldType::String),
    ],
};

/// The connector's id and the settings of a new job, from the fields of a body. Rejects an unknown
/// `job_type` or `trigger_method` with 400.
pub fn sync_job_creation(fields: &Fields) -> Result<(String, Creation), ApiError> {
    let text = |name| fields.get(name).and_then(Value::as_str);
    let unknown = |values: &EnumValues, given: &str| {
        let [before, after] = values.unknown;
        let cause = Cause::illegal_argument(format!("{before}{given}{after}"));
        let reason = format!(
            "Failed to build [{}] after last required field arrived",
            SYNC_JOB_CREATION.name
        );
        Cause::new("x_content_parse_exception", reason).caused_by(cause)
    };
    let job_type = match text("job_type") {
        None => JobType::default(),
        Some(name) => JobType::parse(name).ok_or_else(|| unknown(&bodies::JOB_TYPE, name))?,
    };
    let trigger_method = match text("trigger_method") {
        None => TriggerMethod::default(),
        Some(name) => {
            TriggerMethod::parse(name).ok_or_else(|| unknown(&bodies::TRIGGER_METHOD, name))?
        }
    };
    let id = text("id").unwrap_or_default().to_owned();
    Ok((id, Creation { job_type, trigger_method }))
}

impl SyncJobEndpoint {
    const fn new(name: &'static str, update: UpdateFn) -> Self {
        Self { name, body: None, validate: |_| Vec::new(), update, missing: bare_id }
    }

    const fn body(self, name: &'static str, fields: &'static [Field]) -> Self {
        Self { body: Some(ObjectSchema { name, fields }), ..self }
    }

    const fn validate(self, validate: fn(&Fields) -> Vec<String>) -> Self {
        Self { validate, ..self }
    }

    const fn missing(self, missing: fn(&str) -> ApiError) -> Self {
        Self { missing, ..self }
    }
}

/// 404 with the bare id as its reason.
pub fn bare_id(id: &str) -> ApiError {
    ApiError::of(404, Cause::new("resource_not_found_exception", id))
}

fn not_found(id: &str) -> ApiError {
    let reason = format!("connector sync job [{id}] not found");
    ApiError::of(404, Cause::new("resource_not_found_exception", reason))
}
