//! Sync jobs: their table of transitions, compared with the protocol written out again; their ids.

use crate::common::{job_id, request};
use connector_status::api::{
    self, ApiError, Call, Commit, Current, Intent, Operation, Precondition, SyncJobOperation,
    Write, is_ours,
};
use connector_status::connector::Connector;
use connector_status::protocol::claims::Change;
use connector_status::sync_job::{JobType, SyncJob, SyncJobId, SyncJobStatus, TriggerMethod};
use connector_status::values::Time;
use proptest::prelude::*;
use serde_json::{Value, json};

/// As the protocol states it: a status and the statuses that may follow.
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
fn exactly_the_49_pairs_of_the_protocol_are_allowed_or_refused() {
    assert_eq!(pairs().count(), 49);
    assert_eq!(pairs().filter(|(_, _, allowed)| *allowed).count(), 10);
    for (from, to, allowed) in pairs() {
        assert_eq!(from.can_become(to), allowed, "{from} -> {to}");
        assert_eq!(from.next().contains(&to), allowed, "{from} -> {to}");
    }
}

#[test]
fn a_refusal_has_the_reason_of_upstream_and_a_legal_move_has_none() {
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
fn status_names_are_parsed_in_any_case_and_written_in_lower_case() {
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
fn every_status_says_who_moves_it() {
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
fn the_id_of_a_job_contains_the_id_of_its_connector() {
    let id = SyncJobId::new("Ab3-_xyzAb3-_xyzAb3-", "my-connector");
    assert_eq!(id.as_str(), "Ab3-_xyzAb3-_xyzAb3-.my-connector");
    assert_eq!(id.to_string(), id.as_str());
    assert_eq!(id.connector(), "my-connector");
    assert_eq!(SyncJobId::parse(id.as_str()), Some(id));
    for (text, connector) in [
        ("a.c_1", Some("c_1")),
        ("a.b.c", Some("c")),
        ("a.~C3~A4~2F~2E~7E", Some("ä/.~")),
        ("a.~", None),
        ("", None),
        (".", None),
        (".c", None),
        ("a.", None),
        ("a.~63", None),    // the same as a.c, not written as we write it
        ("a.~c3~a4", None), // nor this one
        ("a.ä", None),
        ("a.%C3%A4", None),
        ("a.~C3", None), // half a letter
        ("a.c~", None),
        ("457cf510e4dc4a64ad00", None),
    ] {
        let id = SyncJobId::parse(text);
        assert_eq!(id.as_ref().map(SyncJobId::connector), connector, "{text}");
        assert!(id.is_none_or(|id| id.as_str() == text));
    }
}

#[test]
fn imported_jobs_are_normalized_or_refused() {
    let cases = [
        (r#"{"status":"PENDING","x":{"y":[1]}}"#, Ok(r#"{"status":"pending","x":{"y":[1]}}"#)),
        (r#"{"id":"a","status":"error","error":null}"#, Ok(r#"{"status":"error","error":null}"#)),
        (r#"{"status":"created"}"#, Err("unknown status [created]")),
        (r#"{"status":null}"#, Err("[status] is null, not a string")),
        (r#"{"job_type":"full"}"#, Err("[status] is missing")),
        ("[]", Err("it is not a JSON object")),
    ];
    for (text, expected) in cases {
        let read = SyncJob::from_json(text).and_then(|job| job.to_json());
        assert_eq!(read, expected.map(str::to_owned).map_err(str::to_owned), "{text}");
    }
    let of = |text| SyncJob::from_json(text).unwrap().connector_id().map(str::to_owned);
    assert_eq!(of(r#"{"status":"error","connector":{"id":"c"}}"#).as_deref(), Some("c"));
    assert_eq!(of(r#"{"status":"error","connector":{"id":7}}"#), None);
    assert_eq!(of(r#"{"status":"error"}"#), None);
}

#[test]
fn requests_are_classified_as_reads_or_writes_and_as_ours_or_the_clusters() {
    let call = |method: &str, target: &str, body: &str| {
        api::read(&request(method, target, body)).1.expect("a sound request")
    };
    // Whether a request writes.
    for (method, target, body, writes) in [
        ("GET", "/_connector/_sync_job", "", false),
        ("GET", "/_connector/_sync_job/j.c", "", false),
        ("GET", "/.elastic-connectors-sync-jobs/_doc/j.c", "", false),
        ("HEAD", "/.elastic-connectors", "", false),
        ("HEAD", "/.elastic-connectors/_doc/c", "", false),
        ("GET", "/.elastic-connectors/_refresh", "", false),
        ("POST", "/.elastic-connectors/_refresh", "", false),
        ("POST", "/.elastic-connectors/_search", "", false),
        ("POST", "/_connector/_sync_job", r#"{"id":"c"}"#, true),
        ("PUT", "/_connector/_sync_job/j.c/_check_in", "", true),
        ("DELETE", "/_connector/_sync_job/j.c", "", true),
        ("POST", "/.elastic-connectors/_update/c", r#"{"doc":{}}"#, true),
    ] {
        call(method, target, body);
        let intent = Intent::of(method, target).expect("a route");
        assert_eq!(intent.writes(), writes, "{method} {target}");
    }
    // Which jobs are deleted with a connector.
    for (query, expected) in [
        ("", (false, false)),
        ("?delete_sync_jobs=true", (false, true)),
        ("?hard=true&delete_sync_jobs", (true, true)),
    ] {
        match call("DELETE", &format!("/_connector/c{query}"), "") {
            Call::Connector(_, Operation::Write(Write::Delete { hard, delete_sync_jobs })) => {
                assert_eq!((hard, delete_sync_jobs), expected, "{query}");
            }
            other => panic!("{other:?}"),
        }
    }
    // The name in the history.
    let name = |method: &str, target: &str, body: &str| match call(method, target, body) {
        Call::SyncJob(_, api::SyncJobOperation::Write(write)) => write.name(),
        Call::Connector(_, Operation::Write(write)) => write.name(),
        other => panic!("{other:?}"),
    };
    let jobs = "/_connector/_sync_job/j.c";
    assert_eq!(name("PUT", &format!("{jobs}/_suspend"), ""), "_suspend");
    assert_eq!(name("DELETE", jobs, ""), "_delete");
    let doc = r#"{"doc":{}}"#;
    assert_eq!(name("POST", "/.elastic-connectors-sync-jobs/_update/j.c", doc), "_update");
    assert_eq!(name("POST", "/.elastic-connectors/_update/c", doc), "_update");
    // Whether a request is ours, so that it never reaches a cluster.
    for (target, ours) in [
        ("/", true),
        ("/?pretty", true),
        ("//", true),
        ("/_connector", true),
        ("/_connector/a/_b?c", true),
        ("/%5Fconnector/a", true),
        ("/.elastic-connectors/_bulk", true),
        ("/.elastic-connectors-v1", true),
        ("/.elastic-connectors-sync-jobs", true),
        ("/.elastic-connectors-sync-jobs-v1/_mapping", false),
        ("/%2Eelastic-connectors/_search", true),
        ("//.elastic-connectors/_search", true),
        ("/search-a,.elastic-connectors/_search", true),
        ("/search-a%2C.elastic-connectors-v1/_search", true),
        // Patterns and date-math expressions that match one of our indices.
        ("/*/_search", true),
        ("/_all/_search", true),
        ("/.elastic-connectors*/_search", true),
        ("/.elastic-connectors-%2A/_search", true),
        ("/.*/_search", true),
        ("/*-v1/_settings", true),
        ("/search-*,.elastic*/_search", true),
        ("/%3C.elastic-connectors%3E/_search", true),
        ("/%3C.elastic-connectors-v%7Bnow%2Fd%7D%3E/_search", true),
        ("/.elastic-connectors::data/_search", true),
        ("/*,-search-a/_search", true),
        ("/*,-.elastic-connectors/_search", true),
        ("/.elastic-connectors,*,-.elastic*/_search", true),
        ("/-.elastic-connectors*,*/_search", true),
        ("/*,-.elastic-connectors*/_search", false),
        ("/search-*/_search", false),
        ("/.elastic-apps*/_search", false),
        ("/%3Csearch-%7Bnow%2Fd%7D%3E/_search", false),
        ("/_search", false),
        // Paths that other servers may normalize to one of ours.
        ("/foo/../.elastic-connectors/_search", true),
        ("/%2e/.elastic-connectors/_search", true),
        ("/foo/%2E%2e/.elastic-connectors/_search", true),
        ("/foo/.%2e/_search", true),
        ("/foo\\..\\.elastic-connectors/_search", true),
        ("/.elastic\t-connectors/_search", true),
        ("/search-a/_doc/..", true),
        ("/search-a/_doc/...", false),
        ("/search-a/_doc/.hidden", false),
        ("/search-a/_doc/a%2F..%2Fb", false),
        ("/.elastic-connectors-v2", false),
        ("/_bulk", false),
        ("/_connectors", false),
        ("/search-a/_connector", false),
        ("/%zz", true),
    ] {
        assert_eq!(is_ours(target), ours, "{target}");
        // A request that is ours and cannot be answered is refused.
        let (_, read) = api::read(&request("GET", target, ""));
        let is_ambiguous = target.contains(['*', '<', '\\', '\t']) || target.contains("/..");
        assert!(!(ours && is_ambiguous && read.is_ok()), "{target}");
    }
}

#[test]
fn an_update_of_a_document_claims_the_index_that_it_results_in() {
    let visible = r#"{"status":"created","index_name":"a"}"#;
    let hidden = r#"{"status":"created","index_name":"a","deleted":true}"#;
    for (before, doc, wanted) in [
        (Some(visible), json!({}), None),
        (Some(visible), json!({ "index_name": "a" }), None),
        (Some(visible), json!({ "index_name": "b" }), Some("b")),
        (Some(visible), json!({ "index_name": null }), None),
        (Some(visible), json!({ "deleted": false }), None),
        (Some(visible), json!({ "index_name": "b", "deleted": true }), None),
        (Some(hidden), json!({ "name": "n" }), None),
        (Some(hidden), json!({ "index_name": "b" }), None),
        (Some(hidden), json!({ "deleted": false }), Some("a")),
        (Some(hidden), json!({ "deleted": null }), Some("a")),
        (Some(hidden), json!({ "deleted": false, "index_name": "b" }), Some("b")),
        (Some(hidden), json!({ "deleted": false, "index_name": null }), None),
        (None, json!({ "deleted": false }), None),
        (None, json!({ "index_name": "b" }), None),
    ] {
        let body = json!({ "doc": doc }).to_string();
        let call = api::read(&request("POST", "/.elastic-connectors/_update/c", &body)).1;
        let Ok(Call::Connector(id, Operation::Write(write))) = call else { panic!("{call:?}") };
        let before = before.map(|text| Connector::from_json(text).unwrap());
        let current =
            before.as_ref().map(|document| Current { document, version: 1, recent_values: None });
        let now = Time::from_millis(0);
        let decision = api::decide(&id, &write, &Precondition::default(), current, now);
        let commit = decision.map_or(Commit::Nothing, |decision| decision.commit);
        assert_eq!(commit.taken_index(before.as_ref()), wanted, "{before:?} {doc}");
    }
}

proptest! {
    #[test]
    fn every_connector_id_can_be_in_a_job_id(name in "[A-Za-z0-9_-]{20}", connector in "\\PC{1,60}") {
        let id = SyncJobId::new(&name, &connector);
        prop_assert!(id.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b)));
        prop_assert_eq!(SyncJobId::parse(id.as_str()), Some(id));
    }
}

/// Writes a sync job through the documents API: the job, or the reason for the refusal.
fn write_job(
    target: &str,
    body: &Value,
    before: Option<&SyncJob>,
    connector: &Connector,
) -> Result<SyncJob, String> {
    let id = job_id("c");
    let why = |error: ApiError| {
        let error: Value = serde_json::from_str(&error.to_json()).unwrap();
        error["error"]["reason"].as_str().unwrap().to_owned()
    };
    let method = if target.ends_with("_claim") { "PUT" } else { "POST" };
    let now = Time::from_millis(0);
    let decision = match api::read(&request(method, target, &body.to_string())).1.map_err(why)? {
        Call::CreateSyncJob(_, creation) => {
            api::create_sync_job(&id, creation, Some(connector), now)
        }
        Call::SyncJob(id, SyncJobOperation::Write(write)) => {
            let current =
                before.map(|document| Current { document, version: 1, recent_values: None });
            let any = Precondition::default();
            api::decide_sync_job(&id, write, &any, current, Some(connector), now)
        }
        other => panic!("{other:?}"),
    };
    Ok(decision.map_err(why)?.commit.apply(before.cloned()).unwrap())
}

#[test]
fn a_job_writes_only_to_the_index_of_its_connector() {
    let connector = |fields: &str| {
        Connector::from_json(&format!(r#"{{"status":"connected",{fields}}}"#)).unwrap()
    };
    let (own, none) = (connector(r#""index_name":"own""#), connector(r#""index_name":null"#));
    let hidden = connector(r#""index_name":"own","deleted":true"#);
    let nested = |index: Value| json!({ "connector": { "id": "c", "index_name": index } });
    let dotted =
        |index: Value| json!({ "connector": { "id": "c" }, "connector.index_name": index });
    let create = "/.elastic-connectors-sync-jobs/_doc";
    let created = |spelled: &dyn Fn(Value) -> Value, index: Value, connector: &Connector| {
        let mut body = spelled(index);
        body["status"] = json!("pending");
        write_job(create, &body, None, connector)
    };
    for spelled in [&nested as &dyn Fn(Value) -> Value, &dotted] {
        for (index, connector, is_taken) in [
            (json!("own"), &own, true),
            (json!(".search-acl-filter-own"), &own, true),
            (json!(null), &own, true),
            (json!(null), &none, true),
            (json!("other"), &own, false),
            (json!(".search-acl-filter-other"), &own, false),
            (json!(".search-acl-filter-.search-acl-filter-own"), &own, false),
            (json!(".search-acl-filter-"), &own, false),
            (json!("own"), &none, false),
            (json!("own"), &hidden, false),
        ] {
            let job = created(spelled, index.clone(), connector);
            assert_eq!(job.is_ok(), is_taken, "{index} {job:?}");
            if let Err(reason) = job {
                assert!(reason.contains("[connector.index_name]"), "{reason}");
            }
        }
    }
    let odd = created(&dotted, json!(["own"]), &own);
    assert!(odd.unwrap_err().contains("[connector.index_name]"));

    let update = &format!("/.elastic-connectors-sync-jobs/_update/{}", job_id("c"));
    let pending = created(&nested, json!("own"), &own).unwrap();
    let changed = |doc: Value, before: &SyncJob, connector: &Connector| {
        write_job(update, &json!({ "doc": doc }), Some(before), connector)
    };
    for spelled in [&nested as &dyn Fn(Value) -> Value, &dotted] {
        assert!(changed(spelled(json!("other")), &pending, &own).is_err());
        assert!(changed(spelled(json!("own")), &pending, &own).is_ok());
        // The connector has another index now; the job keeps the one it was created for.
        assert!(changed(spelled(json!("own")), &pending, &none).is_ok());
    }
    assert!(changed(json!({ "status": "in_progress" }), &pending, &none).is_ok());
    let other_id = changed(json!({ "connector.id": "d" }), &pending, &own).unwrap_err();
    assert!(other_id.contains("[connector.id]"), "{other_id}");
    // Not after its end: then it cannot be restarted.
    let over = changed(json!({ "status": "completed" }), &pending, &own).unwrap();
    let claim = format!("/_connector/_sync_job/{}/_claim", job_id("c"));
    for connector in [&own, &none] {
        let again = changed(json!({ "status": "pending" }), &over, connector);
        let body = json!({ "worker_hostname": "w" });
        let claimed = write_job(&claim, &body, Some(&over), connector);
        assert_eq!([again.is_ok(), claimed.is_ok()], [connector == &own; 2]);
        assert!(changed(json!({ "error": "late" }), &over, connector).is_ok());
    }
}
