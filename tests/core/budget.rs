//! No request costs more than its budget: requests that took seconds are refused, and ordinary ones
//! are not.

use crate::common::request;
use connector_status::api::{self, Call, Request, Response, Search};
use connector_status::budget::{Budget, Purpose};
use connector_status::directory::{Filter, Scan, ScanPrefix, Texts, matches_any};
use connector_status::limits::{DOCUMENT_BYTES, WORK};
use connector_status::values::{Time, wildcard};
use serde_json::{Value, json};

const TOO_MUCH: &str = "takes too much work";

/// A document of a megabyte with that many names: `n0`, `n1`, ...
fn short_names(count: usize) -> String {
    let names: Vec<String> = (0..count).map(|n| format!("\"n{n}\":1")).collect();
    format!("{{{}}}", names.join(","))
}

fn list(documents: &[String]) -> String {
    format!("{{\"count\":{},\"results\":[{}]}}", documents.len(), documents.join(","))
}

/// The response to a list with that filter_path.
fn filtered(filter_path: &str, body: &str) -> Response {
    let target = format!("/_connector?filter_path={filter_path}");
    let (format, call) = api::read(&request("GET", &target, ""));
    call.unwrap();
    format.success(Response::text(200, body.to_owned()))
}

fn assert_refused(response: &Response, mention: &str) {
    let body: Value = serde_json::from_str(&response.body).unwrap();
    assert_eq!(response.status, 400);
    assert_eq!(body["error"]["type"], "illegal_argument_exception");
    let reason = body["error"]["reason"].as_str().unwrap();
    assert!(reason.contains(TOO_MUCH) && reason.contains(mention), "{reason}");
}

#[test]
fn filter_path_patterns_over_many_names_are_refused() {
    for patterns in [vec!["results.zz.*?q0*"; 333], vec!["**.*q?*q0*"; 500]] {
        let target = format!("/_connector?filter_path={}", patterns.join(","));
        let refused = api::read(&request("GET", &target, "")).1.unwrap_err();
        assert!(
            refused.to_json().contains("no more than [64] steps in all"),
            "{}",
            refused.to_json()
        );
    }
    let documents = list(&vec![short_names(75_000); 4]);
    for patterns in [vec!["results.*?q0*"; 32], vec!["**.*q?*q0*"; 32]] {
        assert_refused(&filtered(&patterns.join(","), &documents), "[filter_path]");
    }
    for patterns in ["results.id,results.status", "-results.n1", "results.*1", "**.n77"] {
        assert_eq!(filtered(patterns, &documents).status, 200, "{patterns}");
    }
}

#[test]
fn a_response_that_would_be_indented_to_many_megabytes_is_refused() {
    let deep = |text: &str| format!("{}{text}{}", "[".repeat(100), "]".repeat(100));
    let body = list(&[deep(&vec!["1"; 500_000].join(","))]);
    let (format, _) = api::read(&request("GET", "/_connector?pretty", ""));
    assert_refused(&format.success(Response::text(200, body)), "[pretty]");
    let everyday = list(&vec![format!("{{\"id\":\"a\",\"x\":\"{}\"}}", "x".repeat(2_500)); 1_000]);
    assert_eq!(format.success(Response::text(200, everyday)).status, 200);
}

#[test]
fn a_query_full_of_wildcards_over_megabytes_is_refused() {
    let description = vec!["a".repeat(500); 2_000].join(" ");
    for query in ["a?".repeat(103), "?a".repeat(122) + "b", "?".repeat(245)] {
        let filter = Filter { query: Some(query.clone() + "!"), ..Filter::default() };
        let texts =
            Texts { service_type: None, description: Some(&description), ..Texts::default() };
        let mut budget = Budget::new(Purpose::List);
        let mut looks = (0..10).map(|_| filter.matches_query(texts, &mut budget));
        let over = looks.find_map(Result::err).expect("over the budget");
        assert!(over.reason().contains("[query]"), "{query}");
        assert_eq!(budget.spent(), WORK);
    }
    // 10,000 connectors of ordinary size.
    let filter = Filter { query: Some("sales*2024".to_owned()), ..Filter::default() };
    let description =
        "What the people of sales know of their customers, and when they asked. ".repeat(4);
    let texts = Texts {
        index_name: Some("search-customers-of-sales"),
        name: Some("Customers of the sales department"),
        service_type: None,
        description: Some(&description),
    };
    let mut budget = Budget::new(Purpose::List);
    assert!((0..10_000).all(|_| filter.matches_query(texts, &mut budget) == Ok(false)));
}

fn search(body: &Value) -> Search {
    let request = Request {
        method: "POST".to_owned(),
        target: "/.elastic-connectors/_search".to_owned(),
        body: body.to_string(),
        content_type: Some("application/json".to_owned()),
        ..Request::default()
    };
    match api::read(&request).1 {
        Ok(Call::Search(search)) => *search,
        other => panic!("{other:?}"),
    }
}

