//! Updates of connectors: `PUT /_connector/{id}/<name>`, one declaration each.

pub mod bodies;
mod sync_jobs;

use serde_json::Value;

pub use sync_jobs::{SYNC_JOB_CREATION, SYNC_JOBS, SyncJobEndpoint, bare_id, sync_job_creation};

use super::schema::{Field, FieldType, NullPolicy, ObjectSchema, field};
use crate::connector::{self, Fields, UpdateFn};
use crate::values::{IndexName, NATIVE_INDEX_PREFIX};

/// One kind of update.
#[derive(Debug)]
pub struct Endpoint {
    /// The path segment, also used as the name in the history.
    pub name: &'static str,
    /// The schema of the body. `None`: the request must not have one.
    pub body: Option<ObjectSchema>,
    /// Whether the update reads the connector first. If so, a soft-deleted connector counts as missing and
    /// the 404 has another type, as upstream.
    pub reads_first: fn(&Fields) -> bool,
    /// Finds problems that the schema can't express.
    pub validate: fn(&Fields) -> Vec<String>,
    /// Computes the change to the document.
    pub update: UpdateFn,
}

pub static ALL: [Endpoint; 16] = [
    Endpoint::partial_update("_api_key_id", connector::merge_fields)
        .body(
            "connector_update_api_key_id_request",
            &[
                field("api_key_id", FieldType::String).null(NullPolicy::Ignore),
                field("api_key_secret_id", FieldType::String).null(NullPolicy::Ignore),
            ],
        )
        .validate(|fields| needs_one_of(fields, ["api_key_id", "api_key_secret_id"])),
    Endpoint::partial_update("_check_in", connector::check_in),
    Endpoint::read_modify_write("_configuration", connector::configuration)
        .body(
            "connector_update_configuration_request",
            &[
                field("configuration", FieldType::Map(&FieldType::Object(&bodies::DEFINITION))),
                field("values", FieldType::Map(&bodies::VALUE)),
            ],
        )
        .validate(|fields| {
            match ["configuration", "values"].map(|name| fields.contains_key(name)) {
                [false, false] => problem("[configuration] and [values] cannot both be null."),
                [true, true] => problem(
                    "[configuration] and [values] cannot both be provided in the same request.",
                ),
                _ => Vec::new(),
            }
        }),
    Endpoint::partial_update("_error", connector::error).body(
        "connector_update_error_request",
        &[field("error", FieldType::String).null(NullPolicy::Keep).required()],
    ),
    Endpoint::partial_update("_features", connector::merge_fields).body(
        "connector_update_features_request",
        &[field("features", FieldType::Object(&bodies::FEATURES)).required()],
    ),
    Endpoint::read_modify_write("_filtering", connector::filtering)
        .body(
            "connector_update_filtering_request",
            &[
                field("advanced_snippet", FieldType::Object(&bodies::SNIPPET)),
                field("filtering", FieldType::Array(&FieldType::Object(&bodies::FILTERING))),
                field("rules", FieldType::Array(&FieldType::Object(&bodies::RULE))),
            ],
        )
        .read_first_if(|fields| !fields.contains_key("filtering"))
        .validate(|fields| match (fields.contains_key("filtering"), fields.len()) {
            (_, 0) => problem("[advanced_snippet] and [rules] cannot be both [null]."),
            (true, 2..) => problem(
                "If [filtering] is specified, [rules] and [advanced_snippet] should not be \
                 present in the request body.",
            ),
            _ => Vec::new(),
        }),
    Endpoint::read_modify_write("_filtering/_activate", connector::filtering_activation),
    Endpoint::read_modify_write("_filtering/_validation", connector::filtering_validation).body(
        "connector_update_filtering_validation",
        &[field("validation", FieldType::Object(&bodies::VALIDATION)).required()],
    ),
    Endpoint::read_modify_write("_index_name", connector::index_name)
        .body(
            "connector_update_index_name_request",
            &[field("index_name", FieldType::String).null(NullPolicy::Keep).required()],
        )
        .validate(|fields| {
            let name = fields.get("index_name").and_then(Value::as_str);
            name.and_then(|name| IndexName::parse(name).err()).into_iter().collect()
        }),
    Endpoint::partial_update("_last_sync", connector::merge_fields)
        .body("connector_update_last_sync_stats_request", bodies::LAST_SYNC),
    Endpoint::partial_update("_name", connector::merge_fields)
        .body(
            "connector_update_name_request",
            &[
                field("description", FieldType::String).null(NullPolicy::Ignore),
                field("name", FieldType::String).null(NullPolicy::Ignore),
            ],
        )
        .validate(|fields| needs_one_of(fields, ["name", "description"])),
    Endpoint::read_modify_write("_native", connector::native).body(
        "connector_update_native_request",
        &[field("is_native", FieldType::Boolean).required()],
    ),
    Endpoint::partial_update("_pipeline", connector::merge_fields).body(
        "connector_update_pipeline_request",
        &[field("pipeline", FieldType::Object(&bodies::PIPELINE)).required()],
    ),
    Endpoint::partial_update("_scheduling", connector::merge_fields)
        .body(
            "connector_update_scheduling_request",
            &[field("scheduling", FieldType::Object(&bodies::SCHEDULING)).required()],
        )
        .validate(|fields| match fields.get("scheduling").and_then(Value::as_object) {
            Some(schedules) if !schedules.is_empty() => Vec::new(),
            _ => problem(
                "[scheduling] object needs to define at least one schedule type: \
                 [full | incremental | access_control]",
            ),
        }),
    Endpoint::read_modify_write("_service_type", connector::service_type)
        .body(
            "connector_update_service_type_request",
            &[field("service_type", FieldType::String).required()],
        )
        .validate(|fields| match fields.get("service_type").and_then(Value::as_str) {
            Some("") => problem("[service_type] cannot be [null] or [\"\"]."),
            _ => Vec::new(),
        }),
    Endpoint::read_modify_write("_status", connector::status)
        .body(
            "connector_update_status_request",
            &[field("status", FieldType::Enum(&bodies::STATUS))],
        )
        .validate(|fields| {
            if fields.contains_key("status") {
                Vec::new()
            } else {
                problem("[status] cannot be [null].")
            }
        }),
];

