//! Limits of sizes, and that the cost of a request is proportional to its length.

use std::time::{Duration, Instant};

use crate::common::{World, request};
use connector_status::api;
use connector_status::connector::{Connector, Creation};
use connector_status::document::Document;
use connector_status::limits::DOCUMENT_BYTES;
use connector_status::values::Time;
use serde_json::{Value, json};

fn put(world: &mut World, path: &str, body: &Value) -> (u16, String) {
    let response =
        world.send("c", &request("PUT", &format!("/_connector/c{path}"), &body.to_string()), 0);
    (response.status, response.body)
}

fn new() -> World {
    World::of(Some(Creation::default().connector(Time::from_millis(0))))
}

/// A connector whose JSON has that many bytes.
fn of_size(size: usize) -> World {
    let mut fields = new().connector.unwrap().fields().clone();
    let name = "x".repeat(size - new().connector.unwrap().size());
    fields.insert("name".to_owned(), name.into());
    let connector = Connector::from_fields(fields).unwrap();
    assert_eq!((connector.size(), connector.to_json().unwrap().len()), (size, size));
    World::of(Some(connector))
}

#[test]
fn a_document_can_grow_to_its_limit_and_no_further() {
    let cursor = |name: &str| json!({ "sync_cursor": { name: "\n".repeat(200_000) } });
    let mut world = new();
    for name in ["a", "b"] {
        assert_eq!(put(&mut world, "/_last_sync", &cursor(name)).0, 200);
    }
    let before = world.clone();
    let (status, body) = put(&mut world, "/_last_sync", &cursor("c"));
    assert_eq!(status, 413);
    let reason = format!(
        "[c]: the connector would be too long: its JSON would have [{}] bytes, the limit is \
         [{DOCUMENT_BYTES}]",
        before.connector.as_ref().unwrap().size() + "\"c\":\"\",".len() + 400_000
    );
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["error"]["type"], "content_too_long_exception");
    assert_eq!(body["error"]["reason"], reason);
    assert_eq!((world.version, &world.connector), (before.version, &before.connector));
    // All other requests still work.
    assert_eq!(put(&mut world, "/_status", &json!({ "status": "error" })).0, 200);
    assert_eq!(put(&mut world, "/_name", &json!({ "name": "n" })).0, 200);
    assert_eq!(put(&mut world, "/_last_sync", &json!({ "sync_cursor": { "a": null } })).0, 200);
    assert_eq!(put(&mut world, "/_last_sync", &cursor("c")).0, 200);
}

#[test]
fn the_size_limit_of_a_document_is_exact_to_the_byte() {
    let seen = |bytes: usize| format!("\"language\":\"{}\",", "x".repeat(bytes)).len();
    let service_type = |bytes| json!({ "service_type": "x".repeat(bytes) });
    assert_eq!("\"service_type\":\"\",".len(), seen(0) + 4);
    for (room, expected) in [(0, 200), (1, 413)] {
        let mut world = of_size(DOCUMENT_BYTES - 18 - 5 + room);
        assert_eq!(put(&mut world, "/_service_type", &service_type(5)).0, expected);
    }
}

#[test]
fn a_document_cannot_be_created_over_the_size_limit() {
    let empty = new().connector.unwrap().size();
    for (length, expected) in [(DOCUMENT_BYTES - empty, 201), (DOCUMENT_BYTES - empty + 1, 413)] {
        let mut world = World::default();
        let body = json!({ "name": "x".repeat(length) });
        assert_eq!(put(&mut world, "", &body).0, expected);
        assert_eq!(world.connector.is_some(), expected == 201);
    }
}

#[test]
fn an_imported_document_over_the_limit_can_move_and_shrink_and_be_deleted() {
    let table = [
        ("/_status", json!({ "status": "error" }), 200),
        // The document is not written, so its size does not matter.
        ("/_status", json!({ "status": "needs_configuration" }), 200),
        ("/_name", json!({ "name": "y".repeat(2_000_000) }), 413),
        ("/_name", json!({ "name": "y".repeat(1_999_000) }), 413),
        ("/_name", json!({ "name": "y".repeat(1_100_000) }), 200),
        ("/_name", json!({ "name": "" }), 200),
        ("/_error", json!({ "error": "e" }), 413),
        ("", json!({}), 200),
    ];
    for (path, body, expected) in table {
        let mut world = of_size(2_000_000);
        assert_eq!(put(&mut world, path, &body).0, expected, "{path}");
    }
    let mut world = of_size(2_000_000);
    assert_eq!(world.send("c", &request("DELETE", "/_connector/c?hard=true", ""), 0).status, 200);
    assert_eq!(world.connector, None);
}

#[test]
fn ids_and_queries_have_a_maximum_length() {
    let status = |target: &str| match api::read(&request("GET", target, "")).1 {
        Ok(_) => 200,
        Err(failure) => failure.status,
    };
    let table = [
        ("/_connector/", "x", 500, 200),
        ("/_connector/", "x", 501, 400),
        ("/_connector/", "%C3%A4", 250, 200),
        ("/_connector/", "%C3%A4", 251, 400),
        ("/_connector?query=", "x", 256, 200),
        ("/_connector?query=", "%C3%A4", 256, 200),
        ("/_connector?query=", "x", 257, 400),
        ("/_connector?filter_path=", "a,", 64, 200),
        ("/_connector?filter_path=", "a,", 65, 400),
        ("/?filter_path=", "a,", 65, 400),
        ("/_connector/x/_status?filter_path=", "a.*.", 32, 400),
        ("/_connector?from=0&size=", "1", 4, 200),
        ("/_connector?from=0&size=", "1", 5, 400),
        ("/_connector?size=10000&from=", "0", 1, 200),
        ("/_connector?size=10000&from=", "1", 1, 400),
        ("/_connector?size=2147483648&from=", "1", 1, 400),
    ];
    for (path, piece, times, expected) in table {
        let target = format!("{path}{}", piece.repeat(times));
        assert_eq!(status(&target), expected, "{path} {piece} {times}");
    }
    let reason = |target: &str| api::read(&request("GET", target, "")).1.unwrap_err().to_json();
    let said = reason(&format!("/_connector?query={}", "?".repeat(300)));
    assert!(
        said.contains(
            "[query] is too long: it must be no longer than [256] characters but was [300]"
        ),
        "{said}"
    );
    let said = reason(&format!("/?filter_path={}", "a.b,".repeat(600)));
    assert!(said.contains("[64] steps in all"), "{said}");
    assert!(said.contains("but were [1200]"), "{said}");
}

/// Measures how long something takes. The limits are generous: they only catch costs that multiply.
fn time(what: &str, limit: Duration, work: impl FnOnce()) {
    let started = Instant::now();
    work();
    let taken = started.elapsed();
    println!("{what}: {taken:?}");
    assert!(taken < limit, "{what}: {taken:?}");
}

#[test]
fn no_body_takes_long_to_read() {
    let second = Duration::from_secs(1);
    let wide = |names: usize| {
        format!("{{{}\"z\":1}}", (0..names).map(|n| format!("\"{n}\":1,")).collect::<String>())
    };
    let keys = |length: usize| format!("{{\"{}\":1}}", "k".repeat(length));
    time("an unknown key of 1 MB", second, || {
        let request = request("PUT", "/_connector/c/_last_sync", &keys(1 << 20));
        assert!(api::read(&request).1.is_err());
    });
    time("50,000 keys", 4 * second, || {
        let body = format!("{{\"sync_cursor\":{}}}", wide(50_000));
        assert!(api::read(&request("PUT", "/_connector/c/_last_sync", &body)).1.is_ok());
    });
}
