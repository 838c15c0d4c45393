//! Searches: what they find, how they are prefiltered, and their responses.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use connector_status::api::{self, ApiError, Call, Piece, Request, SEQ_NO_LAG, Search, View};
use connector_status::query::{Column, ColumnCondition};
use connector_status::values::Time;
use proptest::prelude::*;
use serde_json::{Value, json};

/// 2026-02-25T06:13:20.123Z
const NOW: u64 = 1_772_000_000_123;

fn now() -> Time {
    Time::from_millis(NOW)
}

fn table() -> &'static Value {
    static TABLE: OnceLock<Value> = OnceLock::new();
    TABLE.get_or_init(|| {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tables/documents/searches.json");
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    })
}

fn read(method: &str, target: &str, body: &str) -> Result<Call, ApiError> {
    let request = Request {
        method: method.to_owned(),
        target: target.to_owned(),
        body: body.to_owned(),
        content_type: Some("application/json".to_owned()),
        ..Request::default()
    };
    api::read(&request).1
}

fn search(method: &str, target: &str, body: &str) -> Result<Search, Value> {
    match read(method, target, body) {
        Ok(Call::Search(search)) => Ok(*search),
        Ok(other) => panic!("{other:?}"),
        Err(failure) => {
            assert_eq!(failure.status, 400);
            Err(serde_json::from_str(&failure.to_json()).unwrap())
        }
    }
}

/// The path of the index that a case names.
fn path(index: &Value) -> &'static str {
    match index.as_str().unwrap() {
        "connectors" => "/.elastic-connectors",
        "sync_jobs" => "/.elastic-connectors-sync-jobs",
        other => panic!("{other}"),
    }
}

/// Ids and documents.
type Rows = Vec<(String, String)>;

const VERSION: u64 = 7;

fn rows(documents: &Value) -> Rows {
    let row = |(id, document): (&String, &Value)| (id.clone(), document.to_string());
    documents.as_object().unwrap().iter().map(row).collect()
}

/// The number of matches, and the page.
fn find(search: &Search, rows: &Rows) -> (usize, Rows) {
    let mut finder = search.finder(now());
    for (key, (id, json)) in rows.iter().enumerate() {
        finder.visit(key as u64, id, json).unwrap();
    }
    let (total, page) = finder.finish().unwrap();
    (total, page.iter().map(|key| rows[*key as usize].clone()).collect())
}

/// The response's body, assembled as the edge does.
fn show(search: &Search, total: usize, page: &Rows) -> Value {
    let (mut body, end) = search.frame(total, page.is_empty());
    let mut printer = search.printer();
    for (number, (id, json)) in page.iter().enumerate() {
        body.push_str(if number > 0 { "," } else { "" });
        for piece in search.pieces() {
            body.push_str(&match piece {
                Piece::Text(text) => text,
                Piece::Id => Value::from(id.as_str()).to_string(),
                Piece::Version => VERSION.to_string(),
                Piece::SeqNo => (VERSION - SEQ_NO_LAG).to_string(),
                Piece::Document => printer.document(json).unwrap().into_owned(),
                Piece::Members => json.strip_prefix('{').unwrap().to_owned(),
            });
        }
        if search.shows_sort() {
            body.push_str(&printer.sort_values(id, json).unwrap());
        }
        body.push_str(if search.view == View::Hits { "}" } else { "" });
    }
    serde_json::from_str(&(body + end)).unwrap()
}

fn run(search: &Search, rows: Rows) -> Value {
    let (total, page) = find(search, &rows);
    show(search, total, &page)
}

fn matches(search: &Search, id: &str, source: &Value) -> bool {
    find(search, &vec![(id.to_owned(), source.to_string())]).0 == 1
}

/// The value of a document's column.
fn column(column: Column, id: &str, source: &Value) -> Value {
    match column {
        Column::Id => id.into(),
        Column::ConnectorId => source["connector"]["id"].clone(),
        Column::Status => source["status"].clone(),
        Column::JobType => source["job_type"].clone(),
        Column::ServiceType => source["service_type"].clone(),
        Column::IsNative => source["is_native"].as_bool().map(|it| it.to_string()).into(),
        Column::Deleted => source["deleted"].as_bool().map(|it| it.to_string()).into(),
        Column::CreatedAt => millis(&source["created_at"]),
        Column::LastSeen => millis(&source["last_seen"]),
    }
}

