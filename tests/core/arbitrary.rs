//! Sequences of arbitrary requests to one connector: nothing panics, and the document stays
//! readable and consistent.
//!
//! `ARBITRARY_SECONDS=60 cargo test arbitrary::` runs longer, with other requests each time.

use std::time::{Duration, Instant};

use crate::common::{World, openapi_document, request};
use connector_status::connector::{Connector, Creation, merge};
use connector_status::status::Status;
use connector_status::values::{Time, cron};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

/// Names from the OpenAPI description: fields and enum values that have a meaning.
fn vocabulary() -> (Vec<String>, Vec<String>, Vec<String>) {
    fn collect(value: &Value, names: &mut Vec<String>, words: &mut Vec<String>) {
        if let Some(properties) = value.get("properties").and_then(Value::as_object) {
            names.extend(properties.keys().cloned());
        }
        if let Some(all) = value.get("enum").and_then(Value::as_array) {
            words.extend(all.iter().filter_map(Value::as_str).map(str::to_owned));
        }
        match value {
            Value::Object(fields) => fields.values().for_each(|v| collect(v, names, words)),
            Value::Array(values) => values.iter().for_each(|v| collect(v, names, words)),
            _ => {}
        }
    }
    let document = openapi_document();
    let (mut names, mut words) = (Vec::new(), Vec::new());
    collect(&document["components"]["schemas"], &mut names, &mut words);
    let more = ["0 0 0 * * ?", "2026-02-03", "content-a", "_bad", "DEFAULT", "7", "", "<>é\u{0}\n"];
    words.extend(more.map(str::to_owned));
    names.extend(["a", "x y", ""].map(str::to_owned));
    let paths = document["paths"].as_object().unwrap().iter();
    let updates =
        paths.filter(|(path, item)| item.get("put").is_some() && path.contains("{connector_id}"));
    let updates = updates.map(|(path, _)| path.replace("{connector_id}", "c"));
    (names, words, updates.collect())
}

fn scalars(words: Vec<String>) -> BoxedStrategy<Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-3..40_i64).prop_map(Value::from),
        (-1e3..1e3_f64).prop_map(|number| json!((number * 8.0).round() / 8.0)),
        prop::sample::select(words).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ]
    .boxed()
}

fn objects(names: Vec<String>, values: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    prop::collection::vec((prop::sample::select(names), values), 0..6)
        .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>()))
        .boxed()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Mostly values that the schema allows, because random ones would nearly always be refused.
fn described(schema: &Value, all: &Value, other: &BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    let within = |schema: &Value| described(schema, all, other);
    let right = if let Some(reference) = schema["$ref"].as_str() {
        within(all.pointer(reference.trim_start_matches('#')).unwrap())
    } else if let Some(choices) = schema["anyOf"].as_array() {
        let choices: Vec<_> = choices.iter().map(within).collect();
        prop::strategy::Union::new(choices).boxed()
    } else if let Some(words) = schema["enum"].as_array() {
        prop::sample::select(words.clone()).boxed()
    } else if let Some(examples) = schema["examples"].as_array() {
        prop::sample::select(examples.clone()).boxed()
    } else if let Some(properties) = schema["properties"].as_object() {
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let mut members: BoxedStrategy<Map<String, Value>> = Just(Map::new()).boxed();
        for (name, property) in properties {
            let odds = if required.contains(&json!(name)) { 0.98 } else { 0.4 };
            let member = prop::option::weighted(odds, within(property));
            let name = name.clone();
            members = (members, member)
                .prop_map(move |(mut members, value)| {
                    members.extend(value.map(|value| (name.clone(), value)));
                    members
                })
                .boxed();
        }
        members.prop_map(Value::Object).boxed()
    } else if let Some(values) = schema.get("additionalProperties").filter(|v| v.is_object()) {
        let names = prop::sample::select(vec!["a", "b", "c"]);
        prop::collection::vec((names, within(values)), 0..3)
            .prop_map(|members| {
                members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            })
            .boxed()
    } else if let Some(items) = schema.get("items") {
        prop::collection::vec(within(items), 0..3).prop_map(Value::Array).boxed()
    } else {
        let types: Vec<_> = match &schema["type"] {
            Value::Array(types) => types.clone(),
            one => vec![one.clone()],
        };
        let of_type = move |value: &Value| types.contains(&json!(kind(value)));
        return other
            .clone()
            .prop_map(move |value| if of_type(&value) { value } else { json!("7") })
            .boxed();
    };
    prop_oneof![400 => right, 1 => other.clone()].boxed()
}

/// Random requests, as paths and bodies.
fn requests() -> BoxedStrategy<(String, String)> {
    let (names, words, updates) = vocabulary();
    let document = openapi_document();
    let inner = (names.clone(), scalars(words.clone()));
    let json = inner.1.clone().prop_recursive(4, 24, 4, move |inside| {
        prop_oneof![
            prop::collection::vec(inside.clone(), 0..4).prop_map(Value::Array),
            objects(inner.0.clone(), inside.boxed()),
        ]
    });
    let json = json.boxed();
    let mut strategies: Vec<BoxedStrategy<(String, String)>> = Vec::new();
    for path in updates {
        let item = &document["paths"][path.replace("/c", "/{connector_id}").as_str()]["put"];
        let schema = &item["requestBody"]["content"]["application/json"]["schema"];
        let body = match schema.is_null() {
            true => Just(String::new()).boxed(),
            false => prop_oneof![
                6 => described(schema, &document, &json).prop_map(|body| body.to_string()),
                2 => objects(names.clone(), json.clone()).prop_map(|body| body.to_string()),
                1 => json.clone().prop_map(|body| body.to_string()),
                1 => any::<String>(),
            ]
            .boxed(),
        };
        strategies.push(body.prop_map(move |body| (path.clone(), body)).boxed());
    }
    prop::strategy::Union::new(strategies).boxed()
}

