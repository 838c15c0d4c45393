//! Backups: requests, restoration, and invalid backups.

use crate::common::request;
use connector_status::api::{self, ApiError, Backup, Call, Intent, Saved};
use serde_json::{Value, json};

/// A job of connector `a`.
const JOB: &str = "job.a";

fn ask(method: &str, target: &str, body: &str) -> Result<Backup, ApiError> {
    match api::read(&request(method, target, body)).1? {
        Call::Backup(backup) => Ok(backup),
        other => panic!("{other:?}"),
    }
}

fn restore(body: &Value) -> Result<(bool, Saved), ApiError> {
    match ask("PUT", "/_connector/a/_backup?overwrite=true", &body.to_string())? {
        Backup::Restore { overwrite, saved, .. } => Ok((overwrite, *saved)),
        other => panic!("{other:?}"),
    }
}

fn reason(error: &ApiError) -> String {
    let body: Value = serde_json::from_str(&error.to_json()).unwrap();
    body["error"]["reason"].as_str().unwrap().to_owned()
}

#[test]
fn each_request_says_which_connector_it_is_about_and_whether_it_writes() {
    let body = json!({ "format": 1, "id": "a" }).to_string();
    let table = [
        ("GET", "/_connector/_backup", "", None, false),
        (
            "POST",
            "/_connector/_backup?connectors=3&complete_until=2026-11-25T08:30:00Z",
            "",
            None,
            true,
        ),
        ("GET", "/_connector/a/_backup", "", Some("a"), false),
        ("PUT", "/_connector/a/_backup", &body, Some("a"), true),
        ("POST", "/_connector/a/_reindex", "", Some("a"), true),
        ("POST", "/_connector/a/_rewind?to=2026-11-25T08:30:00Z", "", Some("a"), true),
    ];
    for (method, target, body, id, writes) in table {
        let backup = ask(method, target, body).unwrap();
        let intent = Intent::of(method, target).expect("a route");
        assert_eq!((backup.id(), intent.writes()), (id, writes), "{method} {target}");
    }
}

fn whole() -> Value {
    json!({
        "format": 1, "id": "a", "version": 7, "edited": 5, "document": { "status": "error", "name": "A" },
        "history": [
            { "seq": 7, "from": "connected", "to": "error", "at": "2026-11-25T08:30:00Z", "via": "_error", "by": "k", "error": "no bucket", "request": "r", "fields": ["error", "status"] },
            { "seq": 1, "from": null, "to": "connected", "at": "2026-11-25T08:00:00Z", "via": "_import" },
        ],
        "edits": [
            { "version": 5, "at": "2026-11-25T08:10:00Z", "via": "_name", "by": null, "request": null, "fields": ["name"] },
        ],
        "jobs": [{ "id": JOB, "version": 3, "edited": 2, "document": { "status": "pending", "connector": { "id": "a", "index_name": "i" } } }],
    })
}

#[test]
fn a_saved_connector_is_restored_with_its_version_history_and_jobs() {
    let (overwrite, saved) = restore(&whole()).unwrap();
    assert!(overwrite);
    let connector = saved.connector.unwrap();
    assert_eq!((connector.version, connector.edited, connector.floor()), (7, 5, 1_000_000_007));
    let document: Value =
        serde_json::from_str(&connector.document.as_ref().unwrap().to_json().unwrap()).unwrap();
    assert_eq!((&document["name"], &document["status"]), (&json!("A"), &json!("error")));
    let mut history = whole()["history"].clone();
    history[1]["by"] = json!(null);
    history[1]["error"] = json!(null);
    history[1]["request"] = json!(null);
    history[1]["fields"] = json!([]);
    assert_eq!(json!(connector.history), history);
    assert_eq!(json!(connector.edits), whole()["edits"]);
    assert_eq!(saved.jobs.len(), 1);
    let saved = &saved.jobs[0];
    assert_eq!((saved.id.as_str(), saved.version, saved.edited), (JOB, 3, 2));
    assert_eq!(saved.job.status().name(), "pending");
}

#[test]
fn optional_parts_of_a_backup_may_be_missing() {
    let only_jobs = json!({ "format": 1, "id": "a" });
    let (_, saved) = restore(&only_jobs).unwrap();
    assert!(saved.connector.is_none() && saved.jobs.is_empty());
    let erased = json!({ "format": 1, "id": "a", "version": 4, "document": null });
    let connector = restore(&erased).unwrap().1.connector.unwrap();
    assert!(connector.document.is_none() && connector.history.is_empty());
    assert_eq!((connector.version, connector.edited), (4, 4));
    let limit = json!({ "format": 1, "id": "a", "version": 1_u64 << 52, "document": null });
    assert_eq!(restore(&limit).unwrap().1.connector.unwrap().version, 1 << 52);
}

