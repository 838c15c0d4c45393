//! The OpenAPI 3.1 description. Request schemas and update endpoints are generated from the declarations
//! that parse requests; the rest is in openapi.json. It is generated at build time and served as a static
//! file, so this code and that file are not part of the Worker.

use serde_json::{Map, Value, json};

use super::endpoints::bodies::{JOB_TYPE, SYNC_STATUS, TRIGGER_METHOD};
use super::endpoints::{ALL, CREATION, Endpoint, SYNC_JOB_CREATION, SYNC_JOBS, SyncJobEndpoint};
use super::schema::{EnumValues, Field, FieldType, JsonType, NullPolicy, ObjectSchema, Presence};
use crate::connector::Fields;
use crate::limits::BODY_BYTES;
use crate::status::Status;

/// Completes the content of openapi.json.
pub fn document(mut document: Fields) -> Value {
    let mut info = section(&mut document, "info");
    info.insert("version".to_owned(), env!("CARGO_PKG_VERSION").into());
    document.insert("info".to_owned(), info.into());

    let mut components = section(&mut document, "components");
    let mut schemas = section(&mut components, "schemas");
    add_request_schemas(&mut schemas);
    schemas.sort_keys();
    components.insert("schemas".to_owned(), schemas.into());
    document.insert("components".to_owned(), components.into());

    let mut paths = section(&mut document, "paths");
    for endpoint in &ALL {
        let path = format!("/_connector/{{connector_id}}/{}", endpoint.name);
        add_operation(&mut paths, path, "connector_id", update(endpoint));
    }
    for endpoint in &SYNC_JOBS {
        let path = format!("/_connector/_sync_job/{{connector_sync_job_id}}/{}", endpoint.name);
        add_operation(&mut paths, path, "connector_sync_job_id", sync_job_update(endpoint));
    }
    paths.values_mut().for_each(add_common_parts);
    paths.sort_keys();
    document.insert("paths".to_owned(), paths.into());
    document.into()
}

/// Takes a nested object out of its parent.
fn section(object: &mut Fields, name: &str) -> Fields {
    match object.get_mut(name).map(Value::take) {
        Some(Value::Object(section)) => section,
        _ => Fields::new(),
    }
}

/// Adds the schemas of request bodies and enums.
fn add_request_schemas(schemas: &mut Fields) {
    let updates = ALL.iter().filter_map(|endpoint| endpoint.body.as_ref());
    let sync_jobs = SYNC_JOBS.iter().filter_map(|endpoint| endpoint.body.as_ref());
    for object in [&CREATION, &SYNC_JOB_CREATION].into_iter().chain(updates).chain(sync_jobs) {
        let mut schema = object_schema(schemas, object);
        insert(&mut schema, "additionalProperties", false.into());
        schemas.insert(object.name.to_owned(), schema);
    }
    // The body's schema declares these as strings, because they are checked last.
    let enum_schema =
        |values: &'static EnumValues| type_schema(&mut Map::new(), FieldType::Enum(values));
    let (job_type, trigger_method) = (enum_schema(&JOB_TYPE), enum_schema(&TRIGGER_METHOD));
    let creation = schemas.get_mut(SYNC_JOB_CREATION.name);
    if let Some(properties) = creation.and_then(|schema| schema.get_mut("properties")) {
        insert(properties, "job_type", job_type);
        insert(properties, "trigger_method", trigger_method);
    }
    let statuses = Status::ALL.map(Status::name);
    for (name, values) in [
        ("connector_status", statuses.as_slice()),
        ("sync_job_status", SYNC_STATUS.all),
        ("job_type", JOB_TYPE.all),
        ("trigger_method", TRIGGER_METHOD.all),
    ] {
        schemas.insert(name.to_owned(), json!({ "enum": values }));
    }
}

fn add_operation(paths: &mut Fields, path: String, id: &str, operation: Value) {
    let item = || json!({ "parameters": [reference("parameters", id)] });
    insert(paths.entry(path).or_insert_with(item), "put", operation);
}

fn update(endpoint: &Endpoint) -> Value {
    let name = endpoint.name.trim_start_matches('_').replace("/_", "_");
    let summary = format!("Update `{name}`");
    put(&format!("update_{name}"), &summary, endpoint.body.as_ref())
}

fn sync_job_update(SyncJobEndpoint { name, body, .. }: &SyncJobEndpoint) -> Value {
    let summary = format!("Sync job: `{}`", name.trim_start_matches('_'));
    put(&format!("sync_job{name}"), &summary, body.as_ref())
}

fn put(id: &str, summary: &str, body: Option<&ObjectSchema>) -> Value {
    let errors: &[&str] = match body {
        Some(_) => &["400", "404", "406", "412", "413"],
        None => &["400", "404", "412"],
    };
    let error = |status: &&str| ((*status).to_owned(), reference("responses", "Error"));
    let mut responses: Map<String, Value> = errors.iter().map(error).collect();
    let done = json!({ "description": "Updated, or `noop` if nothing changed", "content": content("result") });
    responses.insert("200".to_owned(), done);
    let mut operation = json!({
        "operationId": id,
        "summary": summary,
        "parameters": [reference("parameters", "If-Match")],
        "responses": responses,
    });
    if let Some(body) = body {
        let body = json!({ "required": true, "content": content(body.name) });
        insert(&mut operation, "requestBody", body);
    }
    operation
}

