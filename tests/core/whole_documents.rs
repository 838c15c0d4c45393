//! Documents that are read, edited and written back as a whole: `PUT /.elastic-connectors/_doc/{id}`.

use connector_status::api::{self, Call, Commit, Current, Decision, Operation, Precondition};
use connector_status::connector::{Connector, Fields};
use connector_status::recent_values::{RecentValues, are_equivalent};
use connector_status::values::Time;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::common::request;

const NOW: u64 = 1_772_000_000_000;
const MINUTE: u64 = 60_000;

fn at(millis: u64) -> Time {
    Time::from_millis(millis)
}

fn connector(fields: &Value) -> Connector {
    Connector::from_json(&fields.to_string()).unwrap()
}

/// The decision about a document that is written back at `now`.
fn put(
    query: &str,
    doc: &Value,
    before: &Value,
    recent: &RecentValues,
    now: u64,
) -> Result<Decision, api::ApiError> {
    let target = format!("/.elastic-connectors/_doc/c{query}");
    let call = api::read(&request("PUT", &target, &doc.to_string())).1?;
    let Call::Connector(_, Operation::Write(write)) = call else { panic!("{call:?}") };
    assert_eq!(write.name(), "_doc");
    let before = connector(before);
    let current = Current { document: &before, version: 7, recent_values: Some(recent) };
    api::decide("c", &write, &Precondition::default(), Some(current), at(now))
}

fn changes(decision: Decision) -> Value {
    match decision.commit {
        Commit::Nothing => json!({}),
        Commit::Patch(delta) => {
            let fields =
                delta.fields().map(|name| (name.to_owned(), delta.get(name).unwrap().clone()));
            Value::Object(fields.collect())
        }
        other => panic!("{other:?}"),
    }
}

fn recent(values: &[(&str, Value, u64)]) -> RecentValues {
    let mut recent = RecentValues::default();
    for (name, value, until) in values {
        recent.record_value(name, value, at(*until));
    }
    recent
}

#[test]
fn only_the_fields_that_the_caller_edited_are_written() {
    let shown = json!({ "status": "configured", "name": "A", "index_name": "a", "scheduling": { "full": { "enabled": false, "interval": "0 0 0 * * ?" } } });
    let mut now = shown.clone();
    now["status"] = json!("connected");
    now["scheduling"]["full"]["enabled"] = json!(true);
    now["name"] = json!("B");
    let until = recent(&[
        ("status", json!("configured"), NOW - 1_000),
        ("name", json!("A"), NOW - 500),
        ("scheduling", shown["scheduling"].clone(), NOW - 100),
    ]);
    let mut doc = shown.clone();
    doc["api_key_id"] = json!("k1");
    let done = |query: &str, doc: &Value, recent: &RecentValues| {
        changes(put(query, doc, &now, recent, NOW).unwrap())
    };
    assert_eq!(done("", &doc, &until), json!({ "api_key_id": "k1" }));
    // An unedited document changes nothing.
    assert_eq!(done("", &shown, &until), json!({}));
    // A value that the field did not have recently is an edit.
    doc["name"] = json!("C");
    doc["status"] = json!("error");
    assert_eq!(
        done("", &doc, &until),
        json!({ "name": "C", "status": "error", "api_key_id": "k1" })
    );
    // Objects are replaced, not merged.
    let doc = json!({ "status": "connected", "scheduling": { "incremental": { "enabled": true, "interval": "0 0 0 * * ?" } } });
    assert_eq!(done("", &doc, &until), json!({ "scheduling": doc["scheduling"] }));
    // A missing field is kept, and null removes a field.
    let doc = json!({ "status": "connected", "index_name": null });
    assert_eq!(done("", &doc, &until), json!({ "index_name": null }));
    // With the current version all values count as edits; with another version it is a conflict.
    let doc = json!({ "status": "configured", "name": "A" });
    let seen = "?if_seq_no=6&if_primary_term=1";
    assert_eq!(done(seen, &doc, &until), json!({ "status": "configured", "name": "A" }));
    let error = put("?if_seq_no=5&if_primary_term=1", &doc, &now, &until, NOW).unwrap_err();
    assert_eq!(error.status, 409);
    // A value that the field had long ago counts as an edit.
    let old = recent(&[
        ("name", json!("A"), NOW - 2 * MINUTE),
        ("status", json!("configured"), NOW - 2 * MINUTE),
    ]);
    assert_eq!(done("", &doc, &old), json!({ "status": "configured", "name": "A" }));
}

