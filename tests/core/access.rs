//! Authentication and authorization, as tables.

use crate::common::request;
use connector_status::api::{
    self, AuthError, Call, Caller, Credentials, Intent, Key, Privilege, Request, TICKET_LIFE_MS,
    Ticket, cors_origin, foreign_fingerprint, without_access_cookies,
};
use serde_json::{Value, json};

/// `open-sesame-open-sesame`, hashed and encoded by independent tools.
const SECRET_SHA256: &str = "QC6lHND9OrUUDCf1vcheDSI2ply2LX0gQPyLYfEk4N0=";
const RIGHT: &str = "azE6b3Blbi1zZXNhbWUtb3Blbi1zZXNhbWU=";
const WRONG: &str = "azE6bm90LXRoZS1zZWNyZXQ=";
const OTHER_ID: &str = "azI6b3Blbi1zZXNhbWUtb3Blbi1zZXNhbWU=";
const NOW: u64 = 1_800_000_000_000;

fn key(more: &str) -> String {
    format!(r#"{{"name":"agent","secret_sha256":"{SECRET_SHA256}"{more}}}"#)
}

/// The caller of key `k1`, whose record has these fields.
fn caller(more: &str) -> Caller {
    let key = Key::from_json(&key(more)).expect("a sound key");
    let header = format!("ApiKey {RIGHT}");
    let credentials = Credentials::parse(&header).unwrap_or_else(|_| panic!("sound credentials"));
    credentials.open(Some(&key), "", NOW).expect("the right secret")
}

fn call(method: &str, target: &str) -> Call {
    let request = Request {
        method: method.to_owned(),
        target: target.to_owned(),
        body: match (method, target) {
            ("PUT", _) if target.ends_with("_status") => r#"{"status":"error"}"#,
            ("PUT", _) if target.ends_with("_error") => r#"{"error":"e"}"#,
            ("POST", "/_connector/_sync_job") => r#"{"id":"team-a-1"}"#,
            ("POST", _) if target.ends_with("/_doc") => {
                r#"{"connector":{"id":"team-b-1"},"status":"pending"}"#
            }
            ("POST", _) if target.contains("/_update/") => r#"{"doc":{}}"#,
            _ => "",
        }
        .to_owned(),
        content_type: Some("application/json".to_owned()),
        ..Request::default()
    };
    api::read(&request).1.expect("a sound request")
}

/// The result of authorizing a request: first from its head, then from all of it.
fn authorize(caller: Caller, method: &str, target: &str) -> Result<Call, AuthError> {
    let intent = Intent::of(method, target).expect("a route");
    caller.authorize(intent)?.narrow(call(method, target))
}

fn outcome<T>(result: Result<T, AuthError>) -> (u16, &'static str) {
    match result {
        Ok(_) => (200, ""),
        Err(denial) => (denial.failure.status, denial.why),
    }
}

#[test]
fn credentials_are_accepted_in_every_valid_form_of_the_header_and_in_no_other() {
    let long = format!("ApiKey {}", "a".repeat(10_000));
    let table: &[(&str, bool)] = &[
        (&format!("ApiKey {RIGHT}"), true),
        (&format!("apikey {RIGHT}"), true),
        (&format!("APIKEY   {RIGHT}  "), true),
        (&format!("Bearer {RIGHT}"), true),
        (&format!("Basic {RIGHT}"), true),
        (&format!("ApiKey {}", RIGHT.trim_end_matches('=')), true),
        (&format!("Digest {RIGHT}"), false),
        (RIGHT, false),
        ("", false),
        ("ApiKey", false),
        ("ApiKey ", false),
        ("ApiKey %%%", false),
        ("ApiKey k1:open-sesame-open-sesame", false),
        ("ApiKey bm9jb2xvbg==", false),     // nocolon
        ("ApiKey OnNlY3JldA==", false),     // :secret
        ("ApiKey azE6", false),             // k1:
        ("ApiKey Li46c2VjcmV0", false),     // ..:secret
        ("ApiKey awAxOnNlY3JldA==", false), // k\01:secret
        ("ApiKey /////w==", false),         // not UTF-8
        (&format!("ApiKey {RIGHT}, ApiKey {RIGHT}"), false),
        (&long, false),
    ];
    for (header, sound) in table {
        let parsed = Credentials::parse(header);
        assert_eq!(parsed.is_ok(), *sound, "{header}");
        match parsed {
            Ok(credentials) => assert_eq!(credentials.id(), "k1"),
            Err(denial) => {
                assert_eq!((denial.failure.status, denial.why), (401, "malformed credentials"));
            }
        }
    }
}

#[test]
fn a_key_needs_the_right_secret_and_ends_when_it_expires() {
    let kept = |more: &str| Some(Key::from_json(&key(more)).expect("a sound key"));
    let table = [
        (RIGHT, kept(""), (200, "")),
        (RIGHT, kept(&format!(r#","expiration":{}"#, NOW + 1)), (200, "")),
        (RIGHT, kept(&format!(r#","expiration":{NOW}"#)), (401, "expired key")),
        (WRONG, kept(""), (401, "wrong secret")),
        (WRONG, kept(r#","expiration":1"#), (401, "wrong secret")),
        (RIGHT, None, (401, "unknown key")),
        (WRONG, None, (401, "unknown key")),
    ];
    for (token, kept, expected) in table {
        let credentials =
            Credentials::parse(&format!("ApiKey {token}")).unwrap_or_else(|_| panic!("sound"));
        assert_eq!(outcome(credentials.open(kept.as_ref(), "", NOW)), expected);
    }
}

#[test]
fn unknown_key_and_wrong_secret_get_the_same_answer() {
    let key = Key::from_json(&key("")).expect("a sound key");
    let credentials =
        Credentials::parse(&format!("ApiKey {WRONG}")).unwrap_or_else(|_| panic!("sound"));
    let unknown = credentials.open(None, "", NOW).expect_err("no such key");
    let wrong = credentials.open(Some(&key), "", NOW).expect_err("wrong secret");
    assert_eq!(unknown.failure, wrong.failure);
    assert_ne!(unknown.why, wrong.why);
}

#[test]
fn only_the_exact_root_key_is_accepted() {
    let table = [
        ("k1:open-sesame-open-sesame", RIGHT, true),
        ("k1:open-sesame-open-sesame", WRONG, false),
        ("k1:open-sesame-open-sesame", OTHER_ID, false),
        ("", RIGHT, false),
        ("k1", RIGHT, false),
        ("k1:", "azE6", false),
        ("k1:not-the-secret", WRONG, false), // the right secret, but too short
    ];
    for (root, token, opens) in table {
        let Ok(credentials) = Credentials::parse(&format!("Basic {token}")) else {
            assert!(!opens);
            continue;
        };
        let caller = credentials.open_root(root);
        assert_eq!(caller.is_some(), opens, "{root}");
        assert!(caller.is_none_or(|caller| caller.key_id().as_deref() == Some("k1")));
    }
}

#[test]
fn a_key_with_invalid_fields_grants_nothing() {
    for more in [
        r#","connectors":null"#,
        r#","connectors":"team-a-*""#,
        r#","connectors":[1]"#,
        r#","privileges":"manage_connector""#,
        r#","expiration":"2030-01-01""#,
        r#","expiration":null"#,
        r#","only_from":"10.0.0.0/8""#,
    ] {
        assert!(Key::from_json(&key(more)).is_err(), "{more}");
    }
    for json in [
        "",
        "[]",
        r#"{"name":"agent"}"#,
        r#"{"name":"agent","secret_sha256":""}"#,
        r#"{"name":"agent","secret_sha256":"c2hvcnQ="}"#,
    ] {
        assert!(Key::from_json(json).is_err(), "{json}");
    }
}

#[test]
fn a_request_needs_the_privilege_and_a_pattern_for_each_connector_it_touches() {
    const MANAGE: &str = r#","privileges":["manage_connector"]"#;
    const MONITOR: &str = r#","privileges":["monitor_connector"]"#;
    const BOTH: &str = r#","privileges":["monitor_connector","manage_connector"]"#;
    const NONE: &str = r#","privileges":["manage_everything"]"#;
    const TEAM_A: &str = r#","privileges":["manage_connector"],"connectors":["team-a-*","x?"]"#;
    const NOWHERE: &str = r#","privileges":["manage_connector"],"connectors":[]"#;
    // Jobs of team-a-1 and of team-b-1.
    const OURS: &str = "j.team-a-1";
    const OTHERS: &str = "j.team-b-1";
    let jobs = |id: &str, rest: &str| format!("/_connector/_sync_job/{id}{rest}");
    let documents = |index: &str, rest: &str| format!("/.elastic-connectors{index}/{rest}");
    let (no, out, yes) = ((403, "privilege"), (403, "connector"), (200, ""));
    let job_table = [
        (MONITOR, "GET", jobs("", ""), yes),
        (MONITOR, "GET", jobs(OURS, ""), yes),
        (MONITOR, "POST", "/_connector/_sync_job".to_owned(), no),
        (MONITOR, "PUT", jobs(OURS, "/_cancel"), no),
        (MONITOR, "DELETE", jobs(OURS, ""), no),
        (MONITOR, "HEAD", documents("", ""), yes),
        (MONITOR, "POST", documents("", "_refresh"), yes),
        (MONITOR, "POST", documents("", "_search"), yes),
        (MONITOR, "POST", documents("-sync-jobs", "_count"), yes),
        (MONITOR, "GET", documents("", "_doc/any"), yes),
        (MONITOR, "GET", documents("-sync-jobs", "_doc/any"), yes),
        (MONITOR, "GET", documents("-sync-jobs", &format!("_doc/{OURS}")), yes),
        (MONITOR, "POST", documents("", "_update/any"), no),
        (MONITOR, "POST", documents("-sync-jobs", "_doc"), no),
        (MONITOR, "POST", documents("-sync-jobs", &format!("_update/{OURS}")), no),
        (MANAGE, "POST", documents("", "_update/any"), yes),
        (MANAGE, "POST", documents("-sync-jobs", "_doc"), yes),
        (MANAGE, "PUT", jobs(OTHERS, "/_cancel"), yes),
        (NONE, "POST", documents("", "_search"), no),
        (NONE, "HEAD", documents("", ""), no),
        (TEAM_A, "GET", jobs("", ""), yes),
        (TEAM_A, "GET", jobs(OURS, ""), yes),
        (TEAM_A, "GET", jobs(OTHERS, ""), out),
        (TEAM_A, "PUT", jobs(OURS, "/_cancel"), yes),
        (TEAM_A, "PUT", jobs(OTHERS, "/_cancel"), out),
        (TEAM_A, "DELETE", jobs(OTHERS, ""), out),
        (TEAM_A, "POST", "/_connector/_sync_job".to_owned(), yes),
        (TEAM_A, "HEAD", documents("", ""), yes),
        (TEAM_A, "POST", documents("", "_search"), yes),
        (TEAM_A, "GET", documents("", "_doc/team-a-1"), yes),
        (TEAM_A, "GET", documents("", "_doc/team-b-1"), out),
        (TEAM_A, "POST", documents("", "_update/team-a-1"), yes),
        (TEAM_A, "POST", documents("", "_update/team-b-1"), out),
        (TEAM_A, "POST", documents("-sync-jobs", "_doc"), out),
        (TEAM_A, "GET", documents("-sync-jobs", &format!("_doc/{OURS}")), yes),
        (TEAM_A, "GET", documents("-sync-jobs", &format!("_doc/{OTHERS}")), out),
        (TEAM_A, "POST", documents("-sync-jobs", &format!("_update/{OTHERS}")), out),
    ];
    for (more, method, target, expected) in job_table {
        let got = outcome(authorize(caller(more), method, &target));
        assert_eq!(got, expected, "{more} {method} {target}");
    }
    let table = [
        (MANAGE, "PUT", "/_connector/any/_status", yes),
        (MANAGE, "POST", "/_connector", yes),
        (BOTH, "DELETE", "/_connector/any", yes),
        (MONITOR, "GET", "/", yes),
        (MONITOR, "GET", "/_connector", yes),
        (MONITOR, "GET", "/_connector/any", yes),
        (MONITOR, "GET", "/_connector/any/_status", yes),
        (MONITOR, "PUT", "/_connector/any/_status", no),
        (MONITOR, "PUT", "/_connector/any/_check_in", no),
        (MONITOR, "PUT", "/_connector/any", no),
        (MONITOR, "PUT", "/_connector", no),
        (MONITOR, "DELETE", "/_connector/any", no),
        (NONE, "GET", "/", no),
        (NONE, "GET", "/_connector/any", no),
        ("", "GET", "/_connector", no),
        (TEAM_A, "GET", "/", yes),
        (TEAM_A, "GET", "/_connector", yes),
        (TEAM_A, "PUT", "/_connector/team-a-1/_status", yes),
        (TEAM_A, "PUT", "/_connector/team-a-", yes),
        (TEAM_A, "GET", "/_connector/x1", yes),
        (TEAM_A, "GET", "/_connector/x12", out),
        (TEAM_A, "GET", "/_connector/Team-A-1", out),
        (TEAM_A, "GET", "/_connector/not-team-a-1", out),
        (TEAM_A, "PUT", "/_connector/team-b-1/_status", out),
        (TEAM_A, "DELETE", "/_connector/team-b-1?hard=true", out),
        (TEAM_A, "POST", "/_connector", out),
        (NOWHERE, "GET", "/_connector/any", out),
    ];
    for (more, method, target, expected) in table {
        let got = outcome(authorize(caller(more), method, target));
        assert_eq!(got, expected, "{more} {method} {target}");
    }
}

#[test]
fn lists_are_limited_to_the_connectors_that_the_key_covers() {
    let ids = |more: &str| match authorize(caller(more), "GET", "/_connector") {
        Ok(Call::List(list)) => list.filter.ids,
        other => panic!("{other:?}"),
    };
    let manage = r#","privileges":["manage_connector"]"#;
    assert_eq!(ids(manage), None);
    assert_eq!(ids(&format!(r#"{manage},"connectors":["a","*"]"#)), None);
    assert_eq!(ids(&format!(r#"{manage},"connectors":["a*"]"#)), Some(vec!["a*".to_owned()]));
    assert_eq!(ids(&format!(r#"{manage},"connectors":[]"#)), Some(vec![]));
    for target in ["/_connector/_sync_job", "/.elastic-connectors/_search"] {
        let connectors = |more: &str| match authorize(caller(more), "GET", target) {
            Ok(Call::Search(search)) => search.connectors,
            other => panic!("{other:?}"),
        };
        assert_eq!(connectors(manage), None);
        let limited = format!(r#"{manage},"connectors":["a*"]"#);
        assert_eq!(connectors(&limited), Some(vec!["a*".to_owned()]));
    }
}

#[test]
fn anonymous_callers_have_the_configured_privilege_only() {
    let (missing, no, yes) = ((401, "no credentials"), (401, "privilege"), (200, ""));
    let table = [
        ("none", missing, missing),
        ("monitor_connector", yes, no),
        ("manage_connector", yes, yes),
    ];
    for (name, get, put) in table {
        let privilege = Privilege::parse(name).expect("a privilege");
        assert_eq!(privilege.name(), name);
        for (method, expected) in [("GET", get), ("PUT", put)] {
            let target = "/_connector/any/_status";
            let result = Caller::anonymous(privilege, target)
                .and_then(|caller| authorize(caller, method, target));
            assert_eq!(outcome(result), expected, "{name} {method}");
        }
    }
    assert_eq!(Privilege::parse("all"), None);
}

#[test]
fn refusals_name_the_action_and_the_key_but_not_its_secret() {
    let reason = |more: &str, method: &str, target: &str| {
        let denial = authorize(caller(more), method, target).expect_err("refused");
        let json: serde_json::Value =
            serde_json::from_str(&denial.failure.to_json()).expect("JSON");
        assert_eq!(json["error"]["type"], "security_exception");
        assert!(!json.to_string().contains("sesame"));
        json["error"]["reason"].as_str().expect("a reason").to_owned()
    };
    assert_eq!(
        reason(r#","privileges":["monitor_connector"]"#, "PUT", "/_connector/x/_status"),
        "action [cluster:admin/xpack/connector/update_status] is unauthorized for API key [agent] \
         with id [k1], this action is granted by the privilege [manage_connector]"
    );
    let team_a = r#","privileges":["manage_connector"],"connectors":["team-a-*"]"#;
    assert_eq!(
        reason(team_a, "PUT", "/_connector/team-b"),
        "action [cluster:admin/xpack/connector/put] is unauthorized for API key [agent] with id \
         [k1], which is limited to connectors [team-a-*]: [team-b] is not one of them"
    );
    assert_eq!(
        reason(team_a, "POST", "/_connector"),
        "action [cluster:admin/xpack/connector/post] is unauthorized for API key [agent] with id \
         [k1], which is limited to connectors [team-a-*]: a generated id would not match: \
         use PUT with an id that does"
    );
}

#[test]
fn refused_actions_are_named_as_in_elasticsearch() {
    let table = [
        ("GET", "/_connector/_sync_job", "cluster:admin/xpack/connector/sync_job/list"),
        ("POST", "/_connector/_sync_job", "cluster:admin/xpack/connector/sync_job/post"),
        ("GET", "/_connector/_sync_job/j.a", "cluster:admin/xpack/connector/sync_job/get"),
        ("DELETE", "/_connector/_sync_job/j.a", "cluster:admin/xpack/connector/sync_job/delete"),
        (
            "PUT",
            "/_connector/_sync_job/j.a/_cancel",
            "cluster:admin/xpack/connector/sync_job/cancel",
        ),
        (
            "PUT",
            "/_connector/_sync_job/j.a/_check_in",
            "cluster:admin/xpack/connector/sync_job/check_in",
        ),
        (
            "PUT",
            "/_connector/_sync_job/j.a/_error",
            "cluster:admin/xpack/connector/sync_job/update_error",
        ),
        (
            "PUT",
            "/_connector/_sync_job/j.a/_suspend",
            "cluster:admin/xpack/connector/sync_job/suspend",
        ),
        ("HEAD", "/.elastic-connectors", "indices:admin/get"),
        ("POST", "/.elastic-connectors/_refresh", "indices:admin/refresh"),
        ("GET", "/.elastic-connectors/_search", "indices:data/read/search"),
        ("GET", "/.elastic-connectors-sync-jobs/_count", "indices:data/read/search"),
        ("GET", "/.elastic-connectors/_doc/a", "indices:data/read/get"),
        ("GET", "/.elastic-connectors-sync-jobs/_doc/j.a", "indices:data/read/get"),
        ("GET", "/.elastic-connectors-sync-jobs/_doc/j", "indices:data/read/get"),
        ("POST", "/.elastic-connectors/_update/a", "indices:data/write/update"),
        ("POST", "/.elastic-connectors-sync-jobs/_update/j.a", "indices:data/write/update"),
        ("POST", "/.elastic-connectors-sync-jobs/_doc", "indices:data/write/index"),
    ];
    for (method, target, action) in table {
        let failure = authorize(caller(""), method, target).expect_err("refused").failure;
        let said = failure.to_json();
        assert!(said.contains(&format!("action [{action}] is unauthorized")), "{said}");
    }
}

#[test]
fn only_configured_origins_are_allowed() {
    let table = [
        ("", "https://a.example", None),
        ("https://a.example", "https://a.example", Some("https://a.example")),
        (" https://b.example , https://a.example", "https://a.example", Some("https://a.example")),
        ("https://a.example", "https://a.example.evil", None),
        ("https://a.example", "http://a.example", None),
        ("https://a.example", "", None),
        ("https://a.example", "null", None),
        ("*", "https://a.example", Some("*")),
    ];
    for (allowed, origin, expected) in table {
        assert_eq!(cors_origin(allowed, origin), expected, "{allowed} {origin}");
    }
}

#[test]
fn a_user_of_a_cluster_has_the_privileges_that_the_cluster_reports() {
    let user = json!({ "username": "elastic", "roles": ["superuser"] });
    let key = json!({ "username": "owner", "api_key": { "id": "k7", "name": "agent" } });
    let nameless = json!({ "username": "owner", "api_key": { "id": "k7" } });
    let rights = |manage: bool, monitor: bool| json!({ "cluster": { "manage_connector": manage, "monitor_connector": monitor } });
    let manage = Some("manage_connector");
    let monitor = Some("monitor_connector");
    for (who, rights, id, privilege) in [
        (&user, rights(true, true), Some("elastic"), manage),
        (&user, rights(true, false), Some("elastic"), manage),
        (&user, rights(false, true), Some("elastic"), monitor),
        (&user, rights(false, false), Some("elastic"), Some("none")),
        (&key, rights(true, true), Some("k7"), manage),
        (&nameless, rights(false, true), Some("k7"), monitor),
        // Unexpected values grant nothing.
        (&user, json!({}), None, None),
        (&user, json!({ "cluster": { "manage_connector": true } }), None, None),
        (
            &user,
            json!({ "cluster": { "manage_connector": "true", "monitor_connector": 1 } }),
            None,
            None,
        ),
        (&json!({}), rights(true, true), None, None),
        (&json!({ "username": 7 }), rights(true, true), None, None),
        (&json!({ "username": "x", "api_key": {} }), rights(true, true), None, None),
    ] {
        let caller = Caller::of_cluster(who.as_object().unwrap(), rights.as_object().unwrap());
        assert_eq!(caller.as_ref().and_then(Caller::key_id).as_deref(), id, "{who} {rights}");
        let described = caller.map(|caller| caller.describe().body);
        let described: Option<Value> = described.map(|body| serde_json::from_str(&body).unwrap());
        assert_eq!(described.as_ref().and_then(|it| it["privilege"].as_str()), privilege);
    }
    let nobody =
        Caller::of_cluster(user.as_object().unwrap(), rights(false, false).as_object().unwrap());
    let denied = authorize(nobody.unwrap(), "GET", "/_connector").unwrap_err();
    assert_eq!(denied.failure.status, 403);
    assert!(denied.failure.to_json().contains("unauthorized for user [elastic]"));
}

#[test]
fn credentials_that_are_ours_are_never_left_to_a_cluster() {
    let expired = Key::from_json(&key(r#","privileges":[],"expiration":1"#)).unwrap();
    let sound = Key::from_json(&key(r#","privileges":[]"#)).unwrap();
    let open = |token: &str, key: Option<&Key>| {
        Credentials::parse(&format!("ApiKey {token}")).and_then(|it| it.open(key, ROOT, NOW))
    };
    assert!(open(RIGHT, None).unwrap_err().is_unknown());
    assert!(open("no base64!", None).unwrap_err().is_unknown());
    // Ours, but wrong or expired; so is a wrong secret of the root key.
    assert!(!open(WRONG, Some(&sound)).unwrap_err().is_unknown());
    assert!(!open(RIGHT, Some(&expired)).unwrap_err().is_unknown());
    let wrong_root = "cm9vdC1pZDpub3QtdGhlLXNlY3JldA==";
    assert!(!open(wrong_root, None).unwrap_err().is_unknown());
    assert!(!AuthError::missing("/").is_unknown());
}

const ROOT: &str = "root-id:a-secret-of-the-root-key";

/// The ticket in a request to watch.
fn shown(text: &str) -> Option<Result<Ticket, AuthError>> {
    let target = format!("/_connector/_watch?ticket={text}");
    Ticket::of(&Request { method: "GET".to_owned(), target, ..Request::default() })
}

fn ticket_of(caller: &Caller) -> String {
    let body = caller.ticket("nonce", ROOT, NOW).body;
    let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    body["ticket"].as_str().expect("a ticket").to_owned()
}

#[test]
fn a_ticket_works_for_its_key_until_it_expires() {
    let monitor = r#","privileges":["monitor_connector"]"#;
    let kept = Key::from_json(&key(monitor)).expect("a sound key");
    let other = Key::from_json(&key("").replace("QC6l", "QC6m")).expect("a sound key");
    let expired = format!(r#","expiration":{}"#, NOW + 1);
    let expired = Key::from_json(&key(&expired)).expect("a sound key");
    let text = ticket_of(&caller(monitor));
    let ticket = shown(&text).expect("it is there").expect("a sound ticket");
    assert_eq!((ticket.key.as_str(), ticket.nonce.as_str()), ("k1", "nonce"));
    let end = NOW + TICKET_LIFE_MS;
    assert_eq!(ticket.until, end);
    let table = [
        (Some(&kept), ROOT, NOW, (200, "")),
        (Some(&kept), ROOT, end - 1, (200, "")),
        (Some(&kept), ROOT, end, (401, "ticket out of date")),
        (Some(&kept), "", NOW, (401, "ticket with a wrong signature")),
        (Some(&other), ROOT, NOW, (401, "ticket with a wrong signature")),
        (Some(&expired), ROOT, NOW + 1, (401, "expired key")),
        (None, ROOT, NOW, (401, "ticket of an unknown key")),
    ];
    for (kept, root, now, expected) in table {
        assert_eq!(outcome(ticket.open(kept, root, now)), expected);
    }
    assert!(ticket.open_root(ROOT, NOW).is_none());
    // The caller has the key's current privileges.
    assert_eq!(ticket.open(Some(&kept), ROOT, NOW).ok(), Some(caller(monitor)));

    for text in ["", "a", "a.b", "YQ.YQ", &text.replace('.', ""), &"a".repeat(10_000), "%20"] {
        assert_eq!(shown(text).map(outcome), Some((401, "malformed ticket")), "{text}");
    }
    assert!(shown("").is_some());
    let elsewhere = Request {
        method: "GET".to_owned(),
        target: format!("/_connector?ticket={text}"),
        ..Request::default()
    };
    assert!(Ticket::of(&elsewhere).is_none());
}

#[test]
fn a_ticket_of_the_root_key_works_until_it_expires_or_the_key_changes() {
    let header = "ApiKey cm9vdC1pZDphLXNlY3JldC1vZi10aGUtcm9vdC1rZXk=";
    let credentials = Credentials::parse(header).unwrap_or_else(|_| panic!("sound credentials"));
    let root = credentials.open_root(ROOT).expect("the root key");
    let ticket = shown(&ticket_of(&root)).expect("it is there").expect("a sound ticket");
    assert_eq!(ticket.open_root(ROOT, NOW).map(outcome), Some((200, "")));
    let late = ticket.open_root(ROOT, NOW + TICKET_LIFE_MS).map(outcome);
    assert_eq!(late, Some((401, "ticket out of date")));
    assert!(ticket.open_root("root-id:another-secret-of-the-root-key", NOW).is_none());
    assert!(ticket.open_root("", NOW).is_none());
}

#[test]
fn a_fingerprint_changes_with_the_stored_key() {
    let monitor = r#","privileges":["monitor_connector"],"connectors":["a*"]"#;
    let kept = |fields: &str| Key::from_json(&key(fields)).expect("a sound key").fingerprint();
    assert_eq!(caller(monitor).fingerprint(), Some(kept(monitor)));
    let changed = [
        "",
        r#","privileges":["manage_connector"],"connectors":["a*"]"#,
        r#","privileges":["monitor_connector"],"connectors":["a*","b"]"#,
        r#","privileges":["monitor_connector"],"connectors":["a*"],"expiration":1900000000000"#,
    ];
    for fields in changed {
        assert_ne!(caller(monitor).fingerprint(), Some(kept(fields)));
    }
    assert_eq!(Caller::anonymous(Privilege::Monitor, "/").expect("let in").fingerprint(), None);
}

#[test]
fn a_signed_in_person_needs_a_listed_email_and_for_writes_our_own_page() {
    let company = "*@example.com, boss@other.example";
    for (email, emails, method, is_own_page, expected) in [
        ("ann@example.com", "", "GET", false, (200, "")),
        ("ann@example.com", company, "GET", false, (200, "")),
        ("Ann@Example.COM", company, "GET", false, (200, "")),
        ("boss@other.example", company, "GET", false, (200, "")),
        ("ann@other.example", company, "GET", false, (403, "e-mail address")),
        ("ann@example.com.evil.example", company, "GET", false, (403, "e-mail address")),
        ("ann@other.example", company, "PUT", true, (403, "e-mail address")),
        ("ann@example.com", company, "HEAD", false, (200, "")),
        ("ann@example.com", company, "PUT", true, (200, "")),
        ("ann@example.com", company, "PUT", false, (403, "foreign page")),
        ("ann@example.com", company, "POST", false, (403, "foreign page")),
        ("ann@example.com", company, "DELETE", false, (403, "foreign page")),
    ] {
        let caller = Caller::signed_in(email, Privilege::Manage, emails, method, is_own_page);
        assert_eq!(outcome(caller), expected, "{email} {method}");
    }
    let ann = Caller::signed_in("ann@example.com", Privilege::Monitor, "", "GET", false)
        .expect("she may read");
    assert!(ann.is_signed_in() && ann.is_external());
    assert_eq!(ann.key_id().as_deref(), Some("ann@example.com"));
    assert_eq!(outcome(authorize(ann.clone(), "GET", "/_connector/x")), (200, ""));
    assert_eq!(outcome(authorize(ann.clone(), "PUT", "/_connector/x/_status")), (403, "privilege"));
    let who: Value = serde_json::from_str(&ann.describe().body).expect("JSON");
    assert_eq!(who["email"], "ann@example.com");
    assert_eq!(who["authentication_realm"]["name"], "_cloudflare_access");
    assert_eq!(who["privilege"], "monitor_connector");
}

#[test]
fn requests_about_all_connectors_are_refused_to_limited_keys() {
    let all = [
        ("GET", "/_metrics", (200, "")),
        ("GET", "/_connector/_audit", (403, "privilege")),
        ("POST", "/_connector/_backup?connectors=3&complete_until=2026-01-01", (403, "privilege")),
        ("GET", "/_connector/_backup", (403, "privilege")),
        ("GET", "/_connector/team-a-1/_backup", (403, "privilege")),
        ("POST", "/_connector/team-a-1/_reindex", (403, "privilege")),
        ("POST", "/_connector/team-a-1/_rewind?to=2026-01-01", (403, "privilege")),
    ];
    let manager = caller(r#","privileges":["manage_connector"]"#);
    let monitor = caller(r#","privileges":["monitor_connector"]"#);
    let team = caller(r#","privileges":["manage_connector"],"connectors":["team-a-*"]"#);
    for (method, target, for_monitor) in all {
        assert_eq!(outcome(authorize(manager.clone(), method, target)), (200, ""), "{target}");
        assert_eq!(outcome(authorize(monitor.clone(), method, target)), for_monitor, "{target}");
        assert_eq!(
            outcome(authorize(team.clone(), method, target)),
            (403, "connector"),
            "{target}"
        );
    }
}

#[test]
fn a_limited_key_is_limited_in_every_request_about_several_connectors() {
    let limited = || caller(r#","privileges":["monitor_connector"],"connectors":["a*"]"#);
    let patterns = Some(vec!["a*".to_owned()]);
    let table = [
        ("/_connector", patterns.clone()),
        ("/_connector/_summary", patterns.clone()),
        ("/.elastic-connectors/_search", patterns.clone()),
        ("/_connector/a1", None),
        ("/_connector/a1/_audit", None),
    ];
    for (target, expected) in table {
        let call = authorize(limited(), "GET", target).unwrap();
        assert_eq!(call.patterns(), expected, "{target}");
    }
    for (target, expected) in [
        ("/_connector/_watch", Ok(patterns.clone())),
        ("/_connector/_watch?id=a1", Ok(patterns)),
        ("/_connector/_watch?id=b1", Err((403, "connector"))),
    ] {
        let got = match authorize(limited(), "GET", target) {
            Ok(Call::Watch(watch)) => Ok(watch.connectors),
            Ok(other) => panic!("{other:?}"),
            Err(denial) => Err((denial.failure.status, denial.why)),
        };
        assert_eq!(got, expected, "{target}");
    }
}

#[test]
fn a_caller_says_where_it_is_known_and_when_its_key_ends() {
    let cluster = json!({ "username": "u" });
    let rights = json!({ "cluster": { "manage_connector": true, "monitor_connector": true } });
    let user = Caller::of_cluster(cluster.as_object().unwrap(), rights.as_object().unwrap());
    let person = Caller::signed_in("ann@example.com", Privilege::Monitor, "", "GET", false);
    let anonymous = Caller::anonymous(Privilege::Monitor, "/_connector").unwrap();
    // [caller, known elsewhere, signed in, expiration]
    let table = [
        (caller(""), false, false, None),
        (caller(&format!(r#","expiration":{}"#, NOW + 5)), false, false, Some(NOW + 5)),
        (anonymous, false, false, None),
        (user.unwrap(), true, false, None),
        (person.unwrap(), true, true, None),
    ];
    for (caller, elsewhere, signed_in, expiration) in table {
        assert_eq!(
            (caller.is_external(), caller.is_signed_in(), caller.expiration()),
            (elsewhere, signed_in, expiration),
            "{caller}"
        );
    }
}

#[test]
fn actions_of_our_own_are_named_in_refusals() {
    let body = r#"{"format":1,"id":"a"}"#;
    let table = [
        ("GET", "/_connector/_audit", "", "audit"),
        ("GET", "/_connector/a/_backup", "", "backup"),
        ("PUT", "/_connector/a/_backup", body, "restore"),
        ("POST", "/_connector/a/_reindex", "", "reindex"),
        ("POST", "/_connector/a/_rewind?to=2026-11-25", "", "rewind"),
    ];
    for (method, target, body, action) in table {
        assert!(api::read(&request(method, target, body)).1.is_ok(), "{target}");
        let intent = Intent::of(method, target).expect("a route");
        let denial =
            caller(r#","privileges":["monitor_connector"]"#).authorize(intent).unwrap_err();
        let said = denial.failure.to_json();
        assert!(said.contains(&format!("xpack/connector/{action}]")), "{target}: {said}");
    }
}

#[test]
fn credentials_have_a_maximum_length() {
    // Three quarters of the characters are bytes: `k1:` and the rest.
    for (characters, sound) in [(1_020, true), (1_024, true), (1_028, false)] {
        let token = format!("azE6{}", "YWFh".repeat(characters / 4 - 1));
        assert_eq!(token.len(), characters);
        assert_eq!(Credentials::parse(&format!("ApiKey {token}")).is_ok(), sound, "{characters}");
    }
}

#[test]
fn tickets_have_a_maximum_length() {
    // `nn.11.aaa...`, and a signature of two bytes.
    for (repetitions, characters, sound) in [(125, 512, true), (126, 516, false)] {
        let ticket = format!("bm4uMTEu{}.AAA", "YWFh".repeat(repetitions));
        assert_eq!(ticket.len(), characters);
        let outcome = outcome(shown(&ticket).expect("there is one"));
        let expected = if sound { (200, "") } else { (401, "malformed ticket") };
        assert_eq!(outcome, expected, "{characters}");
    }
}

#[test]
fn different_spellings_of_the_same_credentials_have_one_fingerprint() {
    let bare = RIGHT.trim_end_matches('=');
    let spellings = [
        format!("ApiKey {RIGHT}"),
        format!("apikey {RIGHT}"),
        format!("APIKEY    {RIGHT}  "),
        format!("  ApiKey {RIGHT}"),
        format!("ApiKey {bare}"),
        format!("ApiKey {bare}==="),
    ];
    let ours = |header: &str| {
        let credentials = Credentials::parse(header);
        credentials.unwrap_or_else(|_| panic!("sound: {header}")).fingerprint()
    };
    for spelling in &spellings {
        assert_eq!(ours(spelling), ours(&spellings[0]), "{spelling}");
        assert_eq!(foreign_fingerprint(spelling), foreign_fingerprint(&spellings[0]), "{spelling}");
    }
    // The scheme makes no difference to us, but it does to a cluster.
    let basic = format!("Basic {RIGHT}");
    assert_eq!(ours(&basic), ours(&spellings[0]));
    assert_ne!(foreign_fingerprint(&basic), foreign_fingerprint(&spellings[0]));
    assert_ne!(ours(&format!("ApiKey {OTHER_ID}")), ours(&spellings[0]));
    // Only a cluster can read these.
    assert_eq!(foreign_fingerprint("Bearer a.b.c"), foreign_fingerprint("bearer  a.b.c "));
    assert_ne!(foreign_fingerprint("Bearer a.b.c"), foreign_fingerprint("Bearer a.b.d"));
}

#[test]
fn the_cookie_of_access_is_removed_and_others_are_kept() {
    for (given, expected) in [
        ("", None),
        ("a=b", Some("a=b")),
        ("CF_Authorization=eyJ", None),
        ("a=b; CF_Authorization=eyJ; c=d", Some("a=b; c=d")),
        ("cf_authorization=eyJ;a=b;;", Some("a=b")),
        (" CF_AppSession=x ; sid=CF_Authorization", Some("sid=CF_Authorization")),
        ("c\u{e4}f=\u{e4}", Some("c\u{e4}f=\u{e4}")),
    ] {
        assert_eq!(without_access_cookies(given).as_deref(), expected, "{given}");
    }
}