/// Adds what all operations have in common to the operations of a path.
fn add_common_parts(item: &mut Value) {
    let Value::Object(item) = item else { return };
    for (_, operation) in item.iter_mut().filter(|(method, _)| *method != "parameters") {
        let Value::Object(operation) = operation else { continue };
        operation.insert("tags".to_owned(), json!(["connector"]));
        let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
        if let Value::Array(parameters) = parameters {
            parameters.push(reference("parameters", "pretty"));
        }
        let body = operation.get_mut("requestBody");
        if let Some(body) = body.filter(|body| body.get("description").is_none()) {
            insert(body, "description", format!("At most {BODY_BYTES} bytes").into());
        }
        let Some(Value::Object(responses)) = operation.get_mut("responses") else { continue };
        for (_, response) in responses.iter_mut().filter(|(status, _)| status.starts_with('2')) {
            let Value::Object(response) = response else { continue };
            let headers = response.entry("headers").or_insert_with(|| json!({}));
            let product = reference("headers", "X-elastic-product");
            insert(headers, "X-elastic-product", product);
        }
        for status in ["401", "403", "429", "503"] {
            responses.insert(status.to_owned(), reference("responses", "Error"));
        }
        responses.insert("405".to_owned(), reference("responses", "WrongMethod"));
    }
}

fn content(schema: &str) -> Value {
    json!({ "application/json": { "schema": reference("schemas", schema) } })
}

fn object_schema(schemas: &mut Map<String, Value>, object: &ObjectSchema) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in object.fields {
        properties.insert(field.name.to_owned(), field_schema(schemas, field));
        if matches!(field.presence, Presence::Required) {
            required.push(field.name);
        }
    }
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        insert(&mut schema, "required", required.into());
    }
    schema
}

fn field_schema(schemas: &mut Map<String, Value>, field: &Field) -> Value {
    let mut schema = type_schema(schemas, field.field_type);
    if field.null != NullPolicy::Reject {
        schema = json!({ "anyOf": [schema, { "type": "null" }] });
    }
    if field.null == NullPolicy::Ignore {
        insert(&mut schema, "description", "`null` means the same as leaving it out".into());
    }
    if let Presence::Default(value) = field.presence {
        insert(&mut schema, "default", value.clone());
    }
    schema
}

fn type_schema(schemas: &mut Map<String, Value>, field_type: FieldType) -> Value {
    match field_type {
        FieldType::String => json!({ "type": "string" }),
        FieldType::Boolean => json!({ "enum": [true, false, "true", "false"] }),
        FieldType::Int => whole_number(i32::MIN.into(), i32::MAX.into()),
        FieldType::Long => whole_number(i64::MIN, i64::MAX),
        FieldType::Date => json!({
            "type": "string",
            "description": "ISO 8601, from a year alone to a full date and time; or milliseconds since 1970",
            "examples": ["2026-02-03T04:05:06.789Z", "2026-02-03", "1770091506789"],
        }),
        FieldType::Cron => json!({
            "type": "string",
            "description": "A Quartz cron expression: seconds first, the year optional, and `?` for exactly one of day-of-month and day-of-week",
            "examples": ["0 0 0 * * ?", "0 0/15 8-17 ? * MON-FRI"],
        }),
        FieldType::Enum(values) => {
            let case = if values.case_sensitive { "Case-sensitive" } else { "Not case-sensitive" };
            json!({ "type": "string", "enum": values.all, "description": case })
        }
        FieldType::Object(object) | FieldType::OpenObject(object) => {
            if !schemas.contains_key(object.name) {
                let schema = object_schema(schemas, object);
                schemas.insert(object.name.to_owned(), schema);
            }
            reference("schemas", object.name)
        }
        FieldType::Array(element) => {
            let item = type_schema(schemas, *element);
            json!({ "anyOf": [{ "type": "array", "items": item }, item] })
        }
        FieldType::Map(value_type) => {
            json!({ "type": "object", "additionalProperties": type_schema(schemas, *value_type) })
        }
        FieldType::Any(kinds) => {
            let types: Vec<_> = kinds.iter().map(|kind| kind_name(*kind)).collect();
            json!({ "type": types })
        }
    }
}

fn whole_number(least: i64, most: i64) -> Value {
    let pattern = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$";
    let string = json!({ "type": "string", "pattern": pattern });
    let number = json!({ "type": "number", "minimum": least, "maximum": most });
    json!({ "anyOf": [number, string], "description": "Fractions are truncated" })
}

const fn kind_name(kind: JsonType) -> &'static str {
    match kind {
        JsonType::String => "string",
        JsonType::Number => "number",
        JsonType::Boolean => "boolean",
        JsonType::Null => "null",
        JsonType::Array => "array",
        JsonType::Object => "object",
    }
}

fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

fn insert(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(object) = object {
        object.insert(name.to_owned(), value);
    }
}
