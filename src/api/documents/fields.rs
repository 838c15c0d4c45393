//! The fields of documents and their types, which writes through the document API are checked against.
//! Fields that are not declared are kept unchanged.

use crate::api::endpoints::bodies::{JOB_TYPE, STATUS, SYNC_STATUS, TRIGGER_METHOD};
use crate::api::schema::{Field, FieldType, JsonType, NullPolicy, ObjectSchema, field};
use crate::query::Mapping;

const OBJECT: FieldType = FieldType::Any(&[JsonType::Object]);

/// Most fields may be absent or null.
const fn nullable(name: &'static str, field_type: FieldType) -> Field {
    field(name, field_type).null(NullPolicy::Keep)
}

pub static CONNECTOR: ObjectSchema = ObjectSchema {
    name: "connector",
    fields: &[
        nullable("api_key_id", FieldType::String),
        nullable("api_key_secret_id", FieldType::String),
        nullable("configuration", FieldType::Map(&FieldType::OpenObject(&DEFINITION))),
        nullable("custom_scheduling", FieldType::Map(&FieldType::OpenObject(&CUSTOM_SCHEDULE))),
        nullable("deleted", FieldType::Boolean),
        nullable("description", FieldType::String),
        nullable("error", FieldType::String),
        nullable("features", FieldType::OpenObject(&FEATURES)),
        nullable("filtering", FieldType::Array(&FieldType::OpenObject(&FILTERING))),
        nullable("index_name", FieldType::String),
        nullable("is_native", FieldType::Boolean),
        nullable("language", FieldType::String),
        nullable("last_access_control_sync_error", FieldType::String),
        nullable("last_access_control_sync_scheduled_at", FieldType::Date),
        nullable("last_access_control_sync_status", FieldType::Enum(&SYNC_STATUS)),
        nullable("last_deleted_document_count", FieldType::Long),
        nullable("last_incremental_sync_scheduled_at", FieldType::Date),
        nullable("last_indexed_document_count", FieldType::Long),
        nullable("last_seen", FieldType::Date),
        nullable("last_sync_error", FieldType::String),
        nullable("last_sync_scheduled_at", FieldType::Date),
        nullable("last_sync_status", FieldType::Enum(&SYNC_STATUS)),
        nullable("last_synced", FieldType::Date),
        nullable("name", FieldType::String),
        nullable("pipeline", FieldType::OpenObject(&PIPELINE)),
        nullable("scheduling", FieldType::OpenObject(&SCHEDULING)),
        nullable("service_type", FieldType::String),
        field("status", FieldType::Enum(&STATUS)),
        nullable("sync_cursor", OBJECT),
        nullable("sync_now", FieldType::Boolean),
    ],
};

pub static SYNC_JOB: ObjectSchema = ObjectSchema {
    name: "sync_job",
    fields: &[
        nullable("cancelation_requested_at", FieldType::Date),
        nullable("canceled_at", FieldType::Date),
        nullable("completed_at", FieldType::Date),
        field("connector", FieldType::OpenObject(&CONNECTOR_OF_JOB)),
        nullable("created_at", FieldType::Date),
        nullable("deleted_document_count", FieldType::Long),
        nullable("error", FieldType::String),
        nullable("indexed_document_count", FieldType::Long),
        nullable("indexed_document_volume", FieldType::Long),
        field("job_type", FieldType::Enum(&JOB_TYPE)),
        nullable("last_seen", FieldType::Date),
        nullable("metadata", OBJECT),
        nullable("started_at", FieldType::Date),
        field("status", FieldType::Enum(&SYNC_STATUS)),
        nullable("total_document_count", FieldType::Long),
        nullable("trigger_method", FieldType::Enum(&TRIGGER_METHOD)),
        nullable("worker_hostname", FieldType::String),
    ],
};
static CONNECTOR_OF_JOB: ObjectSchema = ObjectSchema {
    name: "connector_of_sync_job",
    fields: &[
        nullable("configuration", FieldType::Map(&FieldType::OpenObject(&DEFINITION))),
        nullable("filtering", FieldType::Any(&[JsonType::Object, JsonType::Array])),
        field("id", FieldType::String),
        nullable("index_name", FieldType::String),
        nullable("language", FieldType::String),
        nullable("pipeline", FieldType::OpenObject(&PIPELINE)),
        nullable("service_type", FieldType::String),
        nullable("sync_cursor", OBJECT),
    ],
};