fn millis(date: &Value) -> Value {
    date.as_str().map(|text| Time::parse(text).unwrap().millis()).into()
}

/// Whether a row satisfies a condition, as the database would decide.
fn holds(condition: &ColumnCondition<'_>, id: &str, source: &Value) -> bool {
    match condition {
        ColumnCondition::AnyOf(name, values) => {
            column(*name, id, source).as_str().is_some_and(|value| values.contains(value))
        }
        ColumnCondition::NoneOf(name, values) => {
            column(*name, id, source).as_str().is_none_or(|value| !values.contains(value))
        }
        ColumnCondition::AnyBranch(branches) => branches
            .iter()
            .any(|branch| branch.iter().all(|condition| holds(condition, id, source))),
        ColumnCondition::Between(name, from, to) => {
            column(*name, id, source).as_i64().is_some_and(|value| {
                from.is_none_or(|from| from <= value) && to.is_none_or(|to| value <= to)
            })
        }
    }
}

/// Checks that a prefilter loses no match, and adds none if it claims to be exact.
fn check_prefilter(search: &Search, documents: &Value) -> Result<(), String> {
    let prefilter = search.prefilter(now());
    for (id, source) in documents.as_object().unwrap() {
        let passes = prefilter.conditions.iter().all(|condition| holds(condition, id, source));
        let matches = matches(search, id, source);
        if matches && !passes {
            return Err(format!("{id} matches, but {prefilter:?}"));
        }
        if passes && !matches && prefilter.exact {
            return Err(format!("{id} does not match, but {prefilter:?}"));
        }
    }
    Ok(())
}

