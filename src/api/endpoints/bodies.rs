//! Schemas of the objects and enums in the bodies of updates.

use serde_json::Value;

use crate::api::schema::{EnumValues, Field, FieldType, JsonType, NullPolicy, ObjectSchema, field};
use crate::status::Status;
use crate::sync_job::{JobType, SyncJobStatus, TriggerMethod};

static NULL: Value = Value::Null;
static FALSE: Value = Value::Bool(false);

/// `values.*`: any type but `null`.
pub const VALUE: FieldType = FieldType::Any(&[
    JsonType::String,
    JsonType::Number,
    JsonType::Boolean,
    JsonType::Array,
    JsonType::Object,
]);
const SCALAR: FieldType =
    FieldType::Any(&[JsonType::String, JsonType::Number, JsonType::Boolean, JsonType::Null]);

/// `configuration.*`: the definition of a configuration field. Values are not checked against it.
pub static DEFINITION: ObjectSchema = ObjectSchema {
    name: "connector_configuration",
    fields: &[
        field("category", FieldType::String),
        field("default_value", SCALAR).null(NullPolicy::Keep).default(&NULL),
        field("depends_on", FieldType::Array(&FieldType::Object(&DEPENDENCY))),
        field("display", FieldType::Enum(&DISPLAY)),
        field("label", FieldType::String).required(),
        field("options", FieldType::Array(&FieldType::Object(&OPTION))),
        field("order", FieldType::Int),
        field("placeholder", FieldType::String).null(NullPolicy::Ignore),
        field("required", FieldType::Boolean).default(&FALSE),
        field("sensitive", FieldType::Boolean).default(&FALSE),
        field("tooltip", FieldType::String).null(NullPolicy::Ignore),
        field("type", FieldType::Enum(&FIELD_TYPE)).null(NullPolicy::Ignore),
        field("ui_restrictions", FieldType::Array(&FieldType::String)),
        field("validations", FieldType::Array(&FieldType::Object(&CONSTRAINT))),
        field(
            "value",
            FieldType::Any(&[
                JsonType::String,
                JsonType::Number,
                JsonType::Boolean,
                JsonType::Object,
            ]),
        )
        .null(NullPolicy::Keep)
        .default(&NULL),
    ],
};
static DEPENDENCY: ObjectSchema = ObjectSchema {
    name: "connector_configuration_dependency",
    fields: &[
        field("field", FieldType::String).required(),
        field("value", SCALAR).null(NullPolicy::Keep).required(),
    ],
};
static OPTION: ObjectSchema = ObjectSchema {
    name: "connector_configuration_select_option",
    fields: &[
        field("label", FieldType::String).required(),
        field("value", SCALAR).null(NullPolicy::Keep).required(),
    ],
};
static CONSTRAINT: ObjectSchema = ObjectSchema {
    name: "connector_configuration_validation",
    fields: &[
        field("constraint", FieldType::Any(&[JsonType::String, JsonType::Number, JsonType::Array]))
            .required(),
        field("type", FieldType::Enum(&CONSTRAINT_TYPE)).required(),
    ],
};
static DISPLAY: EnumValues = EnumValues {
    all: &["text", "textbox", "textarea", "numeric", "toggle", "dropdown"],
    case_sensitive: false,
    unknown: ["Unknown ConfigurationDisplayType [", "]."],
};
static FIELD_TYPE: EnumValues = EnumValues {
    all: &["str", "int", "list", "bool"],
    case_sensitive: true,
    unknown: ["Unknown ConfigurationFieldType [", "]."],
};
static CONSTRAINT_TYPE: EnumValues = EnumValues {
    all: &["less_than", "greater_than", "list_type", "included_in", "regex"],
    case_sensitive: false,
    unknown: ["Unknown ConfigurationValidationType [", "]."],
};

/// `features`
pub static FEATURES: ObjectSchema = ObjectSchema {
    name: "connector_features",
    fields: &[
        field("document_level_security", FieldType::Object(&FEATURE)),
        field("incremental_sync", FieldType::Object(&FEATURE)),
        field("native_connector_api_keys", FieldType::Object(&FEATURE)),
        field("sync_rules", FieldType::Object(&SYNC_RULES)),
    ],
};
static SYNC_RULES: ObjectSchema = ObjectSchema {
    name: "sync_rules_features",
    fields: &[
        field("advanced", FieldType::Object(&FEATURE)),
        field("basic", FieldType::Object(&FEATURE)),
    ],
};
static FEATURE: ObjectSchema = ObjectSchema {
    name: "feature_enabled",
    fields: &[field("enabled", FieldType::Boolean).required()],
};