/// The body of a request that creates a connector.
pub const CREATION: ObjectSchema = ObjectSchema {
    name: "connector_put_request",
    fields: &[
        field("description", FieldType::String),
        field("index_name", FieldType::String).null(NullPolicy::Ignore),
        field("is_native", FieldType::Boolean),
        field("language", FieldType::String),
        field("name", FieldType::String),
        field("service_type", FieldType::String),
    ],
};

/// Finds problems of a creation that its schema can't express.
pub fn creation_problems(creation: &connector::Creation) -> Vec<String> {
    let Some(name) = &creation.index_name else { return Vec::new() };
    match IndexName::parse(name) {
        Err(problem) => vec![problem],
        Ok(index) if creation.is_native && !index.may_be_native() => vec![format!(
            "Index [{name}] is invalid. Index attached to an Elastic-managed connector must start \
             with the prefix: [{NATIVE_INDEX_PREFIX}]"
        )],
        Ok(_) => Vec::new(),
    }
}

impl Endpoint {
    /// An update that reads the connector first. It has no body unless [`body`](Self::body) adds one.
    const fn read_modify_write(name: &'static str, update: UpdateFn) -> Self {
        Self { name, body: None, reads_first: |_| true, validate: |_| Vec::new(), update }
    }

    /// An update that doesn't.
    const fn partial_update(name: &'static str, update: UpdateFn) -> Self {
        Self { reads_first: |_| false, ..Self::read_modify_write(name, update) }
    }

    const fn body(self, name: &'static str, fields: &'static [Field]) -> Self {
        Self { body: Some(ObjectSchema { name, fields }), ..self }
    }

    /// Reads the connector first only for some bodies.
    const fn read_first_if(self, reads_first: fn(&Fields) -> bool) -> Self {
        Self { reads_first, ..self }
    }

    const fn validate(self, validate: fn(&Fields) -> Vec<String>) -> Self {
        Self { validate, ..self }
    }
}

fn problem(text: &str) -> Vec<String> {
    vec![text.to_owned()]
}

fn needs_one_of(fields: &Fields, [a, b]: [&str; 2]) -> Vec<String> {
    if fields.contains_key(a) || fields.contains_key(b) {
        return Vec::new();
    }
    vec![format!(
        "[{a}] and [{b}] cannot both be [null]. Please provide a value for at least one of them."
    )]
}
