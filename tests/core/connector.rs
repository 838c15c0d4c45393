//! A connector's document, and what the edge needs to know about a request.

use crate::common::request;
use connector_status::api::{
    self, Call, Format, Intent, Media, Operation, Precondition, Request, Response, Write,
};
use connector_status::budget::{Budget, Purpose};
use connector_status::connector::{Connector, with_id};
use connector_status::directory::{Filter, Texts, matches_any};
use connector_status::document::{Document, Patch, merge};
use connector_status::secrets::Secrets;
use connector_status::status::Status;
use serde_json::{Value, json};

fn connector(fields: Value) -> Connector {
    let mut all = json!({ "status": "created" });
    all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    Connector::from_fields(all.as_object().unwrap().clone()).unwrap()
}

#[test]
fn a_document_has_its_fields_if_they_have_the_right_types() {
    // fields -> index name, held index, deleted, native, description
    let table = [
        (json!({}), (None, None, false, false, None)),
        (json!({ "index_name": "a" }), (Some("a"), Some("a"), false, false, None)),
        (json!({ "index_name": null }), (None, None, false, false, None)),
        (json!({ "index_name": 7 }), (None, None, false, false, None)),
        (json!({ "index_name": "a", "deleted": true }), (Some("a"), None, true, false, None)),
        (json!({ "deleted": "true", "is_native": 1 }), (None, None, false, false, None)),
        (
            json!({ "deleted": false, "is_native": true, "description": "d" }),
            (None, None, false, true, Some("d")),
        ),
    ];
    for (fields, expected) in table {
        let it = connector(fields.clone());
        let found = (
            it.index_name(),
            it.held_index(),
            it.is_deleted(),
            it.is_native(),
            it.text("description"),
        );
        assert_eq!(found, expected, "{fields}");
        assert_eq!(it.size(), it.to_json().unwrap().len(), "{fields}");
    }
}

#[test]
fn texts_stored_elsewhere_are_omitted_from_the_json() {
    let it = connector(json!({ "name": "n", "description": null, "error": "e", "n": 1.50 }));
    let without = |texts: &[&str]| it.to_json_without(texts).unwrap();
    assert_eq!(without(&[]), it.to_json().unwrap());
    assert_eq!(
        without(&["name", "description", "n", "nothing"]),
        r#"{"status":"created","description":null,"error":"e","n":1.5}"#
    );
}

