//! The OpenAPI description has exactly what is served.

use std::collections::BTreeSet;

use crate::common::openapi_document;
use connector_status::api::{self, Call, Request};
use connector_status::limits;
use connector_status::status::Status;
use connector_status::values::json as text;
use serde_json::{Value, json};

const METHODS: [&str; 7] = ["get", "put", "post", "delete", "patch", "head", "options"];

/// The path with example ids.
fn with_ids(path: &str) -> String {
    path.replace("{connector_id}", "c").replace("{connector_sync_job_id}", "j.c")
}

fn read(method: &str, target: &str) -> Result<Call, u16> {
    let request =
        Request { method: method.to_uppercase(), target: with_ids(target), ..Request::default() };
    api::read(&request).1.map_err(|failure| failure.status)
}

/// Collects every reference in the description.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn exactly_the_served_methods_are_described() {
    let document = openapi_document();
    for (path, item) in document["paths"].as_object().unwrap() {
        let Ok(Call::Options(allow)) = read("OPTIONS", path) else { panic!("{path}") };
        let served: BTreeSet<_> = allow.split(", ").filter(|method| *method != "HEAD").collect();
        let described: BTreeSet<_> = METHODS
            .iter()
            .filter(|method| item.get(**method).is_some())
            .map(|method| method.to_uppercase())
            .collect();
        assert_eq!(served, described.iter().map(String::as_str).collect(), "{path}");
    }
}

/// The query parameters of an operation.
fn parameters(operation: &Value) -> BTreeSet<String> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let name = |parameter: &Value| match parameter["$ref"].as_str() {
        Some(reference) => reference.rsplit('/').next().unwrap().to_owned(),
        None => parameter["name"].as_str().unwrap().to_owned(),
    };
    parameters.map(name).filter(|name| !name.starts_with("If-")).collect()
}

/// The tables, each with its file's name.
fn tables() -> Vec<Value> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tables");
    std::fs::read_dir(folder)
        .unwrap()
        .chain(std::fs::read_dir(format!("{folder}/sync_jobs")).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| text::parse(&std::fs::read_to_string(path).unwrap()).unwrap())
        .collect()
}

/// A valid body, for requests that need one: parameters are checked after it.
fn sound_body(tables: &[Value], method: &str, path: &str) -> String {
    let wanted = format!(
        "{} {}",
        method.to_uppercase(),
        path.replace("{connector_sync_job_id}", "{id}").replace("{connector_id}", "{id}")
    );
    if path.ends_with("/_backup") {
        return r#"{"format":1,"id":"c"}"#.to_owned();
    }
    let cases = tables.iter().flat_map(|table| {
        let request = table["request"].clone();
        let cases = table["cases"].as_array().into_iter().flatten();
        cases.map(move |case| (case.get("request").cloned().unwrap_or(request.clone()), case))
    });
    let mut bodies = cases
        .filter(|(request, case)| *request == wanted.as_str() && case.get("error").is_none())
        .filter_map(|(_, case)| case.get("body").map(Value::to_string));
    bodies.next().unwrap_or_default()
}

/// Sends every parameter that is described anywhere to every operation: it must be described there
/// if, and only if, it is accepted there.
#[test]
fn exactly_the_accepted_parameters_are_described() {
    let document = openapi_document();
    let paths = document["paths"].as_object().unwrap();
    let tables = tables();
    let all: BTreeSet<String> = paths
        .values()
        .flat_map(|item| METHODS.map(|method| parameters(&item[method])))
        .flatten()
        .collect();
    assert!(all.len() > 10, "{all:?}");
    for (path, item) in paths {
        for method in METHODS.iter().filter(|method| item.get(**method).is_some()) {
            let described = parameters(&item[*method]);
            let body = match item[*method].get("requestBody") {
                Some(_) => sound_body(&tables, method, path),
                None => String::new(),
            };
            let said = |name: &str| {
                let request = Request {
                    method: method.to_uppercase(),
                    target: format!("{}?{name}=true", with_ids(path)),
                    body: body.clone(),
                    content_type: Some("application/json".to_owned()),
                    ..Request::default()
                };
                api::read(&request).1.err().map(|failure| failure.to_json()).unwrap_or_default()
            };
            for name in &all {
                // A known parameter may have an invalid value; an unknown one is reported as such.
                let is_known = !said(name).contains("unrecognized");
                assert_eq!(is_known, described.contains(name), "{method} {path} {name} {body}");
            }
            assert!(said("bogus").contains("unrecognized"), "{method} {path}: {}", said("bogus"));
        }
    }
}