/// `value` and `default_value` may have any type, so they are not declared.
static DEFINITION: ObjectSchema = ObjectSchema {
    name: "connector_configuration",
    fields: &[
        nullable("category", FieldType::String),
        nullable("depends_on", FieldType::Array(&OBJECT)),
        nullable("display", FieldType::String),
        nullable("label", FieldType::String),
        nullable("options", FieldType::Array(&OBJECT)),
        nullable("order", FieldType::Int),
        nullable("placeholder", FieldType::String),
        nullable("required", FieldType::Boolean),
        nullable("sensitive", FieldType::Boolean),
        nullable("tooltip", FieldType::String),
        nullable("type", FieldType::String),
        nullable("ui_restrictions", FieldType::Array(&FieldType::String)),
        nullable("validations", FieldType::Array(&OBJECT)),
    ],
};
static CUSTOM_SCHEDULE: ObjectSchema = ObjectSchema {
    name: "custom_schedule",
    fields: &[
        nullable("configuration_overrides", OBJECT),
        nullable("enabled", FieldType::Boolean),
        nullable("interval", FieldType::String),
        nullable("last_synced", FieldType::Date),
        nullable("name", FieldType::String),
    ],
};
static FEATURES: ObjectSchema = ObjectSchema {
    name: "connector_features",
    fields: &[
        nullable("document_level_security", FieldType::OpenObject(&FEATURE)),
        nullable("incremental_sync", FieldType::OpenObject(&FEATURE)),
        nullable("native_connector_api_keys", FieldType::OpenObject(&FEATURE)),
        nullable("sync_rules", FieldType::OpenObject(&SYNC_RULES)),
    ],
};
static SYNC_RULES: ObjectSchema = ObjectSchema {
    name: "sync_rules_features",
    fields: &[
        nullable("advanced", FieldType::OpenObject(&FEATURE)),
        nullable("basic", FieldType::OpenObject(&FEATURE)),
    ],
};
static FEATURE: ObjectSchema =
    ObjectSchema { name: "feature_enabled", fields: &[nullable("enabled", FieldType::Boolean)] };
static FILTERING: ObjectSchema = ObjectSchema {
    name: "connector_filtering",
    fields: &[
        nullable("active", FieldType::OpenObject(&FILTERING_PART)),
        nullable("domain", FieldType::String),
        nullable("draft", FieldType::OpenObject(&FILTERING_PART)),
    ],
};
static FILTERING_PART: ObjectSchema = ObjectSchema {
    name: "connector_filtering_rules",
    fields: &[
        nullable("advanced_snippet", FieldType::OpenObject(&SNIPPET)),
        nullable("rules", FieldType::Array(&FieldType::OpenObject(&RULE))),
        nullable("validation", FieldType::OpenObject(&VALIDATION)),
    ],
};
static SNIPPET: ObjectSchema = ObjectSchema {
    name: "connector_filtering_advanced_snippet",
    fields: &[
        nullable("created_at", FieldType::Date),
        nullable("updated_at", FieldType::Date),
        nullable("value", FieldType::Any(&[JsonType::Object, JsonType::Array])),
    ],
};
static RULE: ObjectSchema = ObjectSchema {
    name: "connector_filtering_rule",
    fields: &[
        nullable("created_at", FieldType::Date),
        nullable("field", FieldType::String),
        nullable("id", FieldType::String),
        nullable("order", FieldType::Int),
        nullable("policy", FieldType::String),
        nullable("rule", FieldType::String),
        nullable("updated_at", FieldType::Date),
    ],
};
static VALIDATION: ObjectSchema = ObjectSchema {
    name: "filtering_validation_info",
    fields: &[nullable("errors", FieldType::Array(&OBJECT)), nullable("state", FieldType::String)],
};
static PIPELINE: ObjectSchema = ObjectSchema {
    name: "connector_ingest_pipeline",
    fields: &[
        nullable("extract_binary_content", FieldType::Boolean),
        nullable("name", FieldType::String),
        nullable("reduce_whitespace", FieldType::Boolean),
        nullable("run_ml_inference", FieldType::Boolean),
    ],
};
static SCHEDULING: ObjectSchema = ObjectSchema {
    name: "connector_scheduling",
    fields: &[
        nullable("access_control", FieldType::OpenObject(&SCHEDULE)),
        nullable("full", FieldType::OpenObject(&SCHEDULE)),
        nullable("incremental", FieldType::OpenObject(&SCHEDULE)),
    ],
};
static SCHEDULE: ObjectSchema = ObjectSchema {
    name: "schedule_config",
    fields: &[nullable("enabled", FieldType::Boolean), nullable("interval", FieldType::String)],
};

/// How the values of a field are compared.
pub fn mapping(schema: &'static ObjectSchema, path: &str) -> Mapping {
    match type_of(schema, path) {
        Some(FieldType::Date) => Mapping::Date,
        _ if path == "description" => Mapping::Text,
        _ => Mapping::Keyword,
    }
}

fn type_of(schema: &'static ObjectSchema, path: &str) -> Option<FieldType> {
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    let field = schema.fields.iter().find(|field| field.name == name)?;
    match field.field_type {
        found if rest.is_empty() => Some(found),
        FieldType::OpenObject(inner) => type_of(inner, rest),
        FieldType::Array(FieldType::OpenObject(inner)) => type_of(inner, rest),
        _ => None,
    }
}