#[test]
fn searches_find_what_the_table_says() {
    let table = table();
    let mut problems = Vec::new();
    for case in table["cases"].as_array().unwrap() {
        let documents = &table[case["index"].as_str().unwrap()];
        let body = match case.get("query") {
            Some(query) => json!({ "query": query }),
            None => case["body"].clone(),
        };
        let found = search("POST", &format!("{}/_search", path(&case["index"])), &body.to_string());
        let found = found.map(|search| {
            let answer = run(&search, rows(documents));
            let hits = answer["hits"]["hits"].as_array().unwrap();
            let hits: Vec<_> = hits.iter().map(|hit| hit["_id"].clone()).collect();
            let total = answer["hits"]["total"]["value"].clone();
            let prefilter = search.prefilter(now());
            let said = match (prefilter.exact, prefilter.conditions.is_empty()) {
                (true, _) => "exact",
                (false, false) => "some",
                (false, true) => "nothing",
            };
            if let Err(problem) = check_prefilter(&search, documents) {
                problems.push(format!("{}: {problem}", case["name"]));
            }
            json!([hits, total, said])
        });
        let error = |error: Value| json!([error["error"]["type"], error["error"]["reason"]]);
        let found = found.unwrap_or_else(error);
        let expected = match case.get("error") {
            Some(reason) => json!(["parsing_exception", reason]),
            None => {
                let count = case["hits"].as_array().unwrap().len();
                let total = case.get("total").cloned().unwrap_or(json!(count));
                json!([case["hits"], total, case["prefilter"]])
            }
        };
        if found != expected {
            problems.push(format!("{}: expected {expected}, found {found}", case["name"]));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn hits_have_the_format_of_elasticsearch() {
    let documents = json!({ "b": { "status": "error", "x": [1] }, "a": { "status": "created" } });
    let shown = |target: &str, body: Value| {
        run(&search("POST", target, &body.to_string()).unwrap(), rows(&documents))
    };
    let shards = json!({ "total": 1, "successful": 1, "failed": 0 });
    assert_eq!(
        shown("/.elastic-connectors/_search?size=1", json!({ "size": 5 })),
        json!({
            "took": 1, "timed_out": false, "_shards": shards,
            "hits": {
                "total": { "value": 2, "relation": "eq" }, "max_score": 1.0,
                "hits": [{ "_index": ".elastic-connectors-v1", "_id": "a", "_score": 1.0, "_source": { "status": "created" } }],
            },
        })
    );
    let body = json!({ "seq_no_primary_term": true, "version": true, "sort": [{ "status": "desc" }, "y"], "track_total_hits": true });
    assert_eq!(
        shown("/.elastic-connectors-sync-jobs-v1/_search?from=1", body),
        json!({
            "took": 1, "timed_out": false, "_shards": shards,
            "hits": {
                "total": { "value": 2, "relation": "eq" }, "max_score": null,
                "hits": [{
                    "_index": ".elastic-connectors-sync-jobs-v1", "_id": "a", "_version": 7, "_seq_no": 6, "_primary_term": 1,
                    "_score": null, "_source": { "status": "created" }, "sort": ["created", null],
                }],
            },
        })
    );
    let target =
        "/.elastic-connectors/_search?seq_no_primary_term=true&version&expand_wildcards=hidden";
    let hits = shown(target, json!({ "_source": false, "size": 1 }))["hits"]["hits"].clone();
    assert_eq!(
        hits,
        json!([{ "_index": ".elastic-connectors-v1", "_id": "a", "_version": 7, "_seq_no": 6, "_primary_term": 1, "_score": 1.0 }])
    );
    let none =
        shown("/.elastic-connectors/_search", json!({ "query": { "ids": { "values": [] } } }));
    assert_eq!(
        none["hits"],
        json!({ "total": { "value": 0, "relation": "eq" }, "max_score": null, "hits": [] })
    );
    assert_eq!(
        shown("/.elastic-connectors/_count", json!({ "query": { "term": { "x": 1 } } })),
        json!({ "count": 1, "_shards": shards })
    );
    let sorted = json!({ "sort": "created_at" });
    let search =
        search("POST", "/.elastic-connectors-sync-jobs/_search", &sorted.to_string()).unwrap();
    let dated = json!({ "j": { "created_at": "1970-01-01T00:00:01.500Z" } });
    assert_eq!(run(&search, rows(&dated))["hits"]["hits"][0]["sort"], json!([1500]));
}

#[test]
fn documents_whose_value_is_too_long_to_be_sorted_by_come_last() {
    let sorted = json!({ "sort": [{ "description": "desc" }], "_source": false });
    let search = search("POST", "/.elastic-connectors/_search", &sorted.to_string()).unwrap();
    let documents = json!({
        "long": { "description": "z".repeat(32_767) },
        "short": { "description": "z".repeat(32_766) },
    });
    let hits = &run(&search, rows(&documents))["hits"]["hits"];
    assert_eq!((&hits[0]["_id"], &hits[1]["_id"]), (&json!("short"), &json!("long")));
    assert_eq!(hits[1]["sort"], json!([null]));
}

#[test]
fn hits_have_the_requested_parts_of_their_documents() {
    let source = json!({ "name": "A", "index_name": "a", "a": { "b": { "c": 1, "d": [{ "e": 2, "f": 3 }] } } });
    let documents = json!({ "x": source });
    let hit = |target: &str, body: Value| {
        run(&search("POST", target, &body.to_string()).unwrap(), rows(&documents))["hits"]["hits"]
            [0]
        .clone()
    };
    let target = "/.elastic-connectors/_search";
    let shown = |asked: Value| hit(target, json!({ "_source": asked })).get("_source").cloned();
    for (asked, expected) in [
        (json!(true), Some(source.clone())),
        (json!(false), None),
        (json!("name"), Some(json!({ "name": "A" }))),
        (json!(["name", "index_name"]), Some(json!({ "name": "A", "index_name": "a" }))),
        (json!("*name"), Some(json!({ "name": "A", "index_name": "a" }))),
        (json!("a.b.c"), Some(json!({ "a": { "b": { "c": 1 } } }))),
        (json!("a"), Some(json!({ "a": { "b": { "c": 1, "d": [{ "e": 2, "f": 3 }] } } }))),
        (json!("*.e"), Some(json!({ "a": { "b": { "d": [{ "e": 2 }] } } }))),
        (json!([]), Some(source.clone())),
        (json!(["none"]), Some(json!({}))),
        (
            json!({ "excludes": ["a.b.d", "name"] }),
            Some(json!({ "index_name": "a", "a": { "b": { "c": 1 } } })),
        ),
        (
            json!({ "includes": "a.b", "excludes": "*.d" }),
            Some(json!({ "a": { "b": { "c": 1 } } })),
        ),
    ] {
        assert_eq!(shown(asked.clone()), expected, "{asked}");
    }
    let parameter =
        |query: &str| hit(&format!("{target}?{query}"), json!({})).get("_source").cloned();
    assert_eq!(parameter("_source=false"), None);
    assert_eq!(parameter("_source=name,none"), Some(json!({ "name": "A" })));
    assert_eq!(parameter("_source_excludes=a,name"), Some(json!({ "index_name": "a" })));
    // There are no stored fields besides the document.
    assert_eq!(hit(target, json!({ "stored_fields": [] })).get("_source"), None);
    let both = json!({ "_source": true, "stored_fields": [] });
    assert_eq!(hit(target, both)["_source"], source);
    let many = json!({ "_source": vec!["a.b"; 33] }).to_string();
    assert!(search("POST", target, &many).is_err());
}

#[test]
fn filtering_the_source_of_a_hit_is_charged_to_the_budget() {
    let names: serde_json::Map<_, _> = (0..100_000).map(|n| (format!("n{n}"), json!(1))).collect();
    let patterns: Vec<_> = (0..32).map(|n| format!("**.*n?*q{n}")).collect();
    let search =
        search("POST", "/.elastic-connectors/_search", &json!({ "_source": patterns }).to_string())
            .unwrap();
    let document = Value::Object(names).to_string();
    let mut printer = search.printer();
    assert!((0..20).any(|_| printer.document(&document).is_err()));
}

#[test]
fn a_scroll_returns_everything_page_by_page() {
    let documents: serde_json::Map<_, _> =
        (0..25).map(|n| (format!("c{n:02}"), json!({ "status": "created" }))).collect();
    let documents = Value::Object(documents);
    let ids = |answer: &Value| -> Vec<String> {
        let hits = answer["hits"]["hits"].as_array().unwrap();
        hits.iter().map(|hit| hit["_id"].as_str().unwrap().to_owned()).collect()
    };
    for index in ["/.elastic-connectors", "/.elastic-connectors-sync-jobs"] {
        // Kibana's request: one page holds everything.
        let target = format!("{index}/_search?scroll=10s");
        let all = search("POST", &target, r#"{"stored_fields":[]}"#).unwrap();
        let answer = run(&all, rows(&documents));
        assert_eq!(ids(&answer).len(), 25);
        assert_eq!(answer["hits"]["hits"][0].get("_source"), None);
        // The request of the clients' helpers.
        let target =
            format!("{index}/_search?scroll=5m&size=10&_source=status&allow_no_indices=true");
        let mut page = search("POST", &target, r#"{"sort":"_doc"}"#).unwrap();
        let mut found = Vec::new();
        for ways in 0.. {
            let answer = run(&page, rows(&documents));
            if ids(&answer).is_empty() {
                assert_eq!(ways, 3);
                break;
            }
            found.extend(ids(&answer));
            let id = answer["_scroll_id"].as_str().unwrap().to_owned();
            assert!(id.starts_with(api::SCROLL_PREFIX));
            page = match ways {
                0 => search("GET", &format!("/_search/scroll/{id}"), ""),
                1 => search("GET", &format!("/_search/scroll?scroll=5m&scroll_id={id}"), ""),
                _ => search(
                    "POST",
                    "/_search/scroll",
                    &json!({ "scroll": "5m", "scroll_id": id }).to_string(),
                ),
            }
            .unwrap();
        }
        assert_eq!(json!(found), json!(documents.as_object().unwrap().keys().collect::<Vec<_>>()));
    }
    let reason = |method: &str, target: &str, body: &str| {
        search(method, target, body).unwrap_err()["error"]["reason"].as_str().unwrap().to_owned()
    };
    let scroll = "/.elastic-connectors/_search?scroll=1m";
    assert_eq!(
        reason("POST", scroll, r#"{"from":1}"#),
        "using [from] is not allowed in a scroll context"
    );
    let long = json!({ "query": { "term": { "name": "a".repeat(5_000) } } }).to_string();
    assert!(reason("POST", scroll, &long).contains("no longer than [4096] bytes"));
    assert_eq!(
        reason("POST", "/_search/scroll", "{}"),
        "Validation Failed: 1: scrollId is missing;"
    );
    for id in ["DXF1ZXJ5", "cs.", "cs.!", "cs.W10", "cs.WyIvIiwiIiwiMCJd"] {
        let body = json!({ "scroll_id": id }).to_string();
        assert_eq!(
            reason("POST", "/_search/scroll", &body),
            format!("[{id}] is not a scroll id: a search with [scroll] returns one")
        );
    }
    match read("DELETE", "/_search/scroll", r#"{"scroll_id":["cs.a","cs.b"]}"#).unwrap() {
        Call::Static(response) => assert_eq!(response.body, r#"{"succeeded":true,"num_freed":2}"#),
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_a_cluster_mappings_settings_and_aliases_are_not_found() {
    for (method, target) in [
        ("GET", "/.elastic-connectors-v1/_mapping"),
        ("PUT", "/.elastic-connectors/_mapping"),
        ("GET", "/.elastic-connectors-sync-jobs/_settings"),
        ("GET", "/.elastic-connectors-sync-jobs-v1/_alias/x"),
    ] {
        assert!(!api::is_ours(target), "{target}");
        let error = read(method, target, "").unwrap_err();
        let body: Value = serde_json::from_str(&error.to_json()).unwrap();
        assert_eq!(
            (error.status, &body["error"]["type"]),
            (404, &json!("index_not_found_exception")),
            "{target}"
        );
    }
    for target in ["/_connector/_secret", "/_connector/_secret/a"] {
        assert!(!api::is_ours(target), "{target}");
        assert_eq!(read("GET", target, "").unwrap_err().status, 400);
    }
    for target in [
        "/.elastic-connectors*/_mapping",
        "/.elastic-connectors/../_mapping",
        "/.elastic-connectors/_search/_mapping",
        "/.elastic-connectors",
        "/_connector/%5Fsecret",
        "/_connector/a/_secret",
    ] {
        assert!(api::is_ours(target), "{target}");
    }
}

#[test]
fn the_list_of_jobs_is_a_search_with_fixed_filters() {
    let documents = &table()["sync_jobs"];
    let cases = [
        ("", Ok((vec!["j1", "j3", "j4", "j2", "j5"], 5))),
        ("?connector_id=err", Ok((vec!["j3", "j4"], 2))),
        ("?connector_id=", Ok((vec![], 0))),
        ("?status=SUSPENDED", Ok((vec!["j2"], 1))),
        ("?job_type=Incremental,access_control", Ok((vec!["j4", "j2"], 2))),
        ("?job_type=", Ok((vec!["j1", "j3", "j4", "j2", "j5"], 5))),
        ("?connector_id=new&job_type=full&status=pending", Ok((vec!["j1"], 1))),
        ("?from=1&size=2", Ok((vec!["j3", "j4"], 5))),
        ("?status=created", Err("Unknown ConnectorSyncStatus [created].")),
        ("?status=", Err("Unknown ConnectorSyncStatus [].")),
        ("?job_type=full,half", Err("Unknown ConnectorSyncJobType [half].")),
        ("?from=-1", Err("Parameter [from] cannot be < 0")),
        ("?size=-1", Err("Parameter [size] cannot be < 0")),
        (
            "?from=1&size=10000",
            Err(
                "Result window is too large, from + size must be less than or equal to: [10000] but was [10001]. Narrow the list down with a filter.",
            ),
        ),
        (
            "?index_name=a",
            Err("request [/_connector/_sync_job] contains unrecognized parameter: [index_name]"),
        ),
    ];
    for (query, expected) in cases {
        let found = search("GET", &format!("/_connector/_sync_job{query}"), "").map(|search| {
            assert_eq!(check_prefilter(&search, documents), Ok(()));
            assert!(search.prefilter(now()).exact);
            let list = run(&search, rows(documents));
            let ids = list["results"].as_array().unwrap().iter().map(|it| it["id"].clone());
            json!([ids.collect::<Vec<_>>(), list["count"]])
        });
        let expected = match expected {
            Ok(found) => json!(found),
            Err(reason) => json!(reason),
        };
        let found = found.unwrap_or_else(|error| {
            assert_eq!(error["error"]["type"], "illegal_argument_exception");
            error["error"]["reason"].clone()
        });
        assert_eq!(found, expected, "{query}");
    }
    let whole = search("GET", "/_connector/_sync_job?connector_id=gone", "").unwrap();
    let list = run(&whole, rows(documents));
    let job = json!({ "id": "j5", "status": "completed", "job_type": "full", "connector": { "id": "gone" }, "last_seen": "2026-02-24T00:00:00.000Z" });
    assert_eq!(list, json!({ "count": 1, "results": [job] }));
    let body = read("GET", "/_connector/_sync_job", "{}").unwrap_err().to_json();
    assert!(body.contains("request [GET /_connector/_sync_job] does not support having a body"));
}

#[test]
fn an_invalid_search_is_refused_with_its_reason() {
    let cases = [
        (
            "POST",
            "/.elastic-connectors/_search",
            "{",
            "x_content_parse_exception",
            "[1:2] Expected a key, found the end of the JSON",
        ),
        (
            "POST",
            "/.elastic-connectors/_search",
            r#"{"size":1,"size":2}"#,
            "x_content_parse_exception",
            "[1:11] Duplicate field 'size'",
        ),
        (
            "POST",
            "/.elastic-connectors/_search?size=9999",
            r#"{"from":2}"#,
            "illegal_argument_exception",
            "Result window is too large, from + size must be less than or equal to: [10000] but was [10001]. Narrow the list down with a filter.",
        ),
        (
            "GET",
            "/.elastic-connectors/_count?size=1",
            "",
            "illegal_argument_exception",
            "request [/.elastic-connectors/_count] contains unrecognized parameter: [size]",
        ),
        (
            "POST",
            "/.elastic-connectors/_count",
            r#"{"size":1}"#,
            "parsing_exception",
            "[size] is not supported in a count: only [query] is",
        ),
    ];
    for (method, target, body, kind, reason) in cases {
        let error = search(method, target, body).unwrap_err();
        assert_eq!(
            (&error["error"]["type"], &error["error"]["reason"]),
            (&json!(kind), &json!(reason)),
            "{target} {body}"
        );
    }
    let request = Request {
        method: "POST".to_owned(),
        target: "/.elastic-connectors/_search".to_owned(),
        body: "{}".to_owned(),
        ..Request::default()
    };
    assert_eq!(api::read(&request).1.unwrap_err().status, 406);
    // Anything after the JSON is ignored, as in Elasticsearch.
    assert!(search("GET", "/.elastic-connectors/_search", "{} x").is_ok());
    assert!(search("GET", "/.elastic-connectors-v1/_count", "").is_ok());
}

#[test]
fn searches_are_limited_in_depth_clauses_and_values() {
    let target = "/.elastic-connectors/_search";
    let reason = |body: Value| {
        let refused = search("POST", target, &body.to_string()).err()?;
        assert_eq!(refused["error"]["type"], "parsing_exception");
        Some(refused["error"]["reason"].as_str().unwrap().to_owned())
    };
    let ask = |query: Value| reason(json!({ "query": query }));
    let values = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>();
    let terms = |count: usize| json!({ "terms": { "a": values(count) } });
    let too_many = Some("the query has more than [65536] values".to_owned());
    assert_eq!(ask(terms(65_536)), None);
    assert_eq!(ask(terms(65_537)), too_many);
    let both = |count| json!({ "bool": { "must": terms(count), "filter": terms(1) } });
    assert_eq!(ask(both(65_535)), None);
    assert_eq!(ask(both(65_536)), too_many);

    let clauses =
        |count: usize| json!({ "bool": { "must": vec![json!({ "match_all": {} }); count] } });
    assert_eq!(ask(clauses(1_023)), None);
    let too_many = Some("the query has more than [1024] clauses".to_owned());
    assert_eq!(ask(clauses(1_024)), too_many);

    let nested = |depth: usize| {
        (0..depth).fold(json!({ "match_all": {} }), |query, _| json!({ "bool": { "must": query } }))
    };
    assert_eq!(ask(nested(30)), None);
    let too_deep = Some("the query has more than [30] levels of [bool] queries".to_owned());
    assert_eq!(ask(nested(31)), too_deep);

    let too_many = Some("a search sorts by at most [16] fields".to_owned());
    for (count, expected) in [(16, None), (17, too_many.clone()), (149_000, too_many)] {
        let names = json!({ "sort": vec!["a"; count] });
        assert_eq!(reason(names), expected);
        let fields = values(count).into_iter().map(|name| (name, json!("asc"))).collect();
        assert_eq!(reason(json!({ "sort": Value::Object(fields) })), expected);
    }
}

#[test]
fn a_limited_key_finds_only_its_connectors_and_their_jobs() {
    let table = table();
    for (index, patterns, expected) in [
        ("connectors", vec!["n*", "err"], vec!["err", "new"]),
        ("sync_jobs", vec!["n*", "gone"], vec!["j1", "j2", "j5"]),
        ("sync_jobs", vec!["j*"], vec![]),
        ("connectors", vec![], vec![]),
    ] {
        let mut search = search("POST", &format!("{}/_search", path(&json!(index))), "").unwrap();
        search.connectors = Some(patterns.into_iter().map(str::to_owned).collect());
        let mut documents = table[index].clone();
        documents["odd"] = json!({ "connector": 1 });
        documents.as_object_mut().unwrap().retain(|id, _| id != "odd" || index == "sync_jobs");
        let hits = run(&search, rows(&documents))["hits"]["hits"].clone();
        let ids: Vec<_> = hits.as_array().unwrap().iter().map(|hit| hit["_id"].clone()).collect();
        assert_eq!(json!(ids), json!(expected), "{index}");
    }
}

#[test]
fn invalid_documents_are_skipped() {
    let search = search("POST", "/.elastic-connectors/_count", "").unwrap();
    let rows = ["[]", "{}", ""].map(|document| ("a".to_owned(), document.to_owned()));
    assert_eq!(run(&search, rows.to_vec())["count"], 1);
}

#[test]
fn both_indices_exist() {
    for (name, alias) in [
        (".elastic-connectors-v1", ".elastic-connectors"),
        (".elastic-connectors-sync-jobs-v1", ".elastic-connectors-sync-jobs"),
    ] {
        for asked in [name, alias] {
            let answer = |method: &str| match read(method, &format!("/{asked}"), "") {
                Ok(Call::Static(response)) => response,
                other => panic!("{other:?}"),
            };
            assert_eq!(answer("HEAD"), answer("GET"));
            let body: Value = serde_json::from_str(&answer("GET").body).unwrap();
            let index = json!({ "aliases": { alias: {} }, "mappings": {}, "settings": {} });
            assert_eq!(body, json!({ name: index }));
        }
    }
}

/// Queries of all kinds over few fields and values, so that many match something.
fn queries() -> BoxedStrategy<Value> {
    let field = prop::sample::select(vec![
        "_id",
        "status",
        "deleted",
        "is_native",
        "service_type",
        "connector.id",
        "job_type",
        "name",
        "last_seen",
        "created_at",
        "tags",
    ]);
    let value = |field: &'static str| {
        let words: &[&str] = match field {
            "last_seen" | "created_at" => &[
                "2026-02-25T05:00:00.000Z",
                "2026-02-25T06:08:20.123Z",
                "2026-02-25T06:08:20.1235Z",
            ],
            "deleted" | "is_native" => &["true", "false"],
            _ => &[
                "new",
                "err",
                "old",
                "j1",
                "j3",
                "created",
                "connected",
                "pending",
                "full",
                "dir",
                "A",
                "x",
            ],
        };
        prop::sample::select(words.to_vec())
    };
    let leaf = field.prop_flat_map(move |field| {
        let one = value(field);
        prop_oneof![
            one.clone().prop_map(move |value| json!({ "term": { field: value } })),
            prop::collection::vec(one.clone(), 0..3)
                .prop_map(move |values| json!({ "terms": { field: values } })),
            (prop::sample::select(vec!["gt", "gte", "lt", "lte"]), one)
                .prop_map(move |(side, value)| json!({ "range": { field: { side: value } } })),
        ]
    });
    let leaf = prop_oneof![9 => leaf, 1 => Just(json!({ "match_all": {} }))];
    leaf.prop_recursive(4, 20, 3, |inner| {
        let clauses = prop::collection::vec(inner, 0..3);
        (clauses.clone(), clauses.clone(), clauses.clone(), clauses, 0..3_u8, any::<bool>()).prop_map(
            |(must, filter, should, must_not, least, says)| {
                let mut all = json!({ "must": must, "filter": filter, "should": should, "must_not": must_not });
                if says {
                    all["minimum_should_match"] = json!(least);
                }
                json!({ "bool": all })
            },
        )
    })
    .boxed()
}

fn found(documents: &Value, path: &str, query: &Value) -> BTreeSet<String> {
    let body = json!({ "query": query }).to_string();
    let search = search("POST", &format!("{path}/_search"), &body).unwrap();
    let all = documents.as_object().unwrap().iter();
    all.filter(|(id, source)| matches(&search, id, source)).map(|(id, _)| id.clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn a_prefilter_loses_no_match_and_adds_none(query in queries()) {
        let table = table();
        for index in ["connectors", "sync_jobs"] {
            let body = json!({ "query": query }).to_string();
            let search = search("POST", &format!("{}/_search", path(&json!(index))), &body).unwrap();
            prop_assert_eq!(check_prefilter(&search, &table[index]), Ok(()));
        }
    }

    #[test]
    fn boolean_queries_follow_the_laws_of_sets(a in queries(), b in queries()) {
        let table = table();
        for index in ["connectors", "sync_jobs"] {
            let documents = &table[index];
            let find = |query: Value| found(documents, path(&json!(index)), &query);
            let all: BTreeSet<String> = documents.as_object().unwrap().keys().cloned().collect();
            let (in_a, in_b) = (find(a.clone()), find(b.clone()));
            let both: BTreeSet<_> = in_a.intersection(&in_b).cloned().collect();
            prop_assert_eq!(find(json!({ "bool": { "must": [a], "filter": b } })), both.clone());
            let should = json!([a, b]);
            prop_assert_eq!(find(json!({ "bool": { "should": should, "minimum_should_match": 2 } })), both);
            let either: BTreeSet<_> = in_a.union(&in_b).cloned().collect();
            prop_assert_eq!(find(json!({ "bool": { "should": should } })), either.clone());
            let neither: BTreeSet<_> = all.difference(&either).cloned().collect();
            prop_assert_eq!(find(json!({ "bool": { "must_not": should } })), neither);
        }
    }

    #[test]
    fn no_query_panics(body in "\\PC{0,40}", query in any::<String>()) {
        let _ = read("POST", "/.elastic-connectors/_search", &body);
        let _ = read("POST", "/.elastic-connectors/_search", &json!({ "query": query }).to_string());
        let body = json!({ "query": { "range": { "last_seen": { "lt": format!("now{query}") } } } });
        let _ = read("POST", "/.elastic-connectors/_search", &body.to_string());
    }
}

#[test]
fn dates_are_recognized_in_every_field() {
    let now = now().to_string();
    for (path, is_date) in [
        ("last_seen", true),
        ("filtering.draft.advanced_snippet.created_at", true),
        ("filtering.active.rules.updated_at", true),
        ("filtering.active.rules.id", false),
        ("name", false),
        ("name.created_at", false),
    ] {
        // Only dates are compared with a relative date.
        let body = json!({ "query": { "range": { path: { "gte": "now" } } } }).to_string();
        let search = search("POST", "/.elastic-connectors/_search", &body).unwrap();
        let mut document = Value::from(now.as_str());
        for name in path.rsplit('.') {
            document = json!({ name: document });
        }
        let found = run(&search, rows(&json!({ "a": document })));
        assert_eq!(found["hits"]["total"]["value"], u64::from(is_date), "{path}");
    }
}
