//! The parameters and sort keys of the list for triage.

use crate::common::request;
use connector_status::api::{self, Call};
use connector_status::directory::{SortField, SummaryRequest, sort_key};

#[test]
fn names_are_sorted_naturally() {
    let in_order = [
        "",
        "10 first",
        "ark",
        "db",
        "db-1",
        "DB-2",
        "db-02b",
        "db-10",
        "db-10-2",
        "db-10-11",
        "db-100",
        "zoo",
        "zoo 007",
        "Zoo 8",
        "ZOO 99999999999999999999",
        "zoo 100000000000000000000",
    ];
    let keys: Vec<String> = in_order.iter().map(|name| sort_key(Some(name), "")).collect();
    for (n, pair) in keys.windows(2).enumerate() {
        assert!(pair[0] < pair[1], "{:?} before {:?}", in_order[n], in_order[n + 1]);
    }
}

#[test]
fn the_parameters_of_the_list_for_triage_are_parsed_or_refused() {
    let read = |query: &str| {
        let target = format!("/_connector/_summary?{query}");
        match api::read(&request("GET", &target, "")).1 {
            Ok(Call::Summary(summary)) => Ok(*summary),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_json()),
        }
    };
    let plain = SummaryRequest { size: 100, ..SummaryRequest::default() };
    assert_eq!(read(""), Ok(plain.clone()));
    for (name, sort) in [
        ("urgency", SortField::Urgency),
        ("name", SortField::Name),
        ("index_name", SortField::IndexName),
        ("service_type", SortField::ServiceType),
        ("since", SortField::Since),
        ("last_seen", SortField::LastSeen),
    ] {
        assert_eq!(read(&format!("sort={name}")), Ok(SummaryRequest { sort, ..plain.clone() }));
        assert_eq!(read(&format!("sort={name}:asc")), Ok(SummaryRequest { sort, ..plain.clone() }));
        let reversed = SummaryRequest { sort, is_reversed: true, ..plain.clone() };
        assert_eq!(read(&format!("sort={name}:desc")), Ok(reversed));
    }
    assert_eq!(read("silent"), Ok(SummaryRequest { silent: true, ..plain.clone() }));
    assert_eq!(read("silent=false"), Ok(plain.clone()));
    let types = vec!["mysql".to_owned(), String::new()];
    assert_eq!(
        read("service_type=mysql,"),
        Ok(SummaryRequest { service_types: types, ..plain.clone() })
    );
    let words = vec!["two".to_owned(), "words".to_owned()];
    assert_eq!(read("query=Two%20%20WORDS"), Ok(SummaryRequest { words, ..plain.clone() }));
    let longest = "\u{e4}".repeat(256);
    assert!(read(&format!("query={longest}")).is_ok());
    for (query, said) in [
        (
            "sort=size",
            "Unknown sort [size]: use one of [urgency, name, index_name, service_type, since, last_seen]",
        ),
        ("sort=name:up", "Unknown sort [name:up]"),
        (&format!("query={longest}a"), "no longer than [256] characters but was [257]"),
        (
            "query=a+b+c+d+e+f+g+h+i+j+k",
            "[query] has too many words: it must have no more than [10] words but has [11]",
        ),
        ("status=gone", "gone"),
        ("from=9999&size=2", "but was [10001]"),
    ] {
        let error = read(query).unwrap_err();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn a_connector_without_a_name_is_sorted_by_its_id() {
    assert_eq!(sort_key(None, "b-2"), sort_key(Some("B-2"), "a"));
    assert_eq!(sort_key(Some("  "), "b-2"), sort_key(None, "b-2"));
}
