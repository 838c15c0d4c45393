//! The description of the API in OpenAPI 3.1, derived from the declarations that read requests.
//! It is made at build time and served as a file; the Worker does not call it, so it is not in it.

use serde_json::{Map, Value, json};

use super::endpoints::objects::{JOB_TYPE, SYNC_STATUS, TRIGGER_METHOD};
use super::endpoints::{ALL, CREATION, Endpoint, SYNC_JOB_CREATION, SYNC_JOBS, SyncJobEndpoint};
use super::schema::{Field, FieldType, JsonType, NullPolicy, ObjectSchema, Presence};
use super::{BODY_LIMIT, ID_LIMIT, LIST_LIMIT};
use crate::status::Status;

/// The description, as JSON.
pub fn document() -> Value {
    let mut schemas = fixed_schemas();
    let mut paths = fixed_paths(&mut schemas);
    for endpoint in &ALL {
        let path = format!("/_connector/{{connector_id}}/{}", endpoint.name);
        let item = paths
            .entry(path)
            .or_insert_with(|| json!({ "parameters": [reference("parameters", "connector_id")] }));
        insert(item, "put", update(endpoint, &mut schemas));
    }
    paths.extend(sync_job_paths(&mut schemas));
    paths.sort_keys();
    schemas.sort_keys();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "connector-status",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "description": DESCRIPTION,
        },
        "servers": [{ "url": "/" }],
        "security": [{ "api_key": [] }, {}],
        "tags": [{ "name": "connector", "description": "Connectors and their sync jobs, and every update of one" }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": {
                "connector_id": {
                    "name": "connector_id", "in": "path", "required": true,
                    "description": format!("The connector's id: no control characters, at most {ID_LIMIT} bytes. `_sync_job` and `_secret` are no ids."),
                    "schema": { "type": "string", "minLength": 1, "maxLength": ID_LIMIT },
                },
                "connector_sync_job_id": {
                    "name": "connector_sync_job_id", "in": "path", "required": true,
                    "description": "The sync job's id, as it was given when the job was made",
                    "schema": { "type": "string", "minLength": 1 },
                },
                "If-Match": {
                    "name": "If-Match", "in": "header",
                    "description": "Entity tags of the versions that may be changed, or `*`. If the connector has moved on, the response is 412 and nothing has changed.",
                    "schema": { "type": "string" },
                },
                "If-None-Match": {
                    "name": "If-None-Match", "in": "header",
                    "description": "Entity tags of what the caller has already. If nothing has changed, the response is 304.",
                    "schema": { "type": "string" },
                },
                "pretty": parameter("pretty", "Indent the response", json!({ "type": "boolean" })),
            },
            "headers": {
                "ETag": { "description": "The version, for `If-Match` and `If-None-Match`", "schema": { "type": "string" } },
                "X-elastic-product": { "description": "Elasticsearch's clients refuse responses without it", "schema": { "const": "Elasticsearch" } },
                "Allow": { "description": "The methods there are", "schema": { "type": "string" } },
            },
            "responses": {
                "Error": {
                    "description": "The request was not carried out; `error` says why",
                    "headers": { "X-elastic-product": reference("headers", "X-elastic-product") },
                    "content": { "application/json": { "schema": reference("schemas", "error") } },
                },
                "NotModified": {
                    "description": "The caller has it already",
                    "headers": {
                        "ETag": reference("headers", "ETag"),
                        "X-elastic-product": reference("headers", "X-elastic-product"),
                    },
                },
                "WrongMethod": {
                    "description": "The path does not have this method",
                    "headers": {
                        "Allow": reference("headers", "Allow"),
                        "X-elastic-product": reference("headers", "X-elastic-product"),
                    },
                    "content": { "application/json": { "schema": reference("schemas", "sentence") } },
                },
            },
            "securitySchemes": {
                "api_key": {
                    "type": "apiKey", "in": "header", "name": "Authorization",
                    "description": "`ApiKey ` and the base64 of id, colon and secret",
                },
            },
        },
    })
}

const DESCRIPTION: &str = "The Elasticsearch Connector API, as Elasticsearch's own clients speak it.