/// One element of `filtering`. `domain` is not declared: there is only one.
pub static FILTERING: ObjectSchema = ObjectSchema {
    name: "connector_filtering",
    fields: &[
        field("active", FieldType::Object(&FILTERING_PART)).required(),
        field("draft", FieldType::Object(&FILTERING_PART)).required(),
    ],
};
static FILTERING_PART: ObjectSchema = ObjectSchema {
    name: "connector_filtering_rules",
    fields: &[
        field("advanced_snippet", FieldType::Object(&SNIPPET)).required(),
        field("rules", FieldType::Array(&FieldType::Object(&RULE))).required(),
        field("validation", FieldType::Object(&VALIDATION)).required(),
    ],
};
/// `advanced_snippet`
pub static SNIPPET: ObjectSchema = ObjectSchema {
    name: "connector_filtering_advanced_snippet",
    fields: &[
        field("created_at", FieldType::Date),
        field("updated_at", FieldType::Date),
        field("value", FieldType::Any(&[JsonType::Object, JsonType::Array])).required(),
    ],
};
/// One of `rules`
pub static RULE: ObjectSchema = ObjectSchema {
    name: "connector_filtering_rule",
    fields: &[
        field("created_at", FieldType::Date),
        field("field", FieldType::String).required(),
        field("id", FieldType::String).required(),
        field("order", FieldType::Int).required(),
        field("policy", FieldType::Enum(&POLICY)).required(),
        field("rule", FieldType::Enum(&CONDITION)).required(),
        field("updated_at", FieldType::Date),
        field("value", FieldType::String).required(),
    ],
};
/// `validation`
pub static VALIDATION: ObjectSchema = ObjectSchema {
    name: "filtering_validation_info",
    fields: &[
        field("errors", FieldType::Array(&FieldType::Object(&VALIDATION_ERROR))).required(),
        field("state", FieldType::Enum(&VALIDATION_STATE)).required(),
    ],
};
static VALIDATION_ERROR: ObjectSchema = ObjectSchema {
    name: "connector_filtering_validation",
    fields: &[
        field("ids", FieldType::Array(&FieldType::String)).required(),
        field("messages", FieldType::Array(&FieldType::String)).required(),
    ],
};
static POLICY: EnumValues = EnumValues {
    all: &["exclude", "include"],
    case_sensitive: false,
    unknown: ["Unknown FilteringPolicy [", "]."],
};
static CONDITION: EnumValues = EnumValues {
    all: &["contains", "ends_with", "equals", ">", "<", "regex", "starts_with"],
    case_sensitive: true,
    unknown: ["Unknown FilteringRuleCondition [", "]."],
};
static VALIDATION_STATE: EnumValues = EnumValues {
    all: &["edited", "invalid", "valid"],
    case_sensitive: false,
    unknown: ["Unknown FilteringValidationState [", "]."],
};

/// `_last_sync`. Fields can't be cleared: `null` is ignored.
pub const LAST_SYNC: &[Field] = &[
    field("last_access_control_sync_error", FieldType::String).null(NullPolicy::Ignore),
    field("last_access_control_sync_scheduled_at", FieldType::Date).null(NullPolicy::Ignore),
    field("last_access_control_sync_status", FieldType::Enum(&SYNC_STATUS))
        .null(NullPolicy::Ignore),
    field("last_deleted_document_count", FieldType::Long),
    field("last_incremental_sync_scheduled_at", FieldType::Date).null(NullPolicy::Ignore),
    field("last_indexed_document_count", FieldType::Long),
    field("last_sync_error", FieldType::String).null(NullPolicy::Ignore),
    field("last_sync_scheduled_at", FieldType::Date).null(NullPolicy::Ignore),
    field("last_sync_status", FieldType::Enum(&SYNC_STATUS)).null(NullPolicy::Ignore),
    field("last_synced", FieldType::Date).null(NullPolicy::Ignore),
    field("sync_cursor", FieldType::Any(&[JsonType::Object])).null(NullPolicy::Ignore),
];
/// `status` of a sync job, and `last_sync_status` of a connector
pub static SYNC_STATUS: EnumValues = EnumValues {
    all: &{
        let [a, b, c, d, e, f, g] = SyncJobStatus::ALL;
        [a.name(), b.name(), c.name(), d.name(), e.name(), f.name(), g.name()]
    },
    case_sensitive: false,
    unknown: ["Unknown ConnectorSyncStatus [", "]."],
};
/// `job_type`
pub static JOB_TYPE: EnumValues = EnumValues {
    all: &{
        let [a, b, c] = JobType::ALL;
        [a.name(), b.name(), c.name()]
    },
    case_sensitive: false,
    unknown: ["Unknown ConnectorSyncJobType [", "]."],
};
/// `trigger_method`
pub static TRIGGER_METHOD: EnumValues = EnumValues {
    all: &{
        let [a, b] = TriggerMethod::ALL;
        [a.name(), b.name()]
    },
    case_sensitive: false,
    unknown: ["Unknown ConnectorSyncJobTriggerMethod [", "]."],
};

/// `pipeline`. Its schema in documents is in documents/fields.rs.
pub static PIPELINE: ObjectSchema = ObjectSchema {
    name: "connector_ingest_pipeline",
    fields: &[
        field("extract_binary_content", FieldType::Boolean).required(),
        field("name", FieldType::String).required(),
        field("reduce_whitespace", FieldType::Boolean).required(),
        field("run_ml_inference", FieldType::Boolean).required(),
    ],
};

/// `scheduling`
pub static SCHEDULING: ObjectSchema = ObjectSchema {
    name: "connector_scheduling",
    fields: &[
        field("access_control", FieldType::Object(&SCHEDULE)),
        field("full", FieldType::Object(&SCHEDULE)),
        field("incremental", FieldType::Object(&SCHEDULE)),
    ],
};
static SCHEDULE: ObjectSchema = ObjectSchema {
    name: "schedule_config",
    fields: &[
        field("enabled", FieldType::Boolean).required(),
        field("interval", FieldType::Cron).required(),
    ],
};

/// `status`
pub static STATUS: EnumValues = EnumValues {
    all: &{
        let [a, b, c, d, e] = Status::ALL;
        [a.name(), b.name(), c.name(), d.name(), e.name()]
    },
    case_sensitive: false,
    unknown: ["Unknown ConnectorStatus: ", ""],
};