#[test]
fn last_seen_is_never_set_back() {
    let now = json!({ "status": "created", "last_seen": "2026-02-25T06:13:20.123Z" });
    let done = |last_seen: Value| {
        let doc = json!({ "status": "created", "last_seen": last_seen });
        changes(put("", &doc, &now, &RecentValues::default(), NOW).unwrap())
    };
    assert_eq!(done(json!("2026-02-25T06:13:20.122Z")), json!({}));
    assert_eq!(done(json!(null)), json!({}));
    assert_eq!(
        done(json!("2026-02-25T06:13:20.124Z")),
        json!({ "last_seen": "2026-02-25T06:13:20.124Z" })
    );
}

#[test]
fn the_response_is_that_of_an_index_request() {
    let now = json!({ "status": "created", "name": "A" });
    let body = |query: &str, doc: &Value| -> Value {
        let decision = put(query, doc, &now, &RecentValues::default(), NOW).unwrap();
        serde_json::from_str(&decision.response.body).unwrap()
    };
    let shards = |number: u8| json!({ "total": number, "successful": number, "failed": 0 });
    assert_eq!(
        body("", &json!({ "status": "created", "name": "B", "id": "c" })),
        json!({ "_index": ".elastic-connectors-v1", "_id": "c", "_version": 8, "result": "updated", "_shards": shards(1), "_seq_no": 7, "_primary_term": 1 })
    );
    assert_eq!(
        body("?refresh=wait_for&op_type=index", &now),
        json!({ "_index": ".elastic-connectors-v1", "_id": "c", "_version": 7, "result": "noop", "forced_refresh": true, "_shards": shards(0), "_seq_no": 6, "_primary_term": 1 })
    );
    // A move that the protocol does not allow is marked.
    let decision =
        put("", &json!({ "status": "connected" }), &now, &RecentValues::default(), NOW).unwrap();
    assert!(decision.off_protocol.is_some());
}

#[test]
fn a_connector_cannot_be_created_as_a_document() {
    let reason = |method: &str, target: &str, body: &str| {
        let error = api::read(&request(method, target, body)).1.unwrap_err();
        let body: Value = serde_json::from_str(&error.to_json()).unwrap();
        let reason = body["error"]["reason"].as_str().or(body["error"].as_str());
        (error.status, reason.unwrap().to_owned())
    };
    let says = |id: &str| {
        let sentence = format!(
            "a connector cannot be created as a document: create it with [PUT /_connector/{id}], change it with [PUT /.elastic-connectors/_doc/{id}] or [POST /.elastic-connectors/_update/{id}]"
        );
        (400, sentence)
    };
    let doc = r#"{"status":"created"}"#;
    for (method, target, id) in [
        ("PUT", "/.elastic-connectors/_doc/c?op_type=create", "c"),
        ("POST", "/.elastic-connectors-v1/_doc", "{id}"),
        ("PUT", "/.elastic-connectors/_create/c", "{id}"),
        ("POST", "/.elastic-connectors/_create/c", "{id}"),
    ] {
        assert_eq!(reason(method, target, doc), says(id), "{method} {target}");
    }
    assert!(
        reason("PUT", "/.elastic-connectors/_doc/c?op_type=upsert", doc)
            .1
            .contains("opType must be 'create' or 'index', found: [upsert]")
    );
    assert_eq!(reason("PUT", "/.elastic-connectors/_doc/c", "").1, "request body is required");
    assert_eq!(
        reason("PUT", "/.elastic-connectors/_doc/c?refresh=soon", doc).1,
        "Unknown value for refresh: [soon]."
    );
    assert_eq!(reason("PUT", "/.elastic-connectors-sync-jobs/_doc/j.c", doc).0, 405);
    let write = |target: &str| match api::read(&request("POST", target, doc)).1 {
        Ok(Call::Connector(_, Operation::Write(write))) => write,
        other => panic!("{other:?}"),
    };
    // For a missing connector the reason says how to create one.
    let error = api::decide(
        "c",
        &write("/.elastic-connectors/_doc/c"),
        &Precondition::default(),
        None,
        at(NOW),
    )
    .unwrap_err();
    assert_eq!(error.status, 404);
    assert!(
        error.to_json().contains("[c]: document missing: [PUT /_connector/c] creates a connector")
    );
}