#[test]
fn an_invalid_backup_is_refused_with_its_first_problem() {
    let status = "[history] contains an invalid change: ";
    let table: &[(&str, Value, &str)] = &[
        ("/format", json!(2), "[format] must be 1"),
        ("/format", json!("1"), "[format] must be 1"),
        ("/id", json!("b"), "[id] must be [a], as in the path"),
        ("/id", json!(1), "[id] must be [a], as in the path"),
        ("/history", json!({}), "[history] must be an array"),
        ("/jobs", json!("none"), "[jobs] must be an array"),
        ("/version", json!(0), "[version] must be between 1 and 4503599627370496"),
        ("/version", json!((1_u64 << 52) + 1), "[version] must be between"),
        ("/version", json!("7"), "[version] must be between"),
        ("/edited", json!(8), "[edited] must be between 1 and 7"),
        ("/edited", json!(0), "[edited] must be between 1 and 7"),
        ("/document", json!("x"), "[document] must be an object or null"),
        ("/document", json!({ "status": "asleep" }), "unknown status [asleep]"),
        ("/history/0", json!(1), status),
        ("/history/0/seq", json!(8), status),
        ("/history/0/seq", json!(0), status),
        ("/history/0/seq", json!(null), status),
        ("/history/0/from", json!("asleep"), status),
        ("/history/0/from", json!(1), status),
        ("/history/0/to", json!(null), status),
        ("/history/0/to", json!("asleep"), status),
        ("/history/0/at", json!(null), status),
        ("/history/0/via", json!(null), status),
        ("/history/0/by", json!(1), status),
        ("/edits", json!({}), "[edits] must be an array"),
        ("/edits", json!(vec![1; 1_001]), "[edits] contains an invalid edit: 1"),
        (
            "/edits",
            json!([whole()["edits"][0], whole()["edits"][0]]),
            "[edits] contains two edits with [version]",
        ),
        ("/edits/0/version", json!(8), "[edits] contains an invalid edit: "),
        ("/edits/0/via", json!(null), "[edits] contains an invalid edit: "),
        ("/edits/0/fields", json!("name"), "[edits] contains an invalid edit: "),
        ("/history/1/seq", json!(7), "[history] contains two changes with [seq] 7"),
        ("/jobs/0", json!(1), "[jobs] must contain only objects"),
        (
            "/jobs",
            json!([whole()["jobs"][0], whole()["jobs"][0]]),
            "[jobs] contains job [job.a] twice",
        ),
        (
            "/jobs/0/document/connector/id",
            json!("b"),
            "[connector.id] of job [job.a] is \"b\": it must be [a]",
        ),
        (
            "/jobs/0/document/connector/index_name",
            json!(1),
            "[connector.index_name] of job [job.a] is 1: it must be a string",
        ),
        (
            "/jobs/0/id",
            json!("job.b"),
            "[jobs] contains a job whose [id] does not belong to this connector",
        ),
        ("/jobs/0/id", json!(null), "[jobs] contains a job whose [id]"),
        ("/jobs/0/version", json!(0), "[version] must be between"),
        ("/jobs/0/edited", json!(4), "[edited] must be between 1 and 3"),
        ("/jobs/0/document", json!(null), "[document] of job [job.a] must be an object"),
        ("/jobs/0/document", json!({ "status": "asleep" }), "unknown status [asleep]"),
    ];
    for (place, value, expected) in table {
        let mut body = whole();
        *body.pointer_mut(place).unwrap() = value.clone();
        let error = restore(&body).err().unwrap_or_else(|| panic!("{place} {value} is taken"));
        assert_eq!(error.status, 400, "{place} {value}");
        let reason = reason(&error);
        assert!(reason.contains(expected), "{place} {value}: {reason}");
        assert!(reason.starts_with("[a] cannot be restored from this body: "), "{reason}");
    }
}

