//! Whatever is written into the indices by hand: wrong types never enter a document.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod common;

use std::cell::Cell;

use common::{World, job_id, request};
use connector_status::api::{self, Call};
use connector_status::connector::{Connector, Creation};
use connector_status::sync_job::{self, SyncJob};
use connector_status::values::Time;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

const CONNECTORS: &str = "/.elastic-connectors";
const SYNC_JOBS: &str = "/.elastic-connectors-sync-jobs";

/// What the index says of its fields.
fn properties(index: &str) -> Value {
    let call = api::read(&request("GET", index, "")).1;
    let Ok(Call::Static { response, .. }) = call else { panic!("{call:?}") };
    let body: Value = serde_json::from_str(&response.body).unwrap();
    body.as_object().unwrap().values().next().unwrap()["mappings"]["properties"].clone()
}

/// Is the value of the type that the index says?
fn fits(value: &Value, mapping: &Value) -> bool {
    match (value, mapping["type"].as_str()) {
        (Value::Null, _) => true,
        (Value::Array(items), _) if mapping.get("properties").is_some() => {
            items.iter().all(|item| fits(item, mapping))
        }
        (Value::Object(fields), None) => {
            let known = mapping["properties"].as_object().unwrap();
            fields.iter().all(|(name, value)| known.get(name).is_none_or(|it| fits(value, it)))
        }
        (Value::String(text), Some("date")) => {
            Time::parse(text).is_some_and(|time| time.to_string() == *text)
        }
        (Value::String(_), Some("keyword" | "text")) | (Value::Bool(_), Some("boolean")) => true,
        (Value::Number(number), Some("integer")) => {
            number.as_i64().is_some_and(|number| i32::try_from(number).is_ok())
        }
        (Value::Number(number), Some("long")) => number.is_i64(),
        // Rules of one snippet are an object or a list; texts and objects may be lists too.
        (Value::Object(_) | Value::Array(_), Some("object")) => true,
        (Value::Array(items), Some("keyword")) => items.iter().all(Value::is_string),
        _ => false,
    }
}

fn values() -> BoxedStrategy<Value> {
    let texts = [
        "connected",
        "error",
        "pending",
        "COMPLETED",
        "full",
        "on_demand",
        "2026-02-03",
        "true",
        "7",
        "",
        "a",
        "now",
    ];
    prop_oneof![
        1 => Just(Value::Null),
        2 => any::<bool>().prop_map(Value::from),
        2 => (-9..9_i64).prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => Just(json!(2.5)),
        4 => prop::sample::select(texts.to_vec()).prop_map(Value::from),
        1 => Just(json!([])),
        1 => Just(json!({})),
    ]
    .boxed()
}

/// A document of fields that the index knows, and some that it does not; inside, of both too.
fn documents(properties: &Value) -> BoxedStrategy<Value> {
    let mut names: Vec<String> = properties.as_object().unwrap().keys().cloned().collect();
    names.extend(["id", "x", "y.z"].map(str::to_owned));
    let properties = properties.clone();
    let field = prop::sample::select(names).prop_flat_map(move |name| {
        let value = match properties[&name].get("properties") {
            Some(inner) => prop_oneof![
                3 => documents(inner),
                1 => prop::collection::vec(documents(inner), 0..2).prop_map(Value::from),
                1 => values(),
            ]
            .boxed(),
            None => values(),
        };
        value.prop_map(move |value| (name.clone(), value))
    });
    prop::collection::vec(field, 0..4)
        .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>()))
        .boxed()
}

fn check(index: &str, target: &str, shown: fn(&World) -> Value) {
    let properties = properties(index);
    let config = Config { cases: 100, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRunner::deterministic().new_rng());
    let connector = Creation {
        index_name: Some("a".to_owned()),
        service_type: Some("dir".to_owned()),
        ..Creation::default()
    }
    .connector(Time::from_millis(0));
    let job = sync_job::Creation::default().job("c", &connector, Time::from_millis(0)).unwrap();
    let (all, taken) = (Cell::new(0), Cell::new(0));
    let result = runner.run(&prop::collection::vec(documents(&properties), 1..8), |docs| {
        let mut world = World::of(Some(connector.clone())).with_job(Some(job.clone()));
        for doc in docs {
            let before = shown(&world);
            let body = json!({ "doc": doc }).to_string();
            let response = world.send("c", &request("POST", target, &body), 1);
            let answer: Value = serde_json::from_str(&response.body).unwrap();
            let after = shown(&world);
            all.set(all.get() + 1);
            match response.status {
                200 => {
                    taken.set(taken.get() + 1);
                    prop_assert_eq!(answer["result"] == "noop", before == after, "{}", body);
                    // What is not known is kept as it is.
                    if let Some(value) = doc.get("x").filter(|value| !value.is_object()) {
                        prop_assert_eq!(value, &after["x"]);
                    }
                }
                400 => prop_assert_eq!(&after, &before),
                other => prop_assert!(false, "{} {}", other, response.body),
            }
            prop_assert_eq!(after.get("id"), None);
            let mapping = json!({ "properties": properties });
            prop_assert!(fits(&after, &mapping), "{} made {}", body, after);
        }
        Ok(())
    });
    result.unwrap_or_else(|problem| panic!("{problem}"));
    assert!(taken.get() * 5 > all.get(), "{} of {}", taken.get(), all.get());
}

#[test]
fn wrong_types_never_enter_a_connector() {
    check(CONNECTORS, &format!("{CONNECTORS}/_update/c"), |world| {
        let connector = world.connector.as_ref().unwrap();
        assert_eq!(&Connector::from_json(&connector.to_json()).unwrap(), connector);
        connector.fields().clone().into()
    });
}

#[test]
fn wrong_types_never_enter_a_sync_job() {
    check(SYNC_JOBS, &format!("{SYNC_JOBS}/_update/{}", job_id("c")), |world| {
        let job = world.job.as_ref().unwrap();
        assert_eq!(&SyncJob::from_json(&job.to_json()).unwrap(), job);
        job.fields().clone().into()
    });
}