Bodies and responses are JSON: `application/json`, or \
`application/vnd.elasticsearch+json;compatible-with=N` with N 8 or 9 on both `Accept` and \
`Content-Type`. A field that is not described is an error at the top of a body, and dropped further \
inside. A string is accepted for a number or a boolean that it spells, a bare value for a list of \
one, any case for words unless they are said to be exact.

Every request may also have the parameters `filter_path` (what of the response to show: \
comma-separated patterns, `*` and `**` stand for any field and any path, a leading `-` takes away; \
the response then has less than is described here), `human`, `error_trace` and `format`, the last \
three without effect. An unknown parameter is an error.";

fn fixed_paths(schemas: &mut Map<String, Value>) -> Map<String, Value> {
    let connector = reference("parameters", "connector_id");
    let creation = body(schemas, &CREATION, false);
    let list_of = |what: &str| format!("Comma-separated; any of these {what}");
    let words = json!({ "type": "string" });
    let number = |default: usize, most: usize| json!({ "type": "integer", "minimum": 0, "maximum": most, "default": default });
    let switch = json!({ "type": "boolean", "default": false });
    let paths = json!({
        "/": {
            "get": operation("info", "Which product is this?", &[], None, &[("200", "The product", "info", false)], &["400"]),
        },
        "/_connector": {
            "get": operation("list", "List connectors, by index name", &[
                parameter("from", "How many to pass over", number(0, LIST_LIMIT)),
                parameter("size", &format!("How many to show; `from` and `size` together reach no further than {LIST_LIMIT}"), number(100, LIST_LIMIT)),
                parameter("index_name", &list_of("indices"), words.clone()),
                parameter("connector_name", &list_of("names"), words.clone()),
                parameter("service_type", &list_of("types"), words.clone()),
                parameter("query", "A piece of the index name, the name, or a word of the description", words),
                parameter("include_deleted", "Soft-deleted ones too", switch.clone()),
                reference("parameters", "If-None-Match"),
            ], None, &[("200", "The connectors", "list", true)], &["304", "400"]),
            "post": operation("create_with_generated_id", "Create a connector with an id of the server's choice", &[], Some(creation.clone()), &[("201", "Created", "created", false)], &["400", "406", "413"]),
            "put": operation("create_anywhere_too", "Create a connector with an id of the server's choice", &[], Some(creation.clone()), &[("201", "Created", "created", false)], &["400", "406", "413"]),
        },
        "/_connector/{connector_id}": {
            "parameters": [connector],
            "get": operation("get", "Show a connector", &[
                parameter("include_deleted", "A soft-deleted one too", switch.clone()),
                reference("parameters", "If-None-Match"),
            ], None, &[("200", "The connector", "connector", true)], &["304", "400", "404"]),
            "put": operation("create", "Create a connector, or reset it", &[reference("parameters", "If-Match")], Some(creation),
                &[("200", "Reset", "created", false), ("201", "Created", "created", false)], &["400", "406", "412", "413"]),
            "delete": operation("delete", "Hide a connector, or erase it", &[
                parameter("hard", "Erase it: the id can be used again", switch.clone()),
                parameter("delete_sync_jobs", "Erase its sync jobs too", switch),
                reference("parameters", "If-Match"),
            ], None, &[("200", "Done", "acknowledged", false)], &["400", "404", "412"]),
        },
        "/_connector/{connector_id}/_status": {
            "parameters": [connector],
            "get": operation("status", "The status, what may follow, and how it came about", &[
                parameter("size", "How many changes of the past to show", number(100, i32::MAX as usize)),
                reference("parameters", "If-None-Match"),
            ], None, &[("200", "The status", "status_view", true)], &["304", "400", "404"]),
        },
    });
    match paths {
        Value::Object(paths) => paths,
        _ => Map::new(),
    }
}

