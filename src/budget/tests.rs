//! The work done is bounded by what was charged, for all requests and stored documents.

use std::cell::Cell;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{Budget, OverBudget, Purpose};
use crate::api::filter_path::{self, FilterPath, PrintError};
use crate::api::{Call, Request, Search, read};
use crate::directory::{Filter, Texts, matches_any};
use crate::limits::WORK;
use crate::values::Time;

thread_local! {
    /// Bytes read and written, and comparisons, in this thread.
    pub(super) static DONE: Cell<usize> = const { Cell::new(0) };
}

/// Uncharged work at the start of each evaluation.
const START: usize = 64;

fn check(
    purpose: Purpose,
    work: impl FnOnce(&mut Budget) -> Result<(), OverBudget>,
) -> Result<(), TestCaseError> {
    let mut budget = Budget::new(purpose);
    DONE.set(0);
    let outcome = work(&mut budget);
    let done = DONE.get();
    prop_assert!(done <= budget.spent() + START, "done {done}, charged {}", budget.spent());
    prop_assert!(outcome.is_ok() || budget.spent() == WORK);
    Ok(())
}

/// Few letters, so that patterns almost match.
fn names() -> impl Strategy<Value = String> {
    prop_oneof!["[ab]{0,3}", "[aé]{0,40}", "(ab){0,30}", r#"["\\\n]{1,6}"#, "[a-z]{1,4}"]
}

fn patterns() -> impl Strategy<Value = String> {
    prop_oneof![r"[ab*?]{0,12}", r"(a\?){0,40}b", r"(\*a){0,40}b", r"[é?*]{1,20}", names()]
}

/// Documents of every shape: wide, deep, long texts, many short values, escapes.
fn documents() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        names().prop_map(Value::from),
        "[a ]{0,100}".prop_map(Value::from),
        Just(json!("2026-02-25T06:08:20.123Z")),
    ];
    let any = scalar.prop_recursive(5, 60, 12, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..12).prop_map(Value::from),
            prop::collection::vec((names(), inner.clone()), 0..12)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
            (names(), inner).prop_map(|(name, value)| json!({ name: value })),
        ]
    });
    let named = prop::collection::vec((field(), any), 0..6);
    named.prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>()))
}

fn field() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "ab", "name", "description", "last_seen", "error"])
        .prop_map(str::to_owned)
}

fn paths() -> impl Strategy<Value = String> {
    prop::collection::vec(prop_oneof![field(), names(), Just("_id".to_owned())], 1..4)
        .prop_map(|names| names.join("."))
}

fn queries() -> impl Strategy<Value = Value> {
    let value =
        || prop_oneof![names().prop_map(Value::from), Just(json!("2026-02-25")), Just(json!(7))];
    let leaf = prop_oneof![
        (paths(), prop::collection::vec(value(), 0..20))
            .prop_map(|(path, all)| json!({ "terms": { path: all } })),
        (paths(), value()).prop_map(|(path, value)| json!({ "match": { path: value } })),
        (paths(), value()).prop_map(|(path, value)| json!({ "range": { path: { "gte": value } } })),
    ];
    leaf.prop_recursive(3, 20, 6, |inner| {
        let clauses = || prop::collection::vec(inner.clone(), 0..5);
        (clauses(), clauses(), clauses()).prop_map(|(must, must_not, should)| {
            json!({ "bool": { "must": must, "must_not": must_not, "should": should } })
        })
    })
}

fn search(body: &Value) -> Option<Search> {
    let request = Request {
        method: "POST".to_owned(),
        target: "/.elastic-connectors/_search".to_owned(),
        body: body.to_string(),
        content_type: Some("application/json".to_owned()),
        ..Request::default()
    };
    match read(&request).1 {
        Ok(Call::Search(search)) => Some(*search),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn matching_patterns_does_no_more_work_than_is_charged(patterns in prop::collection::vec(patterns(), 0..5), text in names(), more in patterns()) {
        let text = text + &more;
        check(Purpose::Patterns, |budget| matches_any(&patterns, &text, budget).map(drop))?;
    }

    #[test]
    fn filtering_lists_does_no_more_work_than_is_charged(query in patterns(), name in names(), description in "[ab ,]{0,400}") {
        let filter = Filter { query: Some(query), ..Filter::default() };
        let texts = Texts { name: Some(&name), description: Some(&description), ..Texts::default() };
        check(Purpose::List, |budget| filter.matches_query(texts, budget).map(drop))?;
    }

    #[test]
    fn filter_path_does_no_more_work_than_is_charged(
        patterns in prop::collection::vec((any::<bool>(), prop::collection::vec(prop_oneof![patterns(), field(), Just("**".to_owned())], 1..4)), 0..16),
        document in documents(),
        pretty in any::<bool>(),
    ) {
        let patterns = patterns.iter().map(|(drops, steps)| format!("{}{}", if *drops { "-" } else { "" }, steps.join(".")));
        let list = patterns.collect::<Vec<_>>().join(",");
        let text = document.to_string();
        let filter = FilterPath::parse(&list).unwrap_or_default();
        check(Purpose::Format, |budget| match filter_path::print(&text, &filter, pretty, budget) {
            Ok(_) => Ok(()),
            Err(PrintError::OverBudget(over)) => Err(over),
            Err(PrintError::Syntax(error)) => panic!("{error:?}"),
        })?;
    }

    #[test]
    fn searching_does_no_more_work_than_is_charged(
        query in queries(),
        sort in prop::collection::vec(paths(), 0..6),
        size in 0..8_usize,
        documents in prop::collection::vec((names(), documents()), 0..6),
    ) {
        let Some(search) = search(&json!({ "query": query, "sort": sort, "size": size })) else { return Ok(()) };
        let rows: Vec<(String, String)> = documents.into_iter().map(|(id, it)| (id, it.to_string())).collect();
        let mut finder = search.finder(Time::from_millis(0));
        DONE.set(0);
        for (key, (id, json)) in rows.iter().enumerate() {
            prop_assert!(finder.visit(key as u64, id, json).is_ok());
        }
        prop_assert!(finder.finish().is_ok());
        let spent = finder.spent();
        prop_assert!(DONE.get() <= spent + START * (1 + rows.len()), "done {}, charged {spent}", DONE.get());
    }
}
