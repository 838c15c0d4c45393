//! Connectors.

use super::{Seen, run, send};
use crate::common::{World, request};
use connector_status::connector::Connector;
use connector_status::status::Status;
use proptest::prelude::*;
use serde_json::{Value, json};

const IDS: [&str; 3] = ["a", "b/ä", "_c"];

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
    let encoded = id.replace('/', "%2F").replace('ä', "%C3%A4");
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let mut request = request(method, &format!("/_connector/{encoded}{path}"), &text);
    let existing = world.connector.as_ref().map(|_| world.version);
    let holds = seen.add_to(&mut request, existing, world.version);
    let from = world.connector.as_ref().map(Connector::status);
    let (response, what) = send(world, id, &request, holds, now)?;
    let to = world.connector.as_ref().map(Connector::status);

    prop_assert!(response.status != 404 || holds, "{}", what);
    match (response.status, from, to) {
        (200 | 201, from, Some(to)) if from != Some(to) => {
            let along = *path == "/_status" && from.is_some_and(|from| from.can_become(to));
            prop_assert!(along || may_move(path, from, to), "{}", what);
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
fn every_request_about_a_connector_keeps_to_the_protocol() {
    let start = || IDS.map(|_| World::default());
    let step = |worlds: &mut [World; 3], step: &Step, now| {
        let (Step::Request { id, .. } | Step::Import { id, .. }) = step;
        let world = &mut worlds[*id];
        if let Step::Import { document, .. } = step
            && world.version == 0
        {
            let text = document.to_string();
            *world = World::of(Some(Connector::from_json(&text).unwrap()));
        }
        check(world, IDS[*id], step, now)
    };
    run(1_000, steps(), start, step, &[200, 201, 400, 404, 412], 100);
}