fn sync_job_paths(schemas: &mut Map<String, Value>) -> Map<String, Value> {
    let mut creation = object_schema(schemas, &SYNC_JOB_CREATION);
    insert(&mut creation, "additionalProperties", false.into());
    // The reader looks at these words last of all, so it declares them as any text.
    if let Some(properties) = creation.get_mut("properties") {
        insert(properties, "job_type", type_schema(schemas, FieldType::Enum(&JOB_TYPE)));
        insert(
            properties,
            "trigger_method",
            type_schema(schemas, FieldType::Enum(&TRIGGER_METHOD)),
        );
    }
    let creation = body_of(schemas, SYNC_JOB_CREATION.name, creation, true);
    let number = |default: usize| json!({ "type": "integer", "minimum": 0, "maximum": LIST_LIMIT, "default": default });
    let status = type_schema(schemas, FieldType::Enum(&SYNC_STATUS));
    let if_match = reference("parameters", "If-Match");
    let mut paths = json!({
        "/_connector/_sync_job": {
            "get": operation("list_sync_jobs", "List sync jobs, the newest first", &[
                parameter("from", "How many to pass over", number(0)),
                parameter("size", &format!("How many to show; `from` and `size` together reach no further than {LIST_LIMIT}"), number(100)),
                parameter("connector_id", "Of this connector", json!({ "type": "string" })),
                parameter("status", "In this status", status),
                parameter("job_type", &format!("Comma-separated; any of these types: {}", JOB_TYPE.all.join(", ")), json!({ "type": "string" })),
            ], None, &[("200", "The sync jobs", "sync_job_list", false)], &["400"]),
            "post": operation("create_sync_job", "Create a sync job for a connector", &[], Some(creation), &[("201", "Created", "sync_job_created", false)], &["400", "404", "406", "413"]),
        },
        "/_connector/_sync_job/{connector_sync_job_id}": {
            "parameters": [reference("parameters", "connector_sync_job_id")],
            "get": operation("get_sync_job", "Show a sync job", &[reference("parameters", "If-None-Match")], None, &[("200", "The sync job", "sync_job", true)], &["304", "400", "404"]),
            "delete": operation("delete_sync_job", "Erase a sync job", std::slice::from_ref(&if_match), None, &[("200", "Done", "acknowledged", false)], &["400", "404", "412"]),
        },
    });
    for SyncJobEndpoint { name, body: object, .. } in &SYNC_JOBS {
        let body = object.as_ref().map(|object| body(schemas, object, true));
        let refusals: &[&str] = match body {
            Some(_) => &["400", "404", "406", "412", "413"],
            None => &["400", "404", "412"],
        };
        let id = format!("sync_job{name}");
        let summary = format!("Sync job: `{}`", name.trim_start_matches('_'));
        let response = ("200", "Done, or nothing to do", "result", false);
        let put =
            operation(&id, &summary, std::slice::from_ref(&if_match), body, &[response], refusals);
        let path = format!("/_connector/_sync_job/{{connector_sync_job_id}}/{name}");
        let id = reference("parameters", "connector_sync_job_id");
        insert(&mut paths, &path, json!({ "parameters": [id], "put": put }));
    }
    match paths {
        Value::Object(paths) => paths,
        _ => Map::new(),
    }
}

fn update(endpoint: &Endpoint, schemas: &mut Map<String, Value>) -> Value {
    let name = endpoint.name.trim_start_matches('_').replace("/_", "_");
    let body = endpoint.body.as_ref().map(|object| body(schemas, object, true));
    let refusals: &[&str] = match body {
        Some(_) => &["400", "404", "406", "412", "413"],
        None => &["400", "404", "412"],
    };
    let summary = format!("Update `{name}`");
    let parameters = [reference("parameters", "If-Match")];
    let response = ("200", "Done, or nothing to do", "result", false);
    operation(&format!("update_{name}"), &summary, &parameters, body, &[response], refusals)
}

fn operation(
    id: &str,
    summary: &str,
    parameters: &[Value],
    body: Option<Value>,
    successes: &[(&str, &str, &str, bool)],
    refusals: &[&str],
) -> Value {
    let mut responses = Map::new();
    for (status, description, schema, tagged) in successes {
        let mut headers = json!({ "X-elastic-product": reference("headers", "X-elastic-product") });
        if *tagged {
            insert(&mut headers, "ETag", reference("headers", "ETag"));
        }
        let content = json!({ "application/json": { "schema": reference("schemas", schema) } });
        let response =
            json!({ "description": description, "headers": headers, "content": content });
        responses.insert((*status).to_owned(), response);
    }
    for status in refusals.iter().chain(&["401", "403", "429", "503"]) {
        let name = if *status == "304" { "NotModified" } else { "Error" };
        responses.insert((*status).to_owned(), reference("responses", name));
    }
    responses.insert("405".to_owned(), reference("responses", "WrongMethod"));
    let mut parameters = parameters.to_vec();
    parameters.push(reference("parameters", "pretty"));
    let mut operation = json!({ "operationId": id, "summary": summary, "tags": ["connector"], "parameters": parameters, "responses": responses });
    if let Some(body) = body {
        insert(&mut operation, "requestBody", body);
    }
    operation
}