#[test]
fn terms_over_a_long_array_cost_a_step_per_value_and_not_per_pair() {
    let values: Vec<usize> = (0..340_000).map(|n| n % 10).collect();
    let document = json!({ "a": values }).to_string();
    let spent = |count: usize| {
        let terms: Vec<String> = (0..count).map(|n| format!("x{n}")).collect();
        let search = search(&json!({ "query": { "terms": { "a": terms } } }));
        let mut finder = search.finder(Time::from_millis(0));
        finder.visit(0, "a", &document).unwrap();
        finder.spent()
    };
    assert!(spent(4_000) < 4 * spent(1), "{} {}", spent(4_000), spent(1));
}

#[test]
fn a_search_with_many_clauses_over_large_documents_is_refused() {
    let document = json!({ "a": vec![1; DOCUMENT_BYTES / 2 - 10] }).to_string();
    let clauses: Vec<Value> =
        (0..1_000).map(|n| json!({ "range": { "a": { "gte": n + 2 } } })).collect();
    let search = search(&json!({ "query": { "bool": { "should": clauses } } }));
    let mut finder = search.finder(Time::from_millis(0));
    let over = finder.visit(0, "a", &document).unwrap_err();
    assert!(over.reason().contains("fewer clauses"));
}

#[test]
fn a_search_stops_at_its_budget_of_bytes() {
    let search = search(&json!({ "query": { "term": { "is_native": true } } }));
    let look = |bytes: usize, count: u64| {
        let document = json!({ "is_native": false, "x": "x".repeat(bytes) }).to_string();
        let mut finder = search.finder(Time::from_millis(0));
        (0..count).find(|key| finder.visit(*key, "a", &document).is_err())
    };
    // 10,000 connectors of ordinary size.
    assert_eq!(look(2_500, 10_000), None);
    assert!(look(1_000_000, 1_000).is_some_and(|refused| refused < 60));
}

#[test]
fn the_memory_for_sort_values_is_limited() {
    let search = search(&json!({ "sort": ["name"], "size": 10_000 }));
    let sorted = |bytes: usize| {
        let mut finder = search.finder(Time::from_millis(0));
        (0..10_000_u64).find_map(|key| {
            let document = json!({ "name": format!("{key}{}", "x".repeat(bytes)) }).to_string();
            finder.visit(key, &key.to_string(), &document).err()
        })
    };
    assert_eq!(sorted(40), None);
    assert!(sorted(4_000).is_some_and(|over| over.reason().contains("sort fields")));
}

#[test]
fn the_patterns_of_a_key_are_charged_and_refused_over_the_budget() {
    let patterns = vec!["*a?".repeat(10) + &"a".repeat(100) + "b"; 100];
    let id = "a".repeat(500);
    let mut budget = Budget::new(Purpose::Patterns);
    assert_eq!(matches_any(&patterns, &id, &mut budget), Ok(false));
    assert!(budget.spent() > 100 * id.len());
    let mut looks = (0..10_000).map(|_| matches_any(&patterns, &id, &mut budget));
    assert!(looks.any(|look| look.is_err()));
}

#[test]
fn a_pattern_is_charged_for_each_step() {
    let text = "a".repeat(10_000);
    for (pattern, least) in
        [("*a?b", 20_000), ("a*", 2), (&*("*".to_owned() + &"a".repeat(100) + "b"), 1_000_000)]
    {
        let mut budget = Budget::new(Purpose::Patterns);
        assert_eq!(wildcard::matches(pattern, &text, &mut budget), Ok(pattern == "a*"));
        assert!(budget.spent() >= least, "{pattern}: {}", budget.spent());
    }
}

#[test]
fn a_word_search_over_all_rows_is_charged_before_sql_runs_it() {
    let charged = |scan: Scan| {
        let mut budget = Budget::new(Purpose::List);
        ScanPrefix::of("word", scan, &mut budget).map(|_| budget.spent())
    };
    let charged_for_10_000 = charged(Scan::of_at_most(10_000)).expect("a service of this size");
    assert!(charged_for_10_000 > 10_000 * 1_000 && charged_for_10_000 < WORK / 2);
    assert!(charged(Scan::of(100_000, 100_000 * 150)).expect("many short rows") > 100_000);
    for scan in [Scan::of_at_most(100_000), Scan::of(1_000_000, 0), Scan::of_at_most(u64::MAX)] {
        assert!(scan.is_large());
        assert!(charged(scan).is_err_and(|over| over.reason().contains("[query]")), "{scan:?}");
    }
}

#[test]
fn sql_gets_only_the_start_of_a_long_word() {
    let piece = |text: &str| {
        let mut budget = Budget::new(Purpose::List);
        ScanPrefix::of(text, Scan::of(1, 1), &mut budget).unwrap().as_str().to_owned()
    };
    assert_eq!(piece("word"), "word");
    assert_eq!(piece(&"a".repeat(250)), "a".repeat(16));
    assert_eq!(piece(&format!("{}\u{20ac}", "a".repeat(14))), "a".repeat(14));
}