#[test]
fn a_moved_connector_differs_only_in_its_status() {
    for to in Status::ALL {
        let moved = connector(json!({ "name": "n" })).with_status(to);
        assert_eq!((moved.status(), moved.text("status")), (to, Some(to.name())));
        assert_eq!(moved.to_json().unwrap(), format!(r#"{{"status":"{to}","name":"n"}}"#));
    }
}

#[test]
fn the_id_is_the_first_field_of_the_json() {
    let table = [
        ("a", "{}", r#"{"id":"a"}"#),
        ("a", r#"{"status":"error"}"#, r#"{"id":"a","status":"error"}"#),
        ("\"ü\n", r#"{"b":{}}"#, "{\"id\":\"\\\"ü\\n\",\"b\":{}}"),
        ("a", "", r#"{"id":"a"}"#),
    ];
    for (id, document, expected) in table {
        assert_eq!(with_id(id, document), expected);
    }
}

#[test]
fn a_patch_changes_only_the_fields_that_differ() {
    let before = connector(json!({ "name": "n", "configuration": { "a": { "value": 1 } } }));
    let patch = |fields: Value| Patch::merge(fields.as_object().unwrap().clone());
    // patch -> fields afterwards, whether only the status is touched, the status it moves to
    let table = [
        (patch(json!({})), None),
        (patch(json!({ "name": "n" })), None),
        (patch(json!({ "status": "created" })), None),
        (patch(json!({ "status": "error" })), Some((true, Some("error")))),
        (patch(json!({ "name": "m" })).with_status(Status::Error), Some((false, Some("error")))),
        (patch(json!({ "name": "m" })), Some((false, None))),
        (patch(json!({ "configuration": { "a": { "value": 1 } } })), None),
        (patch(json!({ "configuration": { "a": { "value": 2 } } })), Some((false, None))),
        (patch(json!({})).replace("configuration", json!({})), Some((false, None))),
        (patch(json!({ "configuration": {} })), None),
    ];
    for (patch, expected) in table {
        let what = format!("{patch:?}");
        let delta = patch.diff(&before);
        let found = delta.as_ref().map(|delta| (delta.touches_only("status"), delta.status()));
        assert_eq!(found, expected, "{what}");
        let Some(delta) = delta else { continue };
        let size = delta.size_after(&before);
        let after = delta.apply(before.clone());
        assert_eq!(size, after.to_json().unwrap().len(), "{what}");
        assert_eq!(after.status().name(), after.text("status").unwrap(), "{what}");
    }
}

#[test]
fn objects_are_merged_and_other_values_replaced() {
    let table = [
        (
            json!({ "a": 1, "b": { "c": 2 } }),
            json!({ "b": { "d": [3] } }),
            json!({ "a": 1, "b": { "c": 2, "d": [3] } }),
        ),
        (json!({ "b": [1] }), json!({ "b": [2] }), json!({ "b": [2] })),
        (json!({ "b": { "c": 1 } }), json!({ "b": null }), json!({ "b": null })),
        (json!({ "b": 1 }), json!({ "b": { "c": 1 } }), json!({ "b": { "c": 1 } })),
        (json!(1), json!({}), json!({})),
    ];
    for (old, patch, expected) in table {
        assert_eq!(merge(Some(&old), patch), expected);
    }
    assert_eq!(merge(None, json!({ "a": 1 })), json!({ "a": 1 }));
}

fn budget() -> Budget {
    Budget::new(Purpose::List)
}

#[test]
fn a_query_matches_names_and_words_as_in_elasticsearch() {
    let texts = Texts {
        index_name: Some("search-Alpha"),
        name: Some("Über uns"),
        service_type: None,
        description: Some("What SALES has, e_mail: 2024"),
    };
    let table = [
        (None, true),
        (Some("Alpha"), true),
        (Some("alpha"), false),
        (Some("search-*a"), true),
        (Some("Über"), true),
        (Some("über"), false),
        (Some("?ber uns"), true),
        (Some("sales"), true),
        (Some("SALES"), false),
        (Some("sales has"), false),
        (Some("e_m"), true),
        (Some("e mail"), false),
        (Some("2?24"), true),
        (Some(","), false),
        (Some("z"), false),
    ];
    for (query, expected) in table {
        let filter = Filter { query: query.map(str::to_owned), ..Filter::default() };
        assert_eq!(filter.matches_query(texts, &mut budget()), Ok(expected), "{query:?}");
        let nothing = Texts::default();
        assert_eq!(filter.matches_query(nothing, &mut budget()), Ok(query.is_none()), "{query:?}");
    }
    let everything = Filter { query: Some("*".to_owned()), ..Filter::default() };
    let no_words = Texts { description: Some(" ,;-"), ..Texts::default() };
    assert_eq!(everything.matches_query(no_words, &mut budget()), Ok(false));
}

#[test]
fn a_filter_covers_the_ids_that_its_patterns_match() {
    let patterns = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    let table = [
        (None, "a", true),
        (Some(patterns(&[])), "a", false),
        (Some(patterns(&["b*", "a?"])), "a", false),
        (Some(patterns(&["b*", "a?"])), "ab", true),
    ];
    for (ids, id, expected) in table {
        let filter = Filter { ids: ids.clone(), ..Filter::default() };
        assert_eq!(filter.allows_id(id, &mut budget()), Ok(expected), "{ids:?} {id}");
        let matches = |ids: Vec<String>| matches_any(&ids, id, &mut budget());
        assert_eq!(ids.map_or(Ok(true), matches), Ok(expected));
    }
}

fn read(method: &str, target: &str, body: &str) -> Call {
    api::read(&request(method, target, body)).1.unwrap_or_else(|failure| panic!("{failure:?}"))
}

#[test]
fn every_write_is_recognized_and_has_its_name_in_the_history() {
    // method, path, body -> name of the write
    let table = [
        ("GET", "", "", None),
        ("GET", "/_status", "", None),
        ("PUT", "", "", Some("_create")),
        ("PUT", "", r#"{"index_name":"i"}"#, Some("_create")),
        ("DELETE", "", "", Some("_delete")),
        ("DELETE", "?hard=true", "", Some("_delete")),
        ("PUT", "/_index_name", r#"{"index_name":"i"}"#, Some("_index_name")),
        ("PUT", "/_index_name", r#"{"index_name":null}"#, Some("_index_name")),
        ("PUT", "/_check_in", "", Some("_check_in")),
        ("PUT", "/_filtering/_activate", "", Some("_filtering/_activate")),
    ];
    for (method, path, body, name) in table {
        let call = read(method, &format!("/_connector/c{path}"), body);
        let intent = Intent::of(method, &format!("/_connector/c{path}")).expect("a route");
        assert_eq!(intent.writes(), name.is_some(), "{method} {path}");
        let Call::Connector(id, operation) = call else { panic!("{method} {path}") };
        assert_eq!(id, "c");
        if let Operation::Write(write) = operation {
            assert_eq!(Some(write.name()), name);
        }
    }
    for (method, target, writes) in [
        ("GET", "/", false),
        ("OPTIONS", "/", false),
        ("GET", "/_connector", false),
        ("POST", "/_connector", true),
        ("PUT", "/_connector", true),
    ] {
        read(method, target, "");
        let intent = Intent::of(method, target).expect("a route");
        assert_eq!(intent.writes(), writes, "{method} {target}");
    }
}

#[test]
fn parameters_are_parsed_and_have_defaults() {
    let get = |query: &str| match read("GET", &format!("/_connector/c?{query}"), "") {
        Call::Connector(_, Operation::Get { include_deleted, realtime }) => {
            (include_deleted, realtime)
        }
        other => panic!("{other:?}"),
    };
    for (query, expected) in [
        ("", (false, true)),
        ("include_deleted", (true, true)),
        ("include_deleted=true&realtime=false", (true, false)),
        ("include_deleted=true&include_deleted=false", (false, true)),
        ("%69nclude_deleted=tru%65", (true, true)),
        ("realtime=", (false, true)),
        ("&&pretty&", (false, true)),
    ] {
        assert_eq!(get(query), expected, "{query}");
    }
    let delete = |query: &str| match read("DELETE", &format!("/_connector/c?{query}"), "") {
        Call::Connector(_, Operation::Write(Write::Delete { hard, delete_sync_jobs })) => {
            (hard, delete_sync_jobs)
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(delete(""), (false, false));
    assert_eq!(delete("hard=true"), (true, false));
    assert_eq!(delete("delete_sync_jobs"), (false, true));
    let status = |query: &str| match read("GET", &format!("/_connector/c/_status?{query}"), "") {
        Call::Connector(_, Operation::Status { size, before }) => (size, before),
        other => panic!("{other:?}"),
    };
    assert_eq!(status(""), (100, None));
    assert_eq!(status("size=3&before=17"), (3, Some(17)));

    let Call::List(list) = read(
        "GET",
        "/_connector?from=2&size=3&index_name=a,,b&connector_name=N+n%2B&service_type=t&query=a+b&status=ERROR,created",
        "",
    ) else {
        panic!("no list")
    };
    let filter = Filter {
        index_names: vec!["a".to_owned(), "b".to_owned()],
        names: vec!["N n+".to_owned()],
        service_types: vec!["t".to_owned()],
        statuses: vec!["error".to_owned(), "created".to_owned()],
        query: Some("a b".to_owned()),
        include_deleted: false,
        ids: None,
    };
    assert_eq!((list.from, list.size, list.filter), (2, 3, filter));
    let Call::List(list) = read("GET", "/_connector?query=&include_deleted", "") else {
        panic!("no list")
    };
    let filter = Filter { include_deleted: true, ..Filter::default() };
    assert_eq!((list.from, list.size, list.filter), (0, 100, filter));
}

#[test]
fn equivalent_paths_are_the_same_route() {
    for (target, expected) in [
        ("/_connector/a%2Fb", Some("a/b")),
        ("/_connector/a%2Fb///", Some("a/b")),
        ("/_connector/...", Some("...")),
        ("/_connector/_other", Some("_other")),
        ("/_connector/_STATUS", Some("_STATUS")),
        ("/_connector/+", Some("+")),
        ("_connector/x?pretty", Some("x")),
        ("/_connector/", None),
    ] {
        let found = match read("GET", target, "") {
            Call::Connector(id, _) => Some(id),
            _ => None,
        };
        assert_eq!(found.as_deref(), expected, "{target}");
    }
    // The runtime resolves these before the Worker sees them; natively they are not valid ids
    // either.
    for id in [".", "..", "%2e", "%2E%2E"] {
        let failure = api::read(&request("PUT", &format!("/_connector/{id}"), "")).1.unwrap_err();
        assert_eq!(failure.status, 400, "{id}");
    }
    for (method, target, allow) in [
        ("OPTIONS", "/", "GET, HEAD"),
        ("OPTIONS", "/_connector", "GET, POST, PUT"),
        ("OPTIONS", "/_connector/x", "GET, PUT, DELETE"),
        ("OPTIONS", "/_connector/x/_status", "GET, PUT"),
        ("OPTIONS", "/_connector/x/_filtering/_activate", "PUT"),
        ("OPTIONS", "/nothing", ""),
        ("OPTIONS", "/_connector/_webhook/_test", "POST"),
        ("OPTIONS", "/_connector/x/_test", ""),
        ("OPTIONS", "/_connector/_webhook/_nothing", ""),
    ] {
        let Call::Options(found) = read(method, target, "") else { panic!("{target}") };
        assert_eq!(found, allow, "{target}");
    }
}

#[test]
fn if_none_match_compares_entity_tags() {
    for (header, tag, is_known) in [
        (None, "\"1\"", false),
        (Some("\"1\""), "\"1\"", true),
        (Some("\"1\""), "\"2\"", false),
        (Some("W/\"2\""), "\"2\"", true),
        (Some("\"1\", W/\"2\""), "\"2\"", true),
        (Some("*"), "\"2\"", true),
    ] {
        let if_none_match = header.map(str::to_owned);
        let precondition =
            Precondition::of(&Request { if_none_match, ..request("GET", "/_connector/x", "") });
        assert_eq!(precondition.is_not_modified(tag), is_known, "{header:?} {tag}");
    }
}

#[test]
fn the_history_marks_moves_that_the_protocol_does_not_allow() {
    let connector = connector(json!({}));
    for (change, expected) in [
        (json!({ "from": "created", "to": "connected", "via": "_update" }), Some(true)),
        (json!({ "from": "created", "to": "error", "via": "_update" }), None),
        (json!({ "from": "created", "to": "connected", "via": "_error" }), None),
        (json!({ "from": null, "to": "connected", "via": "_update" }), None),
        (json!({ "from": "created", "to": "gone", "via": "_update" }), None),
    ] {
        let view = api::status_view("x", &connector, None, vec![change.clone()], Some(900));
        let view: Value = serde_json::from_str(&view.body).unwrap();
        assert_eq!(
            view["history"][0].get("off_protocol"),
            expected.map(Value::from).as_ref(),
            "{change}"
        );
        assert_eq!(view["silent_after_seconds"], 900);
    }
}

#[test]
fn responses_have_the_requested_format_and_media_type() {
    let format = |target: &str, accept: &str| {
        let accept = Some(accept.to_owned()).filter(|accept| !accept.is_empty());
        api::read(&Request { accept, ..request("GET", target, "") }).0
    };
    let shown = |format: Format, status: u16, body: &str| {
        format.success(Response::text(status, body.to_owned())).body
    };
    let body = r#"{"a":1.50,"b":{}}"#;
    for (target, expected) in [
        ("/", body),
        ("/?pretty=false", body),
        ("/?pretty", "{\n  \"a\": 1.50,\n  \"b\": {}\n}\n"),
        ("/?pretty=true&filter_path=a", "{\n  \"a\": 1.50\n}\n"),
        ("/?filter_path=b", r#"{"b":{}}"#),
        ("/?filter_path=-b", r#"{"a":1.50}"#),
        ("/?filter_path=", body),
    ] {
        assert_eq!(shown(format(target, ""), 200, body), expected, "{target}");
    }
    // A body that already has the requested format is not parsed.
    assert_eq!(shown(format("/", ""), 200, "{ }"), "{ }");
    for (target, is_plain) in
        [("/", true), ("/?human", true), ("/?pretty", false), ("/?filter_path=a", false)]
    {
        assert_eq!(format(target, "").is_plain(), is_plain, "{target}");
    }
    assert_eq!(shown(format("/?pretty", ""), 200, ""), "");
    assert_eq!(shown(format("/?pretty", ""), 200, "{"), "{");
    let missing = api::ApiError::not_found("x");
    let pretty = format("/?pretty&filter_path=nothing", "").failure(&missing);
    assert_eq!(pretty.status, 404);
    assert!(pretty.body.starts_with("{\n  \"error\": {\n    \"root_cause\": ["), "{}", pretty.body);
    assert_eq!(format("/?filter_path=nothing", "").failure(&missing).body, missing.to_json());

    for (accept, expected) in [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/html, application/json;q=0.5", "application/json"),
        (
            "application/vnd.elasticsearch+json; compatible-with=8",
            "application/vnd.elasticsearch+json;compatible-with=8",
        ),
        (
            "application/vnd.elasticsearch+json;compatible-with=9,text/plain",
            "application/vnd.elasticsearch+json;compatible-with=9",
        ),
        (
            "Application/Vnd.Elasticsearch+JSON;Compatible-With=\"9\"",
            "application/vnd.elasticsearch+json;compatible-with=9",
        ),
        ("application/vnd.elasticsearch+json", "application/json"),
        ("application/json;compatible-with=3", "application/json"),
        (
            "application/json, application/vnd.elasticsearch+json;compatible-with=9",
            "application/json",
        ),
        ("text/html;compatible-with=3, */*;q=0.1", "application/json"),
    ] {
        let accept = Some(accept.to_owned()).filter(|accept| !accept.is_empty());
        let (format, call) =
            api::read(&Request { accept: accept.clone(), ..request("GET", "/", "") });
        assert_eq!(format.media.content_type(), expected, "{accept:?}");
        assert!(call.is_ok(), "{accept:?}");
    }
    for accept in [
        "",
        "json",
        "a/",
        "/b",
        "a b/c",
        "a/b c",
        "a/b;c",
        "a/b;=d",
        "a/b;c d=e",
        "a/b;c=",
        "*/*;q=2",
        "*/*;q=0.1234",
        "*/*;q=x",
        "application/vnd.elasticsearch+json;compatible-with=nine",
    ] {
        let request = Request { accept: Some(accept.to_owned()), ..request("GET", "/", "") };
        let error = api::read(&request).1.expect_err(accept);
        let said = format!("invalid media-type [{accept}]");
        assert!(error.to_json().contains(&said), "{}", error.to_json());
    }
    assert_eq!(Media::default().content_type(), "application/json");
}

#[test]
fn only_browsers_get_the_page() {
    let wants = |method: &str, target: &str, accept: Option<&str>| {
        let accept = accept.map(str::to_owned);
        api::wants_page(&Request { accept, ..request(method, target, "") })
    };
    const HTML: Option<&str> = Some("text/html,application/xhtml+xml,*/*;q=0.8");
    for (method, target, accept, expected) in [
        ("GET", "/", HTML, true),
        ("HEAD", "/?x=1", HTML, true),
        ("GET", "//", HTML, true),
        ("PUT", "/", HTML, false),
        ("GET", "/_connector", HTML, false),
        ("GET", "/", None, false),
        ("GET", "/", Some("*/*"), false),
        ("GET", "/", Some("application/json"), false),
        ("GET", "/", Some("text/html;q=0.5,application/json"), false),
        ("GET", "/", Some("text/html;q=0.5,application/json;q=0.5"), true),
        ("GET", "/", Some("text/html;q=0.5,application/json;q=0.501"), false),
        ("GET", "/", Some("text/html;q=0"), false),
        ("GET", "/", Some("text/html;q=1.001"), false),
        ("GET", "/", Some("text/html;q=0.5000"), false),
        ("GET", "/", Some("text/html;q=x"), false),
        ("GET", "/", Some("text/html, nonsense"), false),
        ("GET", "/", Some("application/vnd.elasticsearch+json, text/html;q=0.9"), false),
    ] {
        assert_eq!(wants(method, target, accept), expected, "{method} {target} {accept:?}");
    }
}

#[test]
fn the_product_info_has_what_clients_check() {
    let info = api::info(api::ELASTICSEARCH_VERSION);
    let body: Value = serde_json::from_str(&info.body).unwrap();
    assert_eq!(info.status, 200);
    assert_eq!(body["tagline"], "You Know, for Search");
    assert_eq!(body["version"]["build_flavor"], "default");
    assert!(body["version"]["number"].as_str().unwrap().starts_with("9."));
}

#[test]
fn a_soft_deleted_connector_is_shown_only_on_request() {
    let deleted = r#"{"deleted":true,"status":"created"}"#;
    let there = r#"{"deleted":false,"status":"created"}"#;
    for (document, include_deleted, status) in [
        (Some(there), false, 200),
        (Some(there), true, 200),
        (Some(deleted), false, 404),
        (Some(deleted), true, 200),
        (None, true, 404),
    ] {
        let connector = document.map(|document| Connector::from_json(document).unwrap());
        let visible = document.map(|document| Secrets::Masked.visible(document));
        let found = connector.as_ref().zip(visible);
        let shown = api::show("a", include_deleted, found);
        let got = shown.map_or_else(|error| error.status, |response| response.status);
        assert_eq!(got, status, "{document:?} {include_deleted}");
    }
}

#[test]
fn the_preview_answers_requests_about_single_connectors_and_lists() {
    let read = |method: &str, target: &str| {
        let body = if method == "PUT" { r#"{"status":"error"}"# } else { "" };
        let (_, call) = api::read_about_connectors(&request(method, target, body));
        call.map(|call| call.is_some()).map_err(|error| error.status)
    };
    assert_eq!(read("PUT", "/_connector/a/_status"), Ok(true));
    assert_eq!(read("GET", "/_connector"), Ok(true));
    for target in [
        "/_metrics",
        "/_connector/_summary",
        "/_connector/_sync_job",
        "/.elastic-connectors/_search",
    ] {
        assert_eq!(read("GET", target), Ok(false), "{target}");
    }
    assert_eq!(read("GET", "/_connector/a?size=x"), Err(400));
}

#[test]
fn an_error_in_a_nested_value_has_the_innermost_cause_as_its_root() {
    let body = r#"{"pipeline":{"extract_binary_content":[]}}"#;
    let error = api::read(&request("PUT", "/_connector/a/_pipeline", body))
        .1
        .expect_err("it is no pipeline");
    let body: Value = serde_json::from_str(&error.to_json()).unwrap();
    let error = &body["error"];
    assert_eq!(error["type"], "x_content_parse_exception");
    assert_ne!(error["reason"], error["caused_by"]["reason"]);
    let root = &error["root_cause"][0];
    assert_eq!(
        (&root["type"], &root["reason"]),
        (&error["caused_by"]["type"], &error["caused_by"]["reason"])
    );
}

#[test]
fn a_media_type_error_is_its_own_root_cause() {
    let request = Request {
        content_type: Some("application/vnd.elasticsearch+json;compatible-with=8".to_owned()),
        accept: Some("application/json".to_owned()),
        ..request("PUT", "/_connector/a/_name", r#"{"name":"n"}"#)
    };
    let error = api::read(&request).1.expect_err("the media types differ");
    let body: Value = serde_json::from_str(&error.to_json()).unwrap();
    assert_eq!(body["error"]["type"], "media_type_header_exception");
    assert_eq!(body["error"]["root_cause"][0]["type"], "media_type_header_exception");
    assert_ne!(body["error"]["caused_by"]["type"], "media_type_header_exception");
}

#[test]
fn removing_the_body_of_a_request_keeps_everything_else() {
    let text = |text: &str| Some(text.to_owned());
    let request = Request {
        method: "PUT".to_owned(),
        target: "/".to_owned(),
        body: "{}".to_owned(),
        content_type: text("c"),
        accept: text("a"),
        if_match: text("m"),
        if_none_match: text("n"),
    };
    let expected = Request { body: String::new(), ..request.clone() };
    assert_eq!(format!("{:?}", request.without_body()), format!("{expected:?}"));
}