fn body(schemas: &mut Map<String, Value>, object: &ObjectSchema, required: bool) -> Value {
    let mut schema = object_schema(schemas, object);
    insert(&mut schema, "additionalProperties", false.into());
    body_of(schemas, object.name, schema, required)
}

fn body_of(schemas: &mut Map<String, Value>, name: &str, schema: Value, required: bool) -> Value {
    schemas.insert(name.to_owned(), schema);
    let schema = reference("schemas", name);
    json!({ "required": required, "description": format!("At most {BODY_LIMIT} bytes"), "content": { "application/json": { "schema": schema } } })
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
        insert(&mut schema, "description", "`null` is as if it were absent".into());
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
            "description": "ISO-8601, of which anything after the year may be left out from the right; or milliseconds since 1970",
            "examples": ["2026-02-03T04:05:06.789Z", "2026-02-03", "1770091506789"],
        }),
        FieldType::Cron => json!({
            "type": "string",
            "description": "A cron expression as Quartz has it: seconds first, the year optional, exactly one of day-of-month and day-of-week `?`",
            "examples": ["0 0 0 * * ?", "0 0/15 8-17 ? * MON-FRI"],
        }),
        FieldType::Enum(values) => {
            let case = if values.case_sensitive { "exactly so" } else { "in any case" };
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
    let spelled = json!({ "type": "string", "pattern": "^-?[0-9]+$" });
    json!({ "anyOf": [{ "type": "integer", "minimum": least, "maximum": most }, spelled] })
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

/// The schemas of answers.
fn fixed_schemas() -> Map<String, Value> {
    let text = json!({ "type": "string" });
    let maybe = json!({ "type": ["string", "null"] });
    let status = json!({ "enum": Status::ALL.map(Status::name) });
    let cause = json!({
        "type": "object",
        "properties": { "type": text, "reason": text, "caused_by": reference("schemas", "cause") },
        "required": ["type", "reason"],
    });
    let change = json!({
        "type": "object",
        "properties": {
            "from": { "anyOf": [status, { "type": "null" }] }, "to": status, "at": text,
            "via": { "type": "string", "description": "The endpoint that made the change" },
            "by": { "type": ["string", "null"], "description": "The id of the API key that asked for it" },
            "off_protocol": { "const": true, "description": "The Connector Protocol has no such move: an update of the document made it" },
        },
        "required": ["from", "to", "at", "via", "by"],
    });
    let next = json!({
        "type": "object",
        "properties": { "status": status, "who": text, "when": text },
        "required": ["status", "who", "when"],
    });
    let sync_status = json!({ "enum": SYNC_STATUS.all });
    let schemas = json!({
        "result": {
            "type": "object",
            "properties": { "result": { "enum": ["updated", "noop"] } },
            "required": ["result"],
        },
        "created": {
            "type": "object",
            "properties": { "id": text, "result": { "enum": ["created", "updated"] } },
            "required": ["id", "result"],
        },
        "acknowledged": {
            "type": "object", "properties": { "acknowledged": { "const": true } }, "required": ["acknowledged"],
        },
        "info": {
            "type": "object",
            "properties": { "name": text, "cluster_name": text, "cluster_uuid": text, "version": { "type": "object" }, "tagline": text },
            "required": ["name", "version", "tagline"],
        },
        "connector": {
            "type": "object",
            "description": "The document. Imported ones may have more.",
            "properties": {
                "id": text, "status": status, "name": maybe, "description": maybe, "language": maybe,
                "index_name": maybe, "service_type": maybe, "error": maybe, "last_seen": maybe,
                "api_key_id": maybe, "api_key_secret_id": maybe, "last_sync_error": maybe,
                "last_synced": maybe, "last_sync_status": maybe, "last_sync_scheduled_at": maybe,
                "last_incremental_sync_scheduled_at": maybe, "last_access_control_sync_error": maybe,
                "last_access_control_sync_scheduled_at": maybe, "last_access_control_sync_status": maybe,
                "last_deleted_document_count": { "type": ["integer", "null"] },
                "last_indexed_document_count": { "type": ["integer", "null"] },
                "configuration": { "type": ["object", "null"] }, "custom_scheduling": { "type": ["object", "null"] },
                "features": { "type": ["object", "null"] }, "pipeline": { "type": ["object", "null"] },
                "scheduling": { "type": ["object", "null"] }, "sync_cursor": { "type": ["object", "null"] },
                "filtering": { "type": ["array", "null"], "items": { "type": "object" } },
                "is_native": { "type": "boolean" }, "sync_now": { "type": "boolean" }, "deleted": { "type": "boolean" },
            },
            "required": ["id", "status"],
        },
        "list": {
            "type": "object",
            "properties": {
                "count": { "type": "integer", "description": "How many there are, not how many are shown" },
                "results": { "type": "array", "items": reference("schemas", "connector") },
            },
            "required": ["count", "results"],
        },
        "sync_job": {
            "type": "object",
            "description": "The document. Those that a connector service writes may have more.",
            "properties": {
                "id": text, "status": sync_status, "job_type": { "enum": JOB_TYPE.all },
                "trigger_method": { "anyOf": [{ "enum": TRIGGER_METHOD.all }, { "type": "null" }] },
                "connector": {
                    "type": "object",
                    "description": "What the job needs to know of its connector, as it was when the job was made",
                    "properties": { "id": text },
                    "required": ["id"],
                },
                "created_at": maybe, "started_at": maybe, "completed_at": maybe, "last_seen": maybe,
                "cancelation_requested_at": maybe, "canceled_at": maybe, "error": maybe, "worker_hostname": maybe,
                "deleted_document_count": { "type": ["integer", "null"] },
                "indexed_document_count": { "type": ["integer", "null"] },
                "indexed_document_volume": { "type": ["integer", "null"] },
                "total_document_count": { "type": ["integer", "null"] },
                "metadata": { "type": ["object", "null"] },
            },
            "required": ["id", "status", "connector"],
        },
        "sync_job_created": { "type": "object", "properties": { "id": text }, "required": ["id"] },
        "sync_job_list": {
            "type": "object",
            "properties": {
                "count": { "type": "integer", "description": "How many there are, not how many are shown" },
                "results": { "type": "array", "items": reference("schemas", "sync_job") },
            },
            "required": ["count", "results"],
        },
        "status_view": {
            "type": "object",
            "properties": {
                "id": text, "status": status, "since": maybe, "by": maybe, "via": maybe, "error": maybe, "last_seen": maybe,
                "next": { "type": "array", "items": next },
                "history": { "type": "array", "description": "The newest change first", "items": change },
            },
            "required": ["id", "status", "next", "history"],
        },
        "cause": cause,
        "error": {
            "description": "What was wrong, and what made it so",
            "anyOf": [
                {
                    "type": "object",
                    "properties": {
                        "error": {
                            "type": "object",
                            "properties": {
                                "root_cause": { "type": "array", "items": reference("schemas", "cause"), "minItems": 1 },
                                "type": text, "reason": text, "caused_by": reference("schemas", "cause"),
                            },
                            "required": ["root_cause", "type", "reason"],
                        },
                        "status": { "type": "integer" },
                    },
                    "required": ["error", "status"],
                },
                reference("schemas", "sentence"),
            ],
        },
        "sentence": {
            "type": "object",
            "properties": { "error": text, "status": { "type": "integer" } },
            "required": ["error"],
        },
    });
    match schemas {
        Value::Object(schemas) => schemas,
        _ => Map::new(),
    }
}

fn parameter(name: &str, description: &str, schema: Value) -> Value {
    json!({ "name": name, "in": "query", "description": description, "schema": schema })
}

fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

fn insert(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(object) = object {
        object.insert(name.to_owned(), value);
    }
}