#[test]
fn a_page_of_ids_says_whether_there_are_more() {
    let ids = ["a".to_owned(), "b".to_owned()];
    let next = |size| {
        let body: Value = serde_json::from_str(&api::show_ids("5", 7, &ids, size).body).unwrap();
        assert_eq!(body["ids"], json!(["a", "b"]));
        assert_eq!((&body["service"], &body["seq"]), (&json!("5"), &json!(7)));
        body["next"].clone()
    };
    assert_eq!((next(2), next(3)), (json!("b"), json!(null)));
    let sized = |target: &str| match ask("GET", target, "").unwrap() {
        Backup::Ids { after, size, .. } => (after, size),
        other => panic!("{other:?}"),
    };
    assert_eq!(sized("/_connector/_backup"), (String::new(), 1_000));
    assert_eq!(sized("/_connector/_backup?after=x&size=0"), ("x".to_owned(), 0));
    assert_eq!(sized("/_connector/_backup?size=2000").1, 1_000);
}

#[test]
fn changed_since_must_be_a_sequence_number() {
    let since = |target: &str| match ask("GET", target, "").unwrap() {
        Backup::Ids { changed_since, .. } => changed_since,
        other => panic!("{other:?}"),
    };
    assert_eq!(since("/_connector/_backup"), None);
    assert_eq!(since("/_connector/_backup?changed_since=12"), Some(12));
    for text in ["", "x", "-1", "1.5", "18446744073709551615"] {
        let error =
            ask("GET", &format!("/_connector/_backup?changed_since={text}"), "").unwrap_err();
        assert!(
            reason(&error).contains("it must be the [seq] of an earlier [GET /_connector/_backup]"),
            "{text}"
        );
    }
}

#[test]
fn rewinding_needs_a_valid_time() {
    for target in ["/_connector/a/_rewind", "/_connector/a/_rewind?to=yesterday"] {
        let error = ask("POST", target, "").unwrap_err();
        assert_eq!(error.status, 400);
        assert!(reason(&error).contains("it must be an ISO 8601 time"), "{target}");
    }
}

#[test]
fn unfinished_jobs_name_the_indices_that_their_connector_does_not_hold() {
    let own = |index: &str| {
        let document = json!({ "status": "connected", "index_name": index });
        connector_status::connector::Connector::from_json(&document.to_string()).unwrap()
    };
    let mut body = whole();
    let job = |n: usize, status: &str, index: &str| {
        json!({ "id": format!("job{n}.a"), "version": 1,
            "document": { "status": status, "connector": { "id": "a", "index_name": index } } })
    };
    body["jobs"] = json!([
        job(1, "pending", "former"),
        job(2, "canceled", "long-ago"),
        job(3, "suspended", ".search-acl-filter-other"),
        job(4, "in_progress", "own"),
        job(5, "in_progress", ".search-acl-filter-own"),
    ]);
    let saved = restore(&body).unwrap().1;
    let foreign = |connector| saved.foreign_indices(connector).collect::<Vec<_>>();
    let own = own("own");
    assert_eq!(foreign(Some(&own)), ["former", "other"]);
    assert_eq!(foreign(None), ["former", "other", "own", "own"]);
}

#[test]
fn parameters_of_backup_reports_and_the_audit_are_validated() {
    let refused = |method: &str, target: &str| {
        reason(&api::read(&request(method, target, "")).1.expect_err(target))
    };
    for (target, expected) in [
        ("/_connector/_backup?connectors=3", "[complete_until] is []"),
        ("/_connector/_backup?connectors=3&complete_until=soon", "[complete_until] is [soon]"),
        ("/_connector/_backup?complete_until=2026-01-01", "[connectors] is missing"),
        ("/_connector/_backup?connectors=x&complete_until=2026-01-01", "[connectors]"),
    ] {
        let said = refused("POST", target);
        assert!(said.contains(expected), "{target}: {said}");
    }
    for name in ["since", "before"] {
        let said = refused("GET", &format!("/_connector/_audit?{name}=soon"));
        assert!(
            said.contains(&format!("[{name}] is [soon]: it must be an ISO 8601 time")),
            "{said}"
        );
    }
    let sized = |target: &str| match api::read(&request("GET", target, "")).1 {
        Ok(Call::AuditOfAll(query)) => (query.size, query.key),
        other => panic!("{other:?}"),
    };
    assert_eq!(sized("/_connector/_audit"), (1_000, None));
    assert_eq!(sized("/_connector/_audit?size=0&key="), (1, None));
    assert_eq!(sized("/_connector/_audit?size=5000&key=k"), (1_000, Some("k".to_owned())));
}
