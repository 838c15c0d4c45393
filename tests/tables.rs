//! The tables in tests/tables: what each request answers, and what it does to the connector.

// A panic is how a test fails, outside of test functions too.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use std::fs;
use std::path::Path;

mod common;

use common::{World, request};
use connector_status::connector::{Connector, Creation, Fields};
use connector_status::values::Time;
use serde_json::{Value, json};

/// When every request of the tables happens, and when it happens again.
const NOW: u64 = 1_772_000_000_123;
const LATER: u64 = 1_772_000_001_000;
const ID: &str = "c1";

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tables"))
}

fn read(path: &Path, now: u64) -> Value {
    let text = fs::read_to_string(path).unwrap();
    let text = text.replace("{id}", ID).replace("<now>", &Time::from_millis(now).to_string());
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn fields(value: &Value) -> Fields {
    value.as_object().unwrap().clone()
}

fn document(base: &Value, changes: &Value) -> Value {
    let mut document = fields(base);
    document.extend(fields(changes));
    document.retain(|_, value| value != "<absent>");
    document.into()
}

/// The types and reasons of an error, from the outermost to the innermost.
fn chain(response: &Value) -> Value {
    let mut chain = Vec::new();
    let mut error = &response["error"];
    if error.is_string() {
        return error.clone();
    }
    while error.is_object() {
        chain.push(json!([error["type"], error["reason"]]));
        error = &error["caused_by"];
    }
    let root = &response["error"]["root_cause"][0];
    assert!(chain.contains(&json!([root["type"], root["reason"]])), "{response}");
    chain.into()
}

fn shown(connector: Option<&Connector>) -> Value {
    connector.map_or(Value::Null, |connector| connector.fields().clone().into())
}

/// What is wrong with one case. `later`: the same case, as it is the second time.
fn check(base: &Value, table: &Value, case: &Value, later: &Value) -> Result<(), String> {
    let line = case.get("request").unwrap_or(&table["request"]).as_str().unwrap();
    let (method, target) = line.split_once(' ').unwrap();
    let body = match (case.get("text"), case.get("body")) {
        (Some(text), _) => text.as_str().unwrap().to_owned(),
        (None, Some(body)) => body.to_string(),
        (None, None) => String::new(),
    };
    let header = |name| case["headers"].get(name).map(|value| value.as_str().unwrap().to_owned());
    let mut request = request(method, target, &body);
    request.content_type = header("content-type").or(request.content_type);
    request.accept = header("accept");
    request.if_match = header("if-match");
    request.if_none_match = header("if-none-match");
    let before = match case.get("before") {
        Some(Value::Null) => Value::Null,
        Some(changes) => document(base, changes),
        None => base.clone(),
    };
    let connector =
        before.as_object().map(|fields| Connector::from_fields(fields.clone()).unwrap());

    let mut world = World::of(connector);
    let response = world.send(ID, &request, NOW);
    let body: Value = serde_json::from_str(&response.body).unwrap();
    let same = |what: &str, expected: &Value, found: &Value| match expected == found {
        true => Ok(()),
        false => Err(format!("{what}: expected {expected}, found {found}")),
    };
    let status = case.get("status").cloned().unwrap_or(json!(200));
    same("status", &status, &response.status.into())?;
    let expected = |case: &Value| match case.get("after") {
        Some(changes) if before.is_null() => document(base, changes),
        Some(changes) => document(&before, changes),
        None => before.clone(),
    };
    let after = expected(case);
    same("document", &after, &shown(world.connector.as_ref()))?;
    if let Some(connector) = &world.connector {
        same("status field", &after["status"], &connector.status().name().into())?;
        let again = Connector::from_json(&connector.to_json())?;
        same("document read again", &after, &shown(Some(&again)))?;
    }
    if response.status >= 300 {
        let allow = response.allow.map(|allow| format!("allowed: [{allow}]"));
        assert!(allow.is_none_or(|allow| response.body.contains(&allow)), "{}", response.body);
        return same("error", &case["error"], &chain(&body));
    }
    same("answer", case.get("answer").unwrap_or(&json!({ "result": "updated" })), &body)?;

    let response = world.send(ID, &request, LATER);
    let again: Value = serde_json::from_str(&response.body).unwrap();
    if method == "GET" {
        return same("the second time", &body, &again);
    }
    let result =
        if response.status < 300 { again["result"].clone() } else { response.status.into() };
    same("the second time", case.get("again").unwrap_or(&json!("noop")), &result)?;
    let after = if result == "updated" { expected(later) } else { after };
    same("document after the second time", &after, &shown(world.connector.as_ref()))
}

#[test]
fn every_request_answers_and_does_what_the_tables_say() {
    let base = read(&folder().join("document.json"), NOW);
    let mut problems = Vec::new();
    let mut cases = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.extension().is_none_or(|extension| extension != "json") || name == "document" {
            continue;
        }
        let [table, later] = [NOW, LATER].map(|now| read(&path, now));
        let again = later["cases"].as_array().unwrap();
        for (case, later) in table["cases"].as_array().unwrap().iter().zip(again) {
            cases += 1;
            if let Err(problem) = check(&base, &table, case, later) {
                problems.push(format!("{name}: {}: {problem}", case["name"]));
            }
        }
    }
    assert!(problems.is_empty(), "{} of {cases} cases:\n{}", problems.len(), problems.join("\n"));
    assert!(cases > 200, "only {cases} cases");
}

#[test]
fn the_tables_start_from_a_new_connector() {
    let created = 1_767_225_600_000;
    let connector = Creation::default().connector(Time::from_millis(created));
    assert_eq!(shown(Some(&connector)), read(&folder().join("document.json"), NOW));
}