#[test]
fn the_described_limits_are_those_enforced() {
    let document = openapi_document();
    let parameter = |path: &str, method: &str, name: &str| {
        let parameters = document["paths"][path][method]["parameters"].as_array().unwrap();
        parameters.iter().find(|parameter| parameter["name"] == name).unwrap()["schema"].clone()
    };
    let id = &document["components"]["parameters"]["connector_id"];
    assert_eq!(id["schema"]["maxLength"], limits::ID_BYTES);
    assert!(id["description"].as_str().unwrap().contains(&format!("{} bytes", limits::ID_BYTES)));
    for path in ["/_connector", "/_connector/_sync_job"] {
        for name in ["from", "size"] {
            assert_eq!(parameter(path, "get", name)["maximum"], limits::RESULT_WINDOW);
        }
    }
    assert_eq!(parameter("/_connector", "get", "query")["maxLength"], limits::QUERY_CHARACTERS);
    let status = &document["components"]["schemas"]["connector_status"]["enum"];
    assert_eq!(*status, serde_json::json!(Status::ALL.map(Status::name)));
    let body = &document["paths"]["/_connector"]["post"]["requestBody"]["description"];
    assert_eq!(*body, format!("At most {} bytes", limits::BODY_BYTES));
}

#[test]
fn every_update_has_a_table() {
    let document = openapi_document();
    let described: BTreeSet<_> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, item)| item.get("put").is_some())
        .map(|(path, _)| {
            let path = path.replace("connector_sync_job_id", "id").replace("connector_id", "id");
            format!("PUT {path}")
        })
        // Restoration has its table in tests/edge/backup.test.mjs.
        .filter(|request| {
            !matches!(request.as_str(), "PUT /_connector" | "PUT /_connector/{id}/_backup")
        })
        .collect();
    let tables: BTreeSet<_> = tables()
        .iter()
        .filter_map(|table| table.get("request").and_then(Value::as_str).map(str::to_owned))
        .collect();
    let missing: Vec<_> = described.difference(&tables).collect();
    assert_eq!(missing, Vec::<&String>::new());
    assert_eq!(described.len(), 24);
}

#[test]
fn every_reference_can_be_resolved() {
    let document = openapi_document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 30);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn top_level_objects_are_strict_and_nested_ones_are_not() {
    let schemas = &openapi_document()["components"]["schemas"];
    let top = &schemas["connector_update_pipeline_request"];
    assert_eq!(top["additionalProperties"], false);
    assert_eq!(top["required"][0], "pipeline");
    let inside = &schemas["connector_ingest_pipeline"];
    assert_eq!(inside.get("additionalProperties"), None);
    assert_eq!(inside["required"].as_array().map(Vec::len), Some(4));
}

#[test]
fn fields_are_described_as_they_are_parsed() {
    let document = openapi_document();
    let whole = json!({
        "anyOf": [
            { "type": "number", "minimum": i32::MIN, "maximum": i32::MAX },
            { "type": "string", "pattern": r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$" },
        ],
        "description": "Fractions are truncated",
    });
    let any = json!({ "type": ["string", "number", "boolean", "null"] });
    let table = [
        ("order", whole),
        ("required", json!({ "enum": [true, false, "true", "false"], "default": false })),
        ("default_value", json!({ "anyOf": [any, { "type": "null" }], "default": null })),
        (
            "placeholder",
            json!({
                "anyOf": [{ "type": "string" }, { "type": "null" }],
                "description": "`null` means the same as leaving it out",
            }),
        ),
    ];
    let fields = &document["components"]["schemas"]["connector_configuration"]["properties"];
    for (name, expected) in table {
        assert_eq!(fields[name], expected, "{name}");
    }
    let put = &document["paths"]["/_connector/{connector_id}/_status"]["put"];
    for (part, schema) in [
        (&put["requestBody"], "connector_update_status_request"),
        (&put["responses"]["200"], "result"),
    ] {
        let reference = &part["content"]["application/json"]["schema"]["$ref"];
        assert_eq!(reference, &format!("#/components/schemas/{schema}"));
    }
}
