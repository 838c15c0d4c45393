//! Sync jobs.

use super::{Seen, run, send};
use crate::common::{World, job_id, request};
use connector_status::connector::Creation;
use connector_status::sync_job::{SyncJob, SyncJobStatus};
use connector_status::values::Time;
use proptest::prelude::*;
use serde_json::{Value, json};

type Step = (&'static str, &'static str, Value, Seen);

fn steps() -> BoxedStrategy<Step> {
    let statuses = ["pending", "in_progress", "CANCELING", "canceled", "suspended", "completed"];
    let status = prop::sample::select([&statuses[..], &["error", "created"]].concat());
    let count = prop_oneof![4 => (0..9_i64).prop_map(Value::from), 1 => Just(json!(-1))];
    let stats = (count.clone(), count, any::<bool>()).prop_map(|(indexed, deleted, dated)| {
        let mut body = json!({
            "indexed_document_count": indexed, "deleted_document_count": deleted,
            "indexed_document_volume": 1, "metadata": { "k": indexed },
        });
        if dated {
            body["last_seen"] = json!("2026-02-03");
        }
        body
    });
    let put = |name: &'static str, body: BoxedStrategy<Value>| {
        body.prop_map(move |body| ("PUT", name, body))
    };
    let nothing = || Just(Value::Null).boxed();
    let cursor = prop_oneof![Just(json!({ "a": 1 })), Just(json!({ "b": 2 }))];
    let what = prop_oneof![
        3 => put("/_cancel", nothing()),
        2 => put("/_check_in", nothing()),
        3 => put("/_claim", cursor.prop_map(|it| json!({ "worker_hostname": "w", "sync_cursor": it })).boxed()),
        2 => put("/_complete", nothing()),
        2 => put("/_suspend", nothing()),
        2 => put("/_error", Just(json!({ "error": "e" })).boxed()),
        2 => put("/_stats", stats.boxed()),
        1 => Just(("DELETE", "", Value::Null)),
        3 => Just(("POST", "create", json!({ "id": "c", "job_type": "full" }))),
        5 => status.prop_map(|it| ("POST", "update", json!({ "doc": { "status": it, "x": it } }))),
        1 => Just(("POST", "update", json!({ "doc": { "connector": { "id": "other" } } }))),
    ];
    let seen = prop_oneof![
        6 => Just(Seen::Nothing),
        2 => (0..3_u64).prop_map(Seen::Version),
        2 => (0..3_u64).prop_map(Seen::SeqNo),
    ];
    (what, seen).prop_map(|((method, name, body), seen)| (method, name, body, seen)).boxed()
}

fn check(
    world: &mut World,
    (method, name, body, seen): &Step,
    now: u64,
) -> Result<u16, TestCaseError> {
    if *name == "create" && world.job.is_some() {
        return Ok(0);
    }
    let id = job_id("c");
    let target = match *name {
        "create" => "/_connector/_sync_job".to_owned(),
        "update" => format!("/.elastic-connectors-sync-jobs/_update/{id}"),
        name => format!("/_connector/_sync_job/{id}{name}"),
    };
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let mut request = request(method, &target, &text);
    let existing = world.job.as_ref().map(|_| world.job_version);
    let holds = match (seen, *name) {
        (_, "create") => true,
        (Seen::SeqNo(_), name) if name != "update" => true,
        _ => seen.add_to(&mut request, existing, world.job_version),
    };
    let before = world.clone();
    let (response, what) = send(world, "c", &request, holds, now)?;
    let (from, to) = (before.job.as_ref(), world.job.as_ref());
    let (from, to) = (from.map(SyncJob::status), to.map(SyncJob::status));

    prop_assert_eq!(&world.connector, &before.connector);
    let is_change = response.status < 400 && !response.body.contains("noop");
    prop_assert_eq!(world.job != before.job, is_change, "{}", what);
    let answer: Value = serde_json::from_str(&response.body).unwrap();
    if *name == "update" && response.status == 200 {
        prop_assert_eq!(&answer["_version"], world.job_version);
        prop_assert_eq!(&answer["_seq_no"], world.job_version - 1);
    }
    match (from, to) {
        (Some(from), Some(to)) if from != to => {
            prop_assert!(from.can_become(to) || matches!(*name, "/_claim" | "update"), "{}", what);
            let marked = *name == "update" && !from.can_become(to);
            prop_assert_eq!(world.off_protocol.is_some(), marked, "{}", what);
        }
        (None, Some(to)) => prop_assert_eq!((*name, to), ("create", SyncJobStatus::Pending)),
        (Some(_), None) => prop_assert_eq!(*method, "DELETE"),
        _ => prop_assert_eq!(&world.off_protocol, &None),
    }
    if let Some(job) = &world.job {
        prop_assert_eq!(&SyncJob::from_json(&job.to_json().unwrap()).unwrap(), job);
        prop_assert_eq!(job.connector_id(), Some("c"));
        for (name, field) in job.fields() {
            if name == "last_seen" || name.ends_with("_at") {
                let text = field.as_str().unwrap();
                prop_assert_eq!(Time::parse(text).unwrap().to_string(), text);
            }
            if name.ends_with("_count") {
                prop_assert!(field.as_i64().is_some_and(|count| count >= 0));
            }
        }
    }
    Ok(response.status)
}

#[test]
fn every_request_about_a_sync_job_keeps_to_the_protocol() {
    let connector = Creation {
        index_name: Some("search-a".to_owned()),
        service_type: Some("dir".to_owned()),
        ..Creation::default()
    }
    .connector(Time::from_millis(0));
    let start = || World::of(Some(connector.clone()));
    run(300, steps(), start, check, &[200, 201, 400, 404, 409, 412], 20);
}