#[test]
fn values_are_compared_regardless_of_how_they_are_written() {
    let parse = |text: &str| {
        Fields::from_iter([("v".to_owned(), serde_json::from_str(text).unwrap())])["v"].clone()
    };
    for (a, b) in [
        ("1.0", "1"),
        ("1e5", "100000"),
        ("-0.0", "0"),
        ("9007199254740993", "9007199254740992"),
        (r#"{"a":1,"b":[1.50]}"#, r#"{"b":[1.5],"a":1}"#),
    ] {
        assert!(are_equivalent(&parse(a), &parse(b)), "{a} {b}");
    }
    for (a, b) in [
        ("1", "\"1\""),
        ("null", "false"),
        ("[]", "{}"),
        (r#"["ab"]"#, r#"["a","b"]"#),
        (r#"{"a":null}"#, "{}"),
        (r#"[["a"],"b"]"#, r#"["a",["b"]]"#),
    ] {
        assert!(!are_equivalent(&parse(a), &parse(b)), "{a} {b}");
    }
}

#[test]
fn recent_values_are_stored_and_limited_in_age_and_number() {
    let before = Fields::from_iter([("a".to_owned(), json!(1))]);
    let mut recent = RecentValues::default();
    recent.record(&before, ["a", "new"], at(NOW));
    let stored = serde_json::to_string(&recent).unwrap();
    // Golden: objects store this form.
    assert_eq!(
        stored,
        r#"[["a","0502d57664f8ad6a",1772000000000],["new","af63e34c8601f871",1772000000000]]"#
    );
    assert_eq!(serde_json::from_str::<RecentValues>(&stored).unwrap(), recent);
    assert!(recent.contains("a", &json!(1.0), at(NOW + MINUTE)));
    assert!(recent.contains("new", &json!(null), at(NOW)));
    assert!(!recent.contains("a", &json!(2), at(NOW)));
    assert!(!recent.contains("b", &json!(1), at(NOW)));
    assert!(!recent.contains("a", &json!(1), at(NOW + 2 * MINUTE)));
    for n in 0..1_000 {
        recent.record(&before, ["a"], at(NOW + n));
    }
    assert!(serde_json::to_string(&recent).unwrap().len() < 64 * 50);
    recent.record(&before, ["a"], at(NOW + 3 * MINUTE));
    let left: Vec<Value> = serde_json::from_str(&serde_json::to_string(&recent).unwrap()).unwrap();
    assert_eq!(left.len(), 1);
}

/// Fields for edits and documents.
fn values() -> impl Strategy<Value = (String, Value)> {
    ("[abc]", 0..4)
        .prop_map(|(name, value)| (name, if value == 0 { json!(null) } else { json!(value) }))
}

proptest! {
    /// A caller reads a document, others edit it, and the caller writes it back with one field changed: that
    /// field is written, and no edit is undone.
    #[test]
    fn writing_a_document_back_undoes_no_edit_made_since_it_was_read(
        start in prop::collection::vec(values(), 0..3),
        edits in prop::collection::vec((values(), 0..10_000_u64), 0..20),
        seen_after in 0..20_usize,
    ) {
        let mut fields = Fields::from_iter(start);
        fields.insert("status".to_owned(), json!("created"));
        let mut recent = RecentValues::default();
        let mut seen = fields.clone();
        let mut now = NOW;
        for (n, ((name, value), pause)) in edits.into_iter().enumerate() {
            if n == seen_after {
                seen = fields.clone();
            }
            now += pause / 2;
            let name = format!("x_{name}");
            if !are_equivalent(fields.get(&name).unwrap_or(&Value::Null), &value) {
                recent.record(&fields, [name.as_str()], at(now));
                fields.insert(name, value);
            }
        }
        let mut doc = seen.clone();
        doc.insert("api_key_id".to_owned(), json!("k"));
        let (doc, before) = (Value::Object(doc), Value::Object(fields));
        let done = changes(put("", &doc, &before, &recent, now).unwrap());
        prop_assert_eq!(done, json!({ "api_key_id": "k" }));
    }
}
