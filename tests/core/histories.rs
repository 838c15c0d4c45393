//! Random lifecycles of a connector: whatever the requests, its status only makes moves that the
//! table or the endpoint allows, and no caller overwrites a version it has not seen.
//!
//! `HISTORIES_CASES=20000 cargo test histories::` runs more cases.

use crate::common::World;
use connector_status::api::etag;
use connector_status::connector::Connector;
use connector_status::status::Status;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

const IDS: [&str; 3] = ["a", "b/ä", "_c"];

/// The version that a caller claims to have seen, if any.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Seen {
    Nothing,
    /// `If-Match`: the version that many changes ago.
    Version(u64),
    /// `If-Match: *`
    Any,
    /// `If-None-Match: *`
    Absence,
}

#[derive(Clone, Debug)]
enum Step {
    Request {
        id: usize,
        method: &'static str,
        path: &'static str,
        body: Value,
        seen: Seen,
    },
    /// A document is imported where there is none.
    Import {
        id: usize,
        document: Value,
    },
}

fn bodies() -> BoxedStrategy<(&'static str, &'static str, Value)> {
    let statuses = ["created", "needs_configuration", "configured", "CONNECTED", "error", "gone"];
    let status = prop::sample::select(statuses.to_vec());
    let text = prop_oneof![Just(json!(null)), Just(json!("")), "[a-z]{1,3}".prop_map(Value::from)];
    let index = prop::sample::select(vec![json!(null), json!("plain"), json!("content-x")]);
    let put = |path, body: BoxedStrategy<Value>| body.prop_map(move |body| ("PUT", path, body));
    let field = |name: &'static str, value: BoxedStrategy<Value>| {
        value.prop_map(move |value| json!({ name: value })).boxed()
    };
    let number = prop_oneof![Just(json!(1.9)), Just(json!("44.7")), (0..9).prop_map(Value::from)];
    let value = prop_oneof![text.clone(), number.clone()].boxed();
    let definition = field("configuration", field("host", field("label", text.clone().boxed())));
    let creation = (any::<bool>(), index.clone())
        .prop_map(|(native, index)| json!({ "is_native": native, "index_name": index }));
    prop_oneof![
        12 => put("/_status", field("status", status.prop_map(Value::from).boxed())),
        2 => put("/_error", field("error", text.clone().boxed())),
        2 => put("/_service_type", field("service_type", text.clone().boxed())),
        2 => put("/_native", field("is_native", any::<bool>().prop_map(Value::from).boxed())),
        1 => put("/_index_name", field("index_name", index.boxed())),
        1 => put("/_configuration", definition),
        1 => put("/_configuration", field("values", field("host", value))),
        1 => put("/_name", field("name", text.boxed())),
        1 => put("/_last_sync", field("last_indexed_document_count", number.boxed())),
        1 => put("/_check_in", Just(Value::Null).boxed()),
        1 => put("/_filtering/_activate", Just(Value::Null).boxed()),
        2 => put("", creation.boxed()),
        1 => prop::sample::select(vec!["", "?hard=true"])
            .prop_map(|how| ("DELETE", how, Value::Null)),
    ]
    .boxed()
}

fn steps() -> BoxedStrategy<Step> {
    let id = 0..IDS.len();
    let seen = prop_oneof![
        6 => Just(Seen::Nothing),
        3 => (0..3_u64).prop_map(Seen::Version),
        1 => Just(Seen::Any),
        1 => Just(Seen::Absence),
    ];
    let request = (id.clone(), bodies(), seen).prop_map(|(id, (method, path, body), seen)| {
        Step::Request { id, method, path, body, seen }
    });
    let document = (prop::sample::select(Status::ALL.to_vec()), any::<bool>()).prop_map(
        |(status, deleted)| json!({ "status": status.name(), "deleted": deleted, "of": [1.50] }),
    );
    let import = (id, document).prop_map(|(id, document)| Step::Import { id, document });
    prop_oneof![20 => request, 1 => import].boxed()
}

/// Which moves an endpoint may make in addition to the table of transitions.
fn may_move(path: &str, from: Option<Status>, to: Status) -> bool {
    match path {
        "" => matches!(to, Status::Created | Status::NeedsConfiguration),
        "/_configuration" => to == Status::Configured,
        "/_error" => matches!(to, Status::Connected | Status::Error),
        "/_native" => (from, to) == (Some(Status::Connected), Status::Configured),
        "/_service_type" => from != Some(Status::Created) && to == Status::NeedsConfiguration,
        _ => false,
    }
}

