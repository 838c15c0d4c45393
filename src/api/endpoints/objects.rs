//! What stands inside the bodies of updates.

use serde_json::Value;

use crate::api::body::{Field, Kind, Null, Object, Shape, Words, field};
use crate::status::Status;

static NULL: Value = Value::Null;
static FALSE: Value = Value::Bool(false);

/// `values.*`: `null` is no value.
pub const VALUE: Shape =
    Shape::Any(&[Kind::Text, Kind::Number, Kind::Boolean, Kind::List, Kind::Object]);
const SCALAR: Shape = Shape::Any(&[Kind::Text, Kind::Number, Kind::Boolean, Kind::Null]);

/// `configuration.*`: what one may configure. Values are not checked against it.
pub static DEFINITION: Object = Object {
    name: "connector_configuration",
    fields: &[
        field("category", Shape::Text),
        field("default_value", SCALAR).null(Null::Kept).or(&NULL),
        field("depends_on", Shape::List(&Shape::Object(&DEPENDENCY))),
        field("display", Shape::Word(&DISPLAY)),
        field("label", Shape::Text).required(),
        field("options", Shape::List(&Shape::Object(&OPTION))),
        field("order", Shape::Int),
        field("placeholder", Shape::Text).null(Null::Dropped),
        field("required", Shape::Boolean).or(&FALSE),
        field("sensitive", Shape::Boolean).or(&FALSE),
        field("tooltip", Shape::Text).null(Null::Dropped),
        field("type", Shape::Word(&FIELD_TYPE)).null(Null::Dropped),
        field("ui_restrictions", Shape::List(&Shape::Text)),
        field("validations", Shape::List(&Shape::Object(&CONSTRAINT))),
        field("value", Shape::Any(&[Kind::Text, Kind::Number, Kind::Boolean, Kind::Object]))
            .null(Null::Kept)
            .or(&NULL),
    ],
};
static DEPENDENCY: Object = Object {
    name: "connector_configuration_dependency",
    fields: &[
        field("field", Shape::Text).required(),
        field("value", SCALAR).null(Null::Kept).required(),
    ],
};
static OPTION: Object = Object {
    name: "connector_configuration_select_option",
    fields: &[
        field("label", Shape::Text).required(),
        field("value", SCALAR).null(Null::Kept).required(),
    ],
};
static CONSTRAINT: Object = Object {
    name: "connector_configuration_validation",
    fields: &[
        field("constraint", Shape::Any(&[Kind::Text, Kind::Number, Kind::List])).required(),
        field("type", Shape::Word(&CONSTRAINT_TYPE)).required(),
    ],
};
static DISPLAY: Words = Words {
    all: &["text", "textbox", "textarea", "numeric", "toggle", "dropdown"],
    exact: false,
    unknown: ["Unknown ConfigurationDisplayType [", "]."],
};
static FIELD_TYPE: Words = Words {
    all: &["str", "int", "list", "bool"],
    exact: true,
    unknown: ["Unknown ConfigurationFieldType [", "]."],
};
static CONSTRAINT_TYPE: Words = Words {
    all: &["less_than", "greater_than", "list_type", "included_in", "regex"],
    exact: false,
    unknown: ["Unknown ConfigurationValidationType [", "]."],
};

/// `features`
pub static FEATURES: Object = Object {
    name: "connector_features",
    fields: &[
        field("document_level_security", Shape::Object(&FEATURE)),
        field("incremental_sync", Shape::Object(&FEATURE)),
        field("native_connector_api_keys", Shape::Object(&FEATURE)),
        field("sync_rules", Shape::Object(&SYNC_RULES)),
    ],
};
static SYNC_RULES: Object = Object {
    name: "sync_rules_features",
    fields: &[field("advanced", Shape::Object(&FEATURE)), field("basic", Shape::Object(&FEATURE))],
};
static FEATURE: Object =
    Object { name: "feature_enabled", fields: &[field("enabled", Shape::Boolean).required()] };

