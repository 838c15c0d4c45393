//! The updates: `PUT /_connector/{id}/<name>`, one declaration each.

mod objects;

use serde_json::Value;

use super::body::{Field, Null, Object, Shape, field};
use crate::connector::{self, Change, Fields, IndexName, NATIVE_INDEX_PREFIX};

/// One kind of update.
#[derive(Debug)]
pub struct Endpoint {
    /// Its path segment; also how the history calls it.
    pub name: &'static str,
    /// What its body holds; `None`: it must not have one.
    pub body: Option<Object>,
    /// Does it read the connector first? Then a soft-deleted one is not there, and the 404 is of
    /// another type.
    pub reads_first: fn(&Fields) -> bool,
    /// What is wrong with a body whose fields are all well-formed.
    pub problems: fn(&Fields) -> Vec<String>,
    /// What it does to the document.
    pub change: Change,
}

/// Every update.
pub static ALL: [Endpoint; 16] = [
    Endpoint::blind("_api_key_id", connector::as_given)
        .takes(
            "connector_update_api_key_id_request",
            &[
                field("api_key_id", Shape::Text).null(Null::Dropped),
                field("api_key_secret_id", Shape::Text).null(Null::Dropped),
            ],
        )
        .unless(|fields| needs_one_of(fields, ["api_key_id", "api_key_secret_id"])),
    Endpoint::blind("_check_in", connector::check_in),
    Endpoint::reading("_configuration", connector::configuration)
        .takes(
            "connector_update_configuration_request",
            &[
                field("configuration", Shape::Map(&Shape::Object(&objects::DEFINITION))),
                field("values", Shape::Map(&objects::VALUE)),
            ],
        )
        .unless(|fields| match ["configuration", "values"].map(|name| fields.contains_key(name)) {
            [false, false] => problem("[configuration] and [values] cannot both be null."),
            [true, true] => {
                problem("[configuration] and [values] cannot both be provided in the same request.")
            }
            _ => Vec::new(),
        }),
    Endpoint::blind("_error", connector::error).takes(
        "connector_update_error_request",
        &[field("error", Shape::Text).null(Null::Kept).required()],
    ),
    Endpoint::blind("_features", connector::as_given).takes(
        "connector_update_features_request",
        &[field("features", Shape::Object(&objects::FEATURES)).required()],
    ),
    Endpoint::reading("_filtering", connector::filtering)
        .takes(
            "connector_update_filtering_request",
            &[
                field("advanced_snippet", Shape::Object(&objects::SNIPPET)),
                field("filtering", Shape::List(&Shape::Object(&objects::FILTERING))),
                field("rules", Shape::List(&Shape::Object(&objects::RULE))),
            ],
        )
        .reading_if(|fields| !fields.contains_key("filtering"))
        .unless(|fields| match (fields.contains_key("filtering"), fields.len()) {
            (_, 0) => problem("[advanced_snippet] and [rules] cannot be both [null]."),
            (true, 2..) => problem(
                "If [filtering] is specified, [rules] and [advanced_snippet] should not be \
                 present in the request body.",
            ),
            _ => Vec::new(),
        }),
    Endpoint::reading("_filtering/_activate", connector::filtering_activation),
    Endpoint::reading("_filtering/_validation", connector::filtering_validation).takes(
        "connector_update_filtering_validation",
        &[field("validation", Shape::Object(&objects::VALIDATION)).required()],
    ),
    Endpoint::reading("_index_name", connector::index_name)
        .takes(
            "connector_update_index_name_request",
            &[field("index_name", Shape::Text).null(Null::Kept).required()],
        )
        .unless(|fields| {
            let name = fields.get("index_name").and_then(Value::as_str);
            name.and_then(|name| IndexName::parse(name).err()).into_iter().collect()
        }),
    Endpoint::blind("_last_sync", connector::as_given)
        .takes("connector_update_last_sync_stats_request", objects::LAST_SYNC),
    Endpoint::blind("_name", connector::as_given)
        .takes(
            "connector_update_name_request",
            &[
                field("description", Shape::Text).null(Null::Dropped),
                field("name", Shape::Text).null(Null::Dropped),
            ],
        )
        .unless(|fields| needs_one_of(fields, ["name", "description"])),
    Endpoint::reading("_native", connector::native)
        .takes("connector_update_native_request", &[field("is_native", Shape::Boolean).required()]),
    Endpoint::blind("_pipeline", connector::as_given).takes(
        "connector_update_pipeline_request",
        &[field("pipeline", Shape::Object(&objects::PIPELINE)).required()],
    ),
    Endpoint::blind("_scheduling", connector::as_given)
        .takes(
            "connector_update_scheduling_request",
            &[field("scheduling", Shape::Object(&objects::SCHEDULING)).required()],
        )
        .unless(|fields| match fields.get("scheduling").and_then(Value::as_object) {
            Some(schedules) if !schedules.is_empty() => Vec::new(),
            _ => problem(
                "[scheduling] object needs to define at least one schedule type: \
                 [full | incremental | access_control]",
            ),
        }),
    Endpoint::reading("_service_type", connector::service_type)
        .takes(
            "connector_update_service_type_request",
            &[field("service_type", Shape::Text).required()],
        )
        .unless(|fields| match fields.get("service_type").and_then(Value::as_str) {
            Some("") => problem("[service_type] cannot be [null] or [\"\"]."),
            _ => Vec::new(),
        }),
    Endpoint::reading("_status", connector::status)
        .takes("connector_update_status_request", &[field("status", Shape::Word(&objects::STATUS))])
        .unless(|fields| match fields.contains_key("status") {
            true => Vec::new(),
            false => problem("[status] cannot be [null]."),
        }),
];

/// The body of a creation.
pub const CREATION: Object = Object {
    name: "connector_put_request",
    fields: &[
        field("description", Shape::Text),
        field("index_name", Shape::Text).null(Null::Dropped),
        field("is_native", Shape::Boolean),
        field("language", Shape::Text),
        field("name", Shape::Text),
        field("service_type", Shape::Text),
    ],
};

/// What is wrong with a creation whose fields are all well-formed.
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
    /// An update that reads the connector first, and takes no body.
    const fn reading(name: &'static str, change: Change) -> Self {
        Self { name, body: None, reads_first: |_| true, problems: |_| Vec::new(), change }
    }

    /// An update that does not, and takes no body.
    const fn blind(name: &'static str, change: Change) -> Self {
        Self { reads_first: |_| false, ..Self::reading(name, change) }
    }

    /// With a body.
    const fn takes(self, name: &'static str, fields: &'static [Field]) -> Self {
        Self { body: Some(Object { name, fields }), ..self }
    }

    /// Reading the connector first for some bodies only.
    const fn reading_if(self, reads_first: fn(&Fields) -> bool) -> Self {
        Self { reads_first, ..self }
    }

    /// With a look at the body as a whole.
    const fn unless(self, problems: fn(&Fields) -> Vec<String>) -> Self {
        Self { problems, ..self }
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