fn check(world: &mut World, id: &str, step: &Step, now: u64) -> Result<u16, TestCaseError> {
    let Step::Request { method, path, body, seen, .. } = step else { return Ok(0) };
    let before = world.clone();
    let encoded = id.replace('/', "%2F").replace('ä', "%C3%A4");
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let mut request =
        crate::common::request(method, &format!("/_connector/{encoded}{path}"), &text);
    match *seen {
        Seen::Nothing => {}
        Seen::Any => request.if_match = Some("*".to_owned()),
        Seen::Absence => request.if_none_match = Some("*".to_owned()),
        Seen::Version(ago) => request.if_match = Some(etag(world.version.saturating_sub(ago))),
    }
    let response = world.send(id, &request, now);
    let from = before.connector.as_ref().map(Connector::status);
    let to = world.connector.as_ref().map(Connector::status);
    let what = format!("{from:?} {request:?} {}", response.body);

    prop_assert!(matches!(response.status, 200 | 201 | 400 | 404 | 412), "{}", what);
    if response.status >= 400 {
        prop_assert_eq!(&world.connector, &before.connector);
        prop_assert_eq!(world.version, before.version);
    }
    // A precondition is checked against the current version; an invalid body is reported before
    // that.
    let holds = match (seen, &before.connector) {
        (Seen::Nothing, _) | (Seen::Absence, None) | (Seen::Any, Some(_)) => true,
        (Seen::Version(ago), Some(_)) => *ago == 0,
        _ => false,
    };
    match response.status {
        412 => prop_assert!(!holds, "{}", what),
        400 => {}
        _ => prop_assert!(holds, "{}", what),
    }
    match (response.status, from, to) {
        (200 | 201, from, Some(to)) if from != Some(to) => {
            let along = *path == "/_status" && from.is_some_and(|from| from.can_become(to));
            prop_assert!(along || may_move(path, from, to), "{}", what);
            prop_assert!(!response.body.contains("noop"), "{}", what);
        }
        (200, Some(from), Some(to)) if *path == "/_status" => {
            prop_assert!(from.can_become(to), "{}", what);
            prop_assert_eq!(&response.body, r#"{"result":"noop"}"#);
        }
        (201, from, _) => prop_assert_eq!(from, None, "{}", what),
        (200, from, None) => {
            prop_assert!(*path == "?hard=true" && from.is_some(), "{}", what);
        }
        _ => {}
    }
    Ok(response.status)
}

#[test]
fn every_request_keeps_to_the_protocol() {
    let cases = std::env::var("HISTORIES_CASES").ok().and_then(|text| text.parse().ok());
    let config =
        Config { cases: cases.unwrap_or(1_000), failure_persistence: None, ..Config::default() };
    let mut runner = match cases {
        Some(_) => TestRunner::new(config),
        None => {
            let rng = TestRunner::deterministic().new_rng();
            TestRunner::new_with_rng(config, rng)
        }
    };
    let statuses = std::cell::RefCell::new(std::collections::BTreeMap::<u16, usize>::new());
    let result = runner.run(&prop::collection::vec(steps(), 1..40), |steps| {
        let mut worlds = IDS.map(|_| World::default());
        for (now, step) in (1..).zip(&steps) {
            let (Step::Request { id, .. } | Step::Import { id, .. }) = step;
            let world = &mut worlds[*id];
            if let Step::Import { document, .. } = step
                && world.version == 0
            {
                let text = document.to_string();
                *world = World::of(Some(Connector::from_json(&text).unwrap()));
            }
            let status = check(world, IDS[*id], step, now)?;
            *statuses.borrow_mut().entry(status).or_default() += 1;
        }
        Ok(())
    });
    result.unwrap_or_else(|problem| panic!("{problem}"));
    // Every possible response occurred, and often enough.
    let statuses = statuses.into_inner();
    for status in [200, 201, 400, 404, 412] {
        assert!(statuses.get(&status).is_some_and(|seen| *seen > 100), "{statuses:?}");
    }
}