/// One element of `filtering`. There is only one domain, whatever the caller calls it.
pub static FILTERING: Object = Object {
    name: "connector_filtering",
    fields: &[
        field("active", Shape::Object(&FILTERING_PART)).required(),
        field("draft", Shape::Object(&FILTERING_PART)).required(),
    ],
};
static FILTERING_PART: Object = Object {
    name: "connector_filtering_rules",
    fields: &[
        field("advanced_snippet", Shape::Object(&SNIPPET)).required(),
        field("rules", Shape::List(&Shape::Object(&RULE))).required(),
        field("validation", Shape::Object(&VALIDATION)).required(),
    ],
};
/// `advanced_snippet`
pub static SNIPPET: Object = Object {
    name: "connector_filtering_advanced_snippet",
    fields: &[
        field("created_at", Shape::Date),
        field("updated_at", Shape::Date),
        field("value", Shape::Any(&[Kind::Object, Kind::List])).required(),
    ],
};
/// One of `rules`
pub static RULE: Object = Object {
    name: "connector_filtering_rule",
    fields: &[
        field("created_at", Shape::Date),
        field("field", Shape::Text).required(),
        field("id", Shape::Text).required(),
        field("order", Shape::Int).required(),
        field("policy", Shape::Word(&POLICY)).required(),
        field("rule", Shape::Word(&CONDITION)).required(),
        field("updated_at", Shape::Date),
        field("value", Shape::Text).required(),
    ],
};
/// `validation`
pub static VALIDATION: Object = Object {
    name: "filtering_validation_info",
    fields: &[
        field("errors", Shape::List(&Shape::Object(&VALIDATION_ERROR))).required(),
        field("state", Shape::Word(&VALIDATION_STATE)).required(),
    ],
};
static VALIDATION_ERROR: Object = Object {
    name: "connector_filtering_validation",
    fields: &[
        field("ids", Shape::List(&Shape::Text)).required(),
        field("messages", Shape::List(&Shape::Text)).required(),
    ],
};
static POLICY: Words = Words {
    all: &["exclude", "include"],
    exact: false,
    unknown: ["Unknown FilteringPolicy [", "]."],
};
static CONDITION: Words = Words {
    all: &["contains", "ends_with", "equals", ">", "<", "regex", "starts_with"],
    exact: true,
    unknown: ["Unknown FilteringRuleCondition [", "]."],
};
static VALIDATION_STATE: Words = Words {
    all: &["edited", "invalid", "valid"],
    exact: false,
    unknown: ["Unknown FilteringValidationState [", "]."],
};

/// `_last_sync`: nothing can be cleared.
pub const LAST_SYNC: &[Field] = &[
    field("last_access_control_sync_error", Shape::Text).null(Null::Dropped),
    field("last_access_control_sync_scheduled_at", Shape::Date).null(Null::Dropped),
    field("last_access_control_sync_status", Shape::Word(&SYNC_STATUS)).null(Null::Dropped),
    field("last_deleted_document_count", Shape::Long),
    field("last_incremental_sync_scheduled_at", Shape::Date).null(Null::Dropped),
    field("last_indexed_document_count", Shape::Long),
    field("last_sync_error", Shape::Text).null(Null::Dropped),
    field("last_sync_scheduled_at", Shape::Date).null(Null::Dropped),
    field("last_sync_status", Shape::Word(&SYNC_STATUS)).null(Null::Dropped),
    field("last_synced", Shape::Date).null(Null::Dropped),
    field("sync_cursor", Shape::Any(&[Kind::Object])).null(Null::Dropped),
];
static SYNC_STATUS: Words = Words {
    all: &["canceling", "canceled", "completed", "error", "in_progress", "pending", "suspended"],
    exact: false,
    unknown: ["Unknown ConnectorSyncStatus [", "]."],
};

/// `pipeline`
pub static PIPELINE: Object = Object {
    name: "connector_ingest_pipeline",
    fields: &[
        field("extract_binary_content", Shape::Boolean).required(),
        field("name", Shape::Text).required(),
        field("reduce_whitespace", Shape::Boolean).required(),
        field("run_ml_inference", Shape::Boolean).required(),
    ],
};

/// `scheduling`
pub static SCHEDULING: Object = Object {
    name: "connector_scheduling",
    fields: &[
        field("access_control", Shape::Object(&SCHEDULE)),
        field("full", Shape::Object(&SCHEDULE)),
        field("incremental", Shape::Object(&SCHEDULE)),
    ],
};
static SCHEDULE: Object = Object {
    name: "schedule_config",
    fields: &[
        field("enabled", Shape::Boolean).required(),
        field("interval", Shape::Cron).required(),
    ],
};

/// `status`
pub static STATUS: Words = Words {
    all: &{
        let [a, b, c, d, e] = Status::ALL;
        [a.name(), b.name(), c.name(), d.name(), e.name()]
    },
    exact: false,
    unknown: ["Unknown ConnectorStatus: ", ""],
};
