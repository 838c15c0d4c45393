//! The description of the API says what is served, and nothing else.

// A panic is how a test fails, outside of test functions too.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use std::collections::BTreeSet;

use connector_status::api::{self, Call, Request, openapi};
use connector_status::values::json;
use serde_json::Value;

const METHODS: [&str; 7] = ["get", "put", "post", "delete", "patch", "head", "options"];

/// The path with ids in it that there could be.
fn with_ids(path: &str) -> String {
    path.replace("{connector_id}", "c").replace("{connector_sync_job_id}", "j.c")
}

fn read(method: &str, target: &str) -> Result<Call, u16> {
    let request =
        Request { method: method.to_uppercase(), target: with_ids(target), ..Request::default() };
    api::read(&request).1.map_err(|failure| failure.status)
}

/// Every reference of the description.
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
fn it_has_the_methods_that_are_served() {
    let document = openapi::document();
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

#[test]
fn it_has_the_parameters_that_are_known() {
    let document = openapi::document();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in METHODS {
            let Some(parameters) = item[method]["parameters"].as_array() else { continue };
            for parameter in parameters {
                let name = match parameter["$ref"].as_str() {
                    Some(reference) => reference.rsplit('/').next().unwrap(),
                    None => parameter["name"].as_str().unwrap(),
                };
                if name.starts_with("If-") {
                    continue;
                }
                // What is known may have a bad value, what is unknown is said to be so.
                let request = Request {
                    method: method.to_uppercase(),
                    target: format!("{}?{name}=1", with_ids(path)),
                    ..Request::default()
                };
                let said = match api::read(&request).1 {
                    Ok(_) => String::new(),
                    Err(failure) => failure.to_json(),
                };
                assert!(!said.contains("unrecognized"), "{method} {path}: {said}");
            }
        }
    }
}

#[test]
fn every_update_has_a_table() {
    let document = openapi::document();
    let described: BTreeSet<_> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, item)| item.get("put").is_some())
        .map(|(path, _)| {
            let path = path.replace("connector_sync_job_id", "id").replace("connector_id", "id");
            format!("PUT {path}")
        })
        .filter(|request| request != "PUT /_connector")
        .collect();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tables");
    let tables: BTreeSet<_> = std::fs::read_dir(folder)
        .unwrap()
        .chain(std::fs::read_dir(format!("{folder}/sync_jobs")).unwrap())
        .filter(|entry| entry.as_ref().unwrap().path().is_file())
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .filter_map(|text| json::parse(&text).ok())
        .filter_map(|table| table.get("request").and_then(Value::as_str).map(str::to_owned))
        .collect();
    let missing: Vec<_> = described.difference(&tables).collect();
    assert_eq!(missing, Vec::<&String>::new());
    assert_eq!(described.len(), 24);
}

#[test]
fn its_references_lead_somewhere() {
    let document = openapi::document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 30);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn strict_tops_and_lenient_insides() {
    let schemas = &openapi::document()["components"]["schemas"];
    let top = &schemas["connector_update_pipeline_request"];
    assert_eq!(top["additionalProperties"], false);
    assert_eq!(top["required"][0], "pipeline");
    let inside = &schemas["connector_ingest_pipeline"];
    assert_eq!(inside.get("additionalProperties"), None);
    assert_eq!(inside["required"].as_array().map(Vec::len), Some(4));
}
