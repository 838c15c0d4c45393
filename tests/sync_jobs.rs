//! Sync jobs: the table of their statuses, against the protocol written out a second time; their
//! ids; random lives.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use connector_status::sync_job::{JobType, SyncJob, SyncJobId, SyncJobStatus, TriggerMethod};
use proptest::prelude::*;

/// Section by section as the protocol states it: from, then what may follow.
const PROTOCOL: [(&str, [bool; 7]); 7] = [
    //              pending in_progress canceling canceled suspended completed error
    ("pending", [false, true, false, true, false, false, false]),
    ("in_progress", [false, false, true, false, true, true, true]),
    ("canceling", [false, false, false, true, false, false, true]),
    ("canceled", [false; 7]),
    ("suspended", [false, true, false, true, false, false, false]),
    ("completed", [false; 7]),
    ("error", [false; 7]),
];

fn pairs() -> impl Iterator<Item = (SyncJobStatus, SyncJobStatus, bool)> {
    let status = |name| SyncJobStatus::parse(name).expect("a known status");
    PROTOCOL.into_iter().flat_map(move |(from, row)| {
        let columns = PROTOCOL.into_iter().map(|(to, _)| to);
        columns.zip(row).map(move |(to, allowed)| (status(from), status(to), allowed))
    })
}

#[test]
fn the_49_pairs_are_those_of_the_protocol() {
    assert_eq!(pairs().count(), 49);
    assert_eq!(pairs().filter(|(_, _, allowed)| *allowed).count(), 10);
    for (from, to, allowed) in pairs() {
        assert_eq!(from.can_become(to), allowed, "{from} -> {to}");
        assert_eq!(from.next().contains(&to), allowed, "{from} -> {to}");
    }
}

#[test]
fn a_refusal_is_explained_to_the_letter_and_a_legal_move_is_not() {
    for (from, to, allowed) in pairs() {
        let explained = from.explain(to).map(|transition| transition.to_string());
        let sentence = format!(
            "Invalid transition attempt from [{from}] to [{to}]. Such a ConnectorSyncStatus \
             transition is not supported by the Connector Protocol."
        );
        assert_eq!(explained, (!allowed).then_some(sentence));
    }
}

#[test]
fn names_are_read_in_any_case_and_written_in_lower_case() {
    for status in SyncJobStatus::ALL {
        for name in [status.name().to_owned(), status.name().to_uppercase()] {
            assert_eq!(SyncJobStatus::parse(&name), Some(status));
        }
        assert_eq!(status.to_string(), status.name().to_lowercase());
    }
    let types = JobType::ALL.map(|known| JobType::parse(&known.name().to_uppercase()));
    assert_eq!(types, JobType::ALL.map(Some));
    assert_eq!(JobType::ALL.map(JobType::name), ["full", "incremental", "access_control"]);
    let triggers =
        TriggerMethod::ALL.map(|known| TriggerMethod::parse(&known.name().to_uppercase()));
    assert_eq!(triggers, TriggerMethod::ALL.map(Some));
    assert_eq!(TriggerMethod::ALL.map(TriggerMethod::name), ["on_demand", "scheduled"]);
    for name in ["", " pending", "pendin", "pending\0", "none"] {
        assert_eq!(SyncJobStatus::parse(name), None, "{name:?}");
        assert_eq!(JobType::parse(name), None, "{name:?}");
        assert_eq!(TriggerMethod::parse(name), None, "{name:?}");
    }
}

#[test]
fn everything_that_is_not_over_has_somebody_who_moves_it() {
    let who = SyncJobStatus::ALL.map(|status| (status.name(), status.mover().who));
    let expected = [
        ("pending", "nobody"),
        ("in_progress", "connector"),
        ("canceling", "user"),
        ("canceled", "user"),
        ("suspended", "connector"),
        ("completed", "connector"),
        ("error", "connector"),
    ];
    assert_eq!(who, expected);
    assert!(SyncJobStatus::ALL.into_iter().all(|status| status.mover().when.len() > 20));
}

#[test]
fn ids_lead_to_the_connector() {
    let id = SyncJobId::new("Ab3-_xyzAb3-_xyzAb3-", "my-connector");
    assert_eq!(id.as_str(), "Ab3-_xyzAb3-_xyzAb3-.bXktY29ubmVjdG9y");
    assert_eq!(id.to_string(), id.as_str());
    assert_eq!(id.connector(), "my-connector");
    assert_eq!(SyncJobId::parse(id.as_str()), Some(id));
    for (text, connector) in [
        ("a.YQ", Some("a")),
        ("a.b.YQ", Some("a")),
        ("a.w6Qv", Some("ä/")),
        ("", None),
        (".", None),
        (".YQ", None),
        ("a.", None),
        ("a.YR", None),   // the same letter, not written as we write it
        ("a.YQ==", None), // nor this one
        ("a.Y Q", None),
        ("a.w6", None),   // half a letter
        ("a.+/+/", None), // the other alphabet
        ("457cf510e4dc4a64ad00", None),
    ] {
        let id = SyncJobId::parse(text);
        assert_eq!(id.as_ref().map(SyncJobId::connector), connector, "{text}");
        assert!(id.is_none_or(|id| id.as_str() == text));
    }
}

#[test]
fn documents_from_elsewhere() {
    let cases = [
        (r#"{"status":"PENDING","x":{"y":[1]}}"#, Ok(r#"{"status":"pending","x":{"y":[1]}}"#)),
        (r#"{"id":"a","status":"error","error":null}"#, Ok(r#"{"status":"error","error":null}"#)),
        (r#"{"status":"created"}"#, Err("unknown status [created]")),
        (r#"{"status":null}"#, Err("[status] is null, not a string")),
        (r#"{"job_type":"full"}"#, Err("it has no [status]")),
        ("[]", Err("invalid type: sequence, expected a map at line 1 column 0")),
    ];
    for (text, expected) in cases {
        let read = SyncJob::from_json(text).map(|job| job.to_json());
        assert_eq!(read, expected.map(str::to_owned).map_err(str::to_owned), "{text}");
    }
    let of = |text| SyncJob::from_json(text).unwrap().connector_id().map(str::to_owned);
    assert_eq!(of(r#"{"status":"error","connector":{"id":"c"}}"#).as_deref(), Some("c"));
    assert_eq!(of(r#"{"status":"error","connector":{"id":7}}"#), None);
    assert_eq!(of(r#"{"status":"error"}"#), None);
}

proptest! {
    #[test]
    fn every_connector_has_ids_of_jobs(name in "[A-Za-z0-9_-]{20}", connector in "\\PC{1,60}") {
        let id = SyncJobId::new(&name, &connector);
        prop_assert!(id.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)));
        prop_assert_eq!(SyncJobId::parse(id.as_str()), Some(id));
    }
}