/// Checks the invariants of a document, which hold after any request.
fn check(connector: &Connector) -> Result<(), TestCaseError> {
    let fields = connector.fields();
    prop_assert_eq!(&Connector::from_json(&connector.to_json().unwrap()).unwrap(), connector);
    prop_assert_eq!(&fields["status"], connector.status().name());
    for (name, field) in fields {
        if name == "last_seen" || name == "last_synced" || name.ends_with("_at") {
            let text = field.as_str().unwrap();
            prop_assert_eq!(Time::parse(text).unwrap().to_string(), text);
        }
        if name.ends_with("_count") {
            prop_assert!(field.is_i64());
        }
    }
    for (_, definition) in fields["configuration"].as_object().unwrap() {
        prop_assert!(definition["label"].is_string() && definition.get("value").is_some());
    }
    for (_, schedule) in fields["scheduling"].as_object().unwrap() {
        prop_assert!(schedule["enabled"].is_boolean());
        prop_assert_eq!(cron::check(schedule["interval"].as_str().unwrap()), Ok(()));
    }
    for part in fields["filtering"].as_array().unwrap() {
        prop_assert_eq!(&part["domain"], "DEFAULT");
        for half in [&part["active"], &part["draft"]] {
            prop_assert!(half["rules"].is_array() && half["validation"]["state"].is_string());
            prop_assert!(half["advanced_snippet"]["value"].as_str().is_none());
        }
    }
    if connector.is_native() {
        prop_assert!(connector.index_name().is_none_or(|name| name.starts_with("content-")));
    }
    Ok(())
}

/// Which moves an endpoint may make in addition to the table of transitions.
fn may_move(via: &str, from: Status, to: Status) -> bool {
    match via {
        "/_connector/c" => matches!(to, Status::Created | Status::NeedsConfiguration),
        "/_connector/c/_status" => from.can_become(to),
        "/_connector/c/_configuration" => to == Status::Configured,
        "/_connector/c/_error" => matches!(to, Status::Connected | Status::Error),
        "/_connector/c/_native" => (from, to) == (Status::Connected, Status::Configured),
        "/_connector/c/_service_type" => {
            from != Status::Created && to == Status::NeedsConfiguration
        }
        _ => false,
    }
}

/// Sends one request; returns the connector afterwards and whether the request was carried out.
fn step(
    connector: Connector,
    (path, body): &(String, String),
    now: u64,
) -> Result<(Connector, bool), TestCaseError> {
    let mut world = World::of(Some(connector.clone()));
    let response = world.send("c", &request("PUT", path, body), now);
    let Some(after) = world.connector else { panic!("a PUT erases nothing") };
    if !matches!(response.status, 200 | 201) {
        prop_assert!(matches!(response.status, 400 | 404), "{}", response.body);
        prop_assert!(serde_json::from_str::<Value>(&response.body).unwrap()["error"].is_object());
        prop_assert_eq!(&after, &connector);
        return Ok((after, false));
    }
    // Either something differs, or the request is a full configuration, which always counts as a change.
    let is_change = world.version > 1;
    prop_assert!(is_change == (after != connector) || path.ends_with("_configuration"));
    let before = connector.status();
    let to = after.status();
    prop_assert!(before == to || may_move(path, before, to), "{path}: {before} -> {to}");
    check(&after)?;
    Ok((after, true))
}

#[test]
fn arbitrary_requests_leave_a_valid_document() {
    let seconds = std::env::var("ARBITRARY_SECONDS").ok().and_then(|text| text.parse().ok());
    let config = Config { failure_persistence: None, cases: 64, ..Config::default() };
    let mut seed = match seconds {
        Some(_) => TestRunner::new(config.clone()).new_rng(),
        None => TestRunner::deterministic().new_rng(),
    };
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(3));
    let sequences = prop::collection::vec(requests(), 1..12);
    let (all, carried_out) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    while Instant::now() < end {
        let mut runner = TestRunner::new_with_rng(config.clone(), seed);
        seed = runner.new_rng();
        let result = runner.run(&sequences, |requests| {
            let mut connector = Creation::default().connector(Time::from_millis(0));
            for (now, request) in (1..).zip(&requests) {
                let (after, done) = step(connector, request, now)?;
                connector = after;
                all.set(all.get() + 1);
                carried_out.set(carried_out.get() + usize::from(done));
            }
            Ok(())
        });
        result.unwrap_or_else(|problem| panic!("{problem}"));
    }
    println!("{} requests, {} carried out", all.get(), carried_out.get());
    assert!(carried_out.get() * 3 > all.get(), "{} of {}", carried_out.get(), all.get());
}

#[test]
fn merging_the_same_fields_again_changes_nothing() {
    let (names, words, _) = vocabulary();
    let scalars = scalars(words);
    let pairs = (objects(names.clone(), scalars.clone()), objects(names, scalars));
    let config = Config { failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRunner::deterministic().rng().clone());
    let result = runner.run(&pairs, |(old, patch)| {
        let once = merge(Some(&old), patch.clone());
        prop_assert_eq!(merge(Some(&once), patch), once);
        Ok(())
    });
    result.unwrap_or_else(|problem| panic!("{problem}"));
}
