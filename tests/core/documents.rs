//! Documents written through the indices: values of wrong types never enter a document.

use std::cell::Cell;

use crate::common::{World, job_id, request};
use connector_status::connector::{Connector, Creation};
use connector_status::sync_job::{self, SyncJob};
use connector_status::values::Time;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

/// The types of a document's fields, from the table.
fn types(of: &str) -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tables/documents/types.json");
    let table: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    table[of].clone()
}

/// Whether the value has that type.
fn fits(value: &Value, of: &Value) -> bool {
    match (value, of) {
        (Value::Null, _) => true,
        (Value::Array(items), Value::Array(of)) => items.iter().all(|item| fits(item, &of[0])),
        (Value::Object(fields), Value::Object(known)) => {
            let type_of = |name: &String| known.get(name).or(known.get("*"));
            fields.iter().all(|(name, value)| type_of(name).is_none_or(|it| fits(value, it)))
        }
        (_, Value::String(name)) => match (value, name.as_str()) {
            (Value::String(text), "date") => {
                Time::parse(text).is_some_and(|time| time.to_string() == *text)
            }
            (Value::Number(number), "integer") => {
                number.as_i64().is_some_and(|number| i32::try_from(number).is_ok())
            }
            (Value::Number(number), "long") => number.is_i64(),
            (Value::Array(_), "object or list")
            | (Value::Object(_), "object" | "object or list")
            | (Value::String(_), "text")
            | (Value::Bool(_), "boolean") => true,
            _ => false,
        },
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

/// A document of known and unknown fields, also in nested objects.
fn documents(known: &Value) -> BoxedStrategy<Value> {
    let mut names: Vec<String> = known.as_object().unwrap().keys().cloned().collect();
    names.extend(["id", "x", "y.z"].map(str::to_owned));
    let known = known.clone();
    let field = prop::sample::select(names).prop_flat_map(move |name| {
        let value = match &known[&name] {
            inner @ Value::Object(_) => prop_oneof![3 => documents(inner), 1 => values()].boxed(),
            Value::Array(inner) => match &inner[0] {
                inner @ Value::Object(_) => prop_oneof![
                    1 => documents(inner),
                    2 => prop::collection::vec(documents(inner), 0..2).prop_map(Value::from),
                    1 => values(),
                ]
                .boxed(),
                _ => prop::collection::vec(values(), 0..2).prop_map(Value::from).boxed(),
            },
            _ => values(),
        };
        value.prop_map(move |value| (name.clone(), value))
    });
    prop::collection::vec(field, 0..4)
        .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>()))
        .boxed()
}

fn check(what: &str, target: &str, shown: fn(&World) -> Value) {
    let known = types(what);
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
    let result = runner.run(&prop::collection::vec(documents(&known), 1..8), |docs| {
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
                    // Unknown fields are kept unchanged.
                    if let Some(value) = doc.get("x").filter(|value| !value.is_object()) {
                        prop_assert_eq!(value, &after["x"]);
                    }
                }
                400 => prop_assert_eq!(&after, &before),
                other => prop_assert!(false, "{} {}", other, response.body),
            }
            prop_assert_eq!(after.get("id"), None);
            prop_assert!(fits(&after, &known), "{} made {}", body, after);
        }
        Ok(())
    });
    result.unwrap_or_else(|problem| panic!("{problem}"));
    assert!(taken.get() * 5 > all.get(), "{} of {}", taken.get(), all.get());
}

#[test]
fn wrong_types_never_enter_a_connector() {
    check("connector", "/.elastic-connectors/_update/c", |world| {
        let connector = world.connector.as_ref().unwrap();
        assert_eq!(&Connector::from_json(&connector.to_json().unwrap()).unwrap(), connector);
        connector.fields().clone().into()
    });
}

#[test]
fn wrong_types_never_enter_a_sync_job() {
    let target = format!("/.elastic-connectors-sync-jobs/_update/{}", job_id("c"));
    check("sync_job", &target, |world| {
        let job = world.job.as_ref().unwrap();
        assert_eq!(&SyncJob::from_json(&job.to_json().unwrap()).unwrap(), job);
        job.fields().clone().into()
    });
}
